//! Graphs of plans, their values, and plans of which nothing is known but that they are text.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use camino::Utf8Path;
use proptest::prelude::*;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{CompiledPlan, Evaluation, Outcome, PlanFile, PlanValues};
use crate::diagnostic::Severity;
use crate::emit::plan::{PlanProject, plan_taskfile};
use crate::emit::plan_graph::{PlanFormat, plan_graph};
use crate::file_system::MemoryFileSystem;
use crate::generated_input::generated;
use crate::ir::plan::PlanText;
use crate::ir::{NodeId, Plan};
use crate::source::SourceMap;
use crate::template::{PureHost, Value};
use crate::{Compilation, Dialect, Options, Purpose, compile, compile_plans, yaml};

const TASKFILE: &str =
    "version: '3'\ntasks:\n  build: echo\n  test: echo\n  stage: {ez-params: [stage], cmds: [echo]}\n";

fn compile_plan(text: &str) -> (Compilation, CompiledPlan) {
    let files = MemoryFileSystem::new().with("/p/Taskfile.yml", TASKFILE).with("/p/plans/p.yml", text);
    let options = Options {
        root_dir: "/p".into(),
        host: &PureHost,
        purpose: Purpose::Run,
        dialect: Dialect::Ez,
        folder: None,
    };
    let mut compilation = compile(&files, Utf8Path::new("/p/Taskfile.yml"), &options, None);
    let file = PlanFile::at("/p/plans/p.yml");
    let plan = compile_plans(&files, &PureHost, &mut compilation, vec![file]).pop().unwrap();
    (compilation, plan)
}

fn graph(text: &str) -> Arc<Plan> {
    let (_, compiled) = compile_plan(text);
    assert_eq!(compiled.diagnostics, [], "{text}");
    compiled.plan.unwrap()
}

fn names(plan: &Plan, ids: impl IntoIterator<Item = NodeId>) -> Vec<String> {
    ids.into_iter().map(|id| plan.node(id).name.to_string()).collect()
}

#[test]
fn matrices_give_the_combinations_of_github() {
    let check = |matrix: &str, expected: &[&str]| {
        let plan = graph(&format!("steps: [{{name: s, task: build, matrix: {matrix}}}]\n"));
        assert_eq!(names(&plan, plan.ids()), expected, "{matrix}");
    };
    check("{a: [1, x]}", &["s[1]", "s[x]"]);
    check("{a: [1, 2], b: [x, y]}", &["s[a=1,b=x]", "s[a=1,b=y]", "s[a=2,b=x]", "s[a=2,b=y]"]);
    check("{a: [1, 2], b: [x, y], exclude: [{a: 1, b: y}, {a: 2}]}", &["s[a=1,b=x]"]);
    check("{a: [1, 2], include: [{a: 2, c: z}, {c: w}]}", &["s[a=1,c=w]", "s[a=2,c=w]"]);
    check("{a: [1], include: [{a: 3, c: z}, {a: 4}]}", &["s[1]", "s[a=3,c=z]", "s[4]"]);
    check("{include: [{a: 1}, {a: 2, b: true}]}", &["s[1]", "s[a=2,b=true]"]);
    check("{a: [1.5, yes, 'no']}", &["s[1.5]", "s[yes]", "s[no]"]);
}

#[test]
fn slugs_are_names_of_files() {
    let plan =
        graph("steps: [{name: a/b c, task: build, matrix: {x: ['..', 'ü*']}}, {name: .x, task: test}]\n");
    let slugs: Vec<&str> = plan.nodes.iter().map(|node| node.slug.as_str()).collect();
    assert_eq!(slugs, ["a_b_c-..", "a_b_c-__", "_x"]);
    let long = "n".repeat(300);
    let plan = graph(&format!("steps: [{{name: {long}, task: build}}, {{name: {long}n, task: build}}]\n"));
    assert!(plan.nodes.iter().all(|node| node.slug.len() <= super::MAX_SLUG));
    assert_ne!(plan.nodes[0].slug, plan.nodes[1].slug);
}

const DIAMOND: &str = "steps: [{name: a, task: build}, {name: b, task: build, needs: a}, {name: c, task: build, needs: [a], matrix: {x: [1, 2]}}, \
                       {name: d, task: test, needs: [b, 'c[2]']}]\n";

#[test]
fn a_graph_has_levels_and_a_critical_path() {
    let plan = graph(DIAMOND);
    assert_eq!(plan.levels, [0, 1, 1, 1, 2]);
    let last = plan.find("d").unwrap();
    assert_eq!(names(&plan, plan.needs.of(last).iter().copied()), ["b", "c[2]"]);
    assert_eq!(names(&plan, plan.dependents.of(NodeId(0)).iter().copied()), ["b", "c[1]", "c[2]"]);
    let seconds: Vec<Duration> = [1, 1, 9, 3, 2].map(Duration::from_secs).to_vec();
    let (path, total) = plan.critical_path(&seconds);
    assert_eq!(
        (names(&plan, path), total),
        (vec!["a".to_owned(), "c[1]".to_owned()], Duration::from_secs(10))
    );
    let (path, total) = plan.critical_path(&[Duration::from_secs(1); 5]);
    assert_eq!((names(&plan, path).len(), total), (3, Duration::from_secs(3)));
    assert_eq!(plan.remaining(&seconds)[3], Duration::from_secs(5));
    assert_eq!(serde_json::to_value(&plan).unwrap()["nodes"][2]["name"], "c[1]");
    assert_eq!(plan, graph(DIAMOND));
}

#[test]
fn only_shuffled_steps_change_places() {
    let steps: Vec<String> =
        (0..20).map(|i| format!("{{name: s{i}, task: build, shuffle: {}}}", i % 2 == 0)).collect();
    let plan = graph(&format!("steps: [{}]\n", steps.join(", ")));
    assert!(plan.is_shuffled() && !graph(DIAMOND).is_shuffled());
    let order = plan.start_order(3);
    assert_eq!(order, plan.start_order(3));
    assert_ne!(order, plan.start_order(4));
    for (place, id) in order.iter().enumerate() {
        assert_eq!(place % 2, id.0 as usize % 2, "a step that is not shuffled has moved");
        assert!(place % 2 == 0 || place == id.0 as usize);
    }
}

fn given(values: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<SmolStr> {
    move |name| values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
}

#[test]
fn names_mean_keys_then_variables_then_params() {
    let plan = graph(
        "vars: {v: var, both: var}\nparams: [{name: p, default: d}, {name: none}, {name: a-b, default: '{{\"x\"}}'}]\n\
         steps: [{task: build, matrix: {both: [key]}, vars: {T: '{{.both}} {{.v}} {{.p}} {{.EZ_P}} {{index . \"a-b\"}} {{.free}}', N: '{{.none}}'}}]\n",
    );
    assert_eq!(plan.implicit_params, ["EZ_FREE"]);
    let mut values =
        PlanValues::of_params(&plan, &given(&[("EZ_FREE", "f"), ("EZ_NONE", "")]), &PureHost).unwrap();
    let outputs = FxHashMap::default();
    for variable in &plan.vars {
        let outcome = Evaluation::new(&plan, None, &values, &outputs, &PureHost).variable(variable).unwrap();
        let Outcome::Value(value) = outcome else { panic!("{outcome:?}") };
        values.vars.insert(variable.name.value.clone(), value);
    }
    let evaluation = Evaluation::new(&plan, Some(NodeId(0)), &values, &outputs, &PureHost);
    let vars = &plan.step_of(NodeId(0)).vars;
    assert_eq!(evaluation.variable(&vars[0]).unwrap(), Outcome::Value(Value::string("key var d d x f")));
    assert_eq!(evaluation.variable(&vars[1]).unwrap(), Outcome::LeftOut(vec!["none".into()]));
    let values = PlanValues::of_params(&plan, &given(&[("EZ_P", "given")]), &PureHost).unwrap();
    assert_eq!(values.params.get("EZ_P"), Some(&Value::string("given")));
}

#[test]
fn outputs_are_those_of_finished_steps() {
    let plan = graph(
        "steps: [{name: a, task: build, matrix: {x: [1, 2]}, outputs: [v, w]}, {name: b, task: test, needs: [a], \
         when: '{{(index .steps \"a[2]\").outputs.v}}', vars: {W: '{{(index .steps \"a[2]\").outputs.w}}'}}]\n",
    );
    let values = PlanValues::default();
    let none = FxHashMap::default();
    let last = plan.find("b");
    let skipped = Evaluation::new(&plan, last, &values, &none, &PureHost);
    assert!(!skipped.condition().unwrap());
    let written = BTreeMap::from([("v".into(), SmolStr::new("yes"))]);
    let outputs = FxHashMap::from_iter([(NodeId(1), written)]);
    let evaluation = Evaluation::new(&plan, last, &values, &outputs, &PureHost);
    assert!(evaluation.condition().unwrap());
    let variable = &plan.step_of(last.unwrap()).vars[0];
    assert_eq!(evaluation.variable(variable).unwrap(), Outcome::Value(Value::string("")));
    assert_eq!(plan.step_of(last.unwrap()).output_reads, [NodeId(1)]);
}

#[test]
fn a_variable_of_a_param_s_name_is_that_param() {
    let plan = graph("steps: [{task: stage, vars: {stage: dev, other: 1}}]\n");
    let names: Vec<&str> = plan.steps[0].vars.iter().map(|variable| variable.name.value.as_str()).collect();
    assert_eq!(names, ["EZ_STAGE", "other"]);
}

#[test]
fn long_chains_and_wide_matrices_are_no_trouble() {
    let chain: Vec<String> = (0..5_000)
        .map(|i| {
            let needs = if i == 0 { String::new() } else { format!(", needs: [s{}]", i - 1) };
            let input = if i < 2 {
                String::new()
            } else {
                format!(", inputs: [{{from: s0, artifact: o, to: 'in{i}/'}}]")
            };
            format!("{{name: s{i}, task: build, artifacts: [{{name: o, path: 'o{i}'}}]{needs}{input}}}")
        })
        .collect();
    let plan = graph(&format!("steps: [{}]\n", chain.join(", ")));
    assert_eq!(plan.levels.last(), Some(&4_999));
    let wide: Vec<String> = (0..90).map(|i| i.to_string()).collect();
    let wide = wide.join(", ");
    let plan = graph(&format!(
        "steps: [{{name: a, task: build, matrix: {{x: [{wide}], y: [{wide}]}}}}, {{name: b, task: test, needs: [a]}}]\n"
    ));
    assert_eq!(plan.needs.of(plan.find("b").unwrap()).len(), 8_100);
    let two = format!(
        "steps: [{{name: a, task: build, matrix: {{x: [{wide}], y: [{wide}]}}}}, {{name: b, task: test, needs: [a], matrix: {{x: [{wide}], y: [{wide}]}}}}]\n"
    );
    let (_, compiled) = compile_plan(&two);
    assert_eq!(compiled.diagnostics[0].code, crate::rule::PLAN_LIMIT);
}

/// Whatever a plan says: no panic, findings with help, and, of a sound one, a Taskfile that is YAML.
fn check(text: &str) {
    let (compilation, compiled) = compile_plan(text);
    for found in &compiled.diagnostics {
        compilation.sources.locate(found.span);
        assert!(!found.message.is_empty());
    }
    let has_errors = compiled.diagnostics.iter().any(|found| found.severity == Severity::Error);
    let Some(plan) = compiled.plan.filter(|_| !has_errors) else { return };
    for format in [PlanFormat::Mermaid, PlanFormat::Dot, PlanFormat::Json, PlanFormat::Svg] {
        plan_graph(&plan, &compilation.sources, format);
    }
    let parts = PlanProject {
        program: &compilation.program,
        loaded: &compilation.loaded,
        sources: &compilation.sources,
        folders: Vec::new(),
    };
    let built = plan_taskfile(&plan, &parts, Some(1)).text;
    let mut sources = SourceMap::default();
    let file = sources.add_file("Taskfile.yml", built.as_str());
    let document = yaml::parse(&built, file, &mut sources, None);
    assert_eq!(document.errors, [], "{text}\n{built}");
    assert_eq!(plan_taskfile(&plan, &parts, Some(1)).text, built);
}

const PIECES: &[&str] = &[
    "steps:",
    "steps: ",
    "- ",
    "\n",
    "\n  ",
    "\n    ",
    "task: build",
    "task: test",
    "name: a",
    "name: b-c",
    "needs: [a]",
    "needs: ['a[x]']",
    "matrix: {k: [x, 1]}",
    "matrix: {include: [{k: v}]}",
    "exclude",
    "{{.k}}",
    "{{.steps.a.outputs.v}}",
    "{{.steps.b-c.outputs.v}}",
    "{{index .steps \"a[x]\" \"outputs\"}}",
    "outputs: [v]",
    "artifacts: [{name: o, path: 'o*'}]",
    "inputs: [{from: a, artifact: o, to: in/}]",
    "when: '",
    "'",
    "checkpoint: true",
    "retry: 2",
    "timeout: 1s",
    "vars: {V: '",
    "env: {E: 1}",
    "params: [p]",
    "shuffle: true",
    "workspace: true",
    "continue_on_error: true",
    "[",
    "]",
    "{",
    "}",
    ", ",
    ": ",
    "&x",
    "*x",
    "<<: *x",
    "|",
    "\t",
    "é",
    "\u{0}",
    "~",
];

#[test]
fn texts_do_not_have_to_be_plans() {
    for text in [
        "",
        "~",
        "[]",
        "steps",
        "steps: {}",
        "- a",
        "steps: [[[]]]",
        "steps: [~, ~]",
        "steps: [build, ~]\nname: 3\n",
    ] {
        check(text);
    }
}

proptest! {
    #![proptest_config(generated(300))]

    #[test]
    fn any_text_ends_in_a_result(text in any::<String>()) {
        check(&text);
    }

    #[test]
    fn pieces_of_plans_end_in_a_result(pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40)) {
        check(&pieces.concat());
    }

    #[test]
    fn steps_of_all_kinds_end_in_a_result(steps in prop::collection::vec(prop::collection::vec(prop::sample::select(PIECES), 1..5), 1..8)) {
        let lines: Vec<String> = steps
            .iter()
            .enumerate()
            .map(|(i, fields)| format!("  - name: s{i}\n    task: build\n    {}\n", fields.join("\n    ")))
            .collect();
        check(&format!("steps:\n{}", lines.concat()));
    }

    #[test]
    fn bytes_taken_from_a_plan_do_not_break_it(from in 0usize..400, length in 0usize..40, into in 0usize..400) {
        let text = format!("vars: {{v: 1}}\nparams: [stage]\n{DIAMOND}  # end\n");
        let cut = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let (start, end, target) = (cut(from), cut(from + length).max(cut(from)), cut(into));
        let mut changed = text.clone();
        let piece = text[start..end].to_owned();
        changed.insert_str(target, &piece);
        check(&changed);
    }
}

#[test]
fn a_text_is_a_template_or_not() {
    let text = |value: &str| {
        PlanText::new(&crate::ast::Text {
            value: value.into(),
            span: crate::source::Span::new(crate::source::SourceId(0), 0, 0),
            style: yaml::node::ScalarStyle::Plain,
        })
    };
    assert!(text("a").is_plain() && !text("{{.a}}").is_plain());
    assert_eq!(text("a"), text("a"));
}
