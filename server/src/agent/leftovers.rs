//! Processes that an attempt left behind, found by the mark in their environment.

use std::fs;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// The variable that marks the processes of an attempt. Children inherit it.
pub const MARK: &str = "EZ_ATTEMPT_MARK";

/// For how long killed processes are looked after.
const LIMIT: Duration = Duration::from_secs(5);

/// Kills all processes with a mark. Those that begin meanwhile too. Whether none is left.
pub fn kill(mark: &str) -> bool {
    let begun = Instant::now();
    loop {
        let found = marked(mark);
        if found.is_empty() {
            return true;
        }
        if begun.elapsed() > LIMIT {
            return false;
        }
        for pid in found {
            // It may have ended in between.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The living processes with a mark, but this one.
pub fn marked(mark: &str) -> Vec<Pid> {
    let entry = format!("{MARK}={mark}");
    let own = rustix::process::getpid();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let numbers = processes.flatten().filter_map(|process| process.file_name().to_str()?.parse().ok());
    numbers
        .filter_map(Pid::from_raw)
        .filter(|pid| *pid != own && !is_zombie(*pid) && has_entry(*pid, entry.as_bytes()))
        .collect()
}

fn has_entry(pid: Pid, entry: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|known| known == entry)
}

fn is_zombie(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    // The name of the program stands in brackets, and may hold any character.
    stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}
