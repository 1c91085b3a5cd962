//! A reader that ends in an error where more comes than was allowed.

use std::io::{self, Read};

/// Reads at most so many bytes, whatever anybody promised.
#[derive(Debug)]
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
}

/// More came than was allowed.
#[derive(Debug, thiserror::Error)]
#[error("it is larger than a package may be")]
pub(super) struct TooMuch;

impl<R> Bounded<R> {
    pub(super) fn new(inner: R, limit: u64) -> Self {
        Self { inner, left: limit }
    }

    pub(super) fn into_inner(self) -> R {
        self.inner
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.left == 0 {
            // The end may be right here.
            return match self.inner.read(&mut [0])? {
                0 => Ok(0),
                _ => Err(io::Error::other(TooMuch)),
            };
        }
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let count = self.inner.read(buffer.get_mut(..room).unwrap_or_default())?;
        self.left -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_read_and_what_does_not_is_an_error() {
        let check = |text: &str, limit: u64, expected: Option<&str>| {
            let mut out = String::new();
            let read = Bounded::new(text.as_bytes(), limit).read_to_string(&mut out);
            assert_eq!(read.ok().map(|_| out.as_str()), expected, "{text} {limit}");
        };
        check("", 0, Some(""));
        check("abc", 3, Some("abc"));
        check("abc", 2, None);
        check("abc", 9, Some("abc"));
    }
}
