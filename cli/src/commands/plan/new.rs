//! `ez plan new`: the beginning of a plan.

use ez_compiler::folder;
use ez_compiler::plan::edit::{NewStep, new_plan};
use ez_compiler::plan::{DIRECTORY, EXTENSIONS, find_all};

use super::shown;
use crate::args::invocation::Options;
use crate::args::plan::PlanNew;
use crate::commands::{Context, Outcome};
use crate::disk::{self, Disk};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;

/// Writes a plan whose steps follow each other. Without tasks its step is the project's default or first one.
pub fn run(context: &Context, options: &Options, request: &PlanNew) -> Outcome {
    let fail = |message: String| Err(Failure::new(Code::OTHER, message));
    let name = request.name.as_str();
    if !folder::is_name(name) {
        return fail(format!(
            "ez: \"{name}\" is no name of a plan; use letters, digits, \"-\", \"_\" and \".\""
        ));
    }
    let project = Project::open_sound(context, options)?;
    let root = &project.compilation.program.dir;
    if let Some(plan) = find_all(&Disk, root).iter().find(|plan| plan.name == name) {
        return fail(format!("ez: there is a plan \"{name}\" already, in {}", shown(context, &plan.path)));
    }
    let program = &project.compilation.program;
    let mut tasks = request.tasks.clone();
    if tasks.is_empty() {
        let public = || program.tasks.iter().filter(|task| !task.internal && !task.is_wildcard());
        let first = public().find(|task| task.name == "default").or_else(|| public().next());
        tasks.extend(first.map(|task| task.name.to_string()));
    }
    if tasks.is_empty() {
        return fail("ez: name a task: a plan needs a step, and this project has no tasks".to_owned());
    }
    let mut steps: Vec<NewStep> = Vec::new();
    for task in tasks {
        let needs = steps.last().map(|step| step.task.clone()).into_iter().collect();
        steps.push(NewStep { task, needs, ..NewStep::default() });
    }
    let directory = root.join(DIRECTORY);
    let path = directory.join(format!("{name}.{}", EXTENSIONS[0]));
    let text = new_plan(request.desc.as_deref(), &steps);
    std::fs::create_dir_all(&directory).and_then(|()| std::fs::write(&path, text)).map_err(|error| {
        Failure::new(Code::OTHER, format!("ez: cannot write {path}: {}", disk::plain_message(&error)))
    })?;
    context.logger.err(Color::Green, &format!("ez: {} written\n", shown(context, &path)));
    Ok(())
}
