//! The tree of a template.
//!
//! Every node has the byte range that it covers and, where Go reports places by something else, Go's position as well.
//! `Display` writes what Go writes after `at` in its messages.

use std::fmt::{self, Display};
use std::ops::Range;

use smol_str::SmolStr;

use super::functions::Function;
use super::quote::quote;

/// A run of nodes.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Go's position.
    pub position: usize,
    /// The nodes.
    pub nodes: Vec<Node>,
}

/// One node of a list.
#[derive(Clone, Debug)]
pub enum Node {
    /// Text outside of actions, what trim markers remove already removed.
    Text {
        /// The bytes that are printed.
        range: Range<usize>,
    },
    /// `{{pipeline}}`
    Action(Action),
    /// `if`, `range` or `with`.
    Branch(Box<Branch>),
    /// `{{template "name" pipeline}}` and the call that `block` stands for.
    Template(Box<TemplateCall>),
    /// `{{break}}`
    Break {
        /// The whole action.
        range: Range<usize>,
    },
    /// `{{continue}}`
    Continue {
        /// The whole action.
        range: Range<usize>,
    },
}

/// `{{pipeline}}`
#[derive(Clone, Debug)]
pub struct Action {
    /// Go's position.
    pub position: usize,
    /// With the delimiters.
    pub range: Range<usize>,
    /// What is evaluated.
    pub pipe: Pipe,
}

/// Which control action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchKind {
    /// `if`
    If,
    /// `range`
    Range,
    /// `with`
    With,
}

impl BranchKind {
    /// The keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::If => "if",
            Self::Range => "range",
            Self::With => "with",
        }
    }
}

/// `{{if}}…{{else}}…{{end}}` and its like; `else if` is a branch inside [`Self::otherwise`].
#[derive(Clone, Debug)]
pub struct Branch {
    /// Which one.
    pub kind: BranchKind,
    /// From the first delimiter to the last, as far as the text goes.
    pub range: Range<usize>,
    /// The condition or what is ranged over.
    pub pipe: Pipe,
    /// What happens when it is true.
    pub list: List,
    /// What happens otherwise.
    pub otherwise: Option<List>,
}

/// The call of a template.
#[derive(Clone, Debug)]
pub struct TemplateCall {
    /// Go's position: the name.
    pub position: usize,
    /// The bytes of the name, with quotes.
    pub name_range: Range<usize>,
    /// The template's name.
    pub name: SmolStr,
    /// Its data.
    pub pipe: Option<Pipe>,
}

/// A template that `define` or `block` makes.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The name.
    pub name: SmolStr,
    /// The bytes of the name, with quotes.
    pub name_range: Range<usize>,
    /// What it prints.
    pub list: List,
}

/// `$a, $b := command | command`
#[derive(Clone, Debug, Default)]
pub struct Pipe {
    /// Go's position.
    pub position: usize,
    /// From the first declaration or command to the last.
    pub range: Range<usize>,
    /// `=` and not `:=`.
    pub is_assignment: bool,
    /// The variables, in order.
    pub declarations: Vec<Variable>,
    /// The commands. None only where the text is wrong.
    pub commands: Vec<Command>,
}

/// `operand operand …`
#[derive(Clone, Debug)]
pub struct Command {
    /// Go's position.
    pub position: usize,
    /// From the first operand to the last.
    pub range: Range<usize>,
    /// The operands, at least one.
    pub arguments: Vec<Expression>,
}

/// An operand.
#[derive(Clone, Debug)]
pub enum Expression {
    /// `true`, `false`
    Bool(bool, Range<usize>),
    /// `.`
    Dot(Range<usize>),
    /// `nil`
    Nil(Range<usize>),
    /// A number or character.
    Number(Box<Number>),
    /// A quoted text.
    Text(Box<Text>),
    /// `.A.B`
    Field(Field),
    /// `$x.A.B`
    Variable(Variable),
    /// The name of a function.
    Function(Identifier),
    /// `(…).A.B`
    Chain(Box<Chain>),
    /// `(…)`
    Pipe(Box<Pipe>),
}

/// A literal number with all the types that can hold it.
#[derive(Clone, Debug, Default)]
pub struct Number {
    /// The bytes.
    pub range: Range<usize>,
    /// As written.
    pub text: SmolStr,
    /// As a signed integer.
    pub int: Option<i64>,
    /// As an unsigned integer.
    pub uint: Option<u64>,
    /// As a float.
    pub float: Option<f64>,
    /// As a complex number.
    pub complex: Option<(f64, f64)>,
}

/// A literal text.
#[derive(Clone, Debug)]
pub struct Text {
    /// The bytes, with quotes.
    pub range: Range<usize>,
    /// As written, with quotes.
    pub quoted: SmolStr,
    /// What it stands for.
    pub text: SmolStr,
}

/// A name and its bytes.
#[derive(Clone, Debug)]
pub struct Name {
    /// The name without `.`; with `$`.
    pub text: SmolStr,
    /// Its bytes, without `.`.
    pub range: Range<usize>,
}

/// `.A.B`
#[derive(Clone, Debug)]
pub struct Field {
    /// Go's position: of a chain the second name.
    pub position: usize,
    /// The bytes, from the first `.`.
    pub range: Range<usize>,
    /// The names, at least one.
    pub names: Vec<Name>,
}

/// `$x.A.B`
#[derive(Clone, Debug)]
pub struct Variable {
    /// Go's position: of a chain the first field.
    pub position: usize,
    /// The bytes, from the `$`.
    pub range: Range<usize>,
    /// The variable, then the fields.
    pub names: Vec<Name>,
}

/// The name of a function.
#[derive(Clone, Debug)]
pub struct Identifier {
    /// The bytes.
    pub range: Range<usize>,
    /// The name.
    pub name: SmolStr,
    /// Its row in the table; `None` where there is no such function, which the parser has reported.
    pub function: Option<&'static Function>,
}

/// Fields of the value of a pipeline or function.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Go's position: the first field.
    pub position: usize,
    /// The bytes.
    pub range: Range<usize>,
    /// What has the fields.
    pub base: Expression,
    /// The fields, at least one.
    pub names: Vec<Name>,
}

impl Expression {
    /// The bytes that it covers.
    pub fn range(&self) -> Range<usize> {
        match self {
            Self::Bool(_, range) | Self::Dot(range) | Self::Nil(range) => range.clone(),
            Self::Number(number) => number.range.clone(),
            Self::Text(text) => text.range.clone(),
            Self::Field(field) => field.range.clone(),
            Self::Variable(variable) => variable.range.clone(),
            Self::Function(identifier) => identifier.range.clone(),
            Self::Chain(chain) => chain.range.clone(),
            Self::Pipe(pipe) => pipe.range.clone(),
        }
    }

    /// Where Go says that it is.
    pub fn position(&self) -> usize {
        match self {
            Self::Field(field) => field.position,
            Self::Variable(variable) => variable.position,
            Self::Chain(chain) => chain.position,
            Self::Pipe(pipe) => pipe.position,
            other => other.range().start,
        }
    }
}

/// Writes a node with the text that it was parsed from.
pub(super) struct WithSource<'a, T>(pub(super) &'a T, pub(super) &'a str);

impl Display for WithSource<'_, List> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.nodes.iter().try_for_each(|node| WithSource(node, self.1).fmt(f))
    }
}

impl Display for WithSource<'_, Node> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Node::Text { range } => f.write_str(self.1.get(range.clone()).unwrap_or("")),
            Node::Action(action) => write!(f, "{{{{{}}}}}", action.pipe),
            Node::Branch(branch) => WithSource(&**branch, self.1).fmt(f),
            Node::Template(call) => call.fmt(f),
            Node::Break { .. } => f.write_str("{{break}}"),
            Node::Continue { .. } => f.write_str("{{continue}}"),
        }
    }
}

impl Display for WithSource<'_, Branch> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Branch { kind, pipe, list, otherwise, .. } = self.0;
        write!(f, "{{{{{} {pipe}}}}}{}", kind.keyword(), WithSource(list, self.1))?;
        if let Some(otherwise) = otherwise {
            write!(f, "{{{{else}}}}{}", WithSource(otherwise, self.1))?;
        }
        f.write_str("{{end}}")
    }
}

impl Display for TemplateCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{{template {}", quote(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl Display for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, variable) in self.declarations.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            variable.fmt(f)?;
        }
        if !self.declarations.is_empty() {
            f.write_str(if self.is_assignment { " = " } else { " := " })?;
        }
        for (i, command) in self.commands.iter().enumerate() {
            f.write_str(if i > 0 { " | " } else { "" })?;
            command.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, argument) in self.arguments.iter().enumerate() {
            f.write_str(if i > 0 { " " } else { "" })?;
            match argument {
                Expression::Pipe(pipe) => write!(f, "({pipe})")?,
                other => other.fmt(f)?,
            }
        }
        Ok(())
    }
}

impl Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value, _) => value.fmt(f),
            Self::Dot(_) => f.write_str("."),
            Self::Nil(_) => f.write_str("nil"),
            Self::Number(number) => f.write_str(&number.text),
            Self::Text(text) => f.write_str(&text.quoted),
            Self::Field(field) => field.fmt(f),
            Self::Variable(variable) => variable.fmt(f),
            Self::Function(identifier) => f.write_str(&identifier.name),
            Self::Chain(chain) => chain.fmt(f),
            Self::Pipe(pipe) => pipe.fmt(f),
        }
    }
}

impl Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.names.iter().try_for_each(|name| write!(f, ".{}", name.text))
    }
}

impl Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.names.iter().enumerate() {
            write!(f, "{}{}", if i > 0 { "." } else { "" }, name.text)?;
        }
        Ok(())
    }
}

impl Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.base {
            Expression::Pipe(pipe) => write!(f, "({pipe})")?,
            other => other.fmt(f)?,
        }
        self.names.iter().try_for_each(|name| write!(f, ".{}", name.text))
    }
}
