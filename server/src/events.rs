//! What happens, in numbered order: kept for a while, so that who comes back is told what was missed.
//!
//! There is one row of events for everybody. A reader has a place in it and nothing else, so that one that is slow costs no memory; who falls behind its beginning is
//! told to read the state anew.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use crate::job::JobId;
use crate::queue::NodeId;

/// How many events are kept.
pub const KEPT_EVENTS: usize = 16_384;

/// How many numbers are set aside for each millisecond before a server began, so that numbers grow over its restarts too.
const NUMBERS_A_MILLISECOND: u64 = 1000;

/// What an event is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A job.
    Job(JobId),
    /// A node.
    Node(NodeId),
    /// A plan, by its name.
    Plan(String),
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptEvent {
    /// Its number: those of later events are higher.
    pub seq: u64,
    /// What kind of thing: `job_update`, `node_update`, `plan_update`.
    pub name: &'static str,
    /// To what.
    pub subject: Subject,
    /// What is told of it.
    pub data: Value,
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
    kept: VecDeque<Arc<KeptEvent>>,
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
    pub fn publish(&self, name: &'static str, subject: Subject, data: Value) -> u64 {
        let mut row = self.row.lock().unwrap_or_else(PoisonError::into_inner);
        row.last += 1;
        let seq = row.last;
        row.kept.push_back(Arc::new(KeptEvent { seq, name, subject, data }));
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
    pub fn after(&self, seq: u64, most: usize) -> Result<Vec<Arc<KeptEvent>>, Gap> {
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
    use serde_json::json;

    use super::{Events, Gap, KEPT_EVENTS, NUMBERS_A_MILLISECOND, Subject};

    fn publish(events: &Events, job: i64) -> u64 {
        events.publish("job_update", Subject::Job(job), json!({"job_id": job}))
    }

    fn jobs(events: &Events, after: u64) -> Result<Vec<i64>, Gap> {
        let found = events.after(after, usize::MAX)?;
        Ok(found.iter().filter_map(|event| event.data["job_id"].as_i64()).collect())
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
