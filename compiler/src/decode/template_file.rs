//! Files of templates.

use super::Decoder;
use super::reader::{SCHEMA, is_null, resolve};
use crate::ast::Text;
use crate::ast::template_file::{
    Body, TEMPLATE_FIELDS, TEMPLATE_FILE_FIELDS, TemplateDraft, TemplateFile, TemplatePart,
};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::{SourceMap, Span};
use crate::yaml::node::{Node, NodeKind, ScalarStyle};

/// A decoded template.
#[derive(Debug)]
pub struct DecodedTemplate {
    /// The template; `None` where the file does not make one.
    pub template: Option<TemplateFile>,
    /// What is written of it in any case.
    pub draft: TemplateDraft,
    /// All findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a template's file says. `stem` is the file's name without its extension.
pub fn decode_template(root: &Node, stem: &str, sources: &SourceMap) -> DecodedTemplate {
    let mut decoder = Decoder::new(sources);
    let has_too_many = decoder.has_too_many_aliases(root);
    let draft = if has_too_many { None } else { decoder.template_draft(root) };
    let template = draft.as_ref().and_then(|draft| decoder.template(draft, resolve(root).span, stem));
    DecodedTemplate { template, draft: draft.unwrap_or_default(), diagnostics: decoder.diagnostics }
}

impl Decoder<'_> {
    fn template_draft(&mut self, root: &Node) -> Option<TemplateDraft> {
        let node = resolve(root);
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            self.type_error(node, "Template", "a mapping with `version`, `params` and `task`");
            return None;
        }
        let mut draft = TemplateDraft::default();
        for field in self.fields(node) {
            let value = field.value;
            match field.name {
                "name" => draft.name = self.filled_text(value),
                "version" => draft.version = self.filled_text(value),
                "desc" => draft.desc = self.filled_text(value),
                "params" => draft.params = self.params(value),
                "task" => draft.bodies.push((self.filled_text(value).map(Body::Task), field.key.span)),
                "taskfile" => {
                    draft.bodies.push((self.filled_text(value).map(Body::Taskfile), field.key.span));
                }
                "files" => draft.bodies.push((self.template_parts(value).map(Body::Files), field.key.span)),
                SCHEMA => {}
                key if key.starts_with("x-") => {}
                key => self.wrong_key_of(
                    rule::INVALID_TEMPLATE,
                    "a template",
                    key,
                    field.key.span,
                    TEMPLATE_FIELDS,
                ),
            }
        }
        Some(draft)
    }

    /// The template that a draft makes.
    fn template(&mut self, draft: &TemplateDraft, span: Span, stem: &str) -> Option<TemplateFile> {
        let TemplateDraft { name, version, desc, params, bodies } = draft.clone();
        let name = name.unwrap_or_else(|| Text { value: stem.into(), span, style: ScalarStyle::Plain });
        if version.is_none() {
            self.invalid(
                span,
                "a template needs a `version`",
                "no version",
                "write `version: '1'`; it stands in all that the template makes",
            );
        }
        let body = self.body(bodies, span);
        Some(TemplateFile { name, version: version?, desc, params, body: body?, span })
    }

    /// The one body of a template.
    fn body(&mut self, bodies: Vec<(Option<Body>, Span)>, whole: Span) -> Option<Body> {
        let mut bodies = bodies.into_iter();
        let Some((body, first)) = bodies.next() else {
            let help = "write `task:` with the fields of a task, `taskfile:` or `files:`";
            self.invalid(whole, "a template that makes nothing", "no body", help);
            return None;
        };
        if let Some((_, second)) = bodies.next() {
            let message = "a template has one of `task`, `taskfile` and `files`";
            self.report(
                Self::error(rule::INVALID_TEMPLATE, message, second)
                    .with_label("another one")
                    .and_at(first, "the first")
                    .with_help("leave one out, or make two templates"),
            );
            return None;
        }
        body
    }

    fn invalid(&mut self, span: Span, message: impl Into<String>, label: &'static str, help: &str) {
        self.report(Self::error(rule::INVALID_TEMPLATE, message, span).with_label(label).with_help(help));
    }

    fn template_parts(&mut self, node: &Node) -> Option<Vec<TemplatePart>> {
        let resolved = resolve(node);
        if !matches!(resolved.kind, NodeKind::Mapping(_)) {
            self.type_error(resolved, "Files", "a mapping of paths to texts");
            return None;
        }
        let mut parts = Vec::new();
        for field in self.fields(resolved) {
            let path = Text { value: field.name.into(), span: field.key.span, style: ScalarStyle::Plain };
            if let Some((content, executable)) = self.template_part(field.value) {
                parts.push(TemplatePart { path, content, executable });
            }
        }
        Some(parts)
    }

    /// The text of a file, or a mapping with more; a file without a value is empty.
    fn template_part(&mut self, node: &Node) -> Option<(Text, bool)> {
        let resolved = resolve(node);
        let empty = || Text { value: "".into(), span: resolved.span, style: ScalarStyle::Plain };
        if is_null(resolved) {
            return Some((empty(), false));
        }
        if !matches!(resolved.kind, NodeKind::Mapping(_)) {
            return self.text(resolved).map(|text| (text, false));
        }
        let (mut content, mut executable) = (empty(), false);
        for field in self.fields(resolved) {
            match field.name {
                "content" => content = self.text(field.value)?,
                "executable" => executable = self.boolean(field.value).unwrap_or(false),
                key => self.wrong_key_of(
                    rule::INVALID_TEMPLATE,
                    "a file of a template",
                    key,
                    field.key.span,
                    TEMPLATE_FILE_FIELDS,
                ),
            }
        }
        Some((content, executable))
    }
}
