//! How much of the machine one run takes: file descriptors of children, threads that start them.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Descriptors that EZ keeps for itself: standard streams, the event loop, state files, logs.
pub const RESERVED_DESCRIPTORS: u64 = 64;
/// Fewest descriptors that children get, however low the limit is, so that a run always goes on.
pub const LEAST_DESCRIPTORS: u64 = DESCRIPTORS_PIPED as u64;
/// Most descriptors that children get, however high the limit is.
pub const MOST_DESCRIPTORS: u64 = 65_536;
/// Descriptors of a child whose output goes where ours goes: the one by which its end is noticed.
/// What its start needs for a moment is among [`RESERVED_DESCRIPTORS`].
pub const DESCRIPTORS_PLAIN: u32 = 1;
/// Descriptors of a child whose output we read: the same and our ends of two pipes.
pub const DESCRIPTORS_PIPED: u32 = 3;
/// Most threads that start children. More do not help: starting is short, and waiting takes none.
pub const MOST_LAUNCHERS: usize = 8;

/// Hands out the file descriptors that children need, so that thousands of commands at once wait
/// for each other instead of failing with "too many open files".
#[derive(Clone, Debug)]
pub struct Descriptors {
    free: Arc<Semaphore>,
    total: u32,
}

impl Descriptors {
    /// As many as the process may open, less [`RESERVED_DESCRIPTORS`].
    pub fn of_this_process() -> Self {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        Self::new(limit.unwrap_or(MOST_DESCRIPTORS))
    }

    /// For a limit of open files.
    pub fn new(limit: u64) -> Self {
        let total =
            limit.saturating_sub(RESERVED_DESCRIPTORS).clamp(LEAST_DESCRIPTORS, MOST_DESCRIPTORS) as u32;
        Self { free: Arc::new(Semaphore::new(total as usize)), total }
    }

    /// How many children with pipes fit at the same time.
    pub fn piped_children(&self) -> u32 {
        self.total / DESCRIPTORS_PIPED
    }

    /// Waits until a child may be started, with so many files that are opened for it;
    /// `None` never happens while the run lives. All that a child needs must be asked for at once.
    pub async fn acquire(&self, piped: bool, files: usize) -> Option<Reserved> {
        let own = if piped { DESCRIPTORS_PIPED } else { DESCRIPTORS_PLAIN };
        let wanted = own.saturating_add(files as u32).min(self.total);
        let permit = Arc::clone(&self.free).acquire_many_owned(wanted).await.ok()?;
        Some(Reserved { _permit: Arc::new(permit) })
    }
}

/// Descriptors that are set aside for a child until the last copy of this is dropped.
#[derive(Clone, Debug)]
pub struct Reserved {
    _permit: Arc<OwnedSemaphorePermit>,
}

/// How many threads may start children on this machine: more than it has cores, since each waits until its child has
/// become a program.
pub fn launchers() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get() * 4).min(MOST_LAUNCHERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_follow_the_limit() {
        let piped = |limit| Descriptors::new(limit).piped_children();
        assert_eq!(piped(1024), 320);
        assert_eq!(piped(0), 1);
        assert_eq!(piped(u64::MAX), 21_845);
    }

    #[tokio::test(flavor = "current_thread")]
    async fn the_last_child_waits_for_the_first() {
        let descriptors = Descriptors::new(0);
        let first = descriptors.acquire(true, 5).await;
        assert!(first.is_some());
        let second = descriptors.acquire(true, 5);
        tokio::pin!(second);
        assert!(futures_ready(second.as_mut()).is_none());
        drop(first);
        assert!(second.await.is_some());
    }

    fn futures_ready<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        }
    }
}
