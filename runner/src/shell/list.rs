//! Lists of simple commands, done without a shell.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ez_compiler::shell::{
    Connector, Resolved, SimpleCommand, SimpleRedirect, SimpleRedirectKind, SimpleWord,
};
use tokio::time::Instant;

use super::bash::Options;
use super::echo::echo;
use super::{NATIVE, NOT_EXECUTABLE_CODE, Script, Shell, ShellError};
use crate::limits::Reserved;
use crate::path::clean;
use crate::process::{
    Control, Ending, Environment, Finished, Interruption, LINGER, NOT_FOUND_CODE, ProcessError, Program,
    Redirected, Route, Routes, Sink, Stream, Target, system_message,
};
use crate::standard_streams::StandardStream;

/// How much of a file is looked at to tell a script from a binary, bytes.
const FIRST_LINE_BYTES: usize = 4096;

/// A command with the values of its variables put in.
#[derive(Debug)]
pub(super) struct Command {
    arguments: Vec<String>,
    assignments: Vec<(String, String)>,
    redirects: Vec<(u32, Redirect)>,
    connector: Connector,
    /// A variable that is not set although it must be.
    unbound: Option<String>,
}

#[derive(Debug)]
enum Redirect {
    Read(String),
    Write(String),
    Append(String),
    WriteAll(String),
    AppendAll(String),
    Duplicate(u32),
}

/// Puts in the values of variables; `None` where one of them needs a shell.
pub(super) fn resolve(
    list: &[(SimpleCommand, Connector)],
    script: &Script<'_>,
    options: &Options,
) -> Option<Vec<Command>> {
    list.iter().map(|(command, connector)| resolve_command(command, *connector, script, options)).collect()
}

fn resolve_command(
    command: &SimpleCommand,
    connector: Connector,
    script: &Script<'_>,
    options: &Options,
) -> Option<Command> {
    let unset = |name: &&str| script.environment.get(name).is_none();
    let mut all_words = command.assignments.iter().map(|(_, value)| value).chain(&command.words);
    if options.no_unset
        && let Some(name) = all_words.find_map(|word| word.variables().find(unset))
    {
        let unbound = Some(name.to_owned());
        let (arguments, assignments, redirects) = Default::default();
        return Some(Command { arguments, assignments, redirects, connector, unbound });
    }
    let resolve = |word: &SimpleWord| -> Option<Option<String>> {
        // The shell has a home directory of its own.
        if word.variables().any(|name| name == "HOME" && unset(&name)) {
            return None;
        }
        let not_text =
            |name: &str| script.environment.get(name).is_some_and(|value| value.to_str().is_none());
        if word.variables().any(not_text) {
            return None;
        }
        match word.resolve(|name| script.environment.get(name).and_then(|value| value.to_str())) {
            Resolved::Argument(text) => Some(Some(text)),
            Resolved::Nothing => Some(None),
            Resolved::NeedsShell => None,
        }
    };
    let mut arguments = Vec::with_capacity(command.words.len());
    for word in &command.words {
        arguments.extend(resolve(word)?);
    }
    let name = arguments.first()?;
    let assignments = command
        .assignments
        .iter()
        .map(|(name, value)| Some((name.to_string(), resolve(value)?.unwrap_or_default())))
        .collect::<Option<Vec<_>>>()?;
    if name == "exit" && arguments.len() > 2 {
        return None;
    }
    let target = |word: &SimpleWord| resolve(word)?.filter(|target| !target.is_empty());
    let redirect = |redirect: &SimpleRedirect| {
        let kind = match &redirect.kind {
            SimpleRedirectKind::Read(word) => Redirect::Read(target(word)?),
            SimpleRedirectKind::Write(word) => Redirect::Write(target(word)?),
            SimpleRedirectKind::Append(word) => Redirect::Append(target(word)?),
            SimpleRedirectKind::WriteAll(word) => Redirect::WriteAll(target(word)?),
            SimpleRedirectKind::AppendAll(word) => Redirect::AppendAll(target(word)?),
            SimpleRedirectKind::Duplicate(number) => Redirect::Duplicate(*number),
        };
        Some((redirect.descriptor, kind))
    };
    let redirects = command.redirects.iter().map(redirect).collect::<Option<Vec<_>>>()?;
    Some(Command { arguments, assignments, redirects, connector, unbound: None })
}

/// What a command of a list did.
enum Done {
    /// It ended; the list goes on by its status.
    Finished(Finished),
    /// `exit`: the list ends with this status.
    Exit(u8),
}

impl Shell {
    /// Runs a list as a shell with errexit does.
    pub(super) async fn run_list(
        &self,
        commands: Vec<Command>,
        script: &Script<'_>,
        sink: Sink<'_>,
        control: &Control,
    ) -> Result<Finished, ShellError> {
        let mut last = Finished::in_place(0);
        let mut skip_chain = false;
        for command in commands {
            let connector = command.connector;
            if !skip_chain {
                if let Some(interruption) = over(control) {
                    let ending = Ending::NotStarted;
                    return Ok(Finished { ending, interruption: Some(interruption), group: last.group });
                }
                last = match self.run_command(command, script, last, sink, control).await? {
                    Done::Finished(finished) => finished,
                    Done::Exit(code) => return Ok(Finished { ending: Ending::Exited(code), ..last }),
                };
                let failed = last.ending.code() != 0;
                if last.interruption.is_some() || (failed && connector == Connector::Next) {
                    return Ok(last);
                }
                skip_chain = failed;
            }
            skip_chain &= connector == Connector::And;
        }
        Ok(last)
    }

    async fn run_command(
        &self,
        command: Command,
        script: &Script<'_>,
        last: Finished,
        sink: Sink<'_>,
        control: &Control,
    ) -> Result<Done, ShellError> {
        let mut output = Output { routes: script.routes, redirected: Redirected::default(), sink };
        if let Some(name) = command.unbound {
            output.write(Stream::Stderr, format!("{name}: unbound variable\n").as_bytes());
            return Ok(Done::Exit(1));
        }
        let reserved = if command.redirects.is_empty() {
            None
        } else {
            let files = command.redirects.len();
            let reserved = self.processes.reserve(script.routes, files, &control.stop).await;
            let Some(reserved) = reserved else { return Ok(Done::Finished(Finished::not_started())) };
            Some(reserved)
        };
        if let Err(message) = output.redirect(&command.redirects, script.directory) {
            output.write(Stream::Stderr, message.as_bytes());
            return Ok(Done::Finished(Finished::in_place(1)));
        }
        let name = command.arguments.first().map(String::as_str).unwrap_or_default();
        let rest = command.arguments.get(1..).unwrap_or_default();
        if NATIVE.contains(&name)
            && let Some(done) = in_place(name, rest, script.directory, last, &mut output)
        {
            return Ok(done);
        }
        self.run_program(command, script, output, reserved, control).await.map(Done::Finished)
    }

    async fn run_program(
        &self,
        command: Command,
        script: &Script<'_>,
        mut output: Output<'_>,
        reserved: Option<Reserved>,
        control: &Control,
    ) -> Result<Finished, ShellError> {
        let environment = environment_of(&command, script);
        let name = command.arguments.first().cloned().unwrap_or_default();
        let mut program = match self.lookup(&name, script, &environment) {
            Ok(file) => Program {
                file,
                arguments: command.arguments.iter().map(Into::into).collect(),
                directory: script.directory.to_owned(),
                environment,
                input: script.input,
                routes: output.routes,
                redirected: output.redirected.clone(),
                group: script.group,
                linger: LINGER,
                reserved,
            },
            Err(error) => {
                output.write(Stream::Stderr, format!("{error}\n").as_bytes());
                return Ok(Finished::in_place(NOT_FOUND_CODE));
            }
        };
        let error = match self.processes.run(program.clone(), output.sink, control).await {
            Ok(finished) => return Ok(finished),
            Err(error) => error,
        };
        if error.is_unknown_format() {
            return self.run_without_format(&name, program, output, control).await;
        }
        if error.is_missing() && !program.file.exists() && !name.contains('/') {
            // It was there before: look again.
            self.programs.forget();
            if let Ok(file) = self.lookup(&name, script, &program.environment) {
                program.file = file;
                return Ok(self.processes.run(program, output.sink, control).await?);
            }
        }
        Err(error.into())
    }

    /// A file without `#!` is a script for the shell, unless it is binary.
    async fn run_without_format(
        &self,
        name: &str,
        mut program: Program,
        mut output: Output<'_>,
        control: &Control,
    ) -> Result<Finished, ShellError> {
        if is_binary(&program.file)
            .map_err(|source| ProcessError::Start { file: program.file.clone(), source })?
        {
            output.write(Stream::Stderr, format!("{name}: cannot execute binary file\n").as_bytes());
            return Ok(Finished::in_place(NOT_EXECUTABLE_CODE));
        }
        let interpreter = self.interpreter.as_ref().ok_or(ShellError::NoShell)?;
        let file = std::mem::replace(&mut program.file, interpreter.file().to_owned());
        // The shell names itself after the file that it is given.
        let path = if name.contains('/') { name.into() } else { file.into_os_string() };
        program.arguments.splice(..1, [interpreter.file().as_os_str().to_owned(), path]);
        Ok(self.processes.run(program, output.sink, control).await?)
    }
}

fn over(control: &Control) -> Option<Interruption> {
    if control.stop.is_stopped() {
        return Some(Interruption::Stopped);
    }
    control.deadline.filter(|deadline| *deadline <= Instant::now()).map(|_| Interruption::TimedOut)
}

fn environment_of(command: &Command, script: &Script<'_>) -> Arc<Environment> {
    let mut environment = Arc::clone(script.environment);
    for (name, value) in &command.assignments {
        Arc::make_mut(&mut environment).set(name, value);
    }
    environment
}

/// Does a command without a process; `None` where that is not possible.
fn in_place(
    name: &str,
    arguments: &[String],
    directory: &Path,
    last: Finished,
    output: &mut Output<'_>,
) -> Option<Done> {
    let code = match name {
        "true" | ":" => 0,
        "false" => 1,
        "echo" => {
            output.write(Stream::Stdout, &echo(arguments));
            0
        }
        "exit" => return Some(exit(arguments, last, output)),
        "mkdir" => make_directories(arguments, directory)?,
        _ => return None,
    };
    Some(Done::Finished(Finished::in_place(code)))
}

fn exit(arguments: &[String], last: Finished, output: &mut Output<'_>) -> Done {
    let Some(number) = arguments.first() else { return Done::Exit(last.ending.code()) };
    if let Ok(code) = number.parse::<i64>() {
        return Done::Exit(code as u8);
    }
    let message = format!("invalid exit status code: {}\n", crate::go_text::quote(number));
    output.write(Stream::Stderr, message.as_bytes());
    Done::Finished(Finished::in_place(2))
}

/// `mkdir -p`; anything else, and any failure, is for the program, which has the messages.
fn make_directories(arguments: &[String], directory: &Path) -> Option<u8> {
    let (option, names) = arguments.split_first()?;
    if option != "-p" || names.is_empty() || names.iter().any(|name| name.is_empty() || name.starts_with('-'))
    {
        return None;
    }
    // A directory that is not there is the program's business too.
    if !directory.is_dir() {
        return None;
    }
    names
        .iter()
        .try_for_each(|name| DirBuilder::new().recursive(true).create(directory.join(name)))
        .ok()
        .map(|()| 0)
}

fn is_binary(file: &Path) -> io::Result<bool> {
    use std::io::Read;
    let mut start = Vec::new();
    File::open(file)?.take(FIRST_LINE_BYTES as u64).read_to_end(&mut start)?;
    Ok(start.split(|byte| *byte == b'\n').next().is_some_and(|line| line.contains(&0)))
}

/// Where a command's output goes.
struct Output<'a> {
    routes: Routes,
    redirected: Redirected,
    sink: Sink<'a>,
}

impl Output<'_> {
    fn redirect(&mut self, redirects: &[(u32, Redirect)], directory: &Path) -> Result<(), String> {
        for (descriptor, redirect) in redirects {
            match redirect {
                Redirect::Read(path) => {
                    self.redirected.stdin = Some(open(path, directory, OpenOptions::new().read(true))?);
                }
                Redirect::Write(path) => *self.of(*descriptor) = write_to(path, directory)?,
                Redirect::Append(path) => *self.of(*descriptor) = append_to(path, directory)?,
                Redirect::WriteAll(path) => self.set_both(write_to(path, directory)?),
                Redirect::AppendAll(path) => self.set_both(append_to(path, directory)?),
                Redirect::Duplicate(of) => *self.of(*descriptor) = self.of(*of).clone(),
            }
        }
        Ok(())
    }

    /// As in go-task's shell, descriptor 0 stands for standard output where something is written.
    fn of(&mut self, descriptor: u32) -> &mut Target {
        if descriptor == 2 { &mut self.redirected.stderr } else { &mut self.redirected.stdout }
    }

    fn set_both(&mut self, target: Target) {
        self.redirected.stdout = target.clone();
        self.redirected.stderr = target;
    }

    /// Writes as the command itself would. A reader that is gone is no failure of the command.
    fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let target = match stream {
            Stream::Stdout => &self.redirected.stdout,
            Stream::Stderr => &self.redirected.stderr,
        };
        match target {
            Target::File(file) => drop((&**file).write_all(bytes)),
            Target::Stream(stream) => {
                let stream = if self.routes.joined { Stream::Stdout } else { *stream };
                match (self.routes.of(stream), stream) {
                    (Route::Null, _) => {}
                    (Route::Read, _) => (self.sink)(stream, bytes),
                    (Route::Inherit, stream) => {
                        let mut own = StandardStream(stream);
                        drop(own.write_all(bytes).and_then(|()| own.flush()));
                    }
                }
            }
        }
    }
}

fn write_to(path: &str, directory: &Path) -> Result<Target, String> {
    open(path, directory, OpenOptions::new().write(true).create(true).truncate(true)).map(Target::File)
}

fn append_to(path: &str, directory: &Path) -> Result<Target, String> {
    open(path, directory, OpenOptions::new().append(true).create(true)).map(Target::File)
}

/// Opens a file of a redirect; the message is that of go-task's shell, with its newline.
fn open(path: &str, directory: &Path, options: &OpenOptions) -> Result<Arc<File>, String> {
    use std::os::unix::fs::OpenOptionsExt;
    let file: PathBuf = if path.starts_with('/') { path.into() } else { directory.join(path) };
    let shown = if path.starts_with('/') { path.to_owned() } else { clean(&file.to_string_lossy()) };
    let mut options = options.clone();
    match options.mode(0o644).open(&file) {
        Ok(file) => Ok(Arc::new(file)),
        Err(error) => Err(format!("open {shown}: {}\n", system_message(&error))),
    }
}
