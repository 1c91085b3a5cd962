//! What happens, in numbered order: kept for a while, so that who comes back is told what was missed.
//!
//! There is one row of events for everybody. A reader has a place in it and nothing else, so that one that is slow costs no memory; who falls behind its beginning is
//! told to read the state anew.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use crate::job::{JobId, JobState, PlanRunId};
use crate::queue::NodeId;

/// How many events are kept.
pub const KEPT_EVENTS: usize = 16_384;

/// How many numbers are set aside for each millisecond before a server began, so that numbers grow over its restarts too.
const NUMBERS_A_MILLISECOND: u64 = 1000;

/// Something that happened, as it is told. It is kept as it is and not as JSON, which would take ten times the memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Happened {
    /// A job has another state.
    Job {
        /// Which job.
        job_id: JobId,
        /// Its state.
        state: JobState,
    },
    /// A node came, went, or changed.
    Node {
        /// Which node.
        node_id: NodeId,
        /// Whether it is connected.
        connected: bool,
    },
    /// A run of a plan, or one of its steps, has another state.
    PlanRun {
        /// Which run.
        run_id: PlanRunId,
        /// Of which plan.
        plan: String,
        /// The state of the run.
        state: JobState,
        /// How many steps it has.
        steps_total: u32,
        /// How many of them are done, however that ended.
        steps_done: u32,
        /// How many of them failed.
        steps_failed: u32,
    },
}

impl Happened {
    /// What clients know it by.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Job { .. } => "job_update",
            Self::Node { .. } => "node_update",
            Self::PlanRun { .. } => "plan_update",
        }
    }
}

/// Something that happened, with its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEvent {
    /// Those of later events are higher.
    pub seq: u64,
    /// What it is.
    pub happened: Happened,
}

/// Some of what a reader asks for is not kept any more, or never was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap;

/// The events of a server.
#[derive(Debug)]
pub struct Events {
    row: Mutex<Row>,
    latest: watch::Sender<u64>,
}

#[derive(Debug)]
struct Row {
    kept: VecDeque<KeptEvent>,
    /// The number before the first one that can be told.
    from: u64,
    /// The number of the last one.
    last: u64,
}

impl Events {
    /// None yet, for a server that began at a time in milliseconds since 1970.
    pub fn new(began: i64) -> Self {
        let from = u64::try_from(began).unwrap_or(0).saturating_mul(NUMBERS_A_MILLISECOND);
        Self {
            row: Mutex::new(Row { kept: VecDeque::new(), from, last: from }),
            latest: watch::Sender::new(from),
        }
    }

    /// Something happened. Its number.
    pub fn publish(&self, happened: Happened) -> u64 {
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        row.last += 1;
        let seq = row.last;
        row.kept.push_back(KeptEvent { seq, happened });
        if row.kept.len() > KEPT_EVENTS
            && let Some(oldest) = row.kept.pop_front()
        {
            row.from = oldest.seq;
        }
        self.latest.send_replace(seq);
        seq
    }

    /// Some events were not heard of: nobody can be told all from before.
    pub fn forget(&self) {
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        row.kept.clear();
        row.last += 1;
        row.from = row.last;
        self.latest.send_replace(row.last);
    }

    /// The number of the last one.
    pub fn latest(&self) -> u64 {
        *self.latest.borrow()
    }

    /// Tells when there is another.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// At most so many events behind a number, in their order.
    ///
    /// # Errors
    /// Not all of them are known.
    pub fn after(&self, seq: u64, most: usize) -> Result<Vec<KeptEvent>, Gap> {
        let row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        if seq < row.from || seq > row.last {
            return Err(Gap);
        }
        let begin = row.kept.partition_point(|event| event.seq <= seq);
        Ok(row.kept.range(begin..).take(most).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{Events, Gap, Happened, KEPT_EVENTS, NUMBERS_A_MILLISECOND};
    use crate::job::JobState;

    fn publish(events: &Events, job_id: i64) -> u64 {
        events.publish(Happened::Job { job_id, state: JobState::Running })
    }

    fn jobs(events: &Events, after: u64) -> Result<Vec<i64>, Gap> {
        let found = events.after(after, usize::MAX)?;
        let job = |happened| if let Happened::Job { job_id, .. } = happened { Some(job_id) } else { None };
        Ok(found.into_iter().filter_map(|event| job(event.happened)).collect())
    }

    #[test]
    fn who_comes_back_is_told_what_was_missed() {
        let events = Events::new(0);
        let first = publish(&events, 1);
        publish(&events, 2);
        publish(&events, 3);
        assert_eq!(jobs(&events, first), Ok(vec![2, 3]));
        assert_eq!(events.after(first, 1).map(|found| found.len()), Ok(1));
        assert_eq!(jobs(&events, events.latest()), Ok(Vec::new()));
        assert_eq!(jobs(&events, events.latest() + 1), Err(Gap));
    }

    #[test]
    fn what_is_too_old_is_a_gap() {
        let events = Events::new(0);
        let first = publish(&events, 0);
        for job in 1..=KEPT_EVENTS as i64 {
            publish(&events, job);
        }
        assert_eq!(jobs(&events, first - 1), Err(Gap));
        assert_eq!(jobs(&events, first).map(|jobs| jobs.len()), Ok(KEPT_EVENTS));
    }

    #[test]
    fn what_was_not_heard_of_is_a_gap_for_everybody() {
        let events = Events::new(0);
        let first = publish(&events, 1);
        events.forget();
        assert_eq!(jobs(&events, first), Err(Gap));
        let latest = events.latest();
        publish(&events, 2);
        assert_eq!(jobs(&events, latest), Ok(vec![2]));
    }

    #[test]
    fn a_server_that_begins_later_has_higher_numbers() {
        let earlier = Events::new(5);
        for job in 0..NUMBERS_A_MILLISECOND as i64 {
            publish(&earlier, job);
        }
        let later = Events::new(7);
        assert_eq!(jobs(&later, earlier.latest()), Err(Gap));
        assert!(publish(&later, 1) > earlier.latest());
    }
}
