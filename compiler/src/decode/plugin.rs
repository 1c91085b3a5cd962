//! Files of plugins.

use super::Decoder;
use super::reader::{SCHEMA, resolve};
use crate::ast::param::keys;
use crate::ast::plugin::PLUGIN_FIELDS;
use crate::ast::{Moment, Plugin, PluginKind, Text};
use crate::diagnostic::Diagnostic;
use crate::rule;
use crate::source::{SourceMap, Span, Spanned};
use crate::suggest::nearest;
use crate::yaml::node::{Node, NodeKind, ScalarStyle};

/// A decoded plugin.
#[derive(Debug)]
pub struct DecodedPlugin {
    /// The plugin; `None` where the file does not make one.
    pub plugin: Option<Plugin>,
    /// All findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// What a plugin's file says. `stem` is the file's name without its extension.
pub fn decode_plugin(root: &Node, stem: &str, sources: &SourceMap) -> DecodedPlugin {
    let mut decoder = Decoder::new(sources);
    let plugin = if decoder.has_too_many_aliases(root) { None } else { decoder.plugin(root, stem) };
    DecodedPlugin { plugin, diagnostics: decoder.diagnostics }
}

impl Decoder<'_> {
    fn plugin(&mut self, root: &Node, stem: &str) -> Option<Plugin> {
        let node = resolve(root);
        if !matches!(node.kind, NodeKind::Mapping(_)) {
            self.type_error(node, "Plugin", "a mapping with `type` and `script` or `command`");
            return None;
        }
        let (mut name, mut desc, mut kind, mut trigger, mut script, mut command) =
            (None, None, None, None, None, None);
        for field in self.fields(node) {
            let value = field.value;
            match field.name {
                "name" => name = self.filled_text(value),
                "desc" => desc = self.filled_text(value),
                "type" => kind = self.filled_text(value),
                "trigger" => trigger = self.filled_text(value),
                "script" => script = self.filled_text(value),
                "command" => command = self.filled_text(value),
                SCHEMA => {}
                _ => self.wrong_plugin_key(field.name, field.key.span),
            }
        }
        let name =
            name.unwrap_or_else(|| Text { value: stem.into(), span: node.span, style: ScalarStyle::Plain });
        let kind = match kind.as_ref().map(Text::as_str) {
            Some("hook") => PluginKind::Hook {
                trigger: self.trigger(trigger.as_ref(), node.span)?,
                script: self.needed(script, "a hook plugin needs a `script`", "`script: …`", node.span)?,
            },
            Some("param") => PluginKind::Param {
                command: self.needed(
                    command,
                    "a param plugin needs a `command`",
                    "`command: …`",
                    node.span,
                )?,
            },
            _ => {
                let span = kind.as_ref().map_or(node.span, |kind| kind.span);
                let message = match &kind {
                    Some(kind) => format!("`{}` is no type of a plugin", kind.value),
                    None => "a plugin needs a `type`".to_owned(),
                };
                let help = "write `type: hook` or `type: param`";
                self.report(Self::error(rule::INVALID_PLUGIN, message, span).with_help(help));
                return None;
            }
        };
        Some(Plugin { name, desc, kind, span: node.span })
    }

    fn needed(&mut self, text: Option<Text>, message: &str, help: &str, span: Span) -> Option<Text> {
        if text.is_none() {
            let diagnostic = Self::error(rule::INVALID_PLUGIN, message, span);
            self.report(diagnostic.with_label("nothing to run").with_help(format!("write {help}")));
        }
        text
    }

    fn trigger(&mut self, text: Option<&Text>, span: Span) -> Option<Spanned<Moment>> {
        let names = Moment::ALL.map(Moment::name);
        let Some(text) = text else {
            let diagnostic = Self::error(rule::INVALID_PLUGIN, "a hook plugin needs a `trigger`", span);
            self.report(diagnostic.with_help(format!("write one of {}", names.join(", "))));
            return None;
        };
        if let Some(moment) = Moment::parse(text.as_str()) {
            return Some(Spanned::new(moment, text.span));
        }
        let message = format!("`{}` is no trigger of a hook", text.value);
        let diagnostic = Self::error(rule::INVALID_PLUGIN, message, text.span).with_label("unknown trigger");
        self.report(match nearest(text.as_str(), names) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("change to `{near}`"),
                text.span,
                near,
            ),
            None => diagnostic.with_help(format!("the triggers are {}", names.join(", "))),
        });
        None
    }

    fn wrong_plugin_key(&mut self, name: &str, span: Span) {
        let diagnostic = Self::error(rule::INVALID_PLUGIN, format!("a plugin has no key `{name}`"), span)
            .with_label("unknown key");
        let known = keys(PLUGIN_FIELDS);
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
