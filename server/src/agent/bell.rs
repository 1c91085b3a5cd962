//! How a watcher tells the agent that started it, if that is there still: by single bytes in a pipe.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

/// The log or the events of the attempt grew.
pub const GREW: u8 = b'+';

/// The attempt is over, and the watcher takes another.
pub const READY: u8 = b'.';

/// The end of the pipe that rings.
pub struct Bell {
    pipe: File,
}

impl Bell {
    /// A bell that rings in a pipe.
    pub fn new(pipe: OwnedFd) -> Self {
        // An agent that does not listen must not hold the job up.
        if let Ok(flags) = rustix::fs::fcntl_getfl(&pipe) {
            let _ = rustix::fs::fcntl_setfl(&pipe, flags | rustix::fs::OFlags::NONBLOCK);
        }
        Self { pipe: pipe.into() }
    }

    /// The log or the events grew.
    pub fn log_grew(&self) {
        // A full pipe rings already, and a closed one has nobody behind it.
        let _ = (&self.pipe).write(&[GREW]);
    }

    /// The attempt is over. Whether the agent will know.
    pub fn is_told_ready(&self) -> bool {
        matches!((&self.pipe).write(&[READY]), Ok(1))
    }
}
