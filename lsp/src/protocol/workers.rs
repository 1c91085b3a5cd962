//! Threads that work on questions: a few for all. The system's allocator keeps for each thread what that one once needed, so
//! that a new thread for every question would take memory again and again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
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

/// What `work` makes of each number below `count`, in order. A thread that is free helps. One that is not is not waited for: on a
/// busy machine it takes longer until a thread runs than the work takes.
pub fn with_help<R: Send + 'static>(
    count: usize,
    work: impl Fn(usize) -> R + Send + Sync + 'static,
) -> Vec<R> {
    let next = Arc::new(AtomicUsize::new(0));
    let work = Arc::new(work);
    let claim = move || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|number| *number < count);
    let (sender, of_helper) = mpsc::channel();
    if count > 1 {
        give(help(claim.clone(), Arc::clone(&work), sender));
    }
    let mut made: Vec<(usize, R)> = std::iter::from_fn(&claim).map(|number| (number, work(number))).collect();
    // What is missing was claimed by the helper. If it fails at that, its end of the channel closes.
    while made.len() < count
        && let Ok(result) = of_helper.recv()
    {
        made.push(result);
    }
    let mut results: Vec<Option<R>> = (0..count).map(|_| None).collect();
    for (number, result) in made {
        if let Some(slot) = results.get_mut(number) {
            *slot = Some(result);
        }
    }
    let results = results.into_iter().enumerate();
    results.map(|(number, result)| result.unwrap_or_else(|| work(number))).collect()
}

/// Makes what is left to be claimed.
fn help<R: Send + 'static>(
    claim: impl Fn() -> Option<usize> + Send + 'static,
    work: Arc<impl Fn(usize) -> R + Send + Sync + 'static>,
    results: Sender<(usize, R)>,
) -> Job {
    let help = move || {
        while let Some(number) = claim() {
            // Somebody waits for it, who has claimed all the rest.
            let _ = results.send((number, work(number)));
        }
    };
    Box::new(|| {
        // Who waits does it again, and fails for himself.
        let _ = catch_unwind(AssertUnwindSafe(help));
    })
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

    #[test]
    fn results_of_helpers_stand_in_order() {
        for count in [0, 1, 2, 3, 1000] {
            let expected: Vec<usize> = (0..count).map(|number| number * 2).collect();
            assert_eq!(with_help(count, |number| number * 2), expected);
            let here = thread::current().id();
            let fails_elsewhere = move |number| {
                assert_eq!(thread::current().id(), here);
                number * 2
            };
            assert_eq!(with_help(count, fails_elsewhere), expected);
        }
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
