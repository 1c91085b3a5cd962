//! How long a job that failed waits before it is tried again.

use std::time::Duration;

use crate::job::Fence;

/// The pause after the first attempt; it doubles with each.
const FIRST: Duration = Duration::from_millis(200);

/// The longest pause.
const LONGEST: Duration = Duration::from_secs(30);

/// How long the pause after an attempt is.
pub fn pause_after(attempt: Fence) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1).max(0)).unwrap_or(u32::MAX);
    let factor = 2u32.checked_pow(doublings).unwrap_or(u32::MAX);
    FIRST.saturating_mul(factor).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FIRST, LONGEST, pause_after};

    #[test]
    fn pauses_double_up_to_the_longest() {
        assert_eq!([1, 2, 3].map(pause_after), [FIRST, FIRST * 2, FIRST * 4]);
        assert_eq!([9, 40, i64::MAX].map(pause_after), [LONGEST; 3]);
        assert_eq!(pause_after(0), Duration::from_millis(200));
    }
}
