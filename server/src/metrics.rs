//! Numbers for Prometheus, in its text format.

use std::fmt;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::job::JobState;

/// The media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What an answered request is counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Request {
    /// The method; `other` for one that no route has.
    pub method: String,
    /// The route, with the names of its parameters; empty where there is none.
    pub route: String,
    /// The status of the answer.
    pub status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct State {
    state: &'static str,
}

/// What a server does at a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Jobs in each state, in the order of [`JobState::ALL`].
    pub jobs: [i64; 5],
    /// Jobs that wait.
    pub waiting: usize,
    /// Jobs that run.
    pub running: usize,
    /// Nodes that are connected.
    pub nodes: usize,
    /// Jobs that these can run at once.
    pub slots: usize,
}

/// The numbers of a server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    jobs: Family<State, Gauge<i64, AtomicI64>>,
    waiting: Gauge,
    running: Gauge,
    nodes: Gauge,
    slots: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// How long transactions took: from 64 microseconds on, each bucket twice as long as the one before.
pub fn commit_times() -> Histogram {
    Histogram::new(exponential_buckets(0.000_064, 2.0, 16))
}

impl Metrics {
    /// None counted yet, with the times that the store notes.
    pub fn new(commits: Histogram, version: &'static str) -> Self {
        let mut registry = Registry::with_prefix("ez");
        let (requests, jobs) = (Family::<Request, Counter>::default(), Family::default());
        let [waiting, running, nodes, slots]: [Gauge; 4] = Default::default();
        registry.register("http_requests", "Requests that were answered", requests.clone());
        registry.register("jobs", "Jobs by their states", jobs.clone());
        registry.register("queue_length", "Jobs that wait for a node", waiting.clone());
        registry.register("jobs_running", "Jobs that nodes have", running.clone());
        registry.register("nodes_connected", "Nodes that are connected", nodes.clone());
        registry.register("slots", "Jobs that the connected nodes can run at once", slots.clone());
        registry.register_with_unit(
            "store_commit",
            "How long transactions of the database took",
            Unit::Seconds,
            commits,
        );
        let info = prometheus_client::metrics::info::Info::new([("version", version)]);
        registry.register("server", "The program", info);
        Self { registry, requests, jobs, waiting, running, nodes, slots }
    }

    /// A request was answered.
    pub fn answered(&self, request: &Request) {
        self.requests.get_or_create(request).inc();
    }

    /// All numbers.
    ///
    /// # Errors
    /// Never in practice: they are written to a text.
    pub fn text(&self, now: &Now) -> Result<String, fmt::Error> {
        for (count, state) in now.jobs.into_iter().zip(JobState::ALL) {
            self.jobs.get_or_create(&State { state: state.name() }).set(count);
        }
        self.waiting.set(now.waiting as i64);
        self.running.set(now.running as i64);
        self.nodes.set(now.nodes as i64);
        self.slots.set(now.slots as i64);
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

/// Notes a time.
pub fn note(histogram: &Histogram, time: Duration) {
    histogram.observe(time.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Metrics, Now, Request, commit_times, note};

    #[test]
    fn every_number_has_its_help_and_type() {
        let commits = commit_times();
        note(&commits, Duration::from_millis(1));
        let metrics = Metrics::new(commits, "1.2.3");
        let request = Request { method: "GET".into(), route: "/a".into(), status: 200 };
        metrics.answered(&request);
        metrics.answered(&request);
        let text = metrics.text(&Now { jobs: [1, 2, 3, 4, 5], slots: 7, ..Now::default() }).unwrap();
        for line in [
            "# HELP ez_jobs Jobs by their states.",
            "# TYPE ez_jobs gauge",
            "ez_jobs{state=\"failed\"} 4",
            "ez_slots 7",
            "# TYPE ez_http_requests counter",
            "ez_http_requests_total{method=\"GET\",route=\"/a\",status=\"200\"} 2",
            "# TYPE ez_store_commit_seconds histogram",
            "ez_store_commit_seconds_count 1",
            "ez_server_info{version=\"1.2.3\"} 1",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
    }
}
