//! Values of variables and template expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use smol_str::{SmolStr, format_smolstr};

use super::format;
use super::time::Time;

/// How deep lists and maps may nest. Go has no such limit; here it keeps every recursive walk off the end of the stack.
pub const MAX_VALUE_DEPTH: usize = 200;

/// How large a value may be that a function makes, in items and pieces of text, shared parts as often as they are held.
pub const MAX_VALUE_SIZE: usize = 8_000_000;

/// How many bytes of text count as much as an item.
const TEXT_PIECE: usize = 64;

/// Why a value is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooLarge {
    /// It nests deeper than [`MAX_VALUE_DEPTH`].
    Depth,
    /// It is larger than [`MAX_VALUE_SIZE`].
    Size,
}

/// A value as Go's templates see it.
///
/// A variant is a Go type: two values of different variants are never equal (`reflect.DeepEqual`) and a function that
/// takes one type does not take the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `nil`
    #[default]
    Null,
    /// `bool`
    Bool(bool),
    /// `int`: integers of YAML and of template literals.
    Int(i64),
    /// `int64`: results of sprig's arithmetic.
    Int64(i64),
    /// `uint8`: a byte of an indexed string.
    Byte(u8),
    /// `uint64`: integers of YAML that do not fit `int`.
    Uint64(u64),
    /// `float64`
    Float(f64),
    /// `complex128`: real and imaginary part.
    Complex(f64, f64),
    /// `string`
    String(SmolStr),
    /// `[]interface {}`
    List(Arc<Vec<Value>>),
    /// Any other slice.
    TypedList(ListType, Arc<Vec<Value>>),
    /// `map[string]interface {}`, sorted, as Go prints and ranges over maps.
    Map(Arc<BTreeMap<SmolStr, Value>>),
    /// `map[string]string`: what `split` gives.
    StringMap(Arc<BTreeMap<SmolStr, Value>>),
    /// `map[interface {}]interface {}`: a YAML mapping with keys that are not all text.
    AnyMap(Arc<Vec<(Value, Value)>>),
    /// `time.Time`
    Time(Arc<Time>),
    /// An integer with a name and its own way of printing.
    Named(NamedInteger, i64),
    /// `uuid.UUID`
    Uuid([u8; 16]),
}

/// Slices that are not `[]interface {}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListType {
    /// `[]string`
    Strings,
    /// `[]string` that was never made: JSON shows it as `null`.
    NilStrings,
    /// `[]int`
    Ints,
    /// `[][]interface {}`
    Lists,
    /// `[]interface {}` that was never made: JSON shows it as `null`.
    Nil,
}

/// Go's named integer types that templates can meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedInteger {
    /// `time.Duration`, nanoseconds.
    Duration,
    /// `time.Month`, from 1.
    Month,
    /// `time.Weekday`, from 0 for Sunday.
    Weekday,
}

impl Value {
    /// A text.
    pub fn string(text: impl Into<SmolStr>) -> Self {
        Self::String(text.into())
    }

    /// A `[]interface {}`.
    pub fn list(items: Vec<Self>) -> Self {
        Self::List(Arc::new(items))
    }

    /// A `[]string`, as `CLI_ARGS_LIST` and `MATCH` are.
    pub fn strings<T: Into<SmolStr>>(items: impl IntoIterator<Item = T>) -> Self {
        let items = items.into_iter().map(|item| Self::String(item.into())).collect();
        Self::TypedList(ListType::Strings, Arc::new(items))
    }

    /// A `[]int`.
    pub fn ints(items: impl IntoIterator<Item = i64>) -> Self {
        Self::TypedList(ListType::Ints, Arc::new(items.into_iter().map(Self::Int).collect()))
    }

    /// A `map[string]interface {}`.
    pub fn map(entries: BTreeMap<SmolStr, Self>) -> Self {
        Self::Map(Arc::new(entries))
    }

    /// The items of any slice.
    pub fn as_list(&self) -> Option<&[Self]> {
        match self {
            Self::List(items) | Self::TypedList(_, items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map with text keys.
    pub fn as_map(&self) -> Option<&BTreeMap<SmolStr, Self>> {
        match self {
            Self::Map(entries) | Self::StringMap(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text of a `string`.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether this is `nil`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The number of items, entries or bytes; `None` of what has no length.
    pub fn length(&self) -> Option<usize> {
        match self {
            Self::String(text) => Some(text.len()),
            Self::List(items) | Self::TypedList(_, items) => Some(items.len()),
            Self::Map(entries) | Self::StringMap(entries) => Some(entries.len()),
            Self::AnyMap(entries) => Some(entries.len()),
            Self::Uuid(bytes) => Some(bytes.len()),
            _ => None,
        }
    }

    /// Go's truth of a template condition: not the zero of its type.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Bool(b) => *b,
            Self::Int(n) | Self::Int64(n) | Self::Named(_, n) => *n != 0,
            Self::Byte(n) => *n != 0,
            Self::Uint64(n) => *n != 0,
            Self::Float(n) => *n != 0.0,
            Self::Complex(re, im) => *re != 0.0 || *im != 0.0,
            Self::Time(_) => true,
            _ => self.length().unwrap_or(0) > 0,
        }
    }

    /// The Go name of the type, as `%T` prints it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "<nil>",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Int64(_) => "int64",
            Self::Byte(_) => "uint8",
            Self::Uint64(_) => "uint64",
            Self::Float(_) => "float64",
            Self::Complex(..) => "complex128",
            Self::String(_) => "string",
            Self::List(_) | Self::TypedList(ListType::Nil, _) => "[]interface {}",
            Self::TypedList(ListType::Strings | ListType::NilStrings, _) => "[]string",
            Self::TypedList(ListType::Ints, _) => "[]int",
            Self::TypedList(ListType::Lists, _) => "[][]interface {}",
            Self::Map(_) => "map[string]interface {}",
            Self::StringMap(_) => "map[string]string",
            Self::AnyMap(_) => "map[interface {}]interface {}",
            Self::Time(_) => "time.Time",
            Self::Named(NamedInteger::Duration, _) => "time.Duration",
            Self::Named(NamedInteger::Month, _) => "time.Month",
            Self::Named(NamedInteger::Weekday, _) => "time.Weekday",
            Self::Uuid(_) => "uuid.UUID",
        }
    }

    /// The Go name of the kind, as `reflect.Kind` prints it.
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Null => "invalid",
            Self::List(_) | Self::TypedList(..) => "slice",
            Self::Map(_) | Self::StringMap(_) | Self::AnyMap(_) => "map",
            Self::Time(_) => "struct",
            Self::Named(NamedInteger::Duration, _) => "int64",
            Self::Named(_, _) => "int",
            Self::Uuid(_) => "array",
            other => other.type_name(),
        }
    }

    /// The size of a value with all that it holds, shared parts as often as they are held: items, and pieces of text
    /// of [`TEXT_PIECE`] bytes. Containers may nest `depth` deep.
    pub(super) fn size(&self, depth: usize) -> Result<usize, TooLarge> {
        let mut size = 0;
        self.add_size(depth, &mut size)?;
        Ok(size)
    }

    fn add_size(&self, depth: usize, size: &mut usize) -> Result<(), TooLarge> {
        *size += 1;
        if *size > MAX_VALUE_SIZE {
            return Err(TooLarge::Size);
        }
        let inner = depth.checked_sub(1).ok_or(TooLarge::Depth);
        match self {
            Self::String(text) => *size += text.len() / TEXT_PIECE,
            Self::List(items) | Self::TypedList(_, items) => {
                let depth = inner?;
                items.iter().try_for_each(|item| item.add_size(depth, size))?;
            }
            Self::Map(entries) | Self::StringMap(entries) => {
                let depth = inner?;
                for (key, value) in entries.iter() {
                    *size += key.len() / TEXT_PIECE;
                    value.add_size(depth, size)?;
                }
            }
            Self::AnyMap(entries) => {
                let depth = inner?;
                for (key, value) in entries.iter() {
                    key.add_size(depth, size)?;
                    value.add_size(depth, size)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// How many items a call that looks at the value alone, not at what its items hold, has to do with.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::String(text) => 1 + text.len() / TEXT_PIECE,
            other => 1 + other.length().unwrap_or(0),
        }
    }

    /// The text that a template prints for the value (`%v`).
    pub fn to_text(&self) -> SmolStr {
        match self {
            Self::String(text) => text.clone(),
            Self::Int(n) | Self::Int64(n) => format_smolstr!("{n}"),
            Self::Bool(b) => SmolStr::new_static(if *b { "true" } else { "false" }),
            other => {
                let mut text = String::new();
                format::write_value(&mut text, other);
                text.into()
            }
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::String(text.into())
    }
}

impl From<SmolStr> for Value {
    fn from(text: SmolStr) -> Self {
        Self::String(text)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Float(value)
    }
}

/// As plain data: what has no plain form (times, identifiers, maps with keys that are not text) is written as its text.
impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Int(n) | Self::Int64(n) => serializer.serialize_i64(*n),
            Self::Byte(n) => serializer.serialize_u8(*n),
            Self::Uint64(n) => serializer.serialize_u64(*n),
            Self::Float(n) => serializer.serialize_f64(*n),
            Self::String(text) => serializer.serialize_str(text),
            Self::List(items) | Self::TypedList(_, items) => {
                let mut sequence = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    sequence.serialize_element(item)?;
                }
                sequence.end()
            }
            Self::Map(entries) | Self::StringMap(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries.iter() {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
            Self::AnyMap(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries.iter() {
                    map.serialize_entry(key.to_text().as_str(), value)?;
                }
                map.end()
            }
            Self::Complex(..) | Self::Time(_) | Self::Named(..) | Self::Uuid(_) => {
                serializer.serialize_str(&self.to_text())
            }
        }
    }
}
