//! Where the definition of a task stands.

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::folder::{DEFAULT_TASK, FolderTask, METADATA_NAMES, split_name};
use ez_compiler::ir::{Program, Resolution};
use ez_compiler::source::SourceMap;
use ez_server::source_file;
use serde::{Deserialize, Serialize};

use super::block::Block;
use super::refusal::Refusal;
use crate::folder::Target;
use crate::project::Project;

/// Which file of a folder task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Its Taskfile.
    #[default]
    Taskfile,
    /// Its `task.yml`.
    Metadata,
}

/// What kind of task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An entry of a Taskfile.
    #[default]
    Inline,
    /// A directory below `tasks`.
    Folder,
}

/// The text that defines a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: Utf8PathBuf,
    /// Its text; `None` where the file is not there yet.
    pub text: Option<String>,
    /// The task's lines; `None` where the whole file is of the task.
    pub block: Option<Block>,
    /// What kind of task it is.
    pub kind: Kind,
}

impl Place {
    /// Finds that of a task by its name or alias.
    pub fn find(project: &Project, name: &str, part: Part) -> Result<Self, Refusal> {
        match project.target(name) {
            Target::Folder { folder, task } => Self::in_folder(project, &folder, &task, part),
            Target::Inline if part == Part::Metadata => {
                Err(Refusal::Unknown(format!("`{name}` is no folder task, and has no task.yml")))
            }
            Target::Inline => {
                let compilation = &project.compilation;
                Self::of_task(project, &compilation.program, &compilation.sources, name, Kind::Inline)
            }
        }
    }

    fn in_folder(project: &Project, folder: &FolderTask, task: &str, part: Part) -> Result<Self, Refusal> {
        let file = match (part, task) {
            (Part::Metadata, _) => {
                folder.metadata.clone().unwrap_or_else(|| folder.directory.join(METADATA_NAMES[0]))
            }
            (Part::Taskfile, DEFAULT_TASK) => folder.taskfile.clone(),
            (Part::Taskfile, _) => {
                let programs = &project.compilation.folder_programs;
                let known = programs.iter().find(|known| known.folder == *folder);
                let compilation = known.map(|known| &known.compilation);
                let compilation = compilation.ok_or_else(|| unknown(task))?;
                return Self::of_task(
                    project,
                    &compilation.program,
                    &compilation.sources,
                    task,
                    Kind::Folder,
                );
            }
        };
        check_inside(project, &file)?;
        let text =
            match std::fs::read(&file) {
                Ok(bytes) => Some(String::from_utf8(bytes).map_err(|_| {
                    Refusal::Refused(format!("{file} is no UTF-8, and cannot be edited here"))
                })?),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
                Err(error) => return Err(error.into()),
            };
        Ok(Self { path: file, text, block: None, kind: Kind::Folder })
    }

    fn of_task(
        project: &Project,
        program: &Program,
        sources: &SourceMap,
        name: &str,
        kind: Kind,
    ) -> Result<Self, Refusal> {
        // A name that only a pattern matches has no definition of its own.
        let id = match program.resolve(name) {
            Resolution::Task(id, stars) if stars.is_empty() => id,
            Resolution::Ambiguous(_) => {
                return Err(Refusal::Refused(format!("several tasks have the alias `{name}`: use a name")));
            }
            _ => return Err(unknown(name)),
        };
        let definition = &program.task(id).definition;
        let key = sources.locate(definition.name.span);
        let value = sources.locate(definition.span);
        let file = sources.file(key.file);
        check_inside(project, &file.path)?;
        let end = if value.file == key.file { value.range.end } else { key.range.end };
        let block = Block::of_entry(&file.text, key.range.start, end).ok_or_else(|| {
            Refusal::Refused(format!(
                "`{name}` does not have lines of its own in {}: edit that file",
                file.path.file_name().unwrap_or_default()
            ))
        })?;
        Ok(Self { path: file.path.clone(), text: Some(file.text.to_string()), block: Some(block), kind })
    }

    /// The place behind the last task of the project's Taskfile, for a new one.
    pub fn behind_all(project: &Project) -> Result<Self, Refusal> {
        let compilation = &project.compilation;
        let root = compilation.loaded.files.first();
        let (file, tasks) = root
            .and_then(|root| Some((compilation.sources.file(root.file), root.taskfile.as_ref()?)))
            .ok_or_else(|| Refusal::Refused("the project has no Taskfile that can be read".into()))?;
        check_inside(project, &file.path)?;
        let locate = |span| compilation.sources.locate(span).range;
        let last = tasks.tasks.iter().max_by_key(|task| locate(task.name.span).start);
        let block = match last {
            Some(last) => {
                let (key, value) = (locate(last.name.span), locate(last.span));
                Block::of_entry(&file.text, key.start, value.end)
            }
            None => after_key(&file.text),
        };
        let block = block.ok_or_else(|| {
            Refusal::Refused("its `tasks` leave no sure place for another: edit the Taskfile".into())
        })?;
        let block = Block { range: block.range.end..block.range.end, ..block };
        let text = Some(file.text.to_string());
        Ok(Self { path: file.path.clone(), text, block: Some(block), kind: Kind::Inline })
    }

    /// The text of the definition; `None` where it is not there yet.
    pub fn definition(&self) -> Option<String> {
        let text = self.text.as_ref()?;
        Some(self.block.as_ref().map_or_else(|| text.clone(), |block| block.text(text)))
    }

    /// The file's text with another definition.
    pub fn with(&self, definition: &str) -> String {
        match (&self.block, &self.text) {
            (Some(block), Some(text)) => block.replaced(text, definition),
            _ => definition.to_owned(),
        }
    }

    /// The line on which the definition begins, from 1.
    pub fn line(&self) -> usize {
        let start = self.block.as_ref().map_or(0, |block| block.range.start);
        let before = self.text.as_deref().and_then(|text| text.get(..start)).unwrap_or_default();
        before.matches('\n').count() + 1
    }
}

fn unknown(name: &str) -> Refusal {
    Refusal::Unknown(format!("no task is named `{name}`"))
}

/// The place behind `tasks:` where nothing follows it.
fn after_key(text: &str) -> Option<Block> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if line.trim_end() == "tasks:" && line.ends_with('\n') {
            return Some(Block { range: at..at, column: 2 });
        }
    }
    None
}

/// Only files of the project are edited, wherever links lead.
pub fn check_inside(project: &Project, path: &Utf8Path) -> Result<(), Refusal> {
    if source_file::is_inside(project.root().as_std_path(), path.as_std_path())? {
        return Ok(());
    }
    Err(Refusal::Refused(format!("{path} is outside of the project, and cannot be edited here")))
}

/// The folder task of a name, without a task in it.
pub fn whole_folder(project: &Project, name: &str) -> Option<FolderTask> {
    match project.target(name) {
        Target::Folder { folder, task } if task == DEFAULT_TASK && split_name(name).0 == name => Some(folder),
        _ => None,
    }
}
