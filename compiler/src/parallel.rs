//! Independent work on all cores, in order, where there is enough of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle, available_parallelism};

/// Less text is not worth a thread: it takes as long to start as to parse so much.
const BYTES_A_THREAD: usize = 32 << 10;

/// How many shares there are for each thread.
const SHARES_A_THREAD: usize = 16;

/// About how much memory the result of a byte of text takes.
const RESULT_BYTES_A_BYTE: usize = 4;

/// Most threads that work on one file.
const MAX_THREADS: usize = 8;

/// What `work` makes of each item, in the items' order. `bytes` is how much text they are, all together. Who is done
/// with some takes the next ones: some items take far longer than others, and a thread may begin late.
pub fn map<T: Sync, R: Send>(items: &[T], bytes: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let all = |share: &[T]| share.iter().map(&work).collect::<Vec<R>>();
    let threads = threads_for(bytes).min(items.len());
    if threads < 2 {
        return all(items);
    }
    let shares: Vec<&[T]> = items.chunks(items.len().div_ceil(threads * SHARES_A_THREAD)).collect();
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(share) = shares.get(index) else { return done };
            done.push((index, all(share)));
        }
    };
    let beside = || {
        make_room(bytes / threads * RESULT_BYTES_A_BYTE);
        take()
    };
    let done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| start(scope, beside)).collect();
        let mut done = take();
        done.extend(others.into_iter().filter_map(|thread| thread?.join().ok()).flatten());
        done
    });
    let mut results: Vec<Option<Vec<R>>> = shares.iter().map(|_| None).collect();
    for (index, result) in done {
        if let Some(slot) = results.get_mut(index) {
            *slot = Some(result);
        }
    }
    let mut whole = Vec::with_capacity(items.len());
    for (result, share) in results.into_iter().zip(shares) {
        // What a thread that failed had in hand is done here.
        whole.extend(result.unwrap_or_else(|| all(share)));
    }
    whole
}

/// Lets the C library's memory of this thread grow at once: it grows by a system call for every few pages otherwise.
fn make_room(bytes: usize) {
    let mut room = Vec::<u8>::new();
    // Where there is none, nothing is lost yet.
    drop(room.try_reserve_exact(bytes));
    drop(std::hint::black_box(room));
}

fn start<'scope, R: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> R + Send + 'scope,
) -> Option<ScopedJoinHandle<'scope, R>> {
    Builder::new().name("ez-compile".to_owned()).spawn_scoped(scope, work).ok()
}

fn threads_for(bytes: usize) -> usize {
    let worth = bytes / BYTES_A_THREAD;
    if worth < 2 {
        return 1;
    }
    available_parallelism().map_or(1, usize::from).min(worth).min(MAX_THREADS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_stand_in_the_items_order() {
        for count in [0, 1, 2, 3, 7, 8, 9, 1000] {
            let items: Vec<usize> = (0..count).collect();
            for bytes in [0, MAX_THREADS * BYTES_A_THREAD] {
                assert_eq!(
                    map(&items, bytes, |item| item * 2),
                    items.iter().map(|i| i * 2).collect::<Vec<_>>()
                );
            }
        }
    }
}
