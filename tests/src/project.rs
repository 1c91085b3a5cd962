//! A small project in a directory of its own, and checks of what a program does in it.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{self, Exit, Invocation};
#[cfg(unix)]
use crate::session::{Session, Start};
use crate::{program, tree};

/// Longer than any test should take on a busy machine.
const TIMEOUT: Duration = Duration::from_mins(1);
/// Lines of a diff that a failed check shows.
const DIFF_LINES: usize = 40;

/// A project under test. In texts that programs write, its path shows as `{{DIR}}`.
#[derive(Debug)]
pub struct Project {
    base: TempDir,
    environment: Vec<(String, String)>,
    directory: String,
    stdin: Vec<u8>,
}

impl Default for Project {
    fn default() -> Self {
        Self::new()
    }
}

impl Project {
    /// An empty project with an empty home directory.
    ///
    /// # Panics
    ///
    /// Where no temporary directory can be made, as all of this builder does where the world fails.
    pub fn new() -> Self {
        let base = tempfile::Builder::new().prefix("ez-test-").tempdir().expect("a temporary directory");
        for directory in ["project", "home", "bin"] {
            fs::create_dir(base.path().join(directory)).expect("a directory");
        }
        Self { base, environment: Vec::new(), directory: ".".into(), stdin: Vec::new() }
    }

    /// A copy of a directory of the repository, without what earlier runs left there.
    pub fn copy_of(directory: &str) -> Self {
        let project = Self::new();
        tree::copy(
            &program::repository().join(directory),
            &project.root(),
            &[".task", ".ez", "build", "dist"],
        )
        .unwrap_or_else(|error| panic!("failed to copy {directory}: {error}"));
        project
    }

    /// Adds a file, with the directories it needs.
    #[must_use]
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        self
    }

    /// Adds a file that may be executed.
    #[must_use]
    pub fn executable(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.write(path, content);
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            fs::set_permissions(self.path(path), mode).expect("a mode that can be set");
        }
        self
    }

    /// Sets a variable of the programs' environment, which is otherwise `PATH`, `HOME`, `NO_COLOR` and `LC_ALL=C`.
    #[must_use]
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.into(), value.into()));
        self
    }

    /// Sets what the programs read.
    #[must_use]
    pub fn stdin(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.stdin = text.into();
        self
    }

    /// Sets the directory, relative to the project, in which the programs start.
    #[must_use]
    pub fn directory(mut self, directory: &str) -> Self {
        self.directory = directory.into();
        self
    }

    /// Writes a file between two runs.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("directories that can be made");
        }
        fs::write(path, content).expect("a file that can be written");
    }

    /// Text of a file; `None` where there is none.
    pub fn read(&self, path: &str) -> Option<String> {
        fs::read(self.path(path)).ok().map(|bytes| self.clean(&bytes))
    }

    /// The absolute path of something in the project.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    /// The project's directory, without links in its path.
    pub fn root(&self) -> PathBuf {
        let root = self.base.path().join("project");
        root.canonicalize().unwrap_or(root)
    }

    /// Runs `ez`.
    #[must_use = "an outcome says nothing until it is checked"]
    pub fn run<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> Outcome<'_> {
        self.run_program(&program::ez(), args)
    }

    /// Runs `ez` under the name `task`.
    #[must_use = "an outcome says nothing until it is checked"]
    pub fn run_as_task<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> Outcome<'_> {
        self.run_program(&self.task(), args)
    }

    /// `ez` under the name `task`, in a directory that holds nothing else.
    pub fn task(&self) -> PathBuf {
        let link = self.base.path().join("bin/task");
        if link.exists() {
            return link;
        }
        program::link(&program::ez(), &self.base.path().join("bin"), "task").expect("a link")
    }

    /// Starts a program without waiting for its end.
    #[cfg(unix)]
    pub fn start<A: AsRef<str>>(&self, program: &Path, args: impl IntoIterator<Item = A>) -> Session {
        Session::piped(&self.to_start(program, args)).expect("a program that starts")
    }

    /// Starts a program on a terminal.
    #[cfg(unix)]
    pub fn start_on_terminal<A: AsRef<str>>(
        &self,
        program: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> Session {
        Session::on_terminal(&self.to_start(program, args)).expect("a program that starts")
    }

    #[cfg(unix)]
    fn to_start<A: AsRef<str>>(&self, program: &Path, args: impl IntoIterator<Item = A>) -> Start {
        Start {
            program: program.to_path_buf(),
            args: args.into_iter().map(|arg| arg.as_ref().into()).collect(),
            directory: self.path(&self.directory),
            environment: self.whole_environment(),
        }
    }

    /// Runs the real go-task.
    #[must_use = "an outcome says nothing until it is checked"]
    pub fn run_oracle<A: AsRef<str>>(&self, args: impl IntoIterator<Item = A>) -> Outcome<'_> {
        self.run_program(&program::oracle(), args)
    }

    /// Runs a program by its path.
    #[must_use = "an outcome says nothing until it is checked"]
    pub fn run_program<A: AsRef<str>>(
        &self,
        program: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> Outcome<'_> {
        let args: Vec<OsString> = args.into_iter().map(|arg| arg.as_ref().into()).collect();
        let command = format!("{} {args:?}", program.display());
        let invocation = Invocation {
            program: program.to_path_buf(),
            args,
            directory: self.path(&self.directory),
            environment: self.whole_environment(),
            stdin: self.stdin.clone(),
            timeout: TIMEOUT,
        };
        let finished =
            process::run(&invocation).unwrap_or_else(|error| panic!("failed to run {command}: {error}"));
        Outcome {
            project: self,
            exit: finished.exit,
            stdout: self.clean(&finished.stdout),
            stderr: self.clean(&finished.stderr),
            command,
        }
    }

    fn whole_environment(&self) -> Vec<(OsString, OsString)> {
        let path = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let home = self.base.path().join("home").into_os_string();
        let mut all: Vec<(OsString, OsString)> = vec![
            ("PATH".into(), path),
            ("HOME".into(), home),
            ("NO_COLOR".into(), "1".into()),
            ("LC_ALL".into(), "C".into()),
        ];
        all.extend(self.environment.iter().map(|(key, value)| (key.into(), value.into())));
        all
    }

    fn clean(&self, bytes: &[u8]) -> String {
        tree::printable(bytes).replace(&*self.root().to_string_lossy(), "{{DIR}}")
    }
}

/// What a program did in a project; each check gives the outcome back, so that they chain.
#[derive(Debug)]
pub struct Outcome<'a> {
    project: &'a Project,
    command: String,
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

impl Outcome<'_> {
    /// Standard output is exactly this.
    #[track_caller]
    pub fn stdout(&self, expected: &str) -> &Self {
        self.same("stdout", expected, &self.stdout)
    }

    /// Standard error is exactly this.
    #[track_caller]
    pub fn stderr(&self, expected: &str) -> &Self {
        self.same("stderr", expected, &self.stderr)
    }

    /// Standard output holds this.
    #[track_caller]
    pub fn stdout_has(&self, part: &str) -> &Self {
        assert!(self.stdout.contains(part), "{}: stdout lacks {part:?}\n{}", self.command, self.whole());
        self
    }

    /// Standard error holds this.
    #[track_caller]
    pub fn stderr_has(&self, part: &str) -> &Self {
        assert!(self.stderr.contains(part), "{}: stderr lacks {part:?}\n{}", self.command, self.whole());
        self
    }

    /// Neither stream holds this.
    #[track_caller]
    pub fn lacks(&self, part: &str) -> &Self {
        let absent = !self.stdout.contains(part) && !self.stderr.contains(part);
        assert!(absent, "{}: the output has {part:?}\n{}", self.command, self.whole());
        self
    }

    /// The exit code is this one.
    #[track_caller]
    pub fn exit(&self, code: i32) -> &Self {
        let ended = self.exit == Exit::Code(code);
        assert!(ended, "{}: ended by {:?}, not {code}\n{}", self.command, self.exit, self.whole());
        self
    }

    /// The exit code is 0.
    #[track_caller]
    pub fn success(&self) -> &Self {
        self.exit(0)
    }

    /// A file of the project has exactly this text.
    #[track_caller]
    pub fn file_is(&self, path: &str, expected: &str) -> &Self {
        match self.project.read(path) {
            Some(text) => self.same(path, expected, &text),
            None => panic!("{}: there is no {path}\n{}", self.command, self.whole()),
        }
    }

    /// A file of the project holds this.
    #[track_caller]
    pub fn file_has(&self, path: &str, part: &str) -> &Self {
        let text = self.project.read(path).unwrap_or_default();
        assert!(text.contains(part), "{}: {path} lacks {part:?}\n{text}\n{}", self.command, self.whole());
        self
    }

    /// There is no such file.
    #[track_caller]
    pub fn no_file(&self, path: &str) -> &Self {
        assert!(!self.project.path(path).exists(), "{}: there is {path}\n{}", self.command, self.whole());
        self
    }

    #[track_caller]
    fn same(&self, what: &str, expected: &str, got: &str) -> &Self {
        let diff = || tree::short_diff(expected, got, DIFF_LINES).join("\n");
        assert!(expected == got, "{}: {what} differs\n{}\n{}", self.command, diff(), self.whole());
        self
    }

    fn whole(&self) -> String {
        format!("exit: {:?}\n--- stdout\n{}--- stderr\n{}---", self.exit, self.stdout, self.stderr)
    }
}
