//! Makes a [`Template`] of a text, and goes on after errors.

use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

use super::ast::{
    Action, Branch, BranchKind, Chain, Command, Definition, Expression, Field, Identifier, List, Name, Node,
    Number, Pipe, TemplateCall, Text, Variable,
};
use super::error::{ErrorKind, TemplateError, line_and_column};
use super::format::quote_start;
use super::functions;
use super::lex::{Delimiters, Lexer, Token, TokenKind};
use super::number::{parse_float, parse_i64, parse_integer};
use super::quote::{put, quote, unquote, unquote_char};

/// How deep control actions and parentheses may nest. Go has no limit; here it keeps parsing and evaluation off the
/// end of the stack.
pub const MAX_NESTING: usize = 100;

/// How many errors of one template are reported.
pub const MAX_ERRORS: usize = 100;

/// A parsed template. Cloning is cheap, and clones share the tree.
#[derive(Clone, Debug)]
pub struct Template {
    pub(super) inner: Arc<Parsed>,
}

#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) text: SmolStr,
    pub(super) name: SmolStr,
    pub(super) root: List,
    pub(super) definitions: Vec<Definition>,
    pub(super) errors: Vec<TemplateError>,
}

impl Template {
    /// Parses a text as go-task parses every text with templates: under an empty name.
    pub fn parse(text: &str) -> Self {
        Self::parse_named(text, "")
    }

    /// Parses a text under a name, which shows only in messages.
    pub fn parse_named(text: &str, name: &str) -> Self {
        Self::parse_between(text, name, Delimiters::default())
    }

    /// Parses a text whose actions stand between other delimiters than Go's.
    pub fn parse_between(text: &str, name: &str, delimiters: Delimiters) -> Self {
        let mut parser = Parser::new(text, name, delimiters);
        let root = parser.top_level();
        let Parser { definitions, errors, .. } = parser;
        let parsed = Parsed { text: text.into(), name: name.into(), root, definitions, errors };
        Self { inner: Arc::new(parsed) }
    }

    /// The text that was parsed.
    pub fn text(&self) -> &str {
        &self.inner.text
    }

    /// What is wrong with the text; the first error is the one that go-task reports. A template with errors has the
    /// tree of what could be read, and does not evaluate.
    pub fn errors(&self) -> &[TemplateError] {
        &self.inner.errors
    }

    /// The template's nodes.
    pub fn root(&self) -> &List {
        &self.inner.root
    }

    /// The templates that `define` and `block` make in it.
    pub fn definitions(&self) -> &[Definition] {
        &self.inner.definitions
    }
}

/// The error is recorded; what it is in cannot go on.
struct Abort;

type Parse<T> = Result<T, Abort>;

/// What ends a list.
enum Terminator {
    End {
        range: Range<usize>,
    },
    Else {
        /// Go's position.
        position: usize,
        /// The word.
        range: Range<usize>,
    },
    /// The text's end, which is an error that has been recorded.
    Eof,
}

enum Item {
    Node(Node),
    Terminator(Terminator),
    Nothing,
}

struct Parser<'a> {
    text: &'a str,
    name: &'a str,
    lexer: Lexer<'a>,
    /// Lookahead as Go has it: index 0 is the token read last.
    tokens: [Token; 3],
    peeked: usize,
    /// Start of the left delimiter of the action that is being read.
    action_start: Option<usize>,
    variables: Vec<SmolStr>,
    range_depth: usize,
    nesting: usize,
    definitions: Vec<Definition>,
    errors: Vec<TemplateError>,
    reported_eof: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, name: &'a str, delimiters: Delimiters) -> Self {
        Self {
            text,
            name,
            lexer: Lexer::new(text, delimiters),
            tokens: [Token { kind: TokenKind::Eof, start: 0, end: 0 }; 3],
            peeked: 0,
            action_start: None,
            variables: vec![SmolStr::new_static("$")],
            range_depth: 0,
            nesting: 0,
            definitions: Vec::new(),
            errors: Vec::new(),
            reported_eof: false,
        }
    }

    fn source(&self, token: Token) -> &'a str {
        self.text.get(token.start..token.end).unwrap_or("")
    }

    fn next(&mut self) -> Token {
        match self.peeked.checked_sub(1) {
            Some(left) => self.peeked = left,
            None => self.tokens[0] = self.lexer.next(),
        }
        self.tokens.get(self.peeked).copied().unwrap_or(self.tokens[0])
    }

    fn backup(&mut self) {
        self.peeked += 1;
    }

    fn backup2(&mut self, first: Token) {
        self.tokens[1] = first;
        self.peeked = 2;
    }

    fn backup3(&mut self, first: Token, second: Token) {
        self.tokens[1] = second;
        self.tokens[2] = first;
        self.peeked = 3;
    }

    fn peek(&mut self) -> Token {
        let token = self.next();
        self.backup();
        token
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != TokenKind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn line(&self, offset: usize) -> usize {
        line_and_column(self.text, offset).0
    }

    /// Records an error at a place; its line is, as in Go, that of the token read last.
    fn report(&mut self, message: String, range: Range<usize>) {
        if self.errors.len() >= MAX_ERRORS {
            return;
        }
        self.errors.push(TemplateError {
            kind: ErrorKind::Parse,
            message,
            range,
            line: self.line(self.tokens[0].start),
            column: 0,
            parse_name: self.name.into(),
            template: self.name.into(),
            context: Box::default(),
        });
    }

    fn fail<T>(&mut self, message: impl Into<String>, range: Range<usize>) -> Parse<T> {
        self.report(message.into(), range);
        Err(Abort)
    }

    fn unexpected<T>(&mut self, token: Token, context: &str) -> Parse<T> {
        let range = token.start..token.end.max(token.start);
        if token.kind == TokenKind::Error {
            let mut message = self.lexer.error.clone();
            let token_line = self.line(token.start);
            if let Some(start) = self.action_start
                && self.line(start) != token_line
            {
                let lead = if message.ends_with(" action") { "" } else { " in action" };
                put(&mut message, format_args!("{lead} started at {}:{}", self.name, self.line(start)));
            }
            return self.fail(message, range);
        }
        let shown = self.shown(token);
        self.fail(format!("unexpected {shown} in {context}"), range)
    }

    /// A token as Go's messages show it.
    fn shown(&self, token: Token) -> String {
        let text = self.source(token);
        match token.kind {
            TokenKind::Eof => "EOF".to_owned(),
            kind if kind.is_keyword() => format!("<{text}>"),
            _ if text.len() > 10 => format!("{}...", quote_start(text)),
            _ => quote(text),
        }
    }

    fn expect(&mut self, kind: TokenKind, context: &str) -> Parse<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(token, context) }
    }

    /// After a recorded error: forgets what was looked ahead and goes on behind the action.
    fn resume(&mut self) {
        let last = self.tokens[0];
        // What went wrong may itself hold the end of the action: an unterminated text, a second `{{`.
        let from = match last.kind {
            TokenKind::Error | TokenKind::Char | TokenKind::RightDelimiter => last.start,
            _ => last.end,
        };
        self.peeked = 0;
        // Who has made so many errors does not learn from more.
        self.lexer.resume(if self.errors.len() < MAX_ERRORS { from } else { self.text.len() });
    }

    fn top_level(&mut self) -> List {
        let mut list = List { position: self.peek().start, nodes: Vec::new() };
        loop {
            let token = self.peek();
            if token.kind == TokenKind::Eof {
                return list;
            }
            if token.kind == TokenKind::LeftDelimiter {
                let delimiter = self.next();
                if self.next_non_space().kind == TokenKind::Define {
                    self.definition();
                    continue;
                }
                self.backup2(delimiter);
            }
            match self.text_or_action() {
                Item::Node(node) => list.nodes.push(node),
                Item::Nothing => {}
                Item::Terminator(Terminator::End { range }) => {
                    self.report("unexpected {{end}}".to_owned(), range);
                }
                Item::Terminator(Terminator::Else { range, .. }) => {
                    self.report("unexpected {{else}}".to_owned(), range);
                    if matches!(self.peek().kind, TokenKind::If | TokenKind::With) {
                        self.resume();
                    }
                }
                Item::Terminator(Terminator::Eof) => return list,
            }
        }
    }

    /// `{{define "name"}}…{{end}}`, of which `{{define` has been read.
    fn definition(&mut self) {
        const CONTEXT: &str = "define clause";
        let name = self.definition_name(CONTEXT);
        if name.is_none() {
            self.resume();
        }
        let (list, terminator) = self.with_new_scope(Self::item_list);
        match terminator {
            Terminator::Else { range, .. } => {
                self.report(format!("unexpected {{{{else}}}} in {CONTEXT}"), range);
                self.skip_to_end();
            }
            Terminator::End { .. } | Terminator::Eof => {}
        }
        if let Some((name, name_range)) = name {
            self.add_definition(Definition { name, name_range, list });
        }
    }

    fn definition_name(&mut self, context: &str) -> Option<(SmolStr, Range<usize>)> {
        let token = self.next_non_space();
        let name = self.template_name(token, context).ok()?;
        self.expect(TokenKind::RightDelimiter, context).ok()?;
        Some((name, token.start..token.end))
    }

    fn template_name(&mut self, token: Token, context: &str) -> Parse<SmolStr> {
        if !matches!(token.kind, TokenKind::String | TokenKind::RawString) {
            return self.unexpected(token, context);
        }
        match unquote(self.source(token)) {
            Some(name) => Ok(name.into()),
            None => self.fail("invalid syntax", token.start..token.end),
        }
    }

    fn add_definition(&mut self, definition: Definition) {
        let existing = self.definitions.iter().position(|other| other.name == definition.name);
        match existing {
            None => self.definitions.push(definition),
            Some(at) if self.definitions.get(at).is_some_and(|other| self.is_empty(&other.list)) => {
                if let Some(place) = self.definitions.get_mut(at) {
                    *place = definition;
                }
            }
            Some(_) if self.is_empty(&definition.list) => {}
            Some(_) => self.report(
                format!("template: multiple definition of template {}", quote(&definition.name)),
                definition.name_range,
            ),
        }
    }

    /// Whether a list prints nothing but white space.
    fn is_empty(&self, list: &List) -> bool {
        list.nodes.iter().all(|node| match node {
            Node::Text { range } => self.text.get(range.clone()).is_some_and(|text| text.trim().is_empty()),
            _ => false,
        })
    }

    /// Reads a template's body: it sees no variables from outside.
    fn with_new_scope<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> T {
        let variables = std::mem::replace(&mut self.variables, vec![SmolStr::new_static("$")]);
        let range_depth = std::mem::take(&mut self.range_depth);
        let action_start = self.action_start.take();
        let result = read(self);
        self.variables = variables;
        self.range_depth = range_depth;
        self.action_start = action_start;
        result
    }

    fn item_list(&mut self) -> (List, Terminator) {
        let mut list = List { position: self.peek_non_space().start, nodes: Vec::new() };
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            let token = self.peek();
            self.report(format!("control actions nest deeper than {MAX_NESTING}"), token.start..token.end);
            self.reported_eof = true;
            self.peeked = 0;
            self.lexer.resume(self.text.len());
        }
        let terminator = loop {
            if self.peek_non_space().kind == TokenKind::Eof {
                if !self.reported_eof {
                    self.reported_eof = true;
                    let end = self.text.len();
                    self.report("unexpected EOF".to_owned(), end..end);
                }
                break Terminator::Eof;
            }
            match self.text_or_action() {
                Item::Node(node) => list.nodes.push(node),
                Item::Nothing => {}
                Item::Terminator(terminator) => break terminator,
            }
        };
        self.nesting -= 1;
        (list, terminator)
    }

    /// After a misplaced `else`: reads on to the `end` that belongs to it.
    fn skip_to_end(&mut self) {
        while let (_, Terminator::Else { .. }) = self.item_list() {}
    }

    fn text_or_action(&mut self) -> Item {
        let token = self.next_non_space();
        match token.kind {
            TokenKind::Text => Item::Node(Node::Text { range: token.start..token.end }),
            TokenKind::LeftDelimiter => {
                self.action_start = Some(token.start);
                let item = self.action(token);
                self.action_start = None;
                item.unwrap_or_else(|Abort| {
                    self.resume();
                    Item::Nothing
                })
            }
            _ => {
                let _: Parse<()> = self.unexpected(token, "input");
                self.resume();
                Item::Nothing
            }
        }
    }

    fn action(&mut self, delimiter: Token) -> Parse<Item> {
        let token = self.next_non_space();
        match token.kind {
            TokenKind::Block => Ok(self.block()),
            TokenKind::Break => {
                let range = self.loop_control(delimiter, token, "{{break}}")?;
                Ok(Item::Node(Node::Break { range }))
            }
            TokenKind::Continue => {
                let range = self.loop_control(delimiter, token, "{{continue}}")?;
                Ok(Item::Node(Node::Continue { range }))
            }
            TokenKind::Else => Ok(Item::Terminator(self.otherwise(token))),
            TokenKind::End => {
                let close = self.expect(TokenKind::RightDelimiter, "end").unwrap_or_else(|Abort| {
                    // The word alone ends the list, so that what follows is not misread.
                    self.resume();
                    self.tokens[0]
                });
                Ok(Item::Terminator(Terminator::End { range: delimiter.start..close.end.max(token.end) }))
            }
            TokenKind::If => Ok(self.branch(BranchKind::If, delimiter)),
            TokenKind::Range => Ok(self.branch(BranchKind::Range, delimiter)),
            TokenKind::With => Ok(self.branch(BranchKind::With, delimiter)),
            TokenKind::Template => self.template_call().map(Item::Node),
            _ => {
                self.backup();
                let position = self.peek().start;
                let pipe = self.pipeline("command", TokenKind::RightDelimiter)?;
                let range = delimiter.start..self.tokens[0].end;
                Ok(Item::Node(Node::Action(Action { position, range, pipe })))
            }
        }
    }

    fn loop_control(&mut self, delimiter: Token, word: Token, shown: &str) -> Parse<Range<usize>> {
        let close = self.expect(TokenKind::RightDelimiter, shown)?;
        if self.range_depth == 0 {
            self.report(format!("{shown} outside {{{{range}}}}"), word.start..word.end);
        }
        Ok(delimiter.start..close.end)
    }

    fn otherwise(&mut self, word: Token) -> Terminator {
        let token = self.peek_non_space();
        let chained = matches!(token.kind, TokenKind::If | TokenKind::With);
        if !chained && self.expect(TokenKind::RightDelimiter, "else").is_err() {
            self.resume();
        }
        Terminator::Else { position: token.start, range: word.start..word.end }
    }

    /// A control action whose keyword has been read. A wrong pipeline does not lose the body.
    fn branch(&mut self, kind: BranchKind, delimiter: Token) -> Item {
        let mark = self.variables.len();
        let pipe = self.pipeline(kind.keyword(), TokenKind::RightDelimiter).unwrap_or_else(|Abort| {
            self.resume();
            Pipe::default()
        });
        self.range_depth += usize::from(kind == BranchKind::Range);
        let (list, terminator) = self.item_list();
        self.range_depth -= usize::from(kind == BranchKind::Range);
        let otherwise = match terminator {
            Terminator::Else { position, .. } => Some(self.branch_otherwise(kind, position)),
            Terminator::End { .. } | Terminator::Eof => None,
        };
        self.variables.truncate(mark);
        let range = delimiter.start..self.tokens[0].end;
        Item::Node(Node::Branch(Box::new(Branch { kind, range, pipe, list, otherwise })))
    }

    fn branch_otherwise(&mut self, kind: BranchKind, position: usize) -> List {
        let chained = match kind {
            BranchKind::If => TokenKind::If,
            BranchKind::With => TokenKind::With,
            BranchKind::Range => TokenKind::Eof,
        };
        if chained != TokenKind::Eof && self.peek().kind == chained {
            let token = self.next();
            // `else if` chains are as deep as they are long.
            self.nesting += 1;
            let nodes = if self.nesting > MAX_NESTING {
                self.report(
                    format!("control actions nest deeper than {MAX_NESTING}"),
                    token.start..token.end,
                );
                self.reported_eof = true;
                self.peeked = 0;
                self.lexer.resume(self.text.len());
                Vec::new()
            } else if let Item::Node(node) = self.branch(kind, token) {
                vec![node]
            } else {
                Vec::new()
            };
            self.nesting -= 1;
            return List { position, nodes };
        }
        let (list, terminator) = self.item_list();
        if let Terminator::Else { range, .. } = terminator {
            self.report("expected end; found {{else}}".to_owned(), range);
            if matches!(self.peek().kind, TokenKind::If | TokenKind::With) {
                self.resume();
            }
            self.skip_to_end();
        }
        list
    }

    fn block(&mut self) -> Item {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let head = self.template_name(token, CONTEXT).and_then(|name| {
            let pipe = self.pipeline(CONTEXT, TokenKind::RightDelimiter)?;
            Ok((name, pipe))
        });
        let head = head.inspect_err(|Abort| self.resume()).ok();
        let (list, terminator) = self.with_new_scope(Self::item_list);
        if let Terminator::Else { range, .. } = terminator {
            self.report(format!("unexpected {{{{else}}}} in {CONTEXT}"), range);
            self.skip_to_end();
        }
        let Some((name, pipe)) = head else { return Item::Nothing };
        let name_range = token.start..token.end;
        self.add_definition(Definition { name: name.clone(), name_range: name_range.clone(), list });
        let call = TemplateCall { position: token.start, name_range, name, pipe: Some(pipe) };
        Item::Node(Node::Template(Box::new(call)))
    }

    fn template_call(&mut self) -> Parse<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(token, CONTEXT)?;
        let mut pipe = None;
        if self.next_non_space().kind != TokenKind::RightDelimiter {
            self.backup();
            pipe = Some(self.pipeline(CONTEXT, TokenKind::RightDelimiter)?);
        }
        let name_range = token.start..token.end;
        Ok(Node::Template(Box::new(TemplateCall { position: token.start, name_range, name, pipe })))
    }

    fn pipeline(&mut self, context: &str, end: TokenKind) -> Parse<Pipe> {
        let first = self.peek_non_space();
        let mut pipe = Pipe { position: first.start, range: first.start..first.end, ..Pipe::default() };
        self.declarations(&mut pipe, context)?;
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => {
                    pipe.range.end = pipe.commands.last().map_or(pipe.range.end, |command| command.range.end);
                    self.check_pipeline(&pipe, context, token);
                    return Ok(pipe);
                }
                TokenKind::Bool
                | TokenKind::CharConstant
                | TokenKind::Complex
                | TokenKind::Dot
                | TokenKind::Field
                | TokenKind::Identifier
                | TokenKind::Number
                | TokenKind::Nil
                | TokenKind::RawString
                | TokenKind::String
                | TokenKind::Variable
                | TokenKind::LeftParen => {
                    self.backup();
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(token, context),
            }
        }
    }

    fn declarations(&mut self, pipe: &mut Pipe, context: &str) -> Parse<()> {
        loop {
            let variable = self.peek_non_space();
            if variable.kind != TokenKind::Variable {
                return Ok(());
            }
            self.next();
            let after = self.peek();
            let next = self.peek_non_space();
            match next.kind {
                TokenKind::Assign | TokenKind::Declare => {
                    pipe.is_assignment = next.kind == TokenKind::Assign;
                    self.next_non_space();
                    self.declare(pipe, variable);
                    return Ok(());
                }
                TokenKind::Char if self.source(next) == "," => {
                    self.next_non_space();
                    self.declare(pipe, variable);
                    if context != "range" || pipe.declarations.len() >= 2 {
                        return self.fail(
                            format!("too many declarations in {context}"),
                            variable.start..variable.end,
                        );
                    }
                    let following = self.peek_non_space();
                    if !matches!(
                        following.kind,
                        TokenKind::Variable | TokenKind::RightDelimiter | TokenKind::RightParen
                    ) {
                        return self
                            .fail("range can only initialize variables", following.start..following.end);
                    }
                }
                _ if after.kind == TokenKind::Space => {
                    self.backup3(variable, after);
                    return Ok(());
                }
                _ => {
                    self.backup2(variable);
                    return Ok(());
                }
            }
        }
    }

    fn declare(&mut self, pipe: &mut Pipe, token: Token) {
        let variable = self.variable(token);
        self.variables.extend(variable.names.first().map(|name| name.text.clone()));
        pipe.range.end = token.end;
        pipe.declarations.push(variable);
    }

    fn check_pipeline(&mut self, pipe: &Pipe, context: &str, end: Token) {
        if pipe.commands.is_empty() {
            let range = pipe.range.start.min(end.start)..end.end;
            // The action itself is complete: what follows it is text again.
            self.report(format!("missing value for {context}"), range);
            return;
        }
        for (i, command) in pipe.commands.iter().enumerate().skip(1) {
            let Some(first) = command.arguments.first() else { continue };
            if matches!(
                first,
                Expression::Bool(..)
                    | Expression::Dot(_)
                    | Expression::Nil(_)
                    | Expression::Number(_)
                    | Expression::Text(_)
            ) {
                self.report(format!("non executable command in pipeline stage {}", i + 1), first.range());
            }
        }
    }

    fn command(&mut self) -> Parse<Command> {
        let position = self.peek_non_space().start;
        let mut arguments = Vec::new();
        loop {
            self.peek_non_space();
            if let Some(operand) = self.operand()? {
                arguments.push(operand);
            }
            let token = self.next();
            match token.kind {
                TokenKind::Space => {}
                TokenKind::RightDelimiter | TokenKind::RightParen => {
                    self.backup();
                    break;
                }
                TokenKind::Pipe => break,
                _ => return self.unexpected(token, "operand"),
            }
        }
        let Some(last) = arguments.last() else {
            return self.fail("empty command", position..position);
        };
        let mut end = last.range().end;
        if matches!(last, Expression::Pipe(_)) {
            // With the closing parenthesis.
            let rest = self.text.get(end..).unwrap_or("");
            end += rest.find(')').map_or(0, |close| close + 1);
        }
        Ok(Command { position, range: position..end, arguments })
    }

    fn operand(&mut self) -> Parse<Option<Expression>> {
        let Some(term) = self.term()? else { return Ok(None) };
        let first = self.peek();
        if first.kind != TokenKind::Field {
            return Ok(Some(term));
        }
        let mut fields = Vec::new();
        while self.peek().kind == TokenKind::Field {
            let token = self.next();
            fields.push(self.field_name(token));
        }
        let end = fields.last().map_or(first.end, |name| name.range.end);
        Ok(Some(match term {
            Expression::Field(mut field) => {
                field.names.append(&mut fields);
                field.position = first.start;
                field.range.end = end;
                Expression::Field(field)
            }
            Expression::Variable(mut variable) => {
                variable.names.append(&mut fields);
                variable.position = first.start;
                variable.range.end = end;
                Expression::Variable(variable)
            }
            Expression::Function(_) | Expression::Pipe(_) | Expression::Chain(_) => {
                let range = term.range().start..end;
                Expression::Chain(Box::new(Chain { position: first.start, range, base: term, names: fields }))
            }
            literal => {
                let shown = quote(&literal.to_string());
                return self.fail(format!("unexpected . after term {shown}"), first.start..first.end);
            }
        }))
    }

    fn field_name(&self, token: Token) -> Name {
        let text = self.source(token).strip_prefix('.').unwrap_or("");
        Name { text: text.into(), range: token.start + 1..token.end }
    }

    fn variable(&self, token: Token) -> Variable {
        let name = Name { text: self.source(token).into(), range: token.start..token.end };
        Variable { position: token.start, range: token.start..token.end, names: vec![name] }
    }

    fn term(&mut self) -> Parse<Option<Expression>> {
        let token = self.next_non_space();
        let range = token.start..token.end;
        let source = self.source(token);
        Ok(Some(match token.kind {
            TokenKind::Identifier => {
                let function = functions::find(source);
                if function.is_none() {
                    self.report(format!("function {} not defined", quote(source)), range.clone());
                }
                Expression::Function(Identifier { range, name: source.into(), function })
            }
            TokenKind::Dot => Expression::Dot(range),
            TokenKind::Nil => Expression::Nil(range),
            TokenKind::Variable => {
                if !self.variables.iter().any(|name| name == source) {
                    self.report(format!("undefined variable {}", quote(source)), range);
                }
                Expression::Variable(self.variable(token))
            }
            TokenKind::Field => {
                let names = vec![self.field_name(token)];
                Expression::Field(Field { position: token.start, range, names })
            }
            TokenKind::Bool => Expression::Bool(source == "true", range),
            TokenKind::CharConstant | TokenKind::Complex | TokenKind::Number => {
                match number(source, token.kind, range.clone()) {
                    Ok(number) => Expression::Number(Box::new(number)),
                    Err(message) => return self.fail(message, range),
                }
            }
            TokenKind::LeftParen => {
                self.nesting += 1;
                if self.nesting > MAX_NESTING {
                    self.nesting -= 1;
                    return self.fail(format!("parentheses nest deeper than {MAX_NESTING}"), range);
                }
                let pipe = self.pipeline("parenthesized pipeline", TokenKind::RightParen);
                self.nesting -= 1;
                Expression::Pipe(Box::new(pipe?))
            }
            TokenKind::String | TokenKind::RawString => match unquote(source) {
                Some(text) => {
                    Expression::Text(Box::new(Text { range, quoted: source.into(), text: text.into() }))
                }
                None => return self.fail("invalid syntax", range),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        }))
    }
}

/// The types that can hold a literal, by Go's rules for constants.
fn number(text: &str, kind: TokenKind, range: Range<usize>) -> Result<Number, String> {
    let mut number = Number { range, text: text.into(), ..Number::default() };
    if kind == TokenKind::CharConstant {
        let inner = text.get(1..).unwrap_or("");
        let (unit, tail) = unquote_char(inner, '\'').ok_or("invalid syntax")?;
        if tail != "'" {
            return Err(format!("malformed character constant: {text}"));
        }
        let code = unit.code();
        number.int = Some(i64::from(code));
        number.uint = Some(u64::from(code));
        number.float = Some(f64::from(code));
        return Ok(number);
    }
    if let Some(body) = text.strip_suffix('i')
        && let Some((re, im)) = complex(body)
    {
        number.complex = Some((re, im));
        if im == 0.0 {
            number.float = Some(re);
            number.int = float_as_int(re);
            number.uint = float_as_uint(re);
        }
        return Ok(number);
    }
    number.uint =
        parse_integer(text).filter(|(negative, _)| !negative && !text.starts_with('+')).map(|(_, n)| n);
    number.int = parse_i64(text);
    if number.int == Some(0) {
        number.uint = Some(0);
    }
    number.float = match (number.int, number.uint) {
        (Some(n), _) => Some(n as f64),
        (None, Some(n)) => Some(n as f64),
        (None, None) => match parse_float(text) {
            Some(_) if !text.contains(['.', 'e', 'E', 'p', 'P']) => {
                return Err(format!("integer overflow: {}", quote(text)));
            }
            Some(value) => {
                number.int = float_as_int(value);
                number.uint = float_as_uint(value);
                Some(value)
            }
            None => return Err(format!("illegal number syntax: {}", quote(text))),
        },
    };
    Ok(number)
}

/// `1+2` of `1+2i`, `2` of `2i`.
fn complex(body: &str) -> Option<(f64, f64)> {
    if let Some(im) = parse_float(body) {
        return Some((0.0, im));
    }
    let split = body.char_indices().skip(1).filter(|(i, c)| {
        matches!(c, '+' | '-') && !body.get(..*i).is_some_and(|head| head.ends_with(['e', 'E', 'p', 'P']))
    });
    let (at, _) = split.last()?;
    Some((parse_float(body.get(..at)?)?, parse_float(body.get(at..)?)?))
}

#[expect(clippy::float_cmp, reason = "whole numbers are exact")]
fn float_as_int(value: f64) -> Option<i64> {
    // The largest float below 2^63 still converts exactly.
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    (fits && value.trunc() == value).then_some(value as i64)
}

#[expect(clippy::float_cmp, reason = "whole numbers are exact")]
fn float_as_uint(value: f64) -> Option<u64> {
    let fits = (0.0..18_446_744_073_709_551_616.0).contains(&value);
    (fits && value.trunc() == value).then_some(value as u64)
}
