//! A template that failed while tasks ran, shown in its Taskfile.

use ez_compiler::Compilation;
use ez_compiler::check::span_in;
use ez_compiler::diagnostic::Diagnostic;
use ez_compiler::rule;
use ez_runner::error::TemplateFault;

use super::Context;

/// What Go says of a template that was evaluated; one that was not even parsed lacks it.
const EVALUATED: &str = "executing";

/// Prints the lines of the template with a mark at the word. A fault without a place in a file is not shown.
pub fn show(context: &Context, compilation: &Compilation, fault: &TemplateFault) {
    let Some(text) = &fault.text else { return };
    let code = if fault.message.contains(EVALUATED) { rule::TEMPLATE_TYPE } else { rule::TEMPLATE_SYNTAX };
    let span = span_in(text, &fault.range, &compilation.sources);
    let diagnostics = [Diagnostic::error(code, fault.message.as_str(), span)];
    super::check::show(context, &compilation.sources, &diagnostics);
}
