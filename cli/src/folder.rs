//! Folder tasks: found by their names, and compiled as programs of their own.

use ez_compiler::Purpose;
use std::sync::Arc;

use ez_compiler::folder::{self, FolderTask};
use ez_compiler::ir::Resolution;
use ez_runner::options::Place;

use crate::args::invocation::Options;
use crate::commands::Context;
use crate::failure::Failure;
use crate::project::{Origin, Project};

/// What a typed name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A task of the project's Taskfile, or nothing.
    Inline,
    /// A task of a folder task.
    Folder {
        /// The folder task.
        folder: FolderTask,
        /// The task in it.
        task: String,
    },
}

impl Project {
    /// What a typed name stands for: a task of the Taskfile by its name or alias before a folder task, and that before a task
    /// with stars in its name.
    pub fn target(&self, name: &str) -> Target {
        let program = &self.compilation.program;
        let is_exact = match program.resolve(name) {
            Resolution::Task(_, stars) => stars.is_empty(),
            Resolution::Ambiguous(_) => true,
            Resolution::Unknown => false,
        };
        let (wanted, task) = folder::split_name(name);
        let found = self.compilation.folders.iter().find(|folder| folder.name == wanted);
        match found {
            Some(folder) if !is_exact => Target::Folder { folder: folder.clone(), task: task.to_owned() },
            _ => Target::Inline,
        }
    }

    /// Compiles a folder task where it is.
    ///
    /// # Errors
    /// The cache of remote Taskfiles cannot be named.
    pub fn open_folder(
        context: &Context,
        options: &Options,
        folder: &FolderTask,
        purpose: Purpose,
    ) -> Result<Self, Failure> {
        let origin = Origin {
            entry: folder.taskfile.clone(),
            directory: folder.directory.clone(),
            stdin: None,
            folder: Some(Arc::new(folder.clone())),
            place: place(folder),
        };
        Self::compile(context, options, origin, purpose)
    }

    /// Compiles a folder task that `ez` can work with.
    ///
    /// # Errors
    /// It is refused; why is shown with its lines.
    pub fn open_sound_folder(
        context: &Context,
        options: &Options,
        folder: &FolderTask,
    ) -> Result<Self, Failure> {
        Self::open_folder(context, options, folder, Purpose::Run)?.sound(context)
    }
}

/// What a folder task is a part of.
pub fn place(folder: &FolderTask) -> Place {
    Place { project: folder.project.as_str().into(), folder: folder.name.clone(), ..Place::default() }
}
