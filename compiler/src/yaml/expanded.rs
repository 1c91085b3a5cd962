//! How large a tree is with its aliases written out.

use rustc_hash::FxHashMap;

use super::node::{Node, NodeKind};
use super::value::LOW_DECODE_COUNT;

/// The most values that the aliases of a file may stand for, beside those that are written.
pub const MAX_EXPANDED: usize = 1_000_000;

/// Keys of mappings whose values are decoded one by one, each of which go-yaml has a limit for.
const UNTYPED: [&str; 2] = ["vars", "env"];

/// Whether a text may have aliases: a star that begins a value, with a name behind it. Globs have stars too, in other places.
pub fn may_have_aliases(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'*', bytes).any(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let begins = before.is_none_or(|byte| byte.is_ascii_whitespace() || b"[{,:".contains(byte));
        begins && bytes.get(at + 1).is_some_and(|byte| !byte.is_ascii_whitespace())
    })
}

/// Whether the aliases in a tree stand for more than [`MAX_EXPANDED`] values beside those that are written.
pub fn is_too_large(node: &Node) -> bool {
    let written = Written::of(node);
    let mut sizes = Sizes::default();
    written.aliases > 0 && sizes.of(node).saturating_sub(written.nodes) > MAX_EXPANDED
}

/// What stands in a tree.
#[derive(Default)]
struct Written {
    nodes: usize,
    aliases: usize,
}

impl Written {
    fn of(node: &Node) -> Self {
        let mut written = Self::default();
        written.add(node);
        written
    }

    fn add(&mut self, node: &Node) {
        self.nodes += 1;
        match &node.kind {
            NodeKind::Scalar(_) => {}
            NodeKind::Sequence(list) => list.items.iter().for_each(|item| self.add(item)),
            NodeKind::Mapping(mapping) => mapping.entries.iter().for_each(|entry| self.add(&entry.value)),
            NodeKind::Alias { .. } => self.aliases += 1,
        }
    }
}

#[derive(Default)]
struct Sizes {
    /// By the node's address: many aliases share one target.
    of_targets: FxHashMap<*const Node, usize>,
}

impl Sizes {
    /// The number of nodes of a tree; no deeper than the parser allows, aliases written out.
    fn of(&mut self, node: &Node) -> usize {
        let size = match &node.kind {
            NodeKind::Scalar(_) | NodeKind::Alias { target: None, .. } => 0,
            NodeKind::Sequence(list) => {
                list.items.iter().map(|item| self.of(item)).fold(0, usize::saturating_add)
            }
            NodeKind::Mapping(mapping) => {
                let values = mapping.entries.iter().map(|entry| match &entry.key.kind {
                    NodeKind::Scalar(key) if UNTYPED.contains(&key.text.as_str()) => {
                        self.of_untyped(&entry.value)
                    }
                    _ => self.of(&entry.value),
                });
                values.fold(0, usize::saturating_add)
            }
            NodeKind::Alias { target: Some(target), .. } => {
                let address = std::ptr::from_ref::<Node>(target);
                if let Some(&size) = self.of_targets.get(&address) {
                    return size;
                }
                let size = self.of(target);
                self.of_targets.insert(address, size);
                return size;
            }
        };
        size.saturating_add(1)
    }

    fn of_untyped(&mut self, node: &Node) -> usize {
        let NodeKind::Mapping(mapping) = &node.kind else { return self.of(node) };
        let values = mapping.entries.iter().map(|entry| self.of(&entry.value).min(LOW_DECODE_COUNT as usize));
        values.fold(0, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn stars_of_globs_are_no_aliases() {
        for text in ["*a", "a: *b", "[*a]", "[x,*a]", "- *a\n", "{*a : b}", "a:\n  *b"] {
            assert!(may_have_aliases(text), "{text}");
        }
        for text in ["a: src/**/*.go", "['*.c', \"*.h\"]", "a: 2 * 3", "build-*:", "a: b*c"] {
            assert!(!may_have_aliases(text), "{text}");
        }
    }

    use super::*;
    use crate::source::SourceId;
    use crate::yaml::compose::compose;
    use crate::yaml::node::Mapping;

    fn check(text: &str, nodes: usize, expanded: usize) {
        let composed = compose(text, SourceId(0));
        assert_eq!(composed.errors, [], "{text}");
        let root = composed.root.unwrap();
        assert_eq!((Written::of(&root).nodes, Sizes::default().of(&root)), (nodes, expanded), "{text}");
        assert_eq!(is_too_large(&root), expanded > MAX_EXPANDED, "{text}");
    }

    #[test]
    fn aliases_count_for_what_they_stand_for() {
        check("a: [1, 2]", 4, 4);
        check("a: &a [1, 2]\nb: [*a, *a]", 7, 11);
        check("a: &a [1, 2]\nb: &b [*a, *a]\nc: [*b, x]", 10, 20);
        check("a: &a [1]\nb: {<<: *a}", 5, 6);
        let bomb = |levels: usize| {
            let level = |n: usize| format!("- &a{n} [*a{}, *a{0}]\n", n - 1);
            format!("- &a0 [1, 2]\n{}", (1..levels).map(level).collect::<Vec<_>>().concat())
        };
        let is_bomb = |levels: usize| is_too_large(&compose(&bomb(levels), SourceId(0)).root.unwrap());
        assert_eq!([5, 15, 25, 100].map(is_bomb), [false, false, true, true]);
    }

    #[test]
    fn each_variable_has_go_yamls_own_limit() {
        let level = |n: usize| format!("x{n}: &a{n} [*a{}, *a{0}]\n", n - 1);
        let bomb: String = (1..100).map(level).collect::<Vec<_>>().concat();
        let text = |root: &str| format!("vars: {{\"\": &a0 [1, 2]}}\n{bomb}{root}");
        let size = |root: &str| {
            let root = compose(&text(root), SourceId(0)).root.unwrap();
            let NodeKind::Mapping(mapping) = root.kind else { panic!() };
            Sizes::default().of(&Node {
                kind: NodeKind::Mapping(Mapping { entries: mapping.entries[100..].to_vec(), ..mapping }),
                ..root
            })
        };
        assert_eq!(size("vars: {V: {map: *a99}}"), LOW_DECODE_COUNT as usize + 1);
        assert_eq!(size("tasks: {V: {map: *a99}}"), usize::MAX);
    }
}
