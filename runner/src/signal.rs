//! Stopping: the tokens by which a run is asked to end, and the signals that ask for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use rustix::process::Signal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// How many signals go-task takes before it gives up at once, with exit code 1.
pub const FORCED_AFTER: usize = 3;

/// A request to stop, shared by everything that must obey it. A clone is the same request; a
/// [`Stop::child`] can be stopped alone.
#[derive(Clone, Debug)]
pub struct Stop {
    gentle: CancellationToken,
    forced: CancellationToken,
    signal: Arc<AtomicI32>,
}

impl Default for Stop {
    fn default() -> Self {
        Self {
            gentle: CancellationToken::new(),
            forced: CancellationToken::new(),
            signal: Arc::new(AtomicI32::new(0)),
        }
    }
}

impl Stop {
    /// A request that nobody has made yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A request that is made together with this one, and that can be made alone.
    #[must_use]
    pub fn child(&self) -> Self {
        Self {
            gentle: self.gentle.child_token(),
            forced: self.forced.child_token(),
            signal: Arc::clone(&self.signal),
        }
    }

    /// Asks to stop: children get `signal`, then a grace time.
    pub fn stop(&self, signal: Signal) {
        self.signal.store(signal.as_raw(), Ordering::Relaxed);
        self.gentle.cancel();
    }

    /// Asks to stop as the interrupt key does. For a run that is cancelled by itself (fail fast).
    pub fn cancel(&self) {
        self.gentle.cancel();
    }

    /// Ends the grace time.
    pub fn kill(&self) {
        self.gentle.cancel();
        self.forced.cancel();
    }

    /// Whether it was asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.gentle.is_cancelled()
    }

    /// The signal that asked, if it was one.
    pub fn received(&self) -> Option<Signal> {
        Signal::from_named_raw(self.signal.load(Ordering::Relaxed))
    }

    /// Ends when it was asked to stop.
    pub async fn stopped(&self) {
        self.gentle.cancelled().await;
    }

    /// Ends when the grace time was ended.
    pub async fn killed(&self) {
        self.forced.cancelled().await;
    }
}

/// The signals that ask a run to stop. While it lives they do not end EZ.
#[derive(Debug)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    hang_up: tokio::signal::unix::Signal,
}

impl Signals {
    /// Starts listening. Must be called inside the run's event loop.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}

/// What go-task calls a signal in its messages.
pub fn name(signal: Signal) -> &'static str {
    if signal == Signal::INT {
        "interrupt"
    } else if signal == Signal::TERM {
        "terminated"
    } else if signal == Signal::HUP {
        "hangup"
    } else {
        "signal"
    }
}

/// go-task's line for the `count`th signal (from 1), newline included.
pub fn message(signal: Signal, count: usize) -> String {
    let name = name(signal);
    if count >= FORCED_AFTER {
        format!("task: Signal received for the third time: \"{name}\". Forcing shutdown\n")
    } else {
        format!("task: Signal received: \"{name}\"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_stops_with_its_parent_and_alone() {
        let parent = Stop::new();
        let (first, second) = (parent.child(), parent.child());
        first.cancel();
        assert_eq!((parent.is_stopped(), first.is_stopped(), second.is_stopped()), (false, true, false));
        parent.stop(Signal::TERM);
        assert!(second.is_stopped());
        assert_eq!(second.received(), Some(Signal::TERM));
    }

    #[test]
    fn messages_are_those_of_go_task() {
        assert_eq!(message(Signal::INT, 1), "task: Signal received: \"interrupt\"\n");
        assert_eq!(
            message(Signal::TERM, 3),
            "task: Signal received for the third time: \"terminated\". Forcing shutdown\n"
        );
    }
}
