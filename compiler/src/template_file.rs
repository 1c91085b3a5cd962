//! Templates of a project and of a user: found, checked, and made into task definitions.
//!
//! A template's texts are templates of the engine that everything else here uses, between `<%` and `%>`: what stands
//! between `{{` and `}}` is left for the task that is made. They see their params and nothing of the machine, so that
//! the same params give the same bytes.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use smol_str::SmolStr;

use crate::ast::param::{MULTI_SEPARATOR, keys};
use crate::ast::template_file::{Body, TEMPLATE_FIELDS, TemplateDraft, TemplateFile};
use crate::ast::{Param, ParamKind, Text};
use crate::check::{is_unknown_function, span_in};
use crate::decode::decode_template;
use crate::diagnostic::{Diagnostic, Severity};
use crate::file_system::{FileSystem, PathKind};
use crate::folder;
use crate::project::paths::TASKFILE_NAMES;
use crate::rule;
use crate::source::{SourceMap, Span};
use crate::suggest::nearest;
use crate::superset::param_problem;
use crate::template::{
    Delimiters, FieldReference, Host, ListType, PureHost, Template, TemplateError, Value, functions,
    render_template,
};
use crate::yaml;
use crate::yaml_file::{Claim, YamlFile, YamlFiles};

/// The directory of a project's templates, below its root.
pub const PROJECT_DIRECTORY: &str = "templates";
/// The directory of a user's templates, below the home directory.
pub const USER_DIRECTORY: &str = ".ez/templates";
/// Extensions of templates' files.
const EXTENSIONS: [&str; 2] = ["yml", "yaml"];
/// Keys by one of which a template is told from what other programs keep in `templates/`.
const TELLING_KEYS: [&str; 4] = ["task:", "taskfile:", "files:", "params:"];
/// The name of what is made, beside the params.
pub const TASK: &str = "task";
/// The Taskfile of a template that makes one file.
pub const TASKFILE: &str = "Taskfile.yml";

/// A template with its place.
#[derive(Clone, Debug)]
pub struct FoundTemplate {
    /// What it says.
    pub template: TemplateFile,
    /// The file.
    pub path: Utf8PathBuf,
    /// Whether there is an error in it.
    pub is_broken: bool,
}

/// The templates that a project can use, its own before the user's, in the order of their files' names.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    /// The templates; of two of one name only the first is used.
    pub found: Vec<FoundTemplate>,
    /// Their files, also those that make no template yet.
    pub files: Vec<Arc<ReadTemplate>>,
    /// What is wrong with their files.
    pub diagnostics: Vec<Diagnostic>,
}

/// What is made of the fields of one task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A folder task, which they are the default task of.
    Folder,
    /// A part of a Taskfile, where the task has its own name.
    Inline,
}

/// A file that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeFile {
    /// Where, below the folder.
    pub path: Utf8PathBuf,
    /// What is in it.
    pub text: String,
    /// Whether it can be run.
    pub executable: bool,
}

impl Templates {
    /// Reads the files in `templates/` below the root directory, then those in `~/.ez/templates/`.
    pub fn load(files: &dyn FileSystem, root: &Utf8Path, host: &dyn Host, sources: &mut SourceMap) -> Self {
        let home = host.environment("HOME").filter(|home| home.starts_with('/'));
        let mut read = TemplateFiles::default();
        let mut templates = Self::of_project(files, root, sources, &mut read, None);
        if let Some(home) = home {
            let directory = Utf8PathBuf::from(home).join(USER_DIRECTORY);
            templates.read_all(files, &directory, sources, &mut read, None);
        }
        templates
    }

    /// Reads the files in `templates/` below the root directory.
    pub fn of_project(
        files: &dyn FileSystem,
        root: &Utf8Path,
        sources: &mut SourceMap,
        read: &mut TemplateFiles,
        previous: Option<&TemplateFiles>,
    ) -> Self {
        let mut templates = Self::default();
        templates.read_all(files, &root.join(PROJECT_DIRECTORY), sources, read, previous);
        templates
    }

    /// The template of a name.
    pub fn find(&self, name: &str) -> Option<&FoundTemplate> {
        self.found.iter().find(|found| found.template.name.as_str() == name)
    }

    fn read_all(
        &mut self,
        files: &dyn FileSystem,
        directory: &Utf8Path,
        sources: &mut SourceMap,
        read: &mut TemplateFiles,
        previous: Option<&TemplateFiles>,
    ) {
        for entry in files.list(directory).unwrap_or_default() {
            let path = directory.join(entry.name.as_str());
            let is_yaml = path.extension().is_some_and(|extension| EXTENSIONS.contains(&extension));
            if entry.kind != PathKind::File || !is_yaml {
                continue;
            }
            // What cannot be read as text is another program's.
            let claim = files.read(&path).map_or(Claim::Foreign, |text| claim(&text));
            if claim == Claim::Foreign {
                continue;
            }
            let file = read.read(&path, files, sources, previous, |file, sources, _| decoded(file, sources));
            if claim == Claim::Ours {
                self.found.extend(file.template.clone());
                self.diagnostics.extend(file.diagnostics.iter().cloned());
            }
            self.files.push(file);
        }
    }
}

/// What a template's file says, and what is wrong with it.
#[derive(Debug)]
pub struct ReadTemplate {
    /// The file.
    pub path: Utf8PathBuf,
    /// What is written in it.
    pub draft: TemplateDraft,
    /// Whether it is sound YAML, so that the draft lacks nothing that is written.
    pub is_whole: bool,
    template: Option<FoundTemplate>,
    diagnostics: Vec<Diagnostic>,
}

impl ReadTemplate {
    /// The template; `None` where the file does not make one.
    pub fn template(&self) -> Option<&TemplateFile> {
        self.template.as_ref().map(|found| &found.template)
    }
}

/// Files of templates that were read.
pub type TemplateFiles = YamlFiles<ReadTemplate>;

fn decoded(file: &YamlFile, sources: &SourceMap) -> ReadTemplate {
    let mut diagnostics: Vec<Diagnostic> =
        file.document.errors.iter().map(yaml::YamlError::to_diagnostic).collect();
    let path = file.path.clone();
    let Some(root) = &file.document.root else {
        let (draft, is_whole) = (TemplateDraft::default(), diagnostics.is_empty());
        return ReadTemplate { path, draft, is_whole, template: None, diagnostics };
    };
    let decoded = decode_template(root, file.path.file_stem().unwrap_or_default(), sources);
    if !diagnostics.is_empty() {
        return ReadTemplate { path, draft: decoded.draft, is_whole: false, template: None, diagnostics };
    }
    diagnostics.extend(decoded.diagnostics);
    let template = decoded.template.map(|template| {
        check(&template, sources, &mut diagnostics);
        let is_broken = diagnostics.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
        FoundTemplate { template, path: file.path.clone(), is_broken }
    });
    ReadTemplate { path, draft: decoded.draft, is_whole: true, template, diagnostics }
}

fn claim(text: &str) -> Claim {
    if text.lines().any(|line| TELLING_KEYS.iter().any(|key| line.starts_with(key))) {
        return Claim::Ours;
    }
    Claim::of_unfinished(text, &keys(TEMPLATE_FIELDS))
}

/// The name by which a template's texts know a param: `build_type` for `build-type`.
pub fn field_name(param: &str) -> SmolStr {
    param.replace('-', "_").into()
}

/// What a function gives in a template, where that is not what it gives in a task.
pub fn without_machine(function: &str) -> Option<&'static str> {
    WITHOUT_MACHINE.iter().find(|(name, _)| *name == function).map(|(_, given)| *given)
}

/// What functions give that ask for what a template does not see: see [`PureHost`].
const WITHOUT_MACHINE: &[(&str, &str)] = &[
    ("now", "always the first moment of 1970"),
    ("ago", "counted from the first moment of 1970"),
    ("date", "local time is UTC"),
    ("htmlDate", "local time is UTC"),
    ("env", "always empty"),
    ("expandenv", "every variable is empty"),
    ("uuid", "always the same"),
    ("randInt", "always the first"),
    ("randIntN", "always 0"),
    ("OS", "always linux"),
    ("ARCH", "always amd64"),
    ("numCPU", "always 1"),
    ("getHostByName", "always an error"),
    ("absPath", "relative ones start at /"),
];

fn check(template: &TemplateFile, sources: &SourceMap, diagnostics: &mut Vec<Diagnostic>) {
    check_names(template, diagnostics);
    let mut read: Vec<FieldReference> = Vec::new();
    let mut reads_all = false;
    for text in template.body.texts() {
        let parsed = parse(text);
        report_errors(&parsed, text, sources, diagnostics);
        reads_all |= parsed.uses_all_variables();
        for field in parsed.field_references() {
            let is_known = field.name == TASK
                || template.params.iter().any(|param| field_name(&param.name.value) == field.name);
            if !is_known {
                diagnostics.push(unknown_param(template, &field, span_in(text, &field.range, sources)));
            }
            read.push(field);
        }
    }
    for param in &template.params {
        let name = field_name(&param.name.value);
        if !reads_all && read.iter().all(|field| field.name != name) {
            let message = format!("nothing in this template reads the param `{}`", param.name.value);
            diagnostics.push(
                Diagnostic::warning(rule::UNUSED_TEMPLATE_PARAM, message, param.name.span)
                    .with_label("never read")
                    .with_help(format!("write `<% .{name} %>` where it belongs, or leave the param out")),
            );
        }
    }
}

fn check_names(template: &TemplateFile, diagnostics: &mut Vec<Diagnostic>) {
    let invalid = |span: Span, message: String| Diagnostic::error(rule::INVALID_TEMPLATE, message, span);
    if !folder::is_name(template.name.as_str()) {
        diagnostics.push(
            invalid(template.name.span, format!("`{}` is no name of a template", template.name.value))
                .with_label("not a name")
                .with_help("use letters, digits, `-`, `_` and `.`"),
        );
    }
    let mut known: Vec<(SmolStr, Span)> = Vec::new();
    for param in &template.params {
        let name = field_name(&param.name.value);
        diagnostics.extend(param_problem(param));
        if name == TASK {
            let message = format!("`{TASK}` is the name of what is made, and no param");
            diagnostics
                .push(invalid(param.name.span, message).with_label("taken").with_help("choose another name"));
        }
        if param.query.is_some() {
            let message = format!("the param `{}` of a template cannot have a `query`", param.name.value);
            diagnostics.push(
                invalid(param.span, message)
                    .with_label("has a query")
                    .with_help("write its `options`: the same params give the same files everywhere"),
            );
        }
        if let Some((_, first)) = known.iter().find(|(other, _)| *other == name) {
            let message = format!("two params are `.{name}`");
            diagnostics.push(
                Diagnostic::error(rule::INVALID_PARAM, message, param.name.span)
                    .with_label("again here")
                    .and_at(*first, "first here")
                    .with_help("rename one of the two"),
            );
        }
        known.push((name, param.name.span));
    }
    let Body::Files(parts) = &template.body else { return };
    for part in parts.iter().filter(|part| !is_inside(part.path.as_str())) {
        diagnostics.push(
            invalid(part.path.span, format!("`{}` is no path of a file in a folder task", part.path.value))
                .with_label("not inside")
                .with_help(
                    "write a relative path without `.` and `..`, outside of `.ez`, `.task` and `.git`",
                ),
        );
    }
    if !parts.iter().any(|part| TASKFILE_NAMES.contains(&part.path.as_str())) {
        diagnostics.push(
            invalid(template.span, "a template of files without a Taskfile makes no task".to_owned())
                .with_label("no Taskfile")
                .with_help(format!("add `{TASKFILE}` to its `files`")),
        );
    }
}

/// Whether a path leads to a file below the folder, and to nothing that EZ, go-task or git keep there.
fn is_inside(path: &str) -> bool {
    let hidden = [".ez", ".task", ".git"];
    !path.is_empty()
        && !path.ends_with('/')
        && !path.contains("//")
        && !path.chars().any(char::is_control)
        && path.split('/').all(|part| part != ".")
        && Utf8Path::new(path).components().all(
            |part| matches!(part, Utf8Component::Normal(name) if !hidden.contains(&name.to_lowercase().as_str())),
        )
}

fn parse(text: &Text) -> Template {
    Template::parse_between(text.as_str(), "", Delimiters::ANGLES)
}

fn report_errors(parsed: &Template, text: &Text, sources: &SourceMap, diagnostics: &mut Vec<Diagnostic>) {
    for error in parsed.errors() {
        let span = span_in(text, &error.range, sources);
        if !is_unknown_function(error) {
            diagnostics.push(syntax_error(error, span));
            // Those after it are mostly its consequences.
            return;
        }
        let name = parsed.text().get(error.range.clone()).unwrap_or_default();
        let message = format!("no template function is named `{name}`");
        let diagnostic =
            Diagnostic::error(rule::UNKNOWN_FUNCTION, message, span).with_label("unknown function");
        diagnostics.push(match nearest(name, functions::all().map(|function| function.name)) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("change to `{near}`"),
                span,
                near,
            ),
            None => diagnostic.with_help(format!("a param has a dot in front: `.{name}`")),
        });
    }
}

fn syntax_error(error: &TemplateError, span: Span) -> Diagnostic {
    let message = format!("this template does not parse: {}", error.message);
    Diagnostic::error(rule::TEMPLATE_SYNTAX, message, span)
        .with_label("here")
        .with_help("an expression stands between `<%` and `%>`; a branch ends with `<% end %>`")
}

fn unknown_param(template: &TemplateFile, field: &FieldReference, span: Span) -> Diagnostic {
    let names: Vec<SmolStr> = template.params.iter().map(|param| field_name(&param.name.value)).collect();
    let message = format!("the template has no param `{}`", field.name);
    let diagnostic =
        Diagnostic::error(rule::UNKNOWN_TEMPLATE_PARAM, message, span).with_label("unknown param");
    match nearest(&field.name, names.iter().map(SmolStr::as_str)) {
        Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
            format!("change to `{near}`"),
            span,
            near,
        ),
        None => diagnostic
            .with_help(format!("add it to `params`; `.{TASK}` is the name of the task that is made")),
    }
}

/// A param's value as texts see it: numbers and truths are such, several options are a list.
fn typed(param: &Param, value: &str) -> Value {
    match param.kind.value {
        ParamKind::Bool => Value::Bool(value == "true"),
        ParamKind::Number => match (value.parse::<i64>(), value.parse::<f64>()) {
            (Ok(number), _) => Value::Int(number),
            (Err(_), Ok(number)) => Value::Float(number),
            _ => Value::String(value.into()),
        },
        ParamKind::Multi => {
            let chosen = value.split(MULTI_SEPARATOR).map(str::trim).filter(|one| !one.is_empty());
            let chosen = chosen.map(|one| Value::String(one.into())).collect();
            Value::TypedList(ListType::Strings, Arc::new(chosen))
        }
        _ => Value::String(value.into()),
    }
}

/// Makes the files of a task, in the order of the template. `values` are those of the params by their names, all of them checked.
///
/// # Errors
/// A text cannot be evaluated with these values.
pub fn make(
    template: &TemplateFile,
    task: &str,
    form: Form,
    values: &BTreeMap<SmolStr, SmolStr>,
    sources: &SourceMap,
) -> Result<Vec<MadeFile>, Box<Diagnostic>> {
    let value = |param: &Param| values.get(&param.name.value).map_or("", SmolStr::as_str);
    let mut scope: BTreeMap<SmolStr, Value> = template
        .params
        .iter()
        .map(|param| (field_name(&param.name.value), typed(param, value(param))))
        .collect();
    scope.insert(TASK.into(), Value::String(task.into()));
    let evaluate = |text: &Text| {
        render_template(&parse(text), &scope, &PureHost).map_err(|error| {
            let message = format!("this cannot be evaluated with these params: {}", error.message);
            Box::new(
                Diagnostic::error(rule::INVALID_TEMPLATE, message, span_in(text, &error.range, sources))
                    .with_label("here")
                    .with_help("give other params, or mend the template"),
            )
        })
    };
    let origin = origin(template, values);
    let taskfile = |text: &str| {
        vec![MadeFile { path: TASKFILE.into(), text: format!("{origin}{text}"), executable: false }]
    };
    match &template.body {
        Body::Task(text) => {
            let name = if form == Form::Folder { folder::DEFAULT_TASK } else { task };
            Ok(taskfile(&with_task(name, &evaluate(text)?)))
        }
        Body::Taskfile(text) => Ok(taskfile(&evaluate(text)?)),
        Body::Files(parts) => parts
            .iter()
            .map(|part| {
                let text = evaluate(&part.content)?;
                let is_taskfile = TASKFILE_NAMES.contains(&part.path.as_str());
                let origin = if is_taskfile { origin.as_str() } else { "" };
                let path = part.path.as_str().into();
                Ok(MadeFile { path, text: format!("{origin}{text}"), executable: part.executable })
            })
            .collect(),
    }
}

/// Where a Taskfile comes from, as a comment. Secrets are not told.
fn origin(template: &TemplateFile, values: &BTreeMap<SmolStr, SmolStr>) -> String {
    let told = template.params.iter().filter(|param| param.kind.value != ParamKind::Secret);
    let told: serde_json::Map<String, serde_json::Value> = told
        .filter_map(|param| values.get_key_value(&param.name.value))
        .map(|(name, value)| (name.to_string(), value.as_str().into()))
        .collect();
    let (name, version) = (one_line(template.name.as_str()), one_line(template.version.as_str()));
    let params = serde_json::Value::Object(told);
    format!("# Made by ez from the template {name}, version {version}, with the params\n# {params}\n")
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The fields of a task as a Taskfile.
fn with_task(task: &str, fields: &str) -> String {
    let name = serde_json::Value::from(task);
    let name = if task.bytes().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_')) {
        task.to_owned()
    } else {
        name.to_string()
    };
    let mut text = format!("version: '3'\n\ntasks:\n  {name}:\n");
    for line in fields.lines() {
        if line.trim().is_empty() {
            text.push('\n');
        } else {
            // A `String` takes all that is written to it.
            let _ = writeln!(text, "    {line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file_system::MemoryFileSystem;

    fn load(text: &str) -> (Templates, SourceMap) {
        let files = MemoryFileSystem::new().with("/p/templates/service.yml", text);
        let mut sources = SourceMap::default();
        let read = &mut TemplateFiles::default();
        let templates = Templates::of_project(&files, Utf8Path::new("/p"), &mut sources, read, None);
        (templates, sources)
    }

    #[track_caller]
    fn made(text: &str, values: &[(&str, &str)]) -> Vec<(String, String)> {
        let (templates, sources) = load(text);
        assert_eq!(templates.diagnostics, []);
        let values = values.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let made = make(&templates.find("service").unwrap().template, "api", Form::Inline, &values, &sources)
            .unwrap();
        made.into_iter().map(|file| (file.path.into_string(), file.text)).collect()
    }

    #[test]
    fn a_task_is_made_of_fields() {
        let values =
            [("build-type", "fast"), ("port", "80"), ("tests", "true"), ("token", "s3"), ("langs", "a,b")];
        let expected = "# Made by ez from the template service, version 1.2, with the params\n\
                        # {\"build-type\":\"fast\",\"port\":\"80\",\"tests\":\"true\",\"langs\":\"a,b\"}\n\
                        version: '3'\n\ntasks:\n  api:\n    desc: Build api in fast\n    cmds:\n      - cmd: |\n          echo {{.X}}\n\n          \
                        serve 81\n";
        let text = "version: 1.2\nparams:\n  - {name: build-type, options: [debug, fast]}\n  - {name: port, type: number}\n  \
                    - {name: tests, type: bool}\n  - {name: token, type: secret}\n  - {name: langs, type: multi, options: [a, b]}\n\
                    task: |\n  desc: Build <% .task %> in <% .build_type %>\n  cmds:\n    - cmd: |\n        echo {{.X}}\n\n        \
                    serve <% add .port 1 %>\n    <%- if .tests %>\n    - test <% .token %>\n    <%- end %>\n    <%- range .langs %>\n    - run <% . %>\n    <%- end %>\n";
        let expected = format!("{expected}      - test s3\n      - run a\n      - run b\n");
        assert_eq!(made(text, &values), [("Taskfile.yml".to_owned(), expected)]);
    }

    #[test]
    fn what_is_made_is_the_same_everywhere() {
        let text = "version: '1'\ntaskfile: |\n  version: '3'\n  # <% now %> <% env \"HOME\" %> <% OS %> <% randInt 1 9 %>\n  tasks: {}\n";
        assert_eq!(made(text, &[]), made(text, &[]));
    }

    #[test]
    fn what_functions_give_without_the_machine_is_told() {
        let text = "version: '1'\ntaskfile: |\n  <% now.Unix %> <% env \"HOME\" %>| <% expandenv \"a$HOME\" %> <% eq uuid uuid %> <% randInt 3 9 %> <% randIntN 9 %> <% OS %> <% ARCH %> <% numCPU %> <% absPath \"a\" %>\n";
        let (_, shown) = made(text, &[]).remove(0);
        assert_eq!(shown.lines().last(), Some("0 | a true 3 0 linux amd64 1 /a"));
        for (name, _) in WITHOUT_MACHINE {
            assert!(functions::find(name).is_some_and(|function| !function.pure), "{name}");
        }
    }

    #[test]
    fn files_keep_their_places() {
        let text = "version: '1'\nparams: [who]\nfiles:\n  Taskfile.yml: |\n    version: '3'\n  bin/run: {content: 'hi <% .who %>', executable: true}\n  empty:\n";
        let made = made(text, &[("who", "a\nb")]);
        let origin =
            "# Made by ez from the template service, version 1, with the params\n# {\"who\":\"a\\nb\"}\n";
        let expected = [
            ("Taskfile.yml", format!("{origin}version: '3'\n")),
            ("bin/run", "hi a\nb".into()),
            ("empty", String::new()),
        ];
        assert_eq!(made, expected.map(|(path, text)| (path.to_owned(), text)));
    }

    #[test]
    fn files_of_other_programs_are_left_alone() {
        for text in ["apiVersion: v1\nmetadata: {name: {{ .Values.name }}}\n", "", "- a\n", "  files: x\n"] {
            let (templates, _) = load(text);
            assert!(templates.found.is_empty() && templates.diagnostics.is_empty(), "{text}");
            let is_open = text.is_empty() || text.starts_with(' ');
            assert_eq!(templates.files.len(), usize::from(is_open), "{text}");
        }
    }

    #[test]
    fn paths_stay_inside() {
        for path in ["a", "a/b.c", ".env"] {
            assert!(is_inside(path), "{path}");
        }
        for path in ["", "/a", "../a", "a/../b", "./a", "a//b", "a/", ".git/x", "x/.EZ", "a\nb"] {
            assert!(!is_inside(path), "{path}");
        }
    }
}
