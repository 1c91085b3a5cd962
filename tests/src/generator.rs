//! Random small projects that print in one order only, so that two programs can be compared on them.
//!
//! A project is first a value (so that a failing one shrinks to a small one) and then files. Calls lead to tasks of
//! higher numbers only, and no task has two dependencies that could print at the same time.

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::option::{self, of};
use proptest::prelude::*;
use proptest::sample::select;

/// Tasks of the root file, beside `default`.
const ROOT_TASKS: usize = 4;
/// Tasks of the included file.
const LIBRARY_TASKS: usize = 2;

/// Expressions that are fine inside double quotes of the shell.
const EXPRESSIONS: &[&str] = &[
    "{{.V0}}",
    "{{.V1}}",
    "{{.V0 | upper}}",
    "{{.V1 | title}}",
    "{{.S0}}",
    "{{.N0}}",
    "{{.B0}}",
    "{{add .N0 3}}",
    "{{mul 2 .N0}}",
    "{{len .L0}}",
    "{{join \"-\" .L0}}",
    "{{index .L0 1}}",
    "{{index .M0 \"a\"}}",
    "{{.M0.b}}",
    "{{.UNSET | default \"fallback\"}}",
    "{{.UNSET}}",
    "{{if eq .V0 \"one\"}}yes{{else}}no{{end}}",
    "{{if .B0}}on{{else if .V1}}some{{end}}",
    "{{range $i, $x := .L0}}{{if $i}},{{end}}{{$x}}{{end}}",
    "{{range $k, $v := .M0}}{{$k}}={{$v}};{{end}}",
    "{{with .V1}}<{{.}}>{{end}}",
    "{{printf \"%05d|%-4s|%v\" .N0 .V0 .L0}}",
    // By bytes, as Go does; of a text beyond ASCII it could leave half a character, which no value here can be.
    "{{trunc 1 .TASK}}",
    "{{.V0 | replace \"o\" \"0\"}}",
    "{{splitList \",\" .V1 | len}}",
    "{{.V1 | trim | len}}",
    "{{.TASK}}",
    "{{.ALIAS}}",
    "{{- .V0 -}}",
    "{{ternary \"t\" \"f\" (eq .N0 7)}}",
    "{{$x := .N0}}{{range until 3}}{{$x}}{{end}}",
    "{{base .ROOT_DIR | len | lt 0}}",
    "{{.E0}}",
    "{{contains \"n\" .V0}}",
    "{{.L0 | first}}{{.L0 | last}}",
    "{{and .V0 .UNSET}}",
    "{{or .UNSET .V1}}",
    "{{not .B0}}",
    "{{\"a,b\" | splitList \",\" | join \"+\"}}",
    "{{list 1 2 3}}",
    "{{(dict \"k\" .V0).k}}",
    "{{.INC}}",
];

/// Expressions that need no variable: the environment of the root comes before those.
const EARLY_EXPRESSIONS: &[&str] = &[
    "{{.UNSET | default \"early\"}}",
    "{{add 1 2}}",
    "{{list 1 2 | len}}",
    "{{.E0}}",
    "{{.INC}}",
    "{{base .ROOT_DIR | len | lt 0}}",
    "{{\"low\" | upper}}",
];

/// Expressions that make a whole word of the shell.
const WORDS: &[&str] =
    &["{{.V0 | shellQuote}}", "{{.V1 | q}}", "{{.N0}}", "{{.V0 | quote}}", "{{.L0 | join \" \"}}"];

/// Shell lines that need no template.
const SCRIPTS: &[&str] = &[
    "for i in 1 2 3; do echo \"$i\"; done",
    "x=$E0; echo \"${x:-none} ${#x}\"",
    "echo a-b-c | tr - +",
    "if [ -f out/made ]; then echo found; else echo missing; fi",
    "case \"$E1\" in a*) echo starts;; *) echo other;; esac",
    "echo $((3 * 4 + 1))",
    "printf '%s|' one two; echo",
    "mkdir -p out && echo made > out/made",
    "echo \"$E0 $E1\" >> log.txt",
    "cat log.txt 2>/dev/null || echo empty",
    "f() { echo \"in $1\"; }; f here; f there",
    "test -n \"$E0\" && echo set || echo unset",
    "echo one; echo two >&2; echo three",
    "x=1; while [ $x -lt 4 ]; do x=$((x + 1)); done; echo $x",
    "cat <<EOF\nhere $E0\nEOF",
    "(cd / && echo inside); basename \"$PWD\" | tr -d '\\n' | wc -c > /dev/null",
    "echo {a,b}{1,2}",
    "a=hello; echo ${a%lo} ${a/l/L} ${a:1:2}",
    "arr=(x y z); echo ${arr[1]} ${#arr[@]}",
    "[[ $E0 == *e* ]] && echo matches || echo differs",
    "true | false || echo piped",
    "echo 'single $E0' \"double\"",
    "! false && echo negated",
    "false && echo never; echo after",
    "read -r line <<< 'from a string'; echo \"$line\"",
];

/// Text with templates in it, fit for double quotes of the shell.
#[derive(Clone, Debug)]
pub struct Text(Vec<String>);

/// What one command does.
#[derive(Clone, Debug)]
enum Action {
    Echo(Text),
    EchoWords(Vec<&'static str>),
    Environment(&'static str),
    Script(&'static str),
    Fail(u8),
    Call { target: usize, vars: Vec<(&'static str, Text)> },
    CallLibrary { target: usize, vars: Vec<(&'static str, Text)> },
    ForList { items: Vec<String>, text: Text },
    ForVariable { variable: &'static str, split: Option<&'static str>, text: Text },
    ForMatrix { text: Text },
    ForCall { items: Vec<String>, target: usize },
    Defer(Text),
    DeferCall { target: usize },
}

/// A command with what may stand beside it.
#[derive(Clone, Debug)]
struct Command {
    action: Action,
    ignore_error: bool,
    silent: Option<bool>,
    condition: Option<&'static str>,
}

/// How a task knows that it has nothing to do.
#[derive(Clone, Debug)]
enum Freshness {
    Always,
    Status(&'static str),
    Sources { method: Option<&'static str>, generates: bool, loops: bool },
}

#[derive(Clone, Debug)]
struct Variable {
    name: &'static str,
    value: VariableValue,
}

#[derive(Clone, Debug)]
enum VariableValue {
    Text(Text),
    Shell(Text),
    Reference(&'static str),
    Number(i32),
    List(Vec<String>),
}

#[derive(Clone, Debug)]
struct Task {
    commands: Vec<Command>,
    dependency: Option<usize>,
    vars: Vec<Variable>,
    env: Vec<(&'static str, Text)>,
    directory: Option<&'static str>,
    freshness: Freshness,
    run: Option<&'static str>,
    silent: Option<bool>,
    ignore_error: bool,
    condition: Option<&'static str>,
    precondition: Option<&'static str>,
    requires: bool,
    label: Option<Text>,
    dotenv: bool,
}

#[derive(Clone, Debug)]
struct Library {
    tasks: Vec<Task>,
    vars: Vec<Variable>,
    include_vars: Vec<(&'static str, Text)>,
    directory: Option<&'static str>,
    flatten: bool,
}

/// A generated project.
#[derive(Clone, Debug)]
pub struct Generated {
    tasks: Vec<Task>,
    vars: Vec<Variable>,
    env: Vec<(&'static str, Text)>,
    dotenv: bool,
    library: Library,
    silent: bool,
    run: Option<&'static str>,
}

/// Generated projects.
pub fn projects() -> impl Strategy<Value = Generated> {
    (
        tasks(ROOT_TASKS, true),
        vec(variable(), 0..4),
        early_environment(),
        any::<bool>(),
        library(),
        any::<bool>(),
        option::weighted(0.1, select(&["once", "when_changed"][..])),
    )
        .prop_map(|(tasks, vars, env, dotenv, library, silent, run)| Generated {
            tasks,
            vars,
            env,
            dotenv,
            library,
            silent,
            run,
        })
}

fn library() -> impl Strategy<Value = Library> {
    (
        tasks(LIBRARY_TASKS, false),
        vec(variable(), 0..2),
        vec((select(&["INC", "V0", "V1"][..]), text()), 0..3),
        option::weighted(0.4, Just("lib")),
        option::weighted(0.2, Just(())),
    )
        .prop_map(|(tasks, vars, include_vars, directory, flatten)| Library {
            tasks,
            vars,
            include_vars,
            directory,
            flatten: flatten.is_some(),
        })
}

fn tasks(count: usize, root: bool) -> impl Strategy<Value = Vec<Task>> {
    (0..count).map(|index| task(index, count, root)).collect::<Vec<_>>()
}

fn task(index: usize, count: usize, root: bool) -> impl Strategy<Value = Task> {
    let later = (index + 1..count).collect::<Vec<_>>();
    let dependency = if later.is_empty() { Just(None).boxed() } else { of(select(later.clone())).boxed() };
    let body = (
        vec(command(later, root), 1..5),
        dependency,
        vec(variable(), 0..3),
        environment(),
        option::weighted(0.2, select(&["sub", "{{.ROOT_DIR}}", "made/{{.N0}}"][..])),
        freshness(),
    );
    let guards = (
        option::weighted(0.2, select(&["once", "always", "when_changed"][..])),
        of(any::<bool>()),
        option::weighted(0.1, Just(())),
        option::weighted(0.1, condition()),
        option::weighted(0.1, select(&["true", "test -n \"{{.V0}}\""][..])),
        option::weighted(0.1, Just(())),
        option::weighted(0.1, text()),
        option::weighted(0.2, Just(())),
    );
    (body, guards).prop_map(|(body, guards)| {
        let (commands, dependency, vars, env, directory, freshness) = body;
        let (run, silent, ignore_error, condition, precondition, requires, label, dotenv) = guards;
        Task {
            commands,
            dependency,
            vars,
            env,
            directory,
            freshness,
            run,
            silent,
            ignore_error: ignore_error.is_some(),
            condition,
            precondition,
            requires: requires.is_some(),
            label,
            dotenv: dotenv.is_some(),
        }
    })
}

fn command(later: Vec<usize>, root: bool) -> impl Strategy<Value = Command> {
    let parts = (action(later, root), option::weighted(0.1, Just(())), of(any::<bool>()));
    (parts, option::weighted(0.1, condition())).prop_map(|((action, ignore_error, silent), condition)| {
        Command { action, ignore_error: ignore_error.is_some(), silent, condition }
    })
}

fn action(later: Vec<usize>, root: bool) -> BoxedStrategy<Action> {
    let looped = || vec("[a-z]{1,3}", 1..4);
    let mut kinds = vec![
        (6, text().prop_map(Action::Echo).boxed()),
        (2, vec(select(WORDS), 1..4).prop_map(Action::EchoWords).boxed()),
        (2, select(&["E0", "E1", "E2"][..]).prop_map(Action::Environment).boxed()),
        (6, select(SCRIPTS).prop_map(Action::Script).boxed()),
        (1, (1_u8..5).prop_map(Action::Fail).boxed()),
        (1, (looped(), text()).prop_map(|(items, text)| Action::ForList { items, text }).boxed()),
        (1, for_variable().boxed()),
        (1, text().prop_map(|text| Action::ForMatrix { text }).boxed()),
        (1, text().prop_map(Action::Defer).boxed()),
    ];
    if !later.is_empty() {
        let target = select(later);
        let call = (target.clone(), call_vars()).prop_map(|(target, vars)| Action::Call { target, vars });
        let for_call =
            (looped(), target.clone()).prop_map(|(items, target)| Action::ForCall { items, target });
        kinds.push((4, call.boxed()));
        kinds.push((1, for_call.boxed()));
        kinds.push((1, target.prop_map(|target| Action::DeferCall { target }).boxed()));
    }
    if root {
        let call = (0..LIBRARY_TASKS, call_vars());
        kinds.push((2, call.prop_map(|(target, vars)| Action::CallLibrary { target, vars }).boxed()));
    }
    proptest::strategy::Union::new_weighted(kinds).boxed()
}

fn for_variable() -> impl Strategy<Value = Action> {
    let source = select(&[("L0", None), ("V1", None), ("S0", Some("-")), ("V0", Some("o"))][..]);
    (source, text()).prop_map(|((variable, split), text)| Action::ForVariable { variable, split, text })
}

fn call_vars() -> impl Strategy<Value = Vec<(&'static str, Text)>> {
    vec((select(&["V0", "V1", "UNSET"][..]), text()), 0..3)
}

fn variable() -> impl Strategy<Value = Variable> {
    let value = prop_oneof![
        4 => text().prop_map(VariableValue::Text),
        1 => text().prop_map(VariableValue::Shell),
        1 => select(&[".L0", ".M0.a", ".N0", "(index .L0 0)", "add .N0 1"][..]).prop_map(VariableValue::Reference),
        1 => (-5..100).prop_map(VariableValue::Number),
        1 => vec("[a-z]{1,3}", 2..4).prop_map(VariableValue::List),
    ];
    // Lists stay lists, so that loops and indices over them mean something.
    (select(&["V0", "V1", "W0", "L0"][..]), value).prop_map(|(name, value)| match (name, value) {
        ("L0", VariableValue::List(items)) => Variable { name: "L0", value: VariableValue::List(items) },
        ("L0", value) => Variable { name: "W0", value },
        (_, VariableValue::List(items)) => Variable { name: "L0", value: VariableValue::List(items) },
        (name @ ("V0" | "V1"), VariableValue::Reference(_) | VariableValue::Number(_)) => {
            Variable { name, value: VariableValue::Text(Text(vec!["one".into()])) }
        }
        (name, value) => Variable { name, value },
    })
}

fn early_environment() -> impl Strategy<Value = Vec<(&'static str, Text)>> {
    vec((select(&["E0", "E1", "E2"][..]), early_text()), 0..2)
}

fn environment() -> impl Strategy<Value = Vec<(&'static str, Text)>> {
    vec((select(&["E0", "E1", "E2"][..]), text()), 0..2)
}

fn freshness() -> impl Strategy<Value = Freshness> {
    let sources = (of(select(&["checksum", "timestamp", "none"][..])), any::<bool>(), any::<bool>());
    prop_oneof![
        6 => Just(Freshness::Always),
        1 => select(&["test -f out/made", "false", "true"][..]).prop_map(Freshness::Status),
        2 => sources.prop_map(|(method, generates, loops)| Freshness::Sources { method, generates, loops }),
    ]
}

fn condition() -> impl Strategy<Value = &'static str> {
    select(
        &["true", "false", "[ \"{{.N0}}\" = 7 ]", "test -n \"$E0\"", "{{if .B0}}true{{else}}false{{end}}"][..],
    )
}

fn text() -> impl Strategy<Value = Text> {
    text_with(EXPRESSIONS)
}

fn early_text() -> impl Strategy<Value = Text> {
    text_with(EARLY_EXPRESSIONS)
}

fn text_with(expressions: &'static [&'static str]) -> impl Strategy<Value = Text> {
    let literal = "[a-zA-Z0-9 ,:#%'ü-]{1,6}";
    vec(prop_oneof![2 => literal, 3 => select(expressions).prop_map(str::to_owned)], 1..4).prop_map(Text)
}

impl Text {
    fn whole(&self) -> String {
        self.0.concat()
    }
}

/// A file of a generated project: its path and text.
pub type File = (&'static str, String);

impl Generated {
    /// The project's files.
    pub fn files(&self) -> Vec<File> {
        let source = |number: usize| format!("content {number}\n");
        vec![
            ("Taskfile.yml", self.root()),
            ("lib/Taskfile.yml", self.library()),
            (".env", "E2=\"from dotenv\"\nexport E1=dotted # remark\n".into()),
            ("task.env", "E2='of the task ${E1}'\n".into()),
            ("lib/task.env", "E2=of-the-library\n".into()),
            ("sub/task.env", "E2=of-the-directory\n".into()),
            ("src/a.txt", source(1)),
            ("src/b.txt", source(2)),
            ("src/deep/c.txt", source(3)),
        ]
    }

    fn root(&self) -> String {
        let mut yaml = String::from("version: '3'\n");
        if self.silent {
            yaml.push_str("silent: true\n");
        }
        if let Some(run) = self.run {
            let _ = writeln!(yaml, "run: {run}");
        }
        if self.dotenv {
            yaml.push_str("dotenv: [.env, missing.env]\n");
        }
        yaml.push_str("vars:\n  V0: one\n  V1: two,three\n  N0: 7\n  B0: true\n  L0: [x, y, z]\n");
        yaml.push_str("  M0: {map: {a: 1, b: text}}\n  S0: {sh: echo from-shell}\n");
        // The names above are taken: a name that is written twice is another subject.
        let own: Vec<Variable> = self.vars.iter().filter(|variable| variable.name == "W0").cloned().collect();
        write_variables(&mut yaml, "  ", &own);
        write_environment(&mut yaml, "", &self.env);
        yaml.push_str(&self.include());
        yaml.push_str("tasks:\n  default:\n    cmds:\n      - task: t0\n      - task: t1\n");
        let prefix = if self.library.flatten { "" } else { "lib:" };
        write_tasks(&mut yaml, &self.tasks, "t", prefix);
        yaml
    }

    fn include(&self) -> String {
        let mut yaml = String::from("includes:\n  lib:\n    taskfile: ./lib\n");
        if let Some(directory) = self.library.directory {
            let _ = writeln!(yaml, "    dir: {directory}");
        }
        if self.library.flatten {
            yaml.push_str("    flatten: true\n");
        }
        write_pairs(&mut yaml, "    ", "vars", &self.library.include_vars);
        yaml
    }

    fn library(&self) -> String {
        let mut yaml = String::from("version: '3'\n");
        if !self.library.vars.is_empty() {
            yaml.push_str("vars:\n");
            write_variables(&mut yaml, "  ", &self.library.vars);
        }
        yaml.push_str("tasks:\n");
        write_tasks(&mut yaml, &self.library.tasks, "l", "");
        yaml
    }
}

fn write_tasks(yaml: &mut String, tasks: &[Task], letter: &str, library: &str) {
    for (number, task) in tasks.iter().enumerate() {
        let _ = writeln!(yaml, "  {letter}{number}:");
        task.write(yaml, letter, library);
    }
}

impl Task {
    fn write(&self, yaml: &mut String, letter: &str, library: &str) {
        self.write_guards(yaml);
        if let Some(dependency) = self.dependency {
            let _ = writeln!(yaml, "    deps: [{letter}{dependency}]");
        }
        if !self.vars.is_empty() {
            yaml.push_str("    vars:\n");
            write_variables(yaml, "      ", &self.vars);
        }
        write_environment(yaml, "    ", &self.env);
        self.freshness.write(yaml);
        yaml.push_str("    cmds:\n");
        if let Freshness::Sources { generates: true, .. } = self.freshness {
            yaml.push_str("      - mkdir -p made && echo made > made/result\n");
        }
        if let Freshness::Sources { loops: true, .. } = self.freshness {
            yaml.push_str("      - for: sources\n        cmd: echo \"source {{.ITEM}}\"\n");
        }
        for command in &self.commands {
            command.write(yaml, letter, library);
        }
    }

    fn write_guards(&self, yaml: &mut String) {
        let mut field = |name: &str, value: &str| {
            let _ = writeln!(yaml, "    {name}: {value}");
        };
        if let Some(label) = &self.label {
            field("label", &quoted(&label.whole()));
        }
        if let Some(directory) = self.directory {
            field("dir", &quoted(directory));
        }
        if let Some(run) = self.run {
            field("run", run);
        }
        if let Some(silent) = self.silent {
            field("silent", if silent { "true" } else { "false" });
        }
        if self.ignore_error {
            field("ignore_error", "true");
        }
        if let Some(condition) = self.condition {
            field("if", &quoted(condition));
        }
        if let Some(precondition) = self.precondition {
            field("preconditions", &format!("[{}]", quoted(precondition)));
        }
        if self.requires {
            field("requires", "{vars: [V0, {name: N0, enum: ['7', '8']}]}");
        }
        if self.dotenv {
            field("dotenv", "[task.env]");
        }
    }
}

impl Freshness {
    fn write(&self, yaml: &mut String) {
        match self {
            Self::Always => {}
            Self::Status(status) => {
                let _ = writeln!(yaml, "    status: [{}]", quoted(status));
            }
            Self::Sources { method, generates, .. } => {
                yaml.push_str("    sources: ['src/**/*.txt', {exclude: src/b.txt}]\n");
                if let Some(method) = method {
                    let _ = writeln!(yaml, "    method: {method}");
                }
                if *generates {
                    yaml.push_str("    generates: [made/result]\n");
                }
            }
        }
    }
}

impl Command {
    fn write(&self, yaml: &mut String, letter: &str, library: &str) {
        let mut lines = self.action.lines(letter, library);
        let deferred = matches!(self.action, Action::Defer(_) | Action::DeferCall { .. });
        let calls =
            matches!(self.action, Action::Call { .. } | Action::CallLibrary { .. } | Action::ForCall { .. });
        if !deferred {
            // Most failures are ignored, so that most projects get to their end.
            if self.ignore_error || matches!(self.action, Action::Fail(2..)) {
                lines.push("ignore_error: true".into());
            }
            if let Some(silent) = self.silent {
                lines.push(format!("silent: {silent}"));
            }
            // The condition of a call would be that of the called task's directory.
            if let Some(condition) = self.condition.filter(|_| !calls) {
                lines.push(format!("if: {}", quoted(condition)));
            }
        }
        for (number, line) in lines.iter().enumerate() {
            let start = if number == 0 { "      - " } else { "        " };
            let _ = writeln!(yaml, "{start}{line}");
        }
    }
}

impl Action {
    /// The lines of the command's mapping, relative to its first key.
    fn lines(&self, letter: &str, library: &str) -> Vec<String> {
        let echo = |text: &Text| format!("cmd: {}", quoted(&format!("echo \"{}\"", text.whole())));
        let echo_item = |text: &Text, item: &str| {
            format!("cmd: {}", quoted(&format!("echo \"{{{{{item}}}}} {}\"", text.whole())))
        };
        match self {
            Self::Echo(text) => vec![echo(text)],
            Self::EchoWords(words) => vec![format!("cmd: {}", quoted(&format!("echo {}", words.join(" "))))],
            Self::Environment(name) => vec![format!("cmd: {}", quoted(&format!("echo \"${name}.\"")))],
            Self::Script(script) => block("cmd", script),
            Self::Fail(code) => vec![format!("cmd: echo failing; exit {code}")],
            Self::Call { target, vars } => call(&format!("{letter}{target}"), vars),
            Self::CallLibrary { target, vars } => call(&format!("{library}l{target}"), vars),
            Self::ForList { items, text } => {
                vec![
                    format!("for: [{}]", items.iter().map(|i| quoted(i)).collect::<Vec<_>>().join(", ")),
                    echo_item(text, ".ITEM"),
                ]
            }
            Self::ForVariable { variable, split, text } => {
                let split = split.map_or(String::new(), |split| format!(", split: '{split}'"));
                vec![format!("for: {{var: {variable}{split}, as: PART}}"), echo_item(text, ".PART")]
            }
            Self::ForMatrix { text } => vec![
                "for: {matrix: {OS: [linux, mac], LIST: {ref: .L0}}}".into(),
                echo_item(text, "printf \"%s-%s\" .ITEM.OS .ITEM.LIST"),
            ],
            Self::ForCall { items, target } => vec![
                format!("for: [{}]", items.iter().map(|i| quoted(i)).collect::<Vec<_>>().join(", ")),
                format!("task: {letter}{target}"),
                "vars: {V1: 'item {{.ITEM}}'}".into(),
            ],
            Self::Defer(text) => {
                vec![format!("defer: {}", quoted(&format!("echo \"deferred {}\"", text.whole())))]
            }
            Self::DeferCall { target } => vec![format!("defer: {{task: {letter}{target}}}")],
        }
    }
}

fn call(target: &str, vars: &[(&'static str, Text)]) -> Vec<String> {
    let mut lines = vec![format!("task: '{target}'")];
    let mut yaml = String::new();
    write_pairs(&mut yaml, "", "vars", vars);
    lines.extend(yaml.lines().map(str::to_owned));
    lines
}

fn block(key: &str, script: &str) -> Vec<String> {
    if !script.contains('\n') {
        return vec![format!("{key}: {}", quoted(script))];
    }
    let body = script.lines().map(|line| format!("  {line}"));
    std::iter::once(format!("{key}: |")).chain(body).collect()
}

fn write_variables(yaml: &mut String, indent: &str, vars: &[Variable]) {
    for (number, variable) in vars.iter().enumerate() {
        // A name that is given twice is an error; the last one stays.
        if vars[number + 1..].iter().any(|later| later.name == variable.name) {
            continue;
        }
        let value = match &variable.value {
            VariableValue::Text(text) => quoted(&text.whole()),
            VariableValue::Shell(text) => {
                format!("{{sh: {}}}", quoted(&format!("echo \"{}\"", text.whole())))
            }
            VariableValue::Reference(reference) => format!("{{ref: {}}}", quoted(reference)),
            VariableValue::Number(number) => number.to_string(),
            VariableValue::List(items) => {
                format!("[{}]", items.iter().map(|i| quoted(i)).collect::<Vec<_>>().join(", "))
            }
        };
        let _ = writeln!(yaml, "{indent}{}: {value}", variable.name);
    }
}

fn write_environment(yaml: &mut String, indent: &str, env: &[(&'static str, Text)]) {
    write_pairs(yaml, indent, "env", env);
}

fn write_pairs(yaml: &mut String, indent: &str, key: &str, pairs: &[(&'static str, Text)]) {
    if pairs.is_empty() {
        return;
    }
    let _ = writeln!(yaml, "{indent}{key}:");
    for (number, (name, text)) in pairs.iter().enumerate() {
        if !pairs[number + 1..].iter().any(|(later, _)| later == name) {
            let _ = writeln!(yaml, "{indent}  {name}: {}", quoted(&text.whole()));
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
