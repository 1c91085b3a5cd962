//! Names for files that are not complete yet.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A name that no other process and no other thread uses now.
pub fn name() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{}-{number}-{:x}", std::process::id(), super::hash_cache::now_ns())
}

/// A hidden name beside a path, for what will get that path.
pub fn beside(path: &Path) -> PathBuf {
    let last = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!(".{last}.{}", name()))
}
