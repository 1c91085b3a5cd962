//! What a template names: variables and functions, with their places.

use std::ops::Range;

use smol_str::SmolStr;

use super::ast::{Branch, BranchKind, Command, Expression, List, Name, Node, Pipe};
use super::functions::Function;
use super::parse::Template;

/// A variable that a template reads: `.NAME` where `.` is the data, or `$.NAME` anywhere outside of definitions.
#[derive(Clone, Debug)]
pub struct FieldReference {
    /// The variable's name.
    pub name: SmolStr,
    /// The bytes of the name, without the dot.
    pub range: Range<usize>,
    /// What follows the name: `.NAME.a.b` has `a`, `b`.
    pub path: Vec<Name>,
}

/// A function that a template calls.
#[derive(Clone, Debug)]
pub struct FunctionCall {
    /// The name.
    pub name: SmolStr,
    /// The bytes of the name.
    pub range: Range<usize>,
    /// The number of arguments, with the one that comes through the pipe.
    pub arguments: usize,
    /// The row of the table; `None` for an unknown function.
    pub function: Option<&'static Function>,
}

impl Template {
    /// All variables of the scope that the template reads, in the order of the text.
    pub fn field_references(&self) -> Vec<FieldReference> {
        let mut visitor = Visitor::default();
        visitor.list(self.root(), true, true);
        for definition in self.definitions() {
            // What `.` and `$` are there depends on who calls.
            visitor.list(&definition.list, false, false);
        }
        visitor.fields.sort_by_key(|field| field.range.start);
        visitor.fields
    }

    /// All function calls, in the order of the text.
    pub fn function_calls(&self) -> Vec<FunctionCall> {
        let mut visitor = Visitor::default();
        visitor.list(self.root(), true, true);
        for definition in self.definitions() {
            visitor.list(&definition.list, false, false);
        }
        visitor.calls.sort_by_key(|call| call.range.start);
        visitor.calls
    }

    /// Whether the template uses `.` or `$` as a value where it is the data, and so may read any variable.
    pub fn uses_all_variables(&self) -> bool {
        let mut visitor = Visitor::default();
        visitor.list(self.root(), true, true);
        visitor.uses_all
    }
}

#[derive(Default)]
struct Visitor {
    fields: Vec<FieldReference>,
    calls: Vec<FunctionCall>,
    uses_all: bool,
}

impl Visitor {
    /// `dot` and `dollar` tell whether `.` and `$` are the data.
    fn list(&mut self, list: &List, dot: bool, dollar: bool) {
        for node in &list.nodes {
            match node {
                Node::Action(action) => self.pipe(&action.pipe, dot, dollar),
                Node::Branch(branch) => self.branch(branch, dot, dollar),
                Node::Template(call) => {
                    if let Some(pipe) = &call.pipe {
                        self.pipe(pipe, dot, dollar);
                    }
                }
                Node::Text { .. } | Node::Break { .. } | Node::Continue { .. } => {}
            }
        }
    }

    fn branch(&mut self, branch: &Branch, dot: bool, dollar: bool) {
        self.pipe(&branch.pipe, dot, dollar);
        self.list(&branch.list, dot && branch.kind == BranchKind::If, dollar);
        if let Some(otherwise) = &branch.otherwise {
            self.list(otherwise, dot, dollar);
        }
    }

    fn pipe(&mut self, pipe: &Pipe, dot: bool, dollar: bool) {
        for (i, command) in pipe.commands.iter().enumerate() {
            self.command(command, i > 0, dot, dollar);
        }
    }

    fn command(&mut self, command: &Command, piped: bool, dot: bool, dollar: bool) {
        for (i, argument) in command.arguments.iter().enumerate() {
            let arguments = if i == 0 { command.arguments.len() - 1 + usize::from(piped) } else { 0 };
            self.expression(argument, arguments, dot, dollar);
        }
    }

    fn expression(&mut self, expression: &Expression, arguments: usize, dot: bool, dollar: bool) {
        match expression {
            Expression::Field(field) if dot => self.field(&field.names),
            Expression::Variable(variable) if dollar => {
                let is_data = variable.names.first().is_some_and(|name| name.text == "$");
                if is_data {
                    self.field(variable.names.get(1..).unwrap_or(&[]));
                }
            }
            Expression::Dot(_) => self.uses_all |= dot,
            Expression::Function(identifier) => self.calls.push(FunctionCall {
                name: identifier.name.clone(),
                range: identifier.range.clone(),
                arguments,
                function: identifier.function,
            }),
            Expression::Chain(chain) => self.expression(&chain.base, 0, dot, dollar),
            Expression::Pipe(pipe) => self.pipe(pipe, dot, dollar),
            _ => {}
        }
    }

    fn field(&mut self, names: &[Name]) {
        match names.split_first() {
            Some((first, path)) => self.fields.push(FieldReference {
                name: first.text.clone(),
                range: first.range.clone(),
                path: path.to_vec(),
            }),
            None => self.uses_all = true,
        }
    }
}
