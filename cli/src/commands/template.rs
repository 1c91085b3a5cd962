//! `ez template`: task definitions made from templates.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::ast::template_file::{Body, TemplateFile};
use ez_compiler::ast::{Param, Text};
use ez_compiler::diagnostic::Severity;
use ez_compiler::file_system::{MemoryFileSystem, OverlayFileSystem};
use ez_compiler::folder::{FolderTask, METADATA_NAMES};
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_compiler::source::SourceMap;
use ez_compiler::suggest::nearest;
use ez_compiler::template_file::{self, Form, FoundTemplate, MadeFile, TASKFILE, Templates};
use ez_compiler::{Dialect, Purpose, compile};
use ez_runner::engine::{Ask, AskError};
use ez_runner::error::{EXIT_MISSING_VARIABLES, EXIT_NOT_ALLOWED};
use ez_runner::package::import::Import;
use ez_runner::package::manifest::Mode;
use ez_runner::package::path::is_task_name;
use ez_runner::package::{PackageError, TASKS};
use ez_runner::params::{ParamQuestion, listed, problem};
use ez_runner::template_host::TemplateHost;
use serde::Serialize;
use smol_str::SmolStr;

use super::check::{refuse, show as show_findings};
use super::params::{self, ShownParam};
use super::{Context, Outcome};
use crate::args::ez::{Template, TemplateAction};
use crate::args::invocation::{Options, Personality};
use crate::ask::User;
use crate::disk::{Disk, plain_message};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use crate::{table, terminal};

/// Stands for standard output.
const STANDARD_OUTPUT: &str = "-";

/// A template in JSON.
#[derive(Serialize)]
struct Row<'a> {
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    desc: Option<&'a str>,
    file: &'a str,
    /// What it makes: `task`, `taskfile` or `files`.
    makes: &'static str,
    params: Vec<ShownParam>,
    /// Whether a template of the same name comes before it.
    shadowed: bool,
    /// Whether there is an error in it.
    broken: bool,
}

/// What is made of a template.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// The template's name.
    pub template: &'a str,
    /// The name of the task that is made.
    pub task: &'a str,
    /// Names of params with their values; what is missing is asked for, or has its default.
    pub values: &'a [(String, String)],
    /// A file, or for a template of files a directory; the folder task `tasks/<task>` without.
    pub output: Option<&'a str>,
}

/// Lists templates, shows one, or makes a task of it.
pub fn run(context: &Context, options: &Options, request: &Template) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let (name, task) = (request.name.as_deref().unwrap_or_default(), request.task.as_deref());
    if request.action == TemplateAction::Use {
        let order = Order {
            template: name,
            task: task.unwrap_or(name),
            values: &request.values,
            output: request.output.as_deref(),
        };
        return use_template(context, &project, &order).and_then(|made| report(context, request, &made));
    }
    let (templates, sources) = load(&project);
    show_findings(context, &sources, &templates.diagnostics);
    match request.action {
        TemplateAction::List => list(context, &templates, request.json),
        _ => show(context, find(&templates, name)?, &templates, request.json),
    }
}

fn load(project: &Project) -> (Templates, SourceMap) {
    let mut sources = SourceMap::default();
    let host = TemplateHost::new(&project.environment);
    let templates = Templates::load(&Disk, &project.root(), &host, &mut sources);
    (templates, sources)
}

fn find<'t>(templates: &'t Templates, name: &str) -> Result<&'t FoundTemplate, Failure> {
    if name.is_empty() {
        return Err(Failure::new(Code::USAGE, "ez: name a template; `ez template list` shows them all"));
    }
    templates.find(name).ok_or_else(|| {
        let names = templates.found.iter().map(|found| found.template.name.as_str());
        let hint = nearest(name, names).map(|near| format!(" Did you mean \"{near}\"?")).unwrap_or_default();
        Failure::new(Code::OTHER, format!("ez: there is no template \"{name}\".{hint}"))
    })
}

fn row(found: &FoundTemplate, shadowed: bool) -> Row<'_> {
    let template = &found.template;
    Row {
        name: template.name.as_str(),
        version: template.version.as_str(),
        desc: template.desc.as_ref().map(Text::as_str),
        file: found.path.as_str(),
        makes: match template.body {
            Body::Task(_) => "task",
            Body::Taskfile(_) => "taskfile",
            Body::Files(_) => "files",
        },
        params: template.params.iter().map(params::written).collect(),
        shadowed,
        broken: found.is_broken,
    }
}

fn is_shadowed(templates: &Templates, found: &FoundTemplate) -> bool {
    templates.find(found.template.name.as_str()).is_some_and(|first| !std::ptr::eq(first, found))
}

fn list(context: &Context, templates: &Templates, as_json: bool) -> Outcome {
    if as_json {
        let rows: Vec<Row> =
            templates.found.iter().map(|found| row(found, is_shadowed(templates, found))).collect();
        return print_json(context, &rows);
    }
    let mut text = String::new();
    for found in templates.found.iter().filter(|found| !is_shadowed(templates, found)) {
        let Row { name, version, desc, .. } = row(found, false);
        let _ = writeln!(text, "{name}\t{version}\t{}", desc.unwrap_or_default().trim().replace('\n', " "));
    }
    if text.is_empty() {
        let none = "ez: there are no templates in `templates/` and in `~/.ez/templates/`\n";
        context.logger.err(Color::Yellow, none);
    } else {
        context.logger.out(Color::None, &table::align(&text, 2));
    }
    Ok(())
}

fn show(context: &Context, found: &FoundTemplate, templates: &Templates, as_json: bool) -> Outcome {
    let row = row(found, is_shadowed(templates, found));
    if as_json {
        return print_json(context, &row);
    }
    let mut text = format!("{} {}\n", row.name, row.version);
    if let Some(desc) = row.desc {
        let _ = writeln!(text, "{}", desc.trim());
    }
    let _ = writeln!(text, "\nfile: {}", row.file);
    text.push_str(&params::text(&context.logger, &row.params));
    context.logger.out(Color::None, &text);
    Ok(())
}

fn print_json(context: &Context, value: &impl Serialize) -> Outcome {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
    context.logger.out(Color::None, &format!("{json}\n"));
    Ok(())
}

/// What was made.
#[derive(Debug, Serialize)]
pub struct Made {
    /// The template; empty without one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// The task.
    pub task: String,
    /// The files, relative to the project where they are in it.
    pub files: Vec<String>,
}

fn report(context: &Context, request: &Template, made: &Made) -> Outcome {
    if request.output.as_deref() == Some(STANDARD_OUTPUT) {
        return Ok(());
    }
    if request.json {
        return print_json(context, made);
    }
    let files: String = made.files.iter().flat_map(|file| ["\n  ", file]).collect();
    let text = format!("ez: made `{}` from the template `{}`:{files}\n", made.task, made.template);
    context.logger.err(Color::Green, &text);
    Ok(())
}

/// Makes a task of a template: all of it or nothing, and only what compiles and overwrites nothing.
///
/// # Errors
/// There is no such template, a value is missing (exit 206) or not taken (207), something is in the way, or what would be
/// made does not compile.
pub fn use_template(context: &Context, project: &Project, order: &Order<'_>) -> Result<Made, Failure> {
    let (templates, sources) = load(project);
    let found = find(&templates, order.template)?;
    if found.is_broken {
        show_findings(context, &sources, &templates.diagnostics);
        return Err(Failure::silent(Code::OTHER));
    }
    check_name(order.task)?;
    let template = &found.template;
    let values = values(context, template, order.values)?;
    let place = Place::of(context, project, template, order);
    let form = if place.is_folder() { Form::Folder } else { Form::Inline };
    let files = template_file::make(template, order.task, form, &values, &sources).map_err(|diagnostic| {
        show_findings(context, &sources, &[*diagnostic]);
        Failure::silent(Code::OTHER)
    })?;
    place.check_free(project, order.task, &files)?;
    check_compiles(context, project, order.task, &place, &files)?;
    place.write(project, order.task, &files)?;
    Ok(place.made(project, template.name.value.to_string(), order.task, &files))
}

/// Makes a folder task of files: all of it or nothing, and only what compiles and overwrites nothing.
///
/// # Errors
/// Something is in the way, what would be made does not compile, or it cannot be written.
pub fn make_folder_task(
    context: &Context,
    project: &Project,
    task: &str,
    files: &[MadeFile],
) -> Result<Made, Failure> {
    check_name(task)?;
    let place = Place::FolderTask(project.root().join(TASKS).join(task));
    place.check_free(project, task, files)?;
    check_compiles(context, project, task, &place, files)?;
    place.write(project, task, files)?;
    Ok(place.made(project, String::new(), task, files))
}

fn check_name(task: &str) -> Outcome {
    if is_task_name(task) {
        return Ok(());
    }
    let message = format!("ez: {}", PackageError::IllegalName(task.to_owned()));
    Err(Failure::new(Code::USAGE, message))
}

/// Where what is made goes.
enum Place {
    /// `tasks/<task>`
    FolderTask(Utf8PathBuf),
    /// Another directory, for several files.
    Directory(Utf8PathBuf),
    /// The one file.
    File(Utf8PathBuf),
    /// Standard output.
    Printed,
}

impl Place {
    fn of(context: &Context, project: &Project, template: &TemplateFile, order: &Order<'_>) -> Self {
        match (order.output, &template.body) {
            (None, _) => Self::FolderTask(project.root().join(TASKS).join(order.task)),
            (Some(STANDARD_OUTPUT), Body::Task(_) | Body::Taskfile(_)) => Self::Printed,
            (Some(output), Body::Files(_)) => Self::Directory(context.environment.absolute(output)),
            (Some(output), _) => Self::File(context.environment.absolute(output)),
        }
    }

    fn is_folder(&self) -> bool {
        matches!(self, Self::FolderTask(_) | Self::Directory(_))
    }

    /// Where a file goes; for what is printed, where it would be compiled.
    fn path(&self, file: &MadeFile) -> Utf8PathBuf {
        match self {
            Self::FolderTask(folder) | Self::Directory(folder) => folder.join(&file.path),
            Self::File(path) => path.clone(),
            Self::Printed => file.path.clone(),
        }
    }

    /// What was made there.
    fn made(&self, project: &Project, template: String, task: &str, files: &[MadeFile]) -> Made {
        let root = project.root();
        let shown = |file: &MadeFile| {
            let path = self.path(file);
            path.strip_prefix(&root).unwrap_or(&path).to_string()
        };
        Made { template, task: task.to_owned(), files: files.iter().map(shown).collect() }
    }

    fn check_free(&self, project: &Project, task: &str, files: &[MadeFile]) -> Outcome {
        let exists = |path: &Utf8Path| path.symlink_metadata().is_ok();
        let taken = |path: &Utf8Path| {
            let root = project.root();
            let path = path.strip_prefix(&root).unwrap_or(path);
            Err(Failure::new(Code::OTHER, format!("ez: `{path}` exists, and is not overwritten")))
        };
        if let Self::FolderTask(folder) = self {
            if exists(folder) {
                return taken(folder);
            }
            let mut tasks = project.compilation.program.tasks.iter();
            if tasks.any(|known| known.name == task || known.aliases.iter().any(|alias| alias == task)) {
                let message = format!("ez: the Taskfile has a task `{task}`; give the new one another name");
                return Err(Failure::new(Code::OTHER, message));
            }
        }
        match files.iter().map(|file| self.path(file)).find(|path| exists(path)) {
            Some(path) if !matches!(self, Self::Printed) => taken(&path),
            _ => Ok(()),
        }
    }

    fn write(&self, project: &Project, task: &str, files: &[MadeFile]) -> Outcome {
        match self {
            Self::FolderTask(_) => install(project, task, files).map_err(|error| match error {
                PackageError::Taken(_) => {
                    Failure::new(Code::OTHER, format!("ez: `{TASKS}/{task}` exists, and is not overwritten"))
                }
                error => Failure::new(Code::OTHER, format!("ez: cannot write `{TASKS}/{task}`: {error}")),
            }),
            Self::Directory(_) | Self::File(_) => {
                files.iter().try_for_each(|file| write_new(&self.path(file), file))
            }
            Self::Printed => {
                let mut stdout = std::io::stdout().lock();
                for file in files {
                    crate::logger::print(&mut stdout, &file.text);
                }
                Ok(())
            }
        }
    }
}

/// A folder task appears whole or not at all.
fn install(project: &Project, task: &str, files: &[MadeFile]) -> Result<(), PackageError> {
    let import = Import::begin(project.root().as_std_path(), &|_| {})?;
    let staged = import.stage()?;
    for file in files {
        staged.add(file.path.as_str(), mode(file), file.text.as_bytes())?;
    }
    import.install(staged, task, false).map(drop)
}

fn mode(file: &MadeFile) -> Mode {
    if file.executable { Mode::Executable } else { Mode::Plain }
}

/// Writes a file that is not there yet; complete before it has its name.
fn write_new(path: &Utf8Path, file: &MadeFile) -> Outcome {
    use std::io::Write as _;
    use std::os::unix::fs::PermissionsExt;
    let directory = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(directory).and_then(|()| {
        let mut new = tempfile::Builder::new().prefix(".ez-new-").tempfile_in(directory)?;
        new.write_all(file.text.as_bytes())?;
        new.as_file().set_permissions(std::fs::Permissions::from_mode(mode(file).bits()))?;
        new.persist_noclobber(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| {
        Failure::new(Code::OTHER, format!("ez: cannot write {path}: {}", plain_message(&error)))
    })
}

/// Compiles what is to be written, where it would be.
fn check_compiles(
    context: &Context,
    project: &Project,
    task: &str,
    place: &Place,
    files: &[MadeFile],
) -> Outcome {
    let root = project.root();
    let absolute = |file: &MadeFile| root.join(place.path(file));
    let overlay = files
        .iter()
        .fold(MemoryFileSystem::new(), |overlay, file| overlay.with(absolute(file), file.text.as_str()));
    let is_taskfile = |file: &&MadeFile| TASKFILE_NAMES.contains(&file.path.as_str());
    let entry = files.iter().find(is_taskfile).map_or_else(|| root.join(TASKFILE), absolute);
    let directory = entry.parent().unwrap_or(&root).to_owned();
    let metadata = METADATA_NAMES.iter().map(|name| directory.join(name));
    let known: Vec<Utf8PathBuf> = files.iter().map(absolute).collect();
    let is_folder = place.is_folder();
    let folder = is_folder.then(|| FolderTask {
        name: task.into(),
        directory: directory.clone(),
        taskfile: entry.clone(),
        metadata: metadata.into_iter().find(|path| known.contains(path)),
        project: root.clone(),
    });
    let host = TemplateHost::new(&project.environment);
    let options = ez_compiler::Options {
        root_dir: if is_folder { directory } else { root.clone() },
        host: &host,
        // A part of a Taskfile may call what is in another part.
        purpose: if is_folder { Purpose::Check } else { Purpose::Run },
        dialect: Dialect::Ez,
        folder: folder.as_ref(),
    };
    let below = OverlayFileSystem { overlay, below: &Disk };
    let compilation = compile(&below, &entry, &options, None);
    let is_refused = |severity| severity == Severity::Error;
    if compilation.failure.is_none() && !compilation.diagnostics.iter().any(|d| is_refused(d.severity)) {
        return Ok(());
    }
    let made = Project {
        compilation,
        environment: project.environment.clone(),
        folder: None,
        place: project.place.clone(),
    };
    let words = format!("ez: what the template makes of `{task}` does not compile");
    Err(refuse(context, &made, Failure::new(Code::OTHER, words)))
}

/// The values of all params, each checked: those that were given, answers, defaults.
fn values(
    context: &Context,
    template: &TemplateFile,
    given: &[(String, String)],
) -> Result<BTreeMap<SmolStr, SmolStr>, Failure> {
    if let Some((name, _)) = given.iter().find(|(name, _)| !has_param(template, name)) {
        let names = template.params.iter().map(|param| param.name.value.as_str());
        let hint = nearest(name, names).map(|near| format!(" Did you mean `--{near}`?")).unwrap_or_default();
        let message = format!("ez: the template `{}` has no param `{name}`.{hint}", template.name.value);
        return Err(Failure::new(Code::USAGE, message));
    }
    let mut values = BTreeMap::new();
    let (mut missing, mut wrong) = (Vec::new(), Vec::new());
    for param in &template.params {
        let name = &param.name.value;
        let options: Vec<SmolStr> = param.options.iter().map(|option| option.value.clone()).collect();
        let given = given.iter().rev().find(|(known, value)| known == name && !value.is_empty());
        let default = param.default.as_ref().map(|default| default.value.clone()).unwrap_or_default();
        let value = match given {
            Some((_, value)) => SmolStr::from(value.as_str()),
            None if !default.is_empty() || !param.required => default,
            None if terminal::is_present() => ask(context, param, options.clone())?,
            None => {
                missing.push(missing_text(param, &options));
                continue;
            }
        };
        wrong.extend(problem(param, &value, &options));
        values.insert(name.clone(), value);
    }
    let told = |code: u8, what: &str, lines: &[String]| {
        let lines: String = lines.iter().flat_map(|line| ["\n  ", line]).collect();
        Err(Failure::new(Code(code), format!("ez: the template `{}` {what}:{lines}", template.name.value)))
    };
    if !wrong.is_empty() {
        return told(EXIT_NOT_ALLOWED, "does not take what it was given", &wrong);
    }
    match missing.len() {
        0 => Ok(values),
        1 => told(EXIT_MISSING_VARIABLES, "needs a value", &missing),
        _ => told(EXIT_MISSING_VARIABLES, "needs values", &missing),
    }
}

fn has_param(template: &TemplateFile, name: &str) -> bool {
    template.params.iter().any(|param| param.name.value == name)
}

fn missing_text(param: &Param, options: &[SmolStr]) -> String {
    let help = param.help.as_ref().map(|help| format!(" ({})", help.value.trim())).unwrap_or_default();
    let shown = options.first().map_or("…", SmolStr::as_str);
    let one_of = if options.is_empty() { String::new() } else { format!(", one of {}", listed(options)) };
    format!("{name}{help}: write --{name}={shown}{one_of}", name = param.name.value)
}

fn ask(context: &Context, param: &Param, options: Vec<SmolStr>) -> Result<SmolStr, Failure> {
    let user = User::new(Personality::Ez, context.logger.clone());
    let question = ParamQuestion { param: param.clone(), options, default: SmolStr::default() };
    user.param(&question).map_err(|error| match error {
        AskError::Cancelled => Failure::silent(Code::INTERRUPTED),
        AskError::Failed(message) => Failure::new(Code::OTHER, format!("ez: {message}")),
    })
}
