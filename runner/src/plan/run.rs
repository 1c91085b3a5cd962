//! A run of a plan: decides, writes down, acts, in that order.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use ez_compiler::ir::plan::{PlanArtifact, PlanStep};
use ez_compiler::ir::{NodeId, Plan};
use ez_compiler::plan::{Evaluation, PlanValues, StepOutputs};
use ez_compiler::template::{Host, Value};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use rustc_hash::{FxHashMap, FxHashSet};
use sha2::{Digest, Sha256};
use smol_str::{SmolStr, format_smolstr};

use super::executor::{
    Approval, Approver, Clock, Executor, OpenStep, StepFailure, StepListener, StepNews, StepRequest,
};
use super::journal::{Finished, Journal, JournalError, Record};
use super::outputs;
use super::report::{PlanEvent, PlanSink};
use super::schedule::{End, Schedule};
use super::state::RunDirectory;
use super::store::{self, StoredFile, hex};
use super::values::Commands;
use crate::artifact::Wanted;
use crate::event::Stream;
use crate::mask::{Masker, masked};
use crate::recorder::Recorder;
use crate::runtime_data;
use crate::signal::Stop;
use crate::task_log::{LogHeader, TaskLog};

/// The longest pause between two attempts.
const MAX_BACKOFF: Duration = Duration::from_hours(1);
/// Exit code of a step that took too long, as of the program `timeout`.
const TIMED_OUT: u8 = 124;

/// How a run is to go.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// At most so many steps at once.
    pub jobs: usize,
    /// Whether the first failure stops the rest.
    pub fail_fast: bool,
    /// Whether checkpoints are passed without asking.
    pub assume_yes: bool,
    /// Values that nobody is to see.
    pub secrets: Vec<SmolStr>,
    /// What logs say of the machine, the user and the command line.
    pub log_header: LogHeader,
}

/// What a run works with.
pub struct Surroundings<'a> {
    /// Runs steps.
    pub executor: &'a dyn Executor,
    /// The time.
    pub clock: &'a dyn Clock,
    /// Says yes at checkpoints.
    pub approver: &'a dyn Approver,
    /// Listens.
    pub sink: &'a dyn PlanSink,
    /// What templates may ask of the machine.
    pub host: &'a dyn Host,
    /// Runs commands of variables.
    pub commands: &'a Commands,
    /// A request to stop.
    pub stop: Stop,
}

/// Where a run keeps what it needs to go on.
pub struct State {
    /// Its directories.
    pub directory: RunDirectory,
    /// Its journal.
    pub journal: Journal,
    /// The last word on each node, from before: by slug.
    pub earlier: FxHashMap<SmolStr, Finished>,
    /// Files that this plan put in places of the project, by their hash.
    pub placed: Placed,
    /// Which attempt of the run it is; the first one is 1.
    pub attempt: u32,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The exit code.
    pub exit: u8,
    /// How each node ended, in the order of the nodes.
    pub nodes: Vec<Option<Finished>>,
    /// How long it took.
    pub duration: Duration,
    /// Whether it was interrupted.
    pub is_interrupted: bool,
}

/// Why a run cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunPlanError {
    /// What happens cannot be written down.
    #[error("the journal cannot be written: {0}")]
    Journal(#[from] JournalError),
    /// A file of the run cannot be written.
    #[error("{}: {error}", path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

/// The files that a plan put in places of its project, so that the next run knows them for its own.
#[derive(Debug, Default)]
pub struct Placed {
    file: PathBuf,
    hashes: RefCell<BTreeMap<PathBuf, SmolStr>>,
}

impl Placed {
    /// Reads what earlier runs of a plan put there.
    pub fn read(plan_directory: &Path) -> Self {
        let file = plan_directory.join("placed.json");
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        // Without it files are taken for somebody else's, which is safe.
        Self { hashes: RefCell::new(serde_json::from_str(&text).unwrap_or_default()), file }
    }

    fn is_ours(&self, path: &Path) -> bool {
        let hashes = self.hashes.borrow();
        hashes.get(path).is_some_and(|known| store::hash_file(path).is_ok_and(|found| found == *known))
    }

    /// Notes files, before they are there.
    fn note(&self, files: impl Iterator<Item = (PathBuf, SmolStr)>) -> io::Result<()> {
        let mut hashes = self.hashes.borrow_mut();
        let count = hashes.len();
        let mut is_changed = false;
        for (path, hash) in files {
            is_changed |= hashes.insert(path, hash.clone()).as_ref() != Some(&hash);
        }
        if !is_changed && hashes.len() == count {
            return Ok(());
        }
        let text = serde_json::to_string(&*hashes).unwrap_or_default();
        runtime_data::write_whole(&self.file, text.as_bytes())
    }
}

/// What a step told and nobody was told yet.
enum Heard {
    Printed(Stream, Vec<u8>),
    Machine(String),
}

/// What a node did.
struct Report {
    node: NodeId,
    finished: Finished,
    reused: bool,
}

/// What is to be written down, and then told: nobody hears of an end that a killed run would not know any more.
#[derive(Default)]
struct Batch {
    records: Vec<Record>,
    ends: Vec<(NodeId, Finished, bool)>,
}

/// What is decided about a node before it is written down.
enum Decision {
    /// It is done without running.
    Done(Box<Report>),
    /// It runs.
    Run(Box<Work>),
}

/// A node that is to run.
struct Work {
    node: NodeId,
    opened: Rc<dyn OpenStep>,
    key: SmolStr,
    inputs: Vec<Placement>,
    artifacts: Vec<Wanted>,
    question: Option<SmolStr>,
    began: Instant,
}

/// A file that a node is given.
#[derive(Clone)]
struct Placement {
    kept: PathBuf,
    file: StoredFile,
    target: PathBuf,
}

struct Run<'a> {
    plan: &'a Plan,
    values: &'a PlanValues,
    settings: &'a Settings,
    around: &'a Surroundings<'a>,
    directory: RunDirectory,
    placed: Placed,
    earlier: FxHashMap<SmolStr, Finished>,
    outputs: RefCell<FxHashMap<NodeId, StepOutputs>>,
    done: RefCell<Vec<Option<Finished>>>,
    started: Instant,
    is_refused: Cell<bool>,
    lacks_terminal: Cell<bool>,
}

/// Runs a plan.
///
/// # Errors
/// The run cannot be written down; what the steps do wrong is no error here but stands in [`Ended`].
pub async fn run(
    plan: &Plan,
    values: &PlanValues,
    settings: &Settings,
    around: &Surroundings<'_>,
    state: State,
    mut schedule: Schedule<'_>,
) -> Result<Ended, RunPlanError> {
    let State { directory, mut journal, earlier, placed, attempt: _ } = state;
    let run = Run {
        plan,
        values,
        settings,
        around,
        directory,
        placed,
        earlier,
        outputs: RefCell::default(),
        done: RefCell::new(vec![None; plan.nodes.len()]),
        started: around.clock.now(),
        is_refused: Cell::new(false),
        lacks_terminal: Cell::new(false),
    };
    run.take_base(&schedule);
    run.drive(&mut journal, &mut schedule).await?;
    let ended = run.ended();
    journal.append(&[Record::Ended { exit: ended.exit, time: around.clock.date() }])?;
    Ok(ended)
}

impl Run<'_> {
    /// Takes the results of nodes that are not selected, which are those of the run before.
    fn take_base(&self, schedule: &Schedule<'_>) {
        use super::schedule::Standing;
        for id in self.plan.ids() {
            if schedule.standing(id) != Standing::Done(End::NotSelected) {
                continue;
            }
            if let Some(finished) = self.earlier.get(&self.plan.node(id).slug) {
                self.outputs.borrow_mut().insert(id, finished.outputs.clone());
                if let Some(place) = self.done.borrow_mut().get_mut(id.0 as usize) {
                    *place = Some(Finished { end: End::NotSelected, ..finished.clone() });
                }
            }
        }
    }

    async fn drive(&self, journal: &mut Journal, schedule: &mut Schedule<'_>) -> Result<(), RunPlanError> {
        let mut running = FuturesUnordered::new();
        let mut batch = Batch::default();
        loop {
            let mut launch = Vec::new();
            while running.len() + launch.len() < self.settings.jobs.max(1) && !self.around.stop.is_stopped() {
                let Some(id) = schedule.take_next() else { break };
                let decision = {
                    let mut decide = std::pin::pin!(self.decide(id));
                    loop {
                        tokio::select! {
                            biased;
                            decision = &mut decide => break decision,
                            // A command of a variable takes its time; what runs goes on meanwhile.
                            Some(report) = running.next(), if !running.is_empty() => {
                                self.finish(report, schedule, &mut batch);
                            }
                        }
                    }
                };
                match decision {
                    Decision::Done(report) => self.finish(*report, schedule, &mut batch),
                    Decision::Run(work) => {
                        let node = self.plan.node(id).slug.clone();
                        batch.records.push(Record::Started {
                            node,
                            attempt: 1,
                            time: self.around.clock.date(),
                        });
                        launch.push(work);
                    }
                }
            }
            self.commit(journal, &mut batch)?;
            for work in launch {
                running.push(self.work(*work));
            }
            if running.is_empty() {
                let rest = schedule.cancel_rest();
                self.end_all(&rest, End::Cancelled, "the run was stopped", &mut batch);
                self.commit(journal, &mut batch)?;
                return Ok(());
            }
            // All that are done by now are written down together.
            let mut next = running.next().await;
            while let Some(report) = next {
                self.finish(report, schedule, &mut batch);
                next = running.next().now_or_never().flatten();
            }
        }
    }

    /// Writes down what happened, and tells who ended.
    fn commit(&self, journal: &mut Journal, batch: &mut Batch) -> Result<(), RunPlanError> {
        journal.append(&batch.records)?;
        batch.records.clear();
        for (node, finished, reused) in batch.ends.drain(..) {
            self.around.sink.emit(&PlanEvent::Finished {
                node,
                end: finished.end,
                reused,
                exit: finished.exit,
                attempts: finished.attempts,
                duration: Duration::from_secs_f64(finished.seconds.max(0.0)),
                cause: finished.cause.as_deref(),
            });
        }
        Ok(())
    }

    /// Notes that a node is done, and what follows from that.
    fn finish(&self, report: Report, schedule: &mut Schedule<'_>, batch: &mut Batch) {
        let Report { node, finished, reused } = report;
        let end = finished.end;
        batch.ends.push((node, finished.clone(), reused));
        self.outputs.borrow_mut().insert(node, finished.outputs.clone());
        if !reused {
            batch.records.push(Record::Finished(Box::new(finished.clone())));
        }
        if let Some(place) = self.done.borrow_mut().get_mut(node.0 as usize) {
            *place = Some(finished);
        }
        let blocked = schedule.finish(node, end);
        let why = format!("`{}` {}", self.plan.node(node).name, end.word());
        let verdict = if end == End::Cancelled { End::Cancelled } else { End::Blocked };
        self.end_all(&blocked, verdict, &why, batch);
        if end == End::Failed && self.settings.fail_fast {
            self.around.stop.cancel();
        }
    }

    /// Notes nodes that never began.
    fn end_all(&self, nodes: &[NodeId], end: End, why: &str, batch: &mut Batch) {
        for node in nodes {
            let finished = Finished { cause: Some(why.to_owned()), ..self.unstarted(*node, end) };
            batch.ends.push((*node, finished.clone(), false));
            batch.records.push(Record::Finished(Box::new(finished.clone())));
            if let Some(place) = self.done.borrow_mut().get_mut(node.0 as usize) {
                *place = Some(finished);
            }
        }
    }

    fn unstarted(&self, node: NodeId, end: End) -> Finished {
        Finished {
            node: self.plan.node(node).slug.clone(),
            end,
            exit: None,
            cause: None,
            began: self.since_start(),
            seconds: 0.0,
            attempts: 0,
            key: SmolStr::default(),
            outputs: BTreeMap::new(),
            artifacts: BTreeMap::new(),
        }
    }

    fn since_start(&self) -> f64 {
        self.around.clock.now().saturating_duration_since(self.started).as_secs_f64()
    }

    /// What is to be done about a node whose needs are met.
    async fn decide(&self, node: NodeId) -> Decision {
        let began = self.around.clock.now();
        match self.prepare(node, began).await {
            Ok(decision) => decision,
            Err(cause) => {
                let end =
                    if self.plan.step_of(node).continue_on_error { End::Tolerated } else { End::Failed };
                let finished = Finished { cause: Some(cause), exit: Some(1), ..self.unstarted(node, end) };
                Decision::Done(Box::new(Report { node, finished, reused: false }))
            }
        }
    }

    async fn prepare(&self, node: NodeId, began: Instant) -> Result<Decision, String> {
        let step = self.plan.step_of(node);
        let done =
            |finished: Finished, reused: bool| Decision::Done(Box::new(Report { node, finished, reused }));
        // Nothing else touches the outputs until the templates are evaluated.
        let outputs = self.outputs.borrow().clone_for(&step.output_reads);
        let evaluation = Evaluation::new(self.plan, Some(node), self.values, &outputs, self.around.host);
        let text = |text: &ez_compiler::ir::plan::PlanText| {
            evaluation.text(text).map_err(|error| error.error.to_string())
        };
        if !evaluation.condition().map_err(|error| error.error.to_string())? {
            return Ok(done(self.unstarted(node, End::Skipped), false));
        }
        let mut warn = |variable: &ez_compiler::ir::plan::PlanVariable, names: &[SmolStr]| {
            let names = names.join("`, `");
            let text = format!("`{}` is left out: `{names}` has no value", variable.name.value);
            self.around.sink.emit(&PlanEvent::Warning { node, text: &text });
        };
        let commands = self.around.commands;
        let vars = commands.step_variables(&evaluation, &step.vars, &mut warn).await;
        let vars = vars.map_err(|error| error.to_string())?;
        let env = commands.step_variables(&evaluation, &step.env, &mut warn).await;
        let mut env = env.map_err(|error| error.to_string())?;
        let known = self.plan.node(node);
        let output = self.directory.output(&known.slug);
        if !step.outputs.is_empty() {
            env.push(super::executor::StepVariable {
                name: outputs::VARIABLE.into(),
                value: Value::String(output.to_string_lossy().into()),
                secret: false,
            });
        }
        let inputs = self.inputs(node, step, &text)?;
        let artifacts = artifacts(&step.artifacts, &text)?;
        let request = StepRequest {
            node,
            slug: known.slug.clone(),
            task: known.task.clone(),
            vars,
            env,
            inputs: inputs.iter().map(|input| input.target.clone()).collect(),
            artifacts: artifacts.iter().map(|artifact| artifact.path.clone()).collect(),
            machines: step.machines.iter().map(&text).collect::<Result<_, _>>()?,
        };
        let opened = self.around.executor.open(&request)?;
        let key = key(&request, &inputs, &artifacts, &opened.definition());
        if let Some(earlier) = self.reusable(node, &key) {
            return Ok(done(earlier, true));
        }
        let question = match step.checkpoint.as_ref().map(|checkpoint| &checkpoint.prompt) {
            Some(Some(prompt)) => Some(text(prompt)?),
            Some(None) => Some(format_smolstr!("Continue with {}?", known.name)),
            None => None,
        };
        Ok(Decision::Run(Box::new(Work { node, opened, key, inputs, artifacts, question, began })))
    }

    /// The result of a node from before, where it depended on the same and is still whole.
    fn reusable(&self, node: NodeId, key: &SmolStr) -> Option<Finished> {
        let earlier = self.earlier.get(&self.plan.node(node).slug)?;
        let is_done = earlier.end == End::Succeeded && earlier.key == *key;
        let kept = self.directory.artifacts_of(&earlier.node);
        let is_whole = || {
            earlier.artifacts.iter().all(|(name, files)| store::is_whole(&kept.join(name.as_str()), files))
        };
        (is_done && is_whole()).then(|| earlier.clone())
    }

    /// The files that a node is given, and where they go.
    fn inputs(
        &self,
        node: NodeId,
        step: &PlanStep,
        text: &dyn Fn(&ez_compiler::ir::plan::PlanText) -> Result<SmolStr, String>,
    ) -> Result<Vec<Placement>, String> {
        let mut placements = Vec::new();
        let done = self.done.borrow();
        for (input, sources) in step.inputs.iter().zip(&self.plan.node(node).sources) {
            let to = text(&input.to)?;
            let mut found = 0;
            for source in sources {
                let made = done.get(source.0 as usize).and_then(Option::as_ref);
                let files = made.and_then(|made| made.artifacts.get(&input.artifact_name));
                let Some((made, files)) = made.zip(files.filter(|files| !files.is_empty())) else { continue };
                found += 1;
                let to = if input.is_collected {
                    let values =
                        self.plan.node(*source).values.iter().map(|(_, value)| file_part(&value.to_text()));
                    let own = values.collect::<Vec<_>>().join("-");
                    format!("{}/{own}/", to.trim_end_matches('/'))
                } else {
                    to.to_string()
                };
                let kept = self.directory.artifacts_of(&made.node).join(input.artifact_name.as_str());
                let targets = store::targets(files, &to);
                placements.extend(files.iter().zip(targets).map(|(file, target)| Placement {
                    kept: kept.clone(),
                    file: file.clone(),
                    target,
                }));
            }
            if found < sources.len() && !input.optional {
                let missing: Vec<&str> = sources
                    .iter()
                    .filter(|source| {
                        let made = done.get(source.0 as usize).and_then(Option::as_ref);
                        made.and_then(|made| made.artifacts.get(&input.artifact_name))
                            .is_none_or(Vec::is_empty)
                    })
                    .map(|source| self.plan.node(*source).name.as_str())
                    .collect();
                return Err(format!(
                    "the input `{}` is missing: `{}` did not make it",
                    input.artifact_name,
                    missing.join("`, `")
                ));
            }
        }
        Ok(placements)
    }

    /// Runs a node: asks, gives it its inputs, tries, and keeps what it leaves.
    async fn work(&self, work: Work) -> Report {
        let node = work.node;
        let slug = &self.plan.node(node).slug;
        let step = self.plan.step_of(node);
        let mut finished = Finished { key: work.key.clone(), ..self.unstarted(node, End::Succeeded) };
        finished.began = work.began.saturating_duration_since(self.started).as_secs_f64();
        let outcome = self.do_work(&work, step, &mut finished).await;
        if let Err(failure) = outcome {
            finished.end = match (failure.is_cancelled, step.continue_on_error) {
                (true, _) => End::Cancelled,
                (false, true) => End::Tolerated,
                (false, false) => End::Failed,
            };
            finished.exit = Some(failure.exit);
            finished.cause = Some(masked(&failure.cause, &self.secrets(&work)));
            finished.artifacts.clear();
        } else {
            finished.exit = Some(0);
        }
        finished.seconds = self.around.clock.now().saturating_duration_since(work.began).as_secs_f64();
        finished.node.clone_from(slug);
        Report { node, finished, reused: false }
    }

    async fn do_work(
        &self,
        work: &Work,
        step: &PlanStep,
        finished: &mut Finished,
    ) -> Result<(), StepFailure> {
        let slug = &self.plan.node(work.node).slug;
        self.pass_checkpoint(work).await?;
        let fail = |cause: String| StepFailure { exit: 1, cause, is_cancelled: false };
        self.give_inputs(work).map_err(fail)?;
        let output = self.directory.output(slug);
        if let Some(parent) = output.parent().filter(|_| !step.outputs.is_empty()) {
            std::fs::create_dir_all(parent).map_err(|error| fail(error.to_string()))?;
        }
        let log = self.begin_log(work).map_err(|error| fail(format!("cannot write a log: {error}")))?;
        let began = self.around.clock.now();
        let result = self.attempts(work, step, &output, &log, finished).await;
        let exit = result.as_ref().err().map_or(0, |failure| failure.exit);
        if let Err(error) = log.finish(exit, self.around.clock.now().saturating_duration_since(began)) {
            let text = format!("its log is not whole: {error}");
            self.around.sink.emit(&PlanEvent::Warning { node: work.node, text: &text });
        }
        if step.continue_on_error && result.is_err() {
            // What goes on as if it had not failed sees what it wrote before it did.
            finished.outputs = outputs::read(&output, &step.outputs).unwrap_or_default();
        }
        result?;
        finished.outputs = outputs::read(&output, &step.outputs).map_err(|error| fail(error.to_string()))?;
        if work.artifacts.is_empty() {
            return Ok(());
        }
        let kept = store::keep(work.opened.directory(), &self.directory.artifacts_of(slug), &work.artifacts);
        finished.artifacts = kept.map_err(|error| fail(error.to_string()))?;
        Ok(())
    }

    async fn pass_checkpoint(&self, work: &Work) -> Result<(), StepFailure> {
        let Some(question) = work.question.as_ref().filter(|_| !self.settings.assume_yes) else {
            return Ok(());
        };
        self.around.sink.emit(&PlanEvent::Waiting { node: work.node });
        let stopped = |cause: &str, exit| StepFailure { exit, cause: cause.to_owned(), is_cancelled: true };
        match self.around.approver.ask(question).await {
            Approval::Granted => Ok(()),
            Approval::Refused => {
                self.is_refused.set(true);
                self.around.stop.cancel();
                Err(stopped("the answer at its checkpoint was no", 130))
            }
            Approval::NobodyThere => {
                self.lacks_terminal.set(true);
                self.around.stop.cancel();
                Err(stopped("its checkpoint needs a terminal, or --yes", 205))
            }
        }
    }

    fn give_inputs(&self, work: &Work) -> Result<(), String> {
        if work.inputs.is_empty() {
            return Ok(());
        }
        let directory = work.opened.directory();
        let is_ours = |path: &Path| self.placed.is_ours(path) || path.starts_with(&self.directory.path);
        let mut new = Vec::new();
        for input in &work.inputs {
            let path = directory.join(&input.target);
            if path.symlink_metadata().is_ok() && !is_ours(&path) && !equals(&path, &input.file) {
                return Err(store::PlaceError::Occupied(path).to_string());
            }
            if !path.starts_with(&self.directory.path) && (path.symlink_metadata().is_err() || is_ours(&path))
            {
                new.push((path, input.file.sha256.clone()));
            }
        }
        let before: FxHashSet<PathBuf> = new.iter().map(|(path, _)| path.clone()).collect();
        self.placed.note(new.into_iter()).map_err(|error| error.to_string())?;
        let is_ours = |path: &Path| before.contains(path) || path.starts_with(&self.directory.path);
        for input in &work.inputs {
            store::place(
                &input.kept,
                &input.file,
                directory,
                &input.target,
                &self.directory.staging(),
                &is_ours,
            )
            .map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn begin_log(&self, work: &Work) -> io::Result<Rc<TaskLog>> {
        let known = self.plan.node(work.node);
        let header = LogHeader {
            run: self.directory.run.to_string(),
            task: known.task.to_string(),
            plan: self.plan.name.to_string(),
            step: known.name.to_string(),
            started: self.around.clock.date().to_string(),
            ..self.settings.log_header.clone()
        };
        let log = TaskLog::begin(&self.directory.logs, &known.slug, &header)?;
        log.hide(&self.secrets(work));
        Ok(Rc::new(log))
    }

    async fn attempts(
        &self,
        work: &Work,
        step: &PlanStep,
        output: &Path,
        log: &Rc<TaskLog>,
        finished: &mut Finished,
    ) -> Result<(), StepFailure> {
        let further = step.retry.map_or(0, |retry| retry.count);
        let base = step.retry.map_or(Duration::ZERO, |retry| retry.backoff);
        loop {
            finished.attempts += 1;
            // What a failed attempt wrote is not the next one's.
            let _ = std::fs::remove_file(output);
            self.around.sink.emit(&PlanEvent::Started { node: work.node, attempt: finished.attempts });
            let Err(failure) = self.attempt(work, step, log, finished.attempts).await else { return Ok(()) };
            if failure.is_cancelled || finished.attempts > further {
                return Err(failure);
            }
            let factor = 2_u32.checked_pow(finished.attempts - 1).unwrap_or(u32::MAX);
            let delay = base.saturating_mul(factor).min(MAX_BACKOFF);
            self.around.sink.emit(&PlanEvent::Retried {
                node: work.node,
                next: finished.attempts + 1,
                of: further + 1,
                delay,
                cause: &masked(&failure.cause, &self.secrets(work)),
            });
            tokio::select! {
                () = self.around.clock.sleep(delay) => {}
                () = self.around.stop.stopped() => return Err(StepFailure { is_cancelled: true, ..failure }),
            }
        }
    }

    /// What nobody is to see of what a node prints.
    fn secrets(&self, work: &Work) -> Vec<SmolStr> {
        self.settings.secrets.iter().cloned().chain(work.opened.secrets()).collect()
    }

    fn masker(&self, work: &Work) -> Masker {
        let mut masker = Masker::default();
        masker.hide(&self.secrets(work));
        masker
    }

    async fn attempt(
        &self,
        work: &Work,
        step: &PlanStep,
        log: &Rc<TaskLog>,
        number: u32,
    ) -> Result<(), StepFailure> {
        let stop = self.around.stop.child();
        let (node, transcript) = (work.node, Rc::clone(log));
        // The executor's futures end before this one, so that what they print finds its listener.
        let heard: Rc<RefCell<Vec<Heard>>> = Rc::default();
        let kept = Rc::clone(&heard);
        let bell = Rc::new(tokio::sync::Notify::new());
        let ring = Rc::clone(&bell);
        let maskers = Rc::new(RefCell::new((self.masker(work), self.masker(work))));
        let masking = Rc::clone(&maskers);
        let listener: StepListener = Rc::new(move |news| {
            kept.borrow_mut().push(match news {
                StepNews::Output(stream, bytes) => {
                    let (out, err) = &mut *masking.borrow_mut();
                    let shown = if stream == Stream::Stderr { err.push(bytes) } else { out.push(bytes) };
                    transcript.output(&shown);
                    Heard::Printed(stream, shown)
                }
                StepNews::Machine(name) => Heard::Machine(name.to_owned()),
            });
            ring.notify_one();
        });
        let tell = || {
            for heard in heard.take() {
                let event = match &heard {
                    Heard::Printed(_, bytes) if bytes.is_empty() => continue,
                    Heard::Printed(stream, bytes) => PlanEvent::Output { node, stream: *stream, bytes },
                    Heard::Machine(machine) => PlanEvent::Placed { node, attempt: number, machine },
                };
                self.around.sink.emit(&event);
            }
        };
        let mut run = std::pin::pin!(work.opened.run(stop.clone(), listener));
        let limit = async {
            match step.timeout {
                Some(limit) => self.around.clock.sleep(limit).await,
                None => std::future::pending().await,
            }
        };
        let mut limit = std::pin::pin!(limit);
        let mut has_timed_out = false;
        let result = loop {
            tokio::select! {
                biased;
                result = &mut run => break result,
                () = bell.notified() => tell(),
                () = &mut limit, if !has_timed_out => {
                    has_timed_out = true;
                    stop.cancel();
                }
            }
        };
        let (out, err) = &mut *maskers.borrow_mut();
        let rest = [(Stream::Stdout, out.rest()), (Stream::Stderr, err.rest())];
        for (_, bytes) in &rest {
            log.output(bytes);
        }
        heard.borrow_mut().extend(rest.map(|(stream, bytes)| Heard::Printed(stream, bytes)));
        tell();
        match result {
            Err(_) if has_timed_out => {
                let limit = step.timeout.unwrap_or_default();
                let cause = format!("it took longer than {}", crate::go_text::duration(limit));
                Err(StepFailure { exit: TIMED_OUT, cause, is_cancelled: false })
            }
            Err(failure) if self.around.stop.is_stopped() => {
                Err(StepFailure { is_cancelled: true, ..failure })
            }
            result => result,
        }
    }

    fn ended(&self) -> Ended {
        let nodes = self.done.borrow().clone();
        let is_interrupted = self.around.stop.received().is_some();
        let has = |end| nodes.iter().flatten().any(|node| node.end == end);
        let exit = match () {
            () if self.lacks_terminal.get() => 205,
            () if self.is_refused.get() || is_interrupted => 130,
            () if has(End::Failed) || has(End::Blocked) || has(End::Cancelled) => 201,
            () => 0,
        };
        let duration = self.around.clock.now().saturating_duration_since(self.started);
        Ended { exit, nodes, duration, is_interrupted }
    }
}

fn equals(path: &Path, file: &StoredFile) -> bool {
    !file.link && store::hash_file(path).is_ok_and(|hash| hash == file.sha256)
}

/// A value as a part of a path.
fn file_part(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let part: String = value.chars().map(|c| if is_plain(c) { c } else { '-' }).collect();
    if part.trim_matches('.').is_empty() { "-".to_owned() } else { part }
}

fn artifacts(
    artifacts: &[PlanArtifact],
    text: &dyn Fn(&ez_compiler::ir::plan::PlanText) -> Result<SmolStr, String>,
) -> Result<Vec<Wanted>, String> {
    let wanted = |artifact: &PlanArtifact| {
        Ok(Wanted {
            name: artifact.name.value.clone(),
            path: text(&artifact.path)?,
            optional: artifact.optional,
        })
    };
    artifacts.iter().map(wanted).collect()
}

/// What the work of a node depends on. Secrets are left out: their hashes could be guessed.
fn key(request: &StepRequest, inputs: &[Placement], artifacts: &[Wanted], definition: &str) -> SmolStr {
    let mut hasher = Sha256::new();
    let mut add = |part: &str| {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    };
    add(&request.task);
    add(definition);
    for variable in request.vars.iter().chain(&request.env) {
        add(&variable.name);
        if !variable.secret && variable.name != outputs::VARIABLE {
            add(&format!("{:?}", variable.value));
        }
    }
    add("inputs");
    for input in inputs {
        add(&input.target.to_string_lossy());
        add(&input.file.sha256);
    }
    add("artifacts");
    for artifact in artifacts {
        add(&artifact.name);
        add(&artifact.path);
    }
    hex(&hasher.finalize())
}

trait CloneFor {
    fn clone_for(&self, nodes: &[NodeId]) -> FxHashMap<NodeId, StepOutputs>;
}

impl CloneFor for FxHashMap<NodeId, StepOutputs> {
    fn clone_for(&self, nodes: &[NodeId]) -> FxHashMap<NodeId, StepOutputs> {
        nodes.iter().filter_map(|node| Some((*node, self.get(node)?.clone()))).collect()
    }
}
