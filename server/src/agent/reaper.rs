//! The process over a watcher: it does nothing but wait for the watcher's end, and then ends what that left.
//!
//! A watcher finds whatever its jobs leave behind, because that becomes its children. Where the watcher itself is killed, all of that becomes the children of this process,
//! also what has neither the mark of the attempt in its environment nor a session in common with it. The watcher goes on where this process is killed.

use std::io;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{children, watcher};

/// The first argument of such a process; the second is the program, the third the directory of all attempts.
pub const ARGUMENT: &str = "__reap";

/// For how long killed processes are waited for.
const LIMIT: Duration = Duration::from_secs(5);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// Starts a watcher, and ends what it left when it has ended.
///
/// # Errors
/// It cannot be started.
pub fn reap(program: &str, arguments: &[String]) -> io::Result<()> {
    // A signal to the agent's session, as from its terminal, is none to the job. Fails where this process leads a group already, which does as well.
    let _ = rustix::process::setsid();
    children::adopt_orphans();
    // It has the standard streams of this process: the agent hears that they end when all is cleared away.
    Command::new(program).arg(watcher::ARGUMENT).args(arguments).spawn()?.wait()?;
    let begun = Instant::now();
    while children::are_left() && begun.elapsed() < LIMIT {
        children::signal(Signal::KILL);
        std::thread::sleep(PAUSE);
    }
    Ok(())
}
