//! EZ708: a param that nothing reads.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::calls::TaskCall;
use super::context::Context;
use super::unknown_param_variable;
use crate::ast::param::variable_name;
use crate::ast::{CommandAction, HookAction, Param, Query, Superset, Text, Variable, VariableValue};
use crate::diagnostic::Diagnostic;
use crate::ir::{Task, TaskId};
use crate::rule;

/// Programs that do not look at the environment for variables of EZ. Any other program may read a param there.
const PLAIN_PROGRAMS: &[&str] = &[
    ":", "[", "basename", "cat", "cd", "cp", "cut", "date", "dirname", "echo", "exit", "false", "grep",
    "head", "ls", "mkdir", "mv", "printf", "pwd", "rm", "rmdir", "sed", "sleep", "sort", "tail", "test",
    "touch", "tr", "true", "uniq", "wc",
];
/// Words before a program.
const KEYWORDS: &[&str] = &["!", "do", "done", "elif", "else", "fi", "if", "then", "time", "until", "while"];

/// Looks at a param's task, at those that inherit it, and at all that they call: a value from the command line is seen
/// there too.
pub fn check(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let has_params = |task: &Task| task.superset.as_ref().is_some_and(|superset| !superset.params.is_empty());
    if context.missing.is_broken() || !context.program.tasks.iter().any(has_params) {
        return;
    }
    if context.file_facts.iter().any(|facts| facts.everything) {
        return;
    }
    let everywhere: FxHashSet<&SmolStr> =
        context.file_facts.iter().flat_map(|facts| &facts.mentions).collect();
    for (id, task) in context.own_definitions() {
        let (Some(written), Some(superset)) = (&task.definition.superset, &task.superset) else { continue };
        for param in &written.params {
            let variable = variable_name(&param.name.value);
            // Of two of one variable, the second is a mistake of its own.
            let is_first = superset.params.iter().find(|own| variable_name(&own.name.value) == variable);
            let is_whole = is_first.is_some_and(|first| first.span == param.span);
            if is_whole && !everywhere.contains(&variable) && !is_read(context, id, param, &variable) {
                found.push(report(task, param, &variable));
            }
        }
    }
}

fn is_read(context: &Context<'_>, id: TaskId, param: &Param, variable: &SmolStr) -> bool {
    let has_it = |task: &Task| {
        task.superset.iter().flat_map(|superset| &superset.params).any(|other| other.span == param.span)
    };
    let mut waiting: Vec<TaskId> =
        context.program.ids().filter(|id| has_it(context.program.task(*id))).collect();
    waiting.push(id);
    let mut seen = FxHashSet::default();
    while let Some(id) = waiting.pop() {
        if !seen.insert(id) {
            continue;
        }
        let task = context.program.task(id);
        if may_read(context, id, task, variable) || has_it(task) && hands_on(task) {
            return true;
        }
        // A call of an unknown name may call anything.
        if context.calls(id).iter().any(|call| call.open.is_some()) {
            return true;
        }
        waiting.extend(context.calls(id).iter().flat_map(TaskCall::callees));
    }
    false
}

fn may_read(context: &Context<'_>, id: TaskId, task: &Task, variable: &SmolStr) -> bool {
    let (facts, definition) = (context.facts(id), &task.definition);
    // The variable that the param becomes reads itself.
    let by_itself = usize::from(definition.vars.iter().any(|own| own.name.value == *variable));
    let reads = facts.reads.iter().filter(|read| read.name == *variable).count();
    let is_required = definition.requires.iter().any(|required| required.name.value == *variable);
    let in_text = |text: &Text| text.value.contains(variable.as_str());
    facts.everything
        || reads > by_itself
        || is_required
        || facts.shell_reads.contains(variable)
        || !unknown_param_variable::of_task(context, id).is_empty()
        || scripts(task).any(in_text)
        || task.superset.iter().any(|superset| superset_texts(superset).any(in_text))
}

/// Whether a program of the task may look for the param in its environment.
fn hands_on(task: &Task) -> bool {
    let has_hook = task.superset.iter().any(|superset| !superset.hooks.is_empty());
    has_hook
        || !task.definition.dotenv.is_empty()
        || scripts(task).any(|script| runs_programs(script.as_str()))
}

fn runs_programs(script: &str) -> bool {
    let script = without_templates(script);
    let commands = script.split(['\n', ';', '|', '&', '(', ')', '{', '}', '`']);
    let programs = commands.filter_map(|command| {
        let is_assignment = |word: &&str| word.contains('=') && !word.starts_with('=');
        command.split_whitespace().find(|word| !KEYWORDS.contains(word) && !is_assignment(word))
    });
    script.contains("${!") || programs.into_iter().any(|program| !PLAIN_PROGRAMS.contains(&program))
}

/// A script with one word for each template.
fn without_templates(script: &str) -> String {
    let mut parts = script.split("{{");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push('_');
        plain.push_str(part.split_once("}}").map_or("", |(_, after)| after));
    }
    plain
}

/// Everything in a task that runs.
fn scripts(task: &Task) -> impl Iterator<Item = &Text> {
    let definition = &task.definition;
    let cmds = definition.cmds.iter().flat_map(|command| {
        let script = match &command.action {
            CommandAction::Script(script) => Some(script),
            CommandAction::Call { .. } | CommandAction::Nothing => None,
        };
        script.into_iter().chain(&command.condition)
    });
    let computed =
        definition.vars.iter().chain(&definition.env).filter_map(|variable| match &variable.value {
            VariableValue::Shell(script) => Some(script),
            _ => None,
        });
    cmds.chain(computed)
        .chain(&definition.status)
        .chain(&definition.condition)
        .chain(definition.preconditions.iter().map(|precondition| &precondition.script))
}

fn superset_texts(superset: &Superset) -> impl Iterator<Item = &Text> {
    let hooks = superset.hooks.iter().map(|hook| match &hook.action {
        HookAction::Script(text) | HookAction::Plugin(text) => text,
    });
    let queries = superset.params.iter().filter_map(|param| match &param.query {
        Some(Query::Command(text) | Query::Plugin(text) | Query::Url { url: text, .. }) => Some(text),
        None => None,
    });
    let defaults = superset.params.iter().filter_map(|param| param.default.as_ref());
    let stated = superset
        .defaults
        .iter()
        .chain(superset.compose.iter().flat_map(|steps| &steps.value).flat_map(|step| &step.defaults));
    hooks.chain(queries).chain(defaults).chain(stated.filter_map(text_of))
}

fn text_of(variable: &Variable) -> Option<&Text> {
    match &variable.value {
        VariableValue::Text(text) | VariableValue::Shell(text) | VariableValue::Reference(text) => Some(text),
        VariableValue::Literal(_) => None,
    }
}

fn report(task: &Task, param: &Param, variable: &str) -> Diagnostic {
    let message = format!("nothing reads the param `{}` of the task `{}`", param.name.value, task.name);
    Diagnostic::warning(rule::UNUSED_PARAM, message, param.name.span)
        .with_label("never read")
        .with_help(format!("read it as `{{{{.{variable}}}}}` or `${variable}`, or remove it"))
}

#[cfg(test)]
mod tests {
    use super::runs_programs;

    #[test]
    fn programs_that_may_read_the_environment_are_found() {
        for plain in
            ["echo a", "X=1 echo a; test -f b && rm c", "if true; then echo x; fi", "echo {{.A | b}}; echo"]
        {
            assert!(!runs_programs(plain), "{plain}");
        }
        for other in [
            "make",
            "echo a; ./build.sh",
            "X=1 go build",
            "echo ${!NAME}",
            "env",
            "{{.TOOL}} x",
            "echo $(git describe)",
        ] {
            assert!(runs_programs(other), "{other}");
        }
    }
}
