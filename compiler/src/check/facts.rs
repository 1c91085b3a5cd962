//! What one task, or a file without its tasks, tells about itself: found once and kept while its text stays.

use std::cell::OnceCell;
use std::ops::Range;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::names::{self, Names};
use super::place::TextPlaces;
use super::reads::{self, Needs, Reads};
use super::texts::{Place, Texts, Use};
use super::{LOCAL_RULES, LocalRule, TEXT_RULES};
use crate::ast::{self, Text};
use crate::diagnostic::Diagnostic;
use crate::shell::{self, Inspection, Masked, NameUse};
use crate::source::{SourceMap, Span};
use crate::template::{Delimiters, Reference, Template, has_template};

/// How far before a place its line is looked at, in bytes. Nobody writes longer lines by hand.
const MAX_LINE: usize = 4096;

/// What the names of variables of params begin with.
const PARAM_PREFIX: &str = "EZ_";

/// What is known of a task or a file by looking at it alone.
#[derive(Debug, Default)]
pub struct Facts {
    /// The findings of the rules that need no more than this.
    pub diagnostics: Vec<Diagnostic>,
    /// The variables that its templates read.
    pub reads: Vec<VariableRead>,
    /// All names that it reads, in templates, loops and requirements.
    pub mentions: FxHashSet<SmolStr>,
    /// Names that its scripts read as `$NAME`.
    pub shell_reads: FxHashSet<SmolStr>,
    /// Variables of params that its scripts read as `$EZ_…` and neither set nor cope without, with their places.
    pub shell_params: Vec<(SmolStr, Span)>,
    /// Whether a template uses the map of all variables as a value.
    pub everything: bool,
    /// The names that only the index of symbols asks for.
    pub names: Names,
}

/// A variable that a template reads.
#[derive(Clone, Debug)]
pub struct VariableRead {
    /// Its name.
    pub name: SmolStr,
    /// The name, in the file.
    pub span: Span,
    /// The whole action, `{{…}}`, in the file.
    pub action: Span,
    /// Whether the template copes with its being empty.
    pub guarded: bool,
    /// What the template needs it to be.
    pub needs: Needs,
    /// Whether the place is only reached under a condition.
    pub conditional: bool,
    /// Whether the place itself defines it, as a loop does.
    pub local: bool,
    /// Whether the text looks like a Go template of another program: `--format '{{.Names}}'`.
    pub foreign: bool,
}

/// Whose facts are gathered.
#[derive(Clone, Copy)]
pub enum Owner<'a> {
    /// A task.
    Task(&'a ast::Task),
    /// A file, without its tasks.
    File(&'a ast::Taskfile),
    /// A text of a plan or template.
    Plan,
}

/// A text, parsed.
pub struct Parsed<'a> {
    /// The text as written.
    pub text: std::borrow::Cow<'a, Text>,
    /// What becomes of it.
    pub usage: Use,
    /// Names that are there only here.
    pub extra: Vec<SmolStr>,
    /// Its template, if it has one.
    pub template: Option<Template>,
    /// The script, if it is one that can be parsed.
    pub script: Option<(Inspection, Masked)>,
    places: OnceCell<TextPlaces>,
}

impl<'a> Parsed<'a> {
    /// A text with its template and its script, as far as it has them.
    pub fn new(place: Place<'a>) -> Self {
        let template = match place.usage {
            Use::Reference => Some(Reference::parse(&place.text.value).template().clone()),
            Use::VariableName => None,
            Use::Made => Some(Template::parse_between(&place.text.value, "", Delimiters::ANGLES)),
            _ => has_template(&place.text.value).then(|| Template::parse(&place.text.value)),
        };
        let is_script = matches!(place.usage, Use::Command { .. } | Use::Test);
        let script = if is_script { shell::parse_masked(&place.text.value) } else { None };
        let script = script.map(|(script, masked)| (shell::inspect(&script), masked));
        Parsed {
            text: place.text,
            usage: place.usage,
            extra: place.extra,
            template,
            script,
            places: OnceCell::new(),
        }
    }

    /// What the script reads as `$NAME`, outside of templates.
    fn shell_reads(&self) -> impl Iterator<Item = &NameUse> {
        let scripts = self.script.iter();
        scripts.flat_map(|(script, masked)| script.reads.iter().filter(|read| !masked.touches(read.range)))
    }

    /// Bytes that the template has in front of the text.
    fn shift(&self) -> usize {
        if self.usage == Use::Reference { "{{".len() } else { 0 }
    }

    /// The span of some bytes of the template.
    pub fn template_span(&self, range: &Range<usize>, sources: &SourceMap) -> Span {
        let back = |at: usize| at.saturating_sub(self.shift()).min(self.text.value.len());
        self.span(&(back(range.start)..back(range.end)), sources)
    }

    /// The span of some bytes of the text.
    pub fn span(&self, range: &Range<usize>, sources: &SourceMap) -> Span {
        self.places.get_or_init(|| TextPlaces::new(&self.text, sources)).span(range, sources)
    }
}

/// What the rules for one task or file work on.
pub struct Local<'a> {
    /// Whose texts these are.
    pub owner: Owner<'a>,
    /// All texts.
    pub texts: &'a [Parsed<'a>],
    /// What the template of the text of the same index reads.
    pub reads: &'a [Reads<'a>],
    /// The files.
    pub sources: &'a SourceMap,
}

/// Gathers the facts of a task or file and applies the rules that need no more. What EZ adds to a task is given beside it: of
/// a linked one with all that it inherits.
pub fn gather(owner: Owner<'_>, superset: Option<&ast::Superset>, sources: &SourceMap) -> Facts {
    let mut texts = Texts::new(sources);
    match owner {
        Owner::Task(task) => texts.task(task),
        Owner::File(file) => texts.file(file),
        Owner::Plan => {}
    }
    let mut facts = facts_of(owner, texts.places, LOCAL_RULES, sources);
    if let Some(superset) = superset {
        collect_superset(superset, sources, &mut facts);
    }
    facts
}

/// Gathers the facts of a text of a plan or template and applies the rules about templates and scripts.
pub fn of_plan_text(place: Place<'_>, sources: &SourceMap) -> Facts {
    facts_of(Owner::Plan, vec![place], TEXT_RULES, sources)
}

fn facts_of(owner: Owner<'_>, places: Vec<Place<'_>>, rules: &[LocalRule], sources: &SourceMap) -> Facts {
    let parsed: Vec<Parsed<'_>> = places.into_iter().map(Parsed::new).collect();
    let reads: Vec<Reads<'_>> =
        parsed.iter().map(|text| text.template.as_ref().map(reads::read).unwrap_or_default()).collect();
    let local = Local { owner, texts: &parsed, reads: &reads, sources };
    let mut facts = Facts::default();
    for rule in rules {
        (rule.run)(&local, &mut facts.diagnostics);
    }
    collect(&local, &mut facts);
    facts.names = names::gather(&local);
    facts
}

fn collect(local: &Local<'_>, facts: &mut Facts) {
    for (text, reads) in local.texts.iter().zip(local.reads) {
        mention(text, reads, facts);
        if text.usage == Use::VariableName {
            facts.mentions.insert(text.text.value.clone());
        }
        if let Some((inspection, _)) = &text.script {
            for read in text.shell_reads() {
                let is_set = inspection.writes.iter().any(|write| write.name == read.name);
                let range = read.range.range();
                if read.name.starts_with(PARAM_PREFIX) && !is_set && !is_guarded_in_shell(text, range.end) {
                    facts.shell_params.push((read.name.clone(), text.span(&range, local.sources)));
                }
            }
        }
        for read in &reads.variables {
            facts.reads.push(VariableRead {
                name: read.name.clone(),
                span: text.template_span(&read.range, local.sources),
                action: text.template_span(&action_around(text, &read.range), local.sources),
                guarded: read.guarded || is_tested_by_shell(text, &read.range),
                needs: read.needs,
                conditional: read.conditional,
                local: text.extra.contains(&read.name),
                foreign: is_foreign(text, &read.range),
            });
        }
    }
    if let Owner::Task(task) = local.owner {
        facts.mentions.extend(task.requires.iter().map(|required| required.name.value.clone()));
    }
}

/// What EZ's own fields read. No rule tells of mistakes there: hooks know names that nothing defines.
fn collect_superset(superset: &ast::Superset, sources: &SourceMap, facts: &mut Facts) {
    for place in names::superset_places(superset, sources) {
        let text = Parsed::new(place);
        let reads = text.template.as_ref().map(reads::read).unwrap_or_default();
        mention(&text, &reads, facts);
        facts.names.add_of_superset(&text, &reads, sources);
    }
}

/// The names that a text reads, wherever it stands.
fn mention(text: &Parsed<'_>, reads: &Reads<'_>, facts: &mut Facts) {
    facts.everything |= reads.everything || (text.usage == Use::Reference && text.text.value == ".");
    // What stands behind a mistake is not known.
    let is_whole = text.template.as_ref().is_none_or(|template| template.errors().is_empty());
    facts.everything |= !is_whole;
    facts.mentions.extend(reads.variables.iter().map(|read| read.name.clone()));
    facts.shell_reads.extend(text.shell_reads().map(|read| read.name.clone()));
}

/// Whether an expansion says what holds without a value: `${X:-y}`.
fn is_guarded_in_shell(text: &Parsed<'_>, end: usize) -> bool {
    let rest = text.text.value.get(end..).unwrap_or("");
    rest.trim_start_matches(':').starts_with(['-', '+', '=', '?'])
        && text.text.value.get(..end).is_some_and(|before| {
            before.rfind("${").is_some_and(|at| before.get(at..).is_some_and(|name| !name.contains('}')))
        })
}

/// The action that holds a place, with its braces.
fn action_around(text: &Parsed<'_>, range: &Range<usize>) -> Range<usize> {
    let Some(template) = &text.template else { return range.clone() };
    let whole = template.text();
    let start = whole.get(..range.start).and_then(|before| before.rfind("{{")).unwrap_or(range.start);
    let end =
        whole.get(range.end..).and_then(|after| after.find("}}")).map_or(range.end, |at| range.end + at + 2);
    start..end
}

/// What stands close before a place.
fn before<'t>(text: &'t Parsed<'_>, range: &Range<usize>) -> &'t str {
    let value = text.text.value.as_str();
    let mut start = range.start.saturating_sub(MAX_LINE);
    while !value.is_char_boundary(start) {
        start += 1;
    }
    value.get(start..range.start).unwrap_or("")
}

/// Whether a script tests the value itself: `if [ -n "{{.X}}" ]`.
fn is_tested_by_shell(text: &Parsed<'_>, range: &Range<usize>) -> bool {
    if !matches!(text.usage, Use::Command { .. } | Use::Test) {
        return false;
    }
    let line = before(text, range).rsplit(['\n', ';', '&', '|']).next().unwrap_or("").trim_start();
    ["if ", "elif ", "[", "test ", "while ", "until ", "case ", "! ["]
        .iter()
        .any(|test| line.starts_with(test))
}

/// Whether a template stands where another program expects one of its own: after `--format` and the like.
fn is_foreign(text: &Parsed<'_>, range: &Range<usize>) -> bool {
    if !matches!(text.usage, Use::Command { .. } | Use::Test) {
        return false;
    }
    let line = before(text, range).rsplit('\n').next().unwrap_or("");
    ["--format", "--template", " -f '{{", " -f \"{{", " -f={{", " -t '{{", "go-template"]
        .iter()
        .any(|flag| line.contains(flag))
}
