//! Does what the queue decides: one task that owns the queue and the connections of the nodes.
//!
//! Nothing is told to anybody before the store has it. The dispatcher never waits for the store itself: it takes a slot, has the change written, and goes on; what
//! comes back decides whether the slot is used. Changes of one job are written in the order in which they are decided, because the store keeps the order.

mod desk;
mod pause;
mod presence;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::sync::{broadcast, oneshot};

use self::desk::Desk;
use crate::job::{JobId, JobSpec, JobState, PlanRunId};
use crate::log_file::LogFiles;
use crate::plan_tracker::{PlanTracker, TrackError};
use crate::queue::{Limits, NodeId};
use crate::secrets::{Sealed, SecretKey, Secrets};
use crate::store::jobs::{self, Cancelled, Inserted, Next};
use crate::store::nodes::{self, Registered};
use crate::store::{Store, StoreError};
use crate::waiting::WaitsFor;
use crate::wire::{Attempt, FromAgent, Registration, ToAgent};

/// How many events wait for a listener that is slow; one that falls back further learns that it missed some.
const EVENTS_KEPT: usize = 4096;

/// How the dispatcher works.
#[derive(Clone, Debug)]
pub struct DispatcherSettings {
    /// For how long a node may be silent before its jobs are given up.
    pub lease: Duration,
    /// How many jobs may run at once.
    pub limits: Limits,
    /// The key for the secrets of jobs; without one they are refused.
    pub secret_key: Option<Arc<SecretKey>>,
}

impl Default for DispatcherSettings {
    fn default() -> Self {
        Self { lease: Duration::from_mins(1), limits: Limits::default(), secret_key: None }
    }
}

/// Something changed, for those who watch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A job has another state.
    Job(JobId, JobState),
    /// A node came, went, or changed.
    Node(NodeId),
    /// A run of a plan, or one of its steps, has another state.
    PlanRun(PlanRunId),
}

/// A node as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeNow {
    /// Its number.
    pub id: NodeId,
    /// Whether it is connected.
    pub is_connected: bool,
    /// What runs on it.
    pub jobs: Vec<JobId>,
    /// How many jobs it runs at once.
    pub slots: usize,
    /// Whether its agent ends with its last job, and takes none any more.
    pub is_leaving: bool,
    /// For how long nothing was heard of it.
    pub silent_for: Duration,
}

/// What came of a wish that a node takes no more jobs, or jobs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// It is so.
    Done,
    /// Its agent ends with its last job: it takes none any more.
    Leaving,
    /// There is no such node.
    Unknown,
}

/// A job that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submitted {
    /// Its number.
    pub job: JobId,
    /// Whether it was not there before: the key may be that of an older job.
    pub is_new: bool,
}

/// What is asked of the dispatcher.
enum Message {
    Submit {
        spec: Box<JobSpec>,
        secrets: Secrets,
        by: String,
        key: Option<String>,
        answer: oneshot::Sender<Result<Submitted, StoreError>>,
    },
    Inserted {
        job: JobId,
        answer: oneshot::Sender<Result<Submitted, StoreError>>,
        outcome: Result<Inserted, StoreError>,
    },
    Cancel {
        job: JobId,
        by: String,
        is_forced: bool,
        answer: oneshot::Sender<Result<Cancelled, StoreError>>,
    },
    CancelWritten {
        job: JobId,
        outcome: Cancelled,
        /// By whom its attempt is taken to be over without an answer of its node.
        forced_by: Option<String>,
    },
    Register {
        registration: Registration,
        to_agent: UnboundedSender<ToAgent>,
        answer: oneshot::Sender<Option<(NodeId, u64)>>,
    },
    Remembered {
        registration: Registration,
        record: Result<Registered, StoreError>,
        to_agent: UnboundedSender<ToAgent>,
        answer: oneshot::Sender<Option<(NodeId, u64)>>,
    },
    Heard {
        node: NodeId,
        connection: u64,
        message: FromAgent,
    },
    Gone {
        node: NodeId,
        connection: u64,
    },
    Assigned {
        attempt: Attempt,
        node: NodeId,
        is_assigned: Result<bool, StoreError>,
    },
    Finished {
        attempt: Attempt,
        node: Option<NodeId>,
        next: Result<Next, StoreError>,
    },
    /// A job that failed is tried again.
    PauseIsOver {
        attempt: Attempt,
    },
    TakenBack {
        attempt: Attempt,
        is_taken: Result<bool, StoreError>,
    },
    Unsealed {
        attempt: Attempt,
        node: NodeId,
        sealed: Result<Vec<Sealed>, StoreError>,
    },
    Drain {
        node: NodeId,
        /// Whether it takes jobs again.
        is_off: bool,
        answer: oneshot::Sender<Result<Drained, StoreError>>,
    },
    DrainWritten {
        node: NodeId,
        is_off: bool,
        is_known: Result<bool, StoreError>,
        answer: oneshot::Sender<Result<Drained, StoreError>>,
    },
    WaitsFor {
        jobs: Vec<JobId>,
        answer: oneshot::Sender<HashMap<JobId, WaitsFor>>,
    },
    Forget {
        node: NodeId,
        answer: oneshot::Sender<()>,
    },
    Nodes {
        answer: oneshot::Sender<Vec<NodeNow>>,
    },
    Counts {
        answer: oneshot::Sender<(usize, usize)>,
    },
}

/// The handle of the dispatcher.
#[derive(Clone)]
pub struct Dispatcher {
    messages: UnboundedSender<Message>,
    events: broadcast::Sender<Event>,
    logs: Arc<LogFiles>,
    plans: Arc<PlanTracker>,
}

/// A node's connection, as the server sees it.
#[derive(Debug)]
pub struct Connection {
    /// The number of the node.
    pub node: NodeId,
    number: u64,
    dispatcher: UnboundedSender<Message>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        let _ = self.dispatcher.send(Message::Gone { node: self.node, connection: self.number });
    }
}

impl Connection {
    /// The node said something.
    pub fn heard(&self, message: FromAgent) {
        let _ = self.dispatcher.send(Message::Heard { node: self.node, connection: self.number, message });
    }
}

impl Dispatcher {
    /// Takes up what the store has, and begins.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn start(
        store: Store,
        logs: Arc<LogFiles>,
        settings: DispatcherSettings,
    ) -> Result<Self, StoreError> {
        let (messages, inbox) = mpsc::unbounded_channel();
        let (events, _) = broadcast::channel(EVENTS_KEPT);
        let (next_job, unfinished, known) = store
            .read(|connection| {
                Ok((jobs::next_id(connection)?, jobs::unfinished(connection)?, nodes::all(connection)?))
            })
            .await?;
        let plans = Arc::new(PlanTracker::new(Arc::new(logs.events()), store.clone()));
        let files = (Arc::clone(&logs), Arc::clone(&plans));
        let mut desk = Desk::new(store, files, settings, next_job, messages.clone(), events.clone());
        desk.take_up(&known, unfinished);
        tokio::spawn(desk.work(inbox));
        Ok(Self { messages, events, logs, plans })
    }

    async fn ask<T>(&self, message: impl FnOnce(oneshot::Sender<T>) -> Message) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.messages.send(message(answer)).map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)
    }

    /// Accepts a job. When this answers, the job is safe. The same key gives the same job.
    ///
    /// # Errors
    /// The store fails.
    pub async fn submit(
        &self,
        mut spec: JobSpec,
        secrets: Secrets,
        by: String,
        key: Option<String>,
    ) -> Result<Submitted, StoreError> {
        spec.secrets = secrets.0.keys().cloned().collect();
        self.ask(|answer| Message::Submit { spec: Box::new(spec), secrets, by, key, answer }).await?
    }

    /// Wants the end of a job.
    ///
    /// # Errors
    /// The store fails.
    pub async fn cancel(&self, job: JobId, by: String) -> Result<Cancelled, StoreError> {
        self.ask(|answer| Message::Cancel { job, by, is_forced: false, answer }).await?
    }

    /// Wants the end of a job, and takes it to have ended, whatever its node does.
    ///
    /// # Errors
    /// The store fails.
    pub async fn force_end(&self, job: JobId, by: String) -> Result<Cancelled, StoreError> {
        self.ask(|answer| Message::Cancel { job, by, is_forced: true, answer }).await?
    }

    /// A node takes no more jobs, also after it or the server comes again, or (`is_off`) jobs again.
    ///
    /// # Errors
    /// The store fails.
    pub async fn drain(&self, node: NodeId, is_off: bool) -> Result<Drained, StoreError> {
        self.ask(|answer| Message::Drain { node, is_off, answer }).await?
    }

    /// What jobs wait for; those that do not wait are left out.
    ///
    /// # Errors
    /// The server ends.
    pub async fn waits_for(&self, jobs: Vec<JobId>) -> Result<HashMap<JobId, WaitsFor>, StoreError> {
        self.ask(|answer| Message::WaitsFor { jobs, answer }).await
    }

    /// Forgets a node that has nothing in hand.
    ///
    /// # Errors
    /// The server ends.
    pub async fn forget(&self, node: NodeId) -> Result<(), StoreError> {
        self.ask(|answer| Message::Forget { node, answer }).await
    }

    /// The nodes as they are now.
    ///
    /// # Errors
    /// The server ends.
    pub async fn nodes(&self) -> Result<Vec<NodeNow>, StoreError> {
        self.ask(|answer| Message::Nodes { answer }).await
    }

    /// How many jobs wait, and how many run.
    ///
    /// # Errors
    /// The server ends.
    pub async fn counts(&self) -> Result<(usize, usize), StoreError> {
        self.ask(|answer| Message::Counts { answer }).await
    }

    /// Registers a node. `None` where it is refused, which it is told.
    pub async fn register(
        &self,
        registration: Registration,
        to_agent: UnboundedSender<ToAgent>,
    ) -> Option<Connection> {
        let (node, number) =
            self.ask(|answer| Message::Register { registration, to_agent, answer }).await.ok()??;
        Some(Connection { node, number, dispatcher: self.messages.clone() })
    }

    /// Everything that changes from now on.
    pub fn watch(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Keeps a piece of the events of a plan's run. How many bytes there are now; `None` where nobody wants them any more.
    ///
    /// # Errors
    /// It cannot be kept.
    pub async fn keep_events(
        &self,
        attempt: Attempt,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<Option<u64>, TrackError> {
        let Some((length, changed)) = self.plans.keep(attempt, offset, bytes).await? else { return Ok(None) };
        self.tell_plan_run(changed);
        Ok(Some(length))
    }

    /// Takes in all events of an attempt that are kept, before its end counts. Whether `event_bytes` are there, which are all.
    ///
    /// # Errors
    /// They cannot be taken in.
    pub async fn settle_events(&self, attempt: Attempt, event_bytes: u64) -> Result<bool, TrackError> {
        let Some(file) = self.plans.files().growing(attempt) else { return Ok(true) };
        if file.length() != event_bytes {
            return Ok(false);
        }
        let changed = self.plans.catch_up(attempt).await?;
        self.tell_plan_run(changed);
        Ok(true)
    }

    fn tell_plan_run(&self, changed: Option<PlanRunId>) {
        if let Some(run) = changed {
            // Nobody has to watch.
            let _ = self.events.send(Event::PlanRun(run));
        }
    }

    /// The events of plans' runs.
    pub fn plan_events(&self) -> &Arc<LogFiles> {
        self.plans.files()
    }

    /// The logs.
    pub fn logs(&self) -> &Arc<LogFiles> {
        &self.logs
    }
}
