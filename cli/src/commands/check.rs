//! `ez check`: finds mistakes without running anything.

use std::collections::HashSet;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::fix;
use ez_compiler::folder::FolderTask;
use ez_compiler::ir::{Resolution, TaskId};
use ez_compiler::rule::{RULES, Rule};
use ez_compiler::source::SourceMap;

use super::{Context, Outcome, plan};
use crate::args::ez::{Check, Format, RuleLevels};
use crate::args::invocation::Options;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::folder::Target;
use crate::logger::Color;
use crate::project::Project;
use crate::render::{self, Findings};
use crate::{disk, fuzzy};
use ez_compiler::Purpose;

/// Checks projects and prints the findings. Errors among them end the program with 1, a failed check with 2.
pub fn run(context: &Context, options: &Options, check: &Check) -> Outcome {
    let levels = Levels::new(&check.levels)?;
    let targets = Targets::new(context, options, &check.targets)?;
    let mut report = Report::default();
    if !targets.plans.is_empty() {
        plan::check::add(context, options, &targets.plans, check.fix, &levels, &mut report)?;
    }
    for place in &targets.places {
        let open = || open(context, place);
        let project = if check.fix { mend(context, open, &levels)? } else { open()? };
        let (own, folders) = targets.chosen(&project);
        if own {
            let found = levels.apply(&project.compilation.diagnostics);
            report.add(&project.compilation.sources, targets.select(&project, found)?);
        }
        for folder in folders {
            let open = || {
                Project::open_folder(context, place, folder, Purpose::Check)
                    .map_err(|failure| broken(failure.message))
            };
            let known = project.compilation.folder_programs.iter().find(|known| known.folder == *folder);
            if let Some(known) = known.filter(|_| !check.fix) {
                report.add(&known.compilation.sources, levels.apply(&known.compilation.diagnostics));
                continue;
            }
            let project = if check.fix { mend(context, open, &levels)? } else { open()? };
            report.add(&project.compilation.sources, levels.apply(&project.compilation.diagnostics));
        }
    }
    print(context, &report, check.format)?;
    if report.has_errors() { Err(Failure::silent(Code::OTHER)) } else { Ok(()) }
}

/// The findings in all programs that were checked.
#[derive(Default)]
pub struct Report {
    sources: SourceMap,
    diagnostics: Vec<Diagnostic>,
    seen: HashSet<(Utf8PathBuf, std::ops::Range<usize>, &'static str, String)>,
}

impl Report {
    /// Adds the findings of a program; those about a file that another program has too are told once.
    pub fn add(&mut self, sources: &SourceMap, diagnostics: Vec<Diagnostic>) {
        let moved = self.sources.absorb(sources);
        for diagnostic in diagnostics {
            let diagnostic = diagnostic.moved_up(moved);
            let place = self.sources.locate(diagnostic.span);
            let path = self.sources.file(place.file).path.clone();
            if self.seen.insert((path, place.range, diagnostic.code.id, diagnostic.message.clone())) {
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// All texts.
    pub fn sources(&self) -> &SourceMap {
        &self.sources
    }

    /// The findings.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// Leaves only some findings.
    pub fn keep(&mut self, is_wanted: impl Fn(&Diagnostic) -> bool) {
        self.diagnostics.retain(is_wanted);
    }

    /// Whether there is an error among them.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

/// The failure of a check itself.
pub fn broken(message: impl Into<String>) -> Failure {
    Failure::new(Code::USAGE, message)
}

fn open(context: &Context, place: &Options) -> Result<Project, Failure> {
    Project::open(context, place, Purpose::Check).map_err(|failure| broken(failure.message))
}

/// Applies fixes until there are none left.
fn mend(
    context: &Context,
    open: impl Fn() -> Result<Project, Failure>,
    levels: &Levels,
) -> Result<Project, Failure> {
    let mut project = open()?;
    let mut count = 0;
    for _ in 0..fix::MAX_ROUNDS {
        let findings = levels.apply(&project.compilation.diagnostics);
        let mended = write_fixes(&project.compilation.sources, &findings)?;
        if mended == 0 {
            break;
        }
        count += mended;
        project = open()?;
    }
    tell_fixed(context, count);
    Ok(project)
}

/// Applies the fixes of findings to their files, and tells how many there were.
///
/// # Errors
/// A file cannot be written.
pub fn write_fixes(sources: &SourceMap, findings: &[Diagnostic]) -> Result<usize, Failure> {
    let mended = fix::apply(sources, findings);
    // Standard input and remote Taskfiles cannot be mended.
    if mended.texts.keys().any(|path| !path.is_file()) {
        return Ok(0);
    }
    for (path, text) in &mended.texts {
        std::fs::write(path, text)
            .map_err(|error| broken(format!("ez: cannot write {path}: {}", disk::plain_message(&error))))?;
    }
    Ok(mended.count)
}

/// Says how many findings were mended.
pub fn tell_fixed(context: &Context, count: usize) {
    if count > 0 {
        context.logger.err(Color::Green, &format!("ez: {count} fixed\n"));
    }
}

/// Prints findings in a format.
///
/// # Errors
/// They cannot be written as JSON.
pub fn print(context: &Context, report: &Report, format: Format) -> Outcome {
    let findings = Findings {
        sources: &report.sources,
        diagnostics: &report.diagnostics,
        working_directory: &context.environment.working_directory,
    };
    let fail = |error: serde_json::Error| broken(format!("ez: {error}"));
    let text = match format {
        Format::Text => render::text::reports(&findings, context.logger.palette().is_some()),
        Format::Json => render::json::document(&findings).map_err(fail)?,
        Format::Sarif => render::sarif::document(&findings).map_err(fail)?,
        Format::Github => render::github::annotations(&findings),
    };
    context.logger.out(Color::None, &text);
    let summary = render::text::summary(&findings);
    if format == Format::Text && !summary.is_empty() {
        context.logger.err(Color::None, &format!("ez: {summary}\n"));
    }
    Ok(())
}

/// The levels that the user set for rules; a later one wins.
pub struct Levels {
    set: Vec<(&'static str, Severity)>,
}

impl Levels {
    /// What was typed.
    ///
    /// # Errors
    /// There is no such rule.
    pub fn new(typed: &RuleLevels) -> Result<Self, Failure> {
        let set = typed.0.iter().map(|(name, severity)| Ok((find_rule(name)?.code.id, *severity)));
        Ok(Self { set: set.collect::<Result<_, Failure>>()? })
    }

    /// Findings with their levels; silenced ones are left out.
    pub fn apply(&self, diagnostics: &[Diagnostic]) -> Vec<Diagnostic> {
        let leveled = diagnostics.iter().cloned().map(|mut diagnostic| {
            let set = self.set.iter().rev().find(|(id, _)| *id == diagnostic.code.id);
            diagnostic.severity = set.map_or(diagnostic.severity, |(_, severity)| *severity);
            diagnostic
        });
        leveled.filter(|diagnostic| diagnostic.severity != Severity::Allow).collect()
    }
}

/// The rule of a code or name.
fn find_rule(name: &str) -> Result<&'static Rule, Failure> {
    let is_meant = |rule: &&Rule| rule.code.id.eq_ignore_ascii_case(name) || rule.code.name == name;
    RULES.iter().find(is_meant).ok_or_else(|| {
        let names: Vec<&str> = RULES.iter().flat_map(|rule| [rule.code.id, rule.code.name]).collect();
        let hint =
            fuzzy::guess(name, &names).map(|guess| format!("; did you mean {guess}?")).unwrap_or_default();
        broken(format!("ez: there is no rule \"{name}\"{hint}"))
    })
}

/// What is checked.
struct Targets {
    /// One place a project.
    places: Vec<Options>,
    /// Files of plans.
    plans: Vec<String>,
    /// Only findings inside these tasks; all where empty.
    tasks: Vec<String>,
}

impl Targets {
    /// Sorts targets into paths, each a project or a plan, and names of tasks of the project here.
    fn new(context: &Context, options: &Options, targets: &[String]) -> Result<Self, Failure> {
        let is_path =
            |target: &&String| target.contains('/') || context.environment.absolute(target.as_str()).exists();
        let (paths, tasks): (Vec<&String>, Vec<&String>) = targets.iter().partition(is_path);
        if !paths.is_empty() && !tasks.is_empty() {
            return Err(broken(format!("ez: there is no file \"{}\"", tasks[0])));
        }
        let is_plan = |path: &&String| {
            let path = context.environment.absolute(path.as_str());
            path.is_file()
                && path.parent().and_then(Utf8Path::file_name) == Some(ez_compiler::plan::DIRECTORY)
        };
        let (plans, paths): (Vec<&String>, Vec<&String>) = paths.into_iter().partition(is_plan);
        let places = if paths.is_empty() && plans.is_empty() {
            vec![options.clone()]
        } else {
            let place = |path: &&String| Options { taskfile: (*path).clone(), ..options.clone() };
            paths.iter().map(place).collect()
        };
        Ok(Self {
            places,
            plans: plans.into_iter().cloned().collect(),
            tasks: tasks.into_iter().cloned().collect(),
        })
    }

    /// Whether the project's own program is checked, and which of its folder tasks are: all where no task is named.
    fn chosen<'p>(&self, project: &'p Project) -> (bool, Vec<&'p FolderTask>) {
        let folders = &project.compilation.folders;
        if self.tasks.is_empty() {
            return (true, folders.iter().collect());
        }
        let mut chosen = Vec::new();
        let mut own = false;
        for name in &self.tasks {
            match project.target(name) {
                Target::Inline => own = true,
                Target::Folder { folder, .. } => {
                    chosen.extend(folders.iter().find(|known| **known == folder));
                }
            }
        }
        chosen.dedup();
        (own, chosen)
    }

    /// The findings inside the chosen tasks.
    fn select(&self, project: &Project, diagnostics: Vec<Diagnostic>) -> Result<Vec<Diagnostic>, Failure> {
        if self.tasks.is_empty() {
            return Ok(diagnostics);
        }
        let program = &project.compilation.program;
        let mut chosen: Vec<TaskId> = Vec::new();
        for name in self.tasks.iter().filter(|name| project.target(name) == Target::Inline) {
            match program.resolve(name) {
                Resolution::Task(id, _) => chosen.push(id),
                Resolution::Ambiguous(ids) => chosen.extend(ids),
                Resolution::Unknown => {
                    return Err(broken(format!("ez: there is no file and no task \"{name}\"")));
                }
            }
        }
        let sources = &project.compilation.sources;
        let blocks: Vec<_> = chosen
            .iter()
            .map(|id| {
                let definition = &program.task(*id).definition;
                let (name, body) = (sources.locate(definition.name.span), sources.locate(definition.span));
                (name.file, name.range.start..body.range.end.max(name.range.end))
            })
            .collect();
        let is_inside = |diagnostic: &Diagnostic| {
            let place = sources.locate(diagnostic.span);
            blocks.iter().any(|(file, range)| *file == place.file && range.contains(&place.range.start))
        };
        Ok(diagnostics.into_iter().filter(is_inside).collect())
    }
}

/// Prints why a project cannot be used: its errors with their lines, and returns the failure without words.
pub fn refuse(context: &Context, project: &Project, refused: Failure) -> Failure {
    let is_error = |diagnostic: &&Diagnostic| diagnostic.severity == Severity::Error;
    let errors: Vec<Diagnostic> = project.compilation.diagnostics.iter().filter(is_error).cloned().collect();
    if errors.is_empty() {
        return refused;
    }
    show(context, &project.compilation.sources, &errors);
    Failure::silent(refused.code)
}

/// Prints findings with their lines.
pub fn show(context: &Context, sources: &SourceMap, diagnostics: &[Diagnostic]) {
    let findings =
        Findings { sources, diagnostics, working_directory: &context.environment.working_directory };
    context.logger.err(Color::None, &render::text::reports(&findings, context.logger.palette().is_some()));
}
