//! What the dispatcher knows, and how it answers each message.

use std::collections::{HashMap, HashSet};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{broadcast, oneshot};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::pause::pause_after;
use super::presence::{LOOK, Presence};
use super::{DispatcherSettings, Drained, Event, Message, NodeNow, Submitted};
use crate::attempt_token::{self, TOKEN};
use crate::clock::now_ms;
use crate::job::{Ending, Fence, JobId, JobKind, JobSpec, JobState, PlanRunId};
use crate::log_file::LogFiles;
use crate::node_words;
use crate::plan_tracker::PlanTracker;
use crate::queue::{NodeId, Queue, Readiness};
use crate::secrets::{Sealed, SecretKey, Secrets};
use crate::store::jobs::{self, Cancelled, Inserted, JobRecord, NewJob, Next};
use crate::store::nodes::{self, NodeRecord, Registered};
use crate::store::{Store, StoreError, job_secrets};
use crate::waiting::WaitsFor;
use crate::wire::{Attempt, FromAgent, Kept, Registration, ToAgent, VERSION, another_version};

/// Into how many parts a lease is divided: so many signs of life can be missed.
const PINGS_OF_A_LEASE: u32 = 6;

/// A job that has not ended.
#[derive(Debug, Default)]
struct Known {
    spec: JobSpec,
    fence: Fence,
    /// Where it runs.
    node: Option<NodeId>,
    has_started: bool,
    is_cancelling: bool,
}

/// A node that was ever there.
#[derive(Debug)]
struct NodeState {
    name: String,
    connection: Option<(u64, UnboundedSender<ToAgent>)>,
    heard: Instant,
    /// Whether it is to take no jobs, until somebody takes that back.
    is_drained: bool,
    /// Whether its agent ends with the last job.
    is_leaving: bool,
}

impl NodeState {
    fn readiness(&self) -> Readiness {
        match &self.connection {
            None => Readiness::Away,
            Some(_) if self.is_drained || self.is_leaving => Readiness::Drained,
            Some(_) => Readiness::Ready,
        }
    }
}

/// A change that is being written, and the message about what came of it.
type Written = Pin<Box<dyn Future<Output = Message> + Send>>;

/// Owns the queue.
pub struct Desk {
    store: Store,
    logs: Arc<LogFiles>,
    plans: Arc<PlanTracker>,
    queue: Queue,
    nodes: HashMap<NodeId, NodeState>,
    jobs: HashMap<JobId, Known>,
    /// Those that failed, and are tried again in a moment.
    pausing: HashSet<JobId>,
    next_job: JobId,
    connections: u64,
    lease: Duration,
    presence: Presence,
    secret_key: Option<Arc<SecretKey>>,
    /// Whether the store refused a change: nothing is given out before the next look.
    is_paused: bool,
    messages: UnboundedSender<Message>,
    written: UnboundedSender<Written>,
    events: broadcast::Sender<Event>,
}

/// Tells the desk what came of each change, in the order of the changes: a job is told of as accepted before it is told of as given out.
async fn tell_in_order(mut written: UnboundedReceiver<Written>, messages: UnboundedSender<Message>) {
    while let Some(outcome) = written.recv().await {
        let _ = messages.send(outcome.await);
    }
}

impl Desk {
    pub fn new(
        store: Store,
        (logs, plans): (Arc<LogFiles>, Arc<PlanTracker>),
        settings: DispatcherSettings,
        next_job: JobId,
        messages: UnboundedSender<Message>,
        events: broadcast::Sender<Event>,
    ) -> Self {
        let (written, outcomes) = mpsc::unbounded_channel();
        tokio::spawn(tell_in_order(outcomes, messages.clone()));
        Self {
            store,
            logs,
            plans,
            queue: Queue::new(settings.limits),
            nodes: HashMap::new(),
            jobs: HashMap::new(),
            pausing: HashSet::new(),
            next_job,
            connections: 0,
            lease: settings.lease,
            presence: Presence::new(Instant::now(), settings.lease / PINGS_OF_A_LEASE),
            secret_key: settings.secret_key,
            is_paused: false,
            messages,
            written,
            events,
        }
    }

    /// What the server knew when it ended: nodes have a whole lease to come back, and their jobs go on meanwhile.
    pub fn take_up(&mut self, nodes: &[NodeRecord], jobs: Vec<JobRecord>) {
        for record in nodes {
            let state = NodeState {
                name: record.name.clone(),
                connection: None,
                heard: Instant::now(),
                is_drained: record.drained,
                is_leaving: false,
            };
            self.queue.node_is_known(record.id, &record.name, &record.tags, record.slots, Readiness::Away);
            self.nodes.insert(record.id, state);
        }
        for job in jobs {
            let node = job.on_node.filter(|_| job.state == JobState::Running);
            match node {
                Some(node) => {
                    self.queue.resume(job.id, &job.spec, node);
                    self.begin_files(&job.spec, Attempt { job: job.id, fence: job.attempt });
                }
                None => self.queue.add(job.id, &job.spec),
            }
            let known = Known {
                spec: job.spec,
                fence: job.attempt,
                node,
                has_started: job.started.is_some(),
                is_cancelling: job.is_cancelling,
            };
            self.jobs.insert(job.id, known);
        }
    }

    /// An attempt runs. How much there is of its log and of its events.
    fn begin_files(&self, spec: &JobSpec, attempt: Attempt) -> (u64, u64) {
        let log_bytes = self.logs.begin(attempt).length();
        let event_bytes = if spec.kind == JobKind::Plan { self.plans.begin(attempt) } else { 0 };
        (log_bytes, event_bytes)
    }

    /// Files that an attempt has before it begins are of another job of its number: the database is an older one that was put back, or a new one.
    fn remove_files_of_others(&self, attempt: Attempt) {
        if let Err(error) = self.logs.remove(attempt) {
            eprintln!("ez: an old log of job {} cannot be removed: {error}", attempt.job);
        }
    }

    fn end_files(&self, attempt: Attempt) {
        self.logs.end(attempt);
        self.plans.end(attempt);
    }

    /// Tells of a job, and of the run of a plan to which it belongs.
    fn tell_job(&self, job: JobId, run: Option<PlanRunId>, state: JobState) {
        self.tell_watchers(Event::Job(job, state));
        if let Some(run) = run {
            self.tell_watchers(Event::PlanRun(run));
        }
    }

    fn plan_run(&self, job: JobId) -> Option<PlanRunId> {
        self.jobs.get(&job).and_then(|known| known.spec.plan_run(job))
    }

    pub async fn work(mut self, mut inbox: UnboundedReceiver<Message>) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(message) => self.on(message),
                    None => return,
                },
                _ = look.tick() => self.look(&mut inbox),
            }
        }
    }

    /// Looks at the leases. What nodes said is heard first.
    fn look(&mut self, inbox: &mut UnboundedReceiver<Message>) {
        if self.presence.was_away(Instant::now()) {
            self.renew_all_leases();
        }
        for _ in 0..inbox.len() {
            let Ok(message) = inbox.try_recv() else { break };
            self.on(message);
        }
        self.is_paused = false;
        self.give_up_lost_nodes();
        self.give_out();
    }

    /// The server was away itself: as after a start, nodes have a whole lease to come back.
    fn renew_all_leases(&mut self) {
        let now = Instant::now();
        for state in self.nodes.values_mut() {
            state.heard = now;
        }
    }

    fn on(&mut self, message: Message) {
        match message {
            Message::Submit { spec, secrets, by, key, answer } => {
                self.submit(*spec, &secrets, by, key, answer);
            }
            Message::Unsealed { attempt, node, sealed } => self.unsealed(attempt, node, sealed),
            Message::Inserted { job, answer, outcome } => self.inserted(job, answer, outcome),
            Message::Cancel { job, by, is_forced, answer } => self.cancel(job, by, is_forced, answer),
            Message::CancelWritten { job, outcome, forced_by } => {
                self.cancel_written(job, outcome, forced_by);
            }
            Message::Register { registration, to_agent, answer } => {
                self.register(registration, to_agent, answer);
            }
            Message::Remembered { registration, record, to_agent, answer } => {
                self.remembered(&registration, record, &to_agent, answer);
            }
            Message::Heard { node, connection, message } => self.heard(node, connection, message),
            Message::Gone { node, connection } => self.gone(node, connection),
            Message::Assigned { attempt, node, is_assigned } => self.assigned(attempt, node, is_assigned),
            Message::Finished { attempt, node, next } => self.finished(attempt, node, next),
            Message::PauseIsOver { attempt } => self.pause_is_over(attempt),
            Message::TakenBack { attempt, is_taken } => self.taken_back(attempt, is_taken),
            Message::Drain { node, is_off, answer } => self.drain(node, is_off, answer),
            Message::DrainWritten { node, is_off, is_known, answer } => {
                let _ = answer.send(is_known.map(|is_known| self.drained(node, is_off, is_known)));
            }
            Message::WaitsFor { jobs, answer } => {
                let _ = answer.send(self.waits_for(&jobs));
            }
            Message::Forget { node, answer } => {
                self.nodes.remove(&node);
                self.queue.node_is_gone(node);
                let _ = answer.send(());
            }
            Message::Nodes { answer } => {
                let _ = answer.send(self.nodes_now());
            }
            Message::Counts { answer } => {
                let (waiting, running) = self.queue.counts();
                let _ = answer.send((waiting + self.pausing.len(), running));
            }
        }
        self.give_out();
    }

    /// Has a change written, and is told what came of it.
    fn write<T: Send + 'static>(
        &self,
        change: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce(Result<T, StoreError>) -> Message + Send + 'static,
    ) {
        let written = self.store.write(change);
        // Ends with the desk.
        let _ = self.written.send(Box::pin(async move { then(written.await) }));
    }

    fn tell_watchers(&self, event: Event) {
        // Nobody has to watch.
        let _ = self.events.send(event);
    }

    fn submit(
        &mut self,
        spec: JobSpec,
        secrets: &Secrets,
        submitted_by: String,
        idempotency_key: Option<String>,
        answer: oneshot::Sender<Result<Submitted, StoreError>>,
    ) {
        let id = self.next_job;
        self.next_job += 1;
        let sealed = match self.seal(id, secrets) {
            Ok(sealed) => sealed,
            Err(error) => {
                let _ = answer.send(Err(error));
                return;
            }
        };
        self.queue.add(id, &spec);
        self.jobs.insert(id, Known { spec: spec.clone(), ..Known::default() });
        let new = NewJob { id, spec, submitted_by, idempotency_key, created: now_ms() };
        self.write(
            move |connection| {
                let inserted = jobs::insert(connection, &new)?;
                if inserted == Inserted::New {
                    job_secrets::insert(connection, id, &sealed)?;
                }
                Ok(inserted)
            },
            move |outcome| Message::Inserted { job: id, answer, outcome },
        );
    }

    fn seal(&self, job: JobId, secrets: &Secrets) -> Result<Vec<Sealed>, StoreError> {
        if secrets.is_empty() {
            return Ok(Vec::new());
        }
        let key = self.secret_key.as_ref().ok_or(StoreError::NoSecretKey)?;
        key.seal_all(job, secrets).map_err(|error| StoreError::Record(error.to_string()))
    }

    /// The secrets of an attempt have been read: its node gets them with it.
    fn unsealed(&mut self, attempt: Attempt, node: NodeId, sealed: Result<Vec<Sealed>, StoreError>) {
        let known = self.jobs.get(&attempt.job);
        let Some(known) = known.filter(|known| known.fence == attempt.fence && known.node == Some(node))
        else {
            return;
        };
        let key = self.secret_key.as_ref().ok_or(StoreError::NoSecretKey);
        let opened = sealed.and_then(|sealed| {
            key?.open_all(attempt.job, sealed).map_err(|error| StoreError::Record(error.to_string()))
        });
        match opened {
            Ok(secrets) => {
                let (spec, is_cancelling) = (Box::new(known.spec.clone()), known.is_cancelling);
                let secrets = self.with_token(attempt, &spec, secrets);
                self.send(node, ToAgent::JobAssigned { attempt, spec, secrets });
                if is_cancelling {
                    self.send(node, ToAgent::JobCancel { attempt });
                }
            }
            Err(error) => self.lose(attempt, &error.to_string()),
        }
    }

    fn inserted(
        &mut self,
        job: JobId,
        answer: oneshot::Sender<Result<Submitted, StoreError>>,
        outcome: Result<Inserted, StoreError>,
    ) {
        let told = match outcome {
            Ok(Inserted::New) => {
                self.tell_job(job, self.plan_run(job), JobState::Pending);
                Ok(Submitted { job, is_new: true })
            }
            Ok(Inserted::Known(known)) => {
                self.forget(job);
                Ok(Submitted { job: known, is_new: false })
            }
            Err(error) => {
                self.forget(job);
                Err(error)
            }
        };
        // Somebody who went away finds the job by its key, or in the list.
        let _ = answer.send(told);
    }

    /// A job is of no interest any more.
    fn forget(&mut self, job: JobId) {
        self.queue.remove(job);
        self.queue.release(job);
        self.pausing.remove(&job);
        if let Some(known) = self.jobs.remove(&job) {
            self.end_files(Attempt { job, fence: known.fence });
        }
    }

    /// Gives jobs to nodes as long as there are both.
    fn give_out(&mut self) {
        while !self.is_paused
            && let Some((job, node)) = self.queue.take()
        {
            let Some(known) = self.jobs.get_mut(&job) else {
                self.queue.release(job);
                continue;
            };
            known.fence += 1;
            known.node = Some(node);
            known.has_started = false;
            let attempt = Attempt { job, fence: known.fence };
            self.write(
                move |connection| jobs::assign(connection, attempt, node, now_ms()),
                move |is_assigned| Message::Assigned { attempt, node, is_assigned },
            );
        }
    }

    fn assigned(&mut self, attempt: Attempt, node: NodeId, is_assigned: Result<bool, StoreError>) {
        let Some(known) = self.jobs.get(&attempt.job).filter(|known| known.fence == attempt.fence) else {
            return;
        };
        match is_assigned {
            Ok(true) => {
                let spec = Box::new(known.spec.clone());
                let run = spec.plan_run(attempt.job);
                self.remove_files_of_others(attempt);
                self.begin_files(&spec, attempt);
                // Where the connection is gone, the next one shows that the node never got it.
                if spec.secrets.is_empty() {
                    let secrets = self.with_token(attempt, &spec, Secrets::default());
                    self.send(node, ToAgent::JobAssigned { attempt, spec, secrets });
                } else {
                    self.read_secrets(attempt, node);
                }
                self.tell_job(attempt.job, run, JobState::Running);
            }
            // It was cancelled, or never got into the store.
            Ok(false) => self.forget(attempt.job),
            Err(error) => {
                eprintln!("ez: job {} cannot be given out: {error}", attempt.job);
                self.is_paused = true;
                self.wait_again(attempt.job, false);
            }
        }
    }

    /// What is told to nobody but the node: the run of a plan may ask for its remote steps.
    fn with_token(&self, attempt: Attempt, spec: &JobSpec, mut secrets: Secrets) -> Secrets {
        if let Some(key) = self.secret_key.as_ref().filter(|_| spec.waits_for_jobs()) {
            secrets.0.insert(TOKEN.to_owned(), attempt_token::make(key, attempt));
        }
        secrets
    }

    fn read_secrets(&self, attempt: Attempt, node: NodeId) {
        let (store, messages) = (self.store.clone(), self.messages.clone());
        tokio::spawn(async move {
            let sealed = store.read(move |connection| job_secrets::of(connection, attempt.job)).await;
            let _ = messages.send(Message::Unsealed { attempt, node, sealed });
        });
    }

    /// A job that ran waits for another attempt.
    fn wait_again(&mut self, job: JobId, is_written: bool) {
        self.queue.release(job);
        let Some(known) = self.jobs.get_mut(&job) else { return };
        if !is_written {
            known.fence -= 1;
        }
        known.node = None;
        known.has_started = false;
        let spec = known.spec.clone();
        self.queue.add(job, &spec);
    }

    /// A job that failed is tried again when a pause is over.
    fn pause(&mut self, attempt: Attempt) {
        self.queue.release(attempt.job);
        let Some(known) = self.jobs.get_mut(&attempt.job) else { return };
        known.node = None;
        known.has_started = false;
        self.pausing.insert(attempt.job);
        let messages = self.messages.clone();
        tokio::spawn(async move {
            sleep(pause_after(attempt.fence)).await;
            let _ = messages.send(Message::PauseIsOver { attempt });
        });
    }

    fn pause_is_over(&mut self, attempt: Attempt) {
        let known = self.jobs.get(&attempt.job).filter(|known| known.fence == attempt.fence);
        if let Some(known) = known
            && self.pausing.remove(&attempt.job)
        {
            self.queue.add(attempt.job, &known.spec);
        }
    }

    fn send(&self, node: NodeId, message: ToAgent) {
        if let Some((_, to_agent)) = self.nodes.get(&node).and_then(|node| node.connection.as_ref()) {
            let _ = to_agent.send(message);
        }
    }

    fn cancel(
        &mut self,
        job: JobId,
        by: String,
        is_forced: bool,
        answer: oneshot::Sender<Result<Cancelled, StoreError>>,
    ) {
        let forced_by = is_forced.then(|| by.clone());
        let written = self.store.write(move |connection| jobs::cancel(connection, job, &by, now_ms()));
        let messages = self.messages.clone();
        tokio::spawn(async move {
            let outcome = written.await;
            if let Ok(outcome) = &outcome {
                let _ = messages.send(Message::CancelWritten { job, outcome: *outcome, forced_by });
            }
            let _ = answer.send(outcome);
        });
    }

    fn cancel_written(&mut self, job: JobId, outcome: Cancelled, forced_by: Option<String>) {
        match outcome {
            Cancelled::Done => {
                let run = self.plan_run(job);
                self.forget(job);
                self.tell_job(job, run, JobState::Cancelled);
            }
            Cancelled::Wanted(attempt) => {
                let Some(known) = self.jobs.get_mut(&job) else { return };
                known.is_cancelling = true;
                let node = known.node;
                if let Some(node) = node {
                    self.send(node, ToAgent::JobCancel { attempt });
                }
                if let Some(by) = forced_by {
                    if let Some(node) = node {
                        // It ends what is left of it, and tells no more.
                        self.send(node, ToAgent::JobKnown { attempt });
                    }
                    self.lose(attempt, &format!("ended by {by} without waiting for its node"));
                }
            }
            Cancelled::Ended(_) | Cancelled::Unknown => {}
        }
    }

    fn register(
        &mut self,
        registration: Registration,
        to_agent: UnboundedSender<ToAgent>,
        answer: oneshot::Sender<Option<(NodeId, u64)>>,
    ) {
        if registration.version != VERSION {
            let reason = another_version(registration.version.into());
            let _ = to_agent.send(ToAgent::Refused { reason });
            let _ = answer.send(None);
            return;
        }
        if let Err(reason) = node_words::check(&registration.name, &registration.tags) {
            let _ = to_agent.send(ToAgent::Refused { reason });
            let _ = answer.send(None);
            return;
        }
        let copy = registration.clone();
        self.write(
            move |connection| nodes::register(connection, &copy, now_ms()),
            move |record| Message::Remembered { registration, record, to_agent, answer },
        );
    }

    fn remembered(
        &mut self,
        registration: &Registration,
        record: Result<Registered, StoreError>,
        to_agent: &UnboundedSender<ToAgent>,
        answer: oneshot::Sender<Option<(NodeId, u64)>>,
    ) {
        let record = match record {
            Ok(Registered::As(record)) => record,
            Ok(Registered::NameIsTaken(node)) => {
                let reason = format!(
                    "another agent has the name {}: give each one its own, or, where that one is no more, remove it first with DELETE /api/v1/nodes/{node}",
                    registration.name
                );
                let _ = to_agent.send(ToAgent::Refused { reason });
                let _ = answer.send(None);
                return;
            }
            // The agent comes again.
            Err(error) => {
                eprintln!("ez: the node {} cannot be registered: {error}", registration.name);
                let _ = answer.send(None);
                return;
            }
        };
        self.connections += 1;
        let connection = self.connections;
        let node = record.id;
        let attempts = registration.attempts.iter().map(|attempt| self.kept(node, *attempt)).collect();
        let state = NodeState {
            name: record.name.clone(),
            connection: Some((connection, to_agent.clone())),
            heard: Instant::now(),
            is_drained: record.drained,
            is_leaving: false,
        };
        self.queue.node_is_known(node, &record.name, &record.tags, record.slots, state.readiness());
        self.nodes.insert(node, state);
        let ping_every = u64::try_from((self.lease / PINGS_OF_A_LEASE).as_millis()).unwrap_or(u64::MAX);
        let _ = to_agent.send(ToAgent::Registered { node, ping_every, attempts });
        self.take_back_what_never_arrived(node, &registration.attempts);
        let _ = answer.send(Some((node, connection)));
        self.tell_watchers(Event::Node(node));
    }

    /// What becomes of an attempt that a node says to have.
    fn kept(&self, node: NodeId, attempt: Attempt) -> Kept {
        let known = self.jobs.get(&attempt.job);
        let own = known.filter(|known| known.fence == attempt.fence && known.node == Some(node));
        let files = own.map(|known| self.begin_files(&known.spec, attempt));
        Kept {
            attempt,
            log_bytes: files.map(|(log_bytes, _)| log_bytes),
            event_bytes: files.map_or(0, |(_, event_bytes)| event_bytes),
            is_cancelled: own.is_some_and(|known| known.is_cancelling),
        }
    }

    /// What the node does not have that it should have: it never got it, or has lost it.
    fn take_back_what_never_arrived(&mut self, node: NodeId, has: &[Attempt]) {
        for job in self.queue.running_on(node) {
            let Some(known) = self.jobs.get(&job) else { continue };
            let attempt = Attempt { job, fence: known.fence };
            if has.contains(&attempt) {
                continue;
            }
            if known.has_started || known.is_cancelling {
                self.lose(attempt, "the node lost what it knew of it");
            } else {
                self.write(
                    move |connection| jobs::take_back(connection, attempt, now_ms()),
                    move |is_taken| Message::TakenBack { attempt, is_taken },
                );
            }
        }
    }

    fn taken_back(&mut self, attempt: Attempt, is_taken: Result<bool, StoreError>) {
        if self.jobs.get(&attempt.job).is_none_or(|known| known.fence != attempt.fence) {
            return;
        }
        match is_taken {
            Ok(true) => {
                self.end_files(attempt);
                self.wait_again(attempt.job, true);
                self.tell_watchers(Event::Job(attempt.job, JobState::Pending));
            }
            Ok(false) => self.lose(attempt, "it was cancelled before its node had it"),
            // The lease decides.
            Err(error) => eprintln!("ez: job {} cannot be taken back: {error}", attempt.job),
        }
    }

    /// An attempt is taken to be over, because its node is not there.
    fn lose(&mut self, attempt: Attempt, reason: &str) {
        let now = now_ms();
        let ending = Ending {
            state: JobState::Failed,
            exit_code: None,
            reason: Some(reason.to_owned()),
            started: now,
            finished: now,
            outputs: None,
        };
        let log_bytes = self.logs.growing(attempt).map_or(0, |log| log.length());
        self.write(
            move |connection| jobs::finish(connection, attempt, &ending, "lost", log_bytes),
            move |next| Message::Finished { attempt, node: None, next },
        );
    }

    fn heard(&mut self, node: NodeId, connection: u64, message: FromAgent) {
        let Some(state) = self.nodes.get_mut(&node) else { return };
        if state.connection.as_ref().is_none_or(|(current, _)| *current != connection) {
            return;
        }
        state.heard = Instant::now();
        match message {
            FromAgent::NodePing {} => self.send(node, ToAgent::NodePong {}),
            FromAgent::NodeRegister(_) => {}
            FromAgent::NodeDrain {} => {
                state.is_leaving = true;
                self.look_at_readiness(node);
            }
            FromAgent::JobStarted { attempt, started } => {
                let own = self.jobs.get_mut(&attempt.job);
                if let Some(known) = own.filter(|known| known.fence == attempt.fence) {
                    known.has_started = true;
                    let written =
                        self.store.write(move |connection| jobs::start(connection, attempt, started));
                    // That it began is told again by its end.
                    tokio::spawn(written);
                }
            }
            FromAgent::JobFinished { attempt, ending, log_bytes, .. } => {
                let outcome = ending.state.name();
                self.write(
                    move |connection| jobs::finish(connection, attempt, &ending, outcome, log_bytes),
                    move |next| Message::Finished { attempt, node: Some(node), next },
                );
            }
        }
    }

    fn finished(&mut self, attempt: Attempt, node: Option<NodeId>, next: Result<Next, StoreError>) {
        let next = match next {
            Ok(next) => next,
            Err(error) => {
                // The agent tells it again over the next connection.
                eprintln!("ez: the end of job {} cannot be written: {error}", attempt.job);
                if let Some(node) = node {
                    self.disconnect(node);
                }
                return;
            }
        };
        if let Some(node) = node {
            self.send(node, ToAgent::JobKnown { attempt });
        }
        match next {
            Next::TooLate => {}
            Next::Again => {
                self.end_files(attempt);
                self.pause(attempt);
                self.tell_watchers(Event::Job(attempt.job, JobState::Pending));
            }
            Next::Final(state) => {
                let run = self.plan_run(attempt.job);
                self.forget(attempt.job);
                self.tell_job(attempt.job, run, state);
            }
        }
    }

    fn gone(&mut self, node: NodeId, connection: u64) {
        let Some(state) = self.nodes.get(&node) else { return };
        if state.connection.as_ref().is_some_and(|(current, _)| *current == connection) {
            self.disconnect(node);
        }
    }

    /// Takes the connection of a node to be lost. An agent that was told to end says so again over the next one.
    fn disconnect(&mut self, node: NodeId) {
        let Some(state) = self.nodes.get_mut(&node) else { return };
        if state.connection.take().is_some() {
            state.is_leaving = false;
            self.look_at_readiness(node);
        }
    }

    /// Whether a node takes jobs has changed, perhaps.
    fn look_at_readiness(&mut self, node: NodeId) {
        let Some(state) = self.nodes.get(&node) else { return };
        self.queue.node_is(node, state.readiness());
        self.tell_watchers(Event::Node(node));
    }

    fn drain(&self, node: NodeId, is_off: bool, answer: oneshot::Sender<Result<Drained, StoreError>>) {
        self.write(
            move |connection| nodes::set_drained(connection, node, !is_off),
            move |is_known| Message::DrainWritten { node, is_off, is_known, answer },
        );
    }

    fn drained(&mut self, node: NodeId, is_off: bool, is_known: bool) -> Drained {
        let Some(state) = self.nodes.get_mut(&node).filter(|_| is_known) else { return Drained::Unknown };
        let was_drained = std::mem::replace(&mut state.is_drained, !is_off);
        if is_off && !was_drained && state.is_leaving {
            return Drained::Leaving;
        }
        self.look_at_readiness(node);
        Drained::Done
    }

    /// What jobs wait for that wait.
    fn waits_for(&self, wanted: &[JobId]) -> HashMap<JobId, WaitsFor> {
        let of_job = |job: &JobId| {
            let is_pausing = self.pausing.contains(job);
            if is_pausing { Some(WaitsFor::Pause) } else { self.queue.waits_for(*job) }
        };
        wanted.iter().filter_map(|job| Some((*job, of_job(job)?))).collect()
    }

    fn nodes_now(&self) -> Vec<NodeNow> {
        let now = |(id, state): (&NodeId, &NodeState)| NodeNow {
            id: *id,
            is_connected: state.connection.is_some(),
            is_leaving: state.is_leaving,
            jobs: self.queue.running_on(*id),
            slots: self.queue.slots(*id),
            silent_for: state.heard.elapsed(),
        };
        self.nodes.iter().map(now).collect()
    }

    fn give_up_lost_nodes(&mut self) {
        let lease = self.lease;
        let silent = self.nodes.iter().filter(|(_, state)| state.heard.elapsed() > lease);
        let silent: Vec<(NodeId, String)> = silent.map(|(id, state)| (*id, state.name.clone())).collect();
        for (node, name) in silent {
            self.disconnect(node);
            let reason = format!("the node {name} was not heard of for {} s", lease.as_secs_f64());
            for job in self.queue.running_on(node) {
                if let Some(known) = self.jobs.get(&job) {
                    self.lose(Attempt { job, fence: known.fence }, &reason);
                }
            }
        }
    }
}
