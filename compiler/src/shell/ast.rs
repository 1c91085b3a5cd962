//! The syntax tree of a shell script.

use std::ops::Range;

use smol_str::SmolStr;

/// A byte range in the script's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TextRange {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl TextRange {
    /// As a range that slices the script.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The smallest range that covers both.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }
}

/// A whole script.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// The statements, in order.
    pub statements: Vec<Statement>,
    /// The bodies of the here-documents; a [`Redirect`] names its own by index.
    pub documents: Vec<HereDocument>,
}

/// The body of a here-document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HereDocument {
    /// Whether the delimiter was quoted, so that nothing in the body is expanded.
    pub quoted: bool,
    /// The body; `None` where it is empty.
    pub body: Option<Word>,
}

/// What ends a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminator {
    /// `;`
    Semicolon,
    /// `&`: runs in the background.
    Background,
}

/// A command with its redirects.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    /// From the first token to the terminator (excluded).
    pub range: TextRange,
    /// Whether `!` stands in front.
    pub negated: bool,
    /// The command; `None` for redirects alone.
    pub command: Option<Command>,
    /// The redirects, in order.
    pub redirects: Vec<Redirect>,
    /// What ends the statement, and where; `None` for a newline or the end.
    pub terminator: Option<(Terminator, TextRange)>,
}

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Assignments and words.
    Simple(Call),
    /// `( … )`
    Subshell(Vec<Statement>),
    /// `{ …; }`
    Group(Vec<Statement>),
    /// `if`
    If(Box<If>),
    /// `while` and `until`
    While(Box<While>),
    /// `for` and `select`
    For(Box<For>),
    /// `case`
    Case(Box<Case>),
    /// `a && b`, `a | b` …
    Chain(Box<Chain>),
    /// A function.
    Function(Box<Function>),
    /// `(( … ))`
    Arithmetic(Box<Arithmetic>),
    /// `[[ … ]]`
    Test(Box<Test>),
    /// `declare`, `local`, `export`, `readonly`, `typeset`, `nameref`
    Declaration(Box<Declaration>),
    /// `let`
    Let(Vec<Arithmetic>),
    /// `time`
    Time(Option<Box<Statement>>),
    /// `coproc`
    Coprocess(Option<Word>, Option<Box<Statement>>),
}

/// Assignments and words: a simple command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Call {
    /// The assignments in front.
    pub assignments: Vec<Assignment>,
    /// The words.
    pub words: Vec<Word>,
}

/// `if`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct If {
    /// `if` and each `elif`, in order.
    pub branches: Vec<IfBranch>,
    /// `else`.
    pub otherwise: Option<Vec<Statement>>,
}

/// `if` or `elif`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IfBranch {
    /// The condition.
    pub condition: Vec<Statement>,
    /// What runs when it holds.
    pub then: Vec<Statement>,
}

/// `while` or `until`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct While {
    /// Whether it is `until`.
    pub until: bool,
    /// The condition.
    pub condition: Vec<Statement>,
    /// The body.
    pub body: Vec<Statement>,
}

/// `for` or `select`.
#[derive(Clone, Debug, PartialEq)]
pub struct For {
    /// Whether it is `select`.
    pub select: bool,
    /// What it loops over.
    pub header: ForHeader,
    /// Whether the body stands in braces.
    pub braces: bool,
    /// The body.
    pub body: Vec<Statement>,
}

/// What a loop loops over.
#[derive(Clone, Debug, PartialEq)]
pub enum ForHeader {
    /// `for name [in words]`; `None` loops over the arguments.
    Words(Literal, Option<Vec<Word>>),
    /// `for ((init; condition; step))`
    Arithmetic(Box<[Option<Arithmetic>; 3]>),
}

/// `case`.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// The word that is matched.
    pub word: Word,
    /// The branches.
    pub items: Vec<CaseItem>,
}

/// A branch of `case`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CaseItem {
    /// The patterns.
    pub patterns: Vec<Word>,
    /// The body.
    pub body: Vec<Statement>,
    /// `;;`, `;&` or `;;&`, the place of which is given.
    pub ending: Option<(CaseEnding, TextRange)>,
}

/// What follows a branch of `case`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaseEnding {
    /// `;;`
    Break,
    /// `;&`
    FallThrough,
    /// `;;&`
    Resume,
}

/// An operator between two commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChainOperator {
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
    /// `|&`
    PipeAll,
}

/// Commands joined by operators of one rank: `&&` and `||`, or `|` and `|&`. Both ranks group to the left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// The commands, one more than there are operators.
    pub statements: Vec<Statement>,
    /// The operators, with their places.
    pub operators: Vec<(ChainOperator, TextRange)>,
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Whether the word `function` is there.
    pub keyword: bool,
    /// The name; `None` only in `() body`, which other shells know.
    pub name: Option<Literal>,
    /// The body.
    pub body: Statement,
}

/// `declare` and its family.
#[derive(Clone, Debug, PartialEq)]
pub struct Declaration {
    /// `declare`, `export` …
    pub keyword: Literal,
    /// The arguments.
    pub arguments: Vec<Assignment>,
}

/// `name=value`, `name+=value`, `name[index]=value`, `name=(…)`; in a [`Declaration`] also bare names and words.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Assignment {
    /// The whole.
    pub range: TextRange,
    /// Whether it is `+=`.
    pub append: bool,
    /// Whether there is no `=`.
    pub bare: bool,
    /// The name; `None` for a bare word of a declaration.
    pub name: Option<Literal>,
    /// The index.
    pub index: Option<Arithmetic>,
    /// The value; `None` where it is empty.
    pub value: Option<Word>,
    /// The elements, where it is an array.
    pub array: Option<Vec<ArrayElement>>,
}

/// An element of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct ArrayElement {
    /// `[index]=`
    pub index: Option<Arithmetic>,
    /// The value.
    pub value: Option<Word>,
}

/// The kinds of redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectOperator {
    /// `>`
    Write,
    /// `>>`
    Append,
    /// `<`
    Read,
    /// `<>`
    ReadWrite,
    /// `<&`
    DuplicateIn,
    /// `>&`
    DuplicateOut,
    /// `>|`
    Clobber,
    /// `<<`
    HereDocument,
    /// `<<-`
    HereDocumentTabs,
    /// `<<<`
    HereString,
    /// `&>`
    WriteAll,
    /// `&>>`
    AppendAll,
}

/// A redirect.
#[derive(Clone, Debug, PartialEq)]
pub struct Redirect {
    /// The whole, without the body of a here-document.
    pub range: TextRange,
    /// The number or `{name}` in front.
    pub descriptor: Option<Literal>,
    /// The kind.
    pub operator: RedirectOperator,
    /// The target, or the delimiter of a here-document.
    pub target: Word,
    /// The index in [`Script::documents`].
    pub document: Option<usize>,
}

/// A word: pieces that stand together without a blank.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word {
    /// The whole word.
    pub range: TextRange,
    /// The pieces, at least one.
    pub parts: Vec<WordPart>,
}

impl Word {
    /// The text, if the word is one unquoted literal. Backslashes are still in it.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [WordPart::Literal(literal)] => Some(&literal.text),
            _ => None,
        }
    }
}

/// Unquoted text as it was written, without escaped newlines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Literal {
    /// Where.
    pub range: TextRange,
    /// The text, backslashes included.
    pub text: SmolStr,
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq)]
pub enum WordPart {
    /// Text; within double quotes and here-documents also.
    Literal(Literal),
    /// `'…'` or `$'…'`; the text between the quotes as written.
    SingleQuoted {
        /// The whole.
        range: TextRange,
        /// Whether it is `$'…'`.
        dollar: bool,
        /// The text between the quotes.
        text: SmolStr,
    },
    /// `"…"` or `$"…"`
    DoubleQuoted {
        /// The whole.
        range: TextRange,
        /// Whether it is `$"…"`.
        dollar: bool,
        /// What stands between the quotes.
        parts: Vec<WordPart>,
    },
    /// `$name`, `${…}`
    Parameter(Box<Parameter>),
    /// `$(…)`, `` `…` ``, `${ …; }`, `${|…; }`
    CommandSubstitution {
        /// The whole.
        range: TextRange,
        /// Which form.
        form: SubstitutionForm,
        /// The statements.
        statements: Vec<Statement>,
    },
    /// `$((…))`, `$[…]`
    Arithmetic {
        /// The whole.
        range: TextRange,
        /// Whether it is `$[…]`.
        bracket: bool,
        /// The expression.
        expression: Box<Arithmetic>,
    },
    /// `<(…)`, `>(…)`
    ProcessSubstitution {
        /// The whole.
        range: TextRange,
        /// Whether it is `>(…)`.
        output: bool,
        /// The statements.
        statements: Vec<Statement>,
    },
    /// `?(…)`, `*(…)`, `+(…)`, `@(…)`, `!(…)`
    ExtendedGlob {
        /// The whole.
        range: TextRange,
        /// The character in front of the parenthesis.
        operator: char,
        /// What stands between the parentheses.
        pattern: SmolStr,
    },
}

impl WordPart {
    /// Where the piece stands.
    pub fn range(&self) -> TextRange {
        match self {
            Self::Literal(literal) => literal.range,
            Self::Parameter(parameter) => parameter.range,
            Self::SingleQuoted { range, .. }
            | Self::DoubleQuoted { range, .. }
            | Self::CommandSubstitution { range, .. }
            | Self::Arithmetic { range, .. }
            | Self::ProcessSubstitution { range, .. }
            | Self::ExtendedGlob { range, .. } => *range,
        }
    }
}

/// How a command substitution is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubstitutionForm {
    /// `$(…)`
    Paren,
    /// `` `…` ``
    Backquote,
    /// `${ …; }`
    Brace,
    /// `${|…; }`
    BraceReply,
}

/// A parameter expansion.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameter {
    /// The whole, with the dollar.
    pub range: TextRange,
    /// Whether it is `$name` without braces.
    pub short: bool,
    /// `${!name}`
    pub indirect: bool,
    /// `${#name}`
    pub length: bool,
    /// The name, a digit or a special character.
    pub name: Literal,
    /// `${name[index]}`
    pub index: Option<Arithmetic>,
    /// What is done with the value.
    pub operation: Option<ParameterOperation>,
}

/// What is done with a parameter's value.
#[derive(Clone, Debug, PartialEq)]
pub enum ParameterOperation {
    /// `${name:offset:length}`
    Slice(Option<Arithmetic>, Option<Arithmetic>),
    /// `${name/pattern/replacement}`, all of them with `//`
    Replace {
        /// Whether it is `//`.
        all: bool,
        /// The pattern.
        pattern: Option<Word>,
        /// The replacement.
        replacement: Option<Word>,
    },
    /// `${!prefix*}`, `${!prefix@}`; the flag is true for `@`
    Names(bool),
    /// `${name:-word}` and the like: the operator as written, and the word
    Word(&'static str, Option<Word>),
}

/// An arithmetic expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Arithmetic {
    /// A number, a name or an expansion.
    Word(Word),
    /// `name[index]`
    Element(Literal, Box<Arithmetic>),
    /// `-x`, `x++`: operator as written, whether it stands behind, operand
    Unary(&'static str, bool, Box<Arithmetic>),
    /// `x + y`
    Binary(&'static str, Box<Arithmetic>, Box<Arithmetic>),
    /// `x ? y : z`
    Ternary(Box<[Arithmetic; 3]>),
    /// `(x)`
    Paren(Box<Arithmetic>),
}

/// An expression of `[[ … ]]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// A word alone.
    Word(Word),
    /// `! x`
    Not(Box<Test>),
    /// `-f word`
    Unary(SmolStr, Word),
    /// `x && y`, `x || y`
    Logic(&'static str, Box<Test>, Box<Test>),
    /// `word == word`, with the operator as written
    Binary(SmolStr, Word, Word),
    /// `( x )`
    Paren(Box<Test>),
}
