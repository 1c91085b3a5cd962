//! This machine, as templates see it.

use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::time::SystemTime;

use ez_compiler::template::Host;
use ez_compiler::template::time::TimeZone;

use crate::platform;
use crate::process::Environment;

/// Where the system keeps time zones.
const ZONE_DIRECTORY: &str = "/usr/share/zoneinfo";
/// The machine's own time zone.
const LOCAL_ZONE: &str = "/etc/localtime";

/// The machine with an environment. Several threads may ask it.
#[derive(Clone, Debug)]
pub struct Machine {
    environment: Arc<Environment>,
}

impl Machine {
    /// This machine with the given environment.
    pub fn new(environment: &Arc<Environment>) -> Self {
        Self { environment: Arc::clone(environment) }
    }
}

impl Host for Machine {
    fn environment(&self, name: &str) -> Option<String> {
        self.environment.get(name).and_then(|value| value.to_str()).map(str::to_owned)
    }

    fn environment_names(&self) -> Vec<String> {
        self.environment.iter().filter_map(|(name, _)| name.to_str()).map(str::to_owned).collect()
    }

    fn now(&self) -> (i64, u32) {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        (since.as_secs() as i64, since.subsec_nanos())
    }

    fn random(&self, buffer: &mut [u8]) {
        use std::hash::{BuildHasher, Hasher};
        // Every `RandomState` has keys that the system gave; what is hashed under them cannot be guessed.
        for chunk in buffer.chunks_mut(8) {
            let bytes = std::collections::hash_map::RandomState::new().build_hasher().finish().to_le_bytes();
            let length = chunk.len();
            chunk.copy_from_slice(bytes.get(..length).unwrap_or(&bytes));
        }
    }

    fn cpu_count(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    fn os(&self) -> &'static str {
        platform::os()
    }

    fn arch(&self) -> &'static str {
        platform::arch()
    }

    fn current_dir(&self) -> String {
        std::env::current_dir().ok().and_then(|dir| dir.to_str().map(str::to_owned)).unwrap_or_default()
    }

    fn time_zone(&self, name: &str) -> Option<Arc<TimeZone>> {
        let of_environment = self.environment("TZ");
        let name = match (name, of_environment.as_deref()) {
            ("Local", Some("" | "UTC")) | ("" | "UTC", _) => return Some(TimeZone::utc()),
            ("Local", Some(zone)) => zone.trim_start_matches(':'),
            (name, _) => name,
        };
        if name.split('/').any(|part| part == "..") {
            return None;
        }
        let path = match name {
            "Local" => LOCAL_ZONE.to_owned(),
            name if name.starts_with('/') => name.to_owned(),
            name => format!("{ZONE_DIRECTORY}/{name}"),
        };
        match std::fs::read(path) {
            Ok(bytes) => TimeZone::from_tzif(name, &bytes).map(Arc::new),
            // A machine without a zone runs in UTC.
            Err(_) if name == "Local" => Some(TimeZone::utc()),
            Err(_) => None,
        }
    }

    fn resolve_host(&self, name: &str) -> Vec<String> {
        let addresses = (name, 0).to_socket_addrs();
        let mut texts: Vec<String> =
            addresses.into_iter().flatten().map(|address| address.ip().to_string()).collect();
        texts.dedup();
        texts
    }
}
