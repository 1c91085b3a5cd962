//! Another name for something, everywhere at once.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use ez_compiler::ast::param::variable_name;
use ez_compiler::check::SPECIAL_VARIABLES;
use ez_compiler::dotenv::is_expanded;
use ez_compiler::folder::qualified;
use ez_compiler::ir::Resolution;
use ez_compiler::plan::outputs::STEPS;
use ez_compiler::project::remote::is_remote;
use ez_compiler::source::{FileId, SourceFile};
use ez_compiler::superset::is_reserved;
use ez_compiler::symbols::{Occurrence, Role, Spelling, Symbol, SymbolId, SymbolIndex, SymbolKind};
use ez_compiler::template_file::{TASK, field_name};
use ez_compiler::yaml::scalar::{Resolved, resolve_plain};
use rustc_hash::FxHashSet;

use crate::analysis::{FilePosition, Snapshot};

/// What the variables of params begin with.
const PARAM_PREFIX: &str = "EZ_";

/// What is renamed, and how it is written where it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renamable {
    /// The bytes of the name.
    pub range: Range<usize>,
    /// The name as it is written there.
    pub placeholder: String,
}

/// The edits of one file, by place.
#[derive(Clone, Debug)]
pub struct FileEdits {
    /// The file.
    pub source: Arc<SourceFile>,
    /// Bytes, and what takes their place.
    pub edits: Vec<(Range<usize>, String)>,
}

/// What a rename at a place would change; `None` where no name stands.
///
/// # Errors
/// What stands there cannot have another name; why, as a sentence.
pub fn prepare(snapshot: &Snapshot, position: FilePosition) -> Result<Option<Renamable>, String> {
    let index = snapshot.symbols();
    let Some((occurrence, symbol)) = subject(index, position)? else { return Ok(None) };
    Rename { snapshot, index, id: occurrence.symbol, symbol }.places()?;
    let text = &index.sources().file(occurrence.file).text;
    let placeholder = text.get(occurrence.range()).unwrap_or_default().to_owned();
    Ok(Some(Renamable { range: occurrence.range(), placeholder }))
}

/// The edits that give what stands at a place another name; `None` where no name stands.
///
/// # Errors
/// It cannot have another name, or not this one; why, as a sentence.
pub fn rename(
    snapshot: &Snapshot,
    position: FilePosition,
    new_name: &str,
) -> Result<Option<Vec<FileEdits>>, String> {
    let index = snapshot.symbols();
    let Some((occurrence, symbol)) = subject(index, position)? else { return Ok(None) };
    let rename = Rename { snapshot, index, id: occurrence.symbol, symbol };
    let new_name = normal_form(occurrence, symbol, new_name.trim());
    check_name(symbol.kind, &new_name)?;
    check_stars(symbol, &new_name)?;
    if new_name == symbol.name {
        return Ok(Some(Vec::new()));
    }
    rename.check_collision(&new_name)?;
    rename.edits(&new_name).map(Some)
}

/// The same in all projects that share a file with what is renamed: what several of them include has names in each.
///
/// # Errors
/// As [`rename`], in any of them.
pub fn rename_in_all(
    snapshot: &Snapshot,
    position: FilePosition,
    new_name: &str,
    others: &[Snapshot],
) -> Result<Option<Vec<FileEdits>>, String> {
    let Some(mut edits) = rename(snapshot, position, new_name)? else { return Ok(None) };
    // What one project adds may be shared with a further one.
    for _ in 0..others.len() {
        let before = count(&edits);
        for other in others.iter().filter(|other| !Arc::ptr_eq(&other.analysis, &snapshot.analysis)) {
            for position in shared_places(other, &edits) {
                let found = rename(other, position, new_name)?;
                found.into_iter().flatten().for_each(|file| add_edits(&mut edits, file));
            }
        }
        if count(&edits) == before {
            break;
        }
    }
    Ok(Some(edits))
}

fn count(files: &[FileEdits]) -> usize {
    files.iter().map(|file| file.edits.len()).sum()
}

/// Where edited names stand in another project, one place for each of its symbols.
fn shared_places(other: &Snapshot, edits: &[FileEdits]) -> Vec<FilePosition> {
    let mut known = FxHashSet::default();
    let mut places = Vec::new();
    for file in edits.iter().filter(|file| other.analysis.file_of(&file.source.path).is_some()) {
        let index = other.symbols();
        let Some(id) = index.file(&file.source.path) else { continue };
        for (range, _) in &file.edits {
            let found = index.at(id, range.start).into_iter();
            let mut same = found.filter(|place| {
                place.range() == *range
                    && place.spelling != Spelling::Implied
                    && index.symbol(place.symbol).is_some_and(|symbol| symbol.obstacle.is_none())
            });
            if same.next().is_some_and(|place| known.insert(place.symbol)) {
                places.push(FilePosition { file: id, offset: range.start });
            }
        }
    }
    places
}

fn add_edits(files: &mut Vec<FileEdits>, more: FileEdits) {
    let Some(known) = files.iter_mut().find(|known| known.source.path == more.source.path) else {
        files.push(more);
        return;
    };
    for (range, new_text) in more.edits {
        if let Err(at) =
            known.edits.binary_search_by_key(&(range.start, range.end), |(range, _)| (range.start, range.end))
        {
            known.edits.insert(at, (range, new_text));
        }
    }
}

/// What is named at a place.
fn subject(index: &SymbolIndex, position: FilePosition) -> Result<Option<(&Occurrence, &Symbol)>, String> {
    let mut here = index.at(position.file, position.offset);
    if here.iter().any(|found| found.spelling != Spelling::Implied) {
        here.retain(|found| found.spelling != Spelling::Implied);
    }
    let Some(first) = here.first() else { return Ok(None) };
    let Some(symbol) = index.symbol(first.symbol) else { return Ok(None) };
    if let Some(obstacle) = &symbol.obstacle {
        return Err(format!("`{}` {}", symbol.name, obstacle.explain()));
    }
    if first.spelling == Spelling::Implied {
        return Err(format!("`{}` is not written here: rename it where it is", symbol.name));
    }
    if here.iter().any(|other| other.symbol != first.symbol) {
        return Err(format!("`{}` names several things here: write them apart first", symbol.name));
    }
    Ok(Some((first, symbol)))
}

/// The name as the symbol has it: of a param without `EZ_`, of one of a template file with `-` where it had some, of a variable
/// of a template with its dollar.
fn normal_form(occurrence: &Occurrence, symbol: &Symbol, typed: &str) -> String {
    match symbol.kind {
        SymbolKind::TemplateParam
            if occurrence.spelling == Spelling::ParamVariable && symbol.name.contains('-') =>
        {
            typed.replace('_', "-")
        }
        SymbolKind::Param | SymbolKind::PlanParam => match typed.strip_prefix(PARAM_PREFIX) {
            Some(variable) => {
                let separator = if symbol.name.contains('_') { "_" } else { "-" };
                variable.to_lowercase().replace('_', separator)
            }
            None => typed.to_owned(),
        },
        SymbolKind::TemplateVariable => format!("${}", typed.trim_start_matches('$')),
        _ => typed.to_owned(),
    }
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a new name can be the name of such a thing.
fn check_name(kind: SymbolKind, name: &str) -> Result<(), String> {
    let is_word = |extra: &str| {
        name.starts_with(|c: char| c.is_alphanumeric() || c == '_')
            && name.ends_with(|c: char| c.is_alphanumeric() || "_-+.*".contains(c))
            && name.chars().all(|c| c.is_alphanumeric() || c == '_' || extra.contains(c))
    };
    let (is_good, form) = match kind {
        SymbolKind::Task | SymbolKind::TaskAlias => (
            is_word("-.:/+@*") && !name.contains("::"),
            "letters, digits and `_-.:/+@`, with a letter or digit at both ends",
        ),
        SymbolKind::Namespace => (is_word("-./+@"), "letters, digits and `_-./+@`, without `:`"),
        SymbolKind::Step => (is_word("-.:/+@"), "letters, digits and `_-.:/+@`"),
        SymbolKind::Artifact => {
            (is_word("-.") && name.is_ascii(), "letters of ASCII, digits, `-`, `_` and `.`")
        }
        SymbolKind::Param | SymbolKind::PlanParam | SymbolKind::TemplateParam => (
            name.starts_with(|c: char| c.is_ascii_alphabetic())
                && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')),
            "a letter, then letters, digits, `-` and `_`",
        ),
        SymbolKind::TemplateVariable => {
            (is_identifier(name.trim_start_matches('$')), "letters, digits and `_`, without a digit in front")
        }
        SymbolKind::Anchor => (is_word("-."), "letters, digits, `-`, `_` and `.`"),
        _ => (is_identifier(name), "letters of ASCII, digits and `_`, without a digit in front"),
    };
    if is_good {
        Ok(())
    } else {
        Err(format!("`{name}` cannot be the name of {}: use {form}", kind.description()))
    }
}

/// A task takes as many words as it has stars, and has them in a list.
fn check_stars(symbol: &Symbol, new_name: &str) -> Result<(), String> {
    let stars = |name: &str| name.matches('*').count();
    match (stars(&symbol.name), stars(new_name)) {
        (old, new) if old == new => Ok(()),
        (0, _) => Err(format!("`{new_name}` cannot be the name: `{}` has no `*`", symbol.name)),
        (old, _) => Err(format!("`{new_name}` cannot be the name: keep the {old} `*` of `{}`", symbol.name)),
    }
}

struct Rename<'a> {
    snapshot: &'a Snapshot,
    index: &'a SymbolIndex,
    id: SymbolId,
    symbol: &'a Symbol,
}

impl Rename<'_> {
    /// The places to change; an error where one of them cannot be.
    fn places(&self) -> Result<Vec<&Occurrence>, String> {
        let mut places = Vec::new();
        for place in self.index.occurrences(self.id).filter(|place| place.spelling != Spelling::Implied) {
            let source = self.index.sources().file(place.file);
            if is_remote(source.path.as_str()) {
                return Err(format!(
                    "`{}` is named in {}, which is not on this machine: it cannot be changed there",
                    self.symbol.name, source.path
                ));
            }
            if self.is_pinned(place.file) {
                return Err(format!(
                    "`{}` is named in {}, whose content an include pins by its `checksum`: remove that first",
                    self.symbol.name,
                    source.path.file_name().unwrap_or_default()
                ));
            }
            if !self.is_written(place, &source.text) {
                let position = source.lines.position(&source.text, place.range().start);
                let file = source.path.file_name().unwrap_or_default();
                return Err(format!(
                    "`{}` is written with escapes in {file}, line {}: write it plainly first",
                    self.symbol.name, position.line
                ));
            }
            places.push(place);
        }
        self.check_hidden_reads(&places)?;
        Ok(places)
    }

    /// What scripts hand to other programs, as in `sh -c 'echo $X'`, may read a variable of the environment as well.
    fn check_hidden_reads(&self, places: &[&Occurrence]) -> Result<(), String> {
        let name = match self.symbol.kind {
            SymbolKind::Variable => self.symbol.name.clone(),
            SymbolKind::Param => variable_name(&self.symbol.name),
            _ => return Ok(()),
        };
        if self.symbol.in_folder {
            return Ok(());
        }
        let is_read_by_scripts = places.iter().any(|place| {
            let text = &self.index.sources().file(place.file).text;
            text.get(..place.range().start)
                .is_some_and(|before| before.ends_with('$') || before.ends_with("${"))
        });
        let is_environment = is_read_by_scripts || self.symbol.kind == SymbolKind::Param;
        for file in self.snapshot.analysis.compilation.loaded.files.iter().filter(|_| is_environment) {
            let source = self.index.sources().file(file.file);
            for (at, _) in source.text.match_indices(name.as_str()) {
                let before = source.text.get(..at).unwrap_or_default();
                let after = source.text.get(at + name.len()..).unwrap_or_default();
                let is_read = before.ends_with('$') || before.ends_with("${");
                let is_whole = !after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
                if is_read
                    && is_whole
                    && self.index.at(file.file, at).iter().all(|known| known.range().start != at)
                {
                    let position = source.lines.position(&source.text, at);
                    return Err(format!(
                        "`{name}` may be read by another program in {}, line {}: change it there first",
                        source.path.file_name().unwrap_or_default(),
                        position.line
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether an include says what must be in a file.
    fn is_pinned(&self, file: FileId) -> bool {
        let loaded = &self.snapshot.analysis.compilation.loaded;
        let pinned = loaded.edges.iter().filter(|edge| edge.include.checksum.is_some());
        pinned.filter_map(|edge| loaded.files.get(edge.to)).any(|known| known.file == file)
    }

    fn is_written(&self, place: &Occurrence, text: &str) -> bool {
        let written = text.get(place.range()).unwrap_or_default();
        let name = &self.symbol.name;
        match (self.symbol.kind, place.spelling) {
            (SymbolKind::Param | SymbolKind::PlanParam, Spelling::ParamVariable) => {
                written == variable_name(name)
            }
            // Params whose names differ in `-` and `_` are one variable.
            (SymbolKind::Param | SymbolKind::PlanParam, _) => {
                variable_name(written) == variable_name(name) || written == variable_name(name)
            }
            (SymbolKind::TemplateParam, _) => field_name(written) == field_name(name),
            _ => written == name.as_str(),
        }
    }

    fn edits(&self, new_name: &str) -> Result<Vec<FileEdits>, String> {
        let mut by_file: BTreeMap<FileId, Vec<(Range<usize>, String)>> = BTreeMap::new();
        for place in self.places()? {
            let text = &self.index.sources().file(place.file).text;
            let written = text.get(place.range()).unwrap_or_default();
            let is_param = matches!(self.symbol.kind, SymbolKind::Param | SymbolKind::PlanParam);
            let new_text = if is_param && written.starts_with(PARAM_PREFIX) && place.role != Role::Definition
            {
                variable_name(new_name).to_string()
            } else if self.symbol.kind == SymbolKind::TemplateParam
                && place.spelling == Spelling::ParamVariable
            {
                field_name(new_name).to_string()
            } else {
                new_name.to_owned()
            };
            let new_text = if needs_quotes(&new_text) && is_plain_scalar(text, &place.range()) {
                format!("'{new_text}'")
            } else {
                new_text
            };
            self.check_dot(place, text, &new_text)?;
            self.check_expansion(place, text, &new_text)?;
            let edits = by_file.entry(place.file).or_default();
            if edits.last().is_none_or(|(last, _)| *last != place.range()) {
                edits.push((place.range(), new_text));
            }
        }
        let source = |file: FileId| Arc::clone(self.index.sources().file(file));
        Ok(by_file.into_iter().map(|(file, edits)| FileEdits { source: source(file), edits }).collect())
    }

    /// Behind a dot of a template only a word can stand.
    fn check_dot(&self, place: &Occurrence, text: &str, new_text: &str) -> Result<(), String> {
        let before = text.get(..place.range().start).unwrap_or_default();
        // What is a word there now stands behind a dot of a template, and not of another name.
        let is_field = place.role == Role::Read && before.ends_with('.') && is_identifier(&self.symbol.name);
        if !is_field || is_identifier(new_text) || self.symbol.kind == SymbolKind::Task {
            return Ok(());
        }
        let source = self.index.sources().file(place.file);
        let position = source.lines.position(&source.text, place.range().start);
        Err(format!(
            "`{new_text}` cannot stand behind the dot of a template, as in {}, line {}: use letters, digits and `_`",
            source.path.file_name().unwrap_or_default(),
            position.line
        ))
    }

    /// In the values of dotenv files only some names stand for variables.
    fn check_expansion(&self, place: &Occurrence, text: &str, new_text: &str) -> Result<(), String> {
        let source = self.index.sources().file(place.file);
        let is_yaml = matches!(source.path.extension(), Some("yml" | "yaml"));
        let before = text.get(..place.range().start).unwrap_or_default();
        let is_expansion = place.role == Role::Read && before.ends_with(['$', '{', '(']);
        if is_yaml || !is_expansion || new_text.chars().all(is_expanded) {
            return Ok(());
        }
        let position = source.lines.position(&source.text, place.range().start);
        Err(format!(
            "`${{{new_text}}}` stands for nothing in a dotenv file, as in {}, line {}: use upper-case letters, digits and `_`",
            source.path.file_name().unwrap_or_default(),
            position.line
        ))
    }

    fn check_collision(&self, new_name: &str) -> Result<(), String> {
        // The folder task knows what else it has, and is asked for itself: see [`rename_in_all`].
        if self.symbol.in_folder {
            return Ok(());
        }
        match self.symbol.kind {
            SymbolKind::TemplateParam if field_name(new_name) == TASK => {
                Err(format!("`{TASK}` is the name of what a template makes: choose another name"))
            }
            SymbolKind::PlanVariable | SymbolKind::PlanParam | SymbolKind::MatrixKey if new_name == STEPS => {
                Err(format!("`{STEPS}` is the name of what a plan knows of its steps: choose another name"))
            }
            SymbolKind::Task | SymbolKind::TaskAlias => self.check_task_collision(new_name),
            SymbolKind::Namespace => self.check_namespace_collision(new_name),
            SymbolKind::Variable => self.check_variable_collision(new_name),
            SymbolKind::Param => self.check_variable_collision(&variable_name(new_name)),
            SymbolKind::TemplateVariable | SymbolKind::Artifact => self.check_neighbours(new_name, true),
            _ => self.check_neighbours(new_name, false),
        }
    }

    /// No other thing of the kind may have the name in the same file, or in the same task or step.
    fn check_neighbours(&self, new_name: &str, only_within: bool) -> Result<(), String> {
        let kinds: &[SymbolKind] = match self.symbol.kind {
            SymbolKind::MatrixKey | SymbolKind::PlanVariable | SymbolKind::PlanParam => {
                &[SymbolKind::MatrixKey, SymbolKind::PlanVariable, SymbolKind::PlanParam]
            }
            _ => std::slice::from_ref(&self.symbol.kind),
        };
        let key = |place: &Occurrence| (place.file, place.within.filter(|_| only_within));
        let own: FxHashSet<_> = self.index.occurrences(self.id).map(key).collect();
        let is_same = |other: &Symbol| {
            let is_param = |symbol: &Symbol| symbol.kind == SymbolKind::PlanParam;
            other.name == new_name
                || (is_param(other) || is_param(self.symbol))
                    && variable_name(&other.name) == variable_name(new_name)
                || other.kind == SymbolKind::TemplateParam && field_name(&other.name) == field_name(new_name)
        };
        let same = self.index.symbols().filter(|(id, other)| {
            *id != self.id && !other.in_folder && kinds.contains(&other.kind) && is_same(other)
        });
        for (id, other) in same {
            if let Some(place) = self.index.occurrences(id).find(|place| own.contains(&key(place))) {
                return Err(self.taken(other, place));
            }
        }
        Ok(())
    }

    fn taken(&self, other: &Symbol, place: &Occurrence) -> String {
        let source = self.index.sources().file(place.file);
        let position = source.lines.position(&source.text, place.range().start);
        let file = source.path.file_name().unwrap_or_default();
        format!(
            "`{}` is the name of {} already, in {file}, line {}: choose another name",
            other.name,
            other.kind.description(),
            position.line
        )
    }

    fn check_task_collision(&self, new_name: &str) -> Result<(), String> {
        let compilation = &self.snapshot.analysis.compilation;
        let program = &compilation.program;
        let owner = self.symbol.alias_of.unwrap_or(self.id);
        let definition = self.index.occurrences(owner).find(|place| place.role == Role::Definition);
        let Some(definition) = definition else { return Ok(()) };
        let mut new_names = Vec::new();
        for task in &program.tasks {
            let place = compilation.sources.locate(task.name_span());
            let is_it = place.file == definition.file
                && place.range.start <= definition.range().start
                && definition.range().end <= place.range.end;
            if is_it {
                let names = std::iter::once(&task.name).chain(&task.aliases);
                let stems = names.filter_map(|name| name.strip_suffix(self.symbol.name.as_str()));
                let stems = stems.filter(|stem| stem.is_empty() || stem.ends_with(':'));
                new_names.extend(stems.map(|stem| format!("{stem}{new_name}")));
            }
        }
        for name in new_names {
            let other = match program.resolve(&name) {
                Resolution::Unknown => continue,
                Resolution::Task(id, _) => Some(id),
                Resolution::Ambiguous(ids) => ids.first().copied(),
            };
            let other = other.map(|id| program.task(id).name.clone()).unwrap_or_default();
            return Err(if other == name {
                format!("there is a task `{name}` already: choose another name")
            } else {
                format!("`{name}` calls the task `{other}` already: choose another name")
            });
        }
        self.check_tasks_of_file(definition, new_name)?;
        if compilation.folders.iter().any(|folder| folder.name == new_name) {
            return Err(format!("there is a folder task `{new_name}` already: choose another name"));
        }
        let folder = self.snapshot.analysis.key.folder.as_ref();
        let step_name = folder.map_or_else(|| new_name.into(), |folder| qualified(&folder.name, new_name));
        let steps = self
            .index
            .symbols()
            .filter(|(_, other)| other.kind == SymbolKind::Step && other.name == step_name);
        for (id, step) in steps {
            if let Some(place) = self.index.occurrences(id).next() {
                return Err(self.taken(step, place));
            }
        }
        Ok(())
    }

    /// No other task of the file may have the name, also not one that is in no program because every include leaves it out.
    fn check_tasks_of_file(&self, definition: &Occurrence, new_name: &str) -> Result<(), String> {
        let compilation = &self.snapshot.analysis.compilation;
        let file = compilation.loaded.files.iter().find(|loaded| loaded.file == definition.file);
        for task in file.and_then(|file| file.taskfile.as_ref()).iter().flat_map(|taskfile| &taskfile.tasks) {
            if task.name.value == new_name || task.aliases.iter().any(|alias| alias.value == new_name) {
                return Err(format!(
                    "`{new_name}` is the name of another task of {} already: choose another name",
                    self.snapshot.analysis.file(definition.file).path.file_name().unwrap_or_default()
                ));
            }
        }
        Ok(())
    }

    fn check_namespace_collision(&self, new_name: &str) -> Result<(), String> {
        let files: FxHashSet<FileId> = self
            .index
            .occurrences(self.id)
            .filter(|place| place.role == Role::Definition)
            .map(|place| place.file)
            .collect();
        let namesakes = self.index.symbols().filter(|(id, other)| {
            *id != self.id
                && !other.in_folder
                && other.kind == SymbolKind::Namespace
                && other.name == new_name
        });
        for (id, other) in namesakes {
            let mut places = self.index.occurrences(id);
            if let Some(place) =
                places.find(|place| place.role == Role::Definition && files.contains(&place.file))
            {
                return Err(self.taken(other, place));
            }
        }
        let prefix = format!("{new_name}:");
        let program = &self.snapshot.analysis.compilation.program;
        let names = program.tasks.iter().flat_map(|task| std::iter::once(&task.name).chain(&task.aliases));
        let mut taken = names.filter(|name| *name == new_name || name.starts_with(&prefix));
        match taken.next() {
            Some(name) => Err(format!("there is a task `{name}` already: choose another name")),
            None => Ok(()),
        }
    }

    /// No variable of the name may be seen where this one is: either could hide the other.
    fn check_variable_collision(&self, variable: &str) -> Result<(), String> {
        if SPECIAL_VARIABLES.contains(&variable) || is_reserved(variable) {
            return Err(format!("`{variable}` is a name that go-task or EZ gives: choose another name"));
        }
        if self.snapshot.host.environment(variable).is_some() {
            return Err(format!(
                "`{variable}` is a variable of the environment, which could take the place of this one: choose another name"
            ));
        }
        let own = self.seen_in(self.id);
        let namesakes = self.index.symbols().filter(|(id, other)| {
            *id != self.id
                && !other.in_folder
                && match other.kind {
                    SymbolKind::Variable | SymbolKind::ShellVariable => other.name == variable,
                    SymbolKind::Param => variable_name(&other.name) == variable,
                    _ => false,
                }
        });
        for (id, other) in namesakes {
            let theirs = self.seen_in(id);
            let is_shared = own.contains(&None) || theirs.contains(&None) || !own.is_disjoint(&theirs);
            if let Some(place) = self.index.occurrences(id).next().filter(|_| is_shared) {
                return Err(self.taken(other, place));
            }
        }
        Ok(())
    }

    /// The tasks in which a symbol has a place; `None` stands for all.
    fn seen_in(&self, id: SymbolId) -> FxHashSet<Option<SymbolId>> {
        self.index.occurrences(id).map(|place| place.within).collect()
    }
}

/// Whether YAML takes a word for something else than a text. `yes` and `on` are texts to go-yaml.
fn needs_quotes(name: &str) -> bool {
    !matches!(resolve_plain(name), Resolved::String(_))
}

/// Whether some bytes are a whole scalar without quotes: between what begins and what ends one.
fn is_plain_scalar(text: &str, range: &Range<usize>) -> bool {
    let before = text.get(..range.start).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let lead = line.trim_end();
    let begins = lead.is_empty()
        || lead.ends_with(['[', '{', ','])
        || lead.len() < line.len() && lead.ends_with(['-', ':', '?']);
    let after = text.get(range.end..).unwrap_or_default();
    let rest = after.lines().next().unwrap_or_default();
    let tail = rest.trim_start();
    let ends = tail.is_empty()
        || tail.starts_with([',', ']', '}'])
        || tail.len() < rest.len() && tail.starts_with('#')
        || rest.starts_with(": ")
        || rest == ":";
    begins && ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_are_told_from_words_in_them() {
        let check = |text: &str, expected: bool| {
            let at = text.find('X').unwrap();
            assert_eq!(is_plain_scalar(text, &(at..at + 1)), expected, "{text}");
        };
        for text in ["X: 1", "  X:\n", "- X", "deps: [a, X]", "{X: 1}", "task: X # why", "a:\n  - X\n"] {
            check(text, true);
        }
        for text in ["'X'", "task X", "- task X", "{{.X}}", "a:X", "$X", "-X", "X y"] {
            check(text, false);
        }
    }
}
