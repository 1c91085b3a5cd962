//! Names of all projects, found by some of their letters.

use std::sync::Arc;

use camino::Utf8Path;
use ez_compiler::ast::Text;
use ez_compiler::folder::{self, qualified};
use ez_compiler::source::Span;
use ez_compiler::{plugin, template_file};
use rustc_hash::FxHashSet;

use super::document_symbols::OutlineKind;
use crate::analysis::{Analysis, TextPlace};

/// How many names are given at most.
pub const MAX_SYMBOLS: usize = 256;

/// A name that fits.
#[derive(Clone, Debug)]
pub struct FoundSymbol {
    /// The name, of a task with its namespaces.
    pub name: String,
    /// What it is.
    pub kind: OutlineKind,
    /// The file or plan in which it is.
    pub container: String,
    /// Where.
    pub place: TextPlace,
    score: u32,
}

/// The tasks, variables, namespaces, params, plans, steps, plugins and templates of projects whose names have the letters of a query
/// in this order, the best first.
pub fn symbols<'a>(analyses: impl IntoIterator<Item = &'a Analysis>, query: &str) -> Vec<FoundSymbol> {
    let mut found = Vec::new();
    for analysis in analyses {
        let mut search = Search { analysis, query, found: &mut found, known: FxHashSet::default() };
        search.project();
    }
    found.sort_by(|a, b| {
        (b.score, a.name.len(), &a.name, &a.place.source.path, a.place.range.start).cmp(&(
            a.score,
            b.name.len(),
            &b.name,
            &b.place.source.path,
            b.place.range.start,
        ))
    });
    found.dedup_by(|a, b| {
        a.place.source.path == b.place.source.path && a.place.range == b.place.range && a.name == b.name
    });
    found.truncate(MAX_SYMBOLS);
    found
}

struct Search<'s> {
    analysis: &'s Analysis,
    query: &'s str,
    found: &'s mut Vec<FoundSymbol>,
    known: FxHashSet<Span>,
}

impl Search<'_> {
    fn project(&mut self) {
        let compilation = &self.analysis.compilation;
        let folder = self.analysis.key.folder.as_ref();
        let container = folder.map(|folder| format!("{}/{}", folder::DIRECTORY, folder.name));
        for task in &compilation.program.tasks {
            let name = folder.map_or_else(|| task.name.clone(), |folder| qualified(&folder.name, &task.name));
            self.add(&name, OutlineKind::Task, container.as_deref(), task.name_span());
            for param in task.superset.iter().flat_map(|superset| &superset.params) {
                self.add(&param.name.value, OutlineKind::Param, Some(&name), param.name.span);
            }
        }
        for taskfile in compilation.loaded.files.iter().filter_map(|file| file.taskfile.as_ref()) {
            for variable in &taskfile.vars {
                self.add(&variable.name.value, OutlineKind::Variable, None, variable.name.span);
            }
            for variable in &taskfile.env {
                self.add(&variable.name.value, OutlineKind::Environment, None, variable.name.span);
            }
            for include in &taskfile.includes {
                self.add(&include.namespace.value, OutlineKind::Namespace, None, include.namespace.span);
            }
        }
        for plan in &compilation.plans {
            self.add_file(&plan.file.name, OutlineKind::Section, &plan.file.path);
            for step in plan.written.iter().flat_map(|written| &written.steps) {
                self.add(&step.name.value, OutlineKind::Step, Some(&plan.file.name), step.name.span);
            }
        }
        self.files();
    }

    /// Files that have a name: plugins and templates, with the params of these.
    fn files(&mut self) {
        let compilation = &self.analysis.compilation;
        for plugin in compilation.plugins.found.iter().map(|found| &found.plugin) {
            self.add_named_file(&plugin.name, plugin::PROJECT_DIRECTORY);
        }
        for template in compilation.templates.iter().filter_map(|file| file.template()) {
            self.add_named_file(&template.name, template_file::PROJECT_DIRECTORY);
            for param in &template.params {
                self.add(&param.name.value, OutlineKind::Param, Some(&template.name.value), param.name.span);
            }
        }
    }

    /// A file that is found at its name, or at its beginning where it says none.
    fn add_named_file(&mut self, name: &Text, directory: &str) {
        let place = self.analysis.locate(name.span);
        let source = self.analysis.file(place.file);
        if source.text.get(place.range) == Some(name.value.as_str()) {
            self.add(&name.value, OutlineKind::File, Some(directory), name.span);
        } else {
            self.add_file(&name.value, OutlineKind::File, &source.path);
        }
    }

    /// A file that is a thing by itself; its directory tells what it is.
    fn add_file(&mut self, name: &str, kind: OutlineKind, path: &Utf8Path) {
        let Some((score, file)) = score(name, self.query).zip(self.analysis.file_of(path)) else { return };
        let container = path.parent().and_then(Utf8Path::file_name).unwrap_or_default().to_owned();
        let place = TextPlace { source: Arc::clone(self.analysis.file(file)), range: 0..0 };
        self.found.push(FoundSymbol { name: name.to_owned(), kind, container, place, score });
    }

    fn add(&mut self, name: &str, kind: OutlineKind, container: Option<&str>, span: Span) {
        let Some(score) = score(name, self.query) else { return };
        if kind != OutlineKind::Task && !self.known.insert(span) {
            return;
        }
        let place = self.analysis.locate(span);
        let source = Arc::clone(self.analysis.file(place.file));
        let file = source.path.file_name().unwrap_or_default();
        let container = container.map_or_else(|| file.to_owned(), ToOwned::to_owned);
        let place = TextPlace { source, range: place.range };
        self.found.push(FoundSymbol { name: name.to_owned(), kind, container, place, score });
    }
}

/// How well a name fits letters that it must have in this order, whatever their case: better where they follow each other,
/// and where they begin a word. `None` where it lacks one.
fn score(name: &str, query: &str) -> Option<u32> {
    const FOLLOWS: u32 = 4;
    const BEGINS_WORD: u32 = 3;
    const SAME_CASE: u32 = 1;
    const WHOLE: u32 = 50;
    const PREFIX: u32 = 20;
    let mut total = if name.eq_ignore_ascii_case(query) {
        WHOLE
    } else if name.get(..query.len()).is_some_and(|start| start.eq_ignore_ascii_case(query)) {
        PREFIX
    } else {
        0
    };
    let mut letters = name.chars().peekable();
    let mut before = None;
    let mut follows = true;
    for wanted in query.chars().filter(|c| !c.is_whitespace()) {
        loop {
            let letter = letters.next()?;
            let begins = before
                .is_none_or(|c: char| !c.is_alphanumeric() || c.is_lowercase() && letter.is_uppercase());
            before = Some(letter);
            if letter.to_lowercase().eq(wanted.to_lowercase()) {
                total += 1 + u32::from(letter == wanted) * SAME_CASE;
                total += u32::from(follows) * FOLLOWS + u32::from(begins) * BEGINS_WORD;
                follows = true;
                break;
            }
            follows = false;
        }
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::score;

    #[test]
    fn letters_in_order_are_found_and_ranked() {
        assert_eq!(score("build", "x"), None);
        assert_eq!(score("build", "db"), None);
        assert!(score("build", "").is_some());
        let better =
            |query: &str, one: &str, other: &str| assert!(score(one, query) > score(other, query), "{query}");
        better("build", "build", "rebuild");
        better("bui", "build", "be-user-in");
        better("dt", "docs:test", "edit");
        better("API", "API", "api");
    }
}
