//! Lists.

use std::sync::Arc;

use super::super::value::{ListType, Value};
use super::Parameter::{Any, Int};
use super::{Body, Call, Function, NIL_POINTER, Outcome, Parameter, argument, counted, int, math};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("lists", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("list", "list items any… []any", "A list of the arguments.", &[], list).and_more(Any),
    row("tuple", "tuple items any… []any", "Old name of list.", &[], list).and_more(Any),
    row("first", "first list any any", "The first item, nil of an empty list.", &[Any], first),
    row("mustFirst", "mustFirst list any any", "As first.", &[Any], first),
    row("last", "last list any any", "The last item, nil of an empty list.", &[Any], last),
    row("mustLast", "mustLast list any any", "As last.", &[Any], last),
    row("rest", "rest list any []any", "All items but the first.", &[Any], rest),
    row("mustRest", "mustRest list any []any", "As rest.", &[Any], rest),
    row("initial", "initial list any []any", "All items but the last.", &[Any], initial),
    row("mustInitial", "mustInitial list any []any", "As initial.", &[Any], initial),
    row("append", "append list any item any []any", "The list with one item more.", &[Any, Any], push),
    row("mustAppend", "mustAppend list any item any []any", "As append.", &[Any, Any], push),
    row("push", "push list any item any []any", "As append.", &[Any, Any], push),
    row("mustPush", "mustPush list any item any []any", "As append.", &[Any, Any], push),
    row(
        "prepend",
        "prepend list any item any []any",
        "The list with one item more at the front.",
        &[Any, Any],
        prepend,
    ),
    row("mustPrepend", "mustPrepend list any item any []any", "As prepend.", &[Any, Any], prepend),
    row("concat", "concat lists any… any", "One list of all.", &[], concat).and_more(Any),
    row("reverse", "reverse list any []any", "The items from last to first.", &[Any], reverse),
    row("mustReverse", "mustReverse list any []any", "As reverse.", &[Any], reverse),
    row("uniq", "uniq list any []any", "The items without repetitions.", &[Any], uniq),
    row("mustUniq", "mustUniq list any []any", "As uniq.", &[Any], uniq),
    row(
        "without",
        "without list any items any… []any",
        "The list without the items that follow.",
        &[Any],
        without,
    )
    .and_more(Any),
    row("mustWithout", "mustWithout list any items any… []any", "As without.", &[Any], without).and_more(Any),
    row("compact", "compact list any []any", "The list without empty items.", &[Any], compact),
    row("mustCompact", "mustCompact list any []any", "As compact.", &[Any], compact),
    row("has", "has item any list any bool", "Whether the item is in the list.", &[Any, Any], has),
    row("mustHas", "mustHas item any list any bool", "As has.", &[Any, Any], has),
    row("slice", "slice list any start any end any any", "The items from start up to end.", &[Any], slice)
        .and_more(Any),
    row("mustSlice", "mustSlice list any start any end any any", "As slice.", &[Any], slice).and_more(Any),
    row("chunk", "chunk size int list any [][]any", "Lists of so many items each.", &[Int, Any], chunk),
    row("mustChunk", "mustChunk size int list any [][]any", "As chunk.", &[Int, Any], chunk),
];

/// The items of a list, or the complaint that the value is none.
fn items<'a>(value: &'a Value, complaint: &str) -> Result<&'a [Value], String> {
    match value {
        Value::Null => Err(NIL_POINTER.to_owned()),
        other => other.as_list().ok_or_else(|| format!("{complaint} {}", other.kind_name())),
    }
}

fn made(items: impl IntoIterator<Item = Value>) -> Outcome {
    let items: Vec<Value> = items.into_iter().collect();
    counted(items.len())?;
    Ok(Value::list(items))
}

/// A slice that Go never made.
fn unmade() -> Value {
    Value::TypedList(ListType::Nil, Arc::new(Vec::new()))
}

fn list(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    made(arguments.to_vec())
}

fn first(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(items(argument(arguments, 0), "Cannot find first on type")?.first().cloned().unwrap_or_default())
}

fn last(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(items(argument(arguments, 0), "Cannot find last on type")?.last().cloned().unwrap_or_default())
}

fn rest(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    match items(argument(arguments, 0), "Cannot find rest on type")?.split_first() {
        Some((_, rest)) => made(rest.to_vec()),
        None => Ok(unmade()),
    }
}

fn initial(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    match items(argument(arguments, 0), "Cannot find initial on type")?.split_last() {
        Some((_, initial)) => made(initial.to_vec()),
        None => Ok(unmade()),
    }
}

fn push(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let list = items(argument(arguments, 0), "Cannot push on type")?;
    made(list.iter().chain(std::iter::once(argument(arguments, 1))).cloned())
}

fn prepend(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let list = items(argument(arguments, 0), "Cannot prepend on type")?;
    made(std::iter::once(argument(arguments, 1)).chain(list).cloned())
}

fn concat(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut all = Vec::new();
    for list in arguments {
        let Some(items) = list.as_list() else {
            return Err(match list {
                Value::Null => NIL_POINTER.to_owned(),
                other => format!("Cannot concat type {} as list", other.kind_name()),
            });
        };
        all.extend_from_slice(items);
        counted(all.len())?;
    }
    if all.is_empty() { Ok(unmade()) } else { made(all) }
}

fn reverse(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    made(items(argument(arguments, 0), "Cannot find reverse on type")?.iter().rev().cloned())
}

fn uniq(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut kept: Vec<Value> = Vec::new();
    for item in items(argument(arguments, 0), "Cannot find uniq on type")? {
        call.compare(kept.len())?;
        if !kept.contains(item) {
            kept.push(item.clone());
        }
    }
    made(kept)
}

fn without(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let list = items(argument(arguments, 0), "Cannot find without on type")?;
    let omitted = arguments.get(1..).unwrap_or(&[]);
    call.compare(list.len().saturating_mul(omitted.len()))?;
    made(list.iter().filter(|item| !omitted.contains(item)).cloned())
}

fn compact(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let list = items(argument(arguments, 0), "Cannot compact on type")?;
    made(list.iter().filter(|item| item.is_true()).cloned())
}

fn has(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let haystack = argument(arguments, 1);
    if haystack.is_null() {
        return Ok(Value::Bool(false));
    }
    Ok(Value::Bool(items(haystack, "Cannot find has on type")?.contains(argument(arguments, 0))))
}

fn slice(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let value = argument(arguments, 0);
    let list = items(value, "list should be type of slice or array but")?;
    if list.is_empty() {
        return Ok(Value::Null);
    }
    let start = arguments.get(1).map_or(0, math::to_i64);
    let end = arguments.get(2).map_or(list.len() as i64, math::to_i64);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let Some(part) = range.and_then(|(start, end)| list.get(start..end)) else {
        return Err("reflect.Value.Slice: slice index out of bounds".to_owned());
    };
    Ok(match value {
        Value::TypedList(kind, _) => Value::TypedList(*kind, Arc::new(part.to_vec())),
        _ => Value::list(part.to_vec()),
    })
}

fn chunk(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let list = items(argument(arguments, 1), "Cannot chunk type")?;
    let Some(size) = usize::try_from(int(arguments, 0)).ok().filter(|size| *size > 0) else {
        return Err("runtime error: makeslice: len out of range".to_owned());
    };
    let chunks = list.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect();
    Ok(Value::TypedList(ListType::Lists, Arc::new(chunks)))
}
