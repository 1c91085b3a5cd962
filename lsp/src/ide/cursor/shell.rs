//! The word of a shell script at the cursor.

use std::ops::Range;

use smol_str::SmolStr;

/// How far before the cursor a script is read, in bytes.
const MAX_SCRIPT: usize = 64 * 1024;

/// A word at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ShellSpot {
    /// The name of a variable behind `$` or `${`.
    Variable {
        /// The bytes of the name, also behind the cursor.
        word: Range<usize>,
        /// Whether a brace opens before the name and none closes behind it.
        needs_brace: bool,
        /// Names that the script gives values to before.
        assigned: Vec<SmolStr>,
    },
    /// An argument of a command.
    Argument {
        /// The bytes of the word before the cursor.
        word: Range<usize>,
        /// The command and its arguments before the word.
        before: Vec<SmolStr>,
    },
}

/// What stands at `offset` in a script that begins at `start`.
pub fn at(text: &str, start: usize, offset: usize) -> Option<ShellSpot> {
    let mut from = start.max(offset.saturating_sub(MAX_SCRIPT));
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let script = text.get(from..offset)?;
    let scan = Scan::new(script);
    if scan.in_comment || scan.in_template {
        return None;
    }
    if scan.quote != Some('\'')
        && let Some(name) = variable(script)
    {
        let behind = text.get(offset..)?;
        let tail = behind.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(behind.len());
        let has_brace = script.get(..script.len() - name.len()).is_some_and(|before| before.ends_with('{'));
        let is_closed = behind.get(tail..).is_some_and(|rest| rest.starts_with('}'));
        return Some(ShellSpot::Variable {
            word: offset - name.len()..offset + tail,
            needs_brace: has_brace && !is_closed,
            assigned: assigned(script),
        });
    }
    let mut before = scan.words;
    let word = if scan.in_word { before.pop().unwrap_or_default() } else { SmolStr::default() };
    let is_plain = scan.quote.is_none() && script.ends_with(word.as_str());
    is_plain.then(|| ShellSpot::Argument { word: offset - word.len()..offset, before })
}

/// The name that a script ends with, if it is that of a variable that is read.
fn variable(script: &str) -> Option<&str> {
    let length =
        script.bytes().rev().take_while(|byte| *byte == b'_' || byte.is_ascii_alphanumeric()).count();
    let (before, name) = script.split_at_checked(script.len() - length)?;
    let before = before.strip_suffix('{').unwrap_or(before);
    let is_escaped = before.strip_suffix('$')?.ends_with('\\');
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit());
    (is_name && !is_escaped).then_some(name)
}

/// Names to which a script gives values.
fn assigned(script: &str) -> Vec<SmolStr> {
    let mut names: Vec<SmolStr> = Vec::new();
    for word in script.split([' ', '\t', '\n', ';', '(', '&', '|']) {
        let Some((name, _)) = word.split_once('=') else { continue };
        let is_name = name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
            && name.bytes().all(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
        if is_name && !names.iter().any(|known| known == name) {
            names.push(name.into());
        }
    }
    names
}

/// The simple command that a script ends in.
#[derive(Default)]
struct Scan {
    words: Vec<SmolStr>,
    in_word: bool,
    in_comment: bool,
    in_template: bool,
    quote: Option<char>,
}

impl Scan {
    fn new(script: &str) -> Self {
        let mut scan = Self::default();
        let mut word = String::new();
        let mut chars = script.chars().peekable();
        while let Some(c) = chars.next() {
            if scan.in_comment {
                scan.in_comment = c != '\n';
                continue;
            }
            match (scan.quote, c) {
                (Some(quote), c) if c == quote => scan.quote = None,
                (Some('\''), c) => word.push(c),
                (_, '\\') => {
                    word.push(c);
                    word.extend(chars.next());
                }
                (Some(_), c) => word.push(c),
                (None, '\'' | '"') => {
                    scan.quote = Some(c);
                    scan.in_word = true;
                }
                (None, '{') if chars.peek() == Some(&'{') => {
                    scan.in_template = true;
                    let mut last = ' ';
                    for inner in chars.by_ref() {
                        if last == '}' && inner == '}' {
                            scan.in_template = false;
                            break;
                        }
                        last = inner;
                    }
                    word.push('_');
                    scan.in_word = true;
                }
                (None, '#') if !scan.in_word => scan.in_comment = true,
                (None, ' ' | '\t') => scan.end_word(&mut word),
                (None, '\n' | '\r' | ';' | '&' | '|' | '(' | ')' | '<' | '>' | '`') => {
                    scan.end_word(&mut word);
                    scan.words.clear();
                }
                (None, c) => {
                    word.push(c);
                    scan.in_word = true;
                }
            }
        }
        if scan.in_word {
            scan.words.push(word.into());
        }
        scan
    }

    fn end_word(&mut self, word: &mut String) {
        if self.in_word {
            let is_reserved =
                matches!(word.as_str(), "then" | "do" | "else" | "if" | "while" | "until" | "!" | "{");
            let is_assignment = self.words.is_empty() && word.contains('=');
            if !is_reserved && !is_assignment {
                self.words.push(word.as_str().into());
            }
        }
        word.clear();
        self.in_word = false;
    }
}
