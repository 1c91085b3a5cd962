//! A small process beside this one that ends what this one leaves when it is killed. It learns by a pipe which groups of
//! processes run; the pipe's end, which the kernel makes whatever happens to us, is its sign.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// The guard of this process, if it has one.
static GUARD: OnceLock<Guard> = OnceLock::new();

struct Guard {
    pipe: Mutex<ChildStdin>,
    /// Never waited for: it outlives us by a moment.
    _child: Mutex<Child>,
}

/// Starts the guard of this process: `program` with `argument`, which must call [`watch`]. Once is enough.
///
/// # Errors
/// It cannot be started.
pub fn start(program: &Path, argument: &str) -> io::Result<()> {
    if GUARD.get().is_some() {
        return Ok(());
    }
    let mut child = Command::new(program)
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // The interrupt key is not for it.
        .process_group(0)
        .spawn()?;
    let Some(pipe) = child.stdin.take() else { return Err(io::Error::other("the guard has no pipe")) };
    // Another thread that was faster has done the same.
    let _ = GUARD.set(Guard { pipe: Mutex::new(pipe), _child: Mutex::new(child) });
    Ok(())
}

/// Tells the guard of a group.
pub(super) fn begins(group: Pid) {
    tell('+', group);
}

/// Tells the guard that a group is gone.
pub(super) fn ended(group: Pid) {
    tell('-', group);
}

fn tell(sign: char, group: Pid) {
    let Some(guard) = GUARD.get() else { return };
    let mut pipe = guard.pipe.lock().unwrap_or_else(PoisonError::into_inner);
    // A guard that is gone cannot help; the run goes on without it.
    let _ = writeln!(pipe, "{sign}{}", group.as_raw_nonzero());
}

/// The work of a guard: reads until the pipe ends, then kills what still runs.
pub fn watch(pipe: impl BufRead) {
    let mut running: BTreeSet<i32> = BTreeSet::new();
    for line in pipe.lines() {
        let Ok(line) = line else { break };
        let (sign, number) = line.split_at(line.len().min(1));
        let Ok(group) = number.parse::<i32>() else { continue };
        match sign {
            "+" => drop(running.insert(group)),
            "-" => drop(running.remove(&group)),
            _ => {}
        }
    }
    for group in running.into_iter().filter(|group| *group > 1).filter_map(Pid::from_raw) {
        // One that ended meanwhile is no trouble.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("1000").process_group(0).spawn().unwrap()
    }

    #[test]
    fn what_still_runs_is_killed_and_nothing_else() {
        let (mut left, mut done) = (sleeper(), sleeper());
        let text = format!("+{}\n+{}\nnonsense\n-{}\n+0\n+1\n+-1\n", left.id(), done.id(), done.id());
        watch(text.as_bytes());
        assert!(!left.wait().unwrap().success());
        assert!(done.try_wait().unwrap().is_none());
        done.kill().unwrap();
        done.wait().unwrap();
    }
}
