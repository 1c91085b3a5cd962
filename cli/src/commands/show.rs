//! `ez show`: what a task is.

use ez_compiler::ast::{Artifact, CommandAction, Text, VariableValue};
use ez_compiler::ir::{Task, TaskId};
use ez_runner::call::Call;
use ez_runner::engine::Engine;
use serde::Serialize;
use smol_str::{SmolStr, format_smolstr};

use super::ez_list::{FOLDER, INLINE};
use super::list::{self, Entry};
use super::params;
use super::summary::Summary;
use super::{Context, Outcome};
use crate::args::ez::Show;
use crate::args::invocation::Options;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::folder::Target;
use crate::logger::Color;
use crate::project::{Project, silent_sink};

/// The JSON form: an entry of a list, and more.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    entry: Entry,
    deps: Vec<SmolStr>,
    cmds: Vec<ShownCommand>,
    vars: Vec<ShownVariable>,
    requires: Vec<SmolStr>,
    sources: Vec<SmolStr>,
    generates: Vec<SmolStr>,
    artifacts: Vec<ShownArtifact>,
    usage: SmolStr,
    version: SmolStr,
}

#[derive(Serialize)]
struct ShownArtifact {
    name: SmolStr,
    path: SmolStr,
    optional: bool,
}

#[derive(Serialize)]
struct ShownCommand {
    #[serde(skip_serializing_if = "Option::is_none")]
    cmd: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<SmolStr>,
    defer: bool,
}

#[derive(Serialize)]
struct ShownVariable {
    name: SmolStr,
    #[serde(skip_serializing_if = "Option::is_none")]
    sh: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#ref: Option<SmolStr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<SmolStr>,
}

/// Shows one task: as text what `--summary` shows and where it is written, as JSON what was written.
pub fn run(context: &Context, options: &Options, request: &Show) -> Outcome {
    let root = Project::open_sound(context, options)?;
    let (project, name, kind) = match root.target(&request.name) {
        Target::Inline => (root, request.name.clone(), INLINE),
        Target::Folder { folder, task } => {
            (Project::open_sound_folder(context, options, &folder)?, task, FOLDER)
        }
    };
    let engine = project.engine(context, options, silent_sink())?;
    let id = project.find(&name, options)?;
    let failure = |error: &_| Failure::of_run(error, false);
    let entry = list::entry(&engine, &project.compilation.sources, id, kind == INLINE)
        .map_err(|error| failure(&error))?;
    if request.json {
        let shown = shown(&project, &engine, id, entry, kind);
        let json = serde_json::to_string_pretty(&shown)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &format!("{json}\n"));
        return Ok(());
    }
    let task = engine.describe(&Call::new(name.as_str())).map_err(|error| failure(&error))?;
    let linked = engine.program().task(id);
    let summary = Summary::text(&context.logger, &context.environment, linked, &task);
    context.logger.out(Color::None, &engine.masked(&summary));
    let additions = params::additions(kind, linked);
    context.logger.out(Color::None, &params::text(&context.logger, &additions.params));
    let metadata = &project.compilation.metadata;
    let artifacts = artifacts(&project, id);
    let word = |text: &Option<Text>| text.iter().map(|text| text.value.clone()).collect::<Vec<_>>();
    for (title, texts) in [
        ("artifacts", &artifacts),
        ("usage", &word(&metadata.usage)),
        ("version", &word(&metadata.version)),
        ("author", &word(&metadata.author)),
        ("tags", &additions.tags),
        ("examples", &additions.examples),
    ] {
        if !texts.is_empty() {
            context.logger.out(
                Color::None,
                &format!("\n{title}:\n  {}\n", texts.join("\n").trim().replace('\n', "\n  ")),
            );
        }
    }
    let place = &entry.location;
    let state = match entry.up_to_date {
        Some(true) => "up to date",
        Some(false) => "would run",
        None => "a folder task",
    };
    context
        .logger
        .out(Color::None, &format!("\n{}:{}:{}, {state}\n", place.taskfile, place.line, place.column));
    Ok(())
}

/// What a successful run leaves: path, and name where it is another.
fn artifacts(project: &Project, id: TaskId) -> Vec<SmolStr> {
    let task = project.compilation.program.task(id);
    let artifacts = task.superset.iter().flat_map(|superset| &superset.artifacts);
    artifacts
        .map(|artifact| {
            let optional = if artifact.optional { ", optional" } else { "" };
            format_smolstr!("{} ({}{optional})", artifact.path.value, artifact.name.value)
        })
        .collect()
}

fn declared_artifacts(task: &Task) -> Vec<ShownArtifact> {
    let artifacts = task.superset.iter().flat_map(|superset| &superset.artifacts);
    let shown = |artifact: &Artifact| ShownArtifact {
        name: artifact.name.value.clone(),
        path: artifact.path.value.clone(),
        optional: artifact.optional,
    };
    artifacts.map(shown).collect()
}

fn shown(project: &Project, engine: &Engine, id: TaskId, entry: Entry, kind: &'static str) -> Shown {
    let metadata = &project.compilation.metadata;
    let word = |text: &Option<Text>| text.as_ref().map(|text| text.value.clone()).unwrap_or_default();
    let task = engine.program().task(id);
    let written = &task.definition;
    let cmds = written.cmds.iter().filter_map(|command| {
        let (cmd, called) = match &command.action {
            CommandAction::Script(text) => (Some(text.value.clone()), None),
            CommandAction::Call { task: called, .. } => (None, Some(task.callee(&called.value))),
            CommandAction::Nothing => return None,
        };
        Some(ShownCommand { cmd, task: called, defer: command.deferred })
    });
    let vars = written.vars.iter().map(|variable| {
        let mut shown =
            ShownVariable { name: variable.name.value.clone(), sh: None, r#ref: None, value: None };
        match &variable.value {
            _ if variable.secret => shown.value = Some(ez_runner::scope::MASK.into()),
            VariableValue::Shell(text) => shown.sh = Some(text.value.clone()),
            VariableValue::Reference(text) => shown.r#ref = Some(text.value.clone()),
            VariableValue::Text(text) => shown.value = Some(text.value.clone()),
            VariableValue::Literal(value) => shown.value = Some(value.to_text()),
        }
        shown
    });
    let patterns =
        |globs: &[ez_compiler::ast::Glob]| globs.iter().map(|glob| glob.pattern.value.clone()).collect();
    Shown {
        deps: written.deps.iter().map(|dependency| task.callee(&dependency.task.value)).collect(),
        cmds: cmds.collect(),
        vars: vars.collect(),
        requires: written.requires.iter().map(|required| required.name.value.clone()).collect(),
        sources: patterns(&written.sources),
        generates: patterns(&written.generates),
        artifacts: declared_artifacts(task),
        usage: word(&metadata.usage),
        version: word(&metadata.version),
        entry: Entry { additions: Some(params::additions(kind, task)), ..entry },
    }
}
