//! Whether the server itself was there: while it is stopped, or gets no time, nobody can be heard.

use std::time::Duration;

use tokio::time::Instant;

/// How often leases are looked at.
pub const LOOK: Duration = Duration::from_millis(500);

/// When leases were looked at last.
#[derive(Debug)]
pub struct Presence {
    looked: Instant,
    /// How much later than it should a look may come.
    tolerance: Duration,
}

impl Presence {
    /// Looked at now. Nodes say that they are alive every `ping_every`: a shorter absence hides no more than one sign of life.
    pub fn new(now: Instant, ping_every: Duration) -> Self {
        Self { looked: now, tolerance: ping_every.max(LOOK) }
    }

    /// Leases are looked at. Whether the server was away since the last time.
    pub fn was_away(&mut self, now: Instant) -> bool {
        let passed = now.duration_since(self.looked);
        self.looked = now;
        passed > LOOK + self.tolerance
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::{LOOK, Presence};

    #[test]
    fn a_look_that_comes_late_shows_an_absence_once() {
        let began = Instant::now();
        let mut presence = Presence::new(began, Duration::from_secs(1));
        let late = LOOK + Duration::from_millis(1001);
        assert!(!presence.was_away(began + LOOK));
        assert!(presence.was_away(began + LOOK + late));
        assert!(!presence.was_away(began + LOOK + late + LOOK));
    }

    #[test]
    fn with_a_short_lease_a_look_that_is_skipped_is_no_absence() {
        let began = Instant::now();
        let mut presence = Presence::new(began, Duration::from_millis(10));
        assert!(!presence.was_away(began + LOOK * 2));
        assert!(presence.was_away(began + LOOK * 5));
    }
}
