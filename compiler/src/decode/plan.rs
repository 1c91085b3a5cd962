//! Files of plans.

use std::sync::Arc;

use smol_str::SmolStr;

use super::reader::{Field, SCHEMA, is_null, is_text, resolve, scalar_text};
use super::{Decoder, Memo, Search};
use crate::ast::param::{FieldRow, keys};
use crate::ast::plan::{
    CHECKPOINT_FIELDS, Checkpoint, Combination, INPUT_FIELDS, Input, Matrix, MatrixKey, PLAN_FIELDS,
    STEP_FIELDS,
};
use crate::ast::{Plan, Step, Text};
use crate::diagnostic::Diagnostic;
use crate::parallel;
use crate::rule;
use crate::source::{SourceMap, Span, Spanned};
use crate::suggest::nearest;
use crate::template::has_template;
use crate::template::value::Value;
use crate::yaml::node::{Node, NodeKind};

/// A decoded plan.
#[derive(Debug)]
pub struct DecodedPlan {
    /// The plan; `None` where the file is no mapping.
    pub plan: Option<Plan>,
    /// All findings.
    pub diagnostics: Vec<Diagnostic>,
    /// Steps by the node they were decoded from, for reuse.
    pub memo: Memo<DecodedStep>,
}

/// A step with the findings in it.
#[derive(Debug)]
pub struct DecodedStep {
    step: Option<Arc<Step>>,
    diagnostics: Vec<Diagnostic>,
}

/// What a plan's file says.
pub fn decode_plan(root: &Node, sources: &SourceMap, previous: Option<&Memo<DecodedStep>>) -> DecodedPlan {
    let mut decoder = Decoder::new(sources);
    let mut memo = Memo::default();
    let plan =
        if decoder.has_too_many_aliases(root) { None } else { decoder.plan(root, previous, &mut memo) };
    DecodedPlan { plan, diagnostics: decoder.diagnostics, memo }
}

/// The keys of a matrix beside those of the user.
const INCLUDE: &str = "include";
const EXCLUDE: &str = "exclude";

impl DecodedStep {
    fn new(node: &Node, sources: &SourceMap) -> Self {
        let mut decoder = Decoder::new(sources);
        let step = decoder.plan_step(node);
        Self { step, diagnostics: decoder.diagnostics }
    }
}

impl Decoder<'_> {
    fn plan(
        &mut self,
        root: &Node,
        previous: Option<&Memo<DecodedStep>>,
        memo: &mut Memo<DecodedStep>,
    ) -> Option<Plan> {
        let node = resolve(root);
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            self.type_error(node, "Plan", "a mapping with `steps`");
            return None;
        }
        let span = node.span;
        let mut plan = Plan {
            name: None,
            desc: None,
            vars: Vec::new(),
            params: Vec::new(),
            steps: Vec::new(),
            steps_span: span,
            span,
        };
        let mut has_steps = false;
        for field in self.fields(node) {
            let value = field.value;
            match field.name {
                "name" => plan.name = self.filled_text(value),
                "desc" => plan.desc = self.filled_text(value),
                "vars" => plan.vars = self.variables(value),
                "params" => plan.params = self.params(value),
                "steps" => {
                    has_steps = true;
                    plan.steps_span = field.key.span;
                    plan.steps = self.plan_steps(value, previous, memo);
                }
                SCHEMA => {}
                _ => self.wrong_plan_key(&field, "a plan", PLAN_FIELDS),
            }
        }
        if !has_steps {
            self.report(
                Self::error(rule::INVALID_PLAN, "a plan needs `steps`", first_key(node))
                    .with_label("without steps")
                    .with_help("write `steps:` and below it `- task: <name>`"),
            );
        } else if plan.steps.is_empty() && !self.has_errors() {
            self.report(
                Self::error(rule::INVALID_PLAN, "this plan has no step", plan.steps_span)
                    .with_label("empty")
                    .with_help("write `- task: <name>` below it"),
            );
        }
        Some(plan)
    }

    fn plan_steps(
        &mut self,
        node: &Node,
        previous: Option<&Memo<DecodedStep>>,
        memo: &mut Memo<DecodedStep>,
    ) -> Vec<Arc<Step>> {
        let NodeKind::Sequence(list) = &resolve(node).kind else {
            return self.list(node, "[]Step", "a list of steps", Self::plan_step);
        };
        let mut search = Search::new(previous);
        let known: Vec<_> = list.items.iter().map(|item| search.find(item).cloned()).collect();
        let new: Vec<&Arc<Node>> = list
            .items
            .iter()
            .zip(&known)
            .filter(|(_, known)| known.is_none())
            .map(|(item, _)| item)
            .collect();
        let bytes = new.iter().map(|item| item.span.len()).sum();
        let sources = self.sources;
        let mut new =
            parallel::map(&new, bytes, |item| Arc::new(DecodedStep::new(item, sources))).into_iter();
        let decoded = list.items.iter().zip(known).filter_map(|(item, known)| {
            let decoded = known.or_else(|| new.next())?;
            Some((Arc::clone(item), decoded))
        });
        memo.entries = decoded.collect();
        let steps = memo.entries.iter().filter_map(|(_, decoded)| {
            self.diagnostics.extend(decoded.diagnostics.iter().cloned());
            decoded.step.clone()
        });
        steps.collect()
    }

    fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == crate::diagnostic::Severity::Error)
    }

    fn plan_step(&mut self, node: &Node) -> Option<Arc<Step>> {
        let node = resolve(node);
        if is_null(node) {
            return None;
        }
        if matches!(node.kind, NodeKind::Scalar(_)) {
            let task = self.filled_text(node)?;
            let step = empty_step(task.clone(), task, node.span);
            return self.is_step_name(&step.name).then(|| Arc::new(step));
        }
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            self.type_error(node, "Step", "a step");
            return None;
        }
        let fields = self.fields(node);
        let named = |key: &str| fields.iter().find(|field| field.name == key).map(|field| field.value);
        let task = named("task").and_then(|value| self.filled_text(value));
        let name = named("name").and_then(|value| self.filled_text(value));
        let task = self.step_task(task, name.as_ref(), node)?;
        let name = name.unwrap_or_else(|| task.clone());
        if !self.is_step_name(&name) {
            return None;
        }
        let mut step = empty_step(name, task, node.span);
        for field in &fields {
            self.step_field(field, &mut step);
        }
        Some(Arc::new(step))
    }

    fn step_task(&mut self, task: Option<Text>, name: Option<&Text>, node: &Node) -> Option<Text> {
        if task.is_none() {
            let span = name.map_or_else(|| first_key(node), |name| name.span);
            let diagnostic = Self::error(rule::INVALID_PLAN, "a step needs a `task`", span);
            self.report(diagnostic.with_label("nothing to run").with_help("write `task: <name>`"));
        }
        task
    }

    fn step_field(&mut self, field: &Field<'_>, step: &mut Step) {
        let value = field.value;
        match field.name {
            "name" | "task" => {}
            "vars" => step.vars = self.variables(value),
            "needs" => step.needs = self.one_or_several(value),
            "artifacts" => step.artifacts = self.artifacts(value, rule::INVALID_PLAN),
            "inputs" => step.inputs = self.list(value, "[]Input", "a list of inputs", Self::plan_input),
            "shuffle" => step.shuffle = self.boolean(value).unwrap_or(false),
            "matrix" => step.matrix = self.plan_matrix(value),
            "when" => step.when = self.text(value),
            "checkpoint" => step.checkpoint = self.checkpoint(value),
            "outputs" => step.outputs = self.output_names(value),
            "timeout" => step.timeout = self.timeout(value, value),
            "retry" => step.retry = self.retry(value, "`retry`"),
            "continue_on_error" => step.continue_on_error = self.boolean(value).unwrap_or(false),
            "remote" => step.remote = self.spanned_boolean(value),
            "nodes" => step.nodes = self.one_or_several(value),
            "env" => step.env = self.variables(value),
            "workspace" => step.workspace = self.spanned_boolean(value),
            _ => self.wrong_plan_key(field, "a step", STEP_FIELDS),
        }
    }

    fn spanned_boolean(&mut self, node: &Node) -> Option<Spanned<bool>> {
        self.boolean(node).map(|value| Spanned::new(value, resolve(node).span))
    }

    /// A list of texts, or one of them.
    fn one_or_several(&mut self, node: &Node) -> Vec<Text> {
        let resolved = resolve(node);
        match &resolved.kind {
            NodeKind::Scalar(_) => self.filled_text(resolved).into_iter().collect(),
            _ => self.texts(resolved),
        }
    }

    fn output_names(&mut self, node: &Node) -> Vec<Text> {
        let names = self.one_or_several(node);
        names
            .into_iter()
            .filter(|name| {
                let is_name = is_output_name(&name.value);
                if !is_name {
                    let message = format!("`{}` is no name of an output", name.value);
                    self.report(
                        Self::error(rule::INVALID_PLAN, message, name.span)
                            .with_label("not a name")
                            .with_help("begin with a letter or `_`, and use letters, digits, `-` and `_`"),
                    );
                }
                is_name
            })
            .collect()
    }

    fn plan_input(&mut self, node: &Node) -> Option<Input> {
        let node = self.mapping(node, "an input with `from`, `artifact` and `to`")?;
        let (mut from, mut artifact, mut to, mut optional) = (None, None, None, false);
        for field in self.fields(node) {
            match field.name {
                "from" => from = self.filled_text(field.value),
                "artifact" => artifact = self.filled_text(field.value),
                "to" => to = self.filled_text(field.value),
                "optional" => optional = self.boolean(field.value).unwrap_or(false),
                _ => self.wrong_plan_key(&field, "an input", INPUT_FIELDS),
            }
        }
        let from = self.needed_by(from, "an input", "from", "`from: <step>`", node);
        let artifact = self.needed_by(artifact, "an input", "artifact", "`artifact: <name>`", node);
        let to = self.needed_by(to, "an input", "to", "`to: build/`", node);
        Some(Input { from: from?, artifact, to, optional, span: node.span })
    }

    fn needed_by(
        &mut self,
        text: Option<Text>,
        what: &str,
        key: &str,
        help: &str,
        node: &Node,
    ) -> Option<Text> {
        if text.is_none() {
            let span = first_key(node);
            let diagnostic = Self::error(rule::INVALID_PLAN, format!("{what} needs `{key}`"), span);
            self.report(diagnostic.with_label(format!("no `{key}`")).with_help(format!("write {help}")));
        }
        text
    }

    fn mapping<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n Node> {
        let node = resolve(node);
        if matches!(node.kind, NodeKind::Mapping(_)) {
            return Some(node);
        }
        if !is_null(node) {
            self.type_error(node, "mapping", wanted);
        }
        None
    }

    fn checkpoint(&mut self, node: &Node) -> Option<Checkpoint> {
        let resolved = resolve(node);
        let span = resolved.span;
        if is_text(resolved) {
            return self.filled_text(resolved).map(|prompt| Checkpoint { prompt: Some(prompt), span });
        }
        if matches!(resolved.kind, NodeKind::Scalar(_)) {
            return self.boolean(resolved).filter(|holds| *holds).map(|_| Checkpoint { prompt: None, span });
        }
        let resolved = self.mapping(resolved, "`true`, or a mapping with `prompt`")?;
        let mut prompt = None;
        for field in self.fields(resolved) {
            match field.name {
                "prompt" => prompt = self.filled_text(field.value),
                _ => self.wrong_plan_key(&field, "a checkpoint", CHECKPOINT_FIELDS),
            }
        }
        Some(Checkpoint { prompt, span })
    }

    fn plan_matrix(&mut self, node: &Node) -> Option<Matrix> {
        let node = self.mapping(node, "a mapping of keys to lists")?;
        let mut matrix =
            Matrix { keys: Vec::new(), include: Vec::new(), exclude: Vec::new(), span: node.span };
        for field in self.fields(node) {
            match field.name {
                INCLUDE => matrix.include = self.combinations(field.value),
                EXCLUDE => matrix.exclude = self.combinations(field.value),
                name if name.starts_with("x-") => {}
                name => {
                    let name = Spanned::new(SmolStr::new(name), field.key.span);
                    let values = self.list(field.value, "[]any", "a list of values", Self::matrix_value);
                    matrix.keys.push(MatrixKey { name, values });
                }
            }
        }
        for key in &matrix.keys {
            self.check_matrix_key(&key.name);
        }
        for (name, _) in matrix.include.iter().flat_map(|combination| &combination.values) {
            self.check_matrix_key(name);
        }
        Some(matrix)
    }

    fn check_matrix_key(&mut self, name: &Spanned<SmolStr>) {
        let help = if name.value == "steps" {
            "`steps` is where templates find the outputs of steps: use another name"
        } else if !is_output_name(&name.value) {
            "begin with a letter or `_`, and use letters, digits, `-` and `_`"
        } else {
            return;
        };
        let message = format!("`{}` is no key of a matrix", name.value);
        self.report(
            Self::error(rule::INVALID_MATRIX, message, name.span).with_label("not a key").with_help(help),
        );
    }

    fn combinations(&mut self, node: &Node) -> Vec<Combination> {
        self.list(node, "[]map", "a list of combinations", |this, item| {
            let item = this.mapping(item, "a mapping of keys to values")?;
            let mut values = Vec::new();
            for field in this.fields(item) {
                if let Some(value) = this.matrix_value(field.value) {
                    values.push((Spanned::new(SmolStr::new(field.name), field.key.span), value));
                }
            }
            Some(Combination { values, span: item.span })
        })
    }

    fn matrix_value(&mut self, node: &Node) -> Option<Spanned<Value>> {
        let node = resolve(node);
        if !matches!(node.kind, NodeKind::Scalar(_)) || is_null(node) {
            let diagnostic = Self::error(
                rule::INVALID_MATRIX,
                "a value of a matrix is a text, a number or a boolean",
                node.span,
            );
            self.report(diagnostic.with_label("not one").with_help("write the values one by one"));
            return None;
        }
        if scalar_text(node).is_some_and(has_template) {
            let diagnostic =
                Self::error(rule::INVALID_MATRIX, "a matrix is known before anything runs", node.span);
            self.report(
                diagnostic.with_label("a template").with_help("write the values out; templates may use them"),
            );
            return None;
        }
        if is_text(node) {
            return scalar_text(node).map(|text| Spanned::new(Value::string(text), node.span));
        }
        Some(Spanned::new(self.value(node), node.span))
    }

    fn is_step_name(&mut self, name: &Text) -> bool {
        let help = if has_template(&name.value) {
            "write a `name`: it is known before anything runs"
        } else if name.value.trim() != name.value
            || name.value.chars().any(|c| c.is_control() || matches!(c, '[' | ']' | ',' | '='))
        {
            "leave out `[`, `]`, `,`, `=`, and blanks at its ends"
        } else {
            return true;
        };
        let message = format!("`{}` is no name of a step", name.value.escape_debug());
        self.report(
            Self::error(rule::INVALID_PLAN, message, name.span).with_label("not a name").with_help(help),
        );
        false
    }

    /// A key that means nothing in a plan; `x-` keys are silent. A misspelt `needs` would run steps too early, so this is an
    /// error.
    fn wrong_plan_key(&mut self, field: &Field<'_>, place: &str, known: &[FieldRow]) {
        if field.name.starts_with("x-") {
            return;
        }
        let known = keys(known);
        let message = format!("{place} has no key `{}`", field.name);
        let diagnostic =
            Self::error(rule::UNKNOWN_PLAN_KEY, message, field.key.span).with_label("unknown key");
        self.report(match nearest(field.name, known.iter().copied()) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("rename to `{near}`"),
                field.key.span,
                near,
            ),
            None => diagnostic.with_help(format!(
                "the keys are {}; a name that begins with `x-` keeps notes of your own",
                known.join(", ")
            )),
        });
    }
}

fn empty_step(name: Text, task: Text, span: Span) -> Step {
    Step {
        name,
        task,
        vars: Vec::new(),
        needs: Vec::new(),
        artifacts: Vec::new(),
        inputs: Vec::new(),
        shuffle: false,
        matrix: None,
        when: None,
        checkpoint: None,
        outputs: Vec::new(),
        timeout: None,
        retry: None,
        continue_on_error: false,
        remote: None,
        nodes: Vec::new(),
        env: Vec::new(),
        workspace: None,
        span,
    }
}

fn is_output_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}

/// Where the first key of a mapping stands; the whole of what has none.
fn first_key(node: &Node) -> Span {
    let entry = match &node.kind {
        NodeKind::Mapping(mapping) => mapping.entries.first(),
        _ => None,
    };
    entry.map_or(node.span, |entry| entry.key.span)
}
