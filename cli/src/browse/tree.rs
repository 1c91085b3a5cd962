//! The tree of what is browsed: namespaces with what is in them, plans below a title of their own.

use std::collections::BTreeSet;

use super::entry::{Entry, Kind};

/// What stands between a namespace and a name.
const SEPARATOR: char = ':';
/// What plans are below.
const PLANS: &str = "plans";

/// A line of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it shows.
    pub label: String,
    /// How far it is indented.
    pub depth: usize,
    /// Names it for good: the whole name, plans with their title before it.
    pub path: String,
    /// The entry that it stands for; a namespace need not be one.
    pub entry: Option<usize>,
    /// Whether something is below it, and if so whether that is shown.
    pub open: Option<bool>,
}

#[derive(Debug, Default)]
struct Node {
    label: String,
    path: String,
    entry: Option<usize>,
    children: Vec<Node>,
}

impl Node {
    /// The child of that label, made where it is missing.
    fn child(&mut self, label: &str, path: &str) -> &mut Self {
        let at = self.children.iter().position(|child| child.path == path).unwrap_or_else(|| {
            self.children.push(Self { label: label.to_owned(), path: path.to_owned(), ..Self::default() });
            self.children.len() - 1
        });
        &mut self.children[at]
    }

    fn rows(&self, depth: usize, closed: &BTreeSet<String>, rows: &mut Vec<Row>) {
        for child in &self.children {
            let is_open = !closed.contains(&child.path);
            rows.push(Row {
                label: child.label.clone(),
                depth,
                path: child.path.clone(),
                entry: child.entry,
                open: (!child.children.is_empty()).then_some(is_open),
            });
            if is_open {
                child.rows(depth + 1, closed, rows);
            }
        }
    }
}

/// The lines of a tree: of all entries that a search finds, in their order. What is searched for is never closed.
pub fn rows(entries: &[Entry], query: &str, closed: &BTreeSet<String>) -> Vec<Row> {
    let wanted = query.trim().to_lowercase();
    let mut root = Node::default();
    for (index, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.matches(&wanted)) {
        let parts: Vec<&str> = match entry.kind {
            Kind::Plan => vec![PLANS, &entry.name],
            _ => entry.name.split(SEPARATOR).collect(),
        };
        let mut node = &mut root;
        let mut path = if entry.kind == Kind::Plan { "\u{0}".to_owned() } else { String::new() };
        for part in parts {
            if !path.is_empty() {
                path.push(SEPARATOR);
            }
            path.push_str(part);
            node = node.child(part, &path);
        }
        node.entry = Some(index);
    }
    let mut rows = Vec::new();
    let none = BTreeSet::new();
    root.rows(0, if wanted.is_empty() { closed } else { &none }, &mut rows);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, kind: Kind, desc: &str) -> Entry {
        let nothing = Vec::new();
        Entry {
            name: name.into(),
            kind,
            desc: desc.into(),
            aliases: nothing,
            params: Vec::new(),
            sections: Vec::new(),
            location: String::new(),
        }
    }

    fn check(query: &str, closed: &[&str], expected: &[&str]) {
        let entries = [
            entry("build", Kind::Inline, "Build it"),
            entry("docs", Kind::Inline, ""),
            entry("docs:serve", Kind::Inline, "Serve on a port"),
            entry("db:up:fast", Kind::Folder, ""),
            entry("db:up:slow", Kind::Folder, ""),
            entry("plans", Kind::Inline, ""),
            entry("nightly", Kind::Plan, "Builds all"),
        ];
        let closed = closed.iter().map(|path| (*path).to_owned()).collect();
        let shown: Vec<String> = rows(&entries, query, &closed)
            .iter()
            .map(|row| {
                let open = row.open.map_or("", |open| if open { "-" } else { "+" });
                let entry = row.entry.map_or("", |_| "*");
                format!("{}{open}{}{entry}", "  ".repeat(row.depth), row.label)
            })
            .collect();
        assert_eq!(shown, expected, "{query}");
    }

    #[test]
    fn namespaces_are_branches() {
        check(
            "",
            &[],
            &[
                "build*",
                "-docs*",
                "  serve*",
                "-db",
                "  -up",
                "    fast*",
                "    slow*",
                "plans*",
                "-plans",
                "  nightly*",
            ][..],
        );
        check(
            "",
            &["docs", "db:up"],
            &["build*", "+docs*", "-db", "  +up", "plans*", "-plans", "  nightly*"],
        );
    }

    #[test]
    fn a_search_shows_what_it_finds_with_its_branches() {
        check("SERVE", &["docs"], &["-docs", "  serve*"]);
        check("build", &[], &["build*", "-plans", "  nightly*"]);
        check("up slow", &[], &["-db", "  -up", "    slow*"]);
        check("nothing", &[], &[]);
    }
}
