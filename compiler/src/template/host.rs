//! What templates can learn about the world: through a trait, so that evaluation stays pure.

use std::sync::Arc;

use super::time::TimeZone;

/// The machine, as functions of templates see it.
pub trait Host {
    /// A variable of the environment.
    fn environment(&self, name: &str) -> Option<String>;

    /// The names of all variables of the environment, in no order; for editors, which offer them.
    fn environment_names(&self) -> Vec<String> {
        Vec::new()
    }

    /// Seconds and nanoseconds since the epoch.
    fn now(&self) -> (i64, u32);

    /// Fills a buffer with random bytes.
    fn random(&self, buffer: &mut [u8]);

    /// The number of logical processors.
    fn cpu_count(&self) -> usize;

    /// Go's name of the operating system: `linux`, `darwin`, `windows` …
    fn os(&self) -> &str;

    /// Go's name of the architecture: `amd64`, `arm64` …
    fn arch(&self) -> &str;

    /// The directory in which the process runs.
    fn current_dir(&self) -> String;

    /// A time zone by its name; `Local` is that of the machine. `None` where there is none of that name.
    /// [`TimeZone::from_tzif`] reads the files under `/usr/share/zoneinfo`.
    fn time_zone(&self, name: &str) -> Option<Arc<TimeZone>>;

    /// The addresses of a host; empty where it has none.
    fn resolve_host(&self, name: &str) -> Vec<String>;
}

/// A host that is the same everywhere and always: for checks, which must not run anything, and for tests.
///
/// No environment, the epoch, zeros for random bytes, one processor, `linux` on `amd64`, `/`, UTC.
#[derive(Clone, Copy, Debug, Default)]
pub struct PureHost;

impl Host for PureHost {
    fn environment(&self, _name: &str) -> Option<String> {
        None
    }

    fn now(&self) -> (i64, u32) {
        (0, 0)
    }

    fn random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }

    fn cpu_count(&self) -> usize {
        1
    }

    fn os(&self) -> &'static str {
        "linux"
    }

    fn arch(&self) -> &'static str {
        "amd64"
    }

    fn current_dir(&self) -> String {
        "/".to_owned()
    }

    fn time_zone(&self, name: &str) -> Option<Arc<TimeZone>> {
        matches!(name, "" | "UTC" | "Local").then(TimeZone::utc)
    }

    fn resolve_host(&self, _name: &str) -> Vec<String> {
        Vec::new()
    }
}
