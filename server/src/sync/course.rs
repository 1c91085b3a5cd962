//! How a transfer goes on: how long a server that is away is waited for, who is told that a connection broke, and how it is stopped.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

/// How long a server that is away is waited for, and the pauses between the tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long.
    pub limit: Duration,
    /// The first pause; each further one is twice as long.
    pub first_pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            limit: Duration::from_hours(1),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(5),
        }
    }
}

impl Patience {
    /// For a server that is not away yet.
    pub fn outage(self) -> Outage {
        Outage { patience: self, began: None, pause: self.first_pause }
    }
}

/// A time during which a server is away.
#[derive(Clone, Copy, Debug)]
pub struct Outage {
    patience: Patience,
    began: Option<Instant>,
    pause: Duration,
}

impl Outage {
    /// Whether the server answered until now.
    pub fn is_new(&self) -> bool {
        self.began.is_none()
    }

    /// The pause before the next try; `None` where it was tried for long enough.
    pub fn next_pause(&mut self) -> Option<Duration> {
        if self.began.get_or_insert_with(Instant::now).elapsed() > self.patience.limit {
            return None;
        }
        let pause = self.pause;
        self.pause = (pause * 2).min(self.patience.longest_pause);
        Some(pause)
    }

    /// The server is there again.
    pub fn end(&mut self) {
        *self = self.patience.outage();
    }
}

/// It was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it was stopped")]
pub struct Stopped;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Going,
    Stopped,
    /// It puts files in their places, which is not left half done.
    Placing,
}

/// The course of one transfer. A clone is the same one.
#[derive(Clone, Debug, Default)]
pub struct Course {
    state: Arc<(Mutex<State>, Condvar)>,
    broken: Option<UnboundedSender<String>>,
    /// How long a server that is away is waited for.
    pub patience: Patience,
}

impl Course {
    /// One that tells when a connection broke, and why.
    pub fn telling(broken: UnboundedSender<String>) -> Self {
        Self { broken: Some(broken), ..Self::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops it. Not where files are put in their places already: then it comes to its end.
    pub fn stop(&self) -> bool {
        let mut state = self.state();
        if *state == State::Placing {
            return false;
        }
        *state = State::Stopped;
        self.state.1.notify_all();
        true
    }

    /// Whether it may go on.
    ///
    /// # Errors
    /// It was stopped.
    pub fn check(&self) -> Result<(), Stopped> {
        if *self.state() == State::Stopped { Err(Stopped) } else { Ok(()) }
    }

    /// From here on it cannot be stopped.
    ///
    /// # Errors
    /// It was stopped before.
    pub fn begin_placing(&self) -> Result<(), Stopped> {
        let mut state = self.state();
        if *state == State::Stopped {
            return Err(Stopped);
        }
        *state = State::Placing;
        Ok(())
    }

    /// Waits.
    ///
    /// # Errors
    /// It is stopped meanwhile.
    pub fn pause(&self, pause: Duration) -> Result<(), Stopped> {
        let waited = self.state.1.wait_timeout_while(self.state(), pause, |state| *state != State::Stopped);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if *state == State::Stopped { Err(Stopped) } else { Ok(()) }
    }

    /// Tells that the connection broke.
    pub fn tell_break(&self, why: String) {
        if let Some(broken) = &self.broken {
            // Who does not listen does not want to know.
            let _ = broken.send(why);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Course, Patience, Stopped};

    #[test]
    fn what_was_stopped_neither_waits_nor_begins_to_place() {
        let course = Course::default();
        let waiting = course.clone();
        let waiting = std::thread::spawn(move || waiting.pause(Duration::from_hours(1)));
        assert!(course.stop());
        assert_eq!(waiting.join().unwrap(), Err(Stopped));
        assert_eq!((course.check(), course.begin_placing()), (Err(Stopped), Err(Stopped)));
    }

    #[test]
    fn what_places_files_comes_to_its_end() {
        let course = Course::default();
        course.begin_placing().unwrap();
        assert!(!course.stop());
        assert_eq!(course.check(), Ok(()));
    }

    #[test]
    fn an_outage_has_a_limit_and_longer_and_longer_pauses() {
        let ms = Duration::from_millis;
        let patience = Patience { limit: Duration::from_hours(1), first_pause: ms(1), longest_pause: ms(3) };
        let mut outage = patience.outage();
        assert!(outage.is_new());
        let pauses: Vec<_> = (0..4).filter_map(|_| outage.next_pause()).collect();
        assert_eq!(pauses, [ms(1), ms(2), ms(3), ms(3)]);
        assert!(!outage.is_new());
        outage.end();
        assert_eq!((outage.is_new(), outage.next_pause()), (true, Some(ms(1))));
        let mut over = Patience { limit: Duration::ZERO, ..patience }.outage();
        while over.next_pause().is_some() {}
    }
}
