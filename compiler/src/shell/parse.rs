//! The parser: statements and commands.
//!
//! It accepts and rejects what the shell that go-task embeds does (`mvdan.cc/sh`, bash language), with that shell's
//! messages and places. Bash itself sees only scripts that passed here.

use smol_str::SmolStr;

use super::ast::{
    Assignment, Call, Case, CaseEnding, CaseItem, Chain, ChainOperator, Command, Declaration, For, ForHeader,
    Function, HereDocument, If, IfBranch, Literal, Redirect, RedirectOperator, Script, Statement, Terminator,
    Test, TextRange, While, Word, WordPart,
};
use super::error::{Parsed, Pos, SyntaxError};
use super::lex::{Mode, is_name};
use super::token::{Token, quoted};

/// How deep constructs may nest (substitutions, compound commands, parentheses), so that no script overflows the stack.
pub const MAX_NESTING: usize = 100;

/// Parses a script.
///
/// # Errors
/// The first syntax error. Its text is the one that go-task prints for the script, but for [`MAX_NESTING`], which
/// go-task does not have.
pub fn parse(script: &str) -> Result<Script, SyntaxError> {
    let mut parser = Parser::new(script);
    parser.script().map_err(|error| *error)
}

/// A here-document whose body was not yet met.
#[derive(Debug)]
pub(super) struct PendingDocument {
    document: usize,
    delimiter: Vec<u8>,
    quoted: bool,
    tabs: bool,
    start: Pos,
    width: usize,
}

/// What a nested construct puts back at its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer {
    pub(super) mode: Mode,
    buried: usize,
}

/// Lexer and parser in one: the parser's place in the grammar decides what makes a token.
#[derive(Debug)]
pub(super) struct Parser<'a> {
    pub(super) source: &'a str,
    pub(super) bytes: &'a [u8],
    /// Offset of the byte behind the present one.
    pub(super) ahead: usize,
    /// Offset of the present byte.
    pub(super) at: usize,
    /// The present byte, or one of the two stand-ins.
    pub(super) byte: u8,
    /// How far the present byte moves the column.
    pub(super) width: u32,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) mode: Mode,
    pub(super) token: Token,
    /// Text of the last literal token.
    pub(super) value: String,
    /// Where the token begins.
    pub(super) position: Pos,
    /// Where the token before ended.
    pub(super) previous_end: u32,
    /// Whether a blank stood before the token.
    pub(super) spaced: bool,
    /// Offset of the first `=` in `value`.
    pub(super) equals: Option<usize>,
    pub(super) literal: Vec<u8>,
    pub(super) collecting: bool,
    pub(super) pending: Vec<PendingDocument>,
    /// How many of `pending` belong to outer constructs.
    pub(super) buried: usize,
    pub(super) documents: Vec<HereDocument>,
    /// Delimiters of the documents being read; `None` once found.
    pub(super) delimiters: Vec<Option<Vec<u8>>>,
    /// Whether the whole text is the body of a document.
    pub(super) whole_document: bool,
    pub(super) open_backquotes: usize,
    pub(super) open_quoted_backquotes: usize,
    pub(super) backquote_escapes: usize,
    pub(super) regex_parens: i32,
    pub(super) regex_begins: bool,
    /// Whether expansions are forbidden, as in the delimiter of a here-document.
    pub(super) plain_words_only: bool,
    pub(super) depth: usize,
    /// How many arithmetic expressions are open around this place.
    pub(super) open_expressions: usize,
    /// How many operators the outermost of them has so far.
    pub(super) operators: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        let mut parser = Self {
            source,
            bytes: source.as_bytes(),
            ahead: 0,
            at: 0,
            byte: 0,
            width: 0,
            line: 1,
            column: 1,
            mode: Mode::Plain,
            token: Token::Illegal,
            value: String::new(),
            position: Pos::default(),
            previous_end: 0,
            spaced: false,
            equals: None,
            literal: Vec::new(),
            collecting: false,
            pending: Vec::new(),
            buried: 0,
            documents: Vec::new(),
            delimiters: Vec::new(),
            whole_document: false,
            open_backquotes: 0,
            open_quoted_backquotes: 0,
            backquote_escapes: 0,
            regex_parens: 0,
            regex_begins: false,
            plain_words_only: false,
            depth: 0,
            open_expressions: 0,
            operators: 0,
        };
        parser.advance();
        parser
    }

    fn script(&mut self) -> Parsed<Script> {
        self.next()?;
        let statements = self.statements(&[])?;
        // The delimiter of a here-document may be the last thing in the script.
        self.read_documents()?;
        Ok(Script { statements, documents: std::mem::take(&mut self.documents) })
    }

    // Errors.

    /// An error at a place, about so many bytes.
    pub(super) fn fail<T>(&self, at: Pos, width: usize, message: impl Into<String>) -> Parsed<T> {
        let start = self.source.floor_char_boundary(at.offset as usize);
        let end = self.source.ceil_char_boundary((at.offset as usize).saturating_add(width));
        let range = TextRange { start: start as u32, end: end as u32 };
        Err(Box::new(SyntaxError { line: at.line, column: at.column, range, message: message.into() }))
    }

    /// An error at the present token.
    pub(super) fn fail_here<T>(&self, message: impl Into<String>) -> Parsed<T> {
        let failed =
            self.fail(self.position, (self.at as u32).saturating_sub(self.position.offset) as usize, message);
        if matches!(self.token, Token::End | Token::Newline) {
            let at = self.at.min(self.bytes.len()) as u32;
            return failed.map_err(|mut error| {
                error.range = TextRange { start: at, end: at };
                error
            });
        }
        failed
    }

    pub(super) fn fail_follow<T>(&self, at: Pos, left: &str, right: &str) -> Parsed<T> {
        self.fail(at, left.len(), format!("{} must be followed by {right}", quoted(left)))
    }

    pub(super) fn fail_match<T>(&self, at: Pos, left: Token, right: Token) -> Parsed<T> {
        let message = format!(
            "reached {} without matching {} with {}",
            self.token.quoted(),
            left.quoted(),
            right.quoted()
        );
        self.fail(at, left.text().len(), message)
    }

    pub(super) fn fail_quote<T>(&self, at: Pos, quote: Token) -> Parsed<T> {
        let message = format!("reached {} without closing quote {}", self.token.quoted(), quote.quoted());
        self.fail(at, quote.text().len(), message)
    }

    /// An error about something that only another shell has.
    pub(super) fn fail_language<T>(&self, at: Pos, width: usize, feature: &str, shell: &str) -> Parsed<T> {
        let verb = if feature.ends_with('s') { "are" } else { "is" };
        self.fail(at, width, format!("{feature} {verb} a {shell} feature; tried parsing as bash"))
    }

    pub(super) fn enter(&mut self) -> Parsed<()> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return self.fail_here(format!("nested deeper than {MAX_NESTING} levels"));
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    // Tokens.

    pub(super) fn got(&mut self, token: Token) -> Parsed<bool> {
        let found = self.token == token;
        if found {
            self.next()?;
        }
        Ok(found)
    }

    pub(super) fn at_word(&self, word: &str) -> bool {
        self.token == Token::LiteralWord && self.value == word
    }

    pub(super) fn got_word(&mut self, word: &str) -> Parsed<bool> {
        let found = self.at_word(word);
        if found {
            self.next()?;
        }
        Ok(found)
    }

    pub(super) fn follow(&mut self, at: Pos, left: &str, token: Token) -> Parsed<()> {
        if self.got(token)? { Ok(()) } else { self.fail_follow(at, left, &token.quoted()) }
    }

    pub(super) fn matched(&mut self, at: Pos, left: Token, right: Token) -> Parsed<()> {
        if self.got(right)? { Ok(()) } else { self.fail_match(at, left, right) }
    }

    pub(super) fn nest(&mut self, mode: Mode) -> Outer {
        let outer = Outer { mode: self.mode, buried: self.buried };
        self.buried = self.pending.len();
        self.mode = mode;
        outer
    }

    pub(super) fn unnest(&mut self, outer: Outer) {
        self.mode = outer.mode;
        self.buried = outer.buried;
    }

    /// The range of the present token.
    pub(super) fn token_range(&self) -> TextRange {
        TextRange { start: self.position.offset, end: self.at as u32 }
    }

    /// The range from a place to the end of what was consumed last.
    pub(super) fn range_from(&self, start: Pos) -> TextRange {
        TextRange { start: start.offset, end: self.previous_end.max(start.offset) }
    }

    /// The present literal token, which is consumed.
    pub(super) fn take_literal(&mut self) -> Parsed<Literal> {
        let literal = Literal { range: self.token_range(), text: SmolStr::new(&self.value) };
        self.next()?;
        Ok(literal)
    }

    // Here-documents.

    pub(super) fn read_documents(&mut self) -> Parsed<()> {
        let documents = self.pending.split_off(self.buried.min(self.pending.len()));
        if documents.is_empty() {
            return Ok(());
        }
        self.advance();
        let outer = self.mode;
        for (index, pending) in documents.into_iter().enumerate() {
            self.mode = if pending.tabs { Mode::DocumentTabs } else { Mode::Document };
            self.delimiters.push(Some(pending.delimiter.clone()));
            if index > 0 && self.byte == b'\n' {
                self.advance();
            }
            let body = if pending.quoted {
                self.quoted_document().map(|(range, text)| Word {
                    range,
                    parts: vec![WordPart::Literal(Literal { range, text: SmolStr::new(text) })],
                })
            } else {
                self.next()?;
                self.word()?
            };
            if self.delimiters.pop().flatten().is_some() {
                let delimiter = String::from_utf8_lossy(&pending.delimiter).into_owned();
                let message = format!("unclosed here-document {}", quoted(&delimiter));
                return self.fail(pending.start, pending.width, message);
            }
            if let Some(document) = self.documents.get_mut(pending.document) {
                document.body = body;
            }
        }
        self.mode = outer;
        Ok(())
    }

    fn redirect(&mut self, statement: &mut Statement) -> Parsed<()> {
        let start = self.position;
        let descriptor = if self.token.is_literal() { Some(self.take_literal()?) } else { None };
        let token = self.token;
        let at = self.position;
        let operator = match token {
            Token::Greater => RedirectOperator::Write,
            Token::GreaterGreater => RedirectOperator::Append,
            Token::Less => RedirectOperator::Read,
            Token::LessGreater => RedirectOperator::ReadWrite,
            Token::LessAnd => RedirectOperator::DuplicateIn,
            Token::GreaterAnd => RedirectOperator::DuplicateOut,
            Token::GreaterOr => RedirectOperator::Clobber,
            Token::LessLess => RedirectOperator::HereDocument,
            Token::LessLessDash => RedirectOperator::HereDocumentTabs,
            Token::LessLessLess => RedirectOperator::HereString,
            Token::AndGreater => RedirectOperator::WriteAll,
            Token::AndGreaterGreater => RedirectOperator::AppendAll,
            _ => {
                return self.fail_language(
                    at,
                    token.text().len(),
                    &format!("{} redirects", token.quoted()),
                    "zsh",
                );
            }
        };
        self.next()?;
        let mut document = None;
        let target =
            if matches!(operator, RedirectOperator::HereDocument | RedirectOperator::HereDocumentTabs) {
                let outer = self.mode;
                self.mode = Mode::DocumentWord;
                self.plain_words_only = true;
                let target = self.follow_target(at, token)?;
                self.mode = outer;
                self.plain_words_only = false;
                let (delimiter, quoted) = unquote(&target);
                document = Some(self.documents.len());
                self.documents.push(HereDocument { quoted, body: None });
                self.pending.push(PendingDocument {
                    document: self.documents.len() - 1,
                    delimiter,
                    quoted,
                    tabs: operator == RedirectOperator::HereDocumentTabs,
                    start,
                    width: (target.range.end.saturating_sub(start.offset)) as usize,
                });
                target
            } else {
                self.follow_target(at, token)?
            };
        let range = TextRange { start: start.offset, end: target.range.end };
        statement.redirects.push(Redirect { range, descriptor, operator, target, document });
        if document.is_some() && self.token == Token::Newline {
            self.read_documents()?;
        }
        Ok(())
    }

    fn follow_target(&mut self, at: Pos, token: Token) -> Parsed<Word> {
        match self.word()? {
            Some(word) => Ok(word),
            None => self.fail_follow(at, token.text(), "a word"),
        }
    }

    // Statements.

    pub(super) fn statements(&mut self, stops: &[&str]) -> Parsed<Vec<Statement>> {
        let mut statements = Vec::new();
        let mut ended = true;
        while self.token != Token::End {
            let new_line = self.got(Token::Newline)?;
            match self.token {
                Token::LiteralWord => {
                    if stops.contains(&self.value.as_str()) {
                        break;
                    }
                    if self.value == "}" {
                        return self.fail_here("`}` can only be used to close a block");
                    }
                }
                Token::RightParen if self.mode == Mode::Parens => break,
                Token::Backquote if self.backquote_closes() => break,
                Token::DoubleSemicolon | Token::SemicolonAnd | Token::DoubleSemicolonAnd => {
                    if self.mode == Mode::CaseBranch {
                        break;
                    }
                    return self
                        .fail_here(format!("{} can only be used in a case clause", self.token.quoted()));
                }
                _ => {}
            }
            if !new_line && !ended {
                return self.fail_here("statements must be separated by &, ; or a newline");
            }
            if self.token == Token::End {
                break;
            }
            let Some(statement) = self.statement(true)? else {
                return self.fail_statement_start();
            };
            ended = statement.terminator.is_some();
            statements.push(statement);
        }
        Ok(statements)
    }

    fn fail_statement_start<T>(&self) -> Parsed<T> {
        let token = self.token.quoted();
        match self.token {
            Token::Semicolon | Token::And | Token::Or | Token::AndAnd | Token::OrOr => {
                self.fail_here(format!("{token} can only immediately follow a statement"))
            }
            Token::RightParen => self.fail_here(format!("{token} can only be used to close a subshell")),
            _ => self.fail_here(format!("{token} is not a valid start for a statement")),
        }
    }

    fn follow_statements(&mut self, left: &str, at: Pos, stops: &[&str]) -> Parsed<Vec<Statement>> {
        if self.token != Token::Semicolon {
            let statements = self.statements(stops)?;
            if !statements.is_empty() {
                return Ok(statements);
            }
        }
        self.fail_follow(at, left, "a statement list")
    }

    /// Pipelines joined by `&&` and `||`, and what ends them.
    pub(super) fn statement(&mut self, read_end: bool) -> Parsed<Option<Statement>> {
        let start = self.position;
        let Some(mut statement) = self.negatable_pipeline()? else { return Ok(None) };
        if matches!(self.token, Token::AndAnd | Token::OrOr) {
            let mut chain = Chain { statements: vec![statement], operators: Vec::new() };
            while matches!(self.token, Token::AndAnd | Token::OrOr) {
                let (token, at) = (self.token, self.position);
                let operator = if token == Token::AndAnd { ChainOperator::And } else { ChainOperator::Or };
                chain.operators.push((operator, self.token_range()));
                self.next()?;
                self.got(Token::Newline)?;
                let Some(right) = self.negatable_pipeline()? else {
                    return self.fail_follow(at, token.text(), "a statement");
                };
                chain.statements.push(right);
            }
            statement = Statement {
                range: self.range_from(start),
                command: Some(Command::Chain(Box::new(chain))),
                ..Statement::default()
            };
        }
        if read_end {
            let terminator = match self.token {
                Token::Semicolon => Some(Terminator::Semicolon),
                Token::And => Some(Terminator::Background),
                _ => None,
            };
            if let Some(terminator) = terminator {
                statement.terminator = Some((terminator, self.token_range()));
                self.next()?;
            }
        }
        Ok(Some(statement))
    }

    fn negatable_pipeline(&mut self) -> Parsed<Option<Statement>> {
        let start = self.position;
        let negated = self.got_word("!")?;
        if negated {
            if self.stops() {
                return self.fail(start, 1, "`!` cannot form a statement alone");
            }
            if self.at_word("!") {
                return self.fail(start, 1, "cannot negate a command multiple times");
            }
        }
        self.pipeline(start, negated)
    }

    fn pipeline(&mut self, start: Pos, negated: bool) -> Parsed<Option<Statement>> {
        self.enter()?;
        let Some(mut statement) = self.stage(start, negated)? else {
            self.leave();
            return Ok(None);
        };
        statement.negated = negated;
        if matches!(self.token, Token::Or | Token::OrAnd) {
            statement.negated = false;
            let mut chain = Chain { statements: vec![statement], operators: Vec::new() };
            while matches!(self.token, Token::Or | Token::OrAnd) {
                let (token, at) = (self.token, self.position);
                let operator = if token == Token::Or { ChainOperator::Pipe } else { ChainOperator::PipeAll };
                chain.operators.push((operator, self.token_range()));
                self.next()?;
                self.got(Token::Newline)?;
                let Some(right) = self.stage(self.position, false)? else {
                    return self.fail_follow(at, token.text(), "a statement");
                };
                chain.statements.push(right);
            }
            statement = Statement {
                range: self.range_from(start),
                negated,
                command: Some(Command::Chain(Box::new(chain))),
                ..Statement::default()
            };
        }
        self.leave();
        Ok(Some(statement))
    }

    /// One command with its redirects.
    fn stage(&mut self, start: Pos, negated: bool) -> Parsed<Option<Statement>> {
        let mut statement = Statement::default();
        while self.token.begins_redirect() {
            self.redirect(&mut statement)?;
        }
        let redirected = !statement.redirects.is_empty();
        self.command(&mut statement, negated)?;
        if statement.command.is_none() && !redirected {
            return Ok(None);
        }
        if redirected && !matches!(statement.command, None | Some(Command::Simple(_))) {
            return self.fail_language(start, 1, "redirects before compound commands", "zsh");
        }
        while self.token.begins_redirect() {
            self.redirect(&mut statement)?;
        }
        statement.range = self.range_from(start);
        Ok(Some(statement))
    }

    fn command(&mut self, statement: &mut Statement, negated: bool) -> Parsed<()> {
        match self.token {
            Token::LiteralWord => return self.word_command(statement, negated),
            Token::Backquote if self.backquote_closes() => {}
            Token::LeftParen if self.byte == b')' => {
                self.advance();
                let start = self.position;
                self.next()?;
                if self.at_word("{") {
                    return self.fail_language(start, 1, "anonymous functions", "zsh");
                }
                statement.command = Some(self.function(start, false, None)?);
            }
            Token::LeftParen => statement.command = Some(self.subshell()?),
            Token::DoubleLeftParen => statement.command = Some(self.arithmetic_command()?),
            Token::Literal => {
                if self.at_assignment() {
                    return self.call(statement, None);
                }
                return self.call_or_bad_function(statement);
            }
            token if begins_word(token) => return self.call_or_bad_function(statement),
            _ => {}
        }
        Ok(())
    }

    fn call_or_bad_function(&mut self, statement: &mut Statement) -> Parsed<()> {
        let start = self.position;
        let word = self.word()?;
        if self.token == Token::LeftParen {
            return self.fail(start, 1, "invalid func name");
        }
        self.call(statement, word)
    }

    fn word_command(&mut self, statement: &mut Statement, negated: bool) -> Parsed<()> {
        let command = match self.value.as_str() {
            "{" => self.group()?,
            "if" => self.if_command()?,
            "while" => self.while_command(false)?,
            "until" => self.while_command(true)?,
            "for" => self.for_command()?,
            "select" => self.select_command()?,
            "case" => self.case_command()?,
            "[[" => self.test_command()?,
            "let" => self.let_command()?,
            "function" => self.keyword_function()?,
            "declare" | "local" | "export" | "readonly" | "typeset" | "nameref" => self.declaration()?,
            "time" => self.time_command()?,
            "coproc" => self.coprocess()?,
            "}" => return self.fail_here("`}` can only be used to close a block"),
            "then" | "elif" => {
                return self.fail_here(format!("{} can only be used in an `if`", quoted(&self.value)));
            }
            "fi" => return self.fail_here("`fi` can only be used to end an `if`"),
            "do" => return self.fail_here("`do` can only be used in a loop"),
            "done" => return self.fail_here("`done` can only be used to end a loop"),
            "esac" => return self.fail_here("`esac` can only be used to end a `case`"),
            "!" if !negated => return self.fail_here("`!` can only be used in full statements"),
            "]]" => return self.fail_here("`]]` can only be used to close a test"),
            _ => return self.call_or_function(statement),
        };
        statement.command = Some(command);
        Ok(())
    }

    fn call_or_function(&mut self, statement: &mut Statement) -> Parsed<()> {
        if self.at_assignment() {
            return self.call(statement, None);
        }
        let start = self.position;
        let name = self.take_literal()?;
        if self.token == Token::LeftParen {
            self.next()?;
            self.follow(start, "foo(", Token::RightParen)?;
            statement.command = Some(self.function(start, false, Some(name))?);
            return Ok(());
        }
        let word = Word { range: name.range, parts: vec![WordPart::Literal(name)] };
        self.call(statement, Some(word))
    }

    /// Reads assignments, words and redirects.
    fn call(&mut self, statement: &mut Statement, first: Option<Word>) -> Parsed<()> {
        let mut assignments: Vec<(Pos, Assignment)> = Vec::new();
        let mut words = Vec::with_capacity(4);
        if let Some(word) = first {
            words.push(word);
        } else {
            let start = self.position;
            assignments.push((start, self.assignment(true)?));
        }
        loop {
            match self.token {
                Token::End
                | Token::Newline
                | Token::Semicolon
                | Token::And
                | Token::Or
                | Token::AndAnd
                | Token::OrOr
                | Token::OrAnd
                | Token::DoubleSemicolon
                | Token::SemicolonAnd
                | Token::DoubleSemicolonAnd => break,
                Token::RightParen if self.mode == Mode::Parens => break,
                Token::Backquote if self.backquote_closes() => break,
                Token::LiteralWord | Token::Literal if words.is_empty() && self.at_assignment() => {
                    let start = self.position;
                    assignments.push((start, self.assignment(true)?));
                }
                Token::LiteralWord => {
                    let literal = self.take_literal()?;
                    words.push(Word { range: literal.range, parts: vec![WordPart::Literal(literal)] });
                }
                Token::DoubleLeftParen => {
                    return self.fail_here("`((` can only be used to open an arithmetic cmd");
                }
                token if token == Token::Literal || begins_word(token) => {
                    words.extend(self.word()?);
                }
                token if token.begins_redirect() => self.redirect(statement)?,
                token => {
                    let found = token.quoted();
                    return self.fail_here(format!(
                        "a command can only contain words and redirects; encountered {found}"
                    ));
                }
            }
        }
        if !words.is_empty()
            && let Some((at, assignment)) =
                assignments.iter().find(|(_, a)| a.index.is_some() || a.array.is_some())
        {
            let width = (assignment.range.end - assignment.range.start) as usize;
            return self.fail(*at, width, "inline variables cannot be arrays");
        }
        let assignments = assignments.into_iter().map(|(_, assignment)| assignment).collect();
        statement.command = Some(Command::Simple(Call { assignments, words }));
        Ok(())
    }

    // Compound commands.

    fn subshell(&mut self) -> Parsed<Command> {
        let start = self.position;
        let outer = self.nest(Mode::Parens);
        self.next()?;
        let body = self.follow_statements("(", start, &[])?;
        self.unnest(outer);
        self.matched(start, Token::LeftParen, Token::RightParen)?;
        Ok(Command::Subshell(body))
    }

    fn arithmetic_command(&mut self) -> Parsed<Command> {
        let start = self.position;
        let outer = self.nest(Mode::ArithmeticCommand);
        self.next()?;
        if self.got(Token::Hash)? {
            return self.fail_language(start, 2, "unsigned expressions", "mksh");
        }
        let expression = self.follow_arithmetic(Token::DoubleLeftParen, start)?;
        self.arithmetic_end(Token::DoubleLeftParen, start, outer)?;
        Ok(Command::Arithmetic(Box::new(expression)))
    }

    fn group(&mut self) -> Parsed<Command> {
        let start = self.position;
        self.next()?;
        let body = self.follow_statements("{", start, &["}"])?;
        if !self.got_word("}")? {
            return self.fail_match(start, Token::LeftBrace, Token::RightBrace);
        }
        Ok(Command::Group(body))
    }

    fn statement_end(&mut self, start: Pos, opening: &str, closing: &str) -> Parsed<()> {
        if self.got_word(closing)? {
            return Ok(());
        }
        let message = format!("{} statement must end with {}", quoted(opening), quoted(closing));
        self.fail(start, opening.len(), message)
    }

    fn if_command(&mut self) -> Parsed<Command> {
        let start = self.position;
        let mut branches = vec![self.if_branch("if", "if <cond>")?];
        while self.at_word("elif") {
            branches.push(self.if_branch("elif", "elif <cond>")?);
        }
        let position = self.position;
        let otherwise = if self.got_word("else")? {
            Some(self.follow_statements("else", position, &["fi"])?)
        } else {
            None
        };
        self.statement_end(start, "if", "fi")?;
        Ok(Command::If(Box::new(If { branches, otherwise })))
    }

    fn if_branch(&mut self, keyword: &str, with_condition: &str) -> Parsed<IfBranch> {
        let start = self.position;
        self.next()?;
        let condition = self.follow_statements(keyword, start, &["then"])?;
        let at = self.position;
        if !self.got_word("then")? {
            let message = format!("{} must be followed by `then`", quoted(with_condition));
            return self.fail(start, keyword.len(), message);
        }
        let then = self.follow_statements("then", at, &["fi", "elif", "else"])?;
        Ok(IfBranch { condition, then })
    }

    /// `do … done`, or `{ … }` where braces are allowed.
    fn loop_body(
        &mut self,
        start: Pos,
        keyword: &str,
        header: &str,
        braces: bool,
    ) -> Parsed<(bool, Vec<Statement>)> {
        let at = self.position;
        if braces && self.got_word("{")? {
            let body = self.follow_statements("{", at, &["}"])?;
            self.statement_end(start, keyword, "}")?;
            return Ok((true, body));
        }
        if !self.got_word("do")? {
            return self.fail(start, keyword.len(), format!("{} must be followed by `do`", quoted(header)));
        }
        let body = self.follow_statements("do", at, &["done"])?;
        self.statement_end(start, keyword, "done")?;
        Ok((false, body))
    }

    fn while_command(&mut self, until: bool) -> Parsed<Command> {
        let start = self.position;
        let (keyword, header) = if until { ("until", "until <cond>") } else { ("while", "while <cond>") };
        self.next()?;
        let condition = self.follow_statements(keyword, start, &["do"])?;
        let (_, body) = self.loop_body(start, keyword, header, false)?;
        Ok(Command::While(Box::new(While { until, condition, body })))
    }

    fn for_command(&mut self) -> Parsed<Command> {
        let start = self.position;
        self.next()?;
        let header = if self.token == Token::DoubleLeftParen {
            self.arithmetic_header()?
        } else {
            self.word_header("for", start)?
        };
        let (braces, body) = self.loop_body(start, "for", "for foo [in words]", true)?;
        Ok(Command::For(Box::new(For { select: false, header, braces, body })))
    }

    fn select_command(&mut self) -> Parsed<Command> {
        let start = self.position;
        self.next()?;
        let header = self.word_header("select", start)?;
        let (braces, body) = self.loop_body(start, "select", "select foo [in words]", false)?;
        Ok(Command::For(Box::new(For { select: true, header, braces, body })))
    }

    fn arithmetic_header(&mut self) -> Parsed<ForHeader> {
        let start = self.position;
        let outer = self.nest(Mode::ArithmeticCommand);
        self.next()?;
        let first = self.arithmetic(false)?;
        let mut condition = None;
        if !self.got(Token::DoubleSemicolon)? {
            self.follow(self.position, "expr", Token::Semicolon)?;
            condition = self.arithmetic(false)?;
            self.follow(self.position, "expr", Token::Semicolon)?;
        }
        let step = self.arithmetic(false)?;
        self.arithmetic_end(Token::DoubleLeftParen, start, outer)?;
        self.got(Token::Semicolon)?;
        self.got(Token::Newline)?;
        Ok(ForHeader::Arithmetic(Box::new([first, condition, step])))
    }

    fn word_header(&mut self, keyword: &str, start: Pos) -> Parsed<ForHeader> {
        if !self.token.is_literal() {
            return self.fail_follow(start, keyword, "a literal");
        }
        let name = self.take_literal()?;
        if self.got(Token::Semicolon)? {
            self.got(Token::Newline)?;
            return Ok(ForHeader::Words(name, None));
        }
        self.got(Token::Newline)?;
        if self.got_word("in")? {
            let mut words = Vec::new();
            while !self.stops() {
                match self.word()? {
                    Some(word) => words.push(word),
                    None => return self.fail_here("word list can only contain words"),
                }
            }
            self.got(Token::Semicolon)?;
            self.got(Token::Newline)?;
            return Ok(ForHeader::Words(name, Some(words)));
        }
        if self.at_word("do") {
            return Ok(ForHeader::Words(name, None));
        }
        let message = format!(
            "{} must be followed by `in`, `do`, `;`, or a newline",
            quoted(&format!("{keyword} foo"))
        );
        self.fail(start, keyword.len(), message)
    }

    fn case_command(&mut self) -> Parsed<Command> {
        let start = self.position;
        self.next()?;
        let Some(word) = self.word()? else { return self.fail_follow(start, "case", "a word") };
        self.got(Token::Newline)?;
        if self.at_word("{") {
            return self.fail_language(start, 4, "`case i {`", "mksh");
        }
        if !self.got_word("in")? {
            return self.fail(start, 4, "`case x` must be followed by `in`");
        }
        let items = self.case_items()?;
        self.statement_end(start, "case", "esac")?;
        Ok(Command::Case(Box::new(Case { word, items })))
    }

    fn case_items(&mut self) -> Parsed<Vec<CaseItem>> {
        let mut items = Vec::new();
        self.got(Token::Newline)?;
        while self.token != Token::End && !self.at_word("esac") {
            let mut item = CaseItem::default();
            self.got(Token::LeftParen)?;
            while self.token != Token::End {
                match self.word()? {
                    Some(word) => item.patterns.push(word),
                    None => return self.fail_here("case patterns must consist of words"),
                }
                if self.token == Token::RightParen {
                    break;
                }
                if !self.got(Token::Or)? {
                    return self.fail_here("case patterns must be separated with `|`");
                }
            }
            let outer = self.nest(Mode::CaseBranch);
            self.next()?;
            item.body = self.statements(&["esac"])?;
            self.unnest(outer);
            let ending = match self.token {
                Token::DoubleSemicolon => CaseEnding::Break,
                Token::SemicolonAnd => CaseEnding::FallThrough,
                Token::DoubleSemicolonAnd => CaseEnding::Resume,
                _ => {
                    items.push(item);
                    return Ok(items);
                }
            };
            item.ending = Some((ending, self.token_range()));
            items.push(item);
            self.next()?;
            self.got(Token::Newline)?;
        }
        Ok(items)
    }

    fn function(&mut self, start: Pos, keyword: bool, name: Option<Literal>) -> Parsed<Command> {
        self.got(Token::Newline)?;
        match self.statement(false)? {
            Some(body) => Ok(Command::Function(Box::new(Function { keyword, name, body }))),
            None => self.fail(start, 1, "`foo()` must be followed by a statement"),
        }
    }

    fn keyword_function(&mut self) -> Parsed<Command> {
        let start = self.position;
        let width = "function".len();
        self.next()?;
        let mut names = Vec::new();
        while self.token == Token::LiteralWord && self.value != "{" {
            names.push(self.take_literal()?);
        }
        let parens = self.got(Token::LeftParen)?;
        if names.is_empty() {
            if parens || self.at_word("{") {
                return self.fail_language(start, width, "anonymous functions", "zsh");
            }
            return self.fail_follow(start, "function", "a name");
        }
        if names.len() > 1 {
            return self.fail_language(start, width, "multi-name functions", "zsh");
        }
        if parens && !self.got(Token::RightParen)? {
            return self.fail(start, width, "`function foo(` must be followed by `)`");
        }
        self.function(start, true, names.pop())
    }

    fn declaration(&mut self) -> Parsed<Command> {
        let keyword = self.take_literal()?;
        let mut arguments = Vec::new();
        while !self.stops() && !self.token.begins_redirect() {
            let start = self.position;
            if self.at_assignment() {
                arguments.push(self.assignment(false)?);
            } else if self.token.is_literal() && self.equals_behind_bad_name() {
                return self.fail_here("invalid var name");
            } else if self.token == Token::LiteralWord && is_name(&self.value) {
                let name = self.take_literal()?;
                arguments.push(Assignment {
                    range: name.range,
                    bare: true,
                    name: Some(name),
                    ..Assignment::default()
                });
            } else if let Some(word) = self.word()? {
                arguments.push(Assignment {
                    range: self.range_from(start),
                    bare: true,
                    value: Some(word),
                    ..Assignment::default()
                });
            } else {
                let message = format!("{} must be followed by names or assignments", quoted(&keyword.text));
                return self.fail_here(message);
            }
        }
        Ok(Command::Declaration(Box::new(Declaration { keyword, arguments })))
    }

    fn equals_behind_bad_name(&self) -> bool {
        self.equals.is_some_and(|end| end > 0 && !self.value.get(..end).unwrap_or_default().contains('{'))
    }

    fn time_command(&mut self) -> Parsed<Command> {
        self.next()?;
        self.got_word("-p")?;
        Ok(Command::Time(self.pipeline(self.position, false)?.map(Box::new)))
    }

    fn coprocess(&mut self) -> Parsed<Command> {
        let start = self.position;
        self.next()?;
        let compound = match self.token {
            Token::LeftParen | Token::DoubleLeftParen => true,
            Token::LiteralWord => matches!(
                self.value.as_str(),
                "{" | "if"
                    | "while"
                    | "until"
                    | "for"
                    | "case"
                    | "[["
                    | "coproc"
                    | "let"
                    | "function"
                    | "declare"
                    | "local"
                    | "export"
                    | "readonly"
                    | "typeset"
                    | "nameref"
            ),
            _ => false,
        };
        if compound {
            let body = self.pipeline(self.position, false)?;
            return Ok(Command::Coprocess(None, body.map(Box::new)));
        }
        let name = self.word()?;
        let body = self.pipeline(self.position, false)?;
        match (name, body) {
            (None, None) => self.fail(start, "coproc".len(), "coproc clause requires a command"),
            // What looked like the name was the command.
            (Some(name), None) => {
                let range = name.range;
                let call = Command::Simple(Call { assignments: Vec::new(), words: vec![name] });
                let body = Statement { range, command: Some(call), ..Statement::default() };
                Ok(Command::Coprocess(None, Some(Box::new(body))))
            }
            (Some(name), Some(mut body)) => {
                if let Some(Command::Simple(call)) = &mut body.command {
                    call.words.insert(0, name);
                    return Ok(Command::Coprocess(None, Some(Box::new(body))));
                }
                Ok(Command::Coprocess(Some(name), Some(Box::new(body))))
            }
            (None, Some(body)) => Ok(Command::Coprocess(None, Some(Box::new(body)))),
        }
    }

    fn let_command(&mut self) -> Parsed<Command> {
        let start = self.position;
        let outer = self.nest(Mode::Let);
        self.next()?;
        let mut expressions = Vec::new();
        while !self.stops() && !self.token.begins_redirect() {
            match self.arithmetic(true)? {
                Some(expression) => expressions.push(expression),
                None => break,
            }
        }
        if expressions.is_empty() {
            return self.fail_follow(start, "let", "an expression");
        }
        self.unnest(outer);
        Ok(Command::Let(expressions))
    }

    // Tests.

    fn test_command(&mut self) -> Parsed<Command> {
        let start = self.position;
        let outer = self.nest(Mode::Test);
        self.next()?;
        let Some(test) = self.test()? else { return self.fail_follow(start, "[[", "an expression") };
        if !self.at_word("]]") {
            return self.fail_match(start, Token::DoubleLeftBracket, Token::DoubleRightBracket);
        }
        self.next()?;
        self.unnest(outer);
        Ok(Command::Test(Box::new(test)))
    }

    fn test(&mut self) -> Parsed<Option<Test>> {
        self.enter()?;
        let test = self.test_operators()?;
        self.leave();
        Ok(test)
    }

    fn test_operators(&mut self) -> Parsed<Option<Test>> {
        self.got(Token::Newline)?;
        let Some(mut left) = self.test_operand()? else { return Ok(None) };
        // Once for what binds words, and once more for what joins expressions.
        loop {
            self.got(Token::Newline)?;
            let at = self.position;
            let operator: SmolStr = match self.token {
                Token::AndAnd | Token::OrOr => {
                    let token = self.token;
                    self.next()?;
                    let Some(right) = self.test()? else {
                        return self.fail_follow(at, token.text(), "an expression");
                    };
                    return Ok(Some(Test::Logic(token.text(), Box::new(left), Box::new(right))));
                }
                Token::LiteralWord if self.value == "]]" => return Ok(Some(left)),
                Token::LiteralWord => match self.value.as_str() {
                    "=" | "==" | "!=" | "=~" | "-nt" | "-ot" | "-ef" | "-eq" | "-ne" | "-le" | "-ge"
                    | "-lt" | "-gt" => SmolStr::new(&self.value),
                    other => return self.fail_here(format!("not a valid test operator: {}", quoted(other))),
                },
                Token::Less | Token::Greater => SmolStr::new(self.token.text()),
                Token::End | Token::RightParen => return Ok(Some(left)),
                Token::Literal => {
                    return self.fail_here("test operator words must consist of a single literal");
                }
                token => return self.fail_here(format!("not a valid test operator: {}", token.quoted())),
            };
            if operator == "=~" {
                self.regex_parens = 0;
                self.regex_begins = true;
                self.mode = Mode::Regex;
            }
            let Test::Word(word) = left else {
                return self.fail(at, operator.len(), "expected `&&`, `||` or `]]` after complex expr");
            };
            self.next()?;
            let Some(right) = self.word()? else { return self.fail_follow(at, &operator, "a word") };
            left = Test::Binary(operator, word, right);
        }
    }

    fn test_operand(&mut self) -> Parsed<Option<Test>> {
        let start = self.position;
        match self.token {
            Token::End | Token::RightParen => Ok(None),
            Token::LiteralWord if self.value == "!" => {
                self.next()?;
                match self.test()? {
                    Some(test) => Ok(Some(Test::Not(Box::new(test)))),
                    None => self.fail_follow(start, "!", "an expression"),
                }
            }
            Token::LiteralWord if unary_test(&self.value).is_some() => {
                let operator = unary_test(&self.value).unwrap_or_default();
                self.next()?;
                match self.word()? {
                    Some(word) => Ok(Some(Test::Unary(SmolStr::new_static(operator), word))),
                    None => self.fail_follow(start, operator, "a word"),
                }
            }
            Token::LeftParen => {
                self.next()?;
                let Some(test) = self.test()? else { return self.fail_follow(start, "(", "an expression") };
                self.matched(start, Token::LeftParen, Token::RightParen)?;
                Ok(Some(Test::Paren(Box::new(test))))
            }
            Token::LiteralWord if self.value == "]]" => Ok(None),
            _ => Ok(self.word()?.map(Test::Word)),
        }
    }
}

/// A unary test operator under its first spelling.
fn unary_test(word: &str) -> Option<&'static str> {
    const OPERATORS: [&str; 24] = [
        "-e", "-f", "-d", "-c", "-b", "-p", "-S", "-L", "-k", "-g", "-u", "-G", "-O", "-N", "-r", "-w", "-x",
        "-s", "-t", "-z", "-n", "-o", "-v", "-R",
    ];
    match word {
        "-a" => Some("-e"),
        "-h" => Some("-L"),
        _ => OPERATORS.into_iter().find(|operator| *operator == word),
    }
}

fn begins_word(token: Token) -> bool {
    use Token::{
        AssignParen, Backquote, Dollar, DollarBrace, DollarBracket, DollarDoubleParen, DollarDoubleQuote,
        DollarParen, DollarSingleQuote, DoubleQuote, GlobAt, GlobExclamation, GlobPlus, GlobQuestion,
        GlobStar, GreaterParen, LessParen, SingleQuote,
    };
    matches!(
        token,
        Backquote
            | DollarBrace
            | DollarDoubleParen
            | DollarParen
            | Dollar
            | LessParen
            | AssignParen
            | GreaterParen
            | SingleQuote
            | DollarSingleQuote
            | DoubleQuote
            | DollarDoubleQuote
            | DollarBracket
            | GlobQuestion
            | GlobStar
            | GlobPlus
            | GlobAt
            | GlobExclamation
    )
}

/// The text of a here-document's delimiter without its quotes, and whether its last piece had any: go-task's shell
/// forgets those of the earlier ones.
fn unquote(word: &Word) -> (Vec<u8>, bool) {
    let mut text = Vec::new();
    let mut was_quoted = false;
    for part in &word.parts {
        was_quoted = false;
        match part {
            WordPart::Literal(literal) => {
                let mut bytes = literal.text.bytes();
                while let Some(byte) = bytes.next() {
                    if byte == b'\\' {
                        text.extend(bytes.next());
                        was_quoted = true;
                    } else {
                        text.push(byte);
                    }
                }
            }
            WordPart::SingleQuoted { text: inner, .. } => {
                text.extend_from_slice(inner.as_bytes());
                was_quoted = true;
            }
            WordPart::DoubleQuoted { parts, .. } => {
                for inner in parts {
                    if let WordPart::Literal(literal) = inner {
                        text.extend_from_slice(literal.text.as_bytes());
                    }
                }
                was_quoted = true;
            }
            _ => {}
        }
    }
    (text, was_quoted)
}
