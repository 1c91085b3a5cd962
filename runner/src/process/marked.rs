//! Processes that are known by a variable in their environment, which children inherit. Only where there is `/proc`.

use std::fs;

use rustix::process::{Pid, Signal, getpid, kill_process};

/// Kills the processes with a variable of a value, but this one, as far as this user may see them. Whether there was one.
pub fn kill(variable: &str, value: &str) -> bool {
    let found = living(variable, value);
    for pid in &found {
        // It may have ended in between.
        let _ = kill_process(*pid, Signal::KILL);
    }
    !found.is_empty()
}

/// One that has ended and waits for its parent has no environment any more.
fn living(variable: &str, value: &str) -> Vec<Pid> {
    let entry = format!("{variable}={value}");
    let own = getpid();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    numbers.filter_map(Pid::from_raw).filter(|pid| *pid != own && has_entry(*pid, entry.as_bytes())).collect()
}

fn has_entry(pid: Pid, entry: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|known| known == entry)
}
