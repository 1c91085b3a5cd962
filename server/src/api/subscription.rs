//! What browsers and tools hear over a WebSocket: events of the topics that they chose, and logs as they grow.
//!
//! Nothing is kept for a listener. Events wait in the row that all share, logs in their files; who does not read fast enough is told later, or to read the state anew.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use super::Shared;
use super::socket::{NO_TOKEN_ANY_MORE, Said, await_close, going_away, refusal};
use crate::auth::Caller;
use crate::dispatcher::Event;
use crate::events::{Happened, KeptEvent};
use crate::job::{Fence, JobId, PlanRunId};
use crate::json_fields::{self, read_member};
use crate::log_frame;
use crate::store::{jobs, plan_runs};
use crate::wire::Attempt;

/// The most topics of one connection.
pub const MAX_TOPICS: usize = 256;

/// The most jobs whose logs one connection follows.
pub const MAX_FOLLOWED: usize = 32;

/// How many events are taken from the row at once.
const BATCH: usize = 256;

/// How much of a log is told in one message.
const LOG_BYTES: usize = 64 * 1024;

/// How often a connection is looked after: whether it lives.
const BEAT: Duration = Duration::from_secs(20);

/// How long a client may say nothing, not even that it lives.
const SILENCE_LIMIT: Duration = Duration::from_mins(1);

/// How long a client may take for one message.
const SEND_LIMIT: Duration = Duration::from_secs(30);

/// How long the size of a log that grows is not told again.
const LOG_UPDATE_PAUSE: Duration = Duration::from_millis(200);

/// How long changes of a plan's run are gathered before they are told: its steps may end by the hundreds.
const PLAN_UPDATE_PAUSE: Duration = Duration::from_millis(100);

/// Something that can be listened to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Topic {
    /// `jobs`: the states of all jobs.
    Jobs,
    /// `nodes`: nodes that come, go and change.
    Nodes,
    /// `plans`: all runs of plans.
    Plans,
    /// `job:7`: the state of a job, and how long its log is.
    Job(JobId),
    /// `log:7`: what a job writes.
    Log(JobId),
    /// `node:3`
    Node(i64),
    /// `plan:release`
    Plan(String),
}

impl Topic {
    fn parse(text: &str) -> Result<Self, String> {
        let bad =
            || format!("`{text}` is no topic: use jobs, nodes, plans, job:ID, log:ID, node:ID or plan:NAME");
        let number = |text: &str| text.parse::<i64>().map_err(|_| bad());
        match text.split_once(':') {
            None if text == "jobs" => Ok(Self::Jobs),
            None if text == "nodes" => Ok(Self::Nodes),
            None if text == "plans" => Ok(Self::Plans),
            Some(("job", id)) => Ok(Self::Job(number(id)?)),
            Some(("log", id)) => Ok(Self::Log(number(id)?)),
            Some(("node", id)) => Ok(Self::Node(number(id)?)),
            Some(("plan", name)) if !name.is_empty() => Ok(Self::Plan(name.to_owned())),
            _ => Err(bad()),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Jobs => "jobs".into(),
            Self::Nodes => "nodes".into(),
            Self::Plans => "plans".into(),
            Self::Job(id) => format!("job:{id}"),
            Self::Log(id) => format!("log:{id}"),
            Self::Node(id) => format!("node:{id}"),
            Self::Plan(name) => format!("plan:{name}"),
        }
    }

    /// The job whose log has to be followed for it.
    fn followed(&self) -> Option<JobId> {
        match self {
            Self::Job(job) | Self::Log(job) => Some(*job),
            _ => None,
        }
    }
}

/// The place in a log up to which a client has it.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogPlace {
    /// Of which attempt.
    #[serde(default)]
    attempt: Fence,
    /// `offset` of the last `job_log`.
    offset: u64,
}

/// What a client wants to hear.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subscription {
    topics: Vec<String>,
    /// The number of the last event that it heard.
    #[serde(default)]
    after: Option<u64>,
    /// How much of which log it has.
    #[serde(default)]
    logs: BTreeMap<JobId, LogPlace>,
}

/// Publishes what the dispatcher tells, as long as there is one.
pub async fn publish_all(server: Shared) {
    let mut heard = server.dispatcher.watch();
    let mut changed_runs = BTreeSet::new();
    let mut pause = interval(PLAN_UPDATE_PAUSE);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            event = heard.recv() => event,
            _ = pause.tick(), if !changed_runs.is_empty() => {
                for run in std::mem::take(&mut changed_runs) {
                    publish_plan_run(&server, run).await;
                }
                continue;
            }
        };
        match event {
            Ok(Event::PlanRun(run)) => {
                changed_runs.insert(run);
            }
            Ok(Event::Job(job, state)) => {
                server.events.publish(Happened::Job { job_id: job, state });
            }
            Ok(Event::Node(node)) => {
                let now = server.dispatcher.nodes().await.unwrap_or_default();
                let connected = now.iter().any(|known| known.id == node && known.is_connected);
                server.events.publish(Happened::Node { node_id: node, connected });
            }
            Err(RecvError::Lagged(_)) => server.events.forget(),
            Err(RecvError::Closed) => return,
        }
    }
}

/// Tells how a run of a plan stands; who wants its steps reads them.
async fn publish_plan_run(server: &Shared, run: PlanRunId) {
    let found = server.store.read(move |connection| plan_runs::find(connection, run)).await;
    // One that was deleted, or cannot be read, has nothing to tell.
    let Ok(Some(run)) = found else { return };
    server.events.publish(Happened::PlanRun {
        run_id: run.id,
        plan: run.name,
        state: run.state,
        steps_total: run.steps_total,
        steps_done: run.steps_done,
        steps_failed: run.steps_failed,
    });
}

/// The connection is over.
struct Over;

/// One that listens.
struct Listener {
    server: Shared,
    caller: Caller,
    sink: SplitSink<WebSocket, Message>,
    topics: BTreeSet<Topic>,
    /// The number of the last event that it was told, or that is not for it.
    told: u64,
    followers: HashMap<Topic, AbortHandle>,
    followed: mpsc::Sender<LogMessage>,
}

/// What a follower of a log has to tell.
struct LogMessage {
    event: &'static str,
    data: Value,
}

/// Tells a client what it wants to hear, until it goes away or falls silent.
pub async fn serve(socket: WebSocket, server: Shared, caller: Caller, first: &str) {
    let (sink, source) = socket.split();
    // One message waits; who follows a log waits with the next until it is sent.
    let (followed, from_followers) = mpsc::channel(1);
    let told = server.events.latest();
    let mut listener =
        Listener { sink, caller, topics: BTreeSet::new(), told, followers: HashMap::new(), followed, server };
    if listener.obey(first).await.is_ok() {
        // How it ends does not matter to anybody.
        let _ = listener.converse(source, from_followers).await;
    }
    for follower in listener.followers.values() {
        follower.abort();
    }
}

impl Listener {
    async fn converse(
        &mut self,
        mut source: SplitStream<WebSocket>,
        mut from_followers: mpsc::Receiver<LogMessage>,
    ) -> Result<(), Over> {
        let mut latest = self.server.events.watch();
        let mut beat = interval(BEAT);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        let (server, caller) = (Arc::clone(&self.server), self.caller.clone());
        let mut revoked = pin!(server.authority.until_revoked(&caller));
        let mut end = pin!(server.sockets.end());
        loop {
            self.catch_up().await?;
            tokio::select! {
                message = source.next() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => self.obey(&text).await?,
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                        Some(Ok(Message::Binary(_))) => self.complain("messages are texts").await?,
                        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(Over),
                    }
                }
                changed = latest.changed() => changed.map_err(|_| Over)?,
                Some(message) = from_followers.recv() => {
                    self.tell(message.event, self.told, &message.data).await?;
                }
                () = end.as_mut() => {
                    self.send(going_away()).await?;
                    await_close(&mut source).await;
                    return Ok(());
                }
                () = revoked.as_mut() => {
                    self.tell("refused", self.told, &json!({"reason": NO_TOKEN_ANY_MORE})).await?;
                    self.send(refusal()).await?;
                    await_close(&mut source).await;
                    return Ok(());
                }
                _ = beat.tick() => {
                    if heard.elapsed() > SILENCE_LIMIT {
                        return Err(Over);
                    }
                    self.send(Message::Ping(Vec::new().into())).await?;
                }
            }
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), Over> {
        let sent = timeout(SEND_LIMIT, self.sink.send(message)).await;
        sent.map_err(|_| Over)?.map_err(|_| Over)
    }

    async fn tell(&mut self, event: &str, seq: u64, data: &impl Serialize) -> Result<(), Over> {
        let text = json!({"event": event, "seq": seq, "data": data}).to_string();
        self.send(Message::text(text)).await
    }

    async fn complain(&mut self, error: &str) -> Result<(), Over> {
        self.tell("error", self.told, &json!({"error": error})).await
    }

    /// Does what a message says.
    async fn obey(&mut self, text: &str) -> Result<(), Over> {
        let said: Said = match json_fields::read(text.as_bytes()) {
            Ok(said) => said,
            Err(error) => return self.complain(&format!("the message cannot be read: {error}")).await,
        };
        let done = match said.event.as_str() {
            "subscribe" => self.subscribe(said.data),
            "unsubscribe" => self.unsubscribe(said.data),
            other => Err(format!("`{other}` is no message: send subscribe or unsubscribe")),
        };
        match done {
            Ok(()) => {
                let topics: Vec<String> = self.topics.iter().map(Topic::name).collect();
                self.tell("subscribed", self.told, &json!({"topics": topics})).await
            }
            Err(error) => self.complain(&error).await,
        }
    }

    fn subscribe(&mut self, data: Value) -> Result<(), String> {
        let Subscription { topics, after, logs } = read(data)?;
        let wanted = topics.iter().map(|topic| Topic::parse(topic)).collect::<Result<BTreeSet<_>, _>>()?;
        let all: BTreeSet<Topic> = self.topics.union(&wanted).cloned().collect();
        if all.len() > MAX_TOPICS {
            return Err(format!("a connection has at most {MAX_TOPICS} topics"));
        }
        if all.iter().filter(|topic| topic.followed().is_some()).count() > MAX_FOLLOWED {
            return Err(format!("a connection follows at most {MAX_FOLLOWED} jobs and logs"));
        }
        if let Some(after) = after {
            self.told = after;
        } else if self.topics.is_empty() {
            self.told = self.server.events.latest();
        }
        for topic in &wanted {
            let place = topic.followed().and_then(|job| logs.get(&job));
            if !self.topics.contains(topic) || place.is_some() {
                self.follow(topic, place.copied().unwrap_or_default());
            }
        }
        self.topics = all;
        Ok(())
    }

    fn unsubscribe(&mut self, data: Value) -> Result<(), String> {
        let Subscription { topics, .. } = read(data)?;
        for topic in topics {
            let topic = Topic::parse(&topic)?;
            self.topics.remove(&topic);
            if let Some(follower) = self.followers.remove(&topic) {
                follower.abort();
            }
        }
        Ok(())
    }

    /// Follows the log of a topic that has one.
    fn follow(&mut self, topic: &Topic, place: LogPlace) {
        let Some(job) = topic.followed() else { return };
        let follower = LogFollower {
            server: Arc::clone(&self.server),
            attempt: Attempt { job, fence: place.attempt },
            offset: place.offset,
            tells_text: matches!(topic, Topic::Log(_)),
            to_listener: self.followed.clone(),
        };
        let task = tokio::spawn(async move {
            // A listener that is gone needs no log.
            let _ = follower.follow().await;
        });
        if let Some(before) = self.followers.insert(topic.clone(), task.abort_handle()) {
            before.abort();
        }
    }

    /// Tells all events that happened meanwhile.
    async fn catch_up(&mut self) -> Result<(), Over> {
        if self.topics.is_empty() {
            return Ok(());
        }
        loop {
            let Ok(events) = self.server.events.after(self.told, BATCH) else {
                self.told = self.server.events.latest();
                let reason = "events were missed: read the state anew";
                self.tell("reset", self.told, &json!({"reason": reason})).await?;
                continue;
            };
            if events.is_empty() {
                return Ok(());
            }
            for event in events {
                self.told = event.seq;
                if self.is_wanted(&event) {
                    self.tell(event.happened.name(), event.seq, &event.happened).await?;
                }
            }
        }
    }

    fn is_wanted(&self, event: &KeptEvent) -> bool {
        let (all, one) = match &event.happened {
            Happened::Job { job_id, .. } => (Topic::Jobs, Topic::Job(*job_id)),
            Happened::Node { node_id, .. } => (Topic::Nodes, Topic::Node(*node_id)),
            Happened::PlanRun { plan, .. } => (Topic::Plans, Topic::Plan(plan.clone())),
        };
        self.topics.contains(&all) || self.topics.contains(&one)
    }
}

fn read<T: DeserializeOwned>(data: Value) -> Result<T, String> {
    read_member("data", data).map_err(|wrong| wrong.to_string())
}

/// Reads the logs of a job's attempts, one after the other, as they grow.
struct LogFollower {
    server: Shared,
    /// Which log is read; attempt 0 before the first.
    attempt: Attempt,
    offset: u64,
    /// Whether the text is told, or only how long it is.
    tells_text: bool,
    to_listener: mpsc::Sender<LogMessage>,
}

impl LogFollower {
    async fn follow(mut self) -> Result<(), Over> {
        let last = self.record().await?.map_or(0, |job| job.attempt);
        if self.attempt.fence == 0 {
            // Who knows nothing begins with the attempt that counts now.
            self.attempt.fence = last;
        }
        if !(0..=last).contains(&self.attempt.fence) {
            let Attempt { job, fence } = self.attempt;
            return self.refuse(format!("job {job} has no attempt {fence}")).await;
        }
        if !self.is_place() {
            return self.refuse_place().await;
        }
        loop {
            // Who grows is asked before what is there is read, so that nothing falls in between.
            let growing = self.server.dispatcher.logs().growing(self.attempt).map(|log| log.watch());
            let mut heard = self.server.dispatcher.watch();
            if self.tell_more(growing.as_ref()).await? {
                continue;
            }
            if let Some(mut growing) = growing {
                if growing.changed().await.is_ok() && !self.tells_text {
                    tokio::time::sleep(LOG_UPDATE_PAUSE).await;
                }
                continue;
            }
            let Some(job) = self.record().await? else { return Err(Over) };
            if job.attempt > self.attempt.fence {
                if self.attempt.fence > 0 {
                    self.tell_end().await?;
                }
                (self.attempt.fence, self.offset) = (self.attempt.fence + 1, 0);
            } else if job.state.is_final() {
                return self.tell_end().await;
            } else {
                self.wait_for_news(&mut heard).await?;
            }
        }
    }

    async fn record(&self) -> Result<Option<jobs::JobRecord>, Over> {
        let job = self.attempt.job;
        self.server.store.read(move |connection| jobs::find(connection, job)).await.map_err(|_| Over)
    }

    /// Whether the log can be followed from here. Who hears only how long it is may have heard of half a frame.
    fn is_place(&self) -> bool {
        let logs = self.server.dispatcher.logs();
        if self.tells_text {
            return logs.has_frame_at(self.attempt, self.offset);
        }
        let length = std::fs::metadata(logs.path(self.attempt)).map_or(0, |file| file.len());
        self.offset <= length
    }

    async fn refuse_place(&self) -> Result<(), Over> {
        self.refuse(format!("{} is no place in the log of job {}", self.offset, self.attempt.job)).await
    }

    async fn refuse(&self, error: String) -> Result<(), Over> {
        self.send("error", json!({"error": error})).await?;
        Err(Over)
    }

    async fn wait_for_news(&self, heard: &mut broadcast::Receiver<Event>) -> Result<(), Over> {
        loop {
            match heard.recv().await {
                Ok(Event::Job(job, _)) if job == self.attempt.job => return Ok(()),
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return Ok(()),
                Err(RecvError::Closed) => return Err(Over),
            }
        }
    }

    /// Tells what is new. Whether there was something.
    async fn tell_more(&mut self, growing: Option<&watch::Receiver<u64>>) -> Result<bool, Over> {
        if !self.tells_text {
            let bytes = growing.map_or(self.offset, |length| *length.borrow());
            if bytes <= self.offset {
                return Ok(false);
            }
            self.offset = bytes;
            self.tell_length(false).await?;
            return Ok(true);
        }
        let logs = self.server.dispatcher.logs();
        let most = LOG_BYTES + log_frame::HEADER_BYTES;
        let bytes = logs.read(self.attempt, self.offset, most).map_err(|_| Over)?;
        let Ok((frames, length)) = log_frame::whole_frames(&bytes) else {
            return self.refuse_place().await.map(|()| false);
        };
        if length == 0 {
            return Ok(false);
        }
        self.offset += length as u64;
        let text: Vec<u8> = frames.iter().flat_map(|frame| frame.content).copied().collect();
        let Attempt { job, fence } = self.attempt;
        let data = json!({
            "job_id": job, "attempt": fence, "offset": self.offset, "log": String::from_utf8_lossy(&text),
        });
        self.send("job_log", data).await?;
        Ok(true)
    }

    async fn tell_end(&mut self) -> Result<(), Over> {
        if !self.tells_text {
            let logs = self.server.dispatcher.logs();
            self.offset = std::fs::metadata(logs.path(self.attempt)).map_or(0, |file| file.len());
        }
        self.tell_length(true).await
    }

    async fn tell_length(&self, ended: bool) -> Result<(), Over> {
        let Attempt { job, fence } = self.attempt;
        let data = json!({"job_id": job, "attempt": fence, "bytes": self.offset, "ended": ended});
        self.send("job_log_update", data).await
    }

    async fn send(&self, event: &'static str, data: Value) -> Result<(), Over> {
        self.to_listener.send(LogMessage { event, data }).await.map_err(|_| Over)
    }
}

#[cfg(test)]
mod tests {
    use super::Topic;

    #[test]
    fn topics_have_names() {
        for name in ["jobs", "nodes", "plans", "job:7", "log:7", "node:3", "plan:release"] {
            assert_eq!(Topic::parse(name).map(|topic| topic.name()), Ok(name.to_owned()));
        }
        for name in ["", "job", "job:", "job:x", "logs", "plan:", "tasks:1"] {
            assert!(Topic::parse(name).is_err(), "{name}");
        }
    }
}
