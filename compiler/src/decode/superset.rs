//! The `ez-*` fields of a task. go-task knows none of them, so nothing here is a failure of its decoding.

use smol_str::SmolStr;

use super::Decoder;
use super::reader::{Field, is_null, resolve, scalar_text};
use crate::ast::hook::{HOOK_FIELDS, PLUGIN_PREFIX};
use crate::ast::param::{MULTI_SEPARATOR, PARAM_FIELDS, QUERY_FIELDS, keys};
use crate::ast::policy::{LOCK_FIELDS, LOG_FIELDS, REMOTE_FIELDS, RETRY_FIELDS, Remote};
use crate::ast::{
    ComposeStep, Hook, HookAction, Lock, Log, Moment, Param, ParamKind, Query, Retry, Superset, Text,
};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::{Span, Spanned};
use crate::suggest::nearest;
use crate::yaml::node::{Node, NodeKind};

const STEP_KEYS: &[&str] = &["task", "defaults"];

/// Most further attempts of a task.
pub const MAX_RETRIES: u32 = 100;

impl Decoder<'_> {
    /// The `ez-*` fields among those of a task; `None` where it has none.
    pub(super) fn superset(&mut self, fields: &[Field<'_>], keys: &[&'static str]) -> Option<Box<Superset>> {
        let first = fields.iter().find(|field| field.name.starts_with("ez-"))?;
        // What is wrong here is nothing to go-task: its errors stay with a decoder of their own.
        let mut own = Decoder::new(self.sources);
        let mut superset = Superset { span: Some(first.key.span), ..Superset::default() };
        for field in fields {
            own.superset_field(field, &mut superset);
            if let Some(key) = keys.iter().find(|key| **key == field.name) {
                superset.written.push(Spanned::new(*key, field.key.span));
            }
        }
        self.diagnostics.extend(own.diagnostics);
        Some(Box::new(superset))
    }

    fn superset_field(&mut self, field: &Field<'_>, superset: &mut Superset) {
        let value = field.value;
        match field.name {
            "ez-params" => superset.params = self.params(value),
            "ez-hooks" => superset.hooks = self.hooks(value),
            "ez-extends" => superset.extends = self.filled_text(value),
            "ez-defaults" => superset.defaults = self.variables(value),
            "ez-compose" => superset.compose = Some(Spanned::new(self.compose_steps(value), field.key.span)),
            "ez-timeout" => superset.timeout = self.timeout(value, value),
            "ez-retry" => superset.retry = self.retry(value, "`ez-retry`"),
            "ez-lock" => superset.lock = self.lock(value),
            "ez-cache" => {
                superset.cache = self.boolean(value).map(|cache| Spanned::new(cache, resolve(value).span));
            }
            "ez-log" => superset.log = Some(self.log(value)),
            "ez-remote" => superset.remote = Some(self.remote(value)),
            "ez-tags" => superset.tags = self.texts(value),
            "ez-examples" => superset.examples = self.texts(value),
            _ => {}
        }
    }

    /// A list of params.
    pub(super) fn params(&mut self, node: &Node) -> Vec<Param> {
        self.list(node, "[]Param", "a list of params", |this, item| {
            let resolved = resolve(item);
            match &resolved.kind {
                _ if is_null(resolved) => None,
                NodeKind::Scalar(_) => this.text(resolved).map(plain_param),
                NodeKind::Mapping(_) => this.param(resolved),
                _ => {
                    this.type_error(resolved, "Param", "a param");
                    None
                }
            }
        })
    }

    fn param(&mut self, node: &Node) -> Option<Param> {
        let empty =
            Text { value: SmolStr::default(), span: node.span, style: crate::yaml::node::ScalarStyle::Plain };
        let mut param = Param { span: node.span, ..plain_param(empty) };
        let (mut name, mut kind) = (None, None);
        for field in self.fields(node) {
            let value = field.value;
            match field.name {
                "name" => name = self.filled_text(value),
                "type" => kind = self.param_kind(value),
                "options" => param.options = self.texts(value),
                "query" => param.query = self.query(value),
                "default" => param.default = self.param_default(value),
                "help" | "desc" => param.help = self.filled_text(value),
                "required" => param.required = self.boolean(value).unwrap_or(false),
                "pattern" => param.pattern = self.filled_text(value),
                "min" => param.min = self.number(value),
                "max" => param.max = self.number(value),
                _ => self.wrong_key(&field, "a param", &keys(PARAM_FIELDS)),
            }
        }
        let Some(name) = name else {
            let diagnostic = Self::error(rule::INVALID_PARAM, "a param needs a `name`", node.span)
                .with_label("no name")
                .with_help("write `name: arch`; its variable is then `EZ_ARCH`");
            self.report(diagnostic);
            return None;
        };
        if !is_param_name(&name.value) {
            let diagnostic = Self::error(
                rule::INVALID_PARAM,
                format!("`{}` is no name of a param", name.value),
                name.span,
            )
            .with_label("not a name")
            .with_help("begin with a letter, and use letters, digits, `-` and `_`");
            self.report(diagnostic);
            return None;
        }
        param.name = Spanned::new(name.value, name.span);
        let has_choice = !param.options.is_empty() || param.query.is_some();
        let usual = if has_choice { ParamKind::Select } else { ParamKind::Input };
        param.kind = kind.unwrap_or(Spanned::new(usual, param.name.span));
        Some(param)
    }

    fn param_kind(&mut self, node: &Node) -> Option<Spanned<ParamKind>> {
        let text = self.filled_text(node)?;
        if let Some(kind) = ParamKind::parse(&text.value) {
            return Some(Spanned::new(kind, text.span));
        }
        let names = ParamKind::ALL.map(ParamKind::name);
        let diagnostic =
            Self::error(rule::INVALID_PARAM, format!("`{}` is no type of a param", text.value), text.span)
                .with_label("unknown type");
        self.report(match nearest(&text.value, names) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("change to `{near}`"),
                text.span,
                near,
            ),
            None => diagnostic.with_help(format!("the types are {}", names.join(", "))),
        });
        None
    }

    /// A default: a scalar, or the chosen options of a `multi` as a list.
    fn param_default(&mut self, node: &Node) -> Option<Text> {
        let resolved = resolve(node);
        if !matches!(resolved.kind, NodeKind::Sequence(_)) {
            return self.text(resolved);
        }
        let chosen: Vec<String> = self.texts(resolved).into_iter().map(|text| text.value.into()).collect();
        Some(Text {
            value: chosen.join(&MULTI_SEPARATOR.to_string()).into(),
            span: resolved.span,
            style: crate::yaml::node::ScalarStyle::Plain,
        })
    }

    fn query(&mut self, node: &Node) -> Option<Query> {
        let resolved = resolve(node);
        if let Some(text) = scalar_text(resolved) {
            return match text.strip_prefix(PLUGIN_PREFIX) {
                Some(name) => self.text(resolved).map(|text| Query::Plugin(text.with_value(name))),
                None => self.text(resolved).map(Query::Command),
            };
        }
        if !matches!(resolved.kind, NodeKind::Mapping(_)) {
            self.type_error(resolved, "Query", "`command`, `url` or `plugin`");
            return None;
        }
        let (mut command, mut url, mut path, mut plugin) = (None, None, None, None);
        for field in self.fields(resolved) {
            match field.name {
                "command" => command = self.filled_text(field.value),
                "url" => url = self.filled_text(field.value),
                "path" => path = self.filled_text(field.value),
                "plugin" => plugin = self.filled_text(field.value),
                _ => self.wrong_key(&field, "a query", &keys(QUERY_FIELDS)),
            }
        }
        match (command, url, plugin) {
            (Some(command), None, None) => Some(Query::Command(command)),
            (None, Some(url), None) => Some(Query::Url { url, path }),
            (None, None, Some(plugin)) => Some(Query::Plugin(plugin)),
            _ => {
                let message = "a query has one of `command`, `url` and `plugin`";
                let diagnostic = Self::error(rule::INVALID_PARAM, message, resolved.span)
                    .with_label("not one")
                    .with_help("write `query: {command: git branch --format='%(refname:short)'}`");
                self.report(diagnostic);
                None
            }
        }
    }

    fn number(&mut self, node: &Node) -> Option<Spanned<f64>> {
        let text = self.filled_text(node)?;
        match text.value.parse::<f64>() {
            Ok(number) if number.is_finite() => Some(Spanned::new(number, text.span)),
            _ => {
                self.type_error(node, "float64", "a number");
                None
            }
        }
    }

    fn hooks(&mut self, node: &Node) -> Vec<Hook> {
        let resolved = resolve(node);
        if is_null(resolved) {
            return Vec::new();
        }
        if !matches!(resolved.kind, NodeKind::Mapping(_)) {
            self.type_error(
                resolved,
                "Hooks",
                "a mapping with `pre_run`, `post_run`, `on_error` or `always`",
            );
            return Vec::new();
        }
        let mut hooks = Vec::new();
        for field in self.fields(resolved) {
            let Some(moment) = Moment::parse(field.name) else {
                self.wrong_key(&field, "`ez-hooks`", &Moment::ALL.map(Moment::name));
                continue;
            };
            let moment = Spanned::new(moment, field.key.span);
            hooks.extend(self.hooks_at(&moment, field.value));
        }
        hooks
    }

    /// The hooks of one moment: a list, or one of them.
    fn hooks_at(&mut self, moment: &Spanned<Moment>, node: &Node) -> Vec<Hook> {
        let resolved = resolve(node);
        match &resolved.kind {
            NodeKind::Sequence(_) => {
                self.list(resolved, "[]Hook", "a list of hooks", |this, item| this.hook(moment, item))
            }
            _ => self.hook(moment, resolved).into_iter().collect(),
        }
    }

    fn hook(&mut self, moment: &Spanned<Moment>, node: &Node) -> Option<Hook> {
        let resolved = resolve(node);
        let span = resolved.span;
        let hook = |name, script: Text| {
            let action = match script.value.trim().strip_prefix(PLUGIN_PREFIX) {
                Some(plugin) => HookAction::Plugin(script.with_value(plugin)),
                None => HookAction::Script(script),
            };
            Hook { moment: moment.clone(), name, action, span }
        };
        match &resolved.kind {
            _ if is_null(resolved) => None,
            NodeKind::Scalar(_) => self.text(resolved).map(|script| hook(None, script)),
            NodeKind::Mapping(_) => {
                let (mut name, mut script) = (None, None);
                for field in self.fields(resolved) {
                    match field.name {
                        "name" => name = self.filled_text(field.value),
                        "script" => script = self.filled_text(field.value),
                        _ => self.wrong_key(&field, "a hook", &keys(HOOK_FIELDS)),
                    }
                }
                let Some(script) = script else {
                    let diagnostic = Self::error(rule::INVALID_EXTENSION, "a hook needs a `script`", span)
                        .with_label("nothing to run")
                        .with_help("write `script: …`, or `script: '@plugin:name'`");
                    self.report(diagnostic);
                    return None;
                };
                Some(hook(name, script))
            }
            _ => {
                self.type_error(resolved, "Hook", "a hook");
                None
            }
        }
    }

    fn compose_steps(&mut self, node: &Node) -> Vec<ComposeStep> {
        self.list(node, "[]Step", "a list of tasks", |this, item| {
            let resolved = resolve(item);
            let span = resolved.span;
            match &resolved.kind {
                _ if is_null(resolved) => None,
                NodeKind::Scalar(_) => {
                    this.text(resolved).map(|task| ComposeStep { task, defaults: Vec::new(), span })
                }
                NodeKind::Mapping(_) => {
                    let (mut task, mut defaults) = (None, Vec::new());
                    for field in this.fields(resolved) {
                        match field.name {
                            "task" => task = this.filled_text(field.value),
                            "defaults" => defaults = this.variables(field.value),
                            _ => this.wrong_key(&field, "a step of `ez-compose`", STEP_KEYS),
                        }
                    }
                    if task.is_none() {
                        let diagnostic =
                            Self::error(rule::INVALID_EXTENSION, "a step needs the name of a `task`", span)
                                .with_label("no task")
                                .with_help("write `task: build`");
                        this.report(diagnostic);
                    }
                    task.map(|task| ComposeStep { task, defaults, span })
                }
                _ => {
                    this.type_error(resolved, "Step", "a task's name");
                    None
                }
            }
        })
    }

    /// `ez-retry: 3`, or a mapping; `place` names the field.
    pub(super) fn retry(&mut self, node: &Node, place: &str) -> Option<Retry> {
        let resolved = resolve(node);
        let span = resolved.span;
        if matches!(resolved.kind, NodeKind::Scalar(_)) {
            return self.retry_count(resolved).map(|count| Retry { count, backoff: None, span });
        }
        let (mut count, mut backoff) = (None, None);
        for field in self.mapping_fields(resolved, "a number, or `count` and `backoff`") {
            match field.name {
                "count" => count = self.retry_count(field.value),
                "backoff" => backoff = self.timeout(field.value, field.value),
                _ => self.wrong_key(&field, place, &keys(RETRY_FIELDS)),
            }
        }
        count.map(|count| Retry { count, backoff, span })
    }

    fn retry_count(&mut self, node: &Node) -> Option<Spanned<u32>> {
        let text = self.filled_text(node)?;
        match text.value.parse::<u32>() {
            Ok(count) if count <= MAX_RETRIES => Some(Spanned::new(count, text.span)),
            _ => {
                let message = format!("`{}` is no number of attempts", text.value);
                let diagnostic = Self::error(rule::INVALID_EXTENSION, message, text.span)
                    .with_label("not a number of attempts")
                    .with_help(format!("write a whole number from 0 to {MAX_RETRIES}"));
                self.report(diagnostic);
                None
            }
        }
    }

    /// `ez-lock: true`, or a mapping.
    fn lock(&mut self, node: &Node) -> Option<Lock> {
        let resolved = resolve(node);
        let span = resolved.span;
        if matches!(resolved.kind, NodeKind::Scalar(_)) {
            return self.boolean(resolved).map(|exclusive| Lock { exclusive, span });
        }
        let mut lock = Lock { exclusive: false, span };
        for field in self.mapping_fields(resolved, "`true`, or a mapping with `exclusive`") {
            match field.name {
                "exclusive" => lock.exclusive = self.boolean(field.value).unwrap_or(false),
                _ => self.wrong_key(&field, "`ez-lock`", &keys(LOCK_FIELDS)),
            }
        }
        Some(lock)
    }

    fn log(&mut self, node: &Node) -> Log {
        let resolved = resolve(node);
        let mut log = Log { dir: None, prefix: None, span: resolved.span };
        for field in self.mapping_fields(resolved, "a mapping with `dir` and `prefix`") {
            match field.name {
                "dir" => log.dir = self.filled_text(field.value),
                "prefix" => log.prefix = self.filled_text(field.value),
                _ => self.wrong_key(&field, "`ez-log`", &keys(LOG_FIELDS)),
            }
        }
        log
    }

    fn remote(&mut self, node: &Node) -> Remote {
        let mut remote = Remote::default();
        let wanted = "a mapping with `nodes`, `tags`, `sync_in` and `sync_out`";
        for field in self.mapping_fields(resolve(node), wanted) {
            match field.name {
                "nodes" => remote.nodes = self.texts(field.value),
                "tags" => remote.tags = self.texts(field.value),
                "sync_in" => remote.sync_in = Some(self.tree_patterns(field.value)),
                "sync_out" => remote.sync_out = Some(self.tree_patterns(field.value)),
                _ => self.wrong_key(&field, "`ez-remote`", &keys(REMOTE_FIELDS)),
            }
        }
        remote
    }

    /// Patterns of files in the project. What is elsewhere is on no other machine.
    fn tree_patterns(&mut self, node: &Node) -> Vec<Text> {
        let patterns = self.texts(node);
        for pattern in &patterns {
            let path = pattern.as_str().strip_prefix('!').unwrap_or(pattern.as_str());
            if path.starts_with('/') || path.split('/').any(|name| name == "..") {
                let message = format!("`{}` leads out of the project", pattern.as_str());
                let diagnostic = Self::error(rule::INVALID_EXTENSION, message, pattern.span)
                    .with_label("not in the project")
                    .with_help(
                        "write a path from the root directory: only what is below it gets to another machine",
                    );
                self.report(diagnostic);
            }
        }
        patterns
    }

    fn mapping_fields<'n>(&mut self, node: &'n Node, wanted: &str) -> Vec<Field<'n>> {
        if !is_null(node) && !matches!(node.kind, NodeKind::Mapping(_)) {
            self.type_error(node, "mapping", wanted);
            return Vec::new();
        }
        self.fields(node)
    }

    /// A key that means nothing inside of an `ez-*` field, which nobody else reads.
    fn wrong_key(&mut self, field: &Field<'_>, place: &str, known: &[&str]) {
        let message = format!("{place} has no key `{}`", field.name);
        let diagnostic =
            Diagnostic::error(rule::INVALID_EXTENSION, message, field.key.span).with_label("unknown key");
        self.report(match nearest(field.name, known.iter().copied()) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("rename to `{near}`"),
                field.key.span,
                near,
            ),
            None => diagnostic.with_help(format!("the keys are {}", known.join(", "))),
        });
    }
}

/// A param of which only the name is written.
fn plain_param(name: Text) -> Param {
    let span: Span = name.span;
    Param {
        name: Spanned::new(name.value, span),
        kind: Spanned::new(ParamKind::Input, span),
        options: Vec::new(),
        query: None,
        default: None,
        help: None,
        required: false,
        pattern: None,
        min: None,
        max: None,
        span,
    }
}

fn is_param_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
}
