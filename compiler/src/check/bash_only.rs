//! EZ602: a bash construct where only `sh` is promised.

use super::facts::{Local, Owner};
use crate::ast::Extension;
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::yaml::node::NodeKind;

/// The field that promises a shell.
const SHELL_FIELD: &str = "ez-shell";

/// go-task's shell speaks bash everywhere, so that this is only a mistake where `ez-shell: sh` stands.
pub fn check(local: &Local<'_>, found: &mut Vec<Diagnostic>) {
    let extensions = match local.owner {
        Owner::Task(task) => &task.extensions,
        Owner::File(file) => &file.extensions,
        Owner::Plan => return,
    };
    let Some(promise) = extensions.iter().find(|extension| promises_sh(extension)) else { return };
    for text in local.texts {
        let Some((inspection, masked)) = &text.script else { continue };
        for bash in inspection.bash.iter().filter(|bash| !masked.touches(bash.range)) {
            let span = text.span(&bash.range.range(), local.sources);
            let message = format!("{} is bash, not `sh`", bash.feature.description());
            found.push(
                Diagnostic::warning(rule::BASH_ONLY, message, span)
                    .with_label("not in `sh`")
                    .and_at(promise.span, "only `sh` is promised")
                    .with_help("write it in POSIX shell, or take `ez-shell: sh` away"),
            );
        }
    }
}

fn promises_sh(extension: &Extension) -> bool {
    extension.key.value == SHELL_FIELD
        && matches!(&extension.value.kind, NodeKind::Scalar(scalar) if scalar.text == "sh")
}
