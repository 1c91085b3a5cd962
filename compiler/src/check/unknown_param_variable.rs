//! EZ709: a variable `EZ_…` that no param is.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::context::{Context, Searches};
use super::facts::Facts;
use crate::ast;
use crate::ast::param::variable_name;
use crate::diagnostic::Diagnostic;
use crate::ir::TaskId;
use crate::rule;
use crate::source::Span;
use crate::superset::{RESERVED_VARIABLES, is_reserved};

/// What the names of variables of params begin with.
const PREFIX: &str = "EZ_";

/// Reads in templates and in scripts. One that copes with an empty value may be meant for the environment.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.missing.is_broken() || !context.missing.is_empty() {
        return;
    }
    let mut searches = Searches::default();
    for (id, _) in context.own_definitions() {
        for (name, span) in of_task(context, id) {
            found.push(report(context, &name, span, &mut searches));
        }
    }
    for (file, facts) in context.project.loaded.files.iter().zip(&context.file_facts) {
        if !super::context::is_remote(&file.path) {
            let unknown = unknown(context, facts, None);
            found.extend(unknown.into_iter().map(|(name, span)| report(context, &name, span, &mut searches)));
        }
    }
}

/// The unknown ones that a task reads, with their places.
pub fn of_task(context: &Context<'_>, id: TaskId) -> Vec<(SmolStr, Span)> {
    unknown(context, context.facts(id), Some(&context.program.task(id).definition))
}

fn unknown(context: &Context<'_>, facts: &Facts, task: Option<&ast::Task>) -> Vec<(SmolStr, Span)> {
    let in_templates = facts
        .reads
        .iter()
        .filter(|read| read.name.starts_with(PREFIX) && !read.guarded && !read.local)
        .map(|read| (&read.name, read.span));
    let in_scripts = facts.shell_params.iter().map(|(name, span)| (name, *span));
    let all = in_templates.chain(in_scripts).filter(|(name, _)| !is_known(context, name, task));
    all.map(|(name, span)| (name.clone(), span)).collect()
}

fn is_known(context: &Context<'_>, name: &str, task: Option<&ast::Task>) -> bool {
    let sets = |variables: &[ast::Variable]| variables.iter().any(|variable| variable.name.value == name);
    is_reserved(name)
        || context.is_defined(name)
        || context.guarded.contains(name)
        || task.is_some_and(|task| sets(&task.vars) || sets(&task.env) || !task.dotenv.is_empty())
        || context.params.contains(name)
}

fn report(context: &Context<'_>, name: &SmolStr, span: Span, searches: &mut Searches) -> Diagnostic {
    let diagnostic =
        Diagnostic::warning(rule::UNKNOWN_PARAM_VARIABLE, format!("no param is the variable `{name}`"), span)
            .with_label("empty");
    let known: BTreeSet<&str> =
        context.params.iter().map(SmolStr::as_str).chain(RESERVED_VARIABLES.iter().copied()).collect();
    if let Some(near) = searches.nearest(name, known) {
        let fix = format!("change to `{near}`");
        return diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(fix, span, near);
    }
    let param = name.trim_start_matches(PREFIX).to_lowercase().replace('_', "-");
    diagnostic.with_help(format!("declare it in the task: `ez-params: [{{name: {param}}}]`"))
}

/// The variables of all params of a program.
pub fn params_of(program: &crate::ir::Program) -> rustc_hash::FxHashSet<SmolStr> {
    let supersets = program.tasks.iter().filter_map(|task| task.superset.as_deref());
    supersets.flat_map(|superset| &superset.params).map(|param| variable_name(&param.name.value)).collect()
}
