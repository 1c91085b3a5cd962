//! Values of variables and template expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

/// A value as Go's templates see it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `nil`
    #[default]
    Null,
    /// `bool`
    Bool(bool),
    /// Any signed integer.
    Int(i64),
    /// `float64`
    Float(f64),
    /// `string`
    String(SmolStr),
    /// Any slice.
    List(Arc<Vec<Value>>),
    /// A map with text keys, sorted, as Go prints and ranges over maps.
    Map(Arc<BTreeMap<SmolStr, Value>>),
}
