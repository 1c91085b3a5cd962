//! `ez plugin`: scripts that tasks of several projects use.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use ez_compiler::ast::PluginKind;
use ez_compiler::plugin::{FoundPlugin, Plugins};
use ez_compiler::source::SourceMap;
use ez_compiler::suggest::nearest;
use ez_compiler::template::{Scope, Value, render};
use ez_runner::command::{CommandRunner, Input, Script};
use ez_runner::error::EXIT_TASK_RUN;
use ez_runner::hooks::{TASK_NAME, WORKSPACE_NAME};
use ez_runner::process::Environment;
use ez_runner::scheduler::Context as RunContext;
use ez_runner::signal::Stop;
use ez_runner::template_host::TemplateHost;
use serde::Serialize;
use smol_str::SmolStr;

use super::check::show as show_findings;
use super::run::runtime;
use super::{Context, Outcome};
use crate::args::ez::{Plugin, PluginAction};
use crate::args::invocation::Options;
use crate::disk::Disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::table;
use ez_compiler::Purpose;

/// A plugin in JSON.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    desc: Option<&'a str>,
    file: &'a str,
    script: &'a str,
    /// Whether a plugin of the same name comes before it.
    shadowed: bool,
}

/// Lists plugins, shows one, or runs it.
pub fn run(context: &Context, options: &Options, request: &Plugin) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let mut sources = SourceMap::default();
    let host = TemplateHost::new(&project.environment);
    let root = &project.compilation.program.dir;
    let plugins = Plugins::load(&Disk, std::slice::from_ref(root), &host, &mut sources);
    show_findings(context, &sources, &plugins.diagnostics);
    let (name, variables) = match request.arguments.split_first() {
        Some((name, variables)) => (name.as_str(), variables),
        None => ("", &[][..]),
    };
    match request.action {
        PluginAction::List => list(context, &plugins, request.json),
        PluginAction::Show => show(context, find(&plugins, name)?, request.json),
        PluginAction::Run => {
            let script = Prepared::new(find(&plugins, name)?, variables, &project.environment, &host)?;
            runtime()?.block_on(script.run(root.as_str(), &project.environment))
        }
    }
}

fn find<'p>(plugins: &'p Plugins, name: &str) -> Result<&'p FoundPlugin, Failure> {
    if name.is_empty() {
        return Err(Failure::new(Code::USAGE, "ez: name a plugin; `ez plugin list` shows them all"));
    }
    plugins.find(name).ok_or_else(|| {
        let names = plugins.found.iter().map(|found| found.plugin.name.as_str());
        let hint = nearest(name, names).map(|near| format!(" Did you mean \"{near}\"?")).unwrap_or_default();
        Failure::new(Code::OTHER, format!("ez: there is no plugin \"{name}\".{hint}"))
    })
}

fn trigger(found: &FoundPlugin) -> Option<&'static str> {
    match &found.plugin.kind {
        PluginKind::Hook { trigger, .. } => Some(trigger.value.name()),
        PluginKind::Param { .. } => None,
    }
}

fn row(found: &FoundPlugin, shadowed: bool) -> Row<'_> {
    Row {
        name: found.plugin.name.as_str(),
        r#type: found.plugin.kind.name(),
        trigger: trigger(found),
        desc: found.plugin.desc.as_ref().map(ez_compiler::ast::Text::as_str),
        file: found.path.as_str(),
        script: found.plugin.kind.script().as_str(),
        shadowed,
    }
}

fn list(context: &Context, plugins: &Plugins, as_json: bool) -> Outcome {
    let is_shadowed = |found: &FoundPlugin| {
        plugins.find(found.plugin.name.as_str()).is_some_and(|first| !std::ptr::eq(first, found))
    };
    if as_json {
        let rows: Vec<Row> = plugins.found.iter().map(|found| row(found, is_shadowed(found))).collect();
        return print_json(context, &rows);
    }
    let mut text = String::new();
    for found in plugins.found.iter().filter(|found| !is_shadowed(found)) {
        let desc = found.plugin.desc.as_ref().map_or("", |desc| desc.as_str());
        let (name, kind) = (found.plugin.name.as_str(), found.plugin.kind.name());
        let _ = writeln!(text, "{name}\t{kind}\t{}\t{desc}", trigger(found).unwrap_or(""));
    }
    if text.is_empty() {
        context.logger.err(Color::Yellow, "ez: there are no plugins in `plugins/` and in `~/.ez/plugins/`\n");
    } else {
        context.logger.out(Color::None, &table::align(&text, 2));
    }
    Ok(())
}

fn show(context: &Context, found: &FoundPlugin, as_json: bool) -> Outcome {
    let row = row(found, false);
    if as_json {
        return print_json(context, &row);
    }
    let mut text = format!("{}: {}", row.name, row.r#type);
    if let Some(trigger) = row.trigger {
        let _ = write!(text, " for {trigger}");
    }
    if let Some(desc) = row.desc {
        let _ = write!(text, "\n{desc}");
    }
    let _ = write!(text, "\n{}\n\n", row.file);
    for line in row.script.lines() {
        let _ = writeln!(text, "  {line}");
    }
    context.logger.out(Color::None, &text);
    Ok(())
}

fn print_json(context: &Context, value: &impl Serialize) -> Outcome {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
    context.logger.out(Color::None, &format!("{json}\n"));
    Ok(())
}

/// What templates of a script see that runs without a task.
struct Given<'a> {
    given: BTreeMap<SmolStr, Value>,
    environment: &'a Environment,
}

impl Scope for Given<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        let of_environment =
            || self.environment.get(name).map(|value| Value::from(value.to_string_lossy().as_ref()));
        self.given.get(name).cloned().or_else(of_environment)
    }

    fn all(&self) -> Value {
        Value::map(self.given.clone())
    }
}

/// A plugin's script with its environment.
struct Prepared {
    name: String,
    text: SmolStr,
    environment: Environment,
}

impl Prepared {
    fn new(
        found: &FoundPlugin,
        variables: &[String],
        environment: &Arc<Environment>,
        host: &TemplateHost,
    ) -> Result<Self, Failure> {
        let name = found.plugin.name.as_str();
        let mut own = Environment::clone(environment);
        own.set(TASK_NAME, name);
        own.set(WORKSPACE_NAME, "");
        let mut given = BTreeMap::from([(SmolStr::new("TASK"), Value::from(name))]);
        for argument in variables {
            let Some((variable, value)) = argument.split_once('=') else {
                let message = format!("ez: \"{argument}\" is no variable; write NAME=value");
                return Err(Failure::new(Code::USAGE, message));
            };
            own.set(variable, value);
            given.insert(variable.into(), Value::from(value));
        }
        let written = found.plugin.kind.script().as_str();
        let scope = Given { given, environment: &own };
        let text = render(written, &scope, host).map_err(|error| {
            Failure::new(Code::OTHER, format!("ez: the plugin \"{name}\" cannot be rendered: {error}"))
        })?;
        Ok(Self { name: name.to_owned(), text, environment: own })
    }

    async fn run(self, root: &str, environment: &Environment) -> Outcome {
        let runner = CommandRunner::new(environment, false, Box::new(|_| {}));
        let script = Script {
            text: &self.text,
            dir: root,
            environment: Arc::new(self.environment),
            set: &[],
            shopt: &[],
            input: Input::Inherit,
        };
        let result = runner.inherit(&script, &RunContext::root(Stop::new())).await;
        result.map_err(|error| {
            Failure::new(Code(EXIT_TASK_RUN), format!("ez: the plugin \"{}\" failed: {error}", self.name))
        })
    }
}
