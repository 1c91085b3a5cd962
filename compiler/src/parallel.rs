//! Independent work on all cores, in order, where there is enough of it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle, available_parallelism};

/// Less text is not worth a thread: it takes as long to start as to parse so much.
const BYTES_A_THREAD: usize = 32 << 10;

/// Most threads that work on one file.
const MAX_THREADS: usize = 8;

/// What `work` makes of each item, in the items' order. `bytes` is how much text they are, all together.
pub fn map<T: Sync, R: Send>(items: &[T], bytes: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let all = |share: &[T]| share.iter().map(&work).collect::<Vec<R>>();
    let threads = threads_for(bytes);
    if threads < 2 || items.len() < threads {
        return all(items);
    }
    let mut shares = items.chunks(items.len().div_ceil(threads));
    let own = shares.next().unwrap_or_default();
    std::thread::scope(|scope| {
        let others: Vec<_> = shares.map(|share| (share, start(scope, || all(share)))).collect();
        let mut results = all(own);
        results.reserve(items.len() - own.len());
        for (share, thread) in others {
            // Where no thread is to be had, this one does its share.
            results.extend(thread.and_then(|thread| thread.join().ok()).unwrap_or_else(|| all(share)));
        }
        results
    })
}

/// The same for items of which some take far longer than others: who is done takes the next one.
pub fn map_uneven<T: Sync, R: Send>(items: &[T], bytes: usize, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = threads_for(bytes).min(items.len());
    if threads < 2 {
        return items.iter().map(&work).collect();
    }
    let next = AtomicUsize::new(0);
    let take = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, work(item)));
        }
    };
    let done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| start(scope, take)).collect();
        let mut done = take();
        done.extend(others.into_iter().filter_map(|thread| thread?.join().ok()).flatten());
        done
    });
    let mut results: Vec<Option<R>> = items.iter().map(|_| None).collect();
    for (index, result) in done {
        if let Some(slot) = results.get_mut(index) {
            *slot = Some(result);
        }
    }
    // What a thread that failed had in hand is done here.
    results.into_iter().zip(items).map(|(result, item)| result.unwrap_or_else(|| work(item))).collect()
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
                assert_eq!(
                    map_uneven(&items, bytes, |item| item * 2),
                    items.iter().map(|i| i * 2).collect::<Vec<_>>()
                );
            }
        }
    }
}
