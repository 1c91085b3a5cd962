//! Somebody who types at random.

use ez_lsp::session::Change;

/// What is typed.
const PIECES: &[&str] = &[
    "\n",
    " ",
    "  ",
    ":",
    "- ",
    "'",
    "\"",
    "{{",
    "}}",
    "{{.X}}",
    "{{.",
    "|",
    "#",
    "&a ",
    "*a",
    "<<: *a\n",
    "\t",
    "ü",
    "任务",
    "😀",
    "\u{0}",
    "\r\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    "x",
    "\n  new:\n    cmds: [echo new]\n",
    "\n    deps: [build]\n",
    "\n      - task: build\n",
    "\n    vars: {A: 1}\n",
    "$(",
    "if [ -f",
    "version: '3'\n",
    "tasks:\n",
    "---\n",
    "ez-params: [a]\n",
];

/// A generator of numbers that are the same in every run (Marsaglia, "Xorshift RNGs", 2003).
pub struct Random(pub u64);

impl Random {
    /// A number below another.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.max(1) as u64) as usize
    }
}

/// The border of characters at or before a byte.
pub fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Line and column in UTF-16 code units.
fn position(text: &str, at: usize) -> (u32, u32) {
    let before = &text[..at];
    let line = before.matches('\n').count();
    let column: usize = before.rsplit('\n').next().unwrap_or("").chars().map(char::len_utf16).sum();
    (line as u32, column as u32)
}

/// Whether a byte stands where columns can name it: a line's end cannot be passed.
pub fn is_nameable(text: &str, at: usize) -> bool {
    !(text[..at].ends_with('\r') && text[at..].starts_with('\n'))
}

/// Types a piece somewhere in a text, perhaps over a few characters. `None` where the editor could not.
pub fn edit(random: &mut Random, text: &mut String) -> Option<Change> {
    let start = floor(text, random.below(text.len() + 1));
    let length = if random.below(3) == 0 { random.below(12) } else { 0 };
    let end = floor(text, start + length).max(start);
    if !is_nameable(text, start) || !is_nameable(text, end) {
        return None;
    }
    let piece = PIECES[random.below(PIECES.len())];
    let range = (position(text, start), position(text, end));
    text.replace_range(start..end, piece);
    Some(Change { range: Some(range), text: piece.to_owned() })
}

/// How many edits are made in each project: `EZ_SIMULATED_EDITS`, else as many as usual.
pub fn edits(usual: usize) -> usize {
    std::env::var("EZ_SIMULATED_EDITS").ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}
