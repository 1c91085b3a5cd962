//! How much room a disk has.

use std::io;
use std::path::Path;

/// How many bytes are free for this user on the disk of a path.
///
/// # Errors
/// The system does not tell.
pub fn free(path: &Path) -> io::Result<u64> {
    let disk = rustix::fs::statvfs(path)?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}
