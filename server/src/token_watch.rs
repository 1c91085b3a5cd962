//! Notices that other tokens count than before, for those who are connected: a token is revoked by another process, and ends by itself.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use crate::clock::now_ms;
use crate::store::{Store, tokens};

/// How often is looked.
const LOOK: Duration = Duration::from_secs(1);

/// Which tokens count, as far as somebody wants to know it.
#[derive(Debug, Default)]
pub struct TokenWatch {
    counting: watch::Sender<BTreeSet<String>>,
    /// Whether somebody came since the last look, who has to be told of it: a token that ended before was perhaps never seen to count.
    has_new: AtomicBool,
}

impl TokenWatch {
    /// Changes when other tokens count, and after the first look from now on.
    pub fn subscribe(&self) -> watch::Receiver<BTreeSet<String>> {
        let counting = self.counting.subscribe();
        self.has_new.store(true, Ordering::SeqCst);
        counting
    }

    /// Looks as long as the server lives. Where nobody wants to know, nothing is read.
    pub async fn work(&self, store: &Store) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            look.tick().await;
            if self.counting.receiver_count() == 0 {
                continue;
            }
            let has_new = self.has_new.swap(false, Ordering::SeqCst);
            let Ok(now) = store.read(|connection| tokens::counting(connection, now_ms())).await else {
                // It is read at the next look.
                self.has_new.fetch_or(has_new, Ordering::SeqCst);
                continue;
            };
            self.counting.send_if_modified(|known| {
                let is_other = *known != now || has_new;
                *known = now;
                is_other
            });
        }
    }
}
