//! What is shown between the text: values behind variables, levels of steps, sizes of matrices.

use std::ops::Range;

use ez_compiler::ast::{Loop, Task as Definition};
use ez_compiler::ir::Plan;
use ez_compiler::ir::plan::PlanStep;
use ez_compiler::schema::{Format, Shape};
use ez_compiler::source::{FileId, Span};
use ez_compiler::template::ast::{Action, BranchKind, List, Node as TemplateNode};
use ez_compiler::template::{Template, Value, has_template};
use ez_compiler::yaml::node::{Node, NodeKind, Scalar};
use smol_str::SmolStr;

use super::syntax::{self, Tree, chosen};
use super::variables::{Context, Known, Strength, Variables};
use crate::analysis::Snapshot;

/// The longest value that is shown, in characters.
const MAX_VALUE: usize = 30;

/// A text that is shown behind a byte of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlayHint {
    /// The byte.
    pub offset: usize,
    /// The text.
    pub label: String,
    /// The whole value, where the text is cut.
    pub tooltip: Option<String>,
}

/// The hints of a part of a file, in the order of the text.
pub fn of_range(snapshot: &Snapshot, file: FileId, range: &Range<usize>) -> Vec<InlayHint> {
    let switched = &snapshot.settings.inlay_hints;
    let Some(tree) = Tree::of(&snapshot.analysis, file) else { return Vec::new() };
    let Some(root) = tree.root() else { return Vec::new() };
    let mut hints = Vec::new();
    if tree.format == Format::Taskfile && switched.values {
        let mut values = Values {
            tree: &tree,
            wanted: range,
            variables: Variables::new(snapshot),
            contexts: vec![Context::Globals],
            within: None,
            hidden: Vec::new(),
            hints: &mut hints,
        };
        values.file(snapshot, root);
    }
    if tree.format == Format::Plan {
        let path = &snapshot.analysis.file(file).path;
        let compiled = snapshot.analysis.compilation.plans.iter().find(|plan| plan.file.path == *path);
        if let Some(plan) = compiled.and_then(|compiled| compiled.plan.as_ref()) {
            steps(snapshot, &tree, root, plan, &mut hints);
        }
    }
    hints.retain(|hint| range.start <= hint.offset && hint.offset <= range.end);
    hints.sort_by_key(|hint| hint.offset);
    hints
}

/// Looks for values behind variables.
struct Values<'a> {
    tree: &'a Tree<'a>,
    wanted: &'a Range<usize>,
    variables: Variables<'a>,
    /// The tasks that the place is in: several where a file is included several times, or others extend the task.
    contexts: Vec<Context<'a>>,
    /// The variable in whose value the place is: it sees what is weaker.
    within: Option<Span>,
    /// Names that loops of the task define.
    hidden: Vec<&'a str>,
    hints: &'a mut Vec<InlayHint>,
}

impl<'a> Values<'a> {
    fn file(&mut self, snapshot: &'a Snapshot, root: &Node) {
        let NodeKind::Mapping(mapping) = &root.kind else { return };
        let object = Format::Taskfile.root();
        for entry in &mapping.entries {
            let Some(key) = syntax::scalar(&entry.key) else { continue };
            let Some(field) = object.field(&key.text).filter(|_| self.is_wanted(&entry.value)) else {
                continue;
            };
            match &entry.value.kind {
                NodeKind::Mapping(tasks) if key.text == "tasks" => {
                    for task in &tasks.entries {
                        if !self.is_wanted(&task.value) {
                            continue;
                        }
                        let Some(first) = snapshot.analysis.task_of(task.key.span) else { continue };
                        self.hidden = loop_names(&first.definition);
                        if let Shape::Map(map) = field.shape {
                            self.task(snapshot, task.key.span, &task.value, map.values);
                        }
                    }
                    self.contexts = vec![Context::Globals];
                    self.hidden.clear();
                }
                _ => self.node(&entry.value, field.shape),
            }
        }
    }

    /// A task, field by field: another one that extends it has those that it does not write itself.
    fn task(&mut self, snapshot: &'a Snapshot, name: Span, task: &Node, shape: Shape) {
        let contexts = |field: &str| {
            let tasks = snapshot.analysis.tasks_with(name, field);
            tasks.into_iter().map(Context::Task).collect()
        };
        let NodeKind::Mapping(fields) = &task.kind else {
            self.contexts = contexts("cmds");
            self.node(task, shape);
            return;
        };
        for field in &fields.entries {
            let Some(key) = syntax::scalar(&field.key) else { continue };
            let inner = chosen(shape, task).and_then(|shape| shape.of_key(&key.text));
            if let Some(inner) = inner.filter(|_| self.is_wanted(&field.value)) {
                self.contexts = contexts(&key.text);
                self.node(&field.value, inner);
            }
        }
    }

    fn is_wanted(&self, node: &Node) -> bool {
        let range = self.tree.range(node.span);
        range.start <= self.wanted.end && self.wanted.start <= range.end
    }

    fn node(&mut self, node: &Node, shape: Shape) {
        let Some(shape) = chosen(shape, node) else { return };
        match &node.kind {
            NodeKind::Mapping(mapping) => {
                for entry in &mapping.entries {
                    let Some(key) = syntax::scalar(&entry.key) else { continue };
                    if let Some(inner) = shape.of_key(&key.text).filter(|_| self.is_wanted(&entry.value)) {
                        let outer = self.within;
                        let context = self.contexts.first().copied().unwrap_or(Context::Globals);
                        if matches!(shape, Shape::Map(_))
                            && self.variables.strength(context, entry.key.span).is_some()
                        {
                            self.within = Some(entry.key.span);
                        }
                        self.node(&entry.value, inner);
                        self.within = outer;
                    }
                }
            }
            NodeKind::Sequence(sequence) => {
                let inner = if let Shape::List(items) = shape { *items } else { shape };
                for item in &sequence.items {
                    self.node(item, inner);
                }
            }
            NodeKind::Scalar(scalar) => {
                let is_template =
                    syntax::scalar_meaning(shape, node).is_some_and(|(_, is_template)| is_template);
                if is_template && has_template(&scalar.text) {
                    self.scalar(node, scalar);
                }
            }
            NodeKind::Alias { .. } => {}
        }
    }

    fn scalar(&mut self, node: &Node, scalar: &Scalar) {
        let template = Template::parse(&scalar.text);
        let mut actions = Vec::new();
        collect(template.root(), &mut actions);
        if actions.is_empty() {
            return;
        }
        let fields = template.field_references();
        let bytes = self.tree.places(scalar, &self.tree.range(node.span));
        let places = self.variables.places(&self.contexts, self.within);
        for action in actions {
            let Some(range) = bytes.range(&action.range) else { continue };
            if range.end < self.wanted.start || self.wanted.end < range.end {
                continue;
            }
            // Both are in the order of the text: each field is looked at for one action.
            let first = fields.partition_point(|field| field.range.start < action.range.start);
            let behind = fields.get(first..).unwrap_or_default().iter();
            let mut names = behind.take_while(|field| field.range.end <= action.range.end).peekable();
            // Without a name there is nothing that somebody would want to know.
            if names.peek().is_none() || names.any(|field| self.hidden.contains(&field.name.as_str())) {
                continue;
            }
            let Some(text) = scalar.text.get(action.range.clone()) else { continue };
            let Some((value, is_default)) =
                self.value(text, &places).filter(|(value, _)| !value.trim().is_empty())
            else {
                continue;
            };
            self.hints.push(hint(range.end, &value, is_default));
        }
    }

    /// The text that an action gives wherever it is evaluated, and whether only where nobody gives another value.
    fn value(&self, action: &str, places: &[(Context<'a>, Strength)]) -> Option<(SmolStr, bool)> {
        match Variables::same(places, |context, below| self.variables.render(context, action, below)) {
            Known::Value(Value::String(value)) => Some((value, false)),
            Known::Default(Value::String(value)) => Some((value, true)),
            _ => None,
        }
    }
}

fn hint(offset: usize, value: &str, is_default: bool) -> InlayHint {
    let line = value.trim_end_matches('\n').replace('\n', "⏎");
    let mut label = format!("= {}", line.chars().take(MAX_VALUE).collect::<String>());
    let is_cut = line.chars().count() > MAX_VALUE;
    if is_cut {
        label.push('…');
    }
    if is_default {
        label.push_str(" by default");
    }
    InlayHint { offset, label, tooltip: is_cut.then(|| value.to_owned()) }
}

/// The actions that print a value, where `.` is the data.
fn collect<'t>(list: &'t List, actions: &mut Vec<&'t Action>) {
    for node in &list.nodes {
        match node {
            TemplateNode::Action(action) if action.pipe.declarations.is_empty() => actions.push(action),
            TemplateNode::Branch(branch) if branch.kind == BranchKind::If => {
                collect(&branch.list, actions);
                if let Some(otherwise) = &branch.otherwise {
                    collect(otherwise, actions);
                }
            }
            _ => {}
        }
    }
}

/// Names that loops of a task define.
fn loop_names(task: &Definition) -> Vec<&str> {
    let of_deps = task.deps.iter().filter_map(|dependency| dependency.repeat.as_deref());
    let of_cmds = task.cmds.iter().filter_map(|command| command.repeat.as_deref());
    let names = |repeat| {
        let Loop { variable, .. }: &Loop = repeat;
        [variable.as_ref().map_or("ITEM", |name| name.value.as_str()), "KEY"]
    };
    of_deps.chain(of_cmds).flat_map(names).collect()
}

/// Levels and sizes of the steps of a plan.
fn steps(snapshot: &Snapshot, tree: &Tree<'_>, root: &Node, plan: &Plan, hints: &mut Vec<InlayHint>) {
    let switched = &snapshot.settings.inlay_hints;
    let Some(NodeKind::Sequence(items)) = value_of(root, "steps").map(|(_, value)| &value.kind) else {
        return;
    };
    for item in &items.items {
        let named = value_of(item, "name").or_else(|| value_of(item, "task")).map(|(_, name)| name);
        // A step may be nothing but the name of its task.
        let name = named.unwrap_or(item);
        let Some(text) = syntax::scalar(name) else { continue };
        let Some(step) = plan.steps.iter().find(|step| step.name.value == text.text) else { continue };
        if switched.levels {
            let label = level(plan, step);
            hints.push(InlayHint { offset: tree.range(name.span).end, label, tooltip: None });
        }
        if let Some((key, _)) = value_of(item, "matrix").filter(|_| switched.matrix && step.has_matrix) {
            let count = step.nodes.len();
            let label = format!("{count} combination{}", if count == 1 { "" } else { "s" });
            hints.push(InlayHint { offset: tree.range(key.span).end + ":".len(), label, tooltip: None });
        }
    }
}

fn level(plan: &Plan, step: &PlanStep) -> String {
    let (first, last) = plan.levels_of(step);
    if first == last { format!("level {first}") } else { format!("levels {first}–{last}") }
}

/// A key of a mapping with its value.
fn value_of<'n>(node: &'n Node, key: &str) -> Option<(&'n Node, &'n Node)> {
    let NodeKind::Mapping(mapping) = &node.kind else { return None };
    let entry = mapping
        .entries
        .iter()
        .find(|entry| syntax::scalar(&entry.key).is_some_and(|found| found.text == key))?;
    Some((&entry.key, &entry.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::fixture::{Fixture, check_cases, recorded_files};
    use crate::settings::{InlayHints, Settings};

    /// The text with its hints: `‹= value›`.
    fn annotated(snapshot: &Snapshot, name: &str) -> String {
        let path = camino::Utf8Path::new("/project").join(name);
        let file = snapshot.analysis.file_of(&path).unwrap();
        let mut text = snapshot.analysis.text(file).to_owned();
        for hint in of_range(snapshot, file, &(0..text.len())).iter().rev() {
            text.insert_str(hint.offset, &format!("‹{}›", hint.label));
        }
        text
    }

    const PLAN: &str = "version: '3'\ntasks: {a: ls, a-task: ls}\n#- plans/p.yml\nsteps:\n  - name: one\n    task: a\n    matrix:\n      arch: [x, y]\n      os: [l, w, m]\n  - {task: a, needs: [one]}\n  - {name: 'last', task: a, needs: [a], matrix: {k: [v]}}\n  - a-task\n";

    #[test]
    fn hints() {
        let cases = [
            (
                "values of variables",
                "version: '3'\nvars: {NAME: ez, BIN: 'bin/{{.NAME}}', NOW: {sh: date}}\ntasks:\n  a:\n    dir: '{{.BIN}}'\n    cmds:\n      - 'echo {{.NAME | upper}} {{.NOW}} {{.NONE}} {{.CLI_ARGS}} {{.TASK}}'\n      - |\n        {{if .NAME}}\n        ls {{.BIN}}/x\n        {{end}}\n",
            ),
            (
                "values of the task",
                "version: '3'\nvars: {V: global}\ntasks:\n  a: {vars: {V: '{{.V}}-own'}, cmds: ['echo {{.V}}']}\n  b: {cmds: ['echo {{.V}}']}\n  c: {cmds: [{task: b, vars: {V: given}}]}\n",
            ),
            (
                "loops",
                "version: '3'\nvars: {FILE: f, LIST: [a]}\ntasks:\n  a:\n    cmds:\n      - {for: {var: LIST, as: FILE}, cmd: 'cat {{.FILE}} {{.ITEM}}'}\n      - 'echo {{range .LIST}}{{.}}{{end}} {{len .LIST}}'\n",
            ),
            (
                "secrets",
                "version: '3'\nvars: {API_TOKEN: abc, S: {value: x, secret: true}, URL: 'a/{{.API_TOKEN}}'}\ntasks: {a: 'echo {{.API_TOKEN}} {{.S}} {{.URL}}'}\n",
            ),
            (
                "long values",
                "version: '3'\nvars: {L: 'one two three four five six seven', M: \"a\\nb\"}\ntasks: {a: 'echo {{.L}} {{.M}}'}\n",
            ),
            (
                "params",
                "version: '3'\ntasks: {a: {ez-params: [{name: arch, default: arm64}, {name: key, type: secret, default: x}], cmds: ['echo {{.EZ_ARCH}} {{.EZ_KEY}}']}}\n",
            ),
            (
                "a value that names itself twice",
                "version: '3'\nvars: {A: '{{.A}}{{.A}}x', B: '{{.C}}{{.C}}', C: '{{.B}}{{.B}}'}\ntasks: {a: 'echo {{.A}} {{.B}}'}\n",
            ),
            (
                "a param that a plan gives",
                "version: '3'\ntasks:\n  a: {ez-params: [{name: stage, default: dev}], vars: {V: x, W: y}, cmds: ['echo {{.EZ_STAGE}} {{.W}}']}\n  b: {ez-params: [{name: stage, default: dev}], cmds: ['echo {{.EZ_STAGE | upper}}']}\n#- plans/p.yml\nsteps: [{task: a, vars: {stage: prod}}, {task: b}]\n",
            ),
            (
                "a variable that a plan gives",
                "version: '3'\nvars: {MODE: global}\ntasks:\n  a: 'echo {{.MODE}}'\n  b: 'echo {{.MODE}}'\n#- plans/p.yml\nsteps: [{task: a, vars: {MODE: prod}}]\n",
            ),
            (
                "a variable that a call of some task gives",
                "version: '3'\nvars: {MODE: global, OTHER: o}\ntasks:\n  a: 'echo {{.MODE}} {{.OTHER}}'\n  b: {cmds: [{task: '{{.X}}', vars: {MODE: b}}]}\n",
            ),
            (
                "a variable that may be given",
                "version: '3'\nvars: {MODE: '{{.MODE | default \"dev\"}}', DIR: 'out/{{.MODE}}'}\ntasks: {a: 'echo {{.DIR}} {{.OTHER | default \"x\"}}'}\n",
            ),
            (
                "items of loops",
                "version: '3'\nvars: {ITEM: i, KEY: k}\ntasks:\n  a: {cmds: [{for: [x], cmd: 'echo {{.ITEM}} {{.KEY}}'}]}\n  b: 'echo {{.ITEM}} {{.KEY}}'\n",
            ),
            (
                "a file that is included twice",
                "version: '3'\nincludes: {a: {taskfile: lib.yml, vars: {V: a, S: s}}, b: {taskfile: lib.yml, vars: {V: b, S: s}}}\ntasks: {}\n#- lib.yml\nversion: '3'\ntasks: {a: 'echo {{.V}} {{.S}} {{.TASK}}'}\n",
            ),
            (
                "a folder task",
                "version: '3'\ntasks: {x: ls}\n#- plans/p.yml\nsteps: [{task: fw, vars: {board: mega}}]\n#- tasks/fw/task.yml\nparams: [{name: board, default: uno}, {name: level, default: low}]\n#- tasks/fw/Taskfile.yml\nversion: '3'\ntasks: {default: 'echo {{.EZ_BOARD}} {{.EZ_LEVEL}}'}\n",
            ),
            (
                "includes",
                "version: '3'\nincludes: {lib: {taskfile: lib.yml, vars: {V: given}}}\nvars: {R: root}\ntasks: {}\n#- lib.yml\nversion: '3'\ntasks: {a: 'echo {{.V}} {{.R}}'}\n",
            ),
            (
                "a task that another extends",
                "version: '3'\nvars: {NAME: ez}\ntasks:\n  base: {vars: {CLOCK: 8, OUT: 'o{{.CLOCK}}'}, cmds: ['echo {{.CLOCK}} {{.NAME}} {{.OUT}}']}\n  mega: {ez-extends: base, vars: {CLOCK: 16}}\n",
            ),
            (
                "a task that another extends, with commands of its own",
                "version: '3'\ntasks:\n  base: {vars: {CLOCK: 8}, cmds: ['echo {{.CLOCK}}'], desc: '{{.CLOCK}}'}\n  mega: {ez-extends: base, vars: {CLOCK: 16}, cmds: ['echo {{.CLOCK}}']}\n",
            ),
            (
                "a variable whose value another task replaces",
                "version: '3'\ntasks:\n  base: {vars: {CLOCK: 8, OUT: 'o{{.CLOCK}}'}, cmds: [ls]}\n  mega: {ez-extends: base, vars: {CLOCK: 16, OUT: x}}\n",
            ),
            (
                "a task that others extend in a row and in a circle",
                "version: '3'\ntasks:\n  base: {vars: {A: a, B: b}, cmds: ['echo {{.A}} {{.B}}']}\n  one: {ez-extends: base}\n  two: {ez-extends: one, vars: {A: c}}\n  round: {ez-extends: circle, vars: {A: a}, cmds: ['echo {{.A}}']}\n  circle: {ez-extends: round}\n",
            ),
            (
                "params with other defaults",
                "version: '3'\ntasks:\n  base: {ez-params: [board, {name: level, default: low}], cmds: ['echo {{.EZ_BOARD}} {{.EZ_LEVEL}}']}\n  uno: {ez-extends: base, ez-defaults: {board: uno}}\n",
            ),
            (
                "params that a composition gives",
                "version: '3'\ntasks:\n  base: {ez-params: [{name: board, default: x}, {name: level, default: low}], cmds: ['echo {{.EZ_BOARD}} {{.EZ_LEVEL}}']}\n  all: {ez-compose: [{task: base, defaults: {board: uno}}]}\n",
            ),
            (
                "a variable that a plan gives a task that extends another",
                "version: '3'\nvars: {MODE: fast}\ntasks:\n  base: 'echo {{.MODE}}'\n  mega: {ez-extends: base}\n  other: 'echo {{.MODE}}'\n#- plans/p.yml\nsteps: [{task: mega, vars: {MODE: slow}}]\n",
            ),
            (
                "a task that another file extends",
                "version: '3'\nincludes: {lib: lib.yml}\ntasks: {mega: {ez-extends: 'lib:lbase', vars: {CLOCK: 16}}}\n#- lib.yml\nversion: '3'\ntasks: {lbase: {vars: {CLOCK: 8, X: x}, cmds: ['echo {{.CLOCK}} {{.X}}']}}\n",
            ),
        ];
        check_cases("inlay-hints", &cases, |marked| {
            let names = ["lib.yml", "tasks/fw/Taskfile.yml"];
            let name = names.into_iter().find(|name| marked.contains(&format!("#- {name}")));
            let name = name.unwrap_or("Taskfile.yml");
            annotated(&Fixture::new(marked).snapshot(name), name)
        });
        check_cases("inlay-hints-of-plans", &[("levels and sizes", PLAN)], |marked| {
            annotated(&Fixture::new(marked).snapshot("plans/p.yml"), "plans/p.yml")
        });
    }

    #[test]
    fn each_kind_can_be_switched_off() {
        let all = InlayHints::default();
        let shown = |marked: &str, name: &str, switched: InlayHints| {
            let mut snapshot = Fixture::new(marked).snapshot(name);
            snapshot.settings =
                std::sync::Arc::new(Settings { inlay_hints: switched, ..Settings::default() });
            annotated(&snapshot, name).matches('‹').count()
        };
        assert_eq!(shown(PLAN, "plans/p.yml", all.clone()), 6);
        assert_eq!(shown(PLAN, "plans/p.yml", InlayHints { levels: false, ..all.clone() }), 2);
        assert_eq!(shown(PLAN, "plans/p.yml", InlayHints { matrix: false, ..all.clone() }), 4);
        let values = "version: '3'\nvars: {A: x}\ntasks: {a: 'echo {{.A}}'}\n";
        assert_eq!(shown(values, "Taskfile.yml", all.clone()), 1);
        assert_eq!(shown(values, "Taskfile.yml", InlayHints { values: false, ..all }), 0);
    }

    #[test]
    fn a_part_of_a_file_has_the_hints_of_the_whole() {
        let marked = "version: '3'\nvars: {A: x}\ntasks:\n  a: 'echo {{.A}}'\n  b: |\n    ls\n    {{.A}}\n  c: {deps: [a], desc: '{{.A}}'}\n";
        let snapshot = Fixture::new(marked).snapshot("Taskfile.yml");
        let file = snapshot.analysis.file_of("/project/Taskfile.yml".into()).unwrap();
        let all = of_range(&snapshot, file, &(0..marked.len()));
        assert_eq!(all.len(), 3);
        for start in 0..marked.len() {
            for end in start..marked.len() {
                let expected: Vec<InlayHint> =
                    all.iter().filter(|hint| start <= hint.offset && hint.offset <= end).cloned().collect();
                assert_eq!(of_range(&snapshot, file, &(start..end)), expected, "{start}..{end}");
            }
        }
    }

    #[test]
    fn recorded_files_have_hints_inside_of_their_texts() {
        for (path, text) in recorded_files() {
            if text.trim().is_empty() {
                continue;
            }
            let snapshot = Fixture::new(&text.replace("$0", "$1")).snapshot("Taskfile.yml");
            let file = snapshot.analysis.file_of("/project/Taskfile.yml".into()).unwrap();
            let text = snapshot.analysis.text(file);
            for hint in of_range(&snapshot, file, &(0..text.len())) {
                assert!(
                    text.get(..hint.offset).is_some_and(|before| before.ends_with("}}")),
                    "{path} {hint:?}"
                );
            }
        }
    }
}
