//! What is told of a candidate when the user looks at it.

use ez_compiler::ast::Task as Definition;
use ez_compiler::schema::{Field, Format, Origin, PathItem, fields_of};
use ez_compiler::template::functions;
use ez_compiler::template_file::without_machine;
use serde::{Deserialize, Serialize};

use super::{functions::prototype, variables};
use crate::analysis::Snapshot;

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Subject {
    /// A task of the project.
    Task {
        /// Its full name.
        name: String,
    },
    /// A key of a format.
    Field {
        /// The format.
        #[serde(with = "format_name")]
        format: Format,
        /// The way to its value; `None` is an item of a list.
        path: Vec<Option<String>>,
    },
    /// A function of templates.
    Function {
        /// Its name.
        name: String,
        /// Whether it is called in a template, which sees nothing of the machine.
        #[serde(default)]
        is_made: bool,
    },
}

/// Formats by their names, which the tables have as titles.
mod format_name {
    use ez_compiler::schema::Format;
    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
    pub fn serialize<S: Serializer>(format: &Format, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(format.root().title)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Format, D::Error> {
        let title = String::deserialize(deserializer)?;
        let known = Format::ALL.into_iter().find(|format| format.root().title == title);
        known.ok_or_else(|| de::Error::custom(format!("no format is `{title}`")))
    }
}

/// The documentation, in Markdown; `None` of what is no longer there.
pub fn documentation(snapshot: &Snapshot, subject: &Subject) -> Option<String> {
    match subject {
        Subject::Task { name } => {
            let program = &snapshot.analysis.compilation.program;
            program.find(name).map(|id| task(&program.task(id).definition))
        }
        Subject::Field { format, path } => {
            let path: Vec<PathItem<'_>> =
                path.iter().map(|step| step.as_deref().map_or(PathItem::Index, PathItem::Key)).collect();
            fields_of(*format, &path).first().map(|found| field(found))
        }
        Subject::Function { name, is_made } => functions::find(name).map(|found| function(found, *is_made)),
    }
}

fn field(field: &Field) -> String {
    let mut parts = vec![field.about()];
    parts.extend(field.deprecated.map(|instead| format!("**Deprecated:** {instead}.")));
    parts.extend(field.default.map(|default| format!("Default: `{default}`.")));
    if !field.example.is_empty() {
        parts.push(format!("```yaml\n{}\n```", field.example));
    }
    let whose = match field.origin {
        Origin::GoTask(Some(version)) => format!("go-task since {version}"),
        Origin::GoTask(None) => "go-task".to_owned(),
        Origin::Ez => "EZ".to_owned(),
    };
    parts.push(format!("[{whose}]({})", field.page.url()));
    parts.join("\n\n")
}

fn task(definition: &Definition) -> String {
    let mut parts = Vec::new();
    parts.extend(definition.desc.iter().map(|desc| desc.value.trim().to_owned()));
    parts.extend(definition.summary.iter().map(|summary| summary.value.trim().to_owned()));
    let params = definition.superset.iter().flat_map(|superset| &superset.params);
    let params: Vec<String> =
        params.map(|param| format!("- `{}`: {}", param.name.value, variables::about_param(param))).collect();
    if !params.is_empty() {
        parts.push(params.join("\n"));
    }
    let required: Vec<String> =
        definition.requires.iter().map(|one| format!("`{}`", one.name.value)).collect();
    if !required.is_empty() {
        parts.push(format!("Requires {}.", required.join(", ")));
    }
    let deps: Vec<String> = definition.deps.iter().map(|one| format!("`{}`", one.task.value)).collect();
    if !deps.is_empty() {
        parts.push(format!("After {}.", deps.join(", ")));
    }
    parts.join("\n\n")
}

fn function(function: &'static functions::Function, is_made: bool) -> String {
    let mut parts =
        vec![format!("```\n{}\n```", prototype(function).label), function.documentation.to_owned()];
    let given = without_machine(function.name).filter(|_| is_made);
    parts.extend(given.map(|given| format!("In a template: {given}.")));
    parts.join("\n\n")
}
