//! What time it is, for records; nothing is decided by it.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The variable with a file in which stands by how many milliseconds the clock is wrong: for tests of clocks that jump.
const OFFSET: &str = "EZ_SERVER_CLOCK_OFFSET";

/// Milliseconds since 1970 in UTC. A clock that stands before that is at 0.
pub fn now_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
        .saturating_add(offset())
}

fn offset() -> i64 {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = FILE.get_or_init(|| std::env::var_os(OFFSET).map(PathBuf::from)) else { return 0 };
    std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}
