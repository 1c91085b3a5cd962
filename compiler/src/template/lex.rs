//! Cuts a template's text into tokens.

use super::quote::is_print;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenKind {
    Error,
    Bool,
    /// A character that means something only to the parser, such as a comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelimiter,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelimiter,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl TokenKind {
    pub(super) fn is_keyword(self) -> bool {
        matches!(
            self,
            Self::Block
                | Self::Break
                | Self::Continue
                | Self::Dot
                | Self::Define
                | Self::Else
                | Self::End
                | Self::If
                | Self::Nil
                | Self::Range
                | Self::Template
                | Self::With
        )
    }
}

/// A token: its kind and its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What stands around an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiters {
    /// What opens it.
    pub left: &'static str,
    /// What closes it.
    pub right: &'static str,
}

impl Delimiters {
    /// Those of files of templates, which leave Go's own for what is made of them.
    pub const ANGLES: Self = Self { left: "<%", right: "%>" };
}

impl Default for Delimiters {
    /// Go's own.
    fn default() -> Self {
        Self { left: "{{", right: "}}" }
    }
}

/// `- ` after the left delimiter, ` -` before the right one.
const TRIM_MARKER_LENGTH: usize = 2;

pub(super) struct Lexer<'a> {
    text: &'a str,
    delimiters: Delimiters,
    position: usize,
    start: usize,
    paren_depth: usize,
    inside_action: bool,
    /// The message of the last error token.
    pub(super) error: String,
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_alphanumeric(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

fn trim_end_length(text: &str) -> usize {
    text.len() - text.trim_end_matches(is_space).len()
}

fn trim_start_length(text: &str) -> usize {
    text.len() - text.trim_start_matches(is_space).len()
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, delimiters: Delimiters) -> Self {
        Self {
            text,
            delimiters,
            position: 0,
            start: 0,
            paren_depth: 0,
            inside_action: false,
            error: String::new(),
        }
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or("")
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        Some(c)
    }

    fn token(&mut self, kind: TokenKind) -> Token {
        let token = Token { kind, start: self.start, end: self.position };
        self.start = self.position;
        token
    }

    fn fail(&mut self, message: impl Into<String>) -> Token {
        self.error = message.into();
        Token { kind: TokenKind::Error, start: self.start, end: self.position.max(self.start) }
    }

    /// After an error at `from`: goes on after the next right delimiter, or at the next left one if that comes first.
    pub(super) fn resume(&mut self, from: usize) {
        let rest = self.text.get(from..).unwrap_or("").as_bytes();
        let Delimiters { left, right } = self.delimiters;
        let find = |wanted: &str| rest.windows(wanted.len()).position(|part| part == wanted.as_bytes());
        self.position = match (find(right), find(left)) {
            (Some(close), open) if open.is_none_or(|open| close < open) => from + close + right.len(),
            (_, Some(open)) => from + open,
            _ => self.text.len(),
        };
        self.start = self.position;
        self.inside_action = false;
        self.paren_depth = 0;
    }

    pub(super) fn next(&mut self) -> Token {
        if self.inside_action { self.lex_inside_action() } else { self.lex_text() }
    }

    fn lex_text(&mut self) -> Token {
        loop {
            let Some(found) = self.rest().find(self.delimiters.left) else {
                self.position = self.text.len();
                let kind = if self.position > self.start { TokenKind::Text } else { TokenKind::Eof };
                return self.token(kind);
            };
            if found > 0 {
                let delimiter = self.position + found;
                let before = self.text.get(self.start..delimiter).unwrap_or("");
                let after = self.text.get(delimiter + self.delimiters.left.len()..).unwrap_or("");
                let trimmed = if has_left_trim_marker(after) { trim_end_length(before) } else { 0 };
                self.position = delimiter - trimmed;
                let token = self.token(TokenKind::Text);
                self.position = delimiter;
                self.start = delimiter;
                if token.end > token.start {
                    return token;
                }
            }
            // Behind a comment text goes on.
            if let Some(token) = self.lex_left_delimiter() {
                return token;
            }
        }
    }

    fn lex_left_delimiter(&mut self) -> Option<Token> {
        let after = self.text.get(self.position + self.delimiters.left.len()..).unwrap_or("");
        let marker = if has_left_trim_marker(after) { TRIM_MARKER_LENGTH } else { 0 };
        if after.get(marker..).unwrap_or("").starts_with("/*") {
            self.position += self.delimiters.left.len() + marker;
            self.start = self.position;
            return self.lex_comment();
        }
        self.position += self.delimiters.left.len();
        let token = self.token(TokenKind::LeftDelimiter);
        self.inside_action = true;
        self.position += marker;
        self.start = self.position;
        self.paren_depth = 0;
        Some(token)
    }

    fn lex_comment(&mut self) -> Option<Token> {
        let Some(close) = self.rest().get(2..).and_then(|body| body.find("*/")) else {
            self.position += "/*".len();
            return Some(self.fail("unclosed comment"));
        };
        self.position += close + 4;
        let Some(trim) = self.at_right_delimiter() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.skip_right_delimiter(trim);
        self.start = self.position;
        None
    }

    /// Whether a right delimiter follows, and if so whether with a trim marker.
    fn at_right_delimiter(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_trim_marker(rest)
            && rest.get(TRIM_MARKER_LENGTH..).is_some_and(|r| r.starts_with(self.delimiters.right))
        {
            return Some(true);
        }
        rest.starts_with(self.delimiters.right).then_some(false)
    }

    fn skip_right_delimiter(&mut self, trim: bool) {
        if trim {
            self.position += TRIM_MARKER_LENGTH;
        }
        self.position += self.delimiters.right.len();
        if trim {
            self.position += trim_start_length(self.rest());
        }
    }

    fn lex_right_delimiter(&mut self, trim: bool) -> Token {
        if trim {
            self.position += TRIM_MARKER_LENGTH;
            self.start = self.position;
        }
        self.position += self.delimiters.right.len();
        let token = self.token(TokenKind::RightDelimiter);
        if trim {
            self.position += trim_start_length(self.rest());
            self.start = self.position;
        }
        self.inside_action = false;
        token
    }

    fn lex_inside_action(&mut self) -> Token {
        if let Some(trim) = self.at_right_delimiter() {
            if self.paren_depth == 0 {
                return self.lex_right_delimiter(trim);
            }
            self.position += if trim {
                TRIM_MARKER_LENGTH + self.delimiters.right.len()
            } else {
                self.delimiters.right.len()
            };
            return self.fail("unclosed left paren");
        }
        let Some(c) = self.peek() else { return self.fail("unclosed action") };
        if is_space(c) {
            return self.lex_space();
        }
        self.position += c.len_utf8();
        match c {
            '=' => self.token(TokenKind::Assign),
            ':' => {
                if self.bump() == Some('=') {
                    self.token(TokenKind::Declare)
                } else {
                    self.fail("expected :=")
                }
            }
            '|' => self.token(TokenKind::Pipe),
            '"' => self.lex_quoted('"', TokenKind::String, "unterminated quoted string"),
            '\'' => self.lex_quoted('\'', TokenKind::CharConstant, "unterminated character constant"),
            '`' => self.lex_raw_quote(),
            '$' => self.lex_field_or_variable(TokenKind::Variable),
            '.' if !self.peek().is_some_and(|next| next.is_ascii_digit()) => {
                if self.peek().is_none() {
                    self.lex_number()
                } else {
                    self.lex_field_or_variable(TokenKind::Field)
                }
            }
            '.' | '+' | '-' | '0'..='9' => self.lex_number(),
            '(' => {
                self.paren_depth += 1;
                self.token(TokenKind::LeftParen)
            }
            ')' => match self.paren_depth.checked_sub(1) {
                Some(depth) => {
                    self.paren_depth = depth;
                    self.token(TokenKind::RightParen)
                }
                None => self.fail("unexpected right paren"),
            },
            c if is_alphanumeric(c) => self.lex_identifier(),
            c if c.is_ascii() && is_print(c) => self.token(TokenKind::Char),
            c => self.fail(format!("unrecognized character in action: {}", code_point(c))),
        }
    }

    fn lex_space(&mut self) -> Token {
        let mut count = 0;
        while self.peek().is_some_and(is_space) {
            self.position += 1;
            count += 1;
        }
        // The last space may belong to a trim marker.
        let last = self.text.get(self.position - 1..).unwrap_or("");
        if has_right_trim_marker(last)
            && last.get(TRIM_MARKER_LENGTH..).is_some_and(|r| r.starts_with(self.delimiters.right))
        {
            self.position -= 1;
            if count == 1 {
                return self.lex_right_delimiter(true);
            }
        }
        self.token(TokenKind::Space)
    }

    fn skip_alphanumeric(&mut self) {
        while self.peek().is_some_and(is_alphanumeric) {
            self.bump();
        }
    }

    fn lex_identifier(&mut self) -> Token {
        self.skip_alphanumeric();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let kind = match self.text.get(self.start..self.position).unwrap_or("") {
            "block" => TokenKind::Block,
            "break" => TokenKind::Break,
            "continue" => TokenKind::Continue,
            "define" => TokenKind::Define,
            "else" => TokenKind::Else,
            "end" => TokenKind::End,
            "if" => TokenKind::If,
            "range" => TokenKind::Range,
            "nil" => TokenKind::Nil,
            "template" => TokenKind::Template,
            "with" => TokenKind::With,
            "true" | "false" => TokenKind::Bool,
            _ => TokenKind::Identifier,
        };
        self.token(kind)
    }

    fn bad_character(&mut self) -> Token {
        let shown = self.peek().map_or_else(|| "U+FFFFFFFFFFFFFFFF".to_owned(), code_point);
        self.fail(format!("bad character {shown}"))
    }

    fn lex_field_or_variable(&mut self, kind: TokenKind) -> Token {
        if self.at_terminator() {
            return self.token(if kind == TokenKind::Variable { kind } else { TokenKind::Dot });
        }
        self.skip_alphanumeric();
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.token(kind)
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None | Some('.' | ',' | '|' | ':' | ')' | '(') => true,
            Some(c) => is_space(c) || self.rest().starts_with(self.delimiters.right),
        }
    }

    fn lex_quoted(&mut self, quote: char, kind: TokenKind, message: &str) -> Token {
        loop {
            match self.bump() {
                Some('\\') => match self.bump() {
                    None | Some('\n') => return self.fail(message),
                    Some(_) => {}
                },
                None | Some('\n') => return self.fail(message),
                Some(c) if c == quote => return self.token(kind),
                Some(_) => {}
            }
        }
    }

    fn lex_raw_quote(&mut self) -> Token {
        let Some(close) = self.rest().find('`') else {
            self.position = self.text.len();
            return self.fail("unterminated raw quoted string");
        };
        self.position += close + 1;
        self.token(TokenKind::RawString)
    }

    fn lex_number(&mut self) -> Token {
        self.position = self.start;
        if !self.scan_number() {
            return self.bad_number();
        }
        if self.peek().is_some_and(|c| c == '+' || c == '-') {
            if !self.scan_number() || !self.text.get(..self.position).is_some_and(|t| t.ends_with('i')) {
                return self.bad_number();
            }
            return self.token(TokenKind::Complex);
        }
        self.token(TokenKind::Number)
    }

    fn bad_number(&mut self) -> Token {
        let text = self.text.get(self.start..self.position).unwrap_or("");
        self.fail(format!("bad number syntax: {}", super::quote::quote(text)))
    }

    fn accept(&mut self, valid: &str) -> bool {
        let accepted = self.peek().is_some_and(|c| valid.contains(c));
        self.position += usize::from(accepted);
        accepted
    }

    fn accept_run(&mut self, valid: &str) {
        while self.accept(valid) {}
    }

    fn scan_number(&mut self) -> bool {
        const DECIMAL: &str = "0123456789_";
        const HEXADECIMAL: &str = "0123456789abcdefABCDEF_";
        self.accept("+-");
        let mut digits = DECIMAL;
        if self.accept("0") {
            if self.accept("xX") {
                digits = HEXADECIMAL;
            } else if self.accept("oO") {
                digits = "01234567_";
            } else if self.accept("bB") {
                digits = "01_";
            }
        }
        self.accept_run(digits);
        if self.accept(".") {
            self.accept_run(digits);
        }
        if (digits == DECIMAL && self.accept("eE")) || (digits == HEXADECIMAL && self.accept("pP")) {
            self.accept("+-");
            self.accept_run(DECIMAL);
        }
        self.accept("i");
        if self.peek().is_some_and(is_alphanumeric) {
            self.bump();
            return false;
        }
        true
    }
}

fn has_left_trim_marker(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next() == Some('-') && chars.next().is_some_and(is_space)
}

fn has_right_trim_marker(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(is_space) && chars.next() == Some('-')
}

/// `U+0026 '&'`, Go's `%#U`.
fn code_point(c: char) -> String {
    let code = u32::from(c);
    if is_print(c) { format!("U+{code:04X} '{c}'") } else { format!("U+{code:04X}") }
}
