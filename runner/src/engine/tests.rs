//! Programs built by hand, run to their end.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use ez_compiler::ast::{Command, CommandAction, Dependency, RequiredVariable, Text, Variable, VariableValue};
use ez_compiler::source::{SourceId, Span, Spanned};
use ez_compiler::yaml::node::ScalarStyle;

use super::*;
use crate::event::Event;

const SPAN: Span = Span { source: SourceId(0), start: 0, end: 0 };

fn text(value: &str) -> Text {
    Text { value: value.into(), span: SPAN, style: ScalarStyle::Plain }
}

fn command(action: CommandAction) -> Command {
    Command {
        action,
        deferred: false,
        repeat: None,
        condition: None,
        silent: false,
        set: Vec::new(),
        shopt: Vec::new(),
        ignore_error: false,
        platforms: Vec::new(),
        timeout: None,
        span: SPAN,
    }
}

fn script(script: &str) -> Command {
    command(CommandAction::Script(text(script)))
}

fn call(task: &str, vars: &[(&str, &str)]) -> Command {
    command(CommandAction::Call { task: text(task), vars: variables(vars) })
}

fn variables(pairs: &[(&str, &str)]) -> Vec<Variable> {
    pairs.iter().map(|(name, value)| variable(name, VariableValue::Text(text(value)))).collect()
}

fn variable(name: &str, value: VariableValue) -> Variable {
    Variable { name: Spanned::new(name.into(), SPAN), value, span: SPAN, secret: false }
}

fn dependency(task: &str) -> Dependency {
    Dependency { task: text(task), repeat: None, vars: Vec::new(), silent: false, timeout: None, span: SPAN }
}

fn written(name: &str) -> ast::Task {
    ast::Task {
        name: Spanned::new(name.into(), SPAN),
        span: SPAN,
        cmds: Vec::new(),
        deps: Vec::new(),
        label: None,
        desc: None,
        prompt: Vec::new(),
        summary: None,
        aliases: Vec::new(),
        sources: Vec::new(),
        generates: Vec::new(),
        status: Vec::new(),
        preconditions: Vec::new(),
        dir: None,
        set: Vec::new(),
        shopt: Vec::new(),
        vars: Vec::new(),
        env: Vec::new(),
        dotenv: Vec::new(),
        silent: None,
        interactive: false,
        internal: false,
        method: None,
        prefix: None,
        ignore_error: false,
        use_gitignore: None,
        run: None,
        platforms: Vec::new(),
        condition: None,
        requires: Vec::new(),
        watch: false,
        failfast: false,
        extensions: Vec::new(),
    }
}

fn task(name: &str, fill: impl FnOnce(&mut ast::Task)) -> Task {
    let mut definition = written(name);
    fill(&mut definition);
    Task {
        name: name.into(),
        namespace: SmolStr::default(),
        namespaces: Arc::new([]),
        aliases: Vec::new(),
        dir: SmolStr::default(),
        internal: false,
        silent: definition.silent,
        use_gitignore: None,
        taskfile: "/project/Taskfile.yml".into(),
        include_vars: Arc::new([]),
        including_vars: None,
        definition: Arc::new(definition),
    }
}

struct Silent;

impl Ask for Silent {
    fn confirm(&self, _question: &str) -> Confirmation {
        Confirmation::NoTerminal
    }

    fn value(&self, _name: &str, _options: &[SmolStr]) -> Result<SmolStr, AskError> {
        Err(AskError::Cancelled)
    }
}

/// Keeps what is shown: commands as `$ …`, their output, messages.
#[derive(Default)]
struct Transcript(RefCell<String>);

impl EventSink for Transcript {
    fn emit(&self, event: &Event) {
        let mut transcript = self.0.borrow_mut();
        match &event.kind {
            EventKind::Command { text, shown: true, .. } => transcript.extend(["$ ", text, "\n"]),
            EventKind::Output { bytes, .. } => transcript.push_str(&String::from_utf8_lossy(bytes)),
            EventKind::Message { text, .. } => transcript.push_str(text),
            _ => {}
        }
    }

    fn wants_output(&self) -> bool {
        true
    }
}

fn run_with(
    tasks: Vec<Task>,
    options: Options,
    globals: &[(&str, &str)],
    calls: &[&str],
) -> (String, Result<(), RunError>) {
    let mut program = Program::default();
    program.dir = "/".into();
    program.taskfile = "/project/Taskfile.yml".into();
    for variable in variables(globals) {
        program.vars.insert(variable.name.value.clone(), GlobalVariable { variable, dir: None });
    }
    program.set_tasks(tasks);
    let host = Host {
        environment: Arc::new([("PATH", "/usr/bin:/bin"), ("HOST", "os")].into_iter().collect()),
        ask: Box::new(Silent),
        suggest: Box::new(|_| None),
        stop: Stop::new(),
    };
    let transcript = Rc::new(Transcript::default());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let engine =
            Engine::new(Arc::new(program), options, host, Rc::clone(&transcript) as Rc<dyn EventSink>)?;
        engine.apply_command_line(&CommandLine::default())?;
        engine.run(calls.iter().map(|name| Call::new(*name)).collect()).await
    });
    let shown = transcript.0.borrow().clone();
    (shown, result)
}

fn run(tasks: Vec<Task>, calls: &[&str]) -> (String, Result<(), RunError>) {
    run_with(tasks, Options::default(), &[], calls)
}

#[test]
fn variables_come_from_the_nearest_place() {
    let show = "echo {{.HOST}} {{.GLOBAL}} {{.CALL}} {{.OWN}}";
    let callee = task("callee", |t| {
        t.vars = variables(&[("OWN", "own {{.CALL}}")]);
        t.cmds = vec![script(show)];
    });
    let caller = task("caller", |t| {
        t.vars = variables(&[("MINE", "m"), ("OWN", "lost")]);
        t.cmds = vec![call("callee", &[("CALL", "{{.MINE}}{{.GLOBAL}}"), ("OWN", "weaker")])];
    });
    let options = Options { silent: true, ..Options::default() };
    let (shown, result) = run_with(vec![caller, callee], options, &[("GLOBAL", "g")], &["caller"]);
    assert_eq!((shown.as_str(), result), ("os g mg own mg\n", Ok(())));
}

#[test]
fn a_command_of_a_variable_runs_once() {
    let dynamic = variable("STAMP", VariableValue::Shell(text("date +%N")));
    let one = |name: &str| {
        task(name, |t| {
            t.vars = vec![dynamic.clone()];
            t.cmds = vec![script("echo {{.STAMP}}")];
        })
    };
    let options = Options { silent: true, ..Options::default() };
    let (shown, _) = run_with(vec![one("a"), one("b")], options, &[], &["a", "b"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(matches!(lines.as_slice(), [a, b] if a == b), "{shown}");
}

#[test]
fn a_failure_names_all_tasks_on_the_way() {
    let tasks = vec![
        task("a", |t| t.deps = vec![dependency("b")]),
        task("b", |t| t.cmds = vec![call("c", &[])]),
        task("c", |t| t.cmds = vec![script("exit 3"), script("echo never")]),
    ];
    let (shown, result) = run(tasks, &["a"]);
    let error = result.unwrap_err();
    assert_eq!(shown, "$ exit 3\n");
    let words = "task: Failed to run task \"a\": task: Failed to run task \"b\": task: Failed to run task \"c\": exit status 3";
    assert_eq!((error.to_string().as_str(), error.exit_code(false), error.exit_code(true)), (words, 201, 3));
}

#[test]
fn deferred_commands_run_in_reverse_and_learn_the_status() {
    let later = |text: &str| Command { deferred: true, ..script(text) };
    let tasks = vec![task("a", |t| {
        t.cmds =
            vec![later("echo first"), later("echo last {{.EXIT_CODE}}"), script("exit 4"), later("echo no")];
    })];
    let (shown, result) = run(tasks, &["a"]);
    assert_eq!(shown, "$ exit 4\n$ echo last 4\nlast 4\n$ echo first\nfirst\n");
    assert!(result.is_err());
}

#[test]
fn a_required_variable_is_missed_before_anything_runs() {
    let tasks = vec![task("a", |t| {
        t.requires = vec![RequiredVariable { name: Spanned::new("NAME".into(), SPAN), allowed: None }];
        t.vars = vec![variable("X", VariableValue::Shell(text("exit 1")))];
        t.cmds = vec![script("echo ran")];
    })];
    let (shown, result) = run(tasks, &["a"]);
    assert_eq!((shown.as_str(), result.unwrap_err().exit_code(false)), ("", 206));
}

#[test]
fn a_task_that_runs_once_runs_once() {
    let tasks = vec![
        task("a", |t| t.deps = vec![dependency("b"), dependency("b"), dependency("b")]),
        task("b", |t| {
            t.run = Some(text("once"));
            t.cmds = vec![script("echo b")];
        }),
    ];
    let (shown, result) = run(tasks, &["a", "b"]);
    assert_eq!((shown.as_str(), result), ("$ echo b\nb\n", Ok(())));
}

#[test]
fn a_cycle_ends_at_the_limit_of_calls() {
    let tasks = vec![task("a", |t| t.cmds = vec![call("a", &[])])];
    let (_, result) = run(tasks, &["a"]);
    assert_eq!(result.unwrap_err().exit_code(false), 204);
}

#[test]
fn ten_thousand_tasks_in_a_chain_or_side_by_side_end() {
    const COUNT: usize = 10_000;
    let chain = (0..COUNT).map(|i| {
        task(&format!("t{i}"), |t| {
            if i + 1 < COUNT {
                t.cmds = vec![call(&format!("t{}", i + 1), &[])];
            } else {
                t.status = vec![text("true")];
                t.cmds = vec![script("exit 1")];
                t.condition = Some(text("false"));
            }
        })
    });
    let options = Options { concurrency: Some(1), ..Options::default() };
    let (_, result) = run_with(chain.collect(), options, &[], &["t0"]);
    assert_eq!(result, Ok(()));
    let mut broad: Vec<Task> = (0..COUNT).map(|i| task(&format!("t{i}"), |_| {})).collect();
    broad.push(task("all", |t| t.deps = (0..COUNT).map(|i| dependency(&format!("t{i}"))).collect()));
    assert_eq!(run(broad, &["all"]).1, Ok(()));
}

#[test]
fn a_deep_failure_does_not_overflow() {
    let chain =
        (0..2_000).map(|i| task(&format!("t{i}"), |t| t.cmds = vec![call(&format!("t{}", i + 1), &[])]));
    let (_, result) = run(chain.collect(), &["t0"]);
    let error = result.unwrap_err();
    assert_eq!((error.exit_code(false), error.tasks().len()), (200, 2_000));
}
