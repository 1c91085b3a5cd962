//! `tasks`.

use std::sync::Arc;

use smol_str::SmolStr;

use super::reader::{Field, extension, is_null, resolve};
use super::{DecodedTask, Decoder, Memo, Search};
use crate::ast::{Glob, Precondition, Task, Text};
use crate::diagnostic::Diagnostic;
use crate::parallel;
use crate::rule;
use crate::source::{Span, Spanned};
use crate::template::has_template;
use crate::yaml::node::{Node, NodeKind};

/// Keys of a task.
pub const TASK_KEYS: &[&str] = &[
    "cmds",
    "cmd",
    "deps",
    "label",
    "desc",
    "prompt",
    "summary",
    "aliases",
    "sources",
    "generates",
    "status",
    "preconditions",
    "dir",
    "set",
    "shopt",
    "vars",
    "env",
    "dotenv",
    "silent",
    "interactive",
    "internal",
    "method",
    "prefix",
    "ignore_error",
    "use_gitignore",
    "run",
    "platforms",
    "if",
    "requires",
    "watch",
    "failfast",
];

impl Task {
    fn new(name: Spanned<SmolStr>, span: Span) -> Self {
        Self {
            name,
            span,
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
            superset: None,
        }
    }

    /// Lets go of what a list of tasks does not show. A text with a template may need all of it, and so does a task whose
    /// state is asked for.
    pub(super) fn keep_for_list(&mut self) {
        let texts = [&self.label, &self.desc, &self.summary, &self.dir];
        if texts.into_iter().flatten().any(|text| has_template(&text.value)) {
            return;
        }
        self.cmds = Vec::new();
        self.deps = Vec::new();
        self.prompt = Vec::new();
        self.preconditions = Vec::new();
        self.vars = Vec::new();
        self.env = Vec::new();
        self.requires = Vec::new();
        self.extensions = Vec::new();
    }
}

impl Decoder<'_> {
    /// `tasks`: of a repeated name the last wins, at the place of the first.
    pub(super) fn tasks(&mut self, node: &Node, previous: Option<&Memo>, memo: &mut Memo) -> Vec<Arc<Task>> {
        let resolved = resolve(node);
        match &resolved.kind {
            _ if is_null(resolved) => return Vec::new(),
            NodeKind::Mapping(_) => {}
            _ => {
                self.shape_error(resolved, "tasks", "a mapping of names to tasks");
                return Vec::new();
            }
        }
        if let Some(decoded) = self.decoded_tasks.take() {
            let decoded = decoded.into_iter().map(Arc::new);
            return self.collect_tasks(decoded);
        }
        let fields = self.named_entries(resolved);
        let mut search = Search::new(previous);
        let known: Vec<Option<Arc<DecodedTask>>> = fields
            .iter()
            .map(|field| {
                let known = search.find(field.value).filter(|known| known.task.name.span == field.key.span);
                known.cloned()
            })
            .collect();
        let new: Vec<&Field<'_>> =
            fields.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(field, _)| field).collect();
        let bytes = new.iter().map(|field| field.value.span.len()).sum();
        let mut new = parallel::map(&new, bytes, |field| Arc::new(self.decode_alone(field))).into_iter();
        let decoded = fields.iter().zip(known).filter_map(|(field, known)| {
            let decoded = known.or_else(|| new.next())?;
            Some((Arc::clone(field.value), decoded))
        });
        let first = memo.entries.len();
        memo.entries.extend(decoded);
        self.collect_tasks(memo.entries[first..].iter().map(|(_, decoded)| Arc::clone(decoded)))
    }

    /// The tasks of a mapping with what was found in them.
    fn collect_tasks(&mut self, decoded: impl ExactSizeIterator<Item = Arc<DecodedTask>>) -> Vec<Arc<Task>> {
        let mut tasks: Vec<Arc<Task>> = Vec::with_capacity(decoded.len());
        let mut positions =
            rustc_hash::FxHashMap::with_capacity_and_hasher(decoded.len(), rustc_hash::FxBuildHasher);
        for decoded in decoded {
            self.adopt(&decoded);
            let task = Arc::clone(&decoded.task);
            if let Some(&first) = positions.get(&task.name.value) {
                let first: &mut Arc<Task> = &mut tasks[first];
                self.report(
                    Diagnostic::warning(
                        rule::DUPLICATE_TASK,
                        format!("the task `{}` is defined twice", task.name.value),
                        task.name.span,
                    )
                    .with_label("this one wins")
                    .and_at(first.name.span, "never runs")
                    .with_help("rename one of the two"),
                );
                *first = task;
            } else {
                positions.insert(task.name.value.clone(), tasks.len());
                tasks.push(task);
            }
        }
        tasks
    }

    fn adopt(&mut self, decoded: &DecodedTask) {
        self.diagnostics.extend(decoded.diagnostics.iter().cloned());
        if self.failure.is_none() {
            self.failure.clone_from(&decoded.failure);
        }
    }

    pub(super) fn decode_alone(&self, field: &Field<'_>) -> DecodedTask {
        let mut decoder = Decoder::new(self.sources);
        let name = Spanned::new(SmolStr::new(field.name), field.key.span);
        let task = decoder.task(name, field.value);
        DecodedTask { task: Arc::new(task), diagnostics: decoder.diagnostics, failure: decoder.failure }
    }

    fn task(&mut self, name: Spanned<SmolStr>, node: &Node) -> Task {
        let resolved = resolve(node);
        let mut task = Task::new(name, resolved.span);
        match &resolved.kind {
            _ if is_null(resolved) => {}
            NodeKind::Scalar(_) => task.cmds.extend(self.command(resolved)),
            NodeKind::Sequence(_) => task.cmds = self.frame(resolved, |this| this.commands(resolved)),
            NodeKind::Mapping(_) => self.frame(resolved, |this| this.task_fields(resolved, &mut task)),
            NodeKind::Alias { .. } => {}
        }
        task
    }

    fn task_fields(&mut self, node: &Node, task: &mut Task) {
        let (mut cmd, mut cmds) = (None, None);
        let fields = self.fields(node);
        task.superset = self.superset(&fields, TASK_KEYS);
        for field in fields {
            let value = field.value;
            match field.name {
                "cmds" | "cmd" if is_null(value) => {}
                "cmds" => {
                    task.cmds = self.commands(value);
                    cmds = Some(field.key.span);
                }
                "cmd" => cmd = Some((self.command(value), field.key.span)),
                "deps" => task.deps = self.dependencies(value),
                "label" => task.label = self.filled_text(value),
                "desc" => task.desc = self.filled_text(value),
                "prompt" => task.prompt = self.prompt(value),
                "summary" => task.summary = self.filled_text(value),
                "aliases" => task.aliases = self.texts(value),
                "sources" => task.sources = self.globs(value),
                "generates" => task.generates = self.globs(value),
                "status" => task.status = self.texts(value),
                "preconditions" => task.preconditions = self.preconditions(value),
                "dir" => task.dir = self.filled_text(value),
                "set" => task.set = self.texts(value),
                "shopt" => task.shopt = self.texts(value),
                "vars" => task.vars = self.variables(value),
                "env" => task.env = self.variables(value),
                "dotenv" => task.dotenv = self.texts(value),
                "silent" => task.silent = self.boolean(value),
                "interactive" => task.interactive = self.boolean(value).unwrap_or(false),
                "internal" => task.internal = self.boolean(value).unwrap_or(false),
                "method" => task.method = self.filled_text(value),
                "prefix" => task.prefix = self.filled_text(value),
                "ignore_error" => task.ignore_error = self.boolean(value).unwrap_or(false),
                "use_gitignore" => task.use_gitignore = self.boolean(value),
                "run" => task.run = self.filled_text(value),
                "platforms" => task.platforms = self.platforms(value),
                "if" => task.condition = self.filled_text(value),
                "requires" => task.requires = self.requires(value),
                "watch" => task.watch = self.boolean(value).unwrap_or(false),
                "failfast" => task.failfast = self.boolean(value).unwrap_or(false),
                name if name.starts_with("ez-") => task.extensions.push(extension(&field)),
                _ => {
                    self.unknown_key(&field, "a task", TASK_KEYS);
                    task.extensions.push(extension(&field));
                }
            }
        }
        self.choose_commands(node, task, cmd, cmds);
    }

    fn choose_commands(
        &mut self,
        node: &Node,
        task: &mut Task,
        cmd: Option<(Option<crate::ast::Command>, Span)>,
        cmds: Option<Span>,
    ) {
        let Some((command, cmd_key)) = cmd else { return };
        if let Some(cmds_key) = cmds {
            let diagnostic = Self::error(
                rule::CMD_AND_CMDS,
                format!("the task `{}` has both `cmd` and `cmds`", task.name.value),
                cmd_key,
            )
            .and_at(cmds_key, "the other one")
            .with_help("move the command into `cmds`");
            if self.type_errors.last().is_none_or(Vec::is_empty) {
                self.fail(node, "task cannot have both cmd and cmds");
            }
            self.report(diagnostic);
        }
        task.cmds.extend(command);
    }

    fn prompt(&mut self, node: &Node) -> Vec<Text> {
        let resolved = resolve(node);
        match &resolved.kind {
            _ if is_null(resolved) => Vec::new(),
            NodeKind::Sequence(_) => self.frame(resolved, |this| this.texts(resolved)),
            NodeKind::Scalar(_) => self.text(resolved).into_iter().collect(),
            _ => {
                self.shape_error(resolved, "prompt", "a question or a list of questions");
                Vec::new()
            }
        }
    }

    fn globs(&mut self, node: &Node) -> Vec<Glob> {
        self.list(node, "[]*ast.Glob", "a list of patterns", |this, n| {
            let resolved = resolve(n);
            match &resolved.kind {
                _ if is_null(resolved) => None,
                NodeKind::Scalar(_) => this.text(resolved).map(|pattern| Glob { pattern, exclude: false }),
                NodeKind::Mapping(_) => this.frame(resolved, |this| {
                    let mut pattern = None;
                    for field in this.fields(resolved) {
                        match field.name {
                            "exclude" => pattern = this.text(field.value),
                            _ => this.unknown_key(&field, "a pattern", &["exclude"]),
                        }
                    }
                    pattern.map(|pattern| Glob { pattern, exclude: true })
                }),
                _ => {
                    this.shape_error(resolved, "glob", "a pattern");
                    None
                }
            }
        })
    }

    fn preconditions(&mut self, node: &Node) -> Vec<Precondition> {
        self.list(node, "[]*ast.Precondition", "a list of commands", |this, n| {
            let resolved = resolve(n);
            match &resolved.kind {
                _ if is_null(resolved) => None,
                NodeKind::Scalar(_) => {
                    let script = this.text(resolved)?;
                    let message = script.with_value(format!("`{}` failed", script.value));
                    Some(Precondition { script, message })
                }
                NodeKind::Mapping(_) => {
                    Some(this.frame(resolved, |this| this.precondition_mapping(resolved)))
                }
                _ => {
                    this.shape_error(resolved, "precondition", "a command");
                    None
                }
            }
        })
    }

    fn precondition_mapping(&mut self, node: &Node) -> Precondition {
        let (mut script, mut message) = (None, None);
        for field in self.fields(node) {
            match field.name {
                "sh" => script = self.text(field.value),
                "msg" => message = self.filled_text(field.value),
                _ => self.unknown_key(&field, "a precondition", &["sh", "msg"]),
            }
        }
        let empty =
            Text { value: SmolStr::default(), span: node.span, style: crate::yaml::node::ScalarStyle::Plain };
        let script = script.unwrap_or(empty);
        let message = message.unwrap_or_else(|| script.with_value(format!("{} failed", script.value)));
        Precondition { script, message }
    }
}
