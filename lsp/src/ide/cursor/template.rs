//! The expression of a template up to the cursor.

use std::ops::Range;

use ez_compiler::schema::{Format, Scalar, Shape};
use smol_str::SmolStr;

use super::Style;

/// What an unfinished expression asks for at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// An operand or a function of which the word holds the beginning, perhaps nothing.
    Operand,
    /// A field: what stands before the last dot, without the dots.
    Field {
        /// What the chain begins with.
        base: Base,
        /// The names up to the last dot.
        path: Vec<SmolStr>,
    },
    /// A variable of the template, `$x`; the word has its dollar.
    Variable,
    /// A literal text; the word holds what is written of it.
    Text,
}

/// What a chain of fields begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// `.`, the data or what `range` and `with` made of it.
    Dot,
    /// A variable; `$` is the data.
    Variable(SmolStr),
    /// Something in parentheses, as written.
    Expression(SmolStr),
}

/// A function whose arguments are being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub function: SmolStr,
    /// The number of the argument at the cursor, from 0.
    pub argument: usize,
    /// The arguments that are written out before it.
    pub before: Vec<SmolStr>,
    /// Whether its last argument comes through a pipe.
    pub is_piped: bool,
}

/// A block that is open at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// `if`
    If,
    /// `range`
    Range,
    /// `with`
    With,
    /// `define` or `block`
    Definition,
}

/// The expression at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateCursor {
    /// What is asked for.
    pub subject: Subject,
    /// The word before the cursor.
    pub typed: SmolStr,
    /// The bytes of the word, also behind the cursor, in the file.
    pub word: Range<usize>,
    /// The innermost call whose argument the cursor is at.
    pub call: Option<Call>,
    /// What is piped into the word, as written; `None` where nothing is.
    pub piped: Option<SmolStr>,
    /// Whether the word is an argument of a function, or stands where none can.
    pub is_argument: bool,
    /// Whether the word is the first of its action, where keywords can stand.
    pub is_first: bool,
    /// Whether `.` is the data.
    pub dot_is_data: bool,
    /// The variables that are declared before, innermost last.
    pub variables: Vec<SmolStr>,
    /// The blocks that are open, innermost last.
    pub blocks: Vec<Block>,
    /// Whether the action is closed behind the cursor.
    pub is_closed: bool,
}

/// What opens and closes actions.
#[derive(Clone, Copy, Debug)]
pub struct Braces {
    /// The opening mark; empty where the whole text is an expression.
    pub open: &'static str,
    /// The closing one.
    pub close: &'static str,
}

impl Braces {
    /// Those of a value that can be these; `None` in a template file where nothing is evaluated.
    pub fn of(format: Format, shapes: &[Shape]) -> Option<Self> {
        let is = |wanted: Scalar| {
            shapes.iter().any(|shape| matches!(shape, Shape::Scalar(scalar) if *scalar == wanted))
        };
        match format {
            Format::Template => is(Scalar::MadeText).then_some(ANGLES),
            _ if is(Scalar::Expression) => Some(BARE),
            _ => Some(BRACES),
        }
    }
}

/// Those of Taskfiles.
pub const BRACES: Braces = Braces { open: "{{", close: "}}" };
/// Those of template files.
pub const ANGLES: Braces = Braces { open: "<%", close: "%>" };
/// None, in a scalar that is an expression.
pub const BARE: Braces = Braces { open: "", close: "}}" };

/// How far before the cursor a text is read, in bytes.
const MAX_TEXT: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    Field,
    Variable,
    Literal,
    Pipe,
    Open,
    Close,
    Assign,
    Comma,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

/// How a piece of an action ends.
enum End {
    /// At its closing mark.
    Closed(usize),
    /// At the cursor, in a literal that began there.
    InText(usize),
    /// At the cursor, in a comment or a number's like.
    InComment,
    /// At the cursor.
    Open,
}

/// The expression at `offset` in a scalar that begins at `start`; `None` outside of actions.
pub fn at(text: &str, start: usize, offset: usize, style: Style, braces: Braces) -> Option<TemplateCursor> {
    let mut from = start.max(offset.saturating_sub(MAX_TEXT));
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let raw = text.get(from..offset)?;
    let logical = logical(raw, style);
    let mut state = State::default();
    let mut at = 0;
    loop {
        let action = match braces.open {
            "" if at == 0 => 0,
            "" => return None,
            open => at + logical.get(at..)?.find(open)? + open.len(),
        };
        let content = skip_trim_mark(&logical, action);
        let (tokens, end) = tokens(&logical, content, braces.close);
        match end {
            End::Closed(close) => {
                state.action(&logical, &tokens);
                at = close;
            }
            End::InComment => return None,
            End::InText(quote) => {
                return state.in_text(text, offset, &logical, &tokens, quote, style, braces);
            }
            End::Open => return state.at_cursor(text, offset, &logical, &tokens, style, braces),
        }
    }
}

/// A scalar's raw text as the template's lexer sees it.
fn logical(raw: &str, style: Style) -> String {
    match style {
        Style::SingleQuoted => raw.replace("''", "'"),
        Style::DoubleQuoted => {
            let mut text = String::with_capacity(raw.len());
            let mut chars = raw.chars();
            while let Some(c) = chars.next() {
                match c {
                    '\\' => match chars.next() {
                        Some('n' | 't' | 'r') => text.push(' '),
                        Some(other) => text.push(other),
                        None => {}
                    },
                    c => text.push(c),
                }
            }
            text
        }
        _ => raw.to_owned(),
    }
}

/// Behind `- ` at the beginning of an action.
fn skip_trim_mark(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or("");
    if rest.starts_with('-') && rest.chars().nth(1).is_none_or(char::is_whitespace) { at + 1 } else { at }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The pieces of an action from `start` on.
fn tokens(text: &str, start: usize, close: &str) -> (Vec<Token>, End) {
    let mut tokens = Vec::new();
    let mut at = start;
    while let Some(c) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let rest = text.get(at..).unwrap_or("");
        if rest.starts_with(close) {
            return (tokens, End::Closed(at + close.len()));
        }
        let mut push = |kind, length: usize| {
            tokens.push(Token { kind, start: at, end: at + length });
            length
        };
        let words = |from: usize| {
            let tail = rest.get(from..).unwrap_or("");
            from + tail.find(|c| !is_word(c) && c != '.').unwrap_or(tail.len())
        };
        at += match c {
            '/' if rest.starts_with("/*") => match rest.find("*/") {
                Some(end) => end + 2,
                None => return (tokens, End::InComment),
            },
            '"' | '`' | '\'' => match literal_end(rest, c) {
                Some(length) => push(Kind::Literal, length),
                None => return (tokens, End::InText(at)),
            },
            '.' => push(Kind::Field, words(1)),
            '$' => push(Kind::Variable, words(1)),
            '|' => push(Kind::Pipe, 1),
            '(' => push(Kind::Open, 1),
            ')' => push(Kind::Close, 1),
            ',' => push(Kind::Comma, 1),
            ':' if rest.starts_with(":=") => push(Kind::Assign, 2),
            '=' => push(Kind::Assign, 1),
            c if c.is_ascii_digit() || c == '-' || c == '+' => {
                let length =
                    rest.find(|c: char| !is_word(c) && !matches!(c, '.' | '-' | '+')).unwrap_or(rest.len());
                push(Kind::Literal, length.max(1))
            }
            c if is_word(c) => push(Kind::Word, rest.find(|c| !is_word(c)).unwrap_or(rest.len())),
            c => c.len_utf8(),
        };
    }
    (tokens, End::Open)
}

/// The length of a literal with its quotes.
fn literal_end(rest: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if quote != '`' => is_escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// What the actions before the cursor left.
#[derive(Default)]
struct State {
    variables: Vec<SmolStr>,
    /// Each with the number of variables that there were before it, and whether `.` was changed.
    blocks: Vec<(Block, usize, bool)>,
}

/// A command that is being written.
#[derive(Default)]
struct Command {
    function: Option<SmolStr>,
    operands: Vec<SmolStr>,
    piped: Option<SmolStr>,
    start: usize,
}

impl Command {
    fn is_empty(&self) -> bool {
        self.function.is_none() && self.operands.is_empty()
    }

    fn call(&self) -> Option<Call> {
        Some(Call {
            function: self.function.clone()?,
            argument: self.operands.len(),
            before: self.operands.clone(),
            is_piped: self.piped.is_some(),
        })
    }
}

impl State {
    /// Takes in an action that is closed.
    fn action(&mut self, text: &str, tokens: &[Token]) {
        let word = tokens.first().filter(|token| token.kind == Kind::Word);
        let word = word.and_then(|token| text.get(token.start..token.end)).unwrap_or("");
        match word {
            "end" => {
                if let Some((_, variables, _)) = self.blocks.pop() {
                    self.variables.truncate(variables);
                }
            }
            "else" => {
                // `.` is again what it was before the block, unless another `with` begins.
                let is_with =
                    tokens.get(1).and_then(|token| text.get(token.start..token.end)) == Some("with");
                if let Some((_, variables, changed)) = self.blocks.last_mut() {
                    *changed = is_with;
                    let count = *variables;
                    self.variables.truncate(count);
                }
            }
            _ => {}
        }
        if let Some(block) = block_of(word) {
            self.blocks.push((block, self.variables.len(), block != Block::If));
        }
        self.declare(text, tokens);
    }

    fn declare(&mut self, text: &str, tokens: &[Token]) {
        let Some(assign) = tokens.iter().position(|token| token.kind == Kind::Assign) else { return };
        let is_declared = tokens.get(assign).and_then(|token| text.get(token.start..token.end)) == Some(":=");
        let names = tokens.iter().take(assign).filter(|token| token.kind == Kind::Variable);
        for name in names.filter(|_| is_declared) {
            self.variables.extend(text.get(name.start..name.end).map(SmolStr::new));
        }
    }

    /// Reads the action at the cursor up to its last word.
    fn commands(text: &str, tokens: &[Token]) -> Vec<Command> {
        let mut stack = vec![Command::default()];
        let mut previous_end = None;
        for (index, token) in tokens.iter().enumerate() {
            let written = text.get(token.start..token.end).unwrap_or("");
            let is_joined = previous_end == Some(token.start);
            previous_end = Some(token.end);
            let Some(command) = stack.last_mut() else { return stack };
            match token.kind {
                Kind::Word if index == 0 && is_keyword(written) => {}
                Kind::Word
                    if index == 1 && matches!(written, "if" | "with" | "range") && command.is_empty() => {}
                Kind::Word if command.is_empty() => {
                    command.function = Some(written.into());
                    command.start = token.start;
                }
                Kind::Field
                    if is_joined
                        && index > 0
                        && matches!(tokens.get(index - 1), Some(before) if before.kind == Kind::Close) =>
                {
                    if let Some(last) = command.operands.last_mut() {
                        *last = smol_str::format_smolstr!("{last}{written}");
                    }
                }
                Kind::Word | Kind::Field | Kind::Variable | Kind::Literal => {
                    if command.is_empty() {
                        command.start = token.start;
                    }
                    command.operands.push(written.into());
                }
                Kind::Pipe => {
                    let piped = text.get(command.start..token.start).unwrap_or("").trim().into();
                    *command = Command { piped: Some(piped), start: command.start, ..Command::default() };
                }
                Kind::Assign => *command = Command { start: token.end, ..Command::default() },
                Kind::Comma => {}
                Kind::Open => {
                    if command.is_empty() {
                        command.start = token.start;
                    }
                    stack.push(Command { start: token.end, ..Command::default() });
                }
                Kind::Close => {
                    let inner = if stack.len() > 1 { stack.pop() } else { None };
                    if let (Some(inner), Some(command)) = (inner, stack.last_mut()) {
                        let inside = text.get(inner.start..token.start).unwrap_or("").trim();
                        command.operands.push(smol_str::format_smolstr!("({inside})"));
                    }
                }
            }
        }
        stack
    }

    fn at_cursor(
        mut self,
        text: &str,
        offset: usize,
        logical: &str,
        tokens: &[Token],
        style: Style,
        braces: Braces,
    ) -> Option<TemplateCursor> {
        let is_word = |token: &&Token| {
            token.end == logical.len() && matches!(token.kind, Kind::Word | Kind::Field | Kind::Variable)
        };
        let last = tokens.last().filter(is_word);
        if last.is_none()
            && tokens.last().is_some_and(|token| token.end == logical.len() && token.kind == Kind::Literal)
        {
            return None;
        }
        let before = tokens.get(..tokens.len() - usize::from(last.is_some())).unwrap_or_default();
        let written = last.and_then(|token| logical.get(token.start..token.end)).unwrap_or("");
        let follows_close = last.is_some_and(|token| {
            before.last().is_some_and(|before| before.kind == Kind::Close && before.end == token.start)
        });
        let stack = Self::commands(logical, before);
        let inner = stack.last().and_then(|command| command.operands.last()).filter(|_| follows_close);
        let (subject, typed) = subject(last.map(|token| token.kind), written, inner.cloned());
        let is_else = before.len() == 1
            && before.first().and_then(|token| logical.get(token.start..token.end)) == Some("else");
        let is_first = before.is_empty() || is_else;
        self.declare(logical, before);
        Some(self.cursor(text, offset, subject, typed, &stack, is_first, style, braces))
    }

    #[expect(clippy::too_many_arguments, reason = "what is read off the text, for one caller")]
    fn in_text(
        self,
        text: &str,
        offset: usize,
        logical: &str,
        tokens: &[Token],
        quote: usize,
        style: Style,
        braces: Braces,
    ) -> Option<TemplateCursor> {
        let typed = logical.get(quote + 1..)?;
        let stack = Self::commands(logical, tokens);
        Some(self.cursor(text, offset, Subject::Text, typed.into(), &stack, false, style, braces))
    }

    #[expect(clippy::too_many_arguments, reason = "what is read off the text, for two callers")]
    fn cursor(
        self,
        text: &str,
        offset: usize,
        subject: Subject,
        typed: SmolStr,
        stack: &[Command],
        is_first: bool,
        style: Style,
        braces: Braces,
    ) -> TemplateCursor {
        // An escape before the cursor makes the word longer in the file: then nothing before the cursor is replaced.
        let start =
            offset.checked_sub(typed.len()).filter(|start| text.get(*start..offset) == Some(typed.as_str()));
        let behind = text.get(offset..).unwrap_or("");
        let tail = match subject {
            Subject::Text => {
                let ends = |c: char| {
                    matches!(c, '"' | '`' | '\\' | '\n' | '\r') || (c == '\'' && style == Style::SingleQuoted)
                };
                behind.find(ends).unwrap_or(0)
            }
            _ => behind.find(|c| !is_word(c)).unwrap_or(behind.len()),
        };
        let line = behind.lines().next().unwrap_or("");
        let is_closed = line.find(braces.close).is_some_and(|close| {
            braces.open.is_empty() || line.find(braces.open).is_none_or(|open| close < open)
        });
        let innermost = stack.last();
        let call = stack.iter().rev().find_map(Command::call);
        TemplateCursor {
            subject,
            word: start.unwrap_or(offset)..offset + tail,
            typed,
            call,
            piped: innermost.filter(|command| command.is_empty()).and_then(|command| command.piped.clone()),
            is_argument: innermost.is_some_and(|command| !command.is_empty()),
            is_first,
            dot_is_data: self.blocks.iter().all(|(_, _, changed)| !changed),
            variables: self.variables,
            blocks: self.blocks.iter().map(|(block, _, _)| *block).collect(),
            is_closed,
        }
    }
}

fn block_of(word: &str) -> Option<Block> {
    match word {
        "if" => Some(Block::If),
        "range" => Some(Block::Range),
        "with" => Some(Block::With),
        "define" | "block" => Some(Block::Definition),
        _ => None,
    }
}

fn is_keyword(word: &str) -> bool {
    block_of(word).is_some() || matches!(word, "else" | "end" | "template" | "break" | "continue")
}

/// What the word at the cursor asks for, and the part of it that is being written.
fn subject(kind: Option<Kind>, written: &str, before: Option<SmolStr>) -> (Subject, SmolStr) {
    let chain = |base: Base, names: &str| {
        let mut path: Vec<SmolStr> = names.split('.').map(SmolStr::new).collect();
        let typed = path.pop().unwrap_or_default();
        (Subject::Field { base, path }, typed)
    };
    match kind {
        Some(Kind::Field) => {
            let base = before.map_or(Base::Dot, Base::Expression);
            chain(base, written.strip_prefix('.').unwrap_or(written))
        }
        Some(Kind::Variable) => match written.split_once('.') {
            Some((name, names)) => chain(Base::Variable(name.into()), names),
            None => (Subject::Variable, written.into()),
        },
        _ => (Subject::Operand, written.into()),
    }
}
