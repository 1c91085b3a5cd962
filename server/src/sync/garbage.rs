//! Removes contents that nobody needs, from time to time.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::content_store::{ContentLimits, ContentStore};
use super::digest::Digest;
use crate::store::{Store, jobs};

/// How often.
const EVERY: Duration = Duration::from_hours(1);

/// Works on the contents of a server: what jobs need that have not ended is kept.
pub async fn collect_on_server(content: ContentStore, limits: ContentLimits, store: Store) {
    loop {
        match store.read(jobs::unfinished).await {
            Ok(jobs) => {
                let trees: Vec<Digest> = jobs.iter().filter_map(|job| job.spec.inputs).collect();
                let content = content.clone();
                tell(tokio::task::spawn_blocking(move || collect(&content, &limits, &trees)).await);
            }
            Err(error) => eprintln!("ez: contents are not tidied up: {error}"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// Works on the contents of a node: all of them can be fetched again.
pub async fn collect_on_node(content: PathBuf, limits: ContentLimits) {
    loop {
        let content = content.clone();
        let collected =
            tokio::task::spawn_blocking(move || collect(&ContentStore::open(content)?, &limits, &[]));
        tell(collected.await);
        tokio::time::sleep(EVERY).await;
    }
}

fn collect(content: &ContentStore, limits: &ContentLimits, trees: &[Digest]) -> std::io::Result<()> {
    let mut kept: HashSet<Digest> = trees.iter().copied().collect();
    for tree in trees {
        // A tree that is not here any more needs nothing.
        if let Ok(manifest) = content.manifest(tree) {
            kept.extend(manifest.contents().into_keys());
        }
    }
    content.collect_garbage(limits, |digest| kept.contains(digest), SystemTime::now())?;
    Ok(())
}

fn tell(outcome: Result<std::io::Result<()>, tokio::task::JoinError>) {
    if let Ok(Err(error)) = outcome {
        eprintln!("ez: contents are not tidied up: {error}");
    }
}
