//! `ez plan add`: a step more in a plan's file, whose comments and order stay.

use ez_compiler::plan::edit::{NewStep, with_step};

use super::{Target, shown};
use crate::args::invocation::Options;
use crate::args::plan::PlanAdd;
use crate::commands::check::show as show_findings;
use crate::commands::{Context, Outcome};
use crate::disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;

/// Adds a step and tells what is wrong with the plan then, if anything is.
pub fn run(context: &Context, options: &Options, request: &PlanAdd) -> Outcome {
    let target = Target::new(context, &request.plan);
    let mut project = Project::open_sound(context, &target.place(options))?;
    let file = target.find(&project)?;
    let fail = |what: &str, error: &std::io::Error| {
        let message = format!("ez: cannot {what} {}: {}", file.path, disk::plain_message(error));
        Failure::new(Code::OTHER, message)
    };
    let text = std::fs::read_to_string(&file.path).map_err(|error| fail("read", &error))?;
    let step = step(request)?;
    let Some(changed) = with_step(&text, &step) else {
        let message = format!(
            "ez: the steps of {} are written in a way that leaves no sure place for another; add it by hand",
            shown(context, &file.path)
        );
        return Err(Failure::new(Code::OTHER, message));
    };
    std::fs::write(&file.path, changed).map_err(|error| fail("write", &error))?;
    let name = step.name.as_ref().unwrap_or(&step.task);
    context.logger.err(Color::Green, &format!("ez: {name} added to {}\n", shown(context, &file.path)));
    for plan in project.plans(vec![file]) {
        show_findings(context, &project.compilation.sources, &plan.diagnostics);
    }
    Ok(())
}

fn step(request: &PlanAdd) -> Result<NewStep, Failure> {
    let (tasks, vars): (Vec<&String>, Vec<&String>) =
        request.arguments.iter().partition(|argument| !argument.contains('='));
    let [task] = tasks.as_slice() else {
        return Err(misuse(format!("ez: name one task, not {}", tasks.len())));
    };
    let matrix = pairs(&request.matrix, "a key with its values, as arch=arm64,x86_64")?;
    let values =
        |(key, values): (String, String)| (key, values.split(',').map(str::to_owned).collect::<Vec<_>>());
    let inputs = pairs(&request.input, "an artifact and its place, as build/app=bin/")?;
    let inputs = inputs.into_iter().map(|(from, to)| match from.rsplit_once('/') {
        Some((step, artifact)) => Ok((step.to_owned(), artifact.to_owned(), to)),
        None => Err(misuse(format!("ez: \"{from}\" is no artifact of a step; write build/app=bin/"))),
    });
    Ok(NewStep {
        name: request.name.clone(),
        task: (*task).clone(),
        vars: pairs(vars, "a variable, as NAME=value")?,
        needs: request.needs.clone(),
        matrix: matrix.into_iter().map(values).collect(),
        artifacts: pairs(&request.artifact, "an artifact, as app=build/app")?,
        inputs: inputs.collect::<Result<_, _>>()?,
        when: request.when.clone(),
    })
}

/// Texts of two parts with a `=` between them; a combination in brackets has some of its own.
fn pairs<'t>(
    texts: impl IntoIterator<Item = &'t String>,
    wanted: &str,
) -> Result<Vec<(String, String)>, Failure> {
    texts
        .into_iter()
        .map(|text| {
            let after_brackets = text.rfind(']').unwrap_or(0);
            let at = text.get(after_brackets..).and_then(|rest| rest.find('='));
            let at = at.ok_or_else(|| misuse(format!("ez: \"{text}\" is not {wanted}")))? + after_brackets;
            let (left, right) = text.split_at(at);
            Ok((left.to_owned(), right.trim_start_matches('=').to_owned()))
        })
        .collect()
}

fn misuse(message: String) -> Failure {
    Failure::new(Code::USAGE, message)
}
