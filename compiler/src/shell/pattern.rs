//! Glob patterns, matched against one name or a text.

/// A pattern that matches nothing because it is wrong: a range from a higher to a lower character, or an unknown class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPattern;

/// Whose rules a pattern follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternRules {
    /// The shell's, for file names: a `*` in front matches no leading dot.
    ShellName,
    /// The shell's, for any text.
    ShellText,
    /// Those of Go's `filepath.Match`, which go-task uses for `dir/**/name` and for `.gitignore`: only `^` negates a
    /// class, there are no named classes, an unclosed bracket is an error, and a leading dot means nothing.
    Go,
}

#[derive(Clone, Debug)]
enum Token {
    Star,
    Any,
    Char(char),
    Class { negated: bool, items: Vec<Item> },
}

#[derive(Clone, Copy, Debug)]
enum Item {
    Range(char, char),
    Named(fn(char) -> bool),
}

impl Item {
    fn has(self, c: char) -> bool {
        match self {
            Self::Range(low, high) => (low..=high).contains(&c),
            Self::Named(has) => has(c),
        }
    }
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    tokens: Vec<Token>,
    hides_dot: bool,
}

/// Whether a pattern has anything that makes it match more than one text: `*`, `?` or a closed `[…]`, unescaped.
pub fn has_glob(pattern: &str) -> bool {
    let mut open = false;
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => {
                characters.next();
            }
            '*' | '?' => return true,
            '[' => open = true,
            ']' if open => return true,
            _ => {}
        }
    }
    false
}

/// A pattern that matches exactly this text.
pub fn escape_glob(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

impl Pattern {
    /// Compiles a pattern; a backslash takes away the meaning of the character behind it.
    ///
    /// # Errors
    /// Where the pattern can match nothing because of its form.
    pub fn compile(pattern: &str, rules: PatternRules) -> Result<Self, BadPattern> {
        let characters: Vec<char> = pattern.chars().collect();
        let mut tokens = Vec::with_capacity(characters.len());
        let mut at = 0;
        while let Some(&c) = characters.get(at) {
            at += 1;
            match c {
                '*' => {
                    if !matches!(tokens.last(), Some(Token::Star)) {
                        tokens.push(Token::Star);
                    }
                }
                '?' => tokens.push(Token::Any),
                '\\' => {
                    tokens.push(Token::Char(*characters.get(at).ok_or(BadPattern)?));
                    at += 1;
                }
                '[' => {
                    let class = if rules == PatternRules::Go {
                        Some(go_class(&characters, at)?)
                    } else {
                        shell_class(&characters, at)?
                    };
                    if let Some((class, end)) = class {
                        tokens.push(class);
                        at = end;
                    } else {
                        tokens.push(Token::Char('['));
                    }
                }
                c => tokens.push(Token::Char(c)),
            }
        }
        Ok(Self { tokens, hides_dot: rules == PatternRules::ShellName })
    }

    /// Whether the pattern matches the whole text.
    pub fn matches(&self, text: &str) -> bool {
        let mut tokens = self.tokens.as_slice();
        if self.hides_dot
            && text.starts_with('.')
            && let [Token::Star, rest @ ..] = tokens
        {
            tokens = rest;
        }
        matches_tokens(tokens, text)
    }
}

/// Goes back to the last star on a mismatch, which is enough: an earlier star can never do better.
fn matches_tokens(tokens: &[Token], text: &str) -> bool {
    let mut rest = text;
    let mut token = 0;
    let mut star: Option<(usize, &str)> = None;
    loop {
        let first = rest.chars().next();
        let step = match (tokens.get(token), first) {
            (Some(Token::Star), _) => {
                token += 1;
                star = Some((token, rest));
                continue;
            }
            (None, None) => return true,
            (Some(Token::Any), Some(_)) => true,
            (Some(Token::Char(wanted)), Some(c)) => *wanted == c,
            (Some(Token::Class { negated, items }), Some(c)) => {
                items.iter().any(|item| item.has(c)) != *negated
            }
            _ => false,
        };
        if step {
            token += 1;
            rest = first.map_or(rest, |c| &rest[c.len_utf8()..]);
            continue;
        }
        let Some((behind, from)) = star else { return false };
        let Some(skipped) = from.chars().next() else { return false };
        rest = &from[skipped.len_utf8()..];
        star = Some((behind, rest));
        token = behind;
    }
}

/// Reads a class whose `[` ended before `at`; `None` where it has no end, so that the bracket stands for itself.
fn shell_class(characters: &[char], mut at: usize) -> Result<Option<(Token, usize)>, BadPattern> {
    let mut items = Vec::new();
    let mut wrong = false;
    let mut unknown_name = false;
    let negated = matches!(characters.get(at), Some('!' | '^'));
    at += usize::from(negated);
    let first = at;
    loop {
        let Some(&c) = characters.get(at) else {
            return if unknown_name { Err(BadPattern) } else { Ok(None) };
        };
        at += 1;
        let low = match c {
            ']' if at - 1 > first => {
                let class = Token::Class { negated, items };
                return if wrong || unknown_name { Err(BadPattern) } else { Ok(Some((class, at))) };
            }
            '[' if matches!(characters.get(at), Some(':' | '.' | '=')) => {
                let (item, end) = named_class(characters, at);
                match item {
                    Some(item) => items.push(item),
                    None => unknown_name = true,
                }
                at = end;
                continue;
            }
            '\\' => match characters.get(at) {
                Some(&escaped) => {
                    at += 1;
                    escaped
                }
                None => return Ok(None),
            },
            c => c,
        };
        let range = characters.get(at) == Some(&'-') && !matches!(characters.get(at + 1), None | Some(']'));
        if !range {
            items.push(Item::Range(low, low));
            continue;
        }
        at += 1;
        let mut high = characters.get(at).copied().unwrap_or(low);
        at += 1;
        if high == '\\' {
            high = characters.get(at).copied().unwrap_or(high);
            at += 1;
        }
        wrong |= low > high;
        items.push(Item::Range(low, high));
    }
}

/// Reads `:name:]`; `None` for a name that does not exist, and for `.x.]` and `=x=]`.
fn named_class(characters: &[char], at: usize) -> (Option<Item>, usize) {
    let Some(&mark) = characters.get(at) else { return (None, at) };
    let rest = characters.get(at + 1..).unwrap_or_default();
    let Some(length) = rest.windows(2).position(|pair| pair == [mark, ']']) else { return (None, at) };
    let name: String = rest.iter().take(length).collect();
    let end = at + 1 + length + 2;
    if mark != ':' {
        return (None, end);
    }
    let has: fn(char) -> bool = match name.as_str() {
        "alnum" => |c| c.is_ascii_alphanumeric(),
        "alpha" => |c| c.is_ascii_alphabetic(),
        "ascii" => |c| c.is_ascii(),
        "blank" => |c| matches!(c, ' ' | '\t'),
        "cntrl" => |c| c.is_ascii_control(),
        "digit" => |c| c.is_ascii_digit(),
        "graph" => |c| c.is_ascii_graphic(),
        "lower" => |c| c.is_ascii_lowercase(),
        "print" => |c| c.is_ascii_graphic() || c == ' ',
        "punct" => |c| c.is_ascii_punctuation(),
        "space" => |c| matches!(c, ' ' | '\t'..='\r'),
        "upper" => |c| c.is_ascii_uppercase(),
        "word" => |c| c.is_ascii_alphanumeric() || c == '_',
        "xdigit" => |c| c.is_ascii_hexdigit(),
        _ => return (None, end),
    };
    (Some(Item::Named(has)), end)
}

fn go_class(characters: &[char], mut at: usize) -> Result<(Token, usize), BadPattern> {
    let mut items = Vec::new();
    let negated = characters.get(at) == Some(&'^');
    at += usize::from(negated);
    let single = |at: &mut usize| -> Result<char, BadPattern> {
        let mut c = *characters.get(*at).ok_or(BadPattern)?;
        if matches!(c, '-' | ']') {
            return Err(BadPattern);
        }
        *at += 1;
        if c == '\\' {
            c = *characters.get(*at).ok_or(BadPattern)?;
            *at += 1;
        }
        // An unclosed bracket.
        characters.get(*at).map(|_| c).ok_or(BadPattern)
    };
    loop {
        if characters.get(at) == Some(&']') && !items.is_empty() {
            return Ok((Token::Class { negated, items }, at + 1));
        }
        let low = single(&mut at)?;
        let mut high = low;
        if characters.get(at) == Some(&'-') {
            at += 1;
            high = single(&mut at)?;
        }
        items.push(Item::Range(low, high));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rules: PatternRules, rows: &[(&str, &str, bool)]) {
        for &(pattern, text, expected) in rows {
            let matches = Pattern::compile(pattern, rules).map(|compiled| compiled.matches(text));
            assert_eq!(matches, Ok(expected), "{pattern} {text}");
        }
    }

    #[test]
    fn shell_patterns() {
        check(
            PatternRules::ShellName,
            &[
                ("*", "a", true),
                ("*", ".a", false),
                ("*.go", ".go", true),
                ("*.*", ".hidden", true),
                ("?h", ".h", true),
                ("[.]h", ".h", true),
                ("a*b*c", "aXbYbZc", true),
                ("a*b*c", "aXbYbZ", false),
                ("**x", "abx", true),
                ("[a-c]?", "bz", true),
                ("[!a-c]", "b", false),
                ("[^a-c]", "d", true),
                ("[]a]", "]", true),
                ("[a-]", "-", true),
                ("[[:digit:]x]", "7", true),
                ("[[:digit:]x]", "y", false),
                ("[abc", "[abc", true),
                ("\\*", "*", true),
                ("\\*", "x", false),
                ("ü?", "üö", true),
                ("", "", true),
                ("", "a", false),
            ],
        );
        check(PatternRules::ShellText, &[("*", ".a/b", true), ("*.c", ".c", true)]);
        for pattern in ["[z-a]", "[[:nope:]]", "a\\"] {
            assert!(Pattern::compile(pattern, PatternRules::ShellName).is_err(), "{pattern}");
        }
    }

    #[test]
    fn patterns_of_go() {
        check(
            PatternRules::Go,
            &[
                ("*", ".a", true),
                ("*.go", "x.go", true),
                ("[^a]x", "bx", true),
                ("[!a]x", "!x", true),
                ("[!a]x", "bx", false),
                ("[\\]]", "]", true),
                ("a[b-d]", "ac", true),
            ],
        );
        for pattern in ["[", "[]a]", "[a", "[-a]", "[a-]", "a\\", "[^]"] {
            assert!(Pattern::compile(pattern, PatternRules::Go).is_err(), "{pattern}");
        }
    }
}
