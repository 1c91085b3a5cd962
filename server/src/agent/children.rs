//! Children of processes, where the system tells them.

use std::fs;

use rustix::process::{Pid, Signal, WaitOptions, getpid, kill_process};

/// Makes whatever the children of this process leave behind its own children.
pub fn adopt_orphans() {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_child_subreaper(Some(getpid()));
}

/// Reaps children of this process that ended. Whether there are others.
pub fn are_left() -> bool {
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => return true,
            Err(_) => return false,
        }
    }
}

/// Sends a signal to the children of this process.
pub fn signal(signal: Signal) {
    signal_those_of(getpid(), signal);
}

/// Sends a signal to the children of a process.
pub fn signal_those_of(parent: Pid, signal: Signal) {
    for pid in of(parent) {
        // It may have ended in between.
        let _ = kill_process(pid, signal);
    }
}

/// The children of all threads of a process.
fn of(parent: Pid) -> Vec<Pid> {
    let threads = fs::read_dir(format!("/proc/{}/task", parent.as_raw_nonzero()));
    let threads = threads.into_iter().flatten().flatten();
    let listed = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    let numbers = |list: String| list.split_ascii_whitespace().map(str::to_owned).collect::<Vec<_>>();
    listed.flat_map(numbers).filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}
