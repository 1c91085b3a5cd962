//! Threads that work on questions: a few for all. The system's allocator keeps for each thread what that one once needed, so
//! that a new thread for every question would take memory again and again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use tokio::sync::oneshot;

use super::server::Refusal;

/// How many questions are worked on at once: one more than the one that waits for the project to be compiled.
const THREADS: usize = 2;

type Job = Box<dyn FnOnce() + Send>;

static WORKERS: LazyLock<Mutex<Option<Sender<Job>>>> = LazyLock::new(|| Mutex::new(start()));

/// Works on something in a thread of its own; a panic there ends nothing else. What nobody waits for any longer is not begun.
/// `afterwards` is done there too, when the answer is on its way.
///
/// # Errors
/// The work is refused, or panics.
pub async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refusal> + Send + 'static,
    afterwards: impl FnOnce() + Send + 'static,
) -> Result<T, Refusal> {
    let (answer, answered) = oneshot::channel();
    give(Box::new(move || {
        if !answer.is_closed() {
            let _ = answer.send(catch_unwind(AssertUnwindSafe(work)));
        }
        let _ = catch_unwind(AssertUnwindSafe(afterwards));
    }));
    match answered.await {
        Ok(Ok(answer)) => answer,
        Ok(Err(cause)) => {
            let text = cause.downcast_ref::<String>().cloned();
            let text = text.or_else(|| cause.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err(Refusal::Panic(text.unwrap_or_default()))
        }
        Err(_) => Err(Refusal::Stale),
    }
}

/// Gives work to the next thread that is free. Where no thread is to be had, it is done at once.
fn give(job: Job) {
    let jobs = WORKERS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let left = match jobs {
        Some(jobs) => jobs.send(job).err().map(|error| error.0),
        None => Some(job),
    };
    if let Some(job) = left {
        job();
    }
}

fn start() -> Option<Sender<Job>> {
    let (sender, receiver) = mpsc::channel();
    let jobs = Arc::new(Mutex::new(receiver));
    let begin = |_| {
        let jobs = Arc::clone(&jobs);
        thread::Builder::new().name("ez-lsp".to_owned()).spawn(move || work_on(&jobs)).ok()
    };
    let started = (0..THREADS).filter_map(begin).count();
    (started > 0).then_some(sender)
}

fn work_on(jobs: &Mutex<Receiver<Job>>) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        job();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn a_panic_ends_one_question() {
        for _ in 0..=THREADS {
            let failed = apart(|| -> Result<(), Refusal> { panic!("oh no") }, || panic!("oh no")).await;
            assert!(matches!(failed, Err(Refusal::Panic(text)) if text == "oh no"));
        }
        assert!(matches!(apart(|| Ok(1), || {}).await, Ok(1)));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn questions_are_worked_on_at_once() {
        let here = Arc::new(Barrier::new(THREADS));
        let meet = |barrier: Arc<Barrier>| {
            let wait = move || {
                barrier.wait();
                Ok(())
            };
            apart(wait, || {})
        };
        assert!(matches!(tokio::join!(meet(Arc::clone(&here)), meet(here)), (Ok(()), Ok(()))));
    }
}
