//! The lexer: characters to tokens, under a mode that the parser sets.
//!
//! The rules, the quirks of positions among them, are those of the shell that go-task embeds (`mvdan.cc/sh`, bash
//! language), because its messages are part of go-task's behaviour.

use super::ast::TextRange;
use super::error::{Parsed, Pos};
use super::parse::Parser;
use super::token::Token;

/// Stands for the end of the text among its bytes; UTF-8 never has this byte.
pub(super) const END: u8 = 0xff;
/// Stands for a backslash and the newline that it hides; UTF-8 never has this byte.
pub(super) const HIDDEN_NEWLINE: u8 = 0xfe;

/// What the lexer is inside of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Commands at the top.
    Plain,
    /// Nothing is made into tokens: the parser reads bytes itself.
    Bytes,
    /// Within a word, where `#` begins no comment.
    WordRest,
    /// `$( … )` and `( … )`
    Parens,
    /// `` ` … ` ``
    Backquotes,
    /// `${ …; }`
    Braces,
    /// `" … "`
    DoubleQuotes,
    /// The delimiter of a here-document.
    DocumentWord,
    /// The body of a here-document.
    Document,
    /// The body of a here-document whose leading tabs are dropped.
    DocumentTabs,
    /// `$(( … ))`
    Arithmetic,
    /// `let …`
    Let,
    /// `(( … ))`
    ArithmeticCommand,
    /// `[[ … ]]`
    Test,
    /// The right side of `=~`.
    Regex,
    /// A branch of `case`.
    CaseBranch,
    /// `${a[ … ]}`, `${a: … }`
    ParameterArithmetic,
    /// The pattern of `${a/ … }`
    ParameterPattern,
    /// The word of `${a:- … }`
    ParameterWord,
    /// `a=( … )`
    ArrayElements,
}

impl Mode {
    fn keeps_spaces(self) -> bool {
        use Mode::{Bytes, Document, DocumentTabs, DoubleQuotes, ParameterPattern, ParameterWord};
        matches!(self, Bytes | ParameterPattern | DoubleQuotes | Document | DocumentTabs | ParameterWord)
    }

    fn is_command(self) -> bool {
        use Mode::{
            ArrayElements, Backquotes, Braces, CaseBranch, DocumentWord, Parens, Plain, Test, WordRest,
        };
        matches!(
            self,
            Plain
                | WordRest
                | Parens
                | Backquotes
                | Braces
                | DocumentWord
                | CaseBranch
                | ArrayElements
                | Test
        )
    }

    pub(super) fn is_arithmetic(self) -> bool {
        use Mode::{Arithmetic, ArithmeticCommand, Let, ParameterArithmetic};
        matches!(self, Arithmetic | Let | ArithmeticCommand | ParameterArithmetic)
    }

    fn is_parameter(self) -> bool {
        use Mode::{ParameterArithmetic, ParameterPattern, ParameterWord};
        matches!(self, ParameterArithmetic | ParameterPattern | ParameterWord)
    }
}

fn begins_operator(byte: u8) -> bool {
    matches!(byte, b';' | b'"' | b'\'' | b'(' | b')' | b'$' | b'|' | b'&' | b'>' | b'<' | b'`')
}

fn begins_parameter_operator(byte: u8) -> bool {
    b"}#!:-+=?%[]/^,@*".contains(&byte)
}

fn begins_arithmetic_operator(byte: u8) -> bool {
    b"+-!~*/%()^<>:=,?|&[]#.".contains(&byte)
}

/// Whether a text is a variable's name.
pub fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn begins_descriptor(literal: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(literal) else { return false };
    let Some(mut name) = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')) else {
        return is_number(text);
    };
    if name.ends_with(']')
        && let Some(open) = name.find('[')
        && open > 0
        && open < name.len() - 2
    {
        name = &name[..open];
    }
    is_name(name)
}

impl Parser<'_> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.ahead).copied()
    }

    fn peek_second(&self) -> Option<u8> {
        self.bytes.get(self.ahead + 1).copied()
    }

    /// Moves to the next byte and returns it.
    pub(super) fn advance(&mut self) -> u8 {
        if self.byte == b'\n' || self.byte == HIDDEN_NEWLINE {
            self.line += 1;
            self.column = 0;
        }
        self.column += self.width;
        let mut escapes = 0;
        loop {
            let at = self.ahead;
            let Some(&byte) = self.bytes.get(at) else {
                self.at = self.bytes.len();
                self.width = 1;
                self.byte = END;
                return END;
            };
            self.ahead += 1;
            match byte {
                0 => {
                    self.column += 1;
                    continue;
                }
                b'\r' if self.peek() == Some(b'\n') => {
                    self.column += 1;
                    continue;
                }
                b'\\' => {
                    if self.byte != b'\\' {
                        let length = match (self.peek(), self.peek_second()) {
                            (Some(b'\n'), _) => 1,
                            (Some(b'\r'), Some(b'\n')) => 2,
                            _ => 0,
                        };
                        if length > 0 {
                            self.ahead += length;
                            self.column += length as u32 - 1;
                            self.at = at;
                            self.width = length as u32;
                            self.byte = HIDDEN_NEWLINE;
                            return HIDDEN_NEWLINE;
                        }
                    }
                    if self.backslash_belongs_to_backquotes(escapes) {
                        escapes += 1;
                        self.column += 1;
                        continue;
                    }
                }
                b'`' => self.backquote_escapes = escapes,
                _ => {}
            }
            if self.collecting {
                self.literal.push(byte);
            }
            self.at = at;
            self.width = 1;
            self.byte = byte;
            return byte;
        }
    }

    fn backslash_belongs_to_backquotes(&self, escapes: usize) -> bool {
        match self.peek() {
            Some(b'$' | b'`' | b'\\') => escapes < self.open_backquotes,
            Some(b'"') => escapes < self.open_quoted_backquotes,
            _ => false,
        }
    }

    /// Where the next byte stands.
    pub(super) fn here(&self) -> Pos {
        Pos { offset: self.at as u32, line: self.line, column: self.column }
    }

    /// Begins to collect a literal, with the present byte as its first.
    pub(super) fn begin_literal(&mut self) {
        self.literal.clear();
        self.collecting = true;
        if self.byte < HIDDEN_NEWLINE {
            self.literal.push(self.byte);
        }
    }

    /// Ends the literal before the present byte, and leaves its text in `self.literal`.
    pub(super) fn end_literal(&mut self) {
        if self.byte < HIDDEN_NEWLINE {
            self.literal.pop();
        }
        self.collecting = false;
    }

    fn take_value(&mut self) {
        self.end_literal();
        self.value.clear();
        self.value.push_str(&String::from_utf8_lossy(&self.literal));
    }

    pub(super) fn literal_text(&self) -> String {
        String::from_utf8_lossy(&self.literal).into_owned()
    }

    /// Whether a backquote that was just met closes the substitution that is open.
    pub(super) fn backquote_closes(&self) -> bool {
        self.backquote_escapes < self.open_backquotes
    }

    /// Whether the token ends a statement.
    pub(super) fn stops(&self) -> bool {
        use Token::{
            And, AndAnd, DoubleSemicolon, DoubleSemicolonAnd, End, Newline, Or, OrAnd, OrOr, RightParen,
            Semicolon, SemicolonAnd,
        };
        match self.token {
            End | Newline | Semicolon | And | Or | AndAnd | OrOr | OrAnd | DoubleSemicolon | SemicolonAnd
            | DoubleSemicolonAnd | RightParen => true,
            Token::Backquote => self.backquote_closes(),
            _ => false,
        }
    }

    /// Reads the next token.
    pub(super) fn next(&mut self) -> Parsed<()> {
        self.previous_end = self.at as u32;
        if self.byte == END {
            self.token = Token::End;
            return Ok(());
        }
        self.spaced = false;
        if self.mode.keeps_spaces() {
            self.next_with_spaces();
            return Ok(());
        }
        loop {
            match self.byte {
                END => {
                    self.token = Token::End;
                    return Ok(());
                }
                HIDDEN_NEWLINE => {
                    self.advance();
                }
                b' ' | b'\t' | b'\r' => {
                    self.spaced = true;
                    self.advance();
                }
                b'\n' if self.token == Token::Newline => {
                    self.advance();
                }
                b'\n' => {
                    self.spaced = true;
                    self.token = Token::Newline;
                    if self.mode != Mode::DocumentWord && self.pending.len() > self.buried {
                        self.read_documents()?;
                    }
                    return Ok(());
                }
                b'#' if self.mode.is_command() && !self.hash_continues_word() => self.skip_comment(),
                _ if self.mode == Mode::Regex && !self.regex_begins && self.spaced => self.mode = Mode::Test,
                _ => break,
            }
        }
        self.position = self.here();
        self.next_at(self.byte);
        Ok(())
    }

    fn hash_continues_word(&self) -> bool {
        !self.spaced && matches!(self.mode, Mode::WordRest | Mode::Test)
    }

    fn skip_comment(&mut self) {
        self.position = self.here();
        loop {
            match self.advance() {
                b'\n' | END | HIDDEN_NEWLINE => break,
                b'`' if self.backquote_closes() => break,
                _ => {}
            }
        }
        self.previous_end = self.at as u32;
        self.spaced = false;
    }

    fn next_at(&mut self, byte: u8) {
        if self.mode.is_command() {
            match byte {
                b if begins_operator(b) => self.token = self.operator(b),
                b'[' if self.mode == Mode::ArrayElements
                    && (self.spaced || matches!(self.token, Token::LeftParen | Token::Newline)) =>
                {
                    self.one(Token::LeftBracket);
                }
                b'=' if self.peek() == Some(b'(') => {
                    self.advance();
                    self.one(Token::AssignParen);
                }
                b'=' if self.mode == Mode::ArrayElements => self.one(Token::Assign),
                b'?' | b'*' | b'+' | b'@' | b'!' if self.at_extended_glob() => {
                    self.advance();
                    self.one(match byte {
                        b'?' => Token::GlobQuestion,
                        b'*' => Token::GlobStar,
                        b'+' => Token::GlobPlus,
                        b'@' => Token::GlobAt,
                        _ => Token::GlobExclamation,
                    });
                }
                _ => self.command_literal(),
            }
        } else if self.mode.is_arithmetic() && begins_arithmetic_operator(byte) {
            self.token = self.arithmetic_operator(byte);
        } else if self.mode.is_parameter() && begins_parameter_operator(byte) {
            self.token = self.parameter_operator(byte);
        } else if self.mode == Mode::Regex {
            self.regex_begins = false;
            match byte {
                b';' | b'"' | b'\'' | b'$' | b'&' | b'>' | b'<' | b'`' => self.token = self.operator(byte),
                b')' if self.regex_parens <= 0 => {
                    self.mode = Mode::Test;
                    self.one(Token::RightParen);
                }
                _ => self.regex_literal(),
            }
        } else if begins_operator(byte) {
            self.token = self.operator(byte);
        } else {
            self.other_literal();
        }
    }

    fn next_with_spaces(&mut self) {
        let in_document = matches!(self.mode, Mode::Document | Mode::DocumentTabs);
        if !in_document {
            while self.byte == HIDDEN_NEWLINE {
                self.advance();
            }
        }
        self.position = self.here();
        let byte = self.byte;
        match self.mode {
            Mode::DoubleQuotes => match byte {
                b'`' | b'"' | b'$' => self.token = self.quoted_operator(byte),
                _ => self.quoted_literal(),
            },
            Mode::Document | Mode::DocumentTabs => match byte {
                b'`' | b'$' => self.token = self.quoted_operator(byte),
                _ => self.document_literal(),
            },
            Mode::ParameterPattern if byte == b'/' => self.one(Token::Slash),
            Mode::ParameterPattern | Mode::ParameterWord => match byte {
                b'}' => self.one(Token::RightBrace),
                b'`' | b'"' | b'$' | b'\'' => self.token = self.operator(byte),
                _ => self.other_literal(),
            },
            _ => self.token = Token::Illegal,
        }
    }

    fn one(&mut self, token: Token) {
        self.advance();
        self.token = token;
    }

    /// Whether `?`, `*`, `+`, `@` or `!` begins an extended glob; with `()` behind it is rather a function's name.
    fn at_extended_glob(&self) -> bool {
        self.value != "function" && self.peek() == Some(b'(') && self.peek_second() != Some(b')')
    }

    /// Advances, and once more when the byte then is `wanted`.
    fn then(&mut self, wanted: u8, token: Token, otherwise: Token) -> Token {
        if self.advance() == wanted {
            self.advance();
            return token;
        }
        otherwise
    }

    fn single(&mut self, token: Token) -> Token {
        self.advance();
        token
    }

    fn operator(&mut self, byte: u8) -> Token {
        match byte {
            b'\'' => self.single(Token::SingleQuote),
            b'"' => self.single(Token::DoubleQuote),
            // The parser advances itself, once it knows how many backquotes are open.
            b'`' => Token::Backquote,
            b'&' => match self.advance() {
                b'&' => self.single(Token::AndAnd),
                b'>' => match self.advance() {
                    b'|' => self.single(Token::AndGreaterOr),
                    b'>' => self.then(b'|', Token::AndGreaterGreaterOr, Token::AndGreaterGreater),
                    _ => Token::AndGreater,
                },
                _ => Token::And,
            },
            b'|' => match self.advance() {
                b'|' => self.single(Token::OrOr),
                b'&' => self.single(Token::OrAnd),
                _ => Token::Or,
            },
            b'$' => self.dollar(true),
            b'(' => {
                if self.advance() == b'(' && self.mode != Mode::Test {
                    return self.single(Token::DoubleLeftParen);
                }
                Token::LeftParen
            }
            b')' => self.single(Token::RightParen),
            b';' => match self.advance() {
                b';' => self.then(b'&', Token::DoubleSemicolonAnd, Token::DoubleSemicolon),
                b'&' => self.single(Token::SemicolonAnd),
                _ => Token::Semicolon,
            },
            b'<' => match self.advance() {
                b'<' => match self.advance() {
                    b'-' => self.single(Token::LessLessDash),
                    b'<' => self.single(Token::LessLessLess),
                    _ => Token::LessLess,
                },
                b'>' => self.single(Token::LessGreater),
                b'&' => self.single(Token::LessAnd),
                b'(' => self.single(Token::LessParen),
                _ => Token::Less,
            },
            _ => match self.advance() {
                b'>' => self.then(b'|', Token::GreaterGreaterOr, Token::GreaterGreater),
                b'&' => self.single(Token::GreaterAnd),
                b'|' => self.single(Token::GreaterOr),
                b'(' => self.single(Token::GreaterParen),
                _ => Token::Greater,
            },
        }
    }

    fn dollar(&mut self, quotes: bool) -> Token {
        match self.advance() {
            b'\'' if quotes => self.single(Token::DollarSingleQuote),
            b'"' if quotes => self.single(Token::DollarDoubleQuote),
            b'{' => self.single(Token::DollarBrace),
            b'[' => self.single(Token::DollarBracket),
            b'(' => self.then(b'(', Token::DollarDoubleParen, Token::DollarParen),
            _ => Token::Dollar,
        }
    }

    fn quoted_operator(&mut self, byte: u8) -> Token {
        match byte {
            b'"' => self.single(Token::DoubleQuote),
            b'`' => Token::Backquote,
            _ => self.dollar(false),
        }
    }

    /// Reads an operator of a parameter expansion; a byte that begins none is not consumed.
    pub(super) fn parameter_operator(&mut self, byte: u8) -> Token {
        match byte {
            b'}' => self.single(Token::RightBrace),
            b':' => match self.advance() {
                b'+' => self.single(Token::ColonPlus),
                b'-' => self.single(Token::ColonMinus),
                b'?' => self.single(Token::ColonQuestion),
                b'=' => self.single(Token::ColonAssign),
                b'#' => self.single(Token::ColonHash),
                b'|' => self.single(Token::ColonPipe),
                b'*' => self.single(Token::ColonStar),
                _ => Token::Colon,
            },
            b'+' => self.single(Token::Plus),
            b'-' => self.single(Token::Minus),
            b'?' => self.single(Token::Question),
            b'=' => self.single(Token::Assign),
            b'%' => self.then(b'%', Token::DoublePercent, Token::Percent),
            b'#' => self.then(b'#', Token::DoubleHash, Token::Hash),
            b'!' => self.single(Token::Exclamation),
            b']' => self.single(Token::RightBracket),
            b'/' => self.then(b'/', Token::DoubleSlash, Token::Slash),
            b'^' => self.then(b'^', Token::DoubleCaret, Token::Caret),
            b',' => self.then(b',', Token::DoubleComma, Token::Comma),
            b'@' => self.single(Token::At),
            b'*' => self.single(Token::Star),
            END => Token::End,
            _ => Token::Illegal,
        }
    }

    fn arithmetic_operator(&mut self, byte: u8) -> Token {
        match byte {
            b'!' => self.then(b'=', Token::NotEqual, Token::Exclamation),
            b'=' => self.then(b'=', Token::Equal, Token::Assign),
            b'~' => self.single(Token::Tilde),
            b'(' => self.single(Token::LeftParen),
            b')' => self.single(Token::RightParen),
            b'&' => match self.advance() {
                b'&' => self.single(Token::AndAnd),
                b'=' => self.single(Token::AndAssign),
                _ => Token::And,
            },
            b'|' => match self.advance() {
                b'|' => self.single(Token::OrOr),
                b'=' => self.single(Token::OrAssign),
                _ => Token::Or,
            },
            b'<' => match self.advance() {
                b'<' => self.then(b'=', Token::ShiftLeftAssign, Token::LessLess),
                b'=' => self.single(Token::LessEqual),
                _ => Token::Less,
            },
            b'>' => match self.advance() {
                b'>' => self.then(b'=', Token::ShiftRightAssign, Token::GreaterGreater),
                b'=' => self.single(Token::GreaterEqual),
                _ => Token::Greater,
            },
            b'+' => match self.advance() {
                b'+' => self.single(Token::PlusPlus),
                b'=' => self.single(Token::AddAssign),
                _ => Token::Plus,
            },
            b'-' => match self.advance() {
                b'-' => self.single(Token::MinusMinus),
                b'=' => self.single(Token::SubtractAssign),
                _ => Token::Minus,
            },
            b'%' => self.then(b'=', Token::RemainderAssign, Token::Percent),
            b'*' => match self.advance() {
                b'*' => self.single(Token::Power),
                b'=' => self.single(Token::MultiplyAssign),
                _ => Token::Star,
            },
            b'/' => self.then(b'=', Token::DivideAssign, Token::Slash),
            b'^' => match self.advance() {
                b'^' => self.single(Token::DoubleCaret),
                b'=' => self.single(Token::XorAssign),
                _ => Token::Caret,
            },
            b'[' => self.single(Token::LeftBracket),
            b']' => self.single(Token::RightBracket),
            b',' => self.single(Token::Comma),
            b'?' => self.single(Token::Question),
            b':' => self.single(Token::Colon),
            b'#' => self.single(Token::Hash),
            _ => self.single(Token::Period),
        }
    }

    fn command_literal(&mut self) {
        self.equals = None;
        let mut token = Token::LiteralWord;
        self.begin_literal();
        loop {
            match self.byte {
                END | b' ' | b'\t' | b'\n' | b'\r' | b'&' | b'|' | b';' | b')' | b'(' => break,
                b'\\' => {
                    self.advance();
                }
                b'>' | b'<' => {
                    if self.peek() == Some(b'(') {
                        token = Token::Literal;
                    } else if self.literal.split_last().is_some_and(|(_, rest)| begins_descriptor(rest)) {
                        token = Token::LiteralRedirect;
                    }
                    break;
                }
                b'`' => {
                    if self.mode != Mode::Backquotes {
                        token = Token::Literal;
                    }
                    break;
                }
                b'"' | b'\'' | b'$' => {
                    token = Token::Literal;
                    break;
                }
                b'?' | b'*' | b'+' | b'@' | b'!' if self.at_extended_glob() => {
                    token = Token::Literal;
                    break;
                }
                b'=' if self.equals.is_none() => self.equals = Some(self.literal.len().saturating_sub(1)),
                b'}' if self.mode == Mode::Braces && self.literal.len() == 1 => {
                    self.advance();
                    break;
                }
                b'[' if self.literal.len() > 1 && !matches!(self.literal.first(), Some(b'{' | b'[')) => {
                    token = Token::Literal;
                    break;
                }
                _ => {}
            }
            self.advance();
        }
        self.token = token;
        self.take_value();
    }

    fn other_literal(&mut self) {
        let mut token = Token::LiteralWord;
        let arithmetic = self.mode.is_arithmetic();
        self.begin_literal();
        loop {
            match self.byte {
                END => break,
                b'\\' => {
                    self.advance();
                }
                b'\'' | b'"' | b'`' | b'$' => {
                    token = Token::Literal;
                    break;
                }
                b'}' if self.mode.is_parameter() => break,
                b'/' if self.mode != Mode::ParameterWord => break,
                b':' | b'=' | b'%' | b'^' | b',' | b'?' | b'!' | b'~' | b'*' | b'.' | b'[' | b']'
                    if arithmetic =>
                {
                    break;
                }
                b'[' | b']' | b'+' | b'-' | b' ' | b'\t' | b';' | b'&' | b'>' | b'<' | b'|' | b'(' | b')'
                | b'\n' | b'\r'
                    if !self.mode.keeps_spaces() =>
                {
                    break;
                }
                _ => {}
            }
            self.advance();
        }
        self.token = token;
        self.take_value();
    }

    fn quoted_literal(&mut self) {
        let mut token = Token::LiteralWord;
        self.begin_literal();
        loop {
            match self.byte {
                END | b'"' => break,
                b'\\' => {
                    self.advance();
                }
                HIDDEN_NEWLINE | b'`' | b'$' => {
                    token = Token::Literal;
                    break;
                }
                _ => {}
            }
            self.advance();
        }
        self.token = token;
        self.take_value();
    }

    fn regex_literal(&mut self) {
        self.begin_literal();
        let mut token = Token::LiteralWord;
        loop {
            match self.byte {
                b'\\' => {
                    self.advance();
                }
                b'(' => self.regex_parens += 1,
                b')' => {
                    self.regex_parens -= 1;
                    if self.regex_parens < 0 {
                        self.mode = Mode::Test;
                        break;
                    }
                }
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'>' | b'<' if self.regex_parens <= 0 => {
                    self.mode = Mode::Test;
                    break;
                }
                b'"' | b'\'' | b'$' | b'`' => {
                    token = Token::Literal;
                    break;
                }
                END => {
                    self.mode = Mode::Plain;
                    break;
                }
                _ => {}
            }
            self.advance();
        }
        self.token = token;
        self.take_value();
    }

    /// Reads literal text of a here-document's body, up to an expansion or the line that ends the document.
    fn document_literal(&mut self) {
        let mut after_hidden_newline = self.token == Token::Literal;
        while self.byte == HIDDEN_NEWLINE {
            self.advance();
            after_hidden_newline = true;
        }
        self.position = self.here();
        self.token = Token::Literal;
        self.begin_literal();
        while self.mode == Mode::DocumentTabs && self.byte == b'\t' {
            self.advance();
        }
        let mut line_start = self.literal.len() as isize - 1;
        loop {
            match self.byte {
                HIDDEN_NEWLINE | b'$' => return self.take_value(),
                b'\\' => {
                    self.advance();
                    self.advance();
                    continue;
                }
                b'`' if !self.backquote_closes() => return self.take_value(),
                b'`' | b'\n' | END => {}
                _ => {
                    self.advance();
                    continue;
                }
            }
            if self.whole_document {
                if self.byte == END {
                    self.token = Token::LiteralWord;
                    return self.take_value();
                }
            } else if !(line_start == 0 && after_hidden_newline) && self.document_ends_at(line_start) {
                self.take_value();
                self.value.truncate(line_start.max(0) as usize);
                self.token = if self.value.is_empty() { Token::Newline } else { Token::LiteralWord };
                return;
            }
            if self.byte != b'\n' {
                self.take_value();
                return;
            }
            while self.mode == Mode::DocumentTabs && self.peek() == Some(b'\t') {
                self.advance();
            }
            line_start = self.literal.len() as isize;
            self.advance();
        }
    }

    /// Whether the line that was just collected is the one that ends the innermost document; forgets its delimiter then.
    fn document_ends_at(&mut self, line_start: isize) -> bool {
        let Ok(start) = usize::try_from(line_start) else { return false };
        let line = self.literal.get(start..).unwrap_or_default();
        let line = if self.byte == END { line } else { line.split_last().map_or(line, |(_, rest)| rest) };
        let Some(delimiter) = self.delimiters.last_mut() else { return false };
        let ends = delimiter.as_deref().unwrap_or_default() == line;
        if ends {
            *delimiter = None;
        }
        ends
    }

    /// Reads the body of a here-document whose delimiter was quoted. `None` where it is empty or has no end.
    pub(super) fn quoted_document(&mut self) -> Option<(TextRange, String)> {
        let start = self.at as u32;
        self.begin_literal();
        loop {
            if self.byte == END {
                return None;
            }
            while self.mode == Mode::DocumentTabs && self.byte == b'\t' {
                self.advance();
            }
            let line_start = self.literal.len() as isize - 1;
            loop {
                match self.byte {
                    END | b'\n' => break,
                    b'`' if self.backquote_closes() => break,
                    HIDDEN_NEWLINE => {
                        self.literal.extend_from_slice(b"\\\n");
                        break;
                    }
                    _ => {}
                }
                self.advance();
            }
            if self.document_ends_at(line_start) {
                self.end_literal();
                self.literal.truncate(line_start.max(0) as usize);
                let text = self.literal_text();
                return (!text.is_empty()).then_some((TextRange { start, end: self.at as u32 }, text));
            }
            self.advance();
        }
    }
}
