//! Notices that other tokens count than before, for those who are connected: a token is revoked by another process, and ends by itself.

use std::collections::BTreeSet;
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
}

impl TokenWatch {
    /// Changes when other tokens count.
    pub fn subscribe(&self) -> watch::Receiver<BTreeSet<String>> {
        self.counting.subscribe()
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
            // What cannot be read now is read at the next look.
            let Ok(now) = store.read(|connection| tokens::counting(connection, now_ms())).await else {
                continue;
            };
            self.counting.send_if_modified(|known| {
                let is_other = *known != now;
                *known = now;
                is_other
            });
        }
    }
}
