//! Until when a watcher has to have ended an attempt. Watchers keep time themselves; this is for one that hangs, or is stopped.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How much longer than it should a watcher may take, before it is killed.
pub const WATCHER_LIMIT: Duration = Duration::from_secs(5);

/// The deadline of an attempt.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    at: Option<Instant>,
    grace: Duration,
    /// Whether the attempt is to end.
    is_ending: bool,
}

impl Deadline {
    /// That of an attempt that begins now, with its timeout in seconds (0 is none) and its grace in milliseconds.
    pub fn new(now: Instant, timeout: u64, grace: u64) -> Self {
        let at = now.checked_add(Duration::from_secs(timeout).saturating_add(WATCHER_LIMIT));
        Self { at: at.filter(|_| timeout > 0), grace: Duration::from_millis(grace), is_ending: false }
    }

    /// When it has to be looked at.
    pub fn at(&self) -> Option<Instant> {
        self.at
    }

    /// The attempt is to end from now on.
    pub fn end(&mut self, now: Instant) {
        if !self.is_ending {
            self.is_ending = true;
            self.at = now.checked_add(self.grace.saturating_add(WATCHER_LIMIT));
        }
    }

    /// Looks at it. Whether the watcher is to be killed: it had its grace. After a timeout it has one first, so that a machine which stood still ends nothing early.
    pub fn is_over(&mut self, now: Instant) -> bool {
        if self.at.is_none_or(|at| now < at) {
            return false;
        }
        if self.is_ending {
            self.at = now.checked_add(WATCHER_LIMIT);
            return true;
        }
        self.end(now);
        false
    }
}

/// Waits until a time, where there is one.
pub async fn reached(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{Deadline, WATCHER_LIMIT};

    #[test]
    fn a_watcher_has_the_timeout_and_then_the_grace_of_its_attempt() {
        let mut now = Instant::now();
        let mut deadline = Deadline::new(now, 60, 10_000);
        assert!(!deadline.is_over(now));
        now += Duration::from_mins(1) + WATCHER_LIMIT;
        assert_eq!(deadline.at(), Some(now));
        assert!(!deadline.is_over(now));
        // Who wants its end now too gives it no longer.
        deadline.end(now + Duration::from_secs(1));
        now += Duration::from_secs(10) + WATCHER_LIMIT;
        assert_eq!(deadline.at(), Some(now));
        assert!(deadline.is_over(now));
        // It is tried again.
        assert!(!deadline.is_over(now));
        assert!(deadline.is_over(now + WATCHER_LIMIT));
    }

    #[test]
    fn an_attempt_without_a_timeout_has_all_time_until_it_is_to_end() {
        let now = Instant::now();
        let mut deadline = Deadline::new(now, 0, 0);
        assert_eq!(deadline.at(), None);
        deadline.end(now);
        assert_eq!(deadline.at(), Some(now + WATCHER_LIMIT));
        assert_eq!(Deadline::new(now, u64::MAX, 0).at(), None);
    }
}
