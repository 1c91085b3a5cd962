//! The standard streams of this process.
//!
//! Who reads both through two pipes cannot know which of two pieces came first. Where that matters ([`keep_order`]), nothing is written to one stream, and no command
//! is started that inherits them, before the reader has taken what stands in the other. What one command writes to both at once has no order that anybody knows.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::process::Stream;

static KEEPS_ORDER: AtomicBool = AtomicBool::new(false);

/// The longest wait for a reader.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pause between two looks, after the first few.
const PAUSE: Duration = Duration::from_micros(50);

/// How often it is looked without a pause.
const EAGER_LOOKS: u32 = 20;

/// From now on both streams are pipes that are read one after the other, as soon as there is something.
pub fn keep_order() {
    KEEPS_ORDER.store(true, Ordering::Relaxed);
}

/// A standard stream for what this process itself writes.
#[derive(Clone, Copy, Debug)]
pub struct StandardStream(pub Stream);

impl StandardStream {
    /// Standard output.
    pub fn out() -> Self {
        Self(Stream::Stdout)
    }

    /// Standard error.
    pub fn err() -> Self {
        Self(Stream::Stderr)
    }
}

impl Write for StandardStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let keeps_order = KEEPS_ORDER.load(Ordering::Relaxed);
        if keeps_order {
            settle(self.0.other());
        }
        match self.0 {
            Stream::Stdout => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write(bytes)?;
                if keeps_order {
                    stdout.flush()?;
                }
                Ok(written)
            }
            Stream::Stderr => io::stderr().lock().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0 {
            Stream::Stdout => io::stdout().lock().flush(),
            Stream::Stderr => io::stderr().lock().flush(),
        }
    }
}

/// Lets what was written be read before a command starts that inherits the streams.
pub fn settle_all() {
    if KEEPS_ORDER.load(Ordering::Relaxed) {
        settle(Stream::Stdout);
        settle(Stream::Stderr);
    }
}

/// Waits until what stands in a stream is read. Where more comes meanwhile, another command writes, and there is no order to keep.
fn settle(stream: Stream) {
    let mut before = u64::MAX;
    let until = Instant::now() + PATIENCE;
    for look in 0_u32.. {
        let unread = unread(stream);
        if unread == 0 || unread > before || Instant::now() > until {
            return;
        }
        before = unread;
        if look < EAGER_LOOKS {
            std::thread::yield_now();
        } else {
            std::thread::sleep(PAUSE);
        }
    }
}

/// How many bytes stand in a pipe; 0 where it is none.
fn unread(stream: Stream) -> u64 {
    let count = match stream {
        Stream::Stdout => rustix::io::ioctl_fionread(io::stdout().as_fd()),
        Stream::Stderr => rustix::io::ioctl_fionread(io::stderr().as_fd()),
    };
    count.unwrap_or(0)
}
