//! Anchors of YAML and the aliases that stand for them.

use std::sync::Arc;

use super::builder::{Builder, Scope};
use super::{Role, Spelling, SymbolKind};
use crate::source::Span;
use crate::yaml::node::{Node, NodeKind};

/// Adds the anchors of all files.
pub fn add(builder: &mut Builder<'_>) {
    for file in &builder.indexed.loaded.files {
        let text = Arc::clone(&builder.sources.file(file.file).text);
        if let Some(root) = file.document.root.as_ref().filter(|_| may_have_anchor(&text)) {
            node(builder, root);
        }
    }
}

/// Whether a text may have an anchor: most have none, and looking at all nodes takes longer than looking at the text.
fn may_have_anchor(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'&', bytes).any(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let after = bytes.get(at + 1);
        before.is_none_or(|c| c.is_ascii_whitespace() || b"[{,".contains(c))
            && after.is_some_and(|c| !c.is_ascii_whitespace() && *c != b'&')
    })
}

/// Nodes nest no deeper than the parser lets them.
fn node(builder: &mut Builder<'_>, at: &Node) {
    if let Some(name) = at.marks.as_ref().and_then(|marks| marks.anchor.as_ref()) {
        let start = Span { source: at.span.source, start: at.start, end: at.start };
        let head = Span { end: at.span.start.max(at.start), ..start };
        let found = builder.sources.text(head).find(&format!("&{name}"));
        if let Some(offset) = found {
            let key = builder.node(Scope::Anchor(start), SymbolKind::Anchor, name);
            let begin = at.start + offset as u32 + 1;
            let span = Span { start: begin, end: begin + name.len() as u32, ..start };
            builder.add(key, span, Role::Definition, Spelling::Name, None);
        }
    }
    match &at.kind {
        NodeKind::Scalar(_) => {}
        NodeKind::Sequence(sequence) => sequence.items.iter().for_each(|item| node(builder, item)),
        NodeKind::Mapping(mapping) => {
            for entry in &mapping.entries {
                node(builder, &entry.key);
                node(builder, &entry.value);
            }
        }
        NodeKind::Alias { name, target } => {
            let Some(target) = target else { return };
            let start = Span { source: target.span.source, start: target.start, end: target.start };
            let key = builder.node(Scope::Anchor(start), SymbolKind::Anchor, name);
            let written = builder.sources.text(at.span);
            let lead = u32::from(written.starts_with('*'));
            let span = Span { start: at.span.start + lead, ..at.span };
            builder.add(key, span, Role::Read, Spelling::Name, None);
        }
    }
}
