//! Text to tokens.
//!
//! The rules are those of libyaml as go-yaml v3 applies them (a mix of YAML 1.1 and 1.2 with its own idea of tabs and of
//! multi-line scalars), because what go-task accepts is what we have to accept, and its messages name the problem and
//! the line that this scanner would stop at. That includes the look-ahead: go-yaml always holds [`LOOK_AHEAD`] tokens
//! beyond the current one, so an error of the scanner wins over one of the grammar that stands shortly before it.

use std::collections::VecDeque;

use smol_str::SmolStr;

use super::node::ScalarStyle;

/// How many tokens past the current one are scanned before the grammar sees it.
const LOOK_AHEAD: usize = 2;

/// What some programs of Windows begin a text with.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// How many tokens the queue mostly holds at once.
const TYPICAL_QUEUE: usize = 8;

/// How far, in characters, a `:` may stand from the start of its unquoted key.
const MAX_SIMPLE_KEY: usize = 1024;

/// How many bytes go-yaml looks ahead for a comment.
const COMMENT_LOOK_AHEAD: usize = 512;

/// Digits in either part of a `%YAML` version.
const MAX_VERSION_DIGITS: usize = 2;

/// Bytes that go on in a plain scalar wherever it stands.
const OF_PLAIN: u8 = 1;
/// Bytes that mean themselves between quotes of either kind.
const OF_QUOTED: u8 = 2;
/// Bytes that do not end a line.
const OF_LINE: u8 = 4;

/// The classes of each byte. A byte without one may still belong: it is looked at more closely.
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        let plain = !matches!(byte, b':' | b',' | b'?' | b'[' | b']' | b'{' | b'}');
        let quoted = !matches!(byte, b'\'' | b'"' | b'\\');
        classes[byte as usize] =
            if plain { OF_PLAIN } else { 0 } | if quoted { OF_QUOTED } else { 0 } | OF_LINE;
        byte += 1;
    }
    classes[b' ' as usize] = OF_LINE;
    classes[b'\t' as usize] = OF_LINE;
    classes
};

/// A place in the text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// Byte offset.
    pub offset: usize,
    /// Line from 0, as YAML counts lines (`\r`, NEL, LS and PS end one too).
    pub line: usize,
    /// Column from 0, in characters.
    pub column: usize,
}

/// Why scanning or parsing stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// go-yaml's words for it.
    pub text: &'static str,
    /// Where the surrounding construct began.
    pub context: Option<Mark>,
    /// Where it went wrong.
    pub mark: Mark,
    /// Whether the scanner found it, and not the grammar: go-yaml counts the two kinds of lines differently.
    pub in_scanner: bool,
}

impl Problem {
    /// go-yaml's message, with its habits: the line of the context if that is not the first line, else that of the
    /// problem, and one line too few for grammar errors.
    pub fn go_message(&self) -> String {
        let context_line = self.context.map_or(0, |mark| mark.line);
        let line = if context_line == 0 { self.mark.line } else { context_line };
        match line {
            0 => format!("yaml: {}", self.text),
            _ => format!("yaml: line {}: {}", line + usize::from(self.in_scanner), self.text),
        }
    }
}

impl Problem {
    /// The same in a text that has more lines before it.
    pub fn moved_down(&self, lines: usize) -> Self {
        let moved = |mark: Mark| Mark { line: mark.line + lines, ..mark };
        Self { context: self.context.map(moved), mark: moved(self.mark), ..self.clone() }
    }
}

/// A token's content.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// The end of the text.
    StreamEnd,
    /// `%YAML 1.1`
    Version { major: u8, minor: u8 },
    /// `%TAG !e! prefix`
    TagDirective { handle: SmolStr, prefix: SmolStr },
    /// `---`
    DocumentStart,
    /// `...`
    DocumentEnd,
    /// The first `-` of a list by indentation comes next.
    BlockSequenceStart,
    /// The first key of a mapping by indentation comes next.
    BlockMappingStart,
    /// The indentation went back.
    BlockEnd,
    /// `[`
    FlowSequenceStart,
    /// `]`
    FlowSequenceEnd,
    /// `{`
    FlowMappingStart,
    /// `}`
    FlowMappingEnd,
    /// `-`
    BlockEntry,
    /// `,`
    FlowEntry,
    /// A key comes next; empty unless written as `?`.
    Key,
    /// `:`
    Value,
    /// `*name`
    Alias(SmolStr),
    /// `&name`
    Anchor(SmolStr),
    /// `!handle!suffix`
    Tag { handle: SmolStr, suffix: SmolStr },
    /// A scalar; `content` is where its text begins, which for block scalars is not where the token begins.
    Scalar { text: SmolStr, style: ScalarStyle, content: usize },
}

/// What kind of token it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenShape {
    StreamEnd,
    Version,
    TagDirective,
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias,
    Anchor,
    Tag,
    Scalar,
}

impl TokenKind {
    pub fn shape(&self) -> TokenShape {
        match self {
            Self::StreamEnd => TokenShape::StreamEnd,
            Self::Version { .. } => TokenShape::Version,
            Self::TagDirective { .. } => TokenShape::TagDirective,
            Self::DocumentStart => TokenShape::DocumentStart,
            Self::DocumentEnd => TokenShape::DocumentEnd,
            Self::BlockSequenceStart => TokenShape::BlockSequenceStart,
            Self::BlockMappingStart => TokenShape::BlockMappingStart,
            Self::BlockEnd => TokenShape::BlockEnd,
            Self::FlowSequenceStart => TokenShape::FlowSequenceStart,
            Self::FlowSequenceEnd => TokenShape::FlowSequenceEnd,
            Self::FlowMappingStart => TokenShape::FlowMappingStart,
            Self::FlowMappingEnd => TokenShape::FlowMappingEnd,
            Self::BlockEntry => TokenShape::BlockEntry,
            Self::FlowEntry => TokenShape::FlowEntry,
            Self::Key => TokenShape::Key,
            Self::Value => TokenShape::Value,
            Self::Alias(_) => TokenShape::Alias,
            Self::Anchor(_) => TokenShape::Anchor,
            Self::Tag { .. } => TokenShape::Tag,
            Self::Scalar { .. } => TokenShape::Scalar,
        }
    }
}

/// A token and where it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte.
    pub start: Mark,
    /// One past its last byte.
    pub end: Mark,
}

/// A place where an unquoted key may have begun.
#[derive(Clone, Copy, Debug, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    /// Whether the look-ahead knows of it. go-yaml forgets the key that a `[]` or `{}` is in
    /// which nothing could have been a key without `?`.
    known: bool,
    token_number: usize,
    mark: Mark,
    index: usize,
}

/// The scanner.
pub(super) struct Scanner<'t> {
    text: &'t str,
    bytes: &'t [u8],
    offset: usize,
    line: usize,
    line_start: usize,
    /// Bytes so far that are not the first of their character, to turn byte counts into character counts.
    continuation_bytes: usize,
    continuation_bytes_at_line_start: usize,
    tokens: VecDeque<Token>,
    tokens_taken: usize,
    /// Whether enough was scanned to say what the current token is.
    is_head_settled: bool,
    ended: bool,
    flow_level: usize,
    indent: isize,
    indents: Vec<isize>,
    simple_key_allowed: bool,
    simple_keys: Vec<SimpleKey>,
}

type Scanned<T> = Result<T, Problem>;

impl<'t> Scanner<'t> {
    /// Begins at a text's first byte.
    pub fn new(text: &'t str) -> Self {
        // The first of all takes no column (go-yaml, `yaml_parser_determine_encoding`), others do.
        let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
        Self {
            text,
            bytes: text.as_bytes(),
            offset: start,
            line: 0,
            line_start: start,
            continuation_bytes: 0,
            continuation_bytes_at_line_start: 0,
            tokens: VecDeque::with_capacity(TYPICAL_QUEUE),
            is_head_settled: false,
            // The start of the stream counts as a token.
            tokens_taken: 1,
            ended: false,
            flow_level: 0,
            indent: -1,
            indents: Vec::new(),
            simple_key_allowed: true,
            simple_keys: vec![SimpleKey::default()],
        }
    }

    /// The current token.
    pub fn peek(&mut self) -> Scanned<&Token> {
        if !self.is_head_settled {
            self.fetch_more_tokens()?;
            self.is_head_settled = true;
        }
        if self.tokens.is_empty() {
            let end = self.mark();
            self.tokens.push_back(Token { kind: TokenKind::StreamEnd, start: end, end });
        }
        Ok(&self.tokens[0])
    }

    /// Takes the current token.
    pub fn next(&mut self) -> Scanned<Token> {
        self.peek()?;
        self.tokens_taken += 1;
        self.is_head_settled = false;
        Ok(self.tokens.pop_front().unwrap_or_else(|| {
            let end = self.mark();
            Token { kind: TokenKind::StreamEnd, start: end, end }
        }))
    }

    fn byte(&self, ahead: usize) -> u8 {
        // A NUL never occurs in a text that is scanned, so it can stand for the end.
        self.bytes.get(self.offset + ahead).copied().unwrap_or(0)
    }

    fn mark(&self) -> Mark {
        Mark { offset: self.offset, line: self.line, column: self.column() }
    }

    fn column(&self) -> usize {
        let continuation = self.continuation_bytes - self.continuation_bytes_at_line_start;
        (self.offset - self.line_start).saturating_sub(continuation)
    }

    fn index(&self) -> usize {
        self.offset - self.continuation_bytes
    }

    fn at_end(&self) -> bool {
        self.offset >= self.bytes.len()
    }

    /// Length in bytes of the line break that stands `ahead`, 0 if none does.
    fn break_length(&self, ahead: usize) -> usize {
        match self.byte(ahead) {
            b'\r' if self.byte(ahead + 1) == b'\n' => 2,
            b'\n' | b'\r' => 1,
            0xC2 if self.byte(ahead + 1) == 0x85 => 2,
            0xE2 if self.byte(ahead + 1) == 0x80 && matches!(self.byte(ahead + 2), 0xA8 | 0xA9) => 3,
            _ => 0,
        }
    }

    fn is_break(&self, ahead: usize) -> bool {
        self.break_length(ahead) > 0
    }

    fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.byte(ahead), b' ' | b'\t')
    }

    fn is_break_or_end(&self, ahead: usize) -> bool {
        self.offset + ahead >= self.bytes.len() || self.is_break(ahead)
    }

    fn is_blank_or_end(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_break_or_end(ahead)
    }

    /// Passes one byte of a line's text.
    fn skip(&mut self) {
        self.continuation_bytes += usize::from(self.byte(0) & 0xC0 == 0x80);
        self.offset += 1;
    }

    /// Passes the bytes of one class, which are all characters of one byte and none of which ends a line.
    fn skip_run(&mut self, class: u8) {
        let rest = self.bytes.get(self.offset..).unwrap_or_default();
        self.offset += rest.iter().take_while(|&&byte| CLASSES[usize::from(byte)] & class != 0).count();
    }

    fn skip_bytes(&mut self, count: usize) {
        for _ in 0..count {
            self.skip();
        }
    }

    fn skip_blanks(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
    }

    fn skip_comment(&mut self) {
        if self.byte(0) == b'#' {
            while !self.is_break_or_end(0) {
                self.skip();
            }
        }
    }

    /// Passes a line break and says what it means in a scalar: `\n`, or itself for LS and PS.
    fn skip_break(&mut self) -> &'t str {
        let length = self.break_length(0);
        let text = self.text.get(self.offset..self.offset + length).unwrap_or("");
        // The bytes of one break count as characters the way go-yaml counts them: CRLF as two.
        self.continuation_bytes += if text == "\r\n" { 0 } else { length.saturating_sub(1) };
        self.offset += length;
        if length > 0 {
            self.line += 1;
            self.line_start = self.offset;
            self.continuation_bytes_at_line_start = self.continuation_bytes;
        }
        match length {
            0 => "",
            3 => text,
            _ => "\n",
        }
    }

    fn error(&self, context: Option<Mark>, text: &'static str) -> Problem {
        Problem { text, context, mark: self.mark(), in_scanner: true }
    }

    fn error_here<T>(&self, text: &'static str) -> Scanned<T> {
        Err(self.error(Some(self.mark()), text))
    }

    fn error_in<T>(&self, context: Mark, text: &'static str) -> Scanned<T> {
        Err(self.error(Some(context), text))
    }

    // --- The queue of tokens ---

    fn fetch_more_tokens(&mut self) -> Scanned<()> {
        loop {
            let has_enough = self.tokens.len() > LOOK_AHEAD || self.ended;
            // A key that was never finished is an error at the end, too.
            if has_enough && (!self.head_may_become_a_key()? || self.ended) {
                return Ok(());
            }
            self.fetch_next_token()?;
        }
    }

    fn head_may_become_a_key(&mut self) -> Scanned<bool> {
        let number = self.tokens_taken;
        match self.simple_keys.iter().rposition(|key| key.possible && key.known && key.token_number == number)
        {
            Some(index) => self.key_is_valid(index),
            None => Ok(false),
        }
    }

    fn key_is_valid(&mut self, index: usize) -> Scanned<bool> {
        let (line, position) = (self.line, self.index());
        let Some(key) = self.simple_keys.get_mut(index).filter(|key| key.possible) else { return Ok(false) };
        if key.mark.line >= line && key.index + MAX_SIMPLE_KEY >= position {
            return Ok(true);
        }
        if key.required {
            let mark = key.mark;
            return self.error_in(mark, "could not find expected ':'");
        }
        key.possible = false;
        Ok(false)
    }

    fn save_simple_key(&mut self) -> Scanned<()> {
        if !self.simple_key_allowed {
            return Ok(());
        }
        let mark = self.mark();
        let key = SimpleKey {
            possible: true,
            known: true,
            required: self.flow_level == 0 && self.indent == mark.column as isize,
            token_number: self.tokens_taken + self.tokens.len(),
            mark,
            index: self.index(),
        };
        self.remove_simple_key()?;
        if let Some(last) = self.simple_keys.last_mut() {
            *last = key;
        }
        Ok(())
    }

    fn remove_simple_key(&mut self) -> Scanned<()> {
        let Some(key) = self.simple_keys.last_mut().filter(|key| key.possible) else { return Ok(()) };
        if key.required {
            let mark = key.mark;
            return self.error_in(mark, "could not find expected ':'");
        }
        key.possible = false;
        Ok(())
    }

    fn push(&mut self, kind: TokenKind, start: Mark) {
        let end = self.mark();
        self.tokens.push_back(Token { kind, start, end });
    }

    /// Opens a block collection if the column is deeper than the indentation; `number` is the token to put it before.
    fn roll_indent(&mut self, column: usize, number: Option<usize>, kind: TokenKind, mark: Mark) {
        if self.flow_level > 0 || self.indent >= column as isize {
            return;
        }
        self.indents.push(self.indent);
        self.indent = column as isize;
        let token = Token { kind, start: mark, end: mark };
        match number {
            Some(number) => self.insert(number, token),
            None => self.tokens.push_back(token),
        }
    }

    /// Puts a token before the one of that number. Where that one is taken already, because its key was forgotten,
    /// go-yaml puts it last.
    fn insert(&mut self, number: usize, token: Token) {
        let index = number.checked_sub(self.tokens_taken).unwrap_or(self.tokens.len());
        self.tokens.insert(index.min(self.tokens.len()), token);
    }

    fn unroll_indent(&mut self, column: isize, mark: Mark) {
        while self.flow_level == 0 && self.indent > column {
            self.tokens.push_back(Token { kind: TokenKind::BlockEnd, start: mark, end: mark });
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_next_token(&mut self) -> Scanned<()> {
        let before = self.mark();
        self.skip_to_next_token();
        let column = self.column() as isize;
        self.unroll_indent(column, before);
        if self.at_end() {
            return self.fetch_stream_end();
        }
        let first = self.byte(0);
        if column == 0 {
            if first == b'%' {
                return self.fetch_directive();
            }
            if let Some(kind) = self.document_indicator() {
                return self.fetch_document_indicator(kind);
            }
        }
        self.fetch_content(first)?;
        self.skip_comment_of_token();
        Ok(())
    }

    fn fetch_content(&mut self, first: u8) -> Scanned<()> {
        let in_flow = self.flow_level > 0;
        match first {
            b'[' => self.fetch_flow_start(TokenKind::FlowSequenceStart),
            b'{' => self.fetch_flow_start(TokenKind::FlowMappingStart),
            b']' => self.fetch_flow_end(TokenKind::FlowSequenceEnd),
            b'}' => self.fetch_flow_end(TokenKind::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if self.is_blank_or_end(1) => self.fetch_block_entry(),
            b'?' if in_flow || self.is_blank_or_end(1) => self.fetch_key(),
            b':' if in_flow || self.is_blank_or_end(1) => self.fetch_value(),
            b'*' => self.fetch_anchor(false),
            b'&' => self.fetch_anchor(true),
            b'!' => self.fetch_tag(),
            b'|' if !in_flow => self.fetch_block_scalar(ScalarStyle::Literal),
            b'>' if !in_flow => self.fetch_block_scalar(ScalarStyle::Folded),
            b'\'' => self.fetch_quoted_scalar(ScalarStyle::SingleQuoted),
            b'"' => self.fetch_quoted_scalar(ScalarStyle::DoubleQuoted),
            b'\t' | b'|' | b'>' | b'%' | b'@' | b'`' => {
                self.error_here("found character that cannot start any token")
            }
            _ => self.fetch_plain_scalar(),
        }
    }

    fn skip_to_next_token(&mut self) {
        loop {
            if self.column() == 0
                && self.text.get(self.offset..).is_some_and(|t| t.starts_with(BYTE_ORDER_MARK))
            {
                self.skip_bytes(BYTE_ORDER_MARK.len_utf8());
            }
            while self.byte(0) == b' '
                || (self.byte(0) == b'\t' && (self.flow_level > 0 || !self.simple_key_allowed))
            {
                self.skip();
            }
            if self.byte(0) == b'#' {
                self.skip_comments();
            }
            if !self.is_break(0) {
                return;
            }
            self.skip_break();
            if self.flow_level == 0 {
                self.simple_key_allowed = true;
            }
        }
    }

    /// Passes a comment and those that follow it, even where a tab before them would otherwise be wrong.
    fn skip_comments(&mut self) {
        self.skip_comment();
        // Where the comment ends a line break stands.
        while let Some(gap) = self.gap_to_comment(1, |byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')) {
            let next = self.offset + gap;
            while self.offset < next {
                if self.is_break(0) {
                    self.skip_break();
                } else {
                    self.skip();
                }
            }
            self.skip_comment();
        }
    }

    /// Passes the comment on the line of the token before, even after a tab. A `-` has none.
    fn skip_comment_of_token(&mut self) {
        let is_entry = self.tokens.back().is_some_and(|token| token.kind == TokenKind::BlockEntry);
        if is_entry || self.is_after_break() {
            return;
        }
        if let Some(gap) = self.gap_to_comment(0, |byte| matches!(byte, b' ' | b'\t')) {
            self.skip_bytes(gap);
            self.skip_comment();
        }
    }

    /// How many bytes there are to a `#` that go-yaml looks for, from the one at `start` on.
    fn gap_to_comment(&self, start: usize, may_be_between: impl Fn(u8) -> bool) -> Option<usize> {
        let gap = (start..COMMENT_LOOK_AHEAD).find(|&ahead| !may_be_between(self.byte(ahead)))?;
        (self.byte(gap) == b'#').then_some(gap)
    }

    /// Whether nothing but blanks stands between the last line break and this place.
    fn is_after_break(&self) -> bool {
        let line = &self.bytes[self.line_start..self.offset];
        self.line > 0 && line.iter().rev().all(|byte| matches!(byte, b' ' | b'\t'))
    }

    fn document_indicator(&self) -> Option<TokenKind> {
        let rest = &self.bytes[self.offset..];
        let kind = if rest.starts_with(b"---") {
            TokenKind::DocumentStart
        } else if rest.starts_with(b"...") {
            TokenKind::DocumentEnd
        } else {
            return None;
        };
        self.is_blank_or_end(3).then_some(kind)
    }

    fn fetch_stream_end(&mut self) -> Scanned<()> {
        let mut mark = self.mark();
        if mark.column != 0 {
            mark.column = 0;
            mark.line += 1;
            // go-yaml reports what is missing at the end on the line after the last one.
            self.line += 1;
            self.line_start = self.offset;
            self.continuation_bytes_at_line_start = self.continuation_bytes;
        }
        self.unroll_indent(-1, mark);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        self.ended = true;
        self.push(TokenKind::StreamEnd, mark);
        Ok(())
    }

    fn end_of_blocks(&mut self) -> Scanned<Mark> {
        let mark = self.mark();
        self.unroll_indent(-1, mark);
        self.remove_simple_key()?;
        self.simple_key_allowed = false;
        Ok(mark)
    }

    fn fetch_document_indicator(&mut self, kind: TokenKind) -> Scanned<()> {
        let start = self.end_of_blocks()?;
        self.skip_bytes(3);
        self.push(kind, start);
        Ok(())
    }

    fn fetch_flow_start(&mut self, kind: TokenKind) -> Scanned<()> {
        self.save_simple_key()?;
        let token_number = self.tokens_taken + self.tokens.len();
        self.simple_keys.push(SimpleKey { token_number, ..SimpleKey::default() });
        self.flow_level += 1;
        self.simple_key_allowed = true;
        let start = self.mark();
        self.skip();
        self.push(kind, start);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: TokenKind) -> Scanned<()> {
        self.remove_simple_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            let closed = self.simple_keys.pop().map(|key| key.token_number);
            for key in self.simple_keys.iter_mut().filter(|key| Some(key.token_number) == closed) {
                key.known = false;
            }
        }
        self.simple_key_allowed = false;
        let start = self.mark();
        self.skip();
        self.push(kind, start);
        Ok(())
    }

    fn fetch_flow_entry(&mut self) -> Scanned<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let start = self.mark();
        self.skip();
        self.push(TokenKind::FlowEntry, start);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scanned<()> {
        let start = self.mark();
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error_here("block sequence entries are not allowed in this context");
            }
            self.roll_indent(start.column, None, TokenKind::BlockSequenceStart, start);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        self.skip();
        self.push(TokenKind::BlockEntry, start);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scanned<()> {
        let start = self.mark();
        if self.flow_level == 0 {
            if !self.simple_key_allowed {
                return self.error_here("mapping keys are not allowed in this context");
            }
            self.roll_indent(start.column, None, TokenKind::BlockMappingStart, start);
        }
        self.remove_simple_key()?;
        self.simple_key_allowed = self.flow_level == 0;
        self.skip();
        self.push(TokenKind::Key, start);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scanned<()> {
        let last = self.simple_keys.len().saturating_sub(1);
        if self.key_is_valid(last)? {
            let key = self.simple_keys[last];
            self.insert(key.token_number, Token { kind: TokenKind::Key, start: key.mark, end: key.mark });
            self.roll_indent(key.mark.column, Some(key.token_number), TokenKind::BlockMappingStart, key.mark);
            self.simple_keys[last].possible = false;
            self.simple_key_allowed = false;
        } else {
            let start = self.mark();
            if self.flow_level == 0 {
                if !self.simple_key_allowed {
                    return self.error_here("mapping values are not allowed in this context");
                }
                self.roll_indent(start.column, None, TokenKind::BlockMappingStart, start);
            }
            self.simple_key_allowed = self.flow_level == 0;
        }
        let start = self.mark();
        self.skip();
        self.push(TokenKind::Value, start);
        Ok(())
    }

    // --- Directives, anchors, tags ---

    fn fetch_directive(&mut self) -> Scanned<()> {
        let start = self.end_of_blocks()?;
        self.skip();
        let name = self.take_word();
        if name.is_empty() {
            return self.error_in(start, "could not find expected directive name");
        }
        if !self.is_blank_or_end(0) {
            return self.error_in(start, "found unexpected non-alphabetical character");
        }
        let kind = match name {
            "YAML" => self.scan_version(start)?,
            "TAG" => self.scan_tag_directive(start)?,
            _ => return self.error_in(start, "found unknown directive name"),
        };
        self.push(kind, start);
        self.skip_blanks();
        self.skip_comment();
        if !self.is_break_or_end(0) {
            return self.error_in(start, "did not find expected comment or line break");
        }
        self.skip_break();
        Ok(())
    }

    /// Takes letters, digits, `_` and `-`.
    fn take_word(&mut self) -> &'t str {
        let start = self.offset;
        while self.byte(0).is_ascii_alphanumeric() || matches!(self.byte(0), b'_' | b'-') {
            self.skip();
        }
        self.text.get(start..self.offset).unwrap_or("")
    }

    fn scan_version(&mut self, start: Mark) -> Scanned<TokenKind> {
        self.skip_blanks();
        let major = self.scan_version_number(start)?;
        if self.byte(0) != b'.' {
            return self.error_in(start, "did not find expected digit or '.' character");
        }
        self.skip();
        let minor = self.scan_version_number(start)?;
        Ok(TokenKind::Version { major, minor })
    }

    fn scan_version_number(&mut self, start: Mark) -> Scanned<u8> {
        let (mut value, mut digits) = (0u8, 0);
        while self.byte(0).is_ascii_digit() {
            digits += 1;
            if digits > MAX_VERSION_DIGITS {
                return self.error_in(start, "found extremely long version number");
            }
            value = value * 10 + (self.byte(0) - b'0');
            self.skip();
        }
        if digits == 0 {
            return self.error_in(start, "did not find expected version number");
        }
        Ok(value)
    }

    fn scan_tag_directive(&mut self, start: Mark) -> Scanned<TokenKind> {
        self.skip_blanks();
        let handle = self.scan_tag_handle(true, start)?;
        if !self.is_blank(0) {
            return self.error_in(start, "did not find expected whitespace");
        }
        self.skip_blanks();
        let prefix = self.scan_tag_uri("", start)?;
        if !self.is_blank_or_end(0) {
            return self.error_in(start, "did not find expected whitespace or line break");
        }
        Ok(TokenKind::TagDirective { handle: handle.into(), prefix: prefix.into() })
    }

    fn fetch_anchor(&mut self, defines: bool) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark();
        self.skip();
        let name = SmolStr::new(self.take_word());
        let follows = matches!(self.byte(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !(self.is_blank_or_end(0) || follows) {
            return self.error_in(start, "did not find expected alphabetic or numeric character");
        }
        self.push(if defines { TokenKind::Anchor(name) } else { TokenKind::Alias(name) }, start);
        Ok(())
    }

    fn fetch_tag(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark();
        let (handle, suffix) = if self.byte(1) == b'<' {
            self.skip_bytes(2);
            let suffix = self.scan_tag_uri("", start)?;
            if self.byte(0) != b'>' {
                return self.error_in(start, "did not find the expected '>'");
            }
            self.skip();
            (String::new(), suffix)
        } else {
            let handle = self.scan_tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.scan_tag_uri("", start)?;
                (handle, suffix)
            } else {
                let suffix = self.scan_tag_uri(&handle, start)?;
                if suffix.is_empty() { (String::new(), "!".to_owned()) } else { ("!".to_owned(), suffix) }
            }
        };
        if !self.is_blank_or_end(0) {
            return self.error_in(start, "did not find expected whitespace or line break");
        }
        self.push(TokenKind::Tag { handle: handle.into(), suffix: suffix.into() }, start);
        Ok(())
    }

    fn scan_tag_handle(&mut self, in_directive: bool, start: Mark) -> Scanned<String> {
        if self.byte(0) != b'!' {
            return self.error_in(start, "did not find expected '!'");
        }
        self.skip();
        let mut handle = format!("!{}", self.take_word());
        if self.byte(0) == b'!' {
            self.skip();
            handle.push('!');
        } else if in_directive && handle != "!" {
            return self.error_in(start, "did not find expected '!'");
        }
        Ok(handle)
    }

    /// Scans a tag's address; `head` is a handle that turned out to be the address's beginning.
    fn scan_tag_uri(&mut self, head: &str, start: Mark) -> Scanned<String> {
        let mut uri = head.get(1..).unwrap_or("").as_bytes().to_vec();
        let mut found = !head.is_empty();
        loop {
            match self.byte(0) {
                b'%' => uri.extend(self.scan_uri_escape(start)?),
                byte if byte.is_ascii_alphanumeric() || b"_-;/?:@&=+$,.!~*'()[]".contains(&byte) => {
                    uri.push(byte);
                    self.skip();
                }
                _ => break,
            }
            found = true;
        }
        if !found {
            return self.error_in(start, "did not find expected tag URI");
        }
        String::from_utf8(uri).or_else(|_| self.error_in(start, "found an incorrect trailing UTF-8 octet"))
    }

    fn scan_uri_escape(&mut self, start: Mark) -> Scanned<Vec<u8>> {
        let mut octets = Vec::new();
        let mut width = 1;
        while octets.len() < width {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (Some(high), Some(low), b'%') = (digit(self.byte(1)), digit(self.byte(2)), self.byte(0))
            else {
                return self.error_in(start, "did not find URI escaped octet");
            };
            let octet = (high * 16 + low) as u8;
            if octets.is_empty() {
                width = match octet {
                    0..=0x7F => 1,
                    0xC0..=0xDF => 2,
                    0xE0..=0xEF => 3,
                    0xF0..=0xF7 => 4,
                    _ => return self.error_in(start, "found an incorrect leading UTF-8 octet"),
                };
            } else if octet & 0xC0 != 0x80 {
                return self.error_in(start, "found an incorrect trailing UTF-8 octet");
            }
            octets.push(octet);
            self.skip_bytes(3);
        }
        Ok(octets)
    }

    // --- Scalars ---

    fn fetch_block_scalar(&mut self, style: ScalarStyle) -> Scanned<()> {
        self.remove_simple_key()?;
        self.simple_key_allowed = true;
        let start = self.mark();
        self.skip();
        let (chomping, increment) = self.scan_block_header(start)?;
        self.skip_blanks();
        self.skip_comment();
        if !self.is_break_or_end(0) {
            return self.error_in(start, "did not find expected comment or line break");
        }
        self.skip_break();
        let mut content = BlockContent {
            indent: increment.map_or(0, |n| self.indent.max(0) as usize + n),
            text: String::new(),
            trailing: String::new(),
            end: self.mark(),
        };
        let region = self.mark();
        self.scan_block_breaks(&mut content, start)?;
        let first_break_line = if content.trailing.is_empty() { self.mark() } else { region };
        let mut leading = String::new();
        let mut after_blank = false;
        while self.column() == content.indent && !self.at_end() {
            let blank = self.is_blank(0);
            if style == ScalarStyle::Folded && !after_blank && !blank && leading == "\n" {
                if content.trailing.is_empty() {
                    content.text.push(' ');
                }
            } else {
                content.text.push_str(&leading);
            }
            content.text.push_str(&content.trailing);
            content.trailing.clear();
            after_blank = blank;
            let line_start = self.offset;
            self.skip_run(OF_LINE);
            while !self.is_break_or_end(0) {
                self.skip();
                self.skip_run(OF_LINE);
            }
            content.text.push_str(self.text.get(line_start..self.offset).unwrap_or(""));
            leading.clear();
            content.end = self.mark();
            leading.push_str(self.skip_break());
            self.scan_block_breaks(&mut content, start)?;
        }
        if chomping != Chomping::Strip {
            content.text.push_str(&leading);
        }
        if chomping == Chomping::Keep {
            content.text.push_str(&content.trailing);
        }
        let has_lines = content.end.offset > first_break_line.offset;
        let begin = if has_lines { first_break_line.offset } else { content.end.offset };
        let kind = TokenKind::Scalar { text: content.text.into(), style, content: begin };
        self.tokens.push_back(Token { kind, start, end: content.end });
        Ok(())
    }

    fn scan_block_header(&mut self, start: Mark) -> Scanned<(Chomping, Option<usize>)> {
        let (mut chomping, mut increment) = (None, None);
        for _ in 0..2 {
            match self.byte(0) {
                b'+' if chomping.is_none() => chomping = Some(Chomping::Keep),
                b'-' if chomping.is_none() => chomping = Some(Chomping::Strip),
                b'0' if increment.is_none() => {
                    return self.error_in(start, "found an indentation indicator equal to 0");
                }
                digit @ b'1'..=b'9' if increment.is_none() => increment = Some(usize::from(digit - b'0')),
                _ => break,
            }
            self.skip();
        }
        Ok((chomping.unwrap_or(Chomping::Clip), increment))
    }

    /// Passes empty lines and the indentation of the next one; finds the indentation if it is not known yet.
    fn scan_block_breaks(&mut self, content: &mut BlockContent, start: Mark) -> Scanned<()> {
        let mut deepest = 0;
        loop {
            let inside = |scanner: &Self| content.indent == 0 || scanner.column() < content.indent;
            while inside(self) && self.byte(0) == b' ' {
                self.skip();
            }
            deepest = deepest.max(self.column());
            if inside(self) && self.byte(0) == b'\t' {
                return self.error_in(start, "found a tab character where an indentation space is expected");
            }
            if !self.is_break(0) {
                break;
            }
            content.trailing.push_str(self.skip_break());
        }
        if content.indent == 0 {
            content.indent = deepest.max((self.indent + 1) as usize).max(1);
        }
        Ok(())
    }

    fn fetch_quoted_scalar(&mut self, style: ScalarStyle) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark();
        let quote = self.byte(0);
        self.skip();
        let mut text = String::new();
        loop {
            if self.column() == 0 && self.document_indicator().is_some() {
                return self.error_in(start, "found unexpected document indicator");
            }
            if self.at_end() {
                return self.error_in(start, "found unexpected end of stream");
            }
            let joined = self.scan_quoted_word(style, start, &mut text)?;
            if self.byte(0) == quote {
                break;
            }
            self.scan_quoted_blanks(joined, &mut text);
        }
        self.skip();
        self.push(TokenKind::Scalar { text: text.into(), style, content: start.offset }, start);
        Ok(())
    }

    /// Takes text up to a blank, a line break or the closing quote. True if it ended with an escaped line break.
    fn scan_quoted_word(&mut self, style: ScalarStyle, start: Mark, text: &mut String) -> Scanned<bool> {
        let single = style == ScalarStyle::SingleQuoted;
        loop {
            let run = self.offset;
            self.skip_run(OF_QUOTED);
            while !self.is_blank_or_end(0) && !matches!(self.byte(0), b'\'' | b'"' | b'\\') {
                self.skip();
                self.skip_run(OF_QUOTED);
            }
            text.push_str(self.text.get(run..self.offset).unwrap_or(""));
            if self.is_blank_or_end(0) {
                return Ok(false);
            }
            match (self.byte(0), single) {
                (b'\'', true) if self.byte(1) == b'\'' => {
                    text.push('\'');
                    self.skip_bytes(2);
                }
                (b'\'', true) | (b'"', false) => return Ok(false),
                (b'\\', false) if self.is_break(1) => {
                    self.skip();
                    self.skip_break();
                    return Ok(true);
                }
                (b'\\', false) => self.scan_escape(start, text)?,
                (other, _) => {
                    text.push(char::from(other));
                    self.skip();
                }
            }
        }
    }

    fn scan_escape(&mut self, start: Mark, text: &mut String) -> Scanned<()> {
        let digits = match self.byte(1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            other => {
                let Some(meaning) = escaped(other) else {
                    return self.error_in(start, "found unknown escape character");
                };
                text.push(meaning);
                self.skip_bytes(2);
                return Ok(());
            }
        };
        self.skip_bytes(2);
        let mut code = 0u32;
        for ahead in 0..digits {
            let Some(digit) = char::from(self.byte(ahead)).to_digit(16) else {
                return self.error_in(start, "did not find expected hexdecimal number");
            };
            code = code.wrapping_shl(4) | digit;
        }
        let Some(c) = char::from_u32(code) else {
            return self.error_in(start, "found invalid Unicode character escape code");
        };
        text.push(c);
        self.skip_bytes(digits);
        Ok(())
    }

    fn scan_quoted_blanks(&mut self, mut after_break: bool, text: &mut String) {
        let mut blanks = self.offset..self.offset;
        let (mut leading, mut trailing) = ("", String::new());
        loop {
            if self.is_blank(0) {
                self.skip();
                if !after_break {
                    blanks.end = self.offset;
                }
            } else if !self.is_break(0) {
                break;
            } else if after_break {
                trailing.push_str(self.skip_break());
            } else {
                leading = self.skip_break();
                after_break = true;
            }
        }
        if after_break {
            push_folded(leading, &trailing, text);
        } else {
            text.push_str(self.text.get(blanks).unwrap_or(""));
        }
    }

    fn fetch_plain_scalar(&mut self) -> Scanned<()> {
        self.save_simple_key()?;
        self.simple_key_allowed = false;
        let start = self.mark();
        let mut end = start;
        let indent = self.indent + 1;
        // Text that is one piece of the source is not copied until a line is folded into it.
        let mut text = String::new();
        let mut piece = self.offset..self.offset;
        let mut after_break = false;
        loop {
            if (self.column() == 0 && self.document_indicator().is_some()) || self.byte(0) == b'#' {
                break;
            }
            let word = self.offset;
            self.skip_run(OF_PLAIN);
            while !self.is_blank_or_end(0) && !self.plain_ends_here() {
                self.skip();
                self.skip_run(OF_PLAIN);
            }
            if self.offset > word {
                after_break = false;
                end = self.mark();
                piece.end = self.offset;
            }
            if !(self.is_blank(0) || self.is_break(0)) {
                break;
            }
            let (mut leading, mut trailing) = ("", String::new());
            let mut broke = after_break;
            while self.is_blank(0) || self.is_break(0) {
                if !self.is_break(0) {
                    if broke && (self.column() as isize) < indent && self.byte(0) == b'\t' {
                        return self.error_in(start, "found a tab character that violates indentation");
                    }
                    self.skip();
                } else if broke {
                    trailing.push_str(self.skip_break());
                } else {
                    leading = self.skip_break();
                    broke = true;
                }
            }
            after_break = broke;
            if self.flow_level == 0 && (self.column() as isize) < indent {
                break;
            }
            if broke && self.plain_goes_on() {
                text.push_str(self.text.get(piece.clone()).unwrap_or(""));
                push_folded(leading, &trailing, &mut text);
                piece = self.offset..self.offset;
            }
        }
        text.push_str(self.text.get(piece.start..piece.end.max(piece.start)).unwrap_or(""));
        let kind = TokenKind::Scalar { text: text.into(), style: ScalarStyle::Plain, content: start.offset };
        self.tokens.push_back(Token { kind, start, end });
        if after_break {
            self.simple_key_allowed = true;
        }
        Ok(())
    }

    fn plain_ends_here(&self) -> bool {
        match self.byte(0) {
            b':' => self.is_blank_or_end(1),
            b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.flow_level > 0,
            _ => false,
        }
    }

    fn plain_goes_on(&self) -> bool {
        let indicator = self.column() == 0 && self.document_indicator().is_some();
        !indicator && !self.at_end() && self.byte(0) != b'#' && !self.plain_ends_here()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

struct BlockContent {
    indent: usize,
    text: String,
    trailing: String,
    end: Mark,
}

/// Appends what a line break inside a flow scalar means: a space, or the further breaks.
fn push_folded(leading: &str, trailing: &str, text: &mut String) {
    match leading {
        "\n" if trailing.is_empty() => text.push(' '),
        "\n" => text.push_str(trailing),
        _ => {
            text.push_str(leading);
            text.push_str(trailing);
        }
    }
}

/// What `\` and a byte mean in double quotes.
pub(super) fn escaped(byte: u8) -> Option<char> {
    Some(match byte {
        b'0' => '\0',
        b'a' => '\x07',
        b'b' => '\x08',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\x0B',
        b'f' => '\x0C',
        b'r' => '\r',
        b'e' => '\x1B',
        b' ' => ' ',
        b'"' => '"',
        b'\'' => '\'',
        b'\\' => '\\',
        b'N' => '\u{85}',
        b'_' => '\u{A0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => return None,
    })
}
