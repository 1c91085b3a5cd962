//! The root of a Taskfile.

use semver::Version;

use super::reader::{SCHEMA, extension, is_null, resolve};
use super::{Decoder, Memo};
use crate::ast::{Output, OutputGroup, Taskfile, Text};
use crate::rule;
use crate::source::{SourceId, Span};
use crate::yaml::node::{Node, NodeKind};

/// Keys of a Taskfile.
pub const TASKFILE_KEYS: &[&str] = &[
    "version",
    "output",
    "method",
    "includes",
    "set",
    "shopt",
    "vars",
    "env",
    "tasks",
    "silent",
    "dotenv",
    "run",
    "interval",
    "use_gitignore",
];

/// Reads a version as go-task's library does: up to three numbers, a leading `v` allowed, missing ones are zero.
pub fn parse_version(text: &str) -> Option<Version> {
    let body = text.strip_prefix('v').unwrap_or(text);
    let (numbers, suffix) = match body.find(['-', '+']) {
        Some(at) => body.split_at(at),
        None => (body, ""),
    };
    let mut parts: Vec<&str> = numbers.split('.').collect();
    if parts.len() > 3 || parts.iter().any(|p| p.is_empty() || !p.bytes().all(|b| b.is_ascii_digit())) {
        return None;
    }
    parts.resize(3, "0");
    let trimmed: Vec<&str> = parts
        .iter()
        .map(|p| match p.trim_start_matches('0') {
            "" => "0",
            digits => digits,
        })
        .collect();
    Version::parse(&format!("{}{suffix}", trimmed.join("."))).ok()
}

impl Decoder<'_> {
    pub(super) fn taskfile(
        &mut self,
        root: &Node,
        source: SourceId,
        previous: Option<&Memo>,
        memo: &mut Memo,
    ) -> Option<Taskfile> {
        let resolved = resolve(root);
        if is_null(resolved) {
            return Some(empty(source));
        }
        if !matches!(resolved.kind, NodeKind::Mapping(_)) {
            self.shape_error(resolved, "taskfile", "a mapping with `version` and `tasks`");
            return None;
        }
        Some(self.frame(resolved, |this| this.taskfile_fields(resolved, source, previous, memo)))
    }

    fn taskfile_fields(
        &mut self,
        node: &Node,
        source: SourceId,
        previous: Option<&Memo>,
        memo: &mut Memo,
    ) -> Taskfile {
        let mut taskfile = empty(source);
        for field in self.fields(node) {
            let value = field.value;
            match field.name {
                "version" => taskfile.version = self.version(value, node),
                "output" => taskfile.output = self.output(value),
                "method" => taskfile.method = self.filled_text(value),
                "includes" => taskfile.includes = self.includes(value),
                "set" => taskfile.set = self.texts(value),
                "shopt" => taskfile.shopt = self.texts(value),
                "vars" => taskfile.vars = self.variables(value),
                "env" => taskfile.env = self.variables(value),
                "tasks" => taskfile.tasks = self.tasks(value, previous, memo),
                "silent" => taskfile.silent = self.boolean(value).unwrap_or(false),
                "dotenv" => taskfile.dotenv = self.texts(value),
                "run" => taskfile.run = self.filled_text(value),
                "interval" => taskfile.interval = self.interval(value),
                "use_gitignore" => taskfile.use_gitignore = self.boolean(value),
                SCHEMA => {}
                name if name.starts_with("ez-") => taskfile.extensions.push(extension(&field)),
                _ => {
                    self.unknown_key(&field, "a Taskfile", TASKFILE_KEYS);
                    let mut extension = extension(&field);
                    if field.key.span.source != value.span.source {
                        // A list that is split: its key has a fragment of its own, the list has the file's.
                        let at = |span| self.sources.locate(span).range;
                        let (start, end) = (at(field.key.span).start, at(value.span).end);
                        let base = self.sources.base(value.span.source);
                        extension.span = Span::new(
                            value.span.source,
                            start.saturating_sub(base),
                            end.saturating_sub(base),
                        );
                    }
                    taskfile.extensions.push(extension);
                }
            }
        }
        taskfile
    }

    /// A version that cannot be read is an error of go-task's version library.
    fn version(&mut self, node: &Node, root: &Node) -> Option<Text> {
        if !is_null(node) && !matches!(resolve(node).kind, NodeKind::Scalar(_)) {
            self.type_error(node, "semver.Version", "a version");
            return None;
        }
        let text = self.text(node)?;
        if parse_version(&text.value).is_none() {
            self.report(
                Self::error(
                    rule::VERSION_UNSUPPORTED,
                    format!("`{}` is not a version", text.value),
                    text.span,
                )
                .with_label("not a version")
                .with_help("write `version: '3'`")
                .with_fix("write `'3'`", text.span, "'3'"),
            );
            self.fail(root, "invalid semantic version");
        }
        Some(text)
    }

    fn output(&mut self, node: &Node) -> Option<Output> {
        let resolved = resolve(node);
        match &resolved.kind {
            _ if is_null(resolved) => None,
            NodeKind::Scalar(_) => {
                self.filled_text(resolved).map(|style| Output { style, group: OutputGroup::default() })
            }
            NodeKind::Mapping(_) => self.frame(resolved, |this| this.output_mapping(resolved)),
            _ => {
                self.shape_error(resolved, "output", "an output style");
                None
            }
        }
    }

    fn output_mapping(&mut self, node: &Node) -> Option<Output> {
        let mut style = None;
        let mut group = OutputGroup::default();
        for field in self.fields(node) {
            if field.name != "group" {
                self.unknown_key(&field, "`output`", &["group"]);
                continue;
            }
            let value = resolve(field.value);
            if is_null(value) {
                continue;
            }
            if !matches!(value.kind, NodeKind::Mapping(_)) {
                self.type_error(value, "ast.OutputGroup", "a mapping");
                continue;
            }
            style = Some(Text {
                value: "group".into(),
                span: field.key.span,
                style: crate::yaml::node::ScalarStyle::Plain,
            });
            for setting in self.fields(value) {
                match setting.name {
                    "begin" => group.begin = self.filled_text(setting.value),
                    "end" => group.end = self.filled_text(setting.value),
                    "error_only" => group.error_only = self.boolean(setting.value).unwrap_or(false),
                    _ => self.unknown_key(&setting, "`group`", &["begin", "end", "error_only"]),
                }
            }
        }
        if style.is_none() && self.type_errors.last().is_none_or(Vec::is_empty) {
            let diagnostic = Self::error(rule::INVALID_OUTPUT, "this output style has no `group`", node.span)
                .with_help("write `output: {group: {begin: …, end: …}}`, or only the style's name");
            let go = "output style must have the \"group\" key when in mapping form";
            self.fail_with(node, go, diagnostic);
        }
        style.map(|style| Output { style, group })
    }
}

fn empty(source: SourceId) -> Taskfile {
    Taskfile {
        source,
        version: None,
        output: None,
        method: None,
        includes: Vec::new(),
        set: Vec::new(),
        shopt: Vec::new(),
        vars: Vec::new(),
        env: Vec::new(),
        tasks: Vec::new(),
        silent: false,
        dotenv: Vec::new(),
        run: None,
        interval: None,
        use_gitignore: None,
        extensions: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_version;

    #[test]
    fn versions_may_be_short() {
        let shown = |text| parse_version(text).map(|v| v.to_string());
        assert_eq!(shown("3"), Some("3.0.0".to_owned()));
        assert_eq!(shown("v3.4"), Some("3.4.0".to_owned()));
        assert_eq!(shown("3.01.2"), Some("3.1.2".to_owned()));
        assert_eq!(shown("three"), None);
        assert_eq!(shown("3..1"), None);
    }
}
