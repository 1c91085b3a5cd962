//! `ez compile`: the project as one Taskfile for go-task.

use ez_compiler::emit::taskfile::taskfile;

use super::{Context, Outcome};
use crate::args::ez::Compile;
use crate::args::invocation::Options;
use crate::disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::folder::Target;
use crate::logger::Color;
use crate::project::Project;

/// Writes the compiled Taskfile to stdout or to a file, and what differs under go-task to stderr.
pub fn run(context: &Context, options: &Options, compile: &Compile) -> Outcome {
    let root = Project::open_sound(context, options)?;
    let project = match compile.name.as_deref().map(|name| (name, root.target(name))) {
        None => root,
        Some((_, Target::Folder { folder, .. })) => Project::open_sound_folder(context, options, &folder)?,
        Some((name, Target::Inline)) => {
            let message =
                format!("ez: there is no folder task \"{name}\"; without a name the project is compiled");
            return Err(Failure::new(Code::USAGE, message));
        }
    };
    let compilation = &project.compilation;
    let emitted = taskfile(&compilation.program, &compilation.loaded, &compilation.sources);
    match &compile.output {
        None => context.logger.out(Color::None, &emitted.text),
        Some(file) => {
            let path = context.environment.absolute(file.as_str());
            std::fs::write(&path, &emitted.text).map_err(|error| {
                Failure::new(Code::OTHER, format!("ez: cannot write {path}: {}", disk::plain_message(&error)))
            })?;
        }
    }
    for note in &emitted.notes {
        context.logger.err(Color::Yellow, &format!("ez: {note}\n"));
    }
    Ok(())
}
