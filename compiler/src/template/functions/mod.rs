//! The functions of templates: one table, which evaluation, checks, completion and hover read.
#![expect(clippy::unnecessary_wraps, reason = "all functions of the table have one type")]

mod builtin;
mod compare;
mod crypto;
mod date;
mod defaults;
mod dicts;
mod encoding;
pub mod examples;
mod json;
mod lists;
mod math;
pub(super) mod methods;
mod paths;
mod reflection;
mod regular;
mod shell;
mod spew;
mod strings;
mod system;
mod url;
mod yaml;

use std::sync::LazyLock;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::host::Host;
use super::value::Value;

pub(super) use system::uuid_text;

/// How many bytes of text one call may make.
pub const MAX_TEXT: usize = 64 * 1024 * 1024;

/// How many items one call may make.
pub const MAX_ITEMS: usize = 4_000_000;

/// How many items one call may compare with each other.
pub const MAX_COMPARED: usize = 100_000_000;

/// The type of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parameter {
    /// Anything, `nil` too.
    Any,
    /// Anything, and the function can tell a missing value from `nil`.
    Reflect,
    /// A text.
    String,
    /// An integer that YAML or the template wrote; not what sprig's arithmetic gives.
    Int,
    /// A float.
    Float,
    /// A truth value.
    Bool,
    /// A map with text keys.
    Map,
    /// A moment.
    Time,
    /// A span of time.
    Duration,
}

impl Parameter {
    /// Go's name of the type.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Reflect => "reflect.Value",
            Self::String => "string",
            Self::Int => "int",
            Self::Float => "float64",
            Self::Bool => "bool",
            Self::Map => "map[string]interface {}",
            Self::Time => "time.Time",
            Self::Duration => "time.Duration",
        }
    }

    pub(super) fn can_be_nil(self) -> bool {
        matches!(self, Self::Any | Self::Reflect | Self::Map)
    }

    /// What Go calls a literal of this type; `None` where there are none.
    pub(super) fn literal_name(self) -> Option<&'static str> {
        match self {
            Self::String => Some("string"),
            Self::Int | Self::Duration => Some("integer"),
            Self::Float => Some("float"),
            Self::Bool => Some("bool"),
            Self::Any | Self::Reflect | Self::Map | Self::Time => None,
        }
    }
}

/// What a call can use beside its arguments, and what it leaves behind.
pub struct Call<'a> {
    pub(super) host: &'a dyn Host,
    /// Bit `i` is set where argument `i` is no value at all, which is not the same as `nil`.
    pub(super) invalid: u64,
    /// The first argument as it was written.
    pub(super) first_argument: SmolStr,
    /// Maps that the call changes: the old one and the new one.
    pub(super) replaced: Vec<(Value, Value)>,
    /// Items that were compared with each other, where that is more than the call was given.
    pub(super) compared: usize,
}

impl<'a> Call<'a> {
    /// Counts a comparison of an item with so many others.
    fn compare(&mut self, others: usize) -> Result<(), String> {
        self.compared += others;
        if self.compared > MAX_COMPARED {
            return Err(format!("compares more than {MAX_COMPARED} items"));
        }
        Ok(())
    }

    pub(super) fn new(host: &'a dyn Host) -> Self {
        Self { host, invalid: 0, first_argument: SmolStr::default(), replaced: Vec::new(), compared: 0 }
    }
}

/// A function's result, or what Go says after `error calling name: `.
pub(super) type Outcome = Result<Value, String>;

pub(super) type Body = fn(&mut Call<'_>, &[Value]) -> Outcome;

/// How a function is evaluated.
#[derive(Clone, Copy)]
pub(super) enum Implementation {
    /// Stops at the first argument that is false.
    And,
    /// Stops at the first argument that is true.
    Or,
    /// All arguments are evaluated first.
    Body(Body),
}

/// One row of the table.
pub struct Function {
    /// The name.
    pub name: &'static str,
    /// What it belongs to, for lists and documentation.
    pub group: &'static str,
    /// How it is written: name, parameters with types, result.
    pub signature: &'static str,
    /// What it does, one line.
    pub documentation: &'static str,
    /// The parameters that must be there.
    pub parameters: &'static [Parameter],
    /// The type of any further ones.
    pub variadic: Option<Parameter>,
    /// Whether equal arguments always give an equal result.
    pub pure: bool,
    /// The function that go-task gives instead of this old name of it (`internal/templater/funcs.go`).
    pub instead: Option<&'static str>,
    pub(super) implementation: Implementation,
}

impl Function {
    const fn new(
        group: &'static str,
        name: &'static str,
        signature: &'static str,
        documentation: &'static str,
        parameters: &'static [Parameter],
        body: Body,
    ) -> Self {
        let implementation = Implementation::Body(body);
        Self {
            name,
            group,
            signature,
            documentation,
            parameters,
            variadic: None,
            pure: true,
            instead: None,
            implementation,
        }
    }

    const fn and_more(mut self, parameter: Parameter) -> Self {
        self.variadic = Some(parameter);
        self
    }

    const fn deprecated(mut self, instead: &'static str) -> Self {
        self.instead = Some(instead);
        self
    }

    const fn impure(mut self) -> Self {
        self.pure = false;
        self
    }

    /// The least number of arguments, piped ones included.
    pub fn min_arguments(&self) -> usize {
        self.parameters.len()
    }

    /// The greatest number of arguments; `None` for no limit.
    pub fn max_arguments(&self) -> Option<usize> {
        self.variadic.is_none().then_some(self.parameters.len())
    }
}

impl std::fmt::Debug for Function {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Function").field(&self.name).finish()
    }
}

const TABLES: &[&[Function]] = &[
    builtin::TABLE,
    compare::TABLE,
    crypto::TABLE,
    date::TABLE,
    defaults::TABLE,
    dicts::TABLE,
    encoding::TABLE,
    json::TABLE,
    lists::TABLE,
    math::TABLE,
    paths::TABLE,
    reflection::TABLE,
    regular::TABLE,
    shell::TABLE,
    spew::TABLE,
    strings::TABLE,
    system::TABLE,
    url::TABLE,
    yaml::TABLE,
];

/// All functions, group by group.
pub fn all() -> impl Iterator<Item = &'static Function> {
    TABLES.iter().flat_map(|table| table.iter())
}

/// The function of a name.
pub fn find(name: &str) -> Option<&'static Function> {
    static BY_NAME: LazyLock<FxHashMap<&'static str, &'static Function>> =
        LazyLock::new(|| all().map(|function| (function.name, function)).collect());
    BY_NAME.get(name).copied()
}

// What the functions share.

/// The `i`th argument; evaluation has checked that it is there.
fn argument(arguments: &[Value], i: usize) -> &Value {
    const NOTHING: &Value = &Value::Null;
    arguments.get(i).unwrap_or(NOTHING)
}

/// The text of the `i`th argument, which is a `string`.
fn text(arguments: &[Value], i: usize) -> &str {
    argument(arguments, i).as_str().unwrap_or("")
}

/// The `i`th argument, which is an `int`.
fn int(arguments: &[Value], i: usize) -> i64 {
    match argument(arguments, i) {
        Value::Int(n) | Value::Int64(n) | Value::Named(_, n) => *n,
        _ => 0,
    }
}

/// A text, if it is not larger than what one call may make.
fn sized(length: usize) -> Result<(), String> {
    if length > MAX_TEXT { Err(format!("text is larger than {MAX_TEXT} bytes")) } else { Ok(()) }
}

fn counted(count: usize) -> Result<(), String> {
    if count > MAX_ITEMS { Err(format!("list has more than {MAX_ITEMS} items")) } else { Ok(()) }
}

/// What Go says where reflection meets `nil`.
const NIL_POINTER: &str = "runtime error: invalid memory address or nil pointer dereference";
