//! `ez matrix`: a task in all combinations of some values, each in a workspace of its own.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use ez_compiler::Purpose;
use ez_compiler::ast::param::variable_name;
use ez_compiler::folder::is_name;
use ez_compiler::ir::{Program, Resolution};
use ez_runner::error::EXIT_TASK_RUN;
use ez_runner::process;
use ez_runner::run_context::RunContext;
use ez_runner::runtime_data;
use ez_runner::signal::Signals;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tokio::process::{Child, Command};

use super::run::{runtime, unknown_task};
use super::{Context, Outcome};
use crate::args::ez::Matrix;
use crate::args::invocation::Options;
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::folder::Target;
use crate::guard;
use crate::logger::Color;
use crate::project::Project;
use crate::table;

/// Most variants of a matrix.
const MAX_VARIANTS: usize = 1_000;
/// How long a variant that was asked to end may take, before it is asked with force.
const GRACE: Duration = Duration::from_secs(5);
/// How long it may take then, before it is killed.
const LAST_GRACE: Duration = Duration::from_secs(2);
/// Where a variant's output is, in its workspace.
const LOG: &str = ".ez/output.log";
/// What stands for an empty value in a name.
const EMPTY: &str = "empty";

/// One combination of values.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Variant {
    /// `NAME=value`, in the order of the axes.
    variables: Vec<String>,
    /// The workspace.
    name: String,
}

/// What became of a variant.
#[derive(Clone, Debug, Serialize)]
struct Row {
    variant: BTreeMap<String, String>,
    /// None where it never began.
    exit: Option<u8>,
    duration: f64,
    workspace: String,
    log: String,
}

/// Runs all variants. The table of what came of them goes to standard output.
pub fn run(context: &Context, options: &Options, request: &Matrix) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?.sound(context)?;
    let root = project.root().into_std_path_buf();
    let (task, names) = resolve(context, options, project, &request.task)?;
    let variants = variants(&task, &axes(&request.vary, &names)?)?;
    let given: Vec<String> =
        request.variables.iter().map(|word| named(word, &names)).collect::<Result<_, _>>()?;
    for variant in &variants {
        refuse_foreign(&root, variant, &request.task)?;
    }
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let matrix = Running {
        context,
        root: &root,
        command: command(request, &given),
        variants: &variants,
        jobs: request.jobs.map_or_else(cores, |jobs| jobs.max(1) as usize),
    };
    guard::start(context, "variants");
    let (rows, was_interrupted) = runtime()?.block_on(matrix.run())?;
    show(context, request, &variants, &rows)?;
    let failed = rows.iter().filter(|row| row.exit != Some(0)).count();
    match (was_interrupted, failed) {
        (true, _) => Err(Failure::new(Code::INTERRUPTED, "ez: interrupted")),
        (false, 0) => Ok(()),
        (false, failed) => {
            let all = rows.len();
            Err(Failure::new(Code(EXIT_TASK_RUN), format!("ez: {failed} of {all} variants failed")))
        }
    }
}

/// What a name of the command line stands for: the variables of params by the names of the params.
type Names = BTreeMap<String, String>;

/// The task's name for workspaces, and its params.
fn resolve(
    context: &Context,
    options: &Options,
    project: Project,
    typed: &str,
) -> Result<(String, Names), Failure> {
    let (project, task) = match project.target(typed) {
        Target::Folder { folder, task } => (Project::open_sound_folder(context, options, &folder)?, task),
        Target::Inline => (project, typed.to_owned()),
    };
    let program: &Program = &project.compilation.program;
    let Resolution::Task(id, _) = program.resolve(&task) else {
        return Err(unknown_task(&project, &task, None));
    };
    let params = program.task(id).superset.iter().flat_map(|superset| &superset.params);
    let names = params.map(|param| {
        let name = param.name.value.to_string();
        let variable = variable_name(&name).to_string();
        (name, variable)
    });
    Ok((typed.to_owned(), names.collect()))
}

/// `NAME=value` with the variable of a param in place of its name.
fn named(word: &str, names: &Names) -> Result<String, Failure> {
    let Some((name, value)) = word.split_once('=') else {
        return Err(Failure::new(Code::USAGE, format!("ez: \"{word}\" is no variable: write NAME=value")));
    };
    let variable = names.get(name).map_or(name, String::as_str);
    let is_variable = variable.chars().all(|c| c.is_alphanumeric() || c == '_') && !variable.is_empty();
    if !is_variable {
        let known = names.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let hint = if known.is_empty() { String::new() } else { format!("; the params are {known}") };
        return Err(Failure::new(Code::USAGE, format!("ez: \"{name}\" is no param and no variable{hint}")));
    }
    Ok(format!("{variable}={value}"))
}

/// The variables that vary, with their values.
fn axes(vary: &[String], names: &Names) -> Result<Vec<(String, Vec<String>)>, Failure> {
    let mut axes: Vec<(String, Vec<String>)> = Vec::new();
    for word in vary {
        let word = named(word, names)?;
        let (name, values) = word.split_once('=').unwrap_or((&word, ""));
        if axes.iter().any(|(known, _)| known == name) {
            return Err(Failure::new(
                Code::USAGE,
                format!("ez: {name} varies twice: name all its values at once"),
            ));
        }
        axes.push((name.to_owned(), values.split(',').map(|value| value.trim().to_owned()).collect()));
    }
    Ok(axes)
}

/// All combinations, the last axis first.
fn variants(task: &str, axes: &[(String, Vec<String>)]) -> Result<Vec<Variant>, Failure> {
    let usage = |message: String| Failure::new(Code::USAGE, format!("ez: {message}"));
    let count = axes.iter().try_fold(1_usize, |all, (_, values)| all.checked_mul(values.len()));
    if count.is_none_or(|count| count > MAX_VARIANTS) {
        return Err(usage(format!("these are more than {MAX_VARIANTS} variants")));
    }
    let mut variants = vec![Variant { variables: Vec::new(), name: part(task) }];
    for (name, values) in axes {
        let longer = variants.iter().flat_map(|variant| {
            values.iter().map(move |value| {
                let mut variables = variant.variables.clone();
                variables.push(format!("{name}={value}"));
                Variant { variables, name: format!("{}-{}", variant.name, part(value)) }
            })
        });
        variants = longer.collect();
    }
    let mut taken: BTreeMap<&str, &Variant> = BTreeMap::new();
    for variant in &variants {
        if !is_name(&variant.name) {
            return Err(usage(format!("`{}` is no name for a workspace", variant.name)));
        }
        if let Some(other) = taken.insert(&variant.name, variant) {
            let (one, two) = (other.variables.join(" "), variant.variables.join(" "));
            let name = &variant.name;
            return Err(usage(format!("{one} and {two} would both run in the workspace {name}")));
        }
    }
    Ok(variants)
}

/// A task or value as a part of a name.
fn part(text: &str) -> String {
    if text.is_empty() {
        return EMPTY.to_owned();
    }
    text.chars().map(|c| if c.is_alphanumeric() || matches!(c, '_' | '.') { c } else { '-' }).collect()
}

/// A workspace in which another task ran is not taken.
fn refuse_foreign(root: &Path, variant: &Variant, task: &str) -> Outcome {
    let path = runtime_data::named_workspace(root, &variant.name);
    let saved = RunContext::read(&path).map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
    match saved {
        Some(saved) if saved.tasks != [task] => {
            let (name, other) = (&variant.name, saved.tasks.join(" "));
            let message =
                format!("ez: the workspace {name} is that of {other}; `ez ws clean {name}` removes it");
            Err(Failure::new(Code::OTHER, message))
        }
        _ if runtime_data::is_in_use(&path) => {
            let message = format!("ez: a run goes on in the workspace {}", variant.name);
            Err(Failure::new(Code::OTHER, message))
        }
        _ => Ok(()),
    }
}

/// What every variant's command line has.
fn command(request: &Matrix, given: &[String]) -> Vec<String> {
    let mut words = vec!["run".to_owned(), "--color=false".to_owned(), "--progress=never".to_owned()];
    // Variants of a task that never runs twice at once follow each other.
    words.push("--wait".to_owned());
    let flags = request.place.to_flags().into_iter().filter(|flag| !flag.starts_with("--color"));
    words.extend(flags);
    words.push(request.task.clone());
    words.extend(given.iter().cloned());
    words
}

/// A matrix that runs.
struct Running<'a> {
    context: &'a Context,
    root: &'a Path,
    command: Vec<String>,
    variants: &'a [Variant],
    jobs: usize,
}

/// A variant that runs.
struct Job {
    index: usize,
    child: Child,
    started: Instant,
}

impl Running<'_> {
    /// Runs all variants, so many at once. Tells whether a signal ended that.
    async fn run(&self) -> Result<(Vec<Row>, bool), Failure> {
        let mut signals =
            Signals::listen().map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        let mut rows: Vec<Row> = self.variants.iter().map(|variant| self.row(variant)).collect();
        let mut waiting: VecDeque<usize> = (0..self.variants.len()).collect();
        let mut running: Vec<Job> = Vec::new();
        let mut ended = 0;
        loop {
            while running.len() < self.jobs
                && let Some(index) = waiting.pop_front()
            {
                match self.start(index) {
                    Ok(job) => running.push(job),
                    Err(failure) => {
                        end(&mut running, Signal::TERM).await;
                        return Err(failure);
                    }
                }
            }
            if running.is_empty() {
                return Ok((rows, false));
            }
            tokio::select! {
                biased;
                signal = signals.next() => {
                    self.context.logger.err(Color::Yellow, "ez: interrupted; the variants are ended\n");
                    end(&mut running, signal).await;
                    return Ok((rows, true));
                }
                (at, code) = next(&mut running) => {
                    let job = running.swap_remove(at);
                    ended += 1;
                    if let Some(row) = rows.get_mut(job.index) {
                        row.exit = Some(code);
                        row.duration = job.started.elapsed().as_secs_f64();
                        self.tell(ended, row);
                    }
                }
            }
        }
    }

    fn row(&self, variant: &Variant) -> Row {
        let pairs = variant.variables.iter().filter_map(|variable| variable.split_once('='));
        let log = runtime_data::named_workspace(self.root, &variant.name).join(LOG);
        Row {
            variant: pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            exit: None,
            duration: 0.0,
            workspace: variant.name.clone(),
            log: log.strip_prefix(self.root).unwrap_or(&log).display().to_string(),
        }
    }

    fn tell(&self, ended: usize, row: &Row) {
        let logger = &self.context.logger;
        let (all, name, seconds) = (self.variants.len(), &row.workspace, row.duration);
        let words = match row.exit {
            Some(0) => format!("{} {name}  {seconds:.1}s", logger.paint(Color::Green, "✓")),
            code => {
                let code = code.map(|code| code.to_string()).unwrap_or_default();
                format!("{} {name}  exit {code}  {seconds:.1}s  {}", logger.paint(Color::Red, "✗"), row.log)
            }
        };
        logger.err(Color::None, &format!("ez: [{ended}/{all}] {words}\n"));
    }

    /// Starts a variant, its output in a log in its workspace.
    fn start(&self, index: usize) -> Result<Job, Failure> {
        let fail = |what: &str, error: &std::io::Error| {
            Failure::new(Code::OTHER, format!("ez: cannot {what}: {}", plain_message(error)))
        };
        let Some(variant) = self.variants.get(index) else {
            return Err(Failure::new(Code::OTHER, "ez: there is no such variant"));
        };
        let log: PathBuf = runtime_data::named_workspace(self.root, &variant.name).join(LOG);
        let open = || {
            runtime_data::make_directory(self.root, log.parent().unwrap_or(&log))?;
            // A new file, so that whoever reads the old one reads on.
            fs::remove_file(&log).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            })?;
            let file = File::create(&log)?;
            let both = file.try_clone()?;
            Ok((file, both))
        };
        let (out, err) = open().map_err(|error| fail(&format!("write {}", log.display()), &error))?;
        let program = std::env::current_exe().map_err(|error| fail("find the program itself", &error))?;
        let mut command = Command::new(program);
        command
            .args(&self.command)
            .args(&variant.variables)
            .arg(format!("--workspace={}", variant.name))
            // By this the guard knows them.
            .env(process::guard::MARK, process::guard::mark())
            .current_dir(self.context.environment.working_directory.as_std_path())
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(err)
            // The interrupt key is for this process, which passes it on.
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().map_err(|error| fail("start a variant", &error))?;
        Ok(Job { index, child, started: Instant::now() })
    }
}

/// The next variant that ends, and its exit code.
async fn next(running: &mut [Job]) -> (usize, u8) {
    std::future::poll_fn(|task| {
        for (at, job) in running.iter_mut().enumerate() {
            let wait = std::pin::pin!(job.child.wait());
            if let std::task::Poll::Ready(status) = Future::poll(wait, task) {
                return std::task::Poll::Ready((at, status.map_or(1, exit_of)));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

/// The exit code; of a process that a signal ended, 128 and its number.
fn exit_of(status: std::process::ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Ends all variants and what they started: they get the signal, and force when they take too long.
async fn end(running: &mut Vec<Job>, signal: Signal) {
    // The third signal ends a run at once.
    for (signals, grace) in [(1, GRACE), (2, LAST_GRACE)] {
        for _ in 0..signals {
            for job in running.iter() {
                send(job, signal);
            }
            // Signals of one kind that come at once are one.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let all = async {
            while !running.is_empty() {
                let (at, _) = next(running).await;
                running.swap_remove(at);
            }
        };
        // What is left gets more.
        let _ = tokio::time::timeout(grace, all).await;
    }
    for job in running.iter_mut() {
        // It may have ended by now.
        let _ = job.child.start_kill();
        let _ = job.child.wait().await;
    }
    running.clear();
}

fn send(job: &Job, signal: Signal) {
    let pid = job.child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        // It may have ended by now.
        let _ = kill_process(pid, signal);
    }
}

/// Prints what came of the variants, in their order.
fn show(context: &Context, request: &Matrix, variants: &[Variant], rows: &[Row]) -> Outcome {
    if request.json {
        let json = serde_json::to_string_pretty(rows)
            .map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?;
        context.logger.out(Color::None, &format!("{json}\n"));
        return Ok(());
    }
    let mut text = String::from("variant\texit\tduration\tworkspace\n");
    for (variant, row) in variants.iter().zip(rows) {
        let exit = match row.exit {
            Some(0) => context.logger.paint(Color::Green, "0"),
            Some(code) => context.logger.paint(Color::Red, &code.to_string()),
            None => context.logger.paint(Color::Yellow, "-"),
        };
        let variables = variant.variables.join(" ").replace(['\t', '\n'], " ");
        let _ = writeln!(text, "{variables}\t{exit}\t{:.1}s\t{}", row.duration, row.workspace);
    }
    context.logger.out(Color::None, &table::align(&text, 2));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(task: &str, vary: &[&str]) -> Result<String, String> {
        let names = Names::from([("build-type".to_owned(), "EZ_BUILD_TYPE".to_owned())]);
        let vary: Vec<String> = vary.iter().map(ToString::to_string).collect();
        let all = axes(&vary, &names).and_then(|axes| variants(task, &axes));
        let text = |variant: &Variant| format!("{}: {}", variant.name, variant.variables.join(" "));
        all.map(|all| all.iter().map(text).collect::<Vec<_>>().join("\n")).map_err(|failure| failure.message)
    }

    #[test]
    fn variants_are_all_combinations() {
        let expected = "fw-a-x: EZ_BUILD_TYPE=a Y=x\nfw-a-y: EZ_BUILD_TYPE=a Y=y\nfw-b-x: EZ_BUILD_TYPE=b Y=x\n\
                        fw-b-y: EZ_BUILD_TYPE=b Y=y";
        assert_eq!(of("fw", &["build-type=a,b", "Y=x, y"]).unwrap(), expected);
        assert_eq!(of("a:b", &["X=", "Y=1/2"]).unwrap(), "a-b-empty-1-2: X= Y=1/2");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (vary, expected) in [
            (&["X"][..], "ez: \"X\" is no variable: write NAME=value"),
            (&["build-typo=a"], "ez: \"build-typo\" is no param and no variable; the params are build-type"),
            (&["X=1", "X=2"], "ez: X varies twice: name all its values at once"),
            (&["X=a/b,a-b"], "ez: X=a/b and X=a-b would both run in the workspace fw-a-b"),
            (&["X=1,1"], "ez: X=1 and X=1 would both run in the workspace fw-1"),
        ] {
            assert_eq!(of("fw", vary).unwrap_err(), expected);
        }
        let many = format!("X={}", (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
        let more = many.replace('X', "Y");
        assert!(of("fw", &[&many, &more]).unwrap_err().contains("more than 1000 variants"));
    }
}
