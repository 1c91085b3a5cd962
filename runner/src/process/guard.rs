//! A small process beside this one that ends what this one leaves when it is killed. It learns by a pipe which groups of
//! processes run; the pipe's end, which the kernel makes whatever happens to us, is its sign. What was started in our last
//! moment, before the guard was told, it finds by a variable in the environment of everything that we start.

use std::collections::BTreeSet;
use std::io::{self, BufRead, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::process::{Pid, Signal, kill_process_group};

use super::marked;

/// The guard of this process, if it has one.
static GUARD: OnceLock<Guard> = OnceLock::new();

struct Guard {
    pipe: Mutex<ChildStdin>,
    /// Never waited for: it outlives us by a moment.
    _child: Mutex<Child>,
}

/// The variable whose value tells what a run started from everything else.
pub const MARK: &str = "EZ_TASK_RUN";
/// How often processes are looked through after the pipe ended: one may be between its start and its own environment.
const LOOKS: u32 = 20;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// The value of [`MARK`] for all that this process starts.
pub fn mark() -> &'static str {
    static VALUE: OnceLock<String> = OnceLock::new();
    VALUE.get_or_init(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        format!("{}-{:x}", std::process::id(), now.as_nanos())
    })
}

/// Starts the guard of this process: `program` with `argument` and [`mark`], which must call [`watch`]. Once is enough.
///
/// # Errors
/// It cannot be started.
pub fn start(program: &Path, argument: &str) -> io::Result<()> {
    if GUARD.get().is_some() {
        return Ok(());
    }
    let mut child = Command::new(program)
        .args([argument, mark()])
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

/// The work of a guard: reads until the pipe ends, then kills what still runs, also what only the mark tells of.
pub fn watch(pipe: impl BufRead, mark: &str) {
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
    if mark.is_empty() {
        return;
    }
    for look in 0..LOOKS {
        if look > 0 {
            std::thread::sleep(PAUSE);
        }
        marked::kill(MARK, mark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(mark: &str) -> Child {
        Command::new("sleep").arg("1000").env(MARK, mark).process_group(0).spawn().unwrap()
    }

    #[test]
    fn what_still_runs_is_killed_and_nothing_else() {
        let own = format!("test-{}", mark());
        let (mut left, mut done, mut untold) = (sleeper("a"), sleeper("b"), sleeper(&own));
        let text = format!("+{}\n+{}\nnonsense\n-{}\n+0\n+1\n+-1\n", left.id(), done.id(), done.id());
        watch(text.as_bytes(), &own);
        assert!(!left.wait().unwrap().success());
        assert!(!untold.wait().unwrap().success());
        assert!(done.try_wait().unwrap().is_none());
        done.kill().unwrap();
        done.wait().unwrap();
    }
}
