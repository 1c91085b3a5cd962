//! Brace expansion: `a{b,c}`, `{1..3}`.

use smol_str::SmolStr;

use super::ast::WordPart;

/// How many words one brace expansion may make, as in the shell that go-task embeds.
pub const MAX_BRACE_WORDS: usize = 16 << 10;

/// How deep braces may nest; deeper ones stay as they were written.
pub const MAX_BRACE_NESTING: usize = 64;

/// How many pieces of words one brace expansion may copy.
pub const MAX_BRACE_PIECES: usize = 4 << 20;

/// How many braces one word may have.
const MAX_BRACES: usize = 500;

/// A piece of a word while its braces are expanded.
#[derive(Clone, Debug)]
pub(super) enum BracePart<'a> {
    /// Literal text with its backslashes.
    Text(SmolStr),
    /// A part without braces of its own.
    Other(&'a WordPart),
    /// A closed brace.
    Brace(Brace<'a>),
}

#[derive(Clone, Debug)]
pub(super) struct Brace<'a> {
    sequence: bool,
    elements: Vec<Vec<BracePart<'a>>>,
}

/// The word with its braces expanded; a single word where there are none. `Err` past [`MAX_BRACE_WORDS`] or
/// [`MAX_BRACE_PIECES`].
pub(super) fn expand_braces(parts: &[WordPart]) -> Result<Vec<Vec<BracePart<'_>>>, String> {
    let (split, braces) = split(parts);
    if braces > MAX_BRACES {
        return too_many();
    }
    let mut expansion = Expansion::default();
    expansion.expand(&split)?;
    Ok(expansion.words)
}

/// The word's pieces, and how many braces are in them.
fn split(parts: &[WordPart]) -> (Vec<BracePart<'_>>, usize) {
    let mut splitter = Splitter { top: Vec::new(), open: Vec::new(), closed: 0 };
    for part in parts {
        match part {
            WordPart::Literal(literal) => splitter.literal(&literal.text),
            other => splitter.push(BracePart::Other(other)),
        }
    }
    while let Some(brace) = splitter.open.pop() {
        splitter.unwrap(brace, false);
    }
    (splitter.top, splitter.closed)
}

struct Splitter<'a> {
    top: Vec<BracePart<'a>>,
    open: Vec<Brace<'a>>,
    closed: usize,
}

impl<'a> Splitter<'a> {
    fn target(&mut self) -> &mut Vec<BracePart<'a>> {
        match self.open.last_mut().and_then(|brace| brace.elements.last_mut()) {
            Some(element) => element,
            None => &mut self.top,
        }
    }

    fn push(&mut self, part: BracePart<'a>) {
        self.target().push(part);
    }

    fn text(&mut self, text: &str) {
        if !text.is_empty() {
            self.push(BracePart::Text(SmolStr::new(text)));
        }
    }

    /// Puts an unfit brace back as the text that it was.
    fn unwrap(&mut self, brace: Brace<'a>, closed: bool) {
        let separator = if brace.sequence { ".." } else { "," };
        self.text("{");
        for (index, element) in brace.elements.into_iter().enumerate() {
            if index > 0 {
                self.text(separator);
            }
            self.target().extend(element);
        }
        if closed {
            self.text("}");
        }
    }

    fn literal(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let mut last = 0;
        let mut at = 0;
        let piece = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        while let Some(&byte) = bytes.get(at) {
            match byte {
                b'\\' => {
                    at += 2;
                    continue;
                }
                b'{' if self.open.len() < MAX_BRACE_NESTING => {
                    self.text(piece(last, at));
                    self.open.push(Brace { sequence: false, elements: vec![Vec::new()] });
                }
                b',' if !self.open.is_empty() => {
                    self.text(piece(last, at));
                    self.comma();
                }
                b'.' if bytes.get(at + 1) == Some(&b'.')
                    && self.open.last().is_some_and(|brace| brace.sequence || brace.elements.len() == 1) =>
                {
                    self.text(piece(last, at));
                    if let Some(brace) = self.open.last_mut() {
                        brace.sequence = true;
                        brace.elements.push(Vec::new());
                    }
                    at += 1;
                }
                b'}' if !self.open.is_empty() => {
                    self.text(piece(last, at));
                    self.close();
                }
                _ => {
                    at += 1;
                    continue;
                }
            }
            at += 1;
            last = at;
        }
        if last == 0 {
            self.push(BracePart::Text(SmolStr::new(text)));
        } else {
            // Even an empty end counts: `{,a}` makes an empty word.
            self.push(BracePart::Text(SmolStr::new(piece(last, text.len()))));
        }
    }

    fn comma(&mut self) {
        let Some(brace) = self.open.last_mut() else { return };
        if brace.sequence {
            // A comma makes what looked like a sequence a list.
            let mut merged = Vec::new();
            for (index, element) in brace.elements.drain(..).enumerate() {
                if index > 0 {
                    merged.push(BracePart::Text(SmolStr::new_static("..")));
                }
                merged.extend(element);
            }
            brace.sequence = false;
            brace.elements.push(merged);
        }
        brace.elements.push(Vec::new());
    }

    fn close(&mut self) {
        let Some(brace) = self.open.pop() else { return };
        let fits = if brace.sequence { Sequence::of(&brace).is_some() } else { brace.elements.len() > 1 };
        if fits {
            self.closed += 1;
            self.push(BracePart::Brace(brace));
        } else {
            self.unwrap(brace, true);
        }
    }
}

fn literal_of(element: &[BracePart<'_>]) -> String {
    match element {
        [BracePart::Text(text)] => text.to_string(),
        _ => String::new(),
    }
}

struct Sequence {
    from: i64,
    to: i64,
    step: i64,
    letters: bool,
    width: usize,
}

impl Sequence {
    fn of(brace: &Brace<'_>) -> Option<Self> {
        let texts: Vec<String> = brace.elements.iter().map(|element| literal_of(element)).collect();
        let (from, to, step) = match texts.as_slice() {
            [from, to] => (from, to, 1),
            [from, to, step] => (from, to, step.parse::<i64>().ok()?),
            _ => return None,
        };
        let step = i64::try_from(step.unsigned_abs()).unwrap_or(i64::MAX).max(1);
        if let (Ok(low), Ok(high)) = (from.parse::<i64>(), to.parse::<i64>()) {
            let padded = |text: &str| {
                let digits = text.strip_prefix('-').unwrap_or(text);
                digits.len() > 1 && digits.starts_with('0')
            };
            let width = if padded(from) || padded(to) { from.len().max(to.len()) } else { 0 };
            return Some(Self { from: low, to: high, step, letters: false, width });
        }
        let letter = |text: &str| match text.as_bytes() {
            [byte] if byte.is_ascii_alphabetic() => Some(i64::from(*byte)),
            _ => None,
        };
        Some(Self { from: letter(from)?, to: letter(to)?, step, letters: true, width: 0 })
    }

    fn values(&self) -> impl Iterator<Item = SmolStr> {
        let upward = self.from <= self.to;
        let step = if upward { self.step } else { -self.step };
        let inside = move |n: &i64| if upward { *n <= self.to } else { *n >= self.to };
        std::iter::successors(Some(self.from), move |n| n.checked_add(step)).take_while(inside).map(|n| {
            if self.letters {
                return SmolStr::new(char::from(n as u8).to_string());
            }
            let width = self.width;
            SmolStr::new(format!("{n:0width$}"))
        })
    }
}

fn too_many<T>() -> Result<T, String> {
    Err(format!("brace expansion would exceed {MAX_BRACE_WORDS} elements"))
}

#[derive(Default)]
struct Expansion<'a> {
    words: Vec<Vec<BracePart<'a>>>,
    copied: usize,
}

impl<'a> Expansion<'a> {
    fn expand(&mut self, parts: &[BracePart<'a>]) -> Result<(), String> {
        self.copied += parts.len();
        if self.copied > MAX_BRACE_PIECES {
            return Err(format!("brace expansion would copy more than {MAX_BRACE_PIECES} pieces"));
        }
        let Some(at) = parts.iter().position(|part| matches!(part, BracePart::Brace(_))) else {
            if self.words.len() >= MAX_BRACE_WORDS {
                return too_many();
            }
            self.words.push(parts.to_vec());
            return Ok(());
        };
        let (left, rest) = parts.split_at(at);
        let Some((BracePart::Brace(brace), rest)) = rest.split_first() else { return Ok(()) };
        let mut with = |element: &[BracePart<'a>]| self.expand(&[left, element, rest].concat());
        if brace.sequence {
            if let Some(sequence) = Sequence::of(brace) {
                for value in sequence.values() {
                    with(&[BracePart::Text(value)])?;
                }
            }
            return Ok(());
        }
        for element in &brace.elements {
            with(element)?;
        }
        Ok(())
    }
}
