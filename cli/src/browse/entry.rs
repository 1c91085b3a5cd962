//! What is browsed: tasks and plans, as plain data.

use ez_compiler::ast::Param;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A task of a Taskfile.
    Inline,
    /// A folder task, or a task in one.
    Folder,
    /// A plan.
    Plan,
}

impl Kind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Inline => "task",
            Self::Folder => "folder task",
            Self::Plan => "plan",
        }
    }
}

/// A task or a plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// By what it is called.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// What it does, in a line.
    pub desc: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// What it asks for.
    pub params: Vec<Param>,
    /// Everything else that is known of it.
    pub sections: Vec<Section>,
    /// Where it is written.
    pub location: String,
}

impl Entry {
    /// Whether a search finds it; `wanted` is in lower case.
    pub fn matches(&self, wanted: &str) -> bool {
        let texts = [&self.name, &self.desc].into_iter().chain(&self.aliases);
        wanted.split_whitespace().all(|word| texts.clone().any(|text| text.to_lowercase().contains(word)))
    }
}

/// Some lines under a title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The title.
    pub title: &'static str,
    /// The lines.
    pub lines: Vec<String>,
}
