//! The recorded cases: what go-task does, and whether a program called `task` does the same.
//!
//! A case is a folder `conformance/cases/<area>/<name>/` with the files of a small project and a `case.json`, whose
//! fields are those of [`Case`]. In recorded texts the project's path stands as `{{DIR}}`, that of the home directory
//! as `{{HOME}}`.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::num::NonZero;
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::process::{self, Exit, Invocation};
use crate::{program, tree};

/// A step that takes longer has hung.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// Longer texts (a chain of thousands of calls) are compared by their ends only.
const LONG_TEXT: usize = 20_000;
/// How much of each end of a long text is kept, in characters.
const KEPT_OF_LONG_TEXT: usize = 400;
/// Lines of a diff that are shown for one difference.
const DIFF_LINES: usize = 24;
/// Lines of standard error that are shown beside a wrong exit code.
const STDERR_LINES: usize = 6;

/// One recorded case, as `case.json` holds it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// One line: the behaviour that the case pins.
    pub desc: String,
    /// Several runs, one after the other; else the case is one step by itself.
    #[serde(default)]
    steps: Vec<Step>,
    /// Arguments of a case of one step.
    #[serde(default)]
    args: Vec<String>,
    /// Setup of a case of one step.
    sh: Option<String>,
    /// Files to collect of a case of one step.
    #[serde(default)]
    files: Vec<String>,
    /// Variables of the environment, for every step.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What the program reads, unless the step says otherwise.
    #[serde(default)]
    stdin: String,
    /// Where the program starts, relative to the project, unless the step says otherwise.
    cwd: Option<String>,
    /// Streams whose lines are compared without their order.
    #[serde(default)]
    unordered: Unordered,
    /// The platform for which the expectations hold, `linux/amd64`.
    only_on: Option<String>,
    /// Whether what standard error shows is the subject.
    #[serde(default)]
    strict_stderr: bool,
    /// What was recorded, one entry a step.
    #[serde(default)]
    expect: Vec<Recorded>,
}

/// One run of the program.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    /// Arguments.
    #[serde(default)]
    args: Vec<String>,
    /// Shell commands that are run in the project before.
    sh: Option<String>,
    /// Further variables of the environment.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// What the program reads.
    stdin: Option<String>,
    /// Where the program starts, relative to the project.
    cwd: Option<String>,
    /// Paths whose content is recorded; `dir/` records the sorted list of files below it.
    #[serde(default)]
    files: Vec<String>,
}

/// Which streams are compared without the order of their lines.
#[derive(Debug, Default)]
enum Unordered {
    #[default]
    Neither,
    Both,
    Only(String),
}

impl<'de> Deserialize<'de> for Unordered {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Bool(true) => Ok(Self::Both),
            Value::Bool(false) => Ok(Self::Neither),
            Value::String(stream) => Ok(Self::Only(stream)),
            other => {
                Err(serde::de::Error::custom(format!("`unordered` is a stream's name or true, not {other}")))
            }
        }
    }
}

/// What one step did.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Recorded {
    /// The exit code; negative for a signal; the text `timeout`.
    exit: Value,
    /// Standard output.
    stdout: String,
    /// Standard error.
    stderr: String,
    /// Content by path: text, a list of names, or null where there is nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    files: Option<BTreeMap<String, Value>>,
}

/// Which texts of standard error count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stderr {
    /// Those of cases whose subject it is.
    WhereItIsTheSubject,
    /// All.
    Always,
    /// None: another program than the recorded one runs the case.
    Never,
}

/// A case that did not give what was recorded.
#[derive(Debug)]
pub struct Failure {
    /// `<area>/<name>`.
    pub id: String,
    /// Which parts of which steps differ.
    pub why: Vec<String>,
    /// Short diffs.
    pub detail: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(formatter, "FAIL {}: {}", self.id, self.why.join("; "))?;
        self.detail.iter().try_for_each(|line| writeln!(formatter, "    {line}"))
    }
}

/// Where the cases are.
pub fn cases_directory() -> PathBuf {
    program::repository().join("tests/conformance/cases")
}

/// The names of all areas, sorted.
pub fn areas() -> Vec<String> {
    names(&cases_directory())
}

/// The folders of all cases of an area, sorted.
pub fn cases_of(area: &str) -> Vec<PathBuf> {
    let directory = cases_directory().join(area);
    names(&directory).into_iter().map(|name| directory.join(name)).collect()
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Runs cases on all cores and gives those that differ, in the order of the cases.
pub fn failures(cases: &[PathBuf], program: &Path, stderr: Stderr) -> Vec<Failure> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    let work = || {
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(folder) = cases.get(index) else { break };
            if let Some(failure) = check_case(folder, program, stderr) {
                let mut found = found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                found.push((index, failure));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
    let mut found = found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    found.sort_by_key(|(index, _)| *index);
    found.into_iter().map(|(_, failure)| failure).collect()
}

/// Runs a case under a program, go-task that is, and writes what it did into the case as what is expected.
///
/// # Errors
///
/// Where the case cannot be read, run or written.
pub fn record(folder: &Path, program: &Path) -> io::Result<()> {
    let got = run_case(folder, &load(folder)?, program)?;
    let path = folder.join("case.json");
    let mut case: Value = serde_json::from_slice(&fs::read(&path)?)?;
    case["expect"] = serde_json::to_value(got)?;
    fs::write(path, serde_json::to_string_pretty(&case)? + "\n")
}

fn check_case(folder: &Path, program: &Path, stderr: Stderr) -> Option<Failure> {
    let mut failure = Failure { id: id_of(folder), why: Vec::new(), detail: Vec::new() };
    let compared = load(folder).and_then(|case| {
        if case.only_on.as_ref().is_some_and(|only| *only != host()) {
            return Ok(());
        }
        if case.expect.is_empty() {
            return Err(io::Error::other("nothing is recorded"));
        }
        let got = run_case(folder, &case, program)?;
        compare(&case, &got, stderr, &mut failure);
        Ok(())
    });
    if let Err(error) = compared {
        failure.why.push(format!("error: {error}"));
    }
    (!failure.why.is_empty()).then_some(failure)
}

fn id_of(folder: &Path) -> String {
    let parts: Vec<_> =
        folder.components().rev().take(2).map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.into_iter().rev().collect::<Vec<_>>().join("/")
}

fn load(folder: &Path) -> io::Result<Case> {
    let mut case: Case = serde_json::from_slice(&fs::read(folder.join("case.json"))?)?;
    if case.steps.is_empty() {
        let (args, files) = (std::mem::take(&mut case.args), std::mem::take(&mut case.files));
        let sh = case.sh.take();
        case.steps.push(Step { args, sh, files, env: BTreeMap::new(), stdin: None, cwd: None });
    }
    Ok(case)
}

/// This platform, by Go's names.
fn host() -> String {
    let architecture = match env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    };
    let system = if env::consts::OS == "macos" { "darwin" } else { env::consts::OS };
    format!("{system}/{architecture}")
}

/// The directories of one run of a case, and the texts that stand for them.
struct Places {
    project: PathBuf,
    home: PathBuf,
}

impl Places {
    fn fill(&self, text: &str) -> String {
        let text = text.replace("{{DIR}}", &self.project.to_string_lossy());
        text.replace("{{HOME}}", &self.home.to_string_lossy())
    }

    fn clean(&self, bytes: &[u8]) -> String {
        let text = shorten(tree::printable(bytes));
        let text = text.replace(&*self.project.to_string_lossy(), "{{DIR}}");
        text.replace(&*self.home.to_string_lossy(), "{{HOME}}")
    }
}

fn shorten(text: String) -> String {
    let length = text.chars().count();
    if length <= LONG_TEXT {
        return text;
    }
    let head: String = text.chars().take(KEPT_OF_LONG_TEXT).collect();
    let tail: String = text.chars().skip(length - KEPT_OF_LONG_TEXT).collect();
    format!("{head} [...] {tail}")
}

fn run_case(folder: &Path, case: &Case, program: &Path) -> io::Result<Vec<Recorded>> {
    let base = tempfile::Builder::new().prefix("ezconf-").tempdir()?;
    let root = base.path().canonicalize()?;
    let places = Places { project: root.join("proj"), home: root.join("home") };
    tree::copy(folder, &places.project, &["case.json"])?;
    fs::create_dir(&places.home)?;
    case.steps.iter().map(|step| run_step(case, step, &places, program)).collect()
}

fn run_step(case: &Case, step: &Step, places: &Places, program: &Path) -> io::Result<Recorded> {
    let mut environment: BTreeMap<OsString, OsString> = [
        ("PATH".into(), env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into())),
        ("HOME".into(), places.home.clone().into_os_string()),
        ("NO_COLOR".into(), "1".into()),
        ("LC_ALL".into(), "C".into()),
    ]
    .into();
    for (key, value) in case.env.iter().chain(&step.env) {
        environment.insert(key.into(), places.fill(value).into());
    }
    if let Some(script) = step.sh.as_ref().filter(|script| !script.is_empty()) {
        set_up(script, places, &environment)?;
    }
    let start = step.cwd.as_ref().or(case.cwd.as_ref()).map_or(".", String::as_str);
    let directory = normal(&places.project.join(start));
    environment.insert("PWD".into(), directory.clone().into_os_string());
    let finished = process::run(&Invocation {
        program: program.to_path_buf(),
        args: step.args.iter().map(|arg| places.fill(arg).into()).collect(),
        directory,
        environment: environment.into_iter().collect(),
        stdin: step.stdin.as_ref().unwrap_or(&case.stdin).as_bytes().to_vec(),
        timeout: STEP_TIMEOUT,
    })?;
    Ok(Recorded {
        exit: match finished.exit {
            Exit::Code(code) => code.into(),
            Exit::Signal(signal) => (-signal).into(),
            Exit::Timeout => "timeout".into(),
        },
        stdout: places.clean(&finished.stdout),
        stderr: places.clean(&finished.stderr),
        files: (!step.files.is_empty()).then(|| collect(&step.files, places)),
    })
}

fn set_up(script: &str, places: &Places, environment: &BTreeMap<OsString, OsString>) -> io::Result<()> {
    let finished = process::run(&Invocation {
        program: "/bin/sh".into(),
        args: ["-eu", "-c", script].map(OsString::from).into(),
        directory: places.project.clone(),
        environment: environment.clone().into_iter().collect(),
        stdin: Vec::new(),
        timeout: STEP_TIMEOUT,
    })?;
    if finished.exit == Exit::Code(0) {
        return Ok(());
    }
    Err(io::Error::other(format!("the case's own setup failed: {}", tree::printable(&finished.stderr))))
}

/// A path without `.` and `..`, by its text alone.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}

fn collect(paths: &[String], places: &Places) -> BTreeMap<String, Value> {
    let content = |relative: &String| {
        let path = places.project.join(relative);
        if relative.ends_with('/') {
            if path.is_dir() { tree::files(&path).into() } else { Value::Null }
        } else {
            fs::read(&path).map_or(Value::Null, |bytes| places.clean(&bytes).into())
        }
    };
    paths.iter().map(|path| (path.clone(), content(path))).collect()
}

fn compare(case: &Case, got: &[Recorded], stderr: Stderr, failure: &mut Failure) {
    let compares_stderr = match stderr {
        Stderr::Always => true,
        Stderr::WhereItIsTheSubject => case.strict_stderr,
        Stderr::Never => false,
    };
    for (number, (want, got)) in (1..).zip(case.expect.iter().zip(got)) {
        if want.exit != got.exit {
            failure.why.push(format!("step {number}: exit {} (expected {})", got.exit, want.exit));
            failure.detail.extend(got.stderr.lines().take(STDERR_LINES).map(str::to_owned));
        }
        let mut stream = |name: &str, want: &str, got: &str| {
            let (want, got) = (normalize(case, name, want), normalize(case, name, got));
            if want != got {
                failure.why.push(format!("step {number}: {name}"));
                failure.detail.extend(tree::short_diff(&want, &got, DIFF_LINES));
            }
        };
        stream("stdout", &want.stdout, &got.stdout);
        if compares_stderr {
            stream("stderr", &want.stderr, &got.stderr);
        }
        if want.files != got.files {
            failure.why.push(format!("step {number}: files"));
            compare_files(want, got, failure);
        }
    }
}

fn compare_files(want: &Recorded, got: &Recorded, failure: &mut Failure) {
    let empty = BTreeMap::new();
    let got = got.files.as_ref().unwrap_or(&empty);
    for (path, want) in want.files.as_ref().unwrap_or(&empty) {
        let got = got.get(path).unwrap_or(&Value::Null);
        if want == got {
            continue;
        }
        failure.detail.push(format!("file {path}:"));
        match (want.as_str(), got.as_str()) {
            (Some(want), Some(got)) => failure.detail.extend(tree::short_diff(want, got, DIFF_LINES)),
            _ => failure.detail.extend([format!("expected {want}"), format!("got      {got}")]),
        }
    }
}

/// A stream as it is compared: decode errors show colours in spite of `NO_COLOR`, and some cases promise no order.
fn normalize(case: &Case, stream: &str, text: &str) -> String {
    let text = if stream == "stderr" { without_colours(text) } else { text.to_owned() };
    let sorted = match &case.unordered {
        Unordered::Neither => false,
        Unordered::Both => true,
        Unordered::Only(only) => only == stream,
    };
    if !sorted {
        return text;
    }
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.sort_unstable();
    lines.concat()
}

/// Text without `ESC [ digits-and-semicolons m`.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("\x1b[") {
        let (before, escape) = rest.split_at(start);
        plain.push_str(before);
        let body = &escape[2..];
        let end = body.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(body.len());
        rest = if body[end..].starts_with('m') {
            &body[end + 1..]
        } else {
            plain.push_str("\x1b[");
            body
        };
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_colours_are_removed() {
        assert_eq!(without_colours("\x1b[1;31mred\x1b[0m \x1b[2K \x1b["), "red \x1b[2K \x1b[");
    }

    #[test]
    fn a_long_text_keeps_its_ends() {
        let text = format!("a{}b", "-".repeat(LONG_TEXT));
        let short = shorten(text);
        assert_eq!(short.chars().count(), 2 * KEPT_OF_LONG_TEXT + " [...] ".len());
        assert!(short.starts_with("a-") && short.ends_with("-b"));
    }
}
