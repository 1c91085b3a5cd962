//! What stands above tasks, plans and steps: run, dry-run, and how often they are used.

use camino::Utf8PathBuf;
use ez_compiler::folder::qualified;
use ez_compiler::schema::Format;
use ez_compiler::source::{FileId, Span};
use smol_str::SmolStr;

use super::references;
use super::syntax::format_of;
use crate::analysis::{FilePosition, FileRange, Snapshot, TextPlace};

/// What a lens does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LensKind {
    /// Runs a task.
    RunTask,
    /// Shows what a task would do.
    DryRunTask,
    /// Runs a plan.
    RunPlan,
    /// Shows what a plan would do.
    DryRunPlan,
    /// Shows where a name is used.
    References,
}

/// A line of text above another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    /// The name that it stands above, without quotes.
    pub place: FileRange,
    /// What it does.
    pub kind: LensKind,
    /// The task or plan, by its full name.
    pub name: SmolStr,
    /// The directory in which it runs.
    pub dir: Utf8PathBuf,
}

/// The lenses of a file, in the order of the text. How often something is used is counted later; see [`used`].
pub fn of_file(snapshot: &Snapshot, file: FileId) -> Vec<Lens> {
    let mut lenses = match format_of(&snapshot.analysis, file) {
        Some(Format::Taskfile) => of_taskfile(snapshot, file),
        Some(Format::Plan) => of_plan(snapshot, file),
        _ => Vec::new(),
    };
    let switched = &snapshot.settings.code_lens;
    lenses.retain(|lens| if lens.kind == LensKind::References { switched.references } else { switched.run });
    lenses.sort_by_key(|lens| lens.place.range.start);
    lenses
}

fn of_taskfile(snapshot: &Snapshot, file: FileId) -> Vec<Lens> {
    let compilation = &snapshot.analysis.compilation;
    let loaded = compilation.loaded.files.iter().find(|loaded| loaded.file == file);
    let tasks = loaded.and_then(|loaded| loaded.taskfile.as_ref()).map(|taskfile| taskfile.tasks.as_slice());
    let mut lenses = Vec::new();
    for definition in tasks.unwrap_or_default() {
        let span = definition.name.span;
        // What an include leaves out is no task of the project.
        let Some(task) = snapshot.analysis.task_of(span) else { continue };
        // A folder task runs with its params and workspace only from its project.
        let folder = snapshot.analysis.key.folder.as_ref();
        let name = folder.map_or_else(|| task.name.clone(), |folder| qualified(&folder.name, &task.name));
        let mut add = |kind| lenses.push(lens(snapshot, span, kind, name.clone()));
        if !task.internal {
            add(LensKind::RunTask);
            add(LensKind::DryRunTask);
        }
        add(LensKind::References);
    }
    lenses
}

fn of_plan(snapshot: &Snapshot, file: FileId) -> Vec<Lens> {
    let path = &snapshot.analysis.file(file).path;
    let plans = &snapshot.analysis.compilation.plans;
    let Some(plan) = plans.iter().find(|plan| plan.file.path == *path) else { return Vec::new() };
    let Some(written) = &plan.written else { return Vec::new() };
    let of_plan = [LensKind::RunPlan, LensKind::DryRunPlan].into_iter();
    let mut lenses: Vec<Lens> =
        of_plan.map(|kind| lens(snapshot, written.steps_span, kind, plan.file.name.clone())).collect();
    // A step without a name of its own has that of its task, of which this would tell.
    let steps = written.steps.iter().filter(|step| step.name.span != step.task.span);
    lenses.extend(
        steps.map(|step| lens(snapshot, step.name.span, LensKind::References, step.name.value.clone())),
    );
    lenses
}

fn lens(snapshot: &Snapshot, span: Span, kind: LensKind, name: SmolStr) -> Lens {
    let analysis = &snapshot.analysis;
    let folder = analysis.key.folder.as_ref();
    let dir = folder.map_or(&analysis.compilation.program.dir, |folder| &folder.project).clone();
    let mut place = snapshot.analysis.locate(span);
    let text = snapshot.analysis.text(place.file).get(place.range.clone()).unwrap_or_default();
    if text.len() > 1 && text.starts_with(['\'', '"']) {
        place.range = place.range.start + 1..place.range.end - 1;
    }
    Lens { place, kind, name, dir }
}

/// Where the name at a place is used.
pub fn used(snapshot: &Snapshot, position: FilePosition) -> Vec<TextPlace> {
    references::references(snapshot, position, false)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::ide::fixture::{Fixture, check_cases, underlined};
    use crate::settings::{CodeLens, Settings};

    fn shown(snapshot: &Snapshot, name: &str) -> String {
        let file = snapshot.analysis.file_of(&camino::Utf8Path::new("/project").join(name)).unwrap();
        let mut shown = String::new();
        for lens in of_file(snapshot, file) {
            let position = FilePosition { file, offset: lens.place.range.start };
            let found = match lens.kind {
                LensKind::References => format!("used {} times", used(snapshot, position).len()),
                kind => format!("{kind:?} {} in {}", lens.name, lens.dir),
            };
            writeln!(shown, "{found}\n{}", underlined(snapshot, &lens.place)).unwrap();
        }
        shown
    }

    const TASKS: &str = "version: '3'\nincludes: {docs: docs.yml}\ntasks:\n  build: {deps: [gen, 'docs:all'], cmds: [{task: gen}]}\n  gen: {aliases: [g]}\n  'one-*': {internal: true, cmds: [ls]}\n  last: {deps: [g, one-a]}\n#- docs.yml\nversion: '3'\ntasks:\n  all: ls\n";
    const PLAN: &str = "version: '3'\ntasks: {a: ls}\n#- plans/p.yml\ndesc: x\nsteps:\n  - {name: one, task: a}\n  - {task: a, needs: [one], inputs: []}\n";

    const FOLDER: &str = "version: '3'\ntasks: {a: ls}\n#- plans/p.yml\nsteps: [fw, 'fw:sub', {name: again, task: fw}]\n#- tasks/fw/Taskfile.yml\nversion: '3'\ntasks: {default: {deps: [sub]}, sub: ls}\n#- tasks/fw/task.yml\nparams: [{name: board}]\n";

    #[test]
    fn lenses() {
        check_cases("code-lenses", &[("tasks", TASKS)], |marked| {
            shown(&Fixture::new(marked).snapshot("Taskfile.yml"), "Taskfile.yml")
        });
        check_cases("code-lenses-of-includes", &[("an included file", TASKS)], |marked| {
            shown(&Fixture::new(marked).snapshot("docs.yml"), "docs.yml")
        });
        let folder = [("a folder task", FOLDER)];
        check_cases("code-lenses-of-folder-tasks", &folder, |marked| {
            shown(&Fixture::new(marked).snapshot("tasks/fw/Taskfile.yml"), "tasks/fw/Taskfile.yml")
        });
        check_cases("code-lenses-of-plans", &[("a plan", PLAN)], |marked| {
            shown(&Fixture::new(marked).snapshot("plans/p.yml"), "plans/p.yml")
        });
    }

    #[test]
    fn each_kind_can_be_switched_off() {
        let mut snapshot = Fixture::new(TASKS).snapshot("Taskfile.yml");
        let file = snapshot.analysis.file_of("/project/Taskfile.yml".into()).unwrap();
        for (run, references, expected) in
            [(true, true, 10), (true, false, 6), (false, true, 4), (false, false, 0)]
        {
            let settings = Settings { code_lens: CodeLens { run, references }, ..Settings::default() };
            snapshot.settings = std::sync::Arc::new(settings);
            assert_eq!(of_file(&snapshot, file).len(), expected);
        }
    }
}
