//! Taskfiles, run to their end. What is expected here was compared with what go-task does.

use std::cell::RefCell;
use std::fmt::Write;

use camino::Utf8Path;
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::template::PureHost;

use super::*;
use crate::event::Event;

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
            EventKind::TaskUpToDate { name, shown: true } => transcript.extend(["= ", name, "\n"]),
            _ => {}
        }
    }

    fn wants_output(&self) -> bool {
        true
    }
}

fn program(taskfile: &str) -> Arc<Program> {
    let files = MemoryFileSystem::new().with("/Taskfile.yml", taskfile);
    let options = ez_compiler::Options {
        root_dir: "/".into(),
        host: &PureHost,
        purpose: ez_compiler::Purpose::Run,
        dialect: ez_compiler::Dialect::Ez,
        folder: None,
    };
    let compilation = ez_compiler::compile(&files, Utf8Path::new("/Taskfile.yml"), &options, None);
    assert_eq!(compilation.failure, None, "{taskfile}");
    compilation.program
}

fn run_with(taskfile: &str, options: Options, calls: &[&str]) -> (String, Result<(), RunError>) {
    let environment = [("PATH", "/usr/bin:/bin"), ("HOST", "os")].into_iter().collect();
    let host = Host {
        environment: Arc::new(environment),
        ask: Arc::new(Silent),
        suggest: Box::new(|_| None),
        stop: Stop::new(),
    };
    let transcript = Rc::new(Transcript::default());
    let globals = calls.iter().filter_map(|call| call.split_once('='));
    let line = CommandLine {
        globals: globals.map(|(name, value)| (name.into(), value.into())).collect(),
        ..CommandLine::default()
    };
    let calls = calls.iter().filter(|call| !call.contains('=')).map(|name| Call::new(*name)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let sink = Rc::clone(&transcript) as Rc<dyn EventSink>;
        let engine = Engine::new(program(taskfile), options, host, sink)?;
        engine.apply_command_line(&line)?;
        engine.run(calls).await
    });
    let shown = transcript.0.borrow().clone();
    (shown, result)
}

/// Runs tasks and compares what is shown, an error at its end included.
#[track_caller]
fn check(taskfile: &str, calls: &[&str], expected: &str) {
    let (mut shown, result) = run_with(&format!("version: '3'\n{taskfile}"), Options::default(), calls);
    if let Err(error) = result {
        let _ = writeln!(shown, "{error} ({})", error.exit_code(false));
    }
    assert_eq!(shown, expected, "{taskfile}");
}

#[test]
fn variables_come_from_the_nearest_place() {
    let taskfile = "silent: true
vars: {GLOBAL: g, DERIVED: '{{.GLOBAL}}d'}
tasks:
  caller: {vars: {MINE: m, OWN: lost}, cmds: [{task: callee, vars: {CALL: '{{.MINE}}{{.GLOBAL}}', OWN: weaker}}]}
  callee: {vars: {OWN: 'own {{.CALL}}'}, cmds: ['echo {{.HOST}} {{.DERIVED}} {{.OWN}} [{{.MINE}}]']}
";
    check(taskfile, &["caller"], "os gd own mg []\n");
    check(taskfile, &["caller", "GLOBAL=c", "OWN=x"], "os cd own mc []\n");
}

#[test]
fn globals_that_name_the_task_differ_from_task_to_task() {
    check(
        "silent: true\nvars: {N: 'in {{.TASK}}', S: {sh: 'echo $HOST'}}\ntasks: {a: 'echo {{.N}} {{.S}}', b: 'echo {{.N}} {{.S}}'}\n",
        &["a", "b"],
        "in a os\nin b os\n",
    );
}

#[test]
fn a_command_of_a_variable_runs_once() {
    let taskfile = "version: '3'\nsilent: true\nvars: {STAMP: {sh: date +%N}}\ntasks: {a: 'echo {{.STAMP}}', b: 'echo {{.STAMP}}'}\n";
    let (shown, _) = run_with(taskfile, Options::default(), &["a", "b"]);
    let lines: Vec<&str> = shown.lines().collect();
    assert!(matches!(lines.as_slice(), [a, b] if a == b), "{shown}");
}

#[test]
fn loops_are_unrolled() {
    for (repeat, expected) in [
        ("[a, '{{.X}}', 1]", "$ echo a\na\n$ echo {{.X}}\n{{.X}}\n$ echo 1\n1\n"),
        ("{var: WORDS}", "$ echo x\nx\n$ echo y\ny\n"),
        ("{var: WORDS, split: y}", "$ echo x  \nx\n$ echo \n\n"),
        ("{var: MAP}", "$ echo 1\n1\n$ echo 2\n2\n"),
        (
            "{matrix: {A: [1, 2], B: {ref: .LIST}}}",
            "$ echo map[A:1 B:l]\nmap[A:1 B:l]\n$ echo map[A:2 B:l]\nmap[A:2 B:l]\n",
        ),
        ("{var: NONE}", ""),
    ] {
        let vars = "WORDS: x  y, MAP: {map: {b: 2, a: 1}}, LIST: [l]";
        let taskfile =
            format!("vars: {{{vars}}}\ntasks: {{t: [{{for: {repeat}, cmd: 'echo {{{{.ITEM}}}}'}}]}}\n");
        check(&taskfile, &["t"], expected);
    }
    check(
        "vars: {N: 5}\ntasks: {t: [{for: {var: N}, cmd: x}]}\n",
        &["t"],
        "task: Failed to parse /Taskfile.yml:\nloop var must be a delimiter-separated string, list or a map (109)\n",
    );
}

#[test]
fn failures_name_all_tasks_on_the_way() {
    let taskfile = "tasks:
  a: {deps: [b]}
  b: {cmds: [{task: c}]}
  c: [exit 3, echo never]
  d: {cmds: [{task: c, ignore_error: true}, echo on]}
  e: {cmds: [{task: none}]}
  f: {preconditions: [{sh: 'false', msg: no}], cmds: [echo never]}
  g: ['echo {{.X | nothing}}']
";
    let path =
        "task: Failed to run task \"a\": task: Failed to run task \"b\": task: Failed to run task \"c\"";
    check(taskfile, &["a"], &format!("$ exit 3\n{path}: exit status 3 (201)\n"));
    check(taskfile, &["d"], "$ exit 3\n$ echo on\non\n");
    check(taskfile, &["e"], "task: Failed to run task \"e\": task: Task \"none\" does not exist (200)\n");
    check(taskfile, &["f"], "task: no\ntask: Failed to run task \"f\": task: precondition not met (201)\n");
    check(taskfile, &["g"], "template: :1: function \"nothing\" not defined (1)\n");
}

#[test]
fn the_last_dependency_begins_first() {
    let taskfile = "tasks:
  a: {deps: [x, y, z]}
  b: {deps: [c, d, e]}
  c: [echo c]
  d: [echo d]
  e: [echo e]
";
    check(taskfile, &["a"], "task: Failed to run task \"a\": task: Task \"z\" does not exist (200)\n");
    let options = Options { dry: true, ..Options::default() };
    let shown = "$ echo e\n$ echo c\n$ echo d\n".to_owned();
    assert_eq!(run_with(&format!("version: '3'\n{taskfile}"), options, &["b"]), (shown, Ok(())));
}

#[test]
fn deferred_commands_run_in_reverse_and_learn_the_status() {
    check(
        "tasks: {a: [{defer: echo first}, {defer: 'echo last {{.EXIT_CODE}}'}, exit 4, {defer: echo no}]}\n",
        &["a"],
        "$ exit 4\n$ echo last 4\nlast 4\n$ echo first\nfirst\ntask: Failed to run task \"a\": exit status 4 (201)\n",
    );
}

#[test]
fn what_is_for_other_platforms_is_told_in_verbose_runs() {
    let taskfile = "version: '3'
silent: true
tasks:
  a: {platforms: [plan9], cmds: [echo no]}
  b: [{cmd: echo no, platforms: [plan9]}, 'true']
";
    let run = |task| {
        let (shown, result) = run_with(taskfile, Options { verbose: true, ..Options::default() }, &[task]);
        assert_eq!(result, Ok(()));
        shown
    };
    assert_eq!(run("a"), "task: \"a\" not for current platform - ignored\\n");
    let shown = run("b");
    assert!(shown.contains("task: [b] echo no not for current platform - ignored\n"), "{shown}");
}

#[test]
fn required_variables_are_missed_before_anything_runs() {
    let taskfile = "vars: {COLORS: [red, blue]}
tasks:
  a: {requires: {vars: [NAME]}, vars: {X: {sh: exit 1}}, cmds: [echo ran]}
  b: {requires: {vars: [{name: C, enum: {ref: .COLORS}}]}, cmds: ['echo {{.C}}']}
";
    check(
        taskfile,
        &["a"],
        "task: Task \"a\" cancelled because it is missing required variables: NAME (206)\n",
    );
    check(taskfile, &["b", "C=red"], "$ echo red\nred\n");
    let wrong = "task: Task \"b\" cancelled because it is missing required variables:\n  - C has an invalid value : 'x' (allowed values : [red blue])\n (207)\n";
    check(taskfile, &["b", "C=x"], wrong);
}

#[test]
fn tasks_run_once_or_for_each_form() {
    let taskfile = "tasks:
  a: {deps: [once, once], cmds: [{task: once}, {task: form, vars: {X: 1}}, {task: form, vars: {X: 2}}, {task: form, vars: {X: 1}}]}
  once: {run: once, cmds: [echo once]}
  form: {run: when_changed, cmds: ['echo {{.X}}']}
";
    check(taskfile, &["a", "once"], "$ echo once\nonce\n$ echo 1\n1\n$ echo 2\n2\n");
}

#[test]
fn a_task_that_says_so_is_up_to_date() {
    check("tasks: {a: {status: ['true'], cmds: [echo a]}}\n", &["a"], "= a\n");
    let options = Options { force_all: true, silent: true, ..Options::default() };
    let taskfile = "version: '3'\ntasks: {a: {status: ['true'], cmds: [echo a]}}\n";
    assert_eq!(run_with(taskfile, options, &["a"]), ("a\n".to_owned(), Ok(())));
}

#[test]
fn with_one_slot_tasks_that_wait_let_others_run() {
    let taskfile = "version: '3'
silent: true
tasks:
  a: {deps: [b, c], cmds: [{task: d}, echo a]}
  b: {deps: [c], cmds: [echo b]}
  c: {run: once, cmds: [echo c]}
  d: {deps: [c], cmds: [echo d]}
";
    let options = Options { concurrency: Some(1), ..Options::default() };
    assert_eq!(run_with(taskfile, options, &["a"]), ("c\nb\nd\na\n".to_owned(), Ok(())));
}

#[test]
fn the_first_failure_cancels_the_others() {
    let taskfile = "version: '3'
tasks:
  a: {failfast: true, deps: [bad, slow]}
  bad: {cmds: [exit 3]}
  slow: {cmds: [sleep 60]}
";
    let (_, result) = run_with(taskfile, Options::default(), &["a"]);
    assert_eq!(result.unwrap_err().exit_code(true), 3);
}

#[test]
fn a_timeout_ends_a_command() {
    check(
        "tasks: {a: [{cmd: sleep 60, timeout: 10ms, ignore_error: true}, {cmd: sleep 60, timeout: 10ms}]}\n",
        &["a"],
        "$ sleep 60\n$ sleep 60\ntask: Failed to run task \"a\": task: [a] command timeout exceeded (10ms) (208)\n",
    );
}

#[test]
fn a_dry_run_shows_commands_and_runs_none() {
    let taskfile =
        "version: '3'\ntasks: {a: {deps: [b], cmds: [echo a]}, b: {prompt: sure, cmds: [echo b]}}\n";
    let options = Options { dry: true, ..Options::default() };
    assert_eq!(run_with(taskfile, options, &["a"]), ("$ echo b\n$ echo a\n".to_owned(), Ok(())));
    let (shown, result) = run_with(taskfile, Options::default(), &["a"]);
    assert_eq!((shown.as_str(), result.unwrap_err().exit_code(false)), ("", 205));
}

#[test]
fn secrets_are_masked() {
    check(
        "vars: {S: {value: hidden, secret: true}}\ntasks: {a: ['echo {{.S}}']}\n",
        &["a"],
        "$ echo *****\nhidden\n",
    );
}

#[test]
fn a_cycle_ends_at_the_limit_of_calls() {
    let (_, result) = run_with("version: '3'\ntasks: {a: [{task: a}]}\n", Options::default(), &["a"]);
    assert_eq!(result.unwrap_err().exit_code(false), 204);
}

#[test]
fn ten_thousand_tasks_in_a_chain_or_side_by_side_end() {
    const COUNT: usize = 10_000;
    let mut chain = "version: '3'\ntasks:\n".to_owned();
    let mut broad = "version: '3'\ntasks:\n  all:\n    deps:\n".to_owned();
    for i in 0..COUNT {
        let _ = writeln!(broad, "      - t{i}");
    }
    for i in 0..COUNT {
        let _ = writeln!(chain, "  t{i}: [task: t{}]", i + 1);
        let _ = writeln!(broad, "  t{i}: []");
    }
    assert_eq!(run_with(&broad, Options::default(), &["all"]).1, Ok(()));
    // The last task of the chain is missing, and all others fail because of it.
    let options = Options { concurrency: Some(1), ..Options::default() };
    let error = run_with(&chain, options, &["t0"]).1.unwrap_err();
    assert_eq!((error.exit_code(false), error.tasks().len()), (200, COUNT));
}

/// Runs with a clock that jumps to the next deadline whenever nothing else is to be done, so that pauses cost no time.
/// Gives how much time would have passed, too.
fn run_in_no_time(taskfile: &str, calls: &[&str]) -> (String, Result<(), RunError>, std::time::Duration) {
    let host = Host {
        environment: Arc::new([("PATH", "/usr/bin:/bin")].into_iter().collect()),
        ask: Arc::new(Silent),
        suggest: Box::new(|_| None),
        stop: Stop::new(),
    };
    let transcript = Rc::new(Transcript::default());
    let calls = calls.iter().map(|name| Call::new(*name)).collect();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let (result, passed) = runtime.block_on(async {
        let started = tokio::time::Instant::now();
        let sink = Rc::clone(&transcript) as Rc<dyn EventSink>;
        let engine = Engine::new(program(taskfile), Options::default(), host, sink).unwrap();
        (engine.run(calls).await, started.elapsed())
    });
    (transcript.0.borrow().clone(), result, passed)
}

#[test]
fn attempts_come_after_pauses_that_double() {
    let taskfile = "version: '3'\nsilent: true\ntasks:\n  dep: echo dep\n  a:\n    deps: [dep]\n    \
                    ez-retry: {count: 3, backoff: 10m}\n    cmds: [exit 4]\n";
    let (transcript, result, passed) = run_in_no_time(taskfile, &["a"]);
    assert_eq!(
        transcript,
        "dep\nez: [a] exit status 4; attempt 2 of 4 in 10m0s\nez: [a] exit status 4; attempt 3 of 4 in 20m0s\n\
         ez: [a] exit status 4; attempt 4 of 4 in 40m0s\n"
    );
    assert_eq!(result.unwrap_err().command_status(), Some(4));
    assert_eq!(passed.as_secs() / 60, 70);
}

#[test]
fn a_whole_task_has_a_deadline_that_its_attempts_share() {
    let taskfile = "version: '3'\nsilent: true\ntasks:\n  a:\n    ez-timeout: 1h\n    ez-retry: {count: 9, backoff: 25m}\n    \
                    ez-hooks: {on_error: 'echo $EZ_TASK_EXIT_CODE'}\n    cmds: [exit 4]\n  \
                    b: {ez-timeout: 1h, cmds: ['trap : INT; sleep 3600 & wait; wait']}\n  \
                    c: {cmds: [{task: b, ignore_error: true}, echo on]}\n";
    let (transcript, result, passed) = run_in_no_time(taskfile, &["a"]);
    assert!(transcript.ends_with("attempt 3 of 10 in 50m0s\n124\n"), "{transcript}");
    let message = "task: Failed to run task \"a\": task: [a] task timeout exceeded (1h0m0s)";
    assert_eq!(result.clone().unwrap_err().to_string(), message);
    assert_eq!((result.unwrap_err().exit_code(false), passed.as_secs() / 60), (208, 60));
    let (transcript, result, _) = run_in_no_time(taskfile, &["c"]);
    assert_eq!((transcript.as_str(), result), ("on\n", Ok(())));
}

#[test]
fn hooks_stand_around_a_task() {
    let taskfile = "version: '3'\nsilent: true\ntasks:\n  dep: echo dep\n  a:\n    deps: [dep]\n    vars: {V: v}\n    ez-hooks:\n      \
                    pre_run: [{name: p, script: 'echo pre {{.V}} $EZ_TASK_NAME; exit {{.PRE | default 0}}'}, echo pre2]\n      \
                    post_run: ['echo post [$EZ_TASK_OUTPUT]; exit {{.POST | default 0}}', echo post2]\n      \
                    on_error: [exit 9, 'echo error $EZ_TASK_EXIT_CODE']\n      always: 'echo always $EZ_TASK_EXIT_CODE'\n    \
                    cmds: [defer: echo deferred, 'echo {{.FAIL}}', 'exit {{.FAIL | default 0}}']\n";
    let check = |calls: &[&str], transcript: &str, status: Option<u8>| {
        let (shown, result) = run_with(taskfile, Options::default(), calls);
        assert_eq!((shown.as_str(), result.err().and_then(|e| e.command_status())), (transcript, status));
    };
    let begin = "pre v a\npre2\ndep\n";
    check(&["a"], &format!("{begin}\npost [dep]\npost2\ndeferred\nalways 0\n"), None);
    let failed = "ez: [a] the on_error hook failed: exit status 9\n";
    check(&["a", "FAIL=3"], &format!("{begin}3\ndeferred\n{failed}error 3\nalways 3\n"), Some(3));
    check(
        &["a", "POST=5"],
        &format!(
            "{begin}\npost [dep]\nez: [a] the post_run hook failed: exit status 5\ndeferred\n{failed}error 5\nalways 5\n"
        ),
        Some(5),
    );
    check(
        &["a", "PRE=6"],
        &format!(
            "pre v a\nez: [a] the pre_run hook \"p\" failed: exit status 6\n{failed}error 6\nalways 6\n"
        ),
        Some(6),
    );
}
