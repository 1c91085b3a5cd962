//! A text whose bytes are given to tokens, later ones over earlier ones: so tokens never overlap, and are in order.

use std::ops::Range;

use super::{Modifiers, TokenKind};

/// Owners of bytes that are no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// Nothing is known of it.
    Unknown,
    /// It is plain text.
    Plain,
}

/// The bytes of a text, each with the token that it belongs to.
pub struct Paint {
    owners: Vec<u32>,
    tokens: Vec<(TokenKind, Modifiers)>,
}

const UNKNOWN: u32 = 0;
const PLAIN: u32 = 1;
/// The owner of the bytes of the first token.
const FIRST: u32 = 2;

impl Paint {
    /// Nothing is known of a text of that length.
    pub fn new(length: usize) -> Self {
        Self { owners: vec![UNKNOWN; length], tokens: Vec::new() }
    }

    /// Gives bytes to a token of their own.
    pub fn token(&mut self, range: Range<usize>, kind: TokenKind, modifiers: Modifiers) {
        let owner = FIRST + self.tokens.len() as u32;
        self.tokens.push((kind, modifiers));
        self.fill(range, owner);
    }

    /// Takes bytes from all tokens.
    pub fn clear(&mut self, range: Range<usize>, ground: Ground) {
        self.fill(range, if ground == Ground::Plain { PLAIN } else { UNKNOWN });
    }

    /// Whether nothing is known of a byte.
    pub fn is_unknown(&self, at: usize) -> bool {
        self.owners.get(at) == Some(&UNKNOWN)
    }

    fn fill(&mut self, range: Range<usize>, owner: u32) {
        let end = range.end.min(self.owners.len());
        if let Some(bytes) = self.owners.get_mut(range.start.min(end)..end) {
            bytes.fill(owner);
        }
    }

    /// The tokens: bytes that follow each other and have the same owner.
    pub fn runs(&self) -> impl Iterator<Item = (Range<usize>, TokenKind, Modifiers)> {
        let mut at = 0;
        std::iter::from_fn(move || {
            loop {
                let owner = *self.owners.get(at)?;
                let length = self.owners.get(at..)?.iter().take_while(|other| **other == owner).count();
                let range = at..at + length;
                at = range.end;
                if let Some((kind, modifiers)) =
                    owner.checked_sub(FIRST).and_then(|index| self.tokens.get(index as usize))
                {
                    return Some((range, *kind, *modifiers));
                }
            }
        })
    }
}
