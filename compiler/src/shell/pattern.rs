//! Glob patterns, matched against one name or a text.

/// How many characters are looked at, over all of a pattern, for the ends of brackets that have none.
pub const MAX_UNCLOSED: usize = 1 << 22;

/// How many comparisons may be needed to find what a pattern matches in a text.
pub const MAX_MATCH_STEPS: usize = 1 << 25;

/// A pattern that matches nothing because it is wrong: a range from a higher to a lower character, an unknown class, or
/// more open brackets than [`MAX_UNCLOSED`] allows.
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

impl Token {
    /// Whether it stands for this character; a star stands for more than one.
    fn has(&self, c: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => true,
            Self::Char(wanted) => *wanted == c,
            Self::Class { negated, items } => items.iter().any(|item| item.has(c)) != *negated,
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
        let mut unclosed = Unclosed(0);
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
                        shell_class(&characters, at, &mut unclosed)?
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

    /// Whether a text that has no match at its beginning has none further on either.
    pub fn starts_anywhere(&self) -> bool {
        matches!(self.tokens.first(), Some(Token::Star))
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

/// Which of several matches is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The fewest characters.
    Shortest,
    /// The most characters.
    Longest,
}

/// A search that needed more than [`MAX_MATCH_STEPS`] comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManySteps;

/// Finds what a pattern matches at the beginnings and ends of texts, in all with at most [`MAX_MATCH_STEPS`] comparisons.
pub struct Finder<'p> {
    tokens: Vec<&'p Token>,
    steps: usize,
    /// How many tokens are matched, for every way to match what was read.
    alive: Vec<usize>,
    next: Vec<usize>,
}

impl<'p> Finder<'p> {
    /// For prefixes of texts.
    pub fn of_prefixes(pattern: &'p Pattern) -> Self {
        Self { tokens: pattern.tokens.iter().collect(), steps: 0, alive: Vec::new(), next: Vec::new() }
    }

    /// For suffixes of texts.
    pub fn of_suffixes(pattern: &'p Pattern) -> Self {
        Self { tokens: pattern.tokens.iter().rev().collect(), steps: 0, alive: Vec::new(), next: Vec::new() }
    }

    /// The length in bytes of the prefix that the pattern matches; of the suffix, if the characters come from the end.
    ///
    /// # Errors
    /// After too many comparisons.
    pub fn find(
        &mut self,
        characters: impl Iterator<Item = char>,
        extent: Extent,
    ) -> Result<Option<usize>, TooManySteps> {
        self.alive.clear();
        reach(&self.tokens, 0, &mut self.alive);
        let mut length = 0;
        let mut found = self.is_done().then_some(0);
        for c in characters {
            if self.alive.is_empty() || (found.is_some() && extent == Extent::Shortest) {
                break;
            }
            self.step(c)?;
            length += c.len_utf8();
            if self.is_done() {
                found = Some(length);
            }
        }
        Ok(found)
    }

    fn is_done(&self) -> bool {
        self.alive.last() == Some(&self.tokens.len())
    }

    fn step(&mut self, c: char) -> Result<(), TooManySteps> {
        self.steps += self.alive.len();
        if self.steps > MAX_MATCH_STEPS {
            return Err(TooManySteps);
        }
        self.next.clear();
        for &matched in &self.alive {
            match self.tokens.get(matched) {
                Some(Token::Star) => reach(&self.tokens, matched, &mut self.next),
                Some(token) if token.has(c) => reach(&self.tokens, matched + 1, &mut self.next),
                _ => {}
            }
        }
        std::mem::swap(&mut self.alive, &mut self.next);
        Ok(())
    }
}

/// Notes that so many tokens are matched, and those behind that match nothing. The numbers only grow.
fn reach(tokens: &[&Token], mut matched: usize, alive: &mut Vec<usize>) {
    loop {
        if alive.last().is_none_or(|&last| last < matched) {
            alive.push(matched);
        }
        if !matches!(tokens.get(matched), Some(Token::Star)) {
            return;
        }
        matched += 1;
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
            (Some(token), Some(c)) => token.has(c),
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

/// What was looked at in vain, in characters.
struct Unclosed(usize);

impl Unclosed {
    fn add(&mut self, characters: usize) -> Result<(), BadPattern> {
        self.0 += characters;
        if self.0 > MAX_UNCLOSED { Err(BadPattern) } else { Ok(()) }
    }
}

/// Reads a class whose `[` ended before `at`; `None` where it has no end, so that the bracket stands for itself.
fn shell_class(
    characters: &[char],
    mut at: usize,
    unclosed: &mut Unclosed,
) -> Result<Option<(Token, usize)>, BadPattern> {
    let mut items = Vec::new();
    let mut wrong = false;
    let mut unknown_name = false;
    let negated = matches!(characters.get(at), Some('!' | '^'));
    at += usize::from(negated);
    let first = at;
    loop {
        let Some(&c) = characters.get(at) else {
            unclosed.add(at - first)?;
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
                if end == at {
                    unclosed.add(characters.len() - at)?;
                }
                match item {
                    Some(item) => items.push(item),
                    None => unknown_name = true,
                }
                at = end;
                continue;
            }
            '\\' => {
                let Some(&escaped) = characters.get(at) else {
                    unclosed.add(at - first)?;
                    return Ok(None);
                };
                at += 1;
                escaped
            }
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
    fn open_brackets_have_a_limit() {
        let compile = |pattern: &str| Pattern::compile(pattern, PatternRules::ShellText);
        assert!(compile(&"[".repeat(1000)).is_ok());
        for pattern in ["[", "[\\]", "[[:", "[a-"] {
            assert_eq!(compile(&pattern.repeat(100_000)).err(), Some(BadPattern), "{pattern}");
        }
    }

    fn check_found(pattern: &str, text: &str, expected: [Option<usize>; 4]) {
        let compiled = Pattern::compile(pattern, PatternRules::ShellText).unwrap();
        let (mut prefixes, mut suffixes) = (Finder::of_prefixes(&compiled), Finder::of_suffixes(&compiled));
        let found = [Extent::Shortest, Extent::Longest]
            .map(|extent| [prefixes.find(text.chars(), extent), suffixes.find(text.chars().rev(), extent)]);
        assert_eq!(found.as_flattened(), expected.map(Ok), "{pattern} {text}");
    }

    #[test]
    fn patterns_match_at_the_beginning_and_the_end_of_a_text() {
        check_found("a*b", "aXbYbZ", [Some(3), None, Some(5), None]);
        check_found("*/", "a/b/c", [Some(2), None, Some(4), None]);
        check_found(".*", "a.b.c", [None, Some(2), None, Some(4)]);
        check_found("*", "aü", [Some(0), Some(0), Some(3), Some(3)]);
        check_found("?", "üä", [Some(2), Some(2), Some(2), Some(2)]);
        check_found("**a**", "bab", [Some(2), Some(2), Some(3), Some(3)]);
        check_found("[ab]c", "bcac", [Some(2), Some(2), Some(2), Some(2)]);
        check_found("", "a", [Some(0), Some(0), Some(0), Some(0)]);
        check_found("a", "", [None; 4]);
    }

    #[test]
    fn a_search_has_a_limit() {
        let pattern = Pattern::compile(&"*a".repeat(1000), PatternRules::ShellText).unwrap();
        let found = Finder::of_prefixes(&pattern).find("a".repeat(200_000).chars(), Extent::Longest);
        assert_eq!(found, Err(TooManySteps));
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
