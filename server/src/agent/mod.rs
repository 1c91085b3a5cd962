//! The side of a node: takes attempts from a server, has each run by a watcher, and tells what became of them.
//!
//! An agent connects out and is never connected to. It may be killed at any moment: what it has in hand stands in its directory, and the watchers go on without
//! it. It tells the same things again until the server says that it has them.

pub mod attempt_directory;
pub mod attempt_log;
pub mod bell;
pub mod children;
pub mod connect;
pub mod deadline;
pub mod job_files;
pub mod leftovers;
mod plan_order;
pub mod reaper;
pub mod running_job;
pub mod spare_workspace;
pub mod watcher;
pub mod watcher_pool;

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ez_runner::file_lock;
use ez_runner::plan::outputs;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::{Instant, interval, sleep};

use self::attempt_directory::{AttemptDirectory, Order};
use self::connect::{ConnectError, Connector, Link, Outgoing};
use self::deadline::{Deadline, reached};
use self::job_files::JobFiles;
use self::watcher::Assignment;
use self::watcher_pool::{IDLE_LIMIT, Watcher, WatcherPool};
use crate::clock::now_ms;
use crate::job::{Ending, JobKind, JobSpec, JobState};
use crate::private_directory;
use crate::secrets::Secrets;
use crate::sync::content_store::ContentLimits;
use crate::sync::garbage;
use crate::wire::{
    Attempt, FromAgent, Kept, LogPiece, MAX_LOG_PIECE, PieceOf, Registration, ToAgent, VERSION,
};

/// How much of a log is under way to the server at once.
const LOG_WINDOW: u64 = 4 << 20;

/// How often the log of an attempt is looked at whose watcher was started by an earlier agent.
const ADOPTED_LOOK: Duration = Duration::from_millis(50);

/// After how many signs of life without an answer a connection is taken to be lost. A server gives a node up after six.
const SILENT_PINGS: f64 = 1.5;

/// A shorter silence is taken for a machine that has much to do.
const SHORTEST_SILENCE: Duration = Duration::from_secs(2);

/// How long the first and the longest pause before another try to connect are.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// What is in the directory of an agent.
const OWN_NAMES: [&str; 6] = ["agent.lock", "attempts", "content", "instance", ".instance.begun", SPARE];

/// Where workspaces of jobs that have ended are, for other jobs.
const SPARE: &str = "workspaces";

/// What an agent is and has.
#[derive(Clone, Debug)]
pub struct AgentSettings {
    /// Its name among the nodes.
    pub name: String,
    /// What it offers, as in `os:linux`.
    pub tags: Vec<String>,
    /// How many jobs it runs at once.
    pub slots: u32,
    /// Where it keeps what it has in hand.
    pub data: PathBuf,
    /// The project in which jobs run.
    pub project: PathBuf,
    /// Where it keeps contents of files.
    pub content: PathBuf,
    /// How much of them, where the directory is its own and not the server's.
    pub content_limits: ContentLimits,
    /// The server that has contents; `None` where it keeps them in the same directory.
    pub server: Option<String>,
    /// Where the runs of plans on this node ask for their remote steps.
    pub url: Option<String>,
    /// The file with the certificates that are trusted; else the usual ones.
    pub ca: Option<PathBuf>,
    /// The program `ez`.
    pub program: PathBuf,
    /// How many milliseconds a job that is cancelled has to end by itself.
    pub grace: u64,
    /// How many bytes of the output of an attempt are kept.
    pub max_log_bytes: u64,
}

/// Why an agent ends.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// Another agent uses the directory.
    #[error("another agent works in {0}: give each agent a directory of its own")]
    InUse(String),
    /// The system refuses.
    #[error("the agent cannot work in its directory {0}: {1}")]
    Io(String, #[source] io::Error),
    /// The server refuses.
    #[error("the server refuses this agent: {0}")]
    Refused(String),
}

/// What happens on a node.
enum Happening {
    /// A log grew, perhaps.
    Grew(Attempt),
    /// A watcher is done with an attempt, and takes another.
    WatcherReady(Attempt, Box<Watcher>),
    /// A watcher ended.
    WatcherEnded(Attempt),
    /// A watcher ended before it took an attempt in hand.
    NeverWatched(Attempt, Box<Assignment>),
    /// What a watcher that ended left of an attempt was cleared away.
    Cleared(Attempt),
    /// An attempt that is none of this node's any more has ended here as well.
    Forgotten,
}

/// An attempt in hand.
struct InHand {
    directory: AttemptDirectory,
    mark: String,
    log: Growing,
    /// What happens in the run of a plan.
    events: Option<Growing>,
    started: i64,
    is_start_told: bool,
    ending: Option<Ending>,
    is_ending_sent: bool,
    /// Whether somebody wants its end.
    is_cancelled: bool,
    deadline: Deadline,
    /// Kills the watcher, where it is this agent's.
    kill: Option<UnboundedSender<()>>,
    /// Whether the watcher was killed because it did not end the attempt.
    is_given_up: bool,
}

impl InHand {
    /// The end of an attempt whose directory somebody removed, and with it what a watcher could say.
    fn ending_of_gone(&self) -> Option<Ending> {
        self.directory.is_gone().then(|| Ending {
            state: if self.is_cancelled { JobState::Cancelled } else { JobState::Failed },
            exit_code: None,
            reason: Some("its directory on the node was removed, and how it ended with it".to_owned()),
            started: self.started,
            finished: now_ms(),
            outputs: None,
        })
    }

    fn kill_watcher(&self) {
        match &self.kill {
            Some(kill) => drop(kill.send(())),
            None => self.directory.kill_watcher(),
        }
    }
}

/// A file of an attempt that grows, and how much of it the server has.
struct Growing {
    of: PieceOf,
    file: File,
    /// So much was sent over this connection, or is known to be there.
    sent: u64,
    kept: u64,
}

impl Growing {
    fn new(of: PieceOf, file: File) -> Self {
        Self { of, file, sent: 0, kept: 0 }
    }

    /// The server has this much; all after it is sent again.
    fn begin_at(&mut self, bytes: u64) {
        (self.sent, self.kept) = (bytes, bytes);
    }

    fn is_kept_to(&mut self, bytes: u64) {
        self.kept = self.kept.max(bytes);
    }

    /// The next piece to send, as long as not too much is under way.
    fn next_piece(&mut self, attempt: Attempt) -> Option<LogPiece> {
        if self.sent >= self.kept + LOG_WINDOW {
            return None;
        }
        let mut bytes = vec![0; MAX_LOG_PIECE];
        let length = self.file.read_at(&mut bytes, self.sent).unwrap_or(0);
        bytes.truncate(length);
        let piece = LogPiece { of: self.of, attempt, offset: self.sent, bytes };
        self.sent += length as u64;
        (length > 0).then_some(piece)
    }

    fn length(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }
}

/// An agent.
struct Agent {
    settings: AgentSettings,
    attempts_directory: PathBuf,
    in_hand: BTreeMap<Attempt, InHand>,
    /// How many attempts are being ended of which the server wants nothing more.
    being_forgotten: usize,
    happenings: UnboundedSender<Happening>,
    watchers: WatcherPool,
    outgoing: Option<UnboundedSender<Outgoing>>,
    is_draining: bool,
    instance: String,
    _lock: File,
}

/// Works until it is told to drain and everything in hand is known to the server.
///
/// # Errors
/// The agent cannot work, or is refused.
pub async fn run(
    settings: AgentSettings,
    mut connector: impl Connector,
    mut drain: watch::Receiver<bool>,
) -> Result<(), AgentError> {
    let (happenings, mut happened) = mpsc::unbounded_channel();
    if settings.server.is_some() {
        tokio::spawn(garbage::collect_on_node(settings.content.clone(), settings.content_limits));
    }
    let mut agent = Agent::open(settings, happenings)?;
    agent.take_up_what_is_there()?;
    let mut pause = FIRST_PAUSE;
    loop {
        if agent.is_done() {
            return Ok(());
        }
        let link = tokio::select! {
            link = connector.connect() => link,
            () = agent.alone(&mut happened) => return Ok(()),
            Ok(()) = drain.changed() => {
                agent.drains(*drain.borrow());
                continue;
            }
        };
        match link {
            Ok(link) => agent.converse(link, &mut happened, &mut drain).await?,
            Err(ConnectError::NotLetIn(why)) => return Err(AgentError::Refused(why)),
            Err(error) => {
                eprintln!("ez: no connection to the server: {error}");
            }
        }
        let was_registered = agent.outgoing.take().is_some();
        pause = if was_registered { FIRST_PAUSE } else { (pause * 2).min(LONGEST_PAUSE) };
        let jittered = jittered(pause);
        tokio::select! {
            () = sleep(jittered) => {}
            () = agent.alone(&mut happened) => return Ok(()),
            Ok(()) = drain.changed() => agent.drains(*drain.borrow()),
        }
    }
}

/// Between half of a pause and the whole of it, so that agents that lost their server do not all come back at once.
fn jittered(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without chance there is no jitter, which does no harm.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + pause.mul_f64(f64::from(byte[0]) / 512.0)
}

impl Agent {
    fn open(settings: AgentSettings, happenings: UnboundedSender<Happening>) -> Result<Self, AgentError> {
        let shown = settings.data.display().to_string();
        let attempts_directory = settings.data.join("attempts");
        let lock = private_directory::make_own(&settings.data, &OWN_NAMES)
            .and_then(|()| private_directory::make_closed(&attempts_directory))
            .and_then(|()| {
                OpenOptions::new().create(true).append(true).open(settings.data.join("agent.lock"))
            })
            .map_err(|error| AgentError::Io(shown.clone(), error))?;
        let io = |error| AgentError::Io(shown.clone(), error);
        if !file_lock::take(&lock).map_err(io)? {
            return Err(AgentError::InUse(shown));
        }
        let instance = instance(&settings.data).map_err(io)?;
        Ok(Self {
            watchers: WatcherPool::new(settings.program.clone(), attempts_directory.clone()),
            settings,
            attempts_directory,
            in_hand: BTreeMap::new(),
            being_forgotten: 0,
            happenings,
            outgoing: None,
            is_draining: false,
            instance,
            _lock: lock,
        })
    }

    /// Takes no more jobs, and says for how many it waits.
    fn drains(&mut self, is_draining: bool) {
        self.is_draining = is_draining;
        let jobs = match self.in_hand.len() {
            0 => return,
            1 => "1 job".to_owned(),
            count => format!("{count} jobs"),
        };
        if is_draining {
            self.say(&format!(
                "takes no more jobs, and waits for {jobs}; told once more, it ends at once, and they go on without it"
            ));
        }
    }

    /// Tells who started it. The agent of a server says nothing of its own.
    fn say(&self, text: &str) {
        if self.settings.server.is_some() {
            eprintln!("ez: {text}");
        }
    }

    fn is_done(&self) -> bool {
        self.is_draining && self.in_hand.is_empty() && self.being_forgotten == 0
    }

    /// Adopts what an earlier agent began, and ends what nobody watches any more.
    fn take_up_what_is_there(&mut self) -> Result<(), AgentError> {
        let shown = || self.settings.data.display().to_string();
        let found = AttemptDirectory::all(&self.attempts_directory)
            .map_err(|error| AgentError::Io(shown(), error))?;
        for (directory, order) in found {
            let Ok((log, events)) = open_files(&directory, &order) else { continue };
            let in_hand = InHand {
                mark: order.mark.clone(),
                log,
                events,
                started: order.begun,
                is_start_told: false,
                ending: directory.ending(),
                is_ending_sent: false,
                is_cancelled: directory.is_cancelled(),
                deadline: deadline(&order),
                kill: None,
                is_given_up: false,
                directory: directory.clone(),
            };
            let is_over = in_hand.ending.is_some();
            self.in_hand.insert(order.attempt, in_hand);
            if is_over {
                continue;
            }
            tokio::spawn(look_after(directory, order.attempt, self.happenings.clone()));
        }
        Ok(())
    }

    /// Keeps books while there is no connection. Ends when the agent is done.
    async fn alone(&mut self, happened: &mut UnboundedReceiver<Happening>) {
        loop {
            if self.is_done() {
                return;
            }
            tokio::select! {
                happening = happened.recv() => match happening {
                    Some(happening) => self.on(happening),
                    None => return,
                },
                () = reached(self.next_deadline()) => self.end_overdue(),
                () = sleep(IDLE_LIMIT) => self.watchers.end_idle(),
            }
        }
    }

    /// Works over one connection until it breaks, or the agent is done.
    async fn converse(
        &mut self,
        mut link: Link,
        happened: &mut UnboundedReceiver<Happening>,
        drain: &mut watch::Receiver<bool>,
    ) -> Result<(), AgentError> {
        let registration = Registration {
            version: VERSION,
            name: self.settings.name.clone(),
            instance: self.instance.clone(),
            tags: self.settings.tags.clone(),
            slots: self.settings.slots,
            attempts: self.in_hand.keys().copied().collect(),
        };
        if link.outgoing.send(Outgoing::Message(FromAgent::NodeRegister(registration))).is_err() {
            return Ok(());
        }
        let mut ping_every = Duration::from_secs(5);
        let mut ping = interval(ping_every);
        let mut heard = Instant::now();
        loop {
            if self.is_done() {
                return Ok(());
            }
            tokio::select! {
                message = link.incoming.recv() => { heard = Instant::now(); match message {
                    None => return Ok(()),
                    Some(ToAgent::Refused { reason }) => return Err(AgentError::Refused(reason)),
                    Some(ToAgent::Registered { ping_every: milliseconds, attempts, node }) => {
                        self.say_where(node);
                        let every = Duration::from_millis(milliseconds.max(10));
                        (ping_every, ping) = (every, interval(every));
                        self.outgoing = Some(link.outgoing.clone());
                        self.registered(&attempts);
                        if self.is_draining {
                            self.tell(FromAgent::NodeDrain {});
                        }
                    }
                    Some(message) => self.obey(message),
                }},
                Some(happening) = happened.recv() => self.on(happening),
                () = reached(self.next_deadline()) => self.end_overdue(),
                _ = ping.tick() => {
                    self.watchers.end_idle();
                    // A network can lose everything without a word.
                    if heard.elapsed() > ping_every.mul_f64(SILENT_PINGS).max(SHORTEST_SILENCE) {
                        return Ok(());
                    }
                    self.tell(FromAgent::NodePing {});
                }
                Ok(()) = drain.changed() => {
                    self.drains(*drain.borrow());
                    if self.is_draining {
                        self.tell(FromAgent::NodeDrain {});
                    }
                }
            }
        }
    }

    fn say_where(&self, node: i64) {
        let AgentSettings { name, slots, server, .. } = &self.settings;
        let url = server.as_deref().unwrap_or_default();
        let slots = if *slots == 1 { "1 slot".to_owned() } else { format!("{slots} slots") };
        self.say(&format!("connected to {url} as the node {name} (number {node}) with {slots}"));
    }

    fn tell(&self, message: FromAgent) {
        if let Some(outgoing) = &self.outgoing {
            // A connection that broke is noticed where it is read.
            let _ = outgoing.send(Outgoing::Message(message));
        }
    }

    /// What the server knows counts from now on.
    fn registered(&mut self, kept: &[Kept]) {
        for known in kept {
            let Some(in_hand) = self.in_hand.get_mut(&known.attempt) else { continue };
            match known.log_bytes {
                Some(bytes) => {
                    in_hand.log.begin_at(bytes);
                    if let Some(events) = &mut in_hand.events {
                        events.begin_at(known.event_bytes);
                    }
                    in_hand.is_ending_sent = false;
                    in_hand.is_start_told = false;
                    if known.is_cancelled {
                        self.cancel(known.attempt);
                    }
                    self.pump(known.attempt);
                }
                None => self.forget(known.attempt),
            }
        }
    }

    fn obey(&mut self, message: ToAgent) {
        match message {
            ToAgent::JobAssigned { attempt, spec, secrets } => self.begin(attempt, &spec, &secrets),
            ToAgent::JobCancel { attempt } => self.cancel(attempt),
            ToAgent::LogKept { attempt, log_bytes } => {
                if let Some(in_hand) = self.in_hand.get_mut(&attempt) {
                    in_hand.log.is_kept_to(log_bytes);
                    self.pump(attempt);
                }
            }
            ToAgent::EventsKept { attempt, event_bytes } => {
                if let Some(events) =
                    self.in_hand.get_mut(&attempt).and_then(|in_hand| in_hand.events.as_mut())
                {
                    events.is_kept_to(event_bytes);
                    self.pump(attempt);
                }
            }
            ToAgent::JobKnown { attempt } => self.forget(attempt),
            ToAgent::NodePong {} | ToAgent::Registered { .. } | ToAgent::Refused { .. } => {}
        }
    }

    fn on(&mut self, happening: Happening) {
        match happening {
            Happening::Grew(attempt) => self.pump(attempt),
            Happening::WatcherReady(attempt, watcher) => {
                let is_cancelled = self.in_hand.get(&attempt).is_none_or(|in_hand| in_hand.is_cancelled);
                // A signal that was meant for this attempt must not meet the next one.
                if !is_cancelled {
                    self.watchers.put_back(*watcher);
                }
                self.is_over(attempt);
            }
            Happening::WatcherEnded(attempt) => self.clear_away(attempt),
            Happening::NeverWatched(attempt, assignment) => self.watch_anew(attempt, *assignment),
            Happening::Cleared(attempt) => self.is_over(attempt),
            Happening::Forgotten => self.being_forgotten -= 1,
        }
    }

    /// Tells the end of an attempt that nobody watches any more.
    fn is_over(&mut self, attempt: Attempt) {
        let Some(in_hand) = self.in_hand.get_mut(&attempt) else { return };
        in_hand.ending = in_hand.directory.ending().or_else(|| in_hand.ending_of_gone());
        if in_hand.ending.is_some() {
            self.pump(attempt);
        } else {
            // A watcher that was just started has come after all, or one could not write the end.
            let directory = in_hand.directory.clone();
            tokio::spawn(look_after(directory, attempt, self.happenings.clone()));
        }
    }

    fn clear_away(&self, attempt: Attempt) {
        let Some(in_hand) = self.in_hand.get(&attempt) else { return };
        let (directory, mark, started) = (in_hand.directory.clone(), in_hand.mark.clone(), in_hand.started);
        let is_given_up = in_hand.is_given_up;
        let happenings = self.happenings.clone();
        tokio::task::spawn_blocking(move || {
            clear_away(&directory, &mark, started, is_given_up);
            let _ = happenings.send(Happening::Cleared(attempt));
        });
    }

    /// Has an attempt watched by a new process, where the one that waited for it was killed before. That is tried once.
    fn watch_anew(&mut self, attempt: Attempt, assignment: Assignment) {
        let Some(in_hand) = self.in_hand.get_mut(&attempt) else { return };
        match self.watchers.start() {
            Ok(watcher) => {
                let (kill, kills) = mpsc::unbounded_channel();
                in_hand.kill = Some(kill);
                let happenings = self.happenings.clone();
                tokio::spawn(async move {
                    let over = listen(watcher, &assignment, kills, attempt, &happenings).await;
                    let _ = happenings.send(over.unwrap_or(Happening::WatcherEnded(attempt)));
                });
            }
            Err(_) => self.clear_away(attempt),
        }
    }

    /// When the next attempt has to be looked at whose watcher should have ended it.
    fn next_deadline(&self) -> Option<Instant> {
        let unfinished = self.in_hand.values().filter(|in_hand| in_hand.ending.is_none());
        unfinished.filter_map(|in_hand| in_hand.deadline.at()).min()
    }

    /// Kills watchers that did not end their attempts in time.
    fn end_overdue(&mut self) {
        let now = Instant::now();
        for in_hand in self.in_hand.values_mut().filter(|in_hand| in_hand.ending.is_none()) {
            if in_hand.deadline.is_over(now) {
                in_hand.is_given_up = true;
                in_hand.kill_watcher();
            }
        }
    }

    /// Begins an attempt. One that cannot be begun has failed.
    fn begin(&mut self, attempt: Attempt, spec: &JobSpec, secrets: &Secrets) {
        if self.in_hand.contains_key(&attempt) {
            return;
        }
        let directory = AttemptDirectory::of(&self.attempts_directory, attempt);
        let order = self.order(attempt, spec, &directory);
        let begun = directory
            .create(&order)
            .and_then(|()| plan_order::write(spec, &directory))
            .and_then(|()| Ok((open_files(&directory, &order)?, self.watchers.take()?)));
        match begun {
            Ok(((log, events), watcher)) => {
                let assignment =
                    Assignment { directory: directory.path().to_owned(), secrets: secrets.clone() };
                let (kill, kills) = mpsc::unbounded_channel();
                let in_hand = InHand {
                    deadline: deadline(&order),
                    kill: Some(kill),
                    is_given_up: false,
                    directory: directory.clone(),
                    mark: order.mark,
                    log,
                    events,
                    started: order.begun,
                    is_start_told: false,
                    ending: None,
                    is_ending_sent: false,
                    is_cancelled: false,
                };
                self.in_hand.insert(attempt, in_hand);
                let happenings = self.happenings.clone();
                tokio::spawn(async move {
                    let over = listen(watcher, &assignment, kills, attempt, &happenings).await;
                    let over = over.unwrap_or_else(|| {
                        if directory.was_watched() || directory.is_gone() {
                            Happening::WatcherEnded(attempt)
                        } else {
                            Happening::NeverWatched(attempt, Box::new(assignment))
                        }
                    });
                    let _ = happenings.send(over);
                });
                self.pump(attempt);
            }
            Err(error) => {
                let _ = directory.remove();
                let now = now_ms();
                let ending = Ending {
                    state: JobState::Failed,
                    exit_code: None,
                    reason: Some(format!("the node {} cannot begin it: {error}", self.settings.name)),
                    started: now,
                    finished: now,
                    outputs: None,
                };
                self.tell(FromAgent::JobFinished { attempt, ending, log_bytes: 0, event_bytes: 0 });
            }
        }
    }

    fn order(&self, attempt: Attempt, spec: &JobSpec, directory: &AttemptDirectory) -> Order {
        let mut args: Vec<String> = match spec.kind {
            // A job with files of its own has a workspace already.
            JobKind::Task if spec.inputs.is_some() => {
                vec!["run".into(), "--no-workspace".into(), spec.name.clone()]
            }
            JobKind::Task => vec!["run".into(), spec.name.clone()],
            JobKind::Plan => plan_order::arguments(spec, directory, self.settings.max_log_bytes),
        };
        if spec.pass_exit_code && spec.kind == JobKind::Task {
            args.push("--exit-code".into());
        }
        if plan_order::task(spec).is_none() {
            args.extend(spec.vars.iter().map(|(name, value)| format!("{name}={value}")));
        }
        if !spec.args.is_empty() {
            args.push("--".into());
            args.extend(spec.args.iter().cloned());
        }
        Order {
            attempt,
            mark: mark(attempt),
            program: self.settings.program.clone(),
            args,
            directory: self.settings.project.clone(),
            environment: spec.env.clone().into_iter().chain(self.own_variables(spec, directory)).collect(),
            begun: now_ms(),
            timeout: spec.timeout,
            grace: self.settings.grace,
            max_log_bytes: self.settings.max_log_bytes,
            files: self.files(spec),
            has_events: spec.kind == JobKind::Plan,
            is_task: spec.kind == JobKind::Task,
        }
    }

    /// What an attempt learns by its environment of where it runs.
    fn own_variables(
        &self,
        spec: &JobSpec,
        directory: &AttemptDirectory,
    ) -> impl Iterator<Item = (String, String)> {
        let AgentSettings { name, url, ca, .. } = &self.settings;
        let ca = ca.as_ref().map(|path| path.to_string_lossy().into_owned());
        let server = [("EZ_SERVER_URL", url.clone()), ("EZ_SERVER_CA", ca)];
        let server = server.into_iter().filter(|_| spec.waits_for_jobs());
        let step_output = spec.step_output.then(|| JobFiles::step_output(directory.path()));
        let step_output = step_output.map(|path| path.to_string_lossy().into_owned());
        let all = server.chain([("EZ_NODE_NAME", Some(name.clone())), (outputs::VARIABLE, step_output)]);
        all.filter_map(|(name, value)| Some((name.to_owned(), value?)))
    }

    fn files(&self, spec: &JobSpec) -> Option<JobFiles> {
        Some(JobFiles {
            inputs: spec.inputs?,
            directory: spec.directory.clone(),
            outputs: spec.outputs.clone(),
            step_output: spec.step_output,
            content: self.settings.content.clone(),
            spare: Some(self.settings.data.join(SPARE)),
            server: self.settings.server.clone(),
            ca: self.settings.ca.clone(),
        })
    }

    fn cancel(&mut self, attempt: Attempt) {
        let Some(in_hand) = self.in_hand.get_mut(&attempt) else { return };
        if in_hand.ending.is_some() {
            return;
        }
        in_hand.is_cancelled = true;
        in_hand.deadline.end(Instant::now());
        if let Err(error) = in_hand.directory.cancel() {
            eprintln!(
                "ez: the watcher of job {} is killed, because it cannot be told to end: {error}",
                attempt.job
            );
            in_hand.kill_watcher();
        }
    }

    /// Sends what the server has not of an attempt: its beginning, its log, its end.
    fn pump(&mut self, attempt: Attempt) {
        let (Some(outgoing), Some(in_hand)) = (&self.outgoing, self.in_hand.get_mut(&attempt)) else {
            return;
        };
        if !in_hand.is_start_told {
            in_hand.is_start_told = true;
            let started = in_hand.started;
            let _ = outgoing.send(Outgoing::Message(FromAgent::JobStarted { attempt, started }));
        }
        let files = std::iter::once(&mut in_hand.log).chain(&mut in_hand.events);
        let mut is_all_sent = true;
        let mut lengths = [0; 2];
        for (file, length) in files.zip(&mut lengths) {
            while let Some(piece) = file.next_piece(attempt) {
                let _ = outgoing.send(Outgoing::Log(piece));
            }
            *length = file.length();
            is_all_sent &= file.sent >= *length;
        }
        if let Some(ending) = in_hand.ending.clone().filter(|_| is_all_sent)
            && !in_hand.is_ending_sent
        {
            in_hand.is_ending_sent = true;
            let [log_bytes, event_bytes] = lengths;
            let finished = FromAgent::JobFinished { attempt, ending, log_bytes, event_bytes };
            let _ = outgoing.send(Outgoing::Message(finished));
        }
    }

    /// An attempt is none of this node's any more.
    fn forget(&mut self, attempt: Attempt) {
        let Some(in_hand) = self.in_hand.remove(&attempt) else { return };
        if in_hand.ending.is_some() {
            // What cannot be removed now is told to the server once more by the next agent, which forgets it then.
            let _ = in_hand.directory.remove();
            return;
        }
        in_hand.kill_watcher();
        self.being_forgotten += 1;
        let happenings = self.happenings.clone();
        tokio::task::spawn_blocking(move || {
            leftovers::kill_watched(&in_hand.directory, &in_hand.mark);
            let _ = in_hand.directory.remove();
            let _ = happenings.send(Happening::Forgotten);
        });
    }
}

/// The files of an attempt that grow.
fn open_files(directory: &AttemptDirectory, order: &Order) -> io::Result<(Growing, Option<Growing>)> {
    let log = Growing::new(PieceOf::Log, directory.open_log()?);
    let events = order.has_events.then(|| directory.open_events()).transpose()?;
    Ok((log, events.map(|file| Growing::new(PieceOf::Events, file))))
}

/// Ends what a watcher that ended left running, and where it did not come to the end of the attempt, ends that and says so in its directory.
///
/// The lock is held meanwhile: a watcher that was started by an agent which was killed then, and comes late, finds the end and does not begin.
fn clear_away(directory: &AttemptDirectory, mark: &str, started: i64, is_given_up: bool) {
    if directory.is_gone() {
        leftovers::kill(mark);
        return;
    }
    let Ok(Some(_lock)) = directory.lock() else { return };
    let is_cleared = leftovers::kill(mark);
    if directory.ending().is_some() {
        return;
    }
    let why = if is_given_up { "did not end it in time, and was killed" } else { "was killed" };
    let rest = if is_cleared { "" } else { ", and some of its processes cannot be ended" };
    let ending = Ending {
        state: if directory.is_cancelled() { JobState::Cancelled } else { JobState::Failed },
        exit_code: None,
        reason: Some(format!("the process that watched over it {why}{rest}")),
        started,
        finished: now_ms(),
        outputs: None,
    };
    // Where it cannot be written, the attempt is looked after again.
    let _ = directory.end(&ending);
}

/// What tells this agent from every other: made up once, and kept in its directory.
fn instance(data: &Path) -> io::Result<String> {
    let path = data.join("instance");
    if let Ok(known) = fs::read_to_string(&path) {
        return Ok(known);
    }
    let mut chance = [0; 16];
    getrandom::fill(&mut chance).map_err(io::Error::other)?;
    let made = format!("{:032x}", u128::from_le_bytes(chance));
    let begun = data.join(".instance.begun");
    fs::write(&begun, &made)?;
    fs::rename(begun, path)?;
    Ok(made)
}

/// Marks the processes of an attempt, and of no other one, also of another server's.
fn mark(attempt: Attempt) -> String {
    let mut chance = [0; 8];
    // Without chance the numbers alone have to do.
    let _ = getrandom::fill(&mut chance);
    format!("{}-{}-{:016x}", attempt.job, attempt.fence, u64::from_le_bytes(chance))
}

/// Listens to the bell of a watcher until the attempt is over. `None` where the watcher ended.
async fn listen(
    watcher: Watcher,
    assignment: &Assignment,
    kills: UnboundedReceiver<()>,
    attempt: Attempt,
    happenings: &UnboundedSender<Happening>,
) -> Option<Happening> {
    let on_growth = || drop(happenings.send(Happening::Grew(attempt)));
    let watcher = watcher.watch(assignment, kills, on_growth).await?;
    Some(Happening::WatcherReady(attempt, Box::new(watcher)))
}

/// Until when the watcher of an attempt has to have ended it. The clock may have been set since an earlier agent began it: it has its whole time from now on.
fn deadline(order: &Order) -> Deadline {
    Deadline::new(Instant::now(), order.timeout, order.grace)
}

/// Looks after an attempt whose watcher is not a child of this agent.
async fn look_after(directory: AttemptDirectory, attempt: Attempt, happenings: UnboundedSender<Happening>) {
    while !directory.is_gone() && !matches!(directory.lock(), Ok(Some(_))) {
        let _ = happenings.send(Happening::Grew(attempt));
        sleep(ADOPTED_LOOK).await;
    }
    let _ = happenings.send(Happening::WatcherEnded(attempt));
}
