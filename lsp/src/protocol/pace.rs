//! When big findings are told to an editor whose user types on.
//!
//! Findings of a file with thousands of them take an editor longer to read than the next key is away. Told at every key they would pile up in it, and the newest
//! would be shown long after the last key. So those are left out that the next key is about to make old; nobody sees them for longer than that anyway.

use std::time::Duration;

use tokio::time::Instant;

/// Keys that are further apart give an editor time to read.
const LONGEST_INTERVAL: Duration = Duration::from_millis(100);

/// After so long something is told, also where the typing does not end.
const LONGEST_SILENCE: Duration = Duration::from_millis(250);

/// How much later than the last ones a key may come to be one of the same row, as a share of their interval.
const LATENESS: u32 = 8;

/// How fast somebody types, and what was told of it.
#[derive(Debug, Default)]
pub struct Pace {
    changed: Option<Instant>,
    /// The longer one of the last two.
    interval: Duration,
    last_interval: Duration,
    told: Option<Instant>,
    is_ahead: bool,
}

impl Pace {
    /// The texts change. Somebody types ahead whose editor has not yet what there was to tell before.
    pub fn change(&mut self, now: Instant, is_ahead: bool) {
        let interval = self.changed.map_or(Duration::MAX, |last| now.saturating_duration_since(last));
        self.interval = interval.max(self.last_interval);
        self.last_interval = interval;
        self.changed = Some(now);
        self.is_ahead = is_ahead;
    }

    /// Something is told.
    pub fn tell(&mut self, now: Instant) {
        self.told = Some(now);
    }

    /// Until when it is waited for the next key; `None` where nobody types ahead.
    pub fn due(&self) -> Option<Instant> {
        let (changed, told) = (self.changed?, self.told?);
        let types_ahead = self.is_ahead && self.interval <= LONGEST_INTERVAL;
        types_ahead.then(|| (changed + self.interval + self.interval / LATENESS).min(told + LONGEST_SILENCE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    #[test]
    fn who_types_ahead_is_told_at_the_end_and_now_and_then() {
        let begun = Instant::now();
        let mut pace = Pace::default();
        let mut told = Vec::new();
        for key in 0..30 {
            let now = begun + ms(key * 40);
            pace.change(now, key > 0);
            let due = pace.due().unwrap_or(now);
            if key == 29 || due < now + ms(40) {
                pace.tell(due.max(now));
                told.push((due.max(now) - begun).as_millis());
            }
        }
        // Two keys are no row yet.
        assert_eq!(told, [0, 40, 290, 540, 790, 1040, 29 * 40 + 45]);
    }

    #[test]
    fn who_waits_for_findings_or_types_slowly_is_told_at_once() {
        let begun = Instant::now();
        for (interval, is_ahead) in [(40, false), (101, true)] {
            let mut pace = Pace::default();
            for key in 0..5 {
                pace.change(begun + ms(key * interval), is_ahead);
                assert_eq!(pace.due(), None);
                pace.tell(begun + ms(key * interval));
            }
        }
    }
}
