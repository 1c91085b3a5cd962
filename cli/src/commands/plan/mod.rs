//! `ez plan`: many tasks, their order, and what they hand to each other.

mod add;
mod begun_job;
mod build;
pub mod check;
mod drawing;
mod executor;
mod list;
mod live;
mod new;
mod remote_step;
mod run;
mod runs;
mod show;

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::ir::Plan;
use ez_compiler::plan::{self, CompiledPlan, DIRECTORY, EXTENSIONS, PlanFile};
use ez_compiler::suggest::nearest;

use super::check::show as show_findings;
use super::{Context, Outcome};
use crate::args::invocation::Options;
use crate::args::plan::PlanAction;
use crate::disk::Disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::project::Project;

/// Does what a subcommand of `ez plan` asks for.
pub fn run(context: &Context, options: &Options, action: &PlanAction) -> Outcome {
    match action {
        PlanAction::List(request) => list::run(context, options, request),
        PlanAction::New(request) => new::run(context, options, request),
        PlanAction::Add(request) => add::run(context, options, request),
        PlanAction::Show(request) => show::run(context, options, request),
        PlanAction::Build(request) => build::run(context, options, request),
        PlanAction::Check(request) => check::run(context, options, request),
        PlanAction::Run(request) => run::run(context, options, request),
        PlanAction::Runs(request) => runs::list(context, options, request),
        PlanAction::Logs(request) => runs::logs(context, options, request),
    }
}

/// A name or a path of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// A plan of the project here.
    Name(String),
    /// A file, absolute.
    Path(Utf8PathBuf),
}

impl Target {
    /// What was typed: with a slash, or the extension of a plan, a path; else a name.
    fn new(context: &Context, typed: &str) -> Self {
        let path = Utf8Path::new(typed);
        let is_file = path.extension().is_some_and(|extension| EXTENSIONS.contains(&extension));
        if typed.contains('/') || is_file {
            Self::Path(context.environment.absolute(path))
        } else {
            Self::Name(typed.to_owned())
        }
    }

    /// Where the project of the plan is looked for: beside `plans/` for a file in such a directory.
    fn place(&self, options: &Options) -> Options {
        let root = match self {
            Self::Path(path) => path.parent().filter(|parent| parent.file_name() == Some(DIRECTORY)),
            Self::Name(_) => None,
        };
        match root.and_then(Utf8Path::parent) {
            Some(root) if options.dir.is_empty() && options.taskfile.is_empty() => {
                Options { dir: root.to_string(), ..options.clone() }
            }
            _ => options.clone(),
        }
    }

    /// The plan in a project.
    ///
    /// # Errors
    /// There is none of that name.
    fn find(&self, project: &Project) -> Result<PlanFile, Failure> {
        match self {
            Self::Path(path) => Ok(PlanFile::at(path.clone())),
            Self::Name(name) => {
                let all = plan::find_all(&Disk, &project.compilation.program.dir);
                all.iter().find(|plan| plan.name == *name).cloned().ok_or_else(|| unknown(name, &all))
            }
        }
    }
}

fn unknown(name: &str, all: &[PlanFile]) -> Failure {
    let hint = match nearest(name, all.iter().map(|plan| plan.name.as_str())) {
        Some(near) => format!(" Did you mean \"{near}\"?"),
        None if all.is_empty() => format!(" There are no plans in `{DIRECTORY}/`."),
        None => " `ez plan list` shows them all.".to_owned(),
    };
    Failure::new(Code::OTHER, format!("ez: there is no plan \"{name}\".{hint}"))
}

/// A plan that can be worked with, in its project.
struct Opened {
    project: Project,
    plan: Arc<Plan>,
}

/// Opens the project of a plan and compiles the plan. Warnings are shown.
///
/// # Errors
/// There is no such plan, or it has errors, which are shown with their lines.
fn open(context: &Context, options: &Options, typed: &str) -> Result<Opened, Failure> {
    let target = Target::new(context, typed);
    let mut project = Project::open_sound(context, &target.place(options))?;
    let file = target.find(&project)?;
    let mut compiled = project.plans(vec![file]);
    let Some(CompiledPlan { plan, diagnostics, .. }) = compiled.pop() else {
        return Err(Failure::silent(Code::OTHER));
    };
    show_findings(context, &project.compilation.sources, &diagnostics);
    match plan {
        Some(plan) if !has_errors(&diagnostics) => Ok(Opened { project, plan }),
        _ => Err(Failure::silent(Code::OTHER)),
    }
}

fn has_errors(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error)
}

/// A path as it is shown: relative to where the program was started.
fn shown<'p>(context: &Context, path: &'p Utf8Path) -> &'p Utf8Path {
    path.strip_prefix(&context.environment.working_directory).unwrap_or(path)
}
