//! `ez plan check`: finds mistakes in plans without running anything.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use ez_compiler::Purpose;
use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::fix;
use ez_compiler::plan::{self, PlanFile};

use super::Target;
use crate::args::invocation::Options;
use crate::args::plan::PlanCheck;
use crate::commands::check::{self, Levels, Report, broken};
use crate::commands::{Context, Outcome};
use crate::disk::Disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::project::Project;

/// Checks plans, those of one project together. Errors end the program with 1, a failed check with 2.
pub fn run(context: &Context, options: &Options, request: &PlanCheck) -> Outcome {
    let levels = Levels::new(&request.levels)?;
    let mut report = Report::default();
    add(context, options, &request.plans, request.fix, &levels, &mut report)?;
    check::print(context, &report, request.format)?;
    if report.has_errors() { Err(Failure::silent(Code::OTHER)) } else { Ok(()) }
}

/// Adds the findings in plans, all of the project where none is named, to a report, and mends them before where that is wanted.
///
/// # Errors
/// There is no such file, or a project cannot be read.
pub fn add(
    context: &Context,
    options: &Options,
    plans: &[String],
    fix: bool,
    levels: &Levels,
    report: &mut Report,
) -> Outcome {
    let mut places: BTreeMap<Utf8PathBuf, (Options, Vec<Target>)> = BTreeMap::new();
    for typed in plans {
        let target = Target::new(context, typed);
        if let Target::Path(path) = &target
            && !path.exists()
        {
            return Err(broken(format!("ez: there is no file \"{typed}\"")));
        }
        let place = target.place(options);
        let entry = places.entry(place.dir.clone().into()).or_insert_with(|| (place, Vec::new()));
        entry.1.push(target);
    }
    if places.is_empty() {
        places.insert(Utf8PathBuf::new(), (options.clone(), Vec::new()));
    }
    for (place, targets) in places.values() {
        let (mut project, mut diagnostics) = check_once(context, place, targets, levels)?;
        if fix {
            let mut count = 0;
            for _ in 0..fix::MAX_ROUNDS {
                let mended = check::write_fixes(&project.compilation.sources, &diagnostics)?;
                if mended == 0 {
                    break;
                }
                count += mended;
                (project, diagnostics) = check_once(context, place, targets, levels)?;
            }
            check::tell_fixed(context, count);
        }
        report.add(&project.compilation.sources, diagnostics);
    }
    Ok(())
}

/// The findings in plans of one project; where the project itself cannot be read, why.
fn check_once(
    context: &Context,
    place: &Options,
    targets: &[Target],
    levels: &Levels,
) -> Result<(Project, Vec<Diagnostic>), Failure> {
    let mut project =
        Project::open(context, place, Purpose::Check).map_err(|failure| broken(failure.message))?;
    let mut files: Vec<PlanFile> = Vec::new();
    for target in targets {
        let file = target.find(&project).map_err(|failure| broken(failure.message))?;
        if !files.contains(&file) {
            files.push(file);
        }
    }
    if targets.is_empty() {
        files = plan::find_all(&Disk, &project.compilation.program.dir);
    }
    let mut diagnostics = Vec::new();
    if project.compilation.failure.is_some() {
        let of_project = project.compilation.diagnostics.iter();
        diagnostics.extend(of_project.filter(|found| found.severity == Severity::Error).cloned());
    }
    diagnostics.extend(project.plans(files).into_iter().flat_map(|plan| plan.diagnostics));
    Ok((project, levels.apply(&diagnostics)))
}
