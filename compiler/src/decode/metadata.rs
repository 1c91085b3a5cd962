//! `task.yml`, the metadata of folder tasks, and artifacts.

use camino::{Utf8Component, Utf8Path};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::Decoder;
use super::reader::{SCHEMA, is_null, resolve};
use crate::ast::artifact::ARTIFACT_FIELDS;
use crate::ast::metadata::METADATA_FIELDS;
use crate::ast::param::keys;
use crate::ast::{Artifact, Metadata, Text};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::{SourceMap, Span, Spanned};
use crate::suggest::nearest;
use crate::yaml::node::{Node, NodeKind};

/// Decoded metadata.
#[derive(Debug)]
pub struct DecodedMetadata {
    /// What the file says.
    pub metadata: Metadata,
    /// All findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a `task.yml` says. `folder` is the name of its folder task.
pub fn decode_metadata(root: &Node, folder: &str, sources: &SourceMap) -> DecodedMetadata {
    let mut decoder = Decoder::new(sources);
    let metadata =
        if decoder.has_too_many_aliases(root) { Metadata::default() } else { decoder.metadata(root, folder) };
    DecodedMetadata { metadata, diagnostics: decoder.diagnostics }
}

impl Decoder<'_> {
    fn metadata(&mut self, root: &Node, folder: &str) -> Metadata {
        let node = resolve(root);
        let mut metadata = Metadata { span: Some(node.span), ..Metadata::default() };
        if is_null(node) {
            return metadata;
        }
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            self.type_error(node, "Metadata", "a mapping with `desc`, `params`, `artifacts` and the like");
            return metadata;
        }
        for field in self.fields(node) {
            let value = field.value;
            match field.name {
                "name" => self.folder_name(value, folder),
                "desc" => metadata.desc = self.filled_text(value),
                "version" => metadata.version = self.filled_text(value),
                "author" => metadata.author = self.filled_text(value),
                "usage" => metadata.usage = self.filled_text(value),
                "tags" => metadata.tags = self.texts(value),
                "examples" => metadata.examples = self.texts(value),
                "params" => metadata.params = self.params(value),
                "artifacts" => metadata.artifacts = self.artifacts(value, rule::INVALID_METADATA),
                SCHEMA => {}
                name if name.starts_with("x-") => {}
                name => self.wrong_key_of(
                    rule::INVALID_METADATA,
                    "a task.yml",
                    name,
                    field.key.span,
                    METADATA_FIELDS,
                ),
            }
        }
        metadata
    }

    fn folder_name(&mut self, node: &Node, folder: &str) {
        let Some(name) = self.filled_text(node).filter(|name| name.as_str() != folder) else { return };
        let message = format!("the folder is `{folder}`, its task.yml calls it `{}`", name.value);
        self.report(
            Self::error(rule::INVALID_METADATA, message, name.span)
                .with_label("another name")
                .with_help("a folder task has the name of its folder: rename the folder, or leave `name` out")
                .with_fix(format!("change to `{folder}`"), name.span, folder),
        );
    }

    /// A list of artifacts, each a mapping or only a path. What is wrong with one has the code of its file's kind.
    pub(super) fn artifacts(&mut self, node: &Node, code: crate::diagnostic::Code) -> Vec<Artifact> {
        let artifacts = self.list(node, "[]Artifact", "a list of artifacts", |this, item| {
            let resolved = resolve(item);
            match &resolved.kind {
                _ if is_null(resolved) => None,
                NodeKind::Scalar(_) => {
                    let path = this.filled_text(resolved)?;
                    this.named_artifact(None, path, false, resolved.span, code)
                }
                NodeKind::Mapping(_) => this.artifact(resolved, code),
                _ => {
                    this.type_error(resolved, "Artifact", "a path, or a mapping with `name` and `path`");
                    None
                }
            }
        });
        self.report_equal_names(&artifacts, code);
        artifacts
    }

    fn report_equal_names(&mut self, artifacts: &[Artifact], code: crate::diagnostic::Code) {
        let mut seen: FxHashMap<&str, Span> = FxHashMap::default();
        for artifact in artifacts {
            if let Some(first) = seen.insert(&artifact.name.value, artifact.name.span) {
                let message = format!("two artifacts are named `{}`", artifact.name.value);
                self.report(
                    Self::error(code, message, artifact.name.span)
                        .with_label("again")
                        .and_at(first, "first here")
                        .with_help("give one of them another `name`"),
                );
            }
        }
    }

    fn artifact(&mut self, node: &Node, code: crate::diagnostic::Code) -> Option<Artifact> {
        let (mut name, mut path, mut optional) = (None, None, false);
        for field in self.fields(node) {
            match field.name {
                "name" => name = self.filled_text(field.value),
                "path" => path = self.filled_text(field.value),
                "optional" => optional = self.boolean(field.value).unwrap_or(false),
                key => self.wrong_key_of(code, "an artifact", key, field.key.span, ARTIFACT_FIELDS),
            }
        }
        let Some(path) = path else {
            self.report(
                Self::error(code, "an artifact needs a `path`", node.span)
                    .with_label("no path")
                    .with_help("write `path: build/app`, relative to the workspace"),
            );
            return None;
        };
        self.named_artifact(name, path, optional, node.span, code)
    }

    fn named_artifact(
        &mut self,
        name: Option<Text>,
        path: Text,
        optional: bool,
        span: Span,
        code: crate::diagnostic::Code,
    ) -> Option<Artifact> {
        if let Some(problem) = outside(path.as_str()) {
            self.report(
                Self::error(code, format!("the artifact `{}` {problem}", path.value), path.span)
                    .with_label("not inside")
                    .with_help("an artifact is inside of the workspace: write a relative path without `..`"),
            );
            return None;
        }
        let name = if let Some(name) = name {
            Spanned::new(name.value, name.span)
        } else {
            let last = path.as_str().trim_end_matches('/').rsplit('/').next().unwrap_or_default();
            let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            let plain: String = last.chars().filter(|c| is_plain(*c)).collect();
            Spanned::new(SmolStr::new(plain.trim_start_matches('.')), path.span)
        };
        if !is_artifact_name(&name.value) {
            self.report(
                Self::error(code, format!("`{}` is no name of an artifact", name.value), name.span)
                    .with_label("not a name")
                    .with_help("write a `name` of letters, digits, `-`, `_` and `.`"),
            );
            return None;
        }
        Some(Artifact { name, path, optional, span })
    }

    /// A key that means nothing in a file of EZ.
    pub(super) fn wrong_key_of(
        &mut self,
        code: crate::diagnostic::Code,
        place: &str,
        name: &str,
        span: Span,
        fields: &[crate::ast::param::FieldRow],
    ) {
        let known = keys(fields);
        let diagnostic =
            Self::error(code, format!("{place} has no key `{name}`"), span).with_label("unknown key");
        self.report(match nearest(name, known.iter().copied()) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("rename to `{near}`"),
                span,
                near,
            ),
            None => diagnostic.with_help(format!("the keys are {}", known.join(", "))),
        });
    }
}

/// Why a path is not one inside of a directory.
fn outside(path: &str) -> Option<&'static str> {
    if path.starts_with('/') {
        return Some("is absolute");
    }
    let climbs = Utf8Path::new(path).components().any(|part| part == Utf8Component::ParentDir);
    climbs.then_some("has `..` in it")
}

fn is_artifact_name(name: &str) -> bool {
    !name.starts_with('.')
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}
