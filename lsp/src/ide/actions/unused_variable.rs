//! Removing a variable that nothing reads.

use std::ops::Range;

use ez_compiler::rule;
use ez_compiler::source::FileId;
use ez_compiler::yaml::node::{CollectionStyle, Entry, Mapping, Node, NodeKind};

use super::lines::Lines;
use super::{Action, ActionKind, Change};
use crate::analysis::{FileRange, Snapshot};
use crate::ide::diagnostics;
use crate::ide::syntax::Tree;

/// The removal of each variable that nothing reads and that some bytes touch. No fix of the finding: one who writes a
/// variable and saves before it is read wants to keep it.
pub fn at(snapshot: &Snapshot, file: FileId, range: &Range<usize>) -> Vec<Action> {
    let findings = diagnostics::touched(&snapshot.analysis, file, range);
    let unused = findings.filter(|finding| finding.code == rule::UNUSED_VARIABLE.id);
    let removal = |finding: diagnostics::Finding| {
        let tree = Tree::of(&snapshot.analysis, file)?;
        let name = tree.text.get(finding.place.range.clone())?.trim_matches(['\'', '"']);
        let written = Written { tree: &tree, lines: Lines::new(tree.text) };
        let range = written.removal(tree.root()?, finding.place.range.start)?;
        Some(Action {
            title: format!("remove the variable `{name}`"),
            kind: ActionKind::QuickFix,
            change: Change { files: Vec::new(), edits: vec![(FileRange { file, range }, String::new())] },
            mends: Some(finding),
            is_preferred: false,
        })
    };
    unused.filter_map(removal).collect()
}

struct Written<'a> {
    tree: &'a Tree<'a>,
    lines: Lines<'a>,
}

impl Written<'_> {
    /// The bytes of the entry below a node whose key begins at a byte; of the only one in its mapping, those of the
    /// mapping's own entry.
    fn removal(&self, node: &Node, key: usize) -> Option<Range<usize>> {
        let NodeKind::Mapping(mapping) = &node.kind else { return None };
        let entries = &mapping.entries;
        // Where a key begins first of all the cursor is behind it or in its value.
        let index = entries
            .iter()
            .rposition(|entry| self.tree.range(entry.key.span).start <= key)
            .unwrap_or_default();
        let entry = entries.get(index)?;
        let is_it = self.tree.range(entry.key.span).start == key;
        let holds_only_it = match &entry.value.kind {
            NodeKind::Mapping(inner) => match inner.entries.as_slice() {
                [only] => self.tree.range(only.key.span).start == key,
                _ => false,
            },
            _ => false,
        };
        if is_it || holds_only_it {
            return self.without(mapping, index);
        }
        self.removal(&entry.value, key)
    }

    /// The bytes of an entry with what sets it apart from the others, of which there is one at least.
    fn without(&self, mapping: &Mapping, index: usize) -> Option<Range<usize>> {
        let entry = mapping.entries.get(index)?;
        if mapping.entries.len() < 2 || has_anchor(&entry.value) {
            return None;
        }
        let start = self.tree.range(entry.key.span).start;
        if mapping.style == CollectionStyle::Flow {
            let next = mapping.entries.get(index + 1).map(|next| self.tree.range(next.key.span).start);
            return Some(match next {
                Some(next) => start..next,
                None => self.end(mapping.entries.get(index.checked_sub(1)?)?)..self.end(entry),
            });
        }
        // Behind a dash stands the first entry of an item, which another one cannot follow in this way.
        if !self.lines.begins(start) {
            return None;
        }
        let mut end = self.lines.next(self.end(entry));
        while index == 0 && self.lines.is_blank(end) {
            end = self.lines.next(end);
        }
        let above = self.lines.with_comments_above(self.lines.start(start), self.lines.column(start));
        Some(above..end)
    }

    /// Where an entry ends.
    fn end(&self, entry: &Entry) -> usize {
        let (key, value) = (self.tree.range(entry.key.span), self.tree.range(entry.value.span));
        let written = self.lines.slice(value.clone()).trim_end();
        // A value that is not written has no place of its own.
        if written.is_empty() { key.end + ":".len() } else { value.start + written.len() }
    }
}

/// Whether an alias elsewhere may mean a node, or a part of it.
fn has_anchor(node: &Node) -> bool {
    let is_marked = node.marks.as_ref().is_some_and(|marks| marks.anchor.is_some());
    is_marked
        || match &node.kind {
            NodeKind::Mapping(mapping) => {
                mapping.entries.iter().any(|entry| has_anchor(&entry.key) || has_anchor(&entry.value))
            }
            NodeKind::Sequence(sequence) => sequence.items.iter().any(|item| has_anchor(item)),
            NodeKind::Scalar(_) | NodeKind::Alias { .. } => false,
        }
}

#[cfg(test)]
mod tests {
    use super::super::tests::check;

    #[test]
    fn what_nothing_reads_is_removed() {
        check(
            "actions-unused-variable",
            "remove the variable",
            &[
                (
                    "a global variable",
                    "version: '3'\nvars:\n  A: a\n  # why\n  'U$0SED': {sh: ls} # more\n  B: '{{.A}}'\ntasks:\n  a: echo {{.B}}\n",
                ),
                ("the only one", "version: '3'\nvars:\r\n  U$0: a\r\n\r\ntasks:\r\n  a: echo\r\n"),
                (
                    "a script",
                    "version: '3'\nvars:\n  U$0:\n    sh: |\n      ls\n\n      pwd\n\n  A: b\ntasks:\n  a: echo {{.A}}",
                ),
                (
                    "the only one of a task in braces",
                    "version: '3'\ntasks: {a: {vars: {U$0: ü}, cmds: [echo]}}\n",
                ),
                (
                    "the last of a task in braces",
                    "version: '3'\ntasks: {a: {vars: {A: x, U$0: 'a, b'}, cmds: ['echo {{.A}}']}}\n",
                ),
                (
                    "the first of a task in braces",
                    "version: '3'\ntasks: {a: {vars: {U$0: 'a, b', A: x}, cmds: ['echo {{.A}}']}}\n",
                ),
                (
                    "not one that an alias means",
                    "version: '3'\nvars:\n  U$0: &u a\n  A: *u\ntasks:\n  a: echo {{.A}}\n",
                ),
                (
                    "not one that is read",
                    "version: '3'\nvars:\n  U$0: a\n  A: b\ntasks:\n  a: echo {{.A}} {{.U}}\n",
                ),
                (
                    "one that the shell seems to read",
                    "version: '3'\ntasks:\n  a:\n    cmds: [echo $U]\n    vars:\n      U$0: a\n",
                ),
            ],
        );
    }
}
