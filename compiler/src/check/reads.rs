//! What a template reads and calls, with what stands around it: more than [`crate::template::visit`] tells.

use std::ops::Range;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::template::Template;
use crate::template::ast::{
    Branch, BranchKind, Command, Definition, Expression, Identifier, List, Name, Node, Pipe, Text, Variable,
};

/// A variable that a template reads.
#[derive(Clone, Debug)]
pub struct Read {
    /// Its name.
    pub name: SmolStr,
    /// The bytes of the name, without the dot.
    pub range: Range<usize>,
    /// Whether the template copes with its being empty: tested, compared, given a default.
    pub guarded: bool,
    /// What the template needs it to be.
    pub needs: Needs,
    /// Whether the place is only reached under a condition.
    pub conditional: bool,
}

/// What a template needs a variable to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing special.
    Anything,
    /// Something to repeat over: a list, a map or a number.
    Items,
    /// A number: it is compared with one.
    Number,
    /// A text: it is compared with one.
    Text,
}

/// A call of a function.
#[derive(Clone, Debug)]
pub struct FunctionUse<'t> {
    /// The function as written.
    pub identifier: &'t Identifier,
    /// The arguments as written.
    pub arguments: &'t [Expression],
    /// Whether one more comes through the pipe.
    pub piped: bool,
    /// Whether the call is only reached under a condition.
    pub conditional: bool,
}

/// Everything of one template.
#[derive(Debug, Default)]
pub struct Reads<'t> {
    /// The variables, in written order.
    pub variables: Vec<Read>,
    /// The calls.
    pub calls: Vec<FunctionUse<'t>>,
    /// `range` over a literal text: its bytes and whether that is conditional.
    pub text_ranges: Vec<(Range<usize>, bool)>,
    /// Variables with arguments behind them, as if they were functions: the variable, and the whole command.
    pub called_variables: Vec<CalledVariable>,
    /// Variables that a function takes by their names, as in `index . "X"`: the name, and its bytes without quotes.
    pub looked_up: Vec<(SmolStr, Range<usize>)>,
    /// What takes variables by names that are not written there, as in `index . .NAME`: the bytes.
    pub open_look_ups: Vec<Range<usize>>,
    /// Whether `.` or `$` is used as a value.
    pub everything: bool,
}

/// `.NAME argument`: a variable that stands where a function should.
#[derive(Clone, Debug)]
pub struct CalledVariable {
    /// The bytes of the variable, with the dot.
    pub variable: Range<usize>,
    /// The bytes of the variable and its arguments.
    pub command: Range<usize>,
    /// A function that stands between them, as in `.A eq "b"`: its bytes.
    pub infix: Option<Range<usize>>,
    /// Whether the place is only reached under a condition.
    pub conditional: bool,
}

/// Functions of which an argument may well be empty.
const GUARDS: &[&str] = &[
    "and",
    "or",
    "not",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "default",
    "coalesce",
    "empty",
    "ternary",
    "hasKey",
    "get",
    "dig",
    "kindOf",
    "kindIs",
    "typeOf",
    "typeIs",
    "typeIsLike",
    "all",
    "any",
    "hasPrefix",
    "hasSuffix",
    "contains",
    "has",
    "regexMatch",
    "fail",
    "required",
];

/// Reads a template.
pub fn read(template: &Template) -> Reads<'_> {
    let mut reader = Reader {
        reads: Reads::default(),
        dot: true,
        dollar: true,
        depth: 0,
        declared: Vec::new(),
        given_all: FxHashSet::default(),
    };
    reader.list(template.root());
    reader.definitions(template.definitions());
    reader.reads.variables.sort_by_key(|read| read.range.start);
    reader.reads
}

/// The bytes of the names by which a template reads the data, also in what it makes itself and calls with them.
pub fn names_of_data(template: &Template) -> Vec<Range<usize>> {
    let Reads { variables, looked_up, .. } = read(template);
    let looked_up = looked_up.into_iter().map(|(_, range)| range);
    variables.into_iter().map(|read| read.range).chain(looked_up).collect()
}

struct Reader<'t> {
    reads: Reads<'t>,
    /// Whether `.` is the data.
    dot: bool,
    /// Whether `$` is the data.
    dollar: bool,
    /// Conditions around the place.
    depth: usize,
    /// The variables that can be seen, and whether each is the data; the newest last.
    declared: Vec<(&'t SmolStr, bool)>,
    /// The templates that are called with the data.
    given_all: FxHashSet<&'t SmolStr>,
}

#[derive(Clone, Copy)]
struct Around {
    guarded: bool,
    needs: Needs,
}

const BARE: Around = Around { guarded: false, needs: Needs::Anything };

impl<'t> Reader<'t> {
    /// The templates that `define` makes: first those that are called with the data, which may call others with it.
    fn definitions(&mut self, definitions: &'t [Definition]) {
        let mut left: Vec<&Definition> = definitions.iter().collect();
        self.depth = 1;
        while !left.is_empty() {
            let next = left.iter().position(|definition| self.given_all.contains(&definition.name));
            (self.dot, self.dollar) = (next.is_some(), next.is_some());
            self.declared.clear();
            self.list(&left.swap_remove(next.unwrap_or(0)).list);
        }
    }

    fn list(&mut self, list: &'t List) {
        for node in &list.nodes {
            match node {
                Node::Action(action) => {
                    // A value that is kept in a variable may be tested later.
                    let guarded = !action.pipe.declarations.is_empty();
                    self.pipe(&action.pipe, Around { guarded, ..BARE });
                }
                Node::Branch(branch) => self.branch(branch),
                Node::Template(call) => {
                    if let Some(pipe) = &call.pipe {
                        self.pipe(pipe, BARE);
                        if self.is_data_alone(pipe) {
                            self.given_all.insert(&call.name);
                        }
                    }
                }
                Node::Text { .. } | Node::Break { .. } | Node::Continue { .. } => {}
            }
        }
    }

    fn branch(&mut self, branch: &'t Branch) {
        let needs = if branch.kind == BranchKind::Range { Needs::Items } else { Needs::Anything };
        let outer = self.declared.len();
        self.pipe(&branch.pipe, Around { guarded: true, needs });
        if needs == Needs::Items
            && let [command] = branch.pipe.commands.as_slice()
            && let [Expression::Text(text)] = command.arguments.as_slice()
        {
            self.reads.text_ranges.push((text.range.clone(), self.depth > 0));
        }
        let dot = self.dot;
        self.depth += 1;
        self.dot = match branch.kind {
            BranchKind::If => dot,
            BranchKind::With => self.is_data_alone(&branch.pipe),
            BranchKind::Range => false,
        };
        self.list(&branch.list);
        self.dot = dot;
        if let Some(otherwise) = &branch.otherwise {
            self.list(otherwise);
        }
        self.depth -= 1;
        // What a branch declares is gone behind its `end`.
        self.declared.truncate(outer);
    }

    fn pipe(&mut self, pipe: &'t Pipe, around: Around) {
        let later_guard = pipe.commands.iter().skip(1).any(|command| guard_of(command).is_some());
        let single = pipe.commands.len() == 1;
        for (i, command) in pipe.commands.iter().enumerate() {
            let guarded = around.guarded || later_guard;
            let needs = if single { around.needs } else { Needs::Anything };
            self.command(command, i > 0, Around { guarded, needs });
        }
        if !pipe.declarations.is_empty() {
            let is_data = self.is_data_alone(pipe);
            let names = pipe.declarations.iter().filter_map(|variable| variable.names.first());
            self.declared.extend(names.map(|name| (&name.text, is_data)));
        }
    }

    /// Whether a pipeline is the map of all variables.
    fn is_data_alone(&self, pipe: &Pipe) -> bool {
        let [command] = pipe.commands.as_slice() else { return false };
        matches!(command.arguments.as_slice(), [only] if self.is_data(only))
    }

    fn is_data(&self, expression: &Expression) -> bool {
        match expression {
            Expression::Dot(_) => self.dot,
            Expression::Variable(variable) => variable.names.len() == 1 && self.holds_data(variable),
            Expression::Pipe(pipe) => self.is_data_alone(pipe),
            _ => false,
        }
    }

    /// Whether a variable of the template is the map of all variables.
    fn holds_data(&self, variable: &Variable) -> bool {
        let Some(name) = variable.names.first() else { return false };
        let declared = self.declared.iter().rev().find(|(declared, _)| **declared == name.text);
        declared.map_or(name.text == "$" && self.dollar, |(_, is_data)| *is_data)
    }

    /// A function that takes variables by their names.
    fn look_up(&mut self, command: &'t Command, function: &str, arguments: &'t [Expression], piped: bool) {
        let (keys, data) = match (function, arguments) {
            ("index" | "get" | "hasKey" | "set" | "unset", [data, keys @ ..]) => {
                (keys.get(..1).unwrap_or_default(), data)
            }
            ("pick" | "omit", [data, keys @ ..]) => (keys, data),
            ("pluck", [key, data, ..]) | ("dig", [key, .., data]) => (std::slice::from_ref(key), data),
            _ => return,
        };
        if !self.is_data(data) {
            return;
        }
        let written = |key: &Expression| match key {
            Expression::Text(text) => name_in(text),
            _ => None,
        };
        let names: Option<Vec<_>> = keys.iter().map(written).collect();
        let is_complete = !keys.is_empty() && (!piped || function == "set");
        match names.filter(|_| is_complete) {
            Some(names) => self.reads.looked_up.extend(names),
            None => self.reads.open_look_ups.push(command.range.clone()),
        }
    }

    fn command(&mut self, command: &'t Command, piped: bool, around: Around) {
        let Some((first, rest)) = command.arguments.split_first() else { return };
        let Expression::Function(identifier) = first else {
            let needs = if rest.is_empty() { around.needs } else { Needs::Anything };
            self.expression(first, Around { needs, ..around });
            if let Expression::Field(field) = first
                && let Some(second) = rest.first()
            {
                let infix = match second {
                    Expression::Function(identifier) => Some(identifier.range.clone()),
                    _ => None,
                };
                let (variable, command) = (field.range.clone(), command.range.clone());
                let conditional = self.depth > 0;
                self.reads.called_variables.push(CalledVariable { variable, command, infix, conditional });
            }
            // Functions among them are the same mistake.
            for argument in rest.iter().filter(|argument| !matches!(argument, Expression::Function(_))) {
                self.expression(argument, Around { needs: Needs::Anything, ..around });
            }
            return;
        };
        self.reads.calls.push(FunctionUse {
            identifier,
            arguments: rest,
            piped,
            conditional: self.depth > 0,
        });
        self.look_up(command, &identifier.name, rest, piped);
        let guarded = around.guarded || guard_of(command).is_some();
        let needs = if piped { Needs::Anything } else { compared_with(&identifier.name, rest) };
        let lazy = matches!(identifier.name.as_str(), "and" | "or");
        for (i, argument) in rest.iter().enumerate() {
            let deeper = usize::from(lazy && i > 0);
            self.depth += deeper;
            self.expression(argument, Around { guarded, needs });
            self.depth -= deeper;
        }
    }

    fn expression(&mut self, expression: &'t Expression, around: Around) {
        match expression {
            Expression::Field(field) if self.dot => self.variable(&field.names, around),
            Expression::Variable(variable) if self.holds_data(variable) => {
                self.variable(variable.names.get(1..).unwrap_or_default(), around);
            }
            Expression::Dot(_) => self.reads.everything |= self.dot,
            Expression::Function(identifier) => self.reads.calls.push(FunctionUse {
                identifier,
                arguments: &[],
                piped: false,
                conditional: self.depth > 0,
            }),
            Expression::Chain(chain) => {
                self.expression(&chain.base, Around { needs: Needs::Anything, ..around });
            }
            Expression::Pipe(pipe) => self.pipe(pipe, around),
            _ => {}
        }
    }

    fn variable(&mut self, names: &[Name], around: Around) {
        match names.split_first() {
            Some((first, path)) => self.reads.variables.push(Read {
                name: first.text.clone(),
                range: first.range.clone(),
                guarded: around.guarded,
                needs: if path.is_empty() { around.needs } else { Needs::Anything },
                conditional: self.depth > 0,
            }),
            None => self.reads.everything = true,
        }
    }
}

/// A name that is written out, with its bytes without the quotes.
pub fn name_in(text: &Text) -> Option<(SmolStr, Range<usize>)> {
    let is_plain = text.quoted.get(1..text.quoted.len().saturating_sub(1)) == Some(text.text.as_str());
    is_plain.then(|| (text.text.clone(), text.range.start + 1..text.range.end.saturating_sub(1)))
}

fn guard_of(command: &Command) -> Option<&'static str> {
    match command.arguments.first()? {
        Expression::Function(identifier) => GUARDS.iter().find(|name| **name == identifier.name).copied(),
        _ => None,
    }
}

/// What the variables among the operands of a comparison must be, by its literals.
fn compared_with(function: &str, operands: &[Expression]) -> Needs {
    if !matches!(function, "eq" | "ne" | "lt" | "le" | "gt" | "ge") {
        return Needs::Anything;
    }
    // `eq` and `ne` compare everything with their first operand.
    let pair = if operands.len() == 2 { operands } else { &[] };
    if pair.iter().any(|operand| matches!(operand, Expression::Number(number) if number.int.is_some())) {
        Needs::Number
    } else if pair.iter().any(|operand| matches!(operand, Expression::Text(_))) {
        Needs::Text
    } else {
        Needs::Anything
    }
}
