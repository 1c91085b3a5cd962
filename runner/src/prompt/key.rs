//! The keys of a terminal, made of the bytes that it sends.

/// Longest escape sequence that is understood, bytes; what is longer is no key.
pub const MAX_SEQUENCE: usize = 32;

const ESCAPE: u8 = 0x1b;

/// A key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// A character.
    Char(char),
    /// Return.
    Enter,
    /// Escape.
    Escape,
    /// The interrupt key.
    Interrupt,
    /// The end-of-file key.
    EndOfFile,
    /// Arrow up, or tab with shift.
    Up,
    /// Arrow down, or tab.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// To the start.
    Home,
    /// To the end.
    End,
    /// Removes the character before.
    Backspace,
    /// Removes the character behind.
    Delete,
    /// Removes everything before.
    KillBefore,
    /// Removes everything behind.
    KillBehind,
    /// Removes the word before.
    KillWord,
}

/// Makes keys of bytes. Characters and the sequences of other keys come in several.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    partial: Vec<u8>,
}

impl Keys {
    /// The key that this byte completes, if it completes one.
    pub fn feed(&mut self, byte: u8) -> Option<Key> {
        match self.partial.first() {
            None => match byte {
                ESCAPE | 0xc2..=0xf4 => {
                    self.partial.push(byte);
                    None
                }
                _ => plain(byte),
            },
            Some(&ESCAPE) => self.feed_sequence(byte),
            Some(_) => self.feed_letter(byte),
        }
    }

    /// Whether an escape came, of which nobody can say yet whether it is a key or begins another one.
    pub fn is_undecided(&self) -> bool {
        self.partial.first() == Some(&ESCAPE)
    }

    /// The key that the bytes so far are when no more come: an escape alone was pressed.
    pub fn flush(&mut self) -> Option<Key> {
        let partial = std::mem::take(&mut self.partial);
        (partial == [ESCAPE]).then_some(Key::Escape)
    }

    fn feed_sequence(&mut self, byte: u8) -> Option<Key> {
        let is_first = self.partial.len() == 1;
        if is_first && !matches!(byte, b'[' | b'O') {
            // Two escapes in a row are one and the start of another; a letter after one is a key that nobody needs.
            self.partial.truncate(usize::from(byte == ESCAPE));
            return (byte == ESCAPE).then_some(Key::Escape);
        }
        self.partial.push(byte);
        if is_first || !(0x40..0x7f).contains(&byte) {
            if self.partial.len() > MAX_SEQUENCE {
                self.partial.clear();
            }
            return None;
        }
        let sequence = std::mem::take(&mut self.partial);
        match sequence.get(2..).unwrap_or_default() {
            b"A" | b"Z" => Some(Key::Up),
            b"B" => Some(Key::Down),
            b"C" => Some(Key::Right),
            b"D" => Some(Key::Left),
            b"H" | b"1~" | b"7~" => Some(Key::Home),
            b"F" | b"4~" | b"8~" => Some(Key::End),
            b"3~" => Some(Key::Delete),
            _ => None,
        }
    }

    fn feed_letter(&mut self, byte: u8) -> Option<Key> {
        if !(0x80..0xc0).contains(&byte) {
            // The letter was never finished, and this byte is a key of its own.
            self.partial.clear();
            return self.feed(byte);
        }
        self.partial.push(byte);
        let length = match self.partial.first() {
            Some(0xc2..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            _ => 4,
        };
        if self.partial.len() < length {
            return None;
        }
        let letter = std::mem::take(&mut self.partial);
        std::str::from_utf8(&letter).ok()?.chars().next().map(Key::Char)
    }
}

fn plain(byte: u8) -> Option<Key> {
    Some(match byte {
        0x01 => Key::Home,
        0x02 => Key::Left,
        0x03 => Key::Interrupt,
        0x04 => Key::EndOfFile,
        0x05 => Key::End,
        0x06 => Key::Right,
        0x08 | 0x7f => Key::Backspace,
        0x09 | 0x0e => Key::Down,
        0x0a | 0x0d => Key::Enter,
        0x0b => Key::KillBehind,
        0x10 => Key::Up,
        0x15 => Key::KillBefore,
        0x17 => Key::KillWord,
        0x20..0x7f => Key::Char(char::from(byte)),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_keys() {
        let check = |bytes: &[u8], expected: &[Key]| {
            let mut keys = Keys::default();
            let mut all: Vec<Key> = bytes.iter().filter_map(|byte| keys.feed(*byte)).collect();
            all.extend(keys.flush());
            assert_eq!(all, expected, "{bytes:?}");
        };
        check(b"a \r\n", &[Key::Char('a'), Key::Char(' '), Key::Enter, Key::Enter]);
        check("ü中😀".as_bytes(), &[Key::Char('ü'), Key::Char('中'), Key::Char('😀')]);
        check(b"\x1b[A\x1b[B\x1bOC\x1b[D", &[Key::Up, Key::Down, Key::Right, Key::Left]);
        check(b"\x1b[H\x1b[4~\x1b[3~\x1b[Z", &[Key::Home, Key::End, Key::Delete, Key::Up]);
        check(b"\x1b", &[Key::Escape]);
        check(b"\x1b\x1b[A", &[Key::Escape, Key::Up]);
        check(
            b"\x03\x04\x7f\x15\x17",
            &[Key::Interrupt, Key::EndOfFile, Key::Backspace, Key::KillBefore, Key::KillWord],
        );
        // Neither unknown sequences nor broken letters become text.
        check(b"\x1b[200~x\x1b[201~\x1bfy", &[Key::Char('x'), Key::Char('y')]);
        check(b"\xc3a\xffb\xe4\xb8\r", &[Key::Char('a'), Key::Char('b'), Key::Enter]);
        check(b"\x1b[1;5", &[]);
    }

    #[test]
    fn a_sequence_has_a_limit() {
        let mut keys = Keys::default();
        for byte in b"\x1b[".iter().chain(std::iter::repeat_n(&b'1', MAX_SEQUENCE - 1)) {
            assert_eq!(keys.feed(*byte), None);
        }
        assert!(!keys.is_undecided());
        assert_eq!(keys.feed(b'x'), Some(Key::Char('x')));
    }
}
