//! Whether two trees say the same, wherever their parts stand.

use crate::yaml::compose::Composed;
use crate::yaml::node::{Node, NodeKind};

/// Whether two texts say the same.
pub(super) fn is_same(a: &Composed, b: &Composed) -> bool {
    a.has_more_documents == b.has_more_documents
        && match (&a.root, &b.root) {
            (Some(a), Some(b)) => same_node(a, b),
            (None, None) => true,
            _ => false,
        }
}

fn same_node(a: &Node, b: &Node) -> bool {
    a.tag() == b.tag() && a.anchor() == b.anchor() && same_kind(&a.kind, &b.kind)
}

fn same_kind(a: &NodeKind, b: &NodeKind) -> bool {
    match (a, b) {
        (NodeKind::Scalar(a), NodeKind::Scalar(b)) => a == b,
        (NodeKind::Sequence(a), NodeKind::Sequence(b)) => {
            a.style == b.style
                && a.items.len() == b.items.len()
                && a.items.iter().zip(&b.items).all(|(a, b)| same_node(a, b))
        }
        (NodeKind::Mapping(a), NodeKind::Mapping(b)) => {
            let pairs = a.entries.iter().zip(&b.entries);
            a.style == b.style
                && a.entries.len() == b.entries.len()
                && pairs.into_iter().all(|(a, b)| same_node(&a.key, &b.key) && same_node(&a.value, &b.value))
        }
        // What it stands for was compared where it is anchored.
        (NodeKind::Alias { name: a, .. }, NodeKind::Alias { name: b, .. }) => a == b,
        _ => false,
    }
}
