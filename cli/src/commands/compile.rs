//! `ez compile`

use ez_compiler::emit::taskfile;

use super::{Context, Outcome};
use crate::args::ez::Compile;
use crate::commands::target;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;

/// Writes the project as one Taskfile.
pub fn run(context: &Context, command: &Compile) -> Outcome {
    let opened = target::open(context, &command.place)?;
    let compilation = &opened.compilation;
    let emitted = taskfile::taskfile(&compilation.program, &compilation.loaded, &compilation.sources);
    for note in &emitted.notes {
        context.logger.err(Color::Yellow, &format!("ez: {note}\n"));
    }
    match &command.output {
        None => {
            context.logger.out(Color::None, &emitted.text);
            Ok(())
        }
        Some(path) => {
            let path = context.environment.absolute(path);
            std::fs::write(&path, &emitted.text)
                .map_err(|error| Failure::new(Code::OTHER, format!("ez: cannot write {path}: {error}")))
        }
    }
}
