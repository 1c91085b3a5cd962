//! Maps.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::super::value::Value;
use super::Parameter::{Any, Map, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, argument, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("maps", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("dict", "dict pairs any… map[string]any", "A map of keys and values in turn.", &[], dict)
        .and_more(Any),
    row(
        "get",
        "get map map[string]any key string any",
        "The value of a key, empty text where it is missing.",
        &[Map, Text],
        get,
    ),
    row(
        "set",
        "set map map[string]any key string value any map[string]any",
        "Sets a key of the map itself, and gives the map.",
        &[Map, Text, Any],
        set,
    ),
    row(
        "unset",
        "unset map map[string]any key string map[string]any",
        "Removes a key from the map itself, and gives the map.",
        &[Map, Text],
        unset,
    ),
    row(
        "hasKey",
        "hasKey map map[string]any key string bool",
        "Whether the map has the key.",
        &[Map, Text],
        has_key,
    ),
    row(
        "pluck",
        "pluck key string maps map[string]any… []any",
        "The values that the maps have for a key.",
        &[Text],
        pluck,
    )
    .and_more(Map),
    row(
        "keys",
        "keys maps map[string]any… []string",
        "The keys of the maps; go-task gives them in random order, here they are sorted.",
        &[],
        keys,
    )
    .and_more(Map),
    row(
        "values",
        "values map map[string]any []any",
        "The values of a map; go-task gives them in random order, here in that of the keys.",
        &[Map],
        values,
    ),
    row(
        "pick",
        "pick map map[string]any keys string… map[string]any",
        "A map of only these keys.",
        &[Map],
        pick,
    )
    .and_more(Text),
    row(
        "omit",
        "omit map map[string]any keys string… map[string]any",
        "A map without these keys.",
        &[Map],
        omit,
    )
    .and_more(Text),
    row(
        "dig",
        "dig keys string… fallback any map map[string]any any",
        "The value at a path of keys, or the fallback.",
        &[],
        dig,
    )
    .and_more(Any),
    row(
        "merge",
        "merge base map[string]any maps map[string]any… map[string]any",
        "One map of all; of equal keys the last one counts.",
        &[Map],
        merge,
    )
    .and_more(Map),
];

type Entries = BTreeMap<SmolStr, Value>;

fn entries(arguments: &[Value], i: usize) -> &Entries {
    static NONE: Entries = BTreeMap::new();
    argument(arguments, i).as_map().unwrap_or(&NONE)
}

fn dict(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let pairs = arguments.chunks(2).filter_map(|pair| {
        let key = pair.first()?.to_text();
        Some((key, pair.get(1).cloned().unwrap_or(Value::from(""))))
    });
    Ok(Value::map(pairs.collect()))
}

fn get(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(entries(arguments, 0).get(text(arguments, 1)).cloned().unwrap_or(Value::from("")))
}

fn set(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let old = argument(arguments, 0);
    if old.is_null() {
        return Err("assignment to entry in nil map".to_owned());
    }
    let mut changed = entries(arguments, 0).clone();
    changed.insert(text(arguments, 1).into(), argument(arguments, 2).clone());
    let new = Value::map(changed);
    call.replaced.push((old.clone(), new.clone()));
    Ok(new)
}

fn unset(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let old = argument(arguments, 0);
    let mut changed = entries(arguments, 0).clone();
    changed.remove(text(arguments, 1));
    let new = Value::map(changed);
    call.replaced.push((old.clone(), new.clone()));
    Ok(new)
}

fn has_key(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(entries(arguments, 0).contains_key(text(arguments, 1))))
}

fn pluck(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let key = text(arguments, 0);
    let maps = arguments.iter().skip(1).filter_map(Value::as_map);
    Ok(Value::list(maps.filter_map(|map| map.get(key).cloned()).collect()))
}

fn keys(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::strings(arguments.iter().filter_map(Value::as_map).flat_map(BTreeMap::keys).cloned()))
}

fn values(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::list(entries(arguments, 0).values().cloned().collect()))
}

fn is_named(arguments: &[Value], key: &str) -> bool {
    arguments.iter().skip(1).any(|wanted| wanted.as_str() == Some(key))
}

fn pick(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let all = entries(arguments, 0).iter();
    Ok(Value::map(
        all.filter(|(key, _)| is_named(arguments, key)).map(|(k, v)| (k.clone(), v.clone())).collect(),
    ))
}

fn omit(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let all = entries(arguments, 0).iter();
    Ok(Value::map(
        all.filter(|(key, _)| !is_named(arguments, key)).map(|(k, v)| (k.clone(), v.clone())).collect(),
    ))
}

/// What Go says of a value that is not of the asserted type.
pub(super) fn not_of_type(value: &Value, expected: &str) -> String {
    let found = if value.is_null() { "nil" } else { value.type_name() };
    format!("interface conversion: interface {{}} is {found}, not {expected}")
}

fn as_dict(value: &Value) -> Result<&Arc<Entries>, String> {
    match value {
        Value::Map(entries) => Ok(entries),
        other => Err(not_of_type(other, "map[string]interface {}")),
    }
}

fn dig(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let [keys @ .., fallback, map] = arguments else {
        return Err("dig needs at least three arguments".to_owned());
    };
    if keys.is_empty() {
        return Err("dig needs at least three arguments".to_owned());
    }
    let mut current = map;
    as_dict(current)?;
    for key in keys {
        key.as_str().ok_or_else(|| not_of_type(key, "string"))?;
    }
    for key in keys {
        match as_dict(current)?.get(key.as_str().unwrap_or("")) {
            Some(value) => current = value,
            None => return Ok(fallback.clone()),
        }
    }
    Ok(current.clone())
}

fn merge(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut merged = Entries::new();
    for map in arguments.iter().filter_map(Value::as_map) {
        merged.extend(map.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
    Ok(Value::map(merged))
}
