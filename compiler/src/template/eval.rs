//! Evaluates a template.

use std::fmt::Display;
use std::ops::Range;
use std::sync::Arc;

use smol_str::SmolStr;

use super::ast::{
    Branch, BranchKind, Chain, Command, Expression, Field, Identifier, List, Name, Node, Number, Pipe,
    TemplateCall, Variable, WithSource,
};
use super::error::{ErrorKind, TemplateError, line_and_column};
use super::format;
use super::functions::{Call, Implementation, MAX_TEXT, Parameter, methods};
use super::host::Host;
use super::parse::{Parsed, Template};
use super::quote::quote;
use super::scope::Scope;
use super::value::{ListType, MAX_VALUE_DEPTH, MAX_VALUE_SIZE, TooLarge, Value};

/// How deep lists of nodes nest while evaluating, called templates included. (Go allows 100,000 calls.)
pub const MAX_EVALUATION_DEPTH: usize = 200;

/// How many times the loops of one evaluation go round altogether.
pub const MAX_ITERATIONS: usize = 10_000_000;

/// How many steps one evaluation may take: parts of the template, and items that functions are given and make.
pub const MAX_STEPS: usize = 100_000_000;

/// How many items of lists and maps are as much work as a part of a template.
const ITEMS_A_STEP: usize = 8;

/// How many bytes one evaluation may print.
pub const MAX_OUTPUT: usize = 256 * 1024 * 1024;

/// A result, or what Go would print. Boxed, because errors are rare and large.
type Evaluation<T> = Result<T, Box<TemplateError>>;

/// A value as Go's `reflect` sees it.
#[derive(Clone, Debug)]
enum Operand {
    /// No value at all: a key that is missing, an explicit nil that has gone through a pipeline.
    Invalid,
    /// The data itself, all variables.
    Root,
    /// A value of its own type.
    Plain(Value),
    /// A value out of a container of `interface {}`; may be `nil`.
    Boxed(Value),
}

/// What Go's messages say is being evaluated.
#[derive(Clone, Copy)]
enum At<'a> {
    List(&'a List),
    Node(&'a Node),
    Pipe(&'a Pipe),
    Command(&'a Command),
    Expression(&'a Expression),
    Field(&'a Field),
    Variable(&'a Variable),
    Chain(&'a Chain),
    Identifier(&'a Identifier),
}

impl At<'_> {
    fn position(self) -> usize {
        match self {
            Self::List(list) => list.position,
            Self::Node(Node::Text { range } | Node::Break { range } | Node::Continue { range }) => {
                range.start
            }
            Self::Node(Node::Action(action)) => action.position,
            Self::Node(Node::Branch(branch)) => branch.pipe.position,
            Self::Node(Node::Template(call)) => call.position,
            Self::Pipe(pipe) => pipe.position,
            Self::Command(command) => command.position,
            Self::Expression(expression) => expression.position(),
            Self::Field(field) => field.position,
            Self::Variable(variable) => variable.position,
            Self::Chain(chain) => chain.position,
            Self::Identifier(identifier) => identifier.range.start,
        }
    }

    fn range(self) -> Range<usize> {
        match self {
            Self::List(list) => list.position..list.position,
            Self::Node(Node::Text { range } | Node::Break { range } | Node::Continue { range }) => {
                range.clone()
            }
            Self::Node(Node::Action(action)) => action.range.clone(),
            Self::Node(Node::Branch(branch)) => branch.pipe.range.clone(),
            Self::Node(Node::Template(call)) => call.name_range.clone(),
            Self::Pipe(pipe) => pipe.range.clone(),
            Self::Command(command) => command.range.clone(),
            Self::Expression(expression) => expression.range(),
            Self::Field(field) => field.range.clone(),
            Self::Variable(variable) => variable.range.clone(),
            Self::Chain(chain) => chain.range.clone(),
            Self::Identifier(identifier) => identifier.range.clone(),
        }
    }

    fn text(self, source: &str) -> String {
        match self {
            Self::List(list) => WithSource(list, source).to_string(),
            Self::Node(node) => WithSource(node, source).to_string(),
            Self::Pipe(pipe) => pipe.to_string(),
            Self::Command(command) => command.to_string(),
            Self::Expression(expression) => expression.to_string(),
            Self::Field(field) => field.to_string(),
            Self::Variable(variable) => variable.to_string(),
            Self::Chain(chain) => chain.to_string(),
            Self::Identifier(identifier) => identifier.name.to_string(),
        }
    }
}

enum Flow {
    Next,
    Break,
    Continue,
}

struct Evaluator<'a> {
    template: &'a Parsed,
    /// The template that is being evaluated: empty, or the name of a definition.
    name: SmolStr,
    scope: &'a dyn Scope,
    host: &'a dyn Host,
    variables: Vec<(SmolStr, Operand)>,
    dots: Vec<Operand>,
    at: At<'a>,
    out: String,
    depth: usize,
    iterations: usize,
    steps: usize,
    max_steps: usize,
    /// All variables, once a template has asked for them.
    all: Option<Value>,
    /// Containers that were asked for by name: `set` changes them for the rest of the evaluation.
    seen: Vec<(SmolStr, Value)>,
}

impl Template {
    /// Prints the template with the variables of a scope. A template with parse errors gives its first one.
    pub fn evaluate(&self, scope: &dyn Scope, host: &dyn Host) -> Result<String, TemplateError> {
        self.evaluate_in(MAX_STEPS, scope, host)
    }

    /// As [`Self::evaluate`], with another limit than [`MAX_STEPS`].
    pub(super) fn evaluate_in(
        &self,
        max_steps: usize,
        scope: &dyn Scope,
        host: &dyn Host,
    ) -> Result<String, TemplateError> {
        self.check()?;
        let mut evaluator = Evaluator { max_steps, ..Evaluator::new(&self.inner, scope, host) };
        evaluator.walk_list(&self.inner.root).map_err(|e| *e)?;
        Ok(evaluator.out)
    }

    /// The value of the template's only action, as `ref:` takes it.
    pub fn resolve(&self, scope: &dyn Scope, host: &dyn Host) -> Result<Value, TemplateError> {
        self.check()?;
        Evaluator::new(&self.inner, scope, host).resolve().map_err(|e| *e)
    }

    fn check(&self) -> Result<(), TemplateError> {
        self.inner.errors.first().map_or(Ok(()), |error| Err(error.clone()))
    }
}

impl<'a> Evaluator<'a> {
    fn new(template: &'a Parsed, scope: &'a dyn Scope, host: &'a dyn Host) -> Self {
        Self {
            template,
            name: template.name.clone(),
            scope,
            host,
            variables: vec![(SmolStr::new_static("$"), Operand::Root)],
            dots: vec![Operand::Root],
            at: At::List(&template.root),
            out: String::new(),
            depth: 0,
            iterations: 0,
            steps: 0,
            max_steps: MAX_STEPS,
            all: None,
            seen: Vec::new(),
        }
    }

    fn fail<T>(&self, message: impl Into<String>) -> Evaluation<T> {
        let (line, column) = line_and_column(&self.template.text, self.at.position());
        Err(Box::new(TemplateError {
            kind: ErrorKind::Evaluation,
            message: message.into(),
            range: self.at.range(),
            line,
            column,
            parse_name: self.template.name.as_str().into(),
            template: self.name.as_str().into(),
            context: self.at.text(&self.template.text).into(),
        }))
    }

    fn resolve(&mut self) -> Evaluation<Value> {
        match self.template.root.nodes.as_slice() {
            [] => Ok(Value::Null),
            [Node::Action(action)] => {
                let operand = self.pipeline(&action.pipe)?;
                Ok(self.value(operand))
            }
            [node] => self.fail(format!("unknown node: {}", WithSource(node, &self.template.text))),
            _ => self.fail("template can only contain one action node when resolving a value"),
        }
    }

    fn dot(&self) -> Operand {
        self.dots.last().cloned().unwrap_or(Operand::Invalid)
    }

    fn all_variables(&mut self) -> Value {
        if let Some(all) = &self.all {
            return all.clone();
        }
        let mut all = self.scope.all();
        if let Value::Map(entries) = &mut all
            && !self.seen.is_empty()
        {
            Arc::make_mut(entries).extend(self.seen.drain(..));
        }
        self.all = Some(all.clone());
        all
    }

    fn root_field(&mut self, name: &str) -> Option<Value> {
        if let Some(all) = &self.all {
            return all.as_map().and_then(|entries| entries.get(name)).cloned();
        }
        if let Some((_, value)) = self.seen.iter().find(|(seen, _)| seen == name) {
            return Some(value.clone());
        }
        let value = self.scope.get(name)?;
        if matches!(value, Value::Map(_) | Value::List(_) | Value::AnyMap(_)) {
            self.seen.push((name.into(), value.clone()));
        }
        Some(value)
    }

    /// The value of an operand, `nil` where there is none.
    fn value(&mut self, operand: Operand) -> Value {
        match operand {
            Operand::Invalid => Value::Null,
            Operand::Root => self.all_variables(),
            Operand::Plain(value) | Operand::Boxed(value) => value,
        }
    }

    fn is_true(&mut self, operand: &Operand) -> bool {
        match operand {
            Operand::Invalid => false,
            Operand::Root => self.all_variables().is_true(),
            Operand::Plain(value) | Operand::Boxed(value) => value.is_true(),
        }
    }

    // ---- nodes

    fn walk_list(&mut self, list: &'a List) -> Evaluation<Flow> {
        self.at = At::List(list);
        self.depth += 1;
        if self.depth > MAX_EVALUATION_DEPTH {
            return self.fail(format!("exceeded maximum template depth ({MAX_EVALUATION_DEPTH})"));
        }
        let mut flow = Flow::Next;
        for node in &list.nodes {
            flow = self.walk(node)?;
            if !matches!(flow, Flow::Next) {
                break;
            }
        }
        self.depth -= 1;
        Ok(flow)
    }

    fn walk(&mut self, node: &'a Node) -> Evaluation<Flow> {
        self.at = At::Node(node);
        self.work(1)?;
        match node {
            Node::Text { range } => {
                self.out.push_str(self.template.text.get(range.clone()).unwrap_or(""));
                self.check_output()?;
            }
            Node::Action(action) => {
                let operand = self.pipeline(&action.pipe)?;
                if action.pipe.declarations.is_empty() {
                    self.at = At::Node(node);
                    self.print(operand)?;
                }
            }
            Node::Branch(branch) if branch.kind == BranchKind::Range => return self.walk_range(branch),
            Node::Branch(branch) => return self.walk_condition(branch),
            Node::Template(call) => self.walk_template(call)?,
            Node::Break { .. } => return Ok(Flow::Break),
            Node::Continue { .. } => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    /// Counts what an evaluation does.
    fn work(&mut self, steps: usize) -> Evaluation<()> {
        self.steps = self.steps.saturating_add(steps);
        if self.steps > self.max_steps {
            return self.fail(format!("evaluation takes more than {} steps", self.max_steps));
        }
        Ok(())
    }

    fn check_output(&self) -> Evaluation<()> {
        if self.out.len() > MAX_OUTPUT {
            return self.fail(format!("output is larger than {MAX_OUTPUT} bytes"));
        }
        Ok(())
    }

    fn print(&mut self, operand: Operand) -> Evaluation<()> {
        match operand {
            Operand::Invalid => self.out.push_str("<no value>"),
            Operand::Plain(Value::String(text)) => self.out.push_str(&text),
            other => {
                let value = self.value(other);
                format::write_value(&mut self.out, &value);
            }
        }
        self.check_output()
    }

    fn walk_condition(&mut self, branch: &'a Branch) -> Evaluation<Flow> {
        let mark = self.variables.len();
        let operand = self.pipeline(&branch.pipe)?;
        let flow = if self.is_true(&operand) {
            if branch.kind == BranchKind::With {
                self.with_dot(operand, &branch.list)?
            } else {
                self.walk_list(&branch.list)?
            }
        } else if let Some(otherwise) = &branch.otherwise {
            self.walk_list(otherwise)?
        } else {
            Flow::Next
        };
        self.variables.truncate(mark);
        Ok(flow)
    }

    fn with_dot(&mut self, dot: Operand, list: &'a List) -> Evaluation<Flow> {
        self.dots.push(dot);
        let flow = self.walk_list(list);
        self.dots.pop();
        flow
    }

    fn walk_range(&mut self, branch: &'a Branch) -> Evaluation<Flow> {
        let mark = self.variables.len();
        let operand = self.pipeline(&branch.pipe)?;
        let value = self.value(operand);
        let ran = self.iterate(branch, &value)?;
        let mut flow = Flow::Next;
        if !ran && let Some(otherwise) = &branch.otherwise {
            flow = self.walk_list(otherwise)?;
        }
        self.variables.truncate(mark);
        Ok(flow)
    }

    /// Runs the body for each item; tells whether there was one.
    fn iterate(&mut self, branch: &'a Branch, value: &Value) -> Evaluation<bool> {
        let boxed = |item: &Value| Operand::Boxed(item.clone());
        let plain = |item: &Value| Operand::Plain(item.clone());
        match value {
            Value::Int(n) | Value::Int64(n) | Value::Named(_, n) => self.iterate_numbers(branch, value, *n),
            Value::Byte(n) => self.iterate_numbers(branch, value, i64::from(*n)),
            Value::Uint64(n) => self.iterate_numbers(branch, value, i64::try_from(*n).unwrap_or(i64::MAX)),
            Value::List(items) | Value::TypedList(ListType::Nil, items) => {
                let pairs = items.iter().enumerate().map(|(i, item)| (Value::Int(i as i64), boxed(item)));
                self.iterate_pairs(branch, pairs)
            }
            Value::TypedList(_, items) => {
                let pairs = items.iter().enumerate().map(|(i, item)| (Value::Int(i as i64), plain(item)));
                self.iterate_pairs(branch, pairs)
            }
            Value::Map(entries) => {
                let pairs = entries.iter().map(|(key, item)| (Value::String(key.clone()), boxed(item)));
                self.iterate_pairs(branch, pairs)
            }
            Value::StringMap(entries) => {
                let pairs = entries.iter().map(|(key, item)| (Value::String(key.clone()), plain(item)));
                self.iterate_pairs(branch, pairs)
            }
            Value::AnyMap(entries) => {
                self.iterate_pairs(branch, entries.iter().map(|(key, item)| (key.clone(), boxed(item))))
            }
            Value::Uuid(bytes) => {
                let pairs = bytes
                    .iter()
                    .enumerate()
                    .map(|(i, byte)| (Value::Int(i as i64), Operand::Plain(Value::Byte(*byte))));
                self.iterate_pairs(branch, pairs)
            }
            Value::Null => Ok(false),
            other => self.fail(format!("range can't iterate over {other}")),
        }
    }

    fn iterate_numbers(&mut self, branch: &'a Branch, value: &Value, count: i64) -> Evaluation<bool> {
        if branch.pipe.declarations.len() > 1 {
            return self.fail(format!("can't use {value} to iterate over more than one variable"));
        }
        for n in 0..count {
            let item = match value {
                Value::Int64(_) => Value::Int64(n),
                Value::Uint64(_) => Value::Uint64(n.unsigned_abs()),
                Value::Byte(_) => Value::Byte(n as u8),
                Value::Named(kind, _) => Value::Named(*kind, n),
                _ => Value::Int(n),
            };
            if !self.iteration(branch, Operand::Invalid, Operand::Plain(item))? {
                break;
            }
        }
        Ok(count > 0)
    }

    fn iterate_pairs(
        &mut self,
        branch: &'a Branch,
        pairs: impl Iterator<Item = (Value, Operand)>,
    ) -> Evaluation<bool> {
        let mut ran = false;
        for (key, item) in pairs {
            ran = true;
            if !self.iteration(branch, Operand::Plain(key), item)? {
                break;
            }
        }
        Ok(ran)
    }

    /// One round of a loop; `false` ends it.
    fn iteration(&mut self, branch: &'a Branch, key: Operand, item: Operand) -> Evaluation<bool> {
        self.iterations += 1;
        if self.iterations > MAX_ITERATIONS {
            return self.fail(format!("loops go round more than {MAX_ITERATIONS} times"));
        }
        let pipe = &branch.pipe;
        match pipe.declarations.as_slice() {
            [] => {}
            [only] => self.set_loop_variable(pipe.is_assignment, only, 1, item.clone())?,
            [first, second, ..] => {
                self.set_loop_variable(pipe.is_assignment, first, 2, key)?;
                self.set_loop_variable(pipe.is_assignment, second, 1, item.clone())?;
            }
        }
        let mark = self.variables.len();
        let flow = self.with_dot(item, &branch.list)?;
        self.variables.truncate(mark);
        Ok(!matches!(flow, Flow::Break))
    }

    fn set_loop_variable(
        &mut self,
        is_assignment: bool,
        variable: &Variable,
        from_top: usize,
        value: Operand,
    ) -> Evaluation<()> {
        if is_assignment {
            return self.assign(variable, value);
        }
        let at = self.variables.len().checked_sub(from_top);
        if let Some(slot) = at.and_then(|at| self.variables.get_mut(at)) {
            slot.1 = value;
        }
        Ok(())
    }

    fn walk_template(&mut self, call: &'a TemplateCall) -> Evaluation<()> {
        let list = if call.name == self.template.name {
            &self.template.root
        } else if let Some(definition) = self.template.definitions.iter().find(|d| d.name == call.name) {
            &definition.list
        } else {
            return self.fail(format!("template {} not defined", quote(&call.name)));
        };
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(pipe)?,
            None => Operand::Invalid,
        };
        let outer_name = std::mem::replace(&mut self.name, call.name.clone());
        let outer_variables =
            std::mem::replace(&mut self.variables, vec![(SmolStr::new_static("$"), dot.clone())]);
        let at = self.at;
        self.with_dot(dot, list)?;
        self.at = at;
        self.name = outer_name;
        self.variables = outer_variables;
        Ok(())
    }

    // ---- pipelines

    fn pipeline(&mut self, pipe: &'a Pipe) -> Evaluation<Operand> {
        self.at = At::Pipe(pipe);
        let mut last = None;
        for command in &pipe.commands {
            last = Some(match self.command(command, last)? {
                Operand::Boxed(Value::Null) => Operand::Invalid,
                Operand::Boxed(value) => Operand::Plain(value),
                other => other,
            });
        }
        let value = last.unwrap_or(Operand::Invalid);
        for variable in &pipe.declarations {
            if pipe.is_assignment {
                self.assign(variable, value.clone())?;
            } else if let Some(name) = variable.names.first() {
                self.variables.push((name.text.clone(), value.clone()));
            }
        }
        Ok(value)
    }

    fn assign(&mut self, variable: &Variable, value: Operand) -> Evaluation<()> {
        let name = variable.names.first().map_or("", |name| name.text.as_str());
        match self.variables.iter_mut().rev().find(|(known, _)| known == name) {
            Some(slot) => {
                slot.1 = value;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn command(&mut self, command: &'a Command, last: Option<Operand>) -> Evaluation<Operand> {
        let Some((first, rest)) = command.arguments.split_first() else { return Ok(Operand::Invalid) };
        match first {
            Expression::Field(field) => return self.field(field, rest, last),
            Expression::Chain(chain) => return self.chain(chain, rest, last),
            Expression::Function(identifier) => {
                return self.function(identifier, At::Command(command), rest, last);
            }
            Expression::Variable(variable) => return self.variable(variable, rest, last),
            Expression::Pipe(pipe) => {
                self.no_arguments(first, rest, last.as_ref())?;
                return self.pipeline(pipe);
            }
            _ => {}
        }
        self.at = At::Expression(first);
        self.no_arguments(first, rest, last.as_ref())?;
        match first {
            Expression::Nil(_) => self.fail("nil is not a command"),
            _ => self.literal(first),
        }
    }

    fn no_arguments(
        &self,
        first: &Expression,
        rest: &[Expression],
        last: Option<&Operand>,
    ) -> Evaluation<()> {
        if rest.is_empty() && last.is_none() {
            return Ok(());
        }
        let shown: &dyn Display = first;
        self.fail(format!("can't give argument to non-function {shown}"))
    }

    /// A literal or the dot, where any type is taken.
    fn literal(&mut self, expression: &'a Expression) -> Evaluation<Operand> {
        match expression {
            Expression::Bool(value, _) => Ok(Operand::Plain(Value::Bool(*value))),
            Expression::Dot(_) => Ok(self.dot()),
            Expression::Number(number) => {
                self.at = At::Expression(expression);
                self.ideal_constant(number)
            }
            Expression::Text(text) => Ok(Operand::Plain(Value::String(text.text.clone()))),
            other => self.fail(format!("can't evaluate command {}", quote(&other.to_string()))),
        }
    }

    /// The value of a number where nothing says its type.
    fn ideal_constant(&self, number: &Number) -> Evaluation<Operand> {
        if let Some((re, im)) = number.complex {
            return Ok(Operand::Plain(Value::Complex(re, im)));
        }
        let text = number.text.as_str();
        let is_character = text.starts_with('\'');
        let is_hexadecimal = text.len() > 2
            && (text.starts_with("0x") || text.starts_with("0X"))
            && !text.contains(['p', 'P']);
        let is_float = !is_character && !is_hexadecimal && text.contains(['.', 'e', 'E', 'p', 'P']);
        match (number.float, number.int) {
            (Some(value), _) if is_float => Ok(Operand::Plain(Value::Float(value))),
            (_, Some(value)) => Ok(Operand::Plain(Value::Int(value))),
            _ => self.fail(format!("{text} overflows int")),
        }
    }

    fn field(
        &mut self,
        field: &'a Field,
        rest: &'a [Expression],
        last: Option<Operand>,
    ) -> Evaluation<Operand> {
        self.at = At::Field(field);
        let receiver = self.dot();
        self.fields(receiver, &field.names, At::Field(field), rest, last)
    }

    fn chain(
        &mut self,
        chain: &'a Chain,
        rest: &'a [Expression],
        last: Option<Operand>,
    ) -> Evaluation<Operand> {
        self.at = At::Chain(chain);
        let receiver = match &chain.base {
            Expression::Pipe(pipe) => {
                self.at = At::Expression(&chain.base);
                self.pipeline(pipe)?
            }
            Expression::Function(identifier) => {
                self.at = At::Expression(&chain.base);
                self.function(identifier, At::Identifier(identifier), &[], None)?
            }
            other => return self.fail(format!("can't evaluate command {}", quote(&other.to_string()))),
        };
        self.fields(receiver, &chain.names, At::Chain(chain), rest, last)
    }

    fn variable(
        &mut self,
        variable: &'a Variable,
        rest: &'a [Expression],
        last: Option<Operand>,
    ) -> Evaluation<Operand> {
        self.at = At::Variable(variable);
        let Some((first, fields)) = variable.names.split_first() else { return Ok(Operand::Invalid) };
        let found = self.variables.iter().rev().find(|(name, _)| *name == first.text);
        let Some((_, value)) = found else {
            return self.fail(format!("undefined variable: {}", first.text));
        };
        let value = value.clone();
        if fields.is_empty() {
            if !rest.is_empty() || last.is_some() {
                return self.fail(format!("can't give argument to non-function {variable}"));
            }
            return Ok(value);
        }
        self.fields(value, fields, At::Variable(variable), rest, last)
    }

    fn fields(
        &mut self,
        mut receiver: Operand,
        names: &[Name],
        node: At<'a>,
        rest: &'a [Expression],
        last: Option<Operand>,
    ) -> Evaluation<Operand> {
        let Some((final_name, leading)) = names.split_last() else { return Ok(receiver) };
        for name in leading {
            receiver = self.one_field(receiver, &name.text, node, &[], None)?;
        }
        self.one_field(receiver, &final_name.text, node, rest, last)
    }

    fn one_field(
        &mut self,
        receiver: Operand,
        name: &str,
        node: At<'a>,
        rest: &'a [Expression],
        last: Option<Operand>,
    ) -> Evaluation<Operand> {
        let has_arguments = !rest.is_empty() || last.is_some();
        let (value, type_name) = match receiver {
            Operand::Invalid => return Ok(Operand::Invalid),
            Operand::Root => {
                if has_arguments {
                    return self.fail(format!("{name} is not a method but has arguments"));
                }
                return Ok(self.root_field(name).map_or(Operand::Invalid, Operand::Boxed));
            }
            Operand::Boxed(Value::Null) => {
                return self.fail(format!("nil pointer evaluating interface {{}}.{name}"));
            }
            Operand::Boxed(value) => (value, "interface {}"),
            Operand::Plain(value) => {
                let type_name = value.type_name();
                (value, type_name)
            }
        };
        if let Some(method) = methods::find(&value, name) {
            return self.method(&value, method, node, rest, last);
        }
        let is_map = matches!(value, Value::Map(_) | Value::StringMap(_) | Value::AnyMap(_));
        if is_map && has_arguments {
            return self.fail(format!("{name} is not a method but has arguments"));
        }
        match &value {
            Value::Map(entries) => Ok(entries.get(name).cloned().map_or(Operand::Invalid, Operand::Boxed)),
            Value::StringMap(entries) => {
                Ok(entries.get(name).cloned().map_or(Operand::Invalid, Operand::Plain))
            }
            Value::AnyMap(entries) => {
                let found = entries.iter().find(|(key, _)| key.as_str() == Some(name));
                Ok(found.map_or(Operand::Invalid, |(_, item)| Operand::Boxed(item.clone())))
            }
            _ => self.fail(format!("can't evaluate field {name} in type {type_name}")),
        }
    }

    // ---- calls

    fn method(
        &mut self,
        receiver: &Value,
        method: &'static methods::Method,
        node: At<'a>,
        rest: &'a [Expression],
        last: Option<Operand>,
    ) -> Evaluation<Operand> {
        let name = method.name;
        let count = rest.len() + usize::from(last.is_some());
        if count != method.parameters.len() {
            let want = method.parameters.len();
            return self.fail(format!("wrong number of args for {name}: want {want} got {count}"));
        }
        if let Some(message) = method.unusable {
            return self.fail(message);
        }
        let mut arguments = vec![receiver.clone()];
        for (expression, parameter) in rest.iter().zip(method.parameters) {
            let operand = self.argument(expression, *parameter)?;
            arguments.push(self.value(operand));
        }
        if let (Some(last), Some(parameter)) = (last, method.parameters.last()) {
            let operand = self.validate(last, *parameter)?;
            arguments.push(self.value(operand));
        }
        let mut call = Call::new(self.host);
        match (method.body)(&mut call, &arguments) {
            Ok(value) => Ok(Operand::Plain(value)),
            Err(message) => {
                self.at = node;
                self.fail(format!("error calling {name}: {message}"))
            }
        }
    }

    fn function(
        &mut self,
        identifier: &'a Identifier,
        node: At<'a>,
        rest: &'a [Expression],
        last: Option<Operand>,
    ) -> Evaluation<Operand> {
        self.at = At::Identifier(identifier);
        let name = identifier.name.as_str();
        let Some(function) = identifier.function else {
            return self.fail(format!("{} is not a defined function", quote(name)));
        };
        let fixed = function.parameters.len();
        let count = rest.len() + usize::from(last.is_some());
        if function.variadic.is_some() {
            if count < fixed {
                let got = rest.len();
                return self
                    .fail(format!("wrong number of args for {name}: want at least {fixed} got {got}"));
            }
        } else if count != fixed {
            return self.fail(format!("wrong number of args for {name}: want {fixed} got {count}"));
        }
        let body = match function.implementation {
            Implementation::And => return self.short_circuit(false, rest, last),
            Implementation::Or => return self.short_circuit(true, rest, last),
            Implementation::Body(body) => body,
        };
        let parameter_of = |i: usize| function.parameters.get(i).copied().or(function.variadic);
        let mut call = Call::new(self.host);
        let mut arguments = Vec::with_capacity(count);
        for (i, expression) in rest.iter().enumerate() {
            let operand = self.argument(expression, parameter_of(i).unwrap_or(Parameter::Any))?;
            self.add_argument(&mut call, &mut arguments, operand);
        }
        if let Some(last) = last {
            let operand = self.validate(last, parameter_of(count - 1).unwrap_or(Parameter::Any))?;
            self.add_argument(&mut call, &mut arguments, operand);
        }
        call.first_argument = rest.first().map_or_else(SmolStr::default, |first| first.to_string().into());
        let given = arguments.iter().map(Value::width).sum::<usize>();
        self.work(given / ITEMS_A_STEP)?;
        let result = body(&mut call, &arguments).and_then(|value| size_of(&value).map(|size| (value, size)));
        for (old, new) in std::mem::take(&mut call.replaced) {
            self.replace(&old, &new);
        }
        let compared = call.compared;
        self.work(compared / ITEMS_A_STEP)?;
        match result {
            Ok((Value::Null, _)) => Ok(Operand::Boxed(Value::Null)),
            Ok((value, size)) => {
                self.work(size / ITEMS_A_STEP)?;
                Ok(Operand::Plain(value))
            }
            Err(message) => {
                self.at = node;
                self.fail(format!("error calling {name}: {message}"))
            }
        }
    }

    fn add_argument(&mut self, call: &mut Call<'_>, arguments: &mut Vec<Value>, operand: Operand) {
        if matches!(operand, Operand::Invalid) && arguments.len() < 64 {
            call.invalid |= 1 << arguments.len();
        }
        let value = self.value(operand);
        arguments.push(value);
    }

    /// `and` and `or`: the first argument that decides, else the last one.
    fn short_circuit(
        &mut self,
        deciding: bool,
        rest: &'a [Expression],
        last: Option<Operand>,
    ) -> Evaluation<Operand> {
        let mut result = Operand::Invalid;
        for expression in rest {
            result = self.argument(expression, Parameter::Reflect)?;
            if self.is_true(&result) == deciding {
                return Ok(result);
            }
        }
        Ok(last.unwrap_or(result))
    }

    /// Evaluates an argument for a parameter.
    fn argument(&mut self, expression: &'a Expression, parameter: Parameter) -> Evaluation<Operand> {
        self.at = At::Expression(expression);
        let operand = match expression {
            Expression::Dot(_) => self.dot(),
            Expression::Nil(_) => {
                if !parameter.can_be_nil() {
                    return self.fail(format!("cannot assign nil to {}", parameter.type_name()));
                }
                Operand::Invalid
            }
            Expression::Field(field) => self.field(field, &[], None)?,
            Expression::Variable(variable) => self.variable(variable, &[], None)?,
            Expression::Pipe(pipe) => self.pipeline(pipe)?,
            Expression::Function(identifier) => {
                self.function(identifier, At::Identifier(identifier), &[], None)?
            }
            Expression::Chain(chain) => self.chain(chain, &[], None)?,
            Expression::Bool(..) | Expression::Number(_) | Expression::Text(_) => {
                return self.literal_argument(expression, parameter);
            }
        };
        self.validate(operand, parameter)
    }

    fn literal_argument(&mut self, expression: &'a Expression, parameter: Parameter) -> Evaluation<Operand> {
        let value = match (parameter, expression) {
            (Parameter::Any | Parameter::Reflect, _) => return self.literal(expression),
            (Parameter::Bool, Expression::Bool(value, _)) => Some(Value::Bool(*value)),
            (Parameter::String, Expression::Text(text)) => Some(Value::String(text.text.clone())),
            (Parameter::Int, Expression::Number(number)) => number.int.map(Value::Int),
            (Parameter::Duration, Expression::Number(number)) => {
                number.int.map(|n| Value::Named(super::value::NamedInteger::Duration, n))
            }
            (Parameter::Float, Expression::Number(number)) => number.float.map(Value::Float),
            _ => None,
        };
        match value {
            Some(value) => Ok(Operand::Plain(value)),
            None => match parameter.literal_name() {
                Some(expected) => self.fail(format!("expected {expected}; found {expression}")),
                None => {
                    self.fail(format!("can't handle {expression} for arg of type {}", parameter.type_name()))
                }
            },
        }
    }

    /// Checks that a value can be given for a parameter.
    fn validate(&self, operand: Operand, parameter: Parameter) -> Evaluation<Operand> {
        let got = match &operand {
            Operand::Invalid => {
                return match parameter {
                    Parameter::Any => Ok(Operand::Boxed(Value::Null)),
                    Parameter::Reflect | Parameter::Map => Ok(Operand::Invalid),
                    _ => self.fail(format!("invalid value; expected {}", parameter.type_name())),
                };
            }
            Operand::Root => "map[string]interface {}",
            Operand::Boxed(Value::Null) => "interface {}",
            Operand::Plain(value) | Operand::Boxed(value) => value.type_name(),
        };
        let expected = parameter.type_name();
        if matches!(parameter, Parameter::Any | Parameter::Reflect) || got == expected {
            return Ok(operand);
        }
        self.fail(format!("wrong type for value; expected {expected}; got {got}"))
    }

    // ---- changing maps

    /// Puts a changed map in the place of the old one, wherever the evaluation can still see it: Go's maps are shared.
    fn replace(&mut self, old: &Value, new: &Value) {
        for operand in self.variables.iter_mut().map(|(_, operand)| operand).chain(&mut self.dots) {
            if let Operand::Plain(value) | Operand::Boxed(value) = operand {
                replace_in(value, old, new);
            }
        }
        for (_, value) in &mut self.seen {
            replace_in(value, old, new);
        }
        if let Some(all) = &mut self.all {
            replace_in(all, old, new);
        }
    }
}

/// Whether two values are the same map, not only equal ones.
fn is_same_map(left: &Value, right: &Value) -> bool {
    matches!((left, right), (Value::Map(a), Value::Map(b)) if Arc::ptr_eq(a, b))
}

fn contains_map(value: &Value, map: &Value) -> bool {
    is_same_map(value, map)
        || match value {
            Value::List(items) | Value::TypedList(ListType::Lists, items) => {
                items.iter().any(|item| contains_map(item, map))
            }
            Value::Map(entries) => entries.values().any(|item| contains_map(item, map)),
            Value::AnyMap(entries) => entries.iter().any(|(_, item)| contains_map(item, map)),
            _ => false,
        }
}

fn replace_in(value: &mut Value, old: &Value, new: &Value) {
    if is_same_map(value, old) {
        *value = new.clone();
        return;
    }
    if !contains_map(value, old) {
        return;
    }
    match value {
        Value::List(items) | Value::TypedList(_, items) => {
            for item in Arc::make_mut(items) {
                replace_in(item, old, new);
            }
        }
        Value::Map(entries) => {
            for item in Arc::make_mut(entries).values_mut() {
                replace_in(item, old, new);
            }
        }
        Value::AnyMap(entries) => {
            for (_, item) in Arc::make_mut(entries) {
                replace_in(item, old, new);
            }
        }
        _ => {}
    }
}

/// The size of a value that a function made from such arguments. Values that grow without end are cut off with an error.
fn size_of(value: &Value) -> Result<usize, String> {
    match value {
        Value::String(text) if text.len() > MAX_TEXT => Err(format!("text is larger than {MAX_TEXT} bytes")),
        other => other.size(MAX_VALUE_DEPTH).map_err(|reason| match reason {
            TooLarge::Depth => format!("value nests deeper than {MAX_VALUE_DEPTH}"),
            TooLarge::Size => format!("value has more than {MAX_VALUE_SIZE} items"),
        }),
    }
}
