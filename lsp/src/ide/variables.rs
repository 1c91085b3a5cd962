//! What gives a variable its value, in go-task's order, and which value that is where nothing has to run to know it.
//!
//! Weakest first: the environment, special variables, dotenv files, global `env`, global `vars`, variables of the include,
//! globals of the including file, variables of the call, variables of the task (go-task, `compiler.go`). Each sees what
//! stands before it.

use std::cell::{Cell, OnceCell, RefCell};

use camino::Utf8PathBuf;
use ez_compiler::ast::{self, CommandAction, Variable, VariableValue};
use ez_compiler::dotenv;
use ez_compiler::file_system::FileSystem;
use ez_compiler::folder::split_name;
use ez_compiler::ir::{GlobalVariables, Program, Resolution, Task, TaskId};
use ez_compiler::project::{LANGUAGE_VERSION, paths};
use ez_compiler::source::Span;
use ez_compiler::template::ast::{List, Node};
use ez_compiler::template::{Reference, Scope, Template, Value, has_template, render_template};
use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::{SmolStr, ToSmolStr};

use crate::analysis::{Analysis, FileRange, Snapshot};

/// How many variables may stand behind each other's values.
const MAX_DEPTH: usize = 30;

/// The largest text that is evaluated, in bytes: nobody reads the value of a longer one.
const MAX_TEXT: usize = 4096;

/// The largest value that is kept, in bytes.
const MAX_VALUE: usize = 16 << 10;

/// Functions whose result may be much larger than their arguments, or takes long.
const HEAVY_FUNCTIONS: &[&str] = &[
    "repeat",
    "until",
    "untilStep",
    "seq",
    "genPrivateKey",
    "genCA",
    "genSelfSignedCert",
    "genSignedCert",
    "derivePassword",
    "bcrypt",
    "htpasswd",
    "indent",
    "nindent",
    "randBytes",
    "spew",
    "permutations",
];

/// Functions that ask the machine for what stays the same.
const MACHINE_FUNCTIONS: &[&str] = &["OS", "ARCH", "exeExt", "toSlash", "fromSlash", "ToSlash", "FromSlash"];

/// In how many tasks a text may stand so that its value is looked for: it has to be the same in all.
pub const MAX_TASKS: usize = 8;

/// Parts of names of variables whose values nobody should see.
const SECRET_WORDS: &[&str] = &[
    "SECRET",
    "TOKEN",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "APIKEY",
    "AUTH",
    "PWD",
];

/// Two words of a name that together mean a secret.
const SECRET_PAIRS: &[(&str, &str)] = &[
    ("API", "KEY"),
    ("PRIVATE", "KEY"),
    ("ACCESS", "KEY"),
    ("SECRET", "KEY"),
    ("SIGNING", "KEY"),
    ("ENCRYPTION", "KEY"),
];

/// Whether a variable of that name is likely to hold a secret.
pub fn looks_secret(name: &str) -> bool {
    if name == "PWD" {
        return false;
    }
    let upper = name.to_uppercase();
    let words: Vec<&str> = upper.split(['_', '-', '.']).collect();
    words.iter().any(|word| SECRET_WORDS.contains(word))
        || words.windows(2).any(|pair| matches!(pair, [a, b] if SECRET_PAIRS.contains(&(a, b))))
}

/// Who gives a variable a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The environment of the editor; whoever runs the task may have another.
    Environment,
    /// go-task itself.
    Special,
    /// A file that `dotenv` names.
    Dotenv,
    /// `env` of a Taskfile.
    GlobalEnv,
    /// `vars` of a Taskfile.
    GlobalVars,
    /// `vars` of an include.
    Include,
    /// `vars` of the file that includes the task's.
    IncludingFile,
    /// A call in another task.
    Call(SmolStr),
    /// A step of a plan.
    Plan(SmolStr),
    /// Calls that name their task by a template: nobody knows which.
    SomeCall,
    /// A param of the task.
    Param,
    /// `ez-defaults` of the task, or of one that it extends.
    Defaults,
    /// `vars` of the task.
    TaskVars,
}

/// What is known of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// The value.
    Value(Value),
    /// The value where whoever runs the task gives no other one: something that no file sets is asked for.
    Default(Value),
    /// Something has to run, or be given, before it is known.
    Unknown,
    /// It must not be shown.
    Secret,
}

/// A place that gives a variable a value.
#[derive(Clone, Debug)]
pub struct Definition {
    /// Who does.
    pub origin: Origin,
    /// Where, if that is a file of the project.
    pub place: Option<FileRange>,
    /// Where, if it is another file: the path and the line from 1.
    pub other_place: Option<(Utf8PathBuf, u32)>,
    /// The value, as written: a template stays one.
    pub written: Option<String>,
    /// The value.
    pub value: Known,
}

/// Whose variables are asked for.
#[derive(Clone, Copy)]
pub enum Context<'a> {
    /// What all tasks see.
    Globals,
    /// A task.
    Task(&'a Task),
}

/// How strong a definition is: its layer, then its place in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strength(u8, usize);

impl Strength {
    /// Stronger than all definitions.
    pub const TOP: Self = Self(u8::MAX, 0);
}

const ENVIRONMENT: u8 = 0;
const SPECIAL: u8 = 1;
const DOTENV: u8 = 2;
const GLOBAL_ENV: u8 = 3;
const GLOBAL_VARS: u8 = 4;
const INCLUDE_VARS: u8 = 5;
const INCLUDING_VARS: u8 = 6;
const CALLS: u8 = 7;
const TASK_VARS: u8 = 8;

/// Something that gives a value, before it is evaluated.
enum Source<'a> {
    Written(&'a Variable),
    /// What the task has, and the entry of `ez-defaults` that it is made of.
    Default(&'a Variable, &'a Variable),
    Text(String),
    Outside,
    Plan(&'a Given),
}

/// A variable that a step of a plan gives.
#[derive(Debug)]
struct Given {
    plan: SmolStr,
    /// As a variable: a param under the name that it has in scripts.
    name: SmolStr,
    written: String,
    is_secret: bool,
    path: Utf8PathBuf,
    line: u32,
}

/// Which calls pass variables to which tasks, and which keep them silent.
#[derive(Debug, Default)]
pub struct PassedVariables {
    /// Where the tasks are defined that some call keeps silent.
    silenced: FxHashSet<Span>,
    /// For each called task who calls it, and which entry of `deps` (the first) or of `cmds` that is.
    by_callee: FxHashMap<TaskId, Vec<(TaskId, bool, usize)>>,
    /// What plans give to each task.
    by_plans: FxHashMap<TaskId, Vec<Given>>,
    /// What is passed by calls that name their task by a template.
    to_some_task: FxHashSet<SmolStr>,
}

impl PassedVariables {
    /// Of all calls of a program, and of the plans that use it.
    pub fn new(analysis: &Analysis) -> Self {
        let program = &*analysis.compilation.program;
        let mut passed = Self::default();
        passed.add_plans(analysis);
        for caller in program.ids() {
            let definition = &program.task(caller).definition;
            let has_vars = definition.deps.iter().any(|dependency| !dependency.vars.is_empty())
                || definition.cmds.iter().any(
                    |command| matches!(&command.action, CommandAction::Call { vars, .. } if !vars.is_empty()),
                );
            passed.add_silenced(program, program.task(caller));
            if !has_vars {
                continue;
            }
            let mut add = |name: &str, vars: &[Variable], is_dependency: bool, index: usize| {
                if has_template(name) {
                    passed.to_some_task.extend(vars.iter().map(|variable| variable.name.value.clone()));
                    return;
                }
                let full = program.task(caller).callee(name);
                if let Resolution::Task(callee, _) = program.resolve(&full) {
                    passed.by_callee.entry(callee).or_default().push((caller, is_dependency, index));
                }
            };
            for (index, dependency) in definition.deps.iter().enumerate() {
                if !dependency.vars.is_empty() {
                    add(&dependency.task.value, &dependency.vars, true, index);
                }
            }
            for (index, command) in definition.cmds.iter().enumerate() {
                if let CommandAction::Call { task, vars } = &command.action
                    && !vars.is_empty()
                {
                    add(&task.value, vars, false, index);
                }
            }
        }
        passed
    }

    /// What the steps of the project's plans give to the tasks; of a folder task, to those in it.
    fn add_plans(&mut self, analysis: &Analysis) {
        let project = analysis.project.as_deref().unwrap_or(analysis);
        let folder = analysis.key.folder.as_ref();
        let program = &analysis.compilation.program;
        let plans = project.compilation.plans.iter();
        let steps = plans.flat_map(|plan| {
            plan.written.iter().flat_map(|written| &written.steps).map(move |step| (&plan.file.name, step))
        });
        for (plan, step) in steps.filter(|(_, step)| !step.vars.is_empty()) {
            let called = step.task.value.as_str();
            if has_template(called) {
                self.to_some_task.extend(step.vars.iter().map(|given| given.name.value.clone()));
                self.to_some_task
                    .extend(step.vars.iter().map(|given| ast::param::variable_name(&given.name.value)));
                continue;
            }
            let name = match folder {
                None => called,
                Some(folder) => match split_name(called) {
                    (name, inner) if name == folder.name => inner,
                    _ => continue,
                },
            };
            let Resolution::Task(id, _) = program.resolve(name) else { continue };
            let given = step.vars.iter().map(|given| Given::new(project, program.task(id), plan, given));
            self.by_plans.entry(id).or_default().extend(given);
        }
    }

    fn add_silenced(&mut self, program: &Program, caller: &Task) {
        let definition = &caller.definition;
        let dependencies = definition.deps.iter().filter(|dependency| dependency.silent);
        let called = definition.cmds.iter().filter(|command| command.silent);
        let called = called.filter_map(|command| match &command.action {
            CommandAction::Call { task, .. } => Some(task),
            _ => None,
        });
        for name in dependencies.map(|dependency| &dependency.task).chain(called) {
            if let Resolution::Task(callee, _) = program.resolve(&caller.callee(&name.value)) {
                self.silenced.insert(program.task(callee).name_span());
            }
        }
    }

    /// Whether some call keeps a task silent, whose commands are shown otherwise.
    pub fn is_silenced(&self, name: Span) -> bool {
        self.silenced.contains(&name)
    }

    /// The variables that calls pass to all tasks that one definition makes.
    pub fn of_definition<'p>(
        &'p self,
        name: Span,
        program: &'p Program,
    ) -> impl Iterator<Item = &'p Variable> {
        let callees = self.by_callee.keys().copied().filter(move |id| program.task(*id).name_span() == name);
        callees.flat_map(|id| self.to(id, program)).flat_map(|(_, vars)| vars)
    }

    /// The variables that calls pass to a task, with the callers.
    fn to<'p>(
        &'p self,
        callee: TaskId,
        program: &'p Program,
    ) -> impl Iterator<Item = (&'p Task, &'p [Variable])> {
        let calls = self.by_callee.get(&callee).map(Vec::as_slice).unwrap_or_default();
        calls.iter().filter_map(|(caller, is_dependency, index)| {
            let caller = program.task(*caller);
            let definition = &caller.definition;
            let vars = if *is_dependency {
                definition.deps.get(*index)?.vars.as_slice()
            } else {
                match &definition.cmds.get(*index)?.action {
                    CommandAction::Call { vars, .. } => vars.as_slice(),
                    _ => return None,
                }
            };
            Some((caller, vars))
        })
    }
}

impl Given {
    fn new(project: &Analysis, task: &Task, plan: &SmolStr, given: &Variable) -> Self {
        let sources = &project.compilation.sources;
        let variable = ast::param::variable_name(&given.name.value);
        Self {
            plan: plan.clone(),
            name: if param_of(task, &variable).is_some() { variable } else { given.name.value.clone() },
            written: sources.text(given.span).to_owned(),
            is_secret: given.secret,
            path: sources.file(sources.locate(given.span).file).path.clone(),
            line: sources.position(given.span).line,
        }
    }
}

/// An entry of a dotenv file.
struct DotenvVariable {
    value: String,
    path: Utf8PathBuf,
    line: u32,
}

/// The values that were found for one context. Without them, a value that names two others twice, which name two others
/// twice, would never be done.
#[derive(Default)]
struct Memo {
    /// The address of the task; 0 for what all tasks see.
    context: usize,
    values: FxHashMap<(SmolStr, Strength), Known>,
}

/// Answers questions about the variables of a project.
pub struct Variables<'a> {
    snapshot: &'a Snapshot,
    program: &'a Program,
    dotenv: FxHashMap<SmolStr, DotenvVariable>,
    memo: RefCell<Memo>,
    /// By where their names are written.
    globals: OnceCell<FxHashMap<Span, Strength>>,
}

impl<'a> Variables<'a> {
    /// Of a project.
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let program = &*snapshot.analysis.compilation.program;
        let dotenv = dotenv_variables(snapshot, program);
        Self { snapshot, program, dotenv, memo: RefCell::default(), globals: OnceCell::new() }
    }

    /// How strong the definition of a variable is that is written in `vars` or `env` of the file, or in `vars` of the task.
    /// What is written in its value sees only what is weaker.
    pub fn strength(&self, context: Context<'_>, name: Span) -> Option<Strength> {
        let is_here = |variable: &Variable| variable.name.span == name;
        let of_task = match context {
            Context::Task(task) => task.definition.vars.iter().position(is_here),
            Context::Globals => None,
        };
        let of_task = of_task.map(|index| Strength(TASK_VARS, index));
        of_task
            .or_else(|| self.globals.get_or_init(|| strengths_of_globals(self.program)).get(&name).copied())
    }

    /// All places that give a variable a value below a definition, the strongest first.
    pub fn definitions(&self, context: Context<'_>, name: &str, below: Strength) -> Vec<Definition> {
        let mut found = self.sources(context, name);
        found.retain(|(strength, ..)| *strength < below);
        found.sort_by_key(|(strength, ..)| std::cmp::Reverse(*strength));
        let definition = |(strength, origin, source, span): (Strength, Origin, Source<'_>, Option<Span>)| {
            let value = self.evaluate(context, name, &source, strength, MAX_DEPTH);
            let is_secret = value == Known::Secret;
            let other_place = match &source {
                Source::Plan(given) => Some((given.path.clone(), given.line)),
                _ if origin == Origin::Dotenv => {
                    self.dotenv.get(name).map(|entry| (entry.path.clone(), entry.line))
                }
                _ => None,
            };
            Definition {
                place: span.map(|span| self.snapshot.analysis.locate(span)),
                other_place,
                written: if is_secret { None } else { self.written(&source) },
                value,
                origin,
            }
        };
        found.into_iter().map(definition).collect()
    }

    /// The places at which a text stands that several tasks share, with what it sees there: in the value of a variable
    /// what is weaker. Of a task that gives the variable another value it is no part.
    pub fn places<'c>(&self, contexts: &[Context<'c>], within: Option<Span>) -> Vec<(Context<'c>, Strength)> {
        let strength = |context: &Context<'c>| within.and_then(|name| self.strength(*context, name));
        let is_in_value = contexts.first().is_some_and(|first| strength(first).is_some());
        let place = |context: &Context<'c>| match strength(context) {
            None if is_in_value => None,
            found => Some((*context, found.unwrap_or(Strength::TOP))),
        };
        contexts.iter().filter_map(place).collect()
    }

    /// What is known at all places alike.
    pub fn same<'c>(
        places: &[(Context<'c>, Strength)],
        known: impl Fn(Context<'c>, Strength) -> Known,
    ) -> Known {
        if places.len() > MAX_TASKS {
            return Known::Unknown;
        }
        let mut all = places.iter().map(|(context, below)| known(*context, *below));
        let first = all.next().unwrap_or(Known::Unknown);
        if all.all(|other| other == first) { first } else { Known::Unknown }
    }

    /// The value of a variable below a definition.
    pub fn value(&self, context: Context<'_>, name: &str, below: Strength) -> Known {
        self.value_below(context, name, below, MAX_DEPTH)
    }

    /// The text that a template gives that sees what is weaker than a definition.
    pub fn render(&self, context: Context<'_>, text: &str, below: Strength) -> Known {
        self.render_below(context, text, below, MAX_DEPTH)
    }

    /// The special variable of a context, where its value does not depend on the run.
    pub fn special(&self, context: Context<'_>, name: &str) -> Option<Value> {
        let text = |text: &str| Some(Value::String(text.into()));
        match name {
            "ROOT_DIR" => return text(self.program.dir.as_str()),
            "ROOT_TASKFILE" => return text(self.program.taskfile.as_str()),
            "TASK_VERSION" => return text(&LANGUAGE_VERSION.to_string()),
            "PATH_LIST_SEPARATOR" => return text(if cfg!(windows) { ";" } else { ":" }),
            "FILE_PATH_SEPARATOR" => return text(std::path::MAIN_SEPARATOR_STR),
            _ => {}
        }
        let Context::Task(task) = context else { return None };
        match name {
            "TASK" if !task.is_wildcard() => text(&task.name),
            "TASKFILE" => text(task.taskfile.as_str()),
            "TASKFILE_DIR" => text(task.taskfile.parent()?.as_str()),
            "TASK_DIR" if !has_template(&task.dir) && !task.dir.contains(['$', '~']) => {
                text(paths::smart_join(self.program.dir.as_str(), &task.dir).as_str())
            }
            _ => None,
        }
    }

    /// Everything that gives a name a value.
    fn sources<'s>(
        &'s self,
        context: Context<'s>,
        name: &str,
    ) -> Vec<(Strength, Origin, Source<'s>, Option<Span>)> {
        let mut found = Vec::new();
        let mut written = |layer: u8, index: usize, origin: Origin, variable: &'s Variable| {
            found.push((Strength(layer, index), origin, Source::Written(variable), Some(variable.name.span)));
        };
        if let Some((index, _, global)) = self.program.env.get_full(name) {
            written(GLOBAL_ENV, index, Origin::GlobalEnv, &global.variable);
        }
        if let Some((index, _, global)) = self.program.vars.get_full(name) {
            written(GLOBAL_VARS, index, Origin::GlobalVars, &global.variable);
        }
        if let Context::Task(task) = context {
            if let Some((index, variable)) = entry(&task.include_vars, name) {
                written(INCLUDE_VARS, index, Origin::Include, variable);
            }
            if let Some((index, _, global)) =
                task.including_vars.as_ref().and_then(|vars| vars.get_full(name))
            {
                written(INCLUDING_VARS, index, Origin::IncludingFile, &global.variable);
            }
            if let Some(id) = self.program.find(&task.name) {
                for (index, (caller, vars)) in self.passed().to(id, self.program).enumerate() {
                    if let Some((_, variable)) = entry(vars, name) {
                        written(CALLS, index, Origin::Call(caller.name.clone()), variable);
                    }
                }
            }
            if let Some((index, variable)) = entry(&task.definition.vars, name) {
                let strength = Strength(TASK_VARS, index);
                let origin = if param_of(task, name).is_some() { Origin::Param } else { Origin::TaskVars };
                found.push(match default_of(task, name) {
                    Some(stated) => {
                        let source = Source::Default(variable, stated);
                        (strength, Origin::Defaults, source, Some(stated.name.span))
                    }
                    None => (strength, origin, Source::Written(variable), Some(variable.name.span)),
                });
            }
        }
        if self.snapshot.host.environment(name).is_some() {
            found.push((Strength(ENVIRONMENT, 0), Origin::Environment, Source::Outside, None));
        }
        if let Some(value) = self.special(context, name) {
            found.push((Strength(SPECIAL, 0), Origin::Special, Source::Text(value.to_text().into()), None));
        } else if super::special_variables::find(name).is_some() {
            found.push((Strength(SPECIAL, 0), Origin::Special, Source::Outside, None));
        }
        if let Context::Task(task) = context {
            let id = self.program.find(&task.name);
            let by_plans = id.and_then(|id| self.passed().by_plans.get(&id)).into_iter().flatten();
            found.extend(by_plans.filter(|given| given.name == name).map(|given| {
                (Strength(CALLS, 0), Origin::Plan(given.plan.clone()), Source::Plan(given), None)
            }));
            if self.passed().to_some_task.contains(name) {
                found.push((Strength(CALLS, 0), Origin::SomeCall, Source::Outside, None));
            }
        }
        // What `env` says holds against a dotenv file.
        if let Some(entry) = self.dotenv.get(name).filter(|_| !self.program.env.contains_key(name)) {
            found.push((Strength(DOTENV, 0), Origin::Dotenv, Source::Text(entry.value.clone()), None));
        }
        found
    }

    fn passed(&self) -> &'a PassedVariables {
        self.snapshot.analysis.passed_variables()
    }

    /// The value that holds among those that are weaker than a definition.
    fn value_below(&self, context: Context<'_>, name: &str, below: Strength, depth: usize) -> Known {
        let sources = self.sources(context, name).into_iter().filter(|(strength, ..)| *strength < below);
        let Some((strength, _, source, _)) = sources.max_by_key(|(strength, ..)| *strength) else {
            return if looks_secret(name) { Known::Secret } else { Known::Default(Value::Null) };
        };
        // Each call may give another one.
        if strength.0 == CALLS {
            return Known::Unknown;
        }
        let key = (SmolStr::new(name), strength);
        let address = match context {
            Context::Globals => 0,
            Context::Task(task) => std::ptr::from_ref(task) as usize,
        };
        {
            let mut memo = self.memo.borrow_mut();
            if memo.context != address {
                *memo = Memo { context: address, values: FxHashMap::default() };
            }
            if let Some(known) = memo.values.get(&key) {
                return known.clone();
            }
        }
        let known = self.evaluate(context, name, &source, strength, depth);
        self.memo.borrow_mut().values.insert(key, known.clone());
        known
    }

    fn evaluate(
        &self,
        context: Context<'_>,
        name: &str,
        source: &Source<'_>,
        strength: Strength,
        depth: usize,
    ) -> Known {
        let variable = match source {
            Source::Outside => return Known::Unknown,
            _ if looks_secret(name) => return Known::Secret,
            Source::Plan(given) if given.is_secret => return Known::Secret,
            Source::Plan(_) => return Known::Unknown,
            Source::Text(text) => return Known::Value(Value::String(text.as_str().into())),
            Source::Written(variable) | Source::Default(variable, _) => variable,
        };
        if variable.secret {
            return Known::Secret;
        }
        match &variable.value {
            VariableValue::Shell(_) => Known::Unknown,
            VariableValue::Text(text) if has_template(&text.value) => {
                self.render_below(context, &text.value, strength, depth)
            }
            VariableValue::Text(text) => Known::Value(Value::String(text.value.clone())),
            VariableValue::Reference(text) => self.resolve_below(context, &text.value, strength, depth),
            VariableValue::Literal(value) if holds_template(value) => Known::Unknown,
            VariableValue::Literal(value) => Known::Value(value.clone()),
        }
    }

    fn render_below(&self, context: Context<'_>, text: &str, below: Strength, depth: usize) -> Known {
        if text.len() > MAX_TEXT || depth == 0 {
            return Known::Unknown;
        }
        let template = Template::parse(text);
        if !is_light(&template) {
            return Known::Unknown;
        }
        let scope = StaticScope::new(self, context, below, depth);
        let rendered = render_template(&template, &scope, &*self.snapshot.host);
        scope.known(rendered.ok().map(Value::String))
    }

    fn resolve_below(&self, context: Context<'_>, expression: &str, below: Strength, depth: usize) -> Known {
        if expression.len() > MAX_TEXT || depth == 0 {
            return Known::Unknown;
        }
        let reference = Reference::parse(expression);
        if !is_light(reference.template()) {
            return Known::Unknown;
        }
        let scope = StaticScope::new(self, context, below, depth);
        let resolved = reference.resolve(&scope, &*self.snapshot.host);
        scope.known(resolved.ok())
    }

    /// The value as somebody wrote it.
    fn written(&self, source: &Source<'_>) -> Option<String> {
        match source {
            Source::Written(variable) | Source::Default(_, variable) => Some(match &variable.value {
                VariableValue::Text(text) => text.value.to_string(),
                VariableValue::Shell(text) => format!("$({})", text.value.trim()),
                VariableValue::Reference(text) => format!("ref: {}", text.value),
                VariableValue::Literal(_) => {
                    self.snapshot.analysis.compilation.sources.text(variable.span).to_owned()
                }
            }),
            Source::Text(text) => Some(text.clone()),
            Source::Plan(given) => Some(given.written.clone()),
            Source::Outside => None,
        }
    }
}

/// The variables of a place, which remembers whether something was asked for that is not known.
struct StaticScope<'v, 'a> {
    variables: &'v Variables<'a>,
    context: Context<'v>,
    below: Strength,
    depth: usize,
    is_unknown: Cell<bool>,
    is_secret: Cell<bool>,
    is_default: Cell<bool>,
}

impl<'v, 'a> StaticScope<'v, 'a> {
    fn new(variables: &'v Variables<'a>, context: Context<'v>, below: Strength, depth: usize) -> Self {
        let no = || Cell::new(false);
        Self { variables, context, below, depth, is_unknown: no(), is_secret: no(), is_default: no() }
    }

    fn known(&self, value: Option<Value>) -> Known {
        match value {
            _ if self.is_secret.get() => Known::Secret,
            Some(value) if !self.is_unknown.get() && value.length().unwrap_or(0) <= MAX_VALUE => {
                if self.is_default.get() { Known::Default(value) } else { Known::Value(value) }
            }
            _ => Known::Unknown,
        }
    }
}

impl Scope for StaticScope<'_, '_> {
    fn get(&self, name: &str) -> Option<Value> {
        match self.variables.value_below(self.context, name, self.below, self.depth.saturating_sub(1)) {
            Known::Value(value) => Some(value).filter(|value| !value.is_null()),
            Known::Default(value) => {
                self.is_default.set(true);
                Some(value).filter(|value| !value.is_null())
            }
            Known::Secret => {
                self.is_secret.set(true);
                None
            }
            Known::Unknown => {
                self.is_unknown.set(true);
                None
            }
        }
    }

    fn all(&self) -> Value {
        self.is_unknown.set(true);
        Value::Null
    }
}

/// Whether a template is evaluated at once, and to the same whenever that is done.
fn is_light(template: &Template) -> bool {
    template.errors().is_empty()
        && template.definitions().is_empty()
        && !has_loop(template.root())
        && template.function_calls().iter().all(|call| {
            let is_constant = call.function.is_some_and(|function| function.pure)
                || MACHINE_FUNCTIONS.contains(&call.name.as_str());
            is_constant && !HEAVY_FUNCTIONS.contains(&call.name.as_str())
        })
}

fn has_loop(list: &List) -> bool {
    list.nodes.iter().any(|node| match node {
        Node::Branch(branch) => {
            branch.kind == ez_compiler::template::ast::BranchKind::Range
                || has_loop(&branch.list)
                || branch.otherwise.as_ref().is_some_and(has_loop)
        }
        Node::Template(_) => true,
        _ => false,
    })
}

fn holds_template(value: &Value) -> bool {
    match value {
        Value::String(text) => has_template(text),
        other => {
            other.as_list().is_some_and(|items| items.iter().any(holds_template))
                || other.as_map().is_some_and(|entries| entries.values().any(holds_template))
                || matches!(other, Value::AnyMap(entries) if entries.iter().any(|(_, item)| holds_template(item)))
        }
    }
}

/// The last variable of that name, and its index.
fn entry<'v>(variables: &'v [Variable], name: &str) -> Option<(usize, &'v Variable)> {
    variables.iter().enumerate().rfind(|(_, variable)| variable.name.value == name)
}

fn strengths_of_globals(program: &Program) -> FxHashMap<Span, Strength> {
    let layer = |layer: u8, variables: &GlobalVariables| {
        let strengths = variables.values().enumerate();
        strengths
            .map(|(index, global)| (global.variable.name.span, Strength(layer, index)))
            .collect::<Vec<_>>()
    };
    let (env, vars) = (layer(GLOBAL_ENV, &program.env), layer(GLOBAL_VARS, &program.vars));
    env.into_iter().chain(vars).collect()
}

/// The param of a task that is the variable of that name.
pub fn param_of<'t>(task: &'t Task, variable: &str) -> Option<&'t ast::Param> {
    let params = task.superset.as_ref().map(|superset| superset.params.as_slice()).unwrap_or_default();
    params.iter().find(|param| ast::param::variable_name(&param.name.value) == variable)
}

/// What `ez-defaults` gives a variable of a task, by its own name or that of its param.
fn default_of<'t>(task: &'t Task, variable: &str) -> Option<&'t Variable> {
    let param = param_of(task, variable);
    let is_named = |name: &str| name == variable || param.is_some_and(|param| param.name.value == name);
    task.superset.as_ref()?.defaults.iter().find(|default| is_named(&default.name.value))
}

/// What the dotenv files of the root give; of equal names the first file holds.
fn dotenv_variables(snapshot: &Snapshot, program: &Program) -> FxHashMap<SmolStr, DotenvVariable> {
    let mut variables: FxHashMap<SmolStr, DotenvVariable> = FxHashMap::default();
    for file in program.dotenv.iter().filter(|text| !has_template(&text.value)) {
        let path = paths::smart_join(program.dir.as_str(), &file.value);
        let Ok(text) = snapshot.files.read(&path) else { continue };
        let mut of_file: FxHashMap<SmolStr, DotenvVariable> = FxHashMap::default();
        for entry in dotenv::parse(&text).0 {
            let line =
                text.get(..entry.name_range.start).unwrap_or_default().matches('\n').count() as u32 + 1;
            of_file.insert(
                entry.name.to_smolstr(),
                DotenvVariable { value: entry.value, path: path.clone(), line },
            );
        }
        for (name, variable) in of_file {
            variables.entry(name).or_insert(variable);
        }
    }
    variables
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn names_of_secrets() {
        for name in ["TOKEN", "GITHUB_TOKEN", "db_password", "API_KEY", "AWS_SECRET_ACCESS_KEY", "npm-auth"] {
            assert!(looks_secret(name), "{name}");
        }
        for name in ["VERSION", "KEY", "KEYBOARD", "PWD", "TOKENIZER", "AUTHOR", "CACHE_KEY"] {
            assert!(!looks_secret(name), "{name}");
        }
    }
}
