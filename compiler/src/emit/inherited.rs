//! What tasks get from the includes on the way to them, written out for one file.
//!
//! go-task has layers: globals, variables of the include, globals of the including file once more, variables of the call,
//! variables of the task. One file has no place between globals and the call, so the middle layers stand at the head of
//! the task, where they would win over the call. A call therefore passes such a variable under another name, and the
//! head of the task chooses.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, format_smolstr};

use crate::ast::{Text, Variable, VariableValue};
use crate::ir::{Call, GlobalVariable, Program, Resolution, Task, TaskId};
use crate::source::Spanned;
use crate::template::value::Value;
use crate::template::{Template, has_template};
use crate::yaml::node::ScalarStyle;

/// Begins the name of an inherited variable that another one of its name hides.
const INHERITED: &str = "EZ_INHERITED_";
/// Begins the name under which a call passes a variable that the called task inherits too.
const PASSED: &str = "EZ_PASSED_";
/// Begins the name of a passed variable that a variable of the task hides.
const CALLED: &str = "EZ_CALLED_";

/// A variable of the head of a task.
pub struct HeadVariable<'a> {
    /// Under its new name, with new names in its templates.
    pub variable: Variable,
    /// Where it comes from.
    pub origin: Origin<'a>,
}

/// Where a variable of the head comes from.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// From `vars` of an include; commands run in the root directory.
    Include,
    /// From the globals; commands run in the directory of the global, or else in that of the task.
    Global(&'a GlobalVariable),
    /// It chooses between what is inherited and what a call passes.
    Choice,
}

/// What tasks of a program inherit, and what calls pass in spite of that.
pub struct Inheritance<'a> {
    program: &'a Program,
    /// By task: the variables that calls pass and that its head sets or reads, so that it must choose.
    chosen: Vec<BTreeSet<&'a str>>,
}

/// One inherited variable.
struct Step<'a> {
    variable: &'a Variable,
    origin: Origin<'a>,
}

impl Step<'_> {
    fn name(&self) -> &str {
        &self.variable.name.value
    }
}

impl<'a> Inheritance<'a> {
    /// Looks at all calls of a program.
    pub fn new(program: &'a Program) -> Self {
        let steps: Vec<Vec<Step<'a>>> = program.tasks.iter().map(|task| steps(program, task)).collect();
        let mut inheritance = Self { program, chosen: vec![BTreeSet::new(); steps.len()] };
        let passing: Vec<(Vec<TaskId>, &'a [Variable])> = program
            .tasks
            .iter()
            .flat_map(Task::calls)
            .filter(|call| !call.vars.is_empty())
            .map(|call| (inheritance.callees(&call), call.vars))
            .collect();
        for (callees, variables) in &passing {
            for name in names(variables) {
                let matters = |id: &&TaskId| {
                    steps.get(id.0 as usize).is_some_and(|steps| is_set(steps, name) || is_read(steps, name))
                };
                if callees.iter().any(|id| matters(&id)) {
                    inheritance.choose(callees, name);
                }
            }
        }
        inheritance.spread(&passing);
        inheritance
    }

    /// The tasks that a call may mean. Of a name with a template the text around it is known.
    fn callees(&self, call: &Call<'a>) -> Vec<TaskId> {
        if call.is_static() {
            return match self.program.resolve(&call.name) {
                Resolution::Task(id, _) => vec![id],
                Resolution::Ambiguous(_) | Resolution::Unknown => Vec::new(),
            };
        }
        let start = call.name.split("{{").next().unwrap_or_default();
        let end = call.name.rsplit("}}").next().unwrap_or_default();
        let fits = |name: &str| match name.split_once('*') {
            Some((before, _)) => before.starts_with(start) || start.starts_with(before),
            None => name.starts_with(start) && name.ends_with(end),
        };
        let is_meant = |id: &TaskId| {
            let task = self.program.task(*id);
            fits(&task.name) || task.aliases.iter().any(|alias| fits(alias))
        };
        self.program.ids().filter(is_meant).collect()
    }

    /// A call that passes a variable in the new way does so to all tasks that it may mean.
    fn spread(&mut self, passing: &[(Vec<TaskId>, &'a [Variable])]) {
        loop {
            let mut has_changed = false;
            for (callees, variables) in passing.iter().filter(|(callees, _)| callees.len() > 1) {
                for name in names(variables) {
                    let choosing = callees.iter().filter(|id| self.chosen(**id).contains(name)).count();
                    if choosing > 0 && choosing < callees.len() {
                        self.choose(callees, name);
                        has_changed = true;
                    }
                }
            }
            if !has_changed {
                return;
            }
        }
    }

    fn choose(&mut self, tasks: &[TaskId], name: &'a str) {
        for id in tasks {
            if let Some(chosen) = self.chosen.get_mut(id.0 as usize) {
                chosen.insert(name);
            }
        }
    }

    /// The head of a task, and its own variables with the names that the head gave.
    pub fn variables(&self, id: TaskId) -> (Vec<HeadVariable<'a>>, Vec<Variable>) {
        let task = self.program.task(id);
        let steps = steps(self.program, task);
        let chosen = self.chosen(id);
        let own: FxHashSet<&str> = names(&task.definition.vars).collect();
        let mut head = Vec::new();
        let mut renamed = Renames::default();
        for (at, step) in steps.iter().enumerate() {
            let name = step.name();
            let is_set_again = steps.iter().skip(at + 1).any(|later| later.name() == name);
            let is_final = !is_set_again && !chosen.contains(name) && !own.contains(name);
            let shown = if is_final { name.into() } else { renamed.another(name) };
            head.push(HeadVariable { variable: renamed.apply(step.variable, &shown), origin: step.origin });
            renamed.set(name, shown);
        }
        for name in chosen {
            let shown = if own.contains(name) { format_smolstr!("{CALLED}{name}") } else { (*name).into() };
            let inherited = renamed.get(name);
            let choice = format!("ternary .{PASSED}{name} .{inherited} (hasKey . \"{PASSED}{name}\")");
            let variable = reference(task, &shown, choice);
            head.push(HeadVariable { variable, origin: Origin::Choice });
            renamed.set(name, shown);
        }
        let mut variables = Vec::new();
        for variable in &task.definition.vars {
            let name = &variable.name.value;
            variables.push(renamed.apply(variable, name));
            renamed.set(name, name.clone());
        }
        drop_unread(&mut head, &variables);
        (head, variables)
    }

    /// The variables of a call as the compiled file passes them.
    pub fn passed(&self, call: &Call<'a>) -> Vec<Variable> {
        let callees = self.callees(call);
        let is_chosen = |name: &str| callees.iter().any(|id| self.chosen(*id).contains(name));
        let variables = call.vars.iter().map(|variable| {
            let name = &variable.name.value;
            if is_chosen(name) {
                Renames::default().apply(variable, &format_smolstr!("{PASSED}{name}"))
            } else {
                variable.clone()
            }
        });
        variables.collect()
    }

    fn chosen(&self, id: TaskId) -> &BTreeSet<&'a str> {
        self.chosen.get(id.0 as usize).unwrap_or(&NOTHING)
    }
}

static NOTHING: BTreeSet<&str> = BTreeSet::new();

/// The inherited variables of a task that one file does not give it by itself, in the order of their rendering.
fn steps<'a>(program: &Program, task: &'a Task) -> Vec<Step<'a>> {
    let mut steps: Vec<Step<'a>> =
        task.include_vars.iter().map(|variable| Step { variable, origin: Origin::Include }).collect();
    for (name, global) in task.including_vars.as_deref().into_iter().flatten() {
        let reads = mentions(&global.variable);
        let is_other = program.vars.get(name) != Some(global);
        let depends = steps.iter().any(|step| reads.contains(step.name()));
        if is_other || depends || reads_later_globals(program, name, &reads) || is_set(&steps, name) {
            steps.push(Step { variable: &global.variable, origin: Origin::Global(global) });
        }
    }
    steps
}

/// Whether a global would have another value where it stands among all globals: there it does not see itself and those
/// behind it, while tasks of an included file see it once more after all of them.
fn reads_later_globals(program: &Program, name: &str, reads: &BTreeSet<SmolStr>) -> bool {
    let Some(place) = program.vars.get_index_of(name) else { return false };
    program.vars.keys().skip(place).any(|later| reads.contains(later))
}

fn reference(task: &Task, name: &str, expression: String) -> Variable {
    let span = task.definition.name.span;
    let text = Text { value: expression.into(), span, style: ScalarStyle::Plain };
    Variable {
        name: Spanned::new(name.into(), span),
        value: VariableValue::Reference(text),
        span,
        secret: false,
    }
}

fn names(variables: &[Variable]) -> impl Iterator<Item = &str> {
    variables.iter().map(|variable| variable.name.value.as_str())
}

fn is_set(steps: &[Step<'_>], name: &str) -> bool {
    steps.iter().any(|step| step.name() == name)
}

fn is_read(steps: &[Step<'_>], name: &str) -> bool {
    steps.iter().any(|step| mentions(step.variable).contains(name))
}

/// Leaves out what has a name of ours and is read by nothing behind it.
fn drop_unread(head: &mut Vec<HeadVariable<'_>>, own: &[Variable]) {
    let mut read: BTreeSet<SmolStr> = own.iter().flat_map(mentions).collect();
    let mut kept = Vec::new();
    for entry in head.drain(..).rev() {
        let name = &entry.variable.name.value;
        let is_ours = name.starts_with(INHERITED) || name.starts_with(CALLED);
        if !is_ours || read.contains(name) {
            read.extend(mentions(&entry.variable));
            kept.push(entry);
        }
    }
    kept.reverse();
    *head = kept;
}

/// The names by which variables are seen at some point of the head.
#[derive(Default)]
struct Renames {
    shown: FxHashMap<SmolStr, SmolStr>,
    count: FxHashMap<SmolStr, usize>,
}

impl Renames {
    fn set(&mut self, name: &str, shown: SmolStr) {
        self.shown.insert(name.into(), shown);
    }

    fn get(&self, name: &str) -> SmolStr {
        self.shown.get(name).cloned().unwrap_or_else(|| name.into())
    }

    /// A name that was not given yet.
    fn another(&mut self, name: &str) -> SmolStr {
        let count = self.count.entry(name.into()).or_default();
        *count += 1;
        if *count == 1 {
            format_smolstr!("{INHERITED}{name}")
        } else {
            format_smolstr!("{INHERITED}{name}_{count}")
        }
    }

    fn apply(&self, variable: &Variable, name: &str) -> Variable {
        let value = match &variable.value {
            VariableValue::Text(text) => VariableValue::Text(text.with_value(self.template(&text.value))),
            VariableValue::Shell(text) => VariableValue::Shell(text.with_value(self.template(&text.value))),
            VariableValue::Reference(text) => {
                VariableValue::Reference(text.with_value(self.expression(&text.value)))
            }
            VariableValue::Literal(value) => VariableValue::Literal(self.literal(value)),
        };
        let name = Spanned::new(name.into(), variable.name.span);
        Variable { name, value, span: variable.span, secret: variable.secret }
    }

    fn template(&self, text: &str) -> String {
        let mut out = text.to_owned();
        if !has_template(text) {
            return out;
        }
        for field in Template::parse(text).field_references().into_iter().rev() {
            out.replace_range(field.range, &self.get(&field.name));
        }
        out
    }

    fn expression(&self, text: &str) -> String {
        let renamed = self.template(&format!("{{{{{text}}}}}"));
        renamed.strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(text).to_owned()
    }

    fn literal(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.template(text).into()),
            Value::List(items) => Value::list(items.iter().map(|item| self.literal(item)).collect()),
            Value::Map(map) => {
                Value::map(map.iter().map(|(key, item)| (key.clone(), self.literal(item))).collect())
            }
            other => other.clone(),
        }
    }
}

/// The variables that the templates of a variable read.
fn mentions(variable: &Variable) -> BTreeSet<SmolStr> {
    let mut found = BTreeSet::new();
    match &variable.value {
        VariableValue::Text(text) | VariableValue::Shell(text) => collect(&text.value, &mut found),
        VariableValue::Reference(text) => collect(&format!("{{{{{}}}}}", text.value), &mut found),
        VariableValue::Literal(value) => collect_literal(value, &mut found),
    }
    found
}

fn collect(text: &str, found: &mut BTreeSet<SmolStr>) {
    if has_template(text) {
        found.extend(Template::parse(text).field_references().into_iter().map(|field| field.name));
    }
}

fn collect_literal(value: &Value, found: &mut BTreeSet<SmolStr>) {
    match value {
        Value::String(text) => collect(text, found),
        Value::List(items) => items.iter().for_each(|item| collect_literal(item, found)),
        Value::Map(map) => map.values().for_each(|item| collect_literal(item, found)),
        _ => {}
    }
}
