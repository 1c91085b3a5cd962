//! Reading a project's files, the root and everything that it includes (go-task, `taskfile/reader.go`).

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashMap;
use semver::Version;
use smol_str::SmolStr;

use super::failure::Failure;
use super::paths::{TASKFILE_NAMES, parent, smart_join};
use super::remote;
use crate::ast;
use crate::decode::{self, Memo, parse_version};
use crate::diagnostic::Diagnostic;
use crate::file_system::{FileSystem, PathKind, ReadError, RemoteError};
use crate::rule;
use crate::shell::expand_literal;
use crate::source::{FileId, SourceId, SourceMap, Span};
use crate::template::value::Value;
use crate::template::{Host, Scope, render};
use crate::yaml;
use crate::yaml::node::NodeKind;

/// How deep includes may nest. go-task has no limit but the stack's; nobody nests ten deep.
pub const MAX_INCLUDE_DEPTH: usize = 100;

/// The version of go-task whose language this is.
pub const LANGUAGE_VERSION: Version = Version::new(3, 54, 0);

/// What a project is read for. What that does not need is neither kept nor done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// All findings, also those of the rules. Only what was read for this is reused by the next compilation.
    Check,
    /// To run or to show tasks.
    Run,
    /// To list tasks by name and description, with their state: their bodies are checked, and then let go of.
    List,
}

/// A file of a project.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    /// Absolute path, or a URL.
    pub path: Utf8PathBuf,
    /// Its text and lines.
    pub file: FileId,
    /// The text as YAML.
    pub document: Arc<yaml::Document>,
    /// What it says; `None` where it is no Taskfile.
    pub taskfile: Option<Arc<ast::Taskfile>>,
    /// Findings of reading this file alone.
    pub diagnostics: Arc<[Diagnostic]>,
    pub(crate) memo: Memo,
    pub(crate) decode_failure: Option<decode::Failure>,
}

/// An include that was found.
#[derive(Clone, Debug)]
pub struct Edge {
    /// Index of the including file.
    pub from: usize,
    /// Index of the included file.
    pub to: usize,
    /// What was written.
    pub include: ast::Include,
    /// Directory of the included tasks, absolute.
    pub dir: String,
}

/// All files of a project, the root first.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The files.
    pub files: Vec<ProjectFile>,
    /// The includes, in written order for each file.
    pub edges: Vec<Edge>,
    /// The root directory.
    pub root_dir: Utf8PathBuf,
}

/// What paths of includes see: the file's own variables as written, over the environment.
struct IncludeScope<'a> {
    /// A variable that is not known yet hides the environment's.
    variables: BTreeMap<SmolStr, Option<Value>>,
    host: &'a dyn Host,
}

impl<'a> IncludeScope<'a> {
    fn new(taskfile: &ast::Taskfile, host: &'a dyn Host) -> Self {
        let value = |variable: &ast::Variable| match &variable.value {
            ast::VariableValue::Text(text) => Some(Value::String(text.value.clone())),
            ast::VariableValue::Literal(value) => Some(value.clone()),
            ast::VariableValue::Reference(_) => Some(Value::Null),
            ast::VariableValue::Shell(_) => None,
        };
        let variables = taskfile.vars.iter().map(|v| (v.name.value.clone(), value(v))).collect();
        Self { variables, host }
    }
}

impl Scope for IncludeScope<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        match self.variables.get(name) {
            Some(value) => value.clone(),
            None => self.host.environment(name).map(|text| Value::String(text.into())),
        }
    }

    fn all(&self) -> Value {
        Value::map(
            self.variables.iter().filter_map(|(name, value)| Some((name.clone(), value.clone()?))).collect(),
        )
    }
}

/// Why there is no text.
enum NoText {
    Local(ReadError),
    Remote(RemoteError),
}

/// Reads a project.
pub(super) struct Loader<'a> {
    pub files: &'a dyn FileSystem,
    pub host: &'a dyn Host,
    pub purpose: Purpose,
    pub sources: SourceMap,
    /// What the files were in an earlier compilation, by their paths.
    previous: FxHashMap<&'a Utf8Path, &'a ProjectFile>,
    pub loaded: Loaded,
    pub diagnostics: Vec<Diagnostic>,
    pub failure: Option<Failure>,
    index: FxHashMap<Utf8PathBuf, usize>,
    /// Files on the way from the root to the one that is being read.
    way: Vec<usize>,
    /// By which include each of them is read, except the root.
    way_in: Vec<Span>,
    /// For each file the directory that its include gives it; for the root the root directory.
    dirs: Vec<String>,
}

/// Whether a file is just a name: standard input.
fn is_nowhere(path: &Utf8Path) -> bool {
    path.parent() == Some(Utf8Path::new(""))
}

impl<'a> Loader<'a> {
    pub fn new(
        files: &'a dyn FileSystem,
        host: &'a dyn Host,
        purpose: Purpose,
        sources: SourceMap,
        previous: Option<&'a Loaded>,
    ) -> Self {
        Self {
            files,
            host,
            purpose,
            sources,
            previous: previous
                .iter()
                .flat_map(|p| &p.files)
                .map(|file| (file.path.as_path(), file))
                .collect(),
            loaded: Loaded::default(),
            diagnostics: Vec::new(),
            failure: None,
            index: FxHashMap::default(),
            way: Vec::new(),
            way_in: Vec::new(),
            dirs: Vec::new(),
        }
    }

    /// Reads the root file and what it includes.
    pub fn load(&mut self, entry: &Utf8Path, root_dir: &Utf8Path) {
        root_dir.clone_into(&mut self.loaded.root_dir);
        match self.text(entry, None) {
            Ok(text) => {
                self.file(entry, &text, None, root_dir.to_string());
                self.check_root_version();
            }
            Err(error) => {
                let file = self.sources.set_text(entry, &Arc::from(""));
                let source = self.sources.add_fragment(file, 0);
                self.unreadable(entry, error, true, Span::new(source, 0, 0));
            }
        }
    }

    /// The text of a file, or of what is at an address.
    fn text(&self, path: &Utf8Path, include: Option<&ast::Include>) -> Result<Arc<str>, NoText> {
        if !remote::is_remote(path.as_str()) {
            return self.files.read(path).map_err(NoText::Local);
        }
        let pin = include.and_then(|include| include.checksum.as_ref()).map(|pin| pin.value.as_str());
        self.files.read_remote(path.as_str(), pin).map_err(NoText::Remote)
    }

    fn unreadable(&mut self, path: &Utf8Path, error: NoText, is_root: bool, span: Span) {
        let (failure, diagnostic) = match error {
            NoText::Local(error) => {
                let (failure, message) = read_failure(path, &error, is_root);
                (failure, read_diagnostic(&error, message, span))
            }
            NoText::Remote(RemoteError { message, exit }) => {
                let diagnostic = Diagnostic::error(rule::REMOTE_INCLUDE, message.clone(), span)
                    .with_help("see that the address is right and can be reached");
                (Failure::Remote { message, exit }, diagnostic)
            }
        };
        self.fail(failure, diagnostic);
    }

    fn fail(&mut self, failure: Failure, diagnostic: Diagnostic) {
        self.failure.get_or_insert(failure);
        self.diagnostics.push(diagnostic);
    }

    /// Parses and decodes one file, then reads what it includes. Returns its index.
    fn file(
        &mut self,
        path: &Utf8Path,
        text: &Arc<str>,
        include: Option<&ast::Include>,
        dir: String,
    ) -> usize {
        let index = self.loaded.files.len();
        self.dirs.push(dir);
        self.index.insert(path.to_owned(), index);
        let file = self.parse(path, text);
        self.loaded.files.push(file);
        self.note_failures(index, text);
        if let Some(include) = include
            && include.checksum.is_some()
        {
            self.check_pin(path, text, include);
        }
        self.way.push(index);
        self.way_in.extend(include.map(|include| include.span));
        if let Some(taskfile) = self.loaded.files[index].taskfile.clone() {
            self.includes(index, &taskfile);
        }
        self.way.pop();
        if include.is_some() {
            self.way_in.pop();
        }
        index
    }

    fn parse(&mut self, path: &Utf8Path, text: &Arc<str>) -> ProjectFile {
        let previous = self.previous.get(path).copied();
        if let Some(previous) = previous
            && self.sources.file(previous.file).text == *text
        {
            self.sources.keep(previous.file);
            return previous.clone();
        }
        let file = self.sources.set_text(path, text);
        if self.purpose != Purpose::Check
            && let Some(file) = self.parse_without_trees(path, file, text)
        {
            return file;
        }
        let document = yaml::parse(text, file, &mut self.sources, previous.map(|p| &*p.document));
        let mut diagnostics: Vec<Diagnostic> =
            document.errors.iter().map(yaml::YamlError::to_diagnostic).collect();
        let source = document.source;
        let mut decode_failure = None;
        let mut memo = Memo::default();
        let mut taskfile = None;
        let broken = !document.errors.is_empty();
        // What is left of a broken text may be no mapping: that is not another mistake.
        let root = document.root.as_ref().filter(|root| !broken || matches!(root.kind, NodeKind::Mapping(_)));
        if let Some(root) = root {
            let decoded = decode::decode(root, source, &self.sources, previous.map(|p| &p.memo));
            diagnostics.extend(decoded.diagnostics);
            decode_failure = decoded.failure;
            memo = decoded.memo;
            taskfile = decoded.taskfile.map(Arc::new);
        }
        let is_empty = document.root.is_none();
        if !broken && (is_empty || taskfile.as_ref().is_some_and(|taskfile| taskfile.version.is_none())) {
            let message = if is_empty { "this Taskfile is empty" } else { "this Taskfile has no `version`" };
            diagnostics.push(no_version(message, source, text));
        }
        ProjectFile {
            path: path.to_owned(),
            file,
            document: Arc::new(document),
            taskfile,
            diagnostics: diagnostics.into(),
            memo,
            decode_failure,
        }
    }

    /// The same where nothing asks for the trees afterwards: no more than a task's is held at a time, in memory that the
    /// next one uses again. `None` of a text whose tasks cannot be read one by one.
    fn parse_without_trees(&mut self, path: &Utf8Path, file: FileId, text: &Arc<str>) -> Option<ProjectFile> {
        let is_list = self.purpose == Purpose::List;
        let read_task = |entry: &yaml::node::Entry, sources: &SourceMap| {
            let task = decode::decode_task(entry, sources);
            if is_list { task.for_list() } else { task }
        };
        let (document, tasks) = yaml::parse_tasks_apart(text, file, &mut self.sources, read_task)?;
        let source = document.source;
        let decoded = decode::decode_with_tasks(document.root.as_ref()?, source, &self.sources, tasks);
        let mut diagnostics = decoded.diagnostics;
        if decoded.taskfile.as_ref().is_some_and(|taskfile| taskfile.version.is_none()) {
            diagnostics.push(no_version("this Taskfile has no `version`", source, text));
        }
        Some(ProjectFile {
            path: path.to_owned(),
            file,
            document: Arc::new(document),
            taskfile: decoded.taskfile.map(Arc::new),
            diagnostics: diagnostics.into(),
            memo: decoded.memo,
            decode_failure: decoded.failure,
        })
    }

    /// Keeps the first error with which go-task would stop on this file.
    fn note_failures(&mut self, index: usize, text: &Arc<str>) {
        let file = &self.loaded.files[index];
        let path = file.path.clone();
        let failure = if let Some(error) = file.document.errors.first() {
            let message = error.go_message.clone().unwrap_or_else(|| error.message.clone());
            Some(Failure::Invalid { path, message })
        } else if let Some(failure) = &file.decode_failure {
            let position = self.sources.position(failure.span);
            let messages = failure.messages.iter().map(|message| message.text(&self.sources)).collect();
            Some(Failure::Decode {
                path,
                messages,
                line: position.line,
                column: position.column,
                text: Arc::clone(text),
            })
        } else if file.taskfile.as_ref().is_none_or(|t| t.version.is_none()) {
            Some(Failure::VersionMissing { path })
        } else {
            None
        };
        if let Some(failure) = failure {
            self.failure.get_or_insert(failure);
        }
    }

    fn check_root_version(&mut self) {
        let Some(root) = self.loaded.files.first() else { return };
        let Some(text) = root.taskfile.as_ref().and_then(|t| t.version.clone()) else { return };
        let Some(version) = parse_version(&text.value) else { return };
        let message = if version < Version::new(3, 0, 0) {
            "no longer supported. Please use v3 or above".to_owned()
        } else if version > LANGUAGE_VERSION {
            format!("is greater than the current version of Task ({LANGUAGE_VERSION})")
        } else {
            return;
        };
        let ours = if version < Version::new(3, 0, 0) {
            format!("version {} is too old", text.value)
        } else {
            format!("version {} is newer than {LANGUAGE_VERSION}, the newest that is known", text.value)
        };
        let diagnostic = Diagnostic::error(rule::VERSION_UNSUPPORTED, ours, text.span)
            .with_help("write `version: '3'`")
            .with_fix("write `'3'`", text.span, "'3'");
        let path = root.path.clone();
        // go-task checks this only after everything was loaded.
        self.fail(Failure::VersionUnsupported { path, version, message }, diagnostic);
    }

    fn check_pin(&mut self, path: &Utf8Path, text: &str, include: &ast::Include) {
        let Some(pin) = &include.checksum else { return };
        let actual = remote::sha256(text.as_bytes());
        if pin.value == actual {
            return;
        }
        let diagnostic = Diagnostic::error(
            rule::CHECKSUM_MISMATCH,
            format!("`{path}` is not the file that was pinned"),
            pin.span,
        )
        .with_label("pinned here")
        .with_help(format!("if you trust the file as it is now, pin {actual}"));
        let failure =
            Failure::ChecksumMismatch { path: path.to_owned(), expected: pin.value.to_string(), actual };
        self.fail(failure, diagnostic);
    }

    fn includes(&mut self, index: usize, taskfile: &ast::Taskfile) {
        if taskfile.includes.is_empty() {
            return;
        }
        let scope = IncludeScope::new(taskfile, self.host);
        for include in &taskfile.includes {
            self.include(index, include, &scope);
        }
    }

    fn rendered(&mut self, text: Option<&ast::Text>, scope: &IncludeScope<'_>) -> Option<String> {
        let Some(text) = text else { return Some(String::new()) };
        match render(&text.value, scope, self.host) {
            Ok(rendered) => Some(rendered.into()),
            Err(error) => {
                let message = error.to_string();
                let diagnostic = Diagnostic::error(rule::TEMPLATE_SYNTAX, message.clone(), text.span);
                self.fail(Failure::Template { message }, diagnostic);
                None
            }
        }
    }

    fn expanded(&mut self, path: &str, span: Span) -> Option<String> {
        match expand_literal(path, &|name| self.host.environment(name)) {
            Ok(expanded) => Some(expanded),
            Err(error) => {
                let message = error.to_string();
                let diagnostic = Diagnostic::error(rule::INVALID_INCLUDE, message.clone(), span);
                self.fail(Failure::Template { message }, diagnostic);
                None
            }
        }
    }

    fn include(&mut self, from: usize, include: &ast::Include, scope: &IncludeScope<'_>) {
        let span = include.taskfile.as_ref().map_or(include.span, |t| t.span);
        let Some(taskfile) = self.rendered(include.taskfile.as_ref(), scope) else { return };
        let Some(dir) = self.rendered(include.dir.as_ref(), scope) else { return };
        let including = self.loaded.files[from].path.clone();
        let Some(dir) = self.expanded(&dir, span) else { return };
        let dir = smart_join(&self.base_of_directories(from), &dir).into_string();
        let path = if remote::is_remote(&taskfile) {
            Utf8PathBuf::from(taskfile)
        } else if remote::is_remote(including.as_str()) {
            Utf8PathBuf::from(remote::join(including.as_str(), &taskfile))
        } else {
            let Some(taskfile) = self.expanded(&taskfile, span) else { return };
            let base = if is_nowhere(&including) { self.loaded.root_dir.clone() } else { parent(&including) };
            let wanted = smart_join(base.as_str(), &taskfile);
            match self.find(&wanted) {
                Some(found) => found,
                None => return self.missing(&wanted, include, span),
            }
        };
        let Some(to) = self.included_file(&path, include, &dir, span) else { return };
        if let Some(at) = self.way.iter().position(|&i| i == to) {
            return self.cycle(at, from, to, include);
        }
        self.loaded.edges.push(Edge { from, to, include: include.clone(), dir });
    }

    /// What the directories of a file's includes are relative to. For a file on disk that is where it is; for standard input
    /// the root directory, which is not written; for others it is where the include was that led to them, and for git,
    /// whose nodes hold it otherwise, the one above (go-task, `ResolveDir` in `taskfile/node_{file,stdin,http,git}.go`).
    fn base_of_directories(&self, from: usize) -> String {
        let path = &self.loaded.files[from].path;
        let including = self.way.iter().rev().nth(1).copied().unwrap_or(from);
        let dir_of = |index: usize| self.dirs.get(index).map_or("", String::as_str);
        match remote::scheme(path.as_str()) {
            None if is_nowhere(path) => String::new(),
            None => parent(path).into_string(),
            Some("git") => parent(Utf8Path::new(dir_of(from))).into_string(),
            Some(_) => dir_of(including).to_owned(),
        }
    }

    /// A file at a path, or the Taskfile in a directory at that path.
    fn find(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        match self.files.kind(path)? {
            PathKind::File => Some(path.to_owned()),
            PathKind::Directory => TASKFILE_NAMES
                .iter()
                .map(|name| smart_join(path.as_str(), name))
                .find(|candidate| self.files.kind(candidate).is_some()),
        }
    }

    fn missing(&mut self, wanted: &Utf8Path, include: &ast::Include, span: Span) {
        if include.optional {
            return;
        }
        let kind = self.files.kind(wanted);
        // A link that leads to itself, a file where a directory should be: go-task does not call that missing.
        if kind.is_none()
            && let Err(error @ ReadError::Other(message)) = &self.files.read(wanted)
        {
            let ours = format!("`{wanted}` cannot be read: {message}");
            let failure = Failure::Unreadable { message: format!("stat {wanted}: {message}") };
            return self.fail(failure, read_diagnostic(error, ours, span));
        }
        let shown = wanted.strip_prefix(&self.loaded.root_dir).unwrap_or(wanted);
        let mut diagnostic =
            Diagnostic::error(rule::MISSING_INCLUDE, format!("there is no Taskfile at `{shown}`"), span)
                .with_label("included here");
        diagnostic = match kind {
            Some(PathKind::Directory) => diagnostic.with_help("the directory has no `Taskfile.yml`"),
            _ => diagnostic.with_help("mend the path, or write `optional: true` if the file may be missing"),
        };
        self.fail(Failure::NotFound { path: wanted.to_owned(), root: false }, diagnostic);
    }

    /// The index of an included file, read now if it was not yet.
    fn included_file(
        &mut self,
        path: &Utf8Path,
        include: &ast::Include,
        dir: &str,
        span: Span,
    ) -> Option<usize> {
        if let Some(&index) = self.index.get(path) {
            return Some(index);
        }
        if self.way.len() >= MAX_INCLUDE_DEPTH {
            let message = format!("includes nest deeper than {MAX_INCLUDE_DEPTH} files");
            let diagnostic = Diagnostic::error(rule::LIMIT_EXCEEDED, message.clone(), span)
                .with_help("include the deepest ones from the root Taskfile");
            self.fail(Failure::Unreadable { message: format!("task: {message}") }, diagnostic);
            return None;
        }
        match self.text(path, Some(include)) {
            Ok(text) => Some(self.file(path, &text, Some(include), dir.to_owned())),
            Err(NoText::Remote(error)) if include.optional && error.exit == RemoteError::NOT_SECURE => None,
            Err(error) => {
                self.unreadable(path, error, false, span);
                None
            }
        }
    }

    /// go-task names the first edge of the cycle as seen from the root.
    fn cycle(&mut self, at: usize, from: usize, to: usize, include: &ast::Include) {
        let next = self.way.get(at + 1).copied().unwrap_or(to);
        let path_of = |i: usize| self.loaded.files[i].path.clone();
        let shown = |i: usize| {
            let path = path_of(i);
            path.strip_prefix(&self.loaded.root_dir)
                .map_or_else(|_| path.clone(), Utf8Path::to_owned)
                .to_string()
        };
        let mut names: Vec<String> = self.way[at..].iter().map(|&i| shown(i)).collect();
        names.push(shown(to));
        let message = if from == to {
            format!("`{}` includes itself", shown(to))
        } else {
            format!("Taskfiles include each other: {}", names.join(" → "))
        };
        let mut diagnostic = Diagnostic::error(rule::INCLUDE_CYCLE, message, include.span)
            .with_label("closes the circle")
            .with_help("move what both need into a third Taskfile");
        // The root is included by nobody, so the way in is shorter by one than the way.
        for (inner, span) in self.way[at..].iter().skip(1).zip(&self.way_in[at..]) {
            diagnostic = diagnostic.and_at(*span, format!("includes `{}`", shown(*inner)));
        }
        let failure = Failure::IncludeCycle { source: path_of(to), destination: path_of(next) };
        self.fail(failure, diagnostic);
    }
}

fn no_version(message: &str, source: SourceId, text: &str) -> Diagnostic {
    let mark = '\u{feff}';
    let first = if text.starts_with(mark) { mark.len_utf8() } else { 0 };
    let start = Span::new(source, first, first);
    Diagnostic::error(rule::VERSION_MISSING, message, start)
        .with_help("begin it with `version: '3'`")
        .with_fix("add `version: '3'`", start, "version: '3'\n\n")
}

fn read_failure(path: &Utf8Path, error: &ReadError, root: bool) -> (Failure, String) {
    match error {
        ReadError::NotFound => {
            (Failure::NotFound { path: path.to_owned(), root }, format!("there is no Taskfile at `{path}`"))
        }
        ReadError::IsDirectory => {
            let message = format!("read {path}: is a directory");
            (Failure::Unreadable { message }, format!("`{path}` is a directory"))
        }
        ReadError::NotUtf8 { offset } => {
            let message = "yaml: invalid leading UTF-8 octet".to_owned();
            let ours = format!("`{path}` is not UTF-8, from byte {offset} on");
            (Failure::Invalid { path: path.to_owned(), message }, ours)
        }
        ReadError::Other(message) => (
            Failure::Unreadable { message: format!("open {path}: {message}") },
            format!("`{path}` cannot be read: {message}"),
        ),
    }
}

fn read_diagnostic(error: &ReadError, message: String, span: Span) -> Diagnostic {
    let code = match error {
        ReadError::NotFound => rule::NO_TASKFILE,
        ReadError::NotUtf8 { .. } => rule::NOT_UTF8,
        ReadError::IsDirectory | ReadError::Other(_) => rule::UNREADABLE,
    };
    let diagnostic = Diagnostic::error(code, message, span);
    match error {
        ReadError::NotFound => diagnostic.with_help("write one, or let `ez --init` do it"),
        ReadError::NotUtf8 { .. } => diagnostic.with_help("save the file as UTF-8"),
        ReadError::IsDirectory => diagnostic.with_help("name a file in it"),
        ReadError::Other(_) => diagnostic.with_help("see that it is a file which you may read"),
    }
}
