//! Text.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::format_smolstr;

use super::super::quote::quote as quoted;
use super::super::value::{ListType, Value};
use super::Parameter::{Any, Int, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, argument, int, sized, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("text", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("trim", "trim text string string", "Removes white space at both ends.", &[Text], trim),
    row(
        "trimAll",
        "trimAll characters string text string string",
        "Removes any of the characters at both ends.",
        &[Text, Text],
        trim_all,
    ),
    row(
        "trimall",
        "trimall characters string text string string",
        "Old name of trimAll.",
        &[Text, Text],
        trim_all,
    ),
    row(
        "trimPrefix",
        "trimPrefix prefix string text string string",
        "Removes a prefix.",
        &[Text, Text],
        trim_prefix,
    ),
    row(
        "trimSuffix",
        "trimSuffix suffix string text string string",
        "Removes a suffix.",
        &[Text, Text],
        trim_suffix,
    ),
    row("upper", "upper text string string", "In capital letters.", &[Text], upper),
    row("lower", "lower text string string", "In small letters.", &[Text], lower),
    row(
        "title",
        "title text string string",
        "With a capital letter at the start of each word.",
        &[Text],
        title,
    ),
    row(
        "trunc",
        "trunc length int text string string",
        "The first bytes; with a negative length the last ones.",
        &[Int, Text],
        trunc,
    ),
    row(
        "substr",
        "substr start int end int text string string",
        "The bytes from start to end; a negative end means all.",
        &[Int, Int, Text],
        substr,
    ),
    row("repeat", "repeat count int text string string", "The text, many times.", &[Int, Text], repeat),
    row(
        "contains",
        "contains part string text string bool",
        "Whether the part is in the text.",
        &[Text, Text],
        contains,
    ),
    row(
        "hasPrefix",
        "hasPrefix prefix string text string bool",
        "Whether the text starts with the prefix.",
        &[Text, Text],
        has_prefix,
    ),
    row(
        "hasSuffix",
        "hasSuffix suffix string text string bool",
        "Whether the text ends with the suffix.",
        &[Text, Text],
        has_suffix,
    ),
    row(
        "quote",
        "quote values any… string",
        "The values in double quotes, with Go's escapes, joined by spaces; nil is left out.",
        &[],
        quote,
    )
    .and_more(Any),
    row(
        "squote",
        "squote values any… string",
        "The values in single quotes, without escapes, joined by spaces; nil is left out.",
        &[],
        squote,
    )
    .and_more(Any),
    row("cat", "cat values any… string", "The values joined by spaces; nil is left out.", &[], cat)
        .and_more(Any),
    row(
        "indent",
        "indent spaces int text string string",
        "Puts spaces before each line.",
        &[Int, Text],
        indent,
    ),
    row(
        "nindent",
        "nindent spaces int text string string",
        "A newline, then the text with spaces before each line.",
        &[Int, Text],
        nindent,
    ),
    row(
        "replace",
        "replace old string new string text string string",
        "Replaces all occurrences.",
        &[Text, Text, Text],
        replace,
    ),
    row(
        "plural",
        "plural one string many string count int string",
        "The first text where the count is 1, else the second.",
        &[Text, Text, Int],
        plural,
    ),
    row("toString", "toString value any string", "The value as text.", &[Any], to_string),
    row(
        "toStrings",
        "toStrings list any []string",
        "The items as texts; nil is left out.",
        &[Any],
        to_strings,
    ),
    row("join", "join separator string list any string", "The items as one text.", &[Text, Any], join),
    row(
        "split",
        "split separator string text string map[string]string",
        "The parts of a text as a map with the keys _0, _1 and so on.",
        &[Text, Text],
        split,
    ),
    row(
        "splitn",
        "splitn separator string count int text string map[string]string",
        "As split, with at most so many parts.",
        &[Text, Int, Text],
        splitn,
    ),
    row(
        "splitList",
        "splitList separator string text string []string",
        "The parts of a text as a list.",
        &[Text, Text],
        split_list,
    ),
    row("sortAlpha", "sortAlpha list any []string", "The items as texts, sorted.", &[Any], sort_alpha),
    row(
        "catLines",
        "catLines text string string",
        "Puts spaces in the place of newlines.",
        &[Text],
        cat_lines,
    ),
    row("splitLines", "splitLines text string []string", "The lines of a text.", &[Text], split_lines),
    row("hello", "hello string", "Says hello.", &[], hello),
];

/// A value as sprig makes text of it.
pub(super) fn strval(value: &Value) -> String {
    value.to_text().to_string()
}

/// The items of a value as texts, `nil` left out; a value that is no list is its own only item.
pub(super) fn string_items(value: &Value) -> Vec<String> {
    match (value, value.as_list()) {
        (_, Some(items)) => items.iter().filter(|item| !item.is_null()).map(strval).collect(),
        (Value::Null, _) => Vec::new(),
        (other, _) => vec![strval(other)],
    }
}

fn trim(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(text(arguments, 0).trim().into())
}

fn trim_all(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let characters = text(arguments, 0);
    Ok(text(arguments, 1).trim_matches(|c| characters.contains(c)).into())
}

fn trim_prefix(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let whole = text(arguments, 1);
    Ok(whole.strip_prefix(text(arguments, 0)).unwrap_or(whole).into())
}

fn trim_suffix(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let whole = text(arguments, 1);
    Ok(whole.strip_suffix(text(arguments, 0)).unwrap_or(whole).into())
}

/// Go changes the case letter by letter: what would become several letters stays.
fn upper_letter(c: char) -> char {
    let mut mapped = c.to_uppercase();
    match (mapped.next(), mapped.next()) {
        (Some(upper), None) => upper,
        _ => c,
    }
}

fn lower_letter(c: char) -> char {
    c.to_lowercase().next().unwrap_or(c)
}

fn upper(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(text(arguments, 0).chars().map(upper_letter).collect::<String>().into())
}

fn lower(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(text(arguments, 0).chars().map(lower_letter).collect::<String>().into())
}

fn title(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut previous = ' ';
    let capitalised = text(arguments, 0).chars().map(|c| {
        let starts_word = is_separator(previous);
        previous = c;
        if starts_word { upper_letter(c) } else { c }
    });
    Ok(capitalised.collect::<String>().into())
}

/// Of ASCII all but letters, digits and underscore, of the rest white space.
fn is_separator(c: char) -> bool {
    if c.is_ascii() { !(c.is_ascii_alphanumeric() || c == '_') } else { c.is_whitespace() }
}

/// Bytes of a text that may cut a character in two.
fn bytes(text: &str, range: std::ops::Range<usize>) -> Value {
    match text.get(range.clone()) {
        Some(part) => part.into(),
        None => String::from_utf8_lossy(text.as_bytes().get(range).unwrap_or(&[])).into_owned().into(),
    }
}

fn trunc(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let (count, whole) = (int(arguments, 0), text(arguments, 1));
    let size = count.unsigned_abs() as usize;
    Ok(if size >= whole.len() {
        whole.into()
    } else if count < 0 {
        bytes(whole, whole.len() - size..whole.len())
    } else {
        bytes(whole, 0..size)
    })
}

fn substr(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let (start, end, whole) = (int(arguments, 0), int(arguments, 1), text(arguments, 2));
    let length = whole.len() as i64;
    let out_of_range = |shown: String| Err(format!("runtime error: slice bounds out of range {shown}"));
    if start < 0 {
        if end < 0 {
            return out_of_range(format!("[:{end}]"));
        }
        if end > length {
            return out_of_range(format!("[:{end}] with length {length}"));
        }
        return Ok(bytes(whole, 0..end as usize));
    }
    let end = if end < 0 || end > length { length } else { end };
    if start > end {
        return out_of_range(format!("[{start}:{end}]"));
    }
    Ok(bytes(whole, start as usize..end as usize))
}

fn repeated(part: &str, count: i64) -> Result<String, String> {
    let Ok(count) = usize::try_from(count) else {
        return Err("strings: negative Repeat count".to_owned());
    };
    sized(part.len().saturating_mul(count))?;
    Ok(part.repeat(count))
}

fn repeat(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    repeated(text(arguments, 1), int(arguments, 0)).map(Value::from)
}

fn contains(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(text(arguments, 1).contains(text(arguments, 0))))
}

fn has_prefix(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(text(arguments, 1).starts_with(text(arguments, 0))))
}

fn has_suffix(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(text(arguments, 1).ends_with(text(arguments, 0))))
}

fn joined(arguments: &[Value], show: impl Fn(&Value) -> String) -> Outcome {
    let shown: Vec<String> = arguments.iter().filter(|value| !value.is_null()).map(show).collect();
    Ok(shown.join(" ").into())
}

fn quote(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    joined(arguments, |value| quoted(&value.to_text()))
}

fn squote(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    joined(arguments, |value| format!("'{value}'"))
}

fn cat(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    joined(arguments, strval)
}

fn indented(spaces: i64, whole: &str) -> Result<String, String> {
    let pad = repeated(" ", spaces)?;
    let lines = 1 + whole.bytes().filter(|b| *b == b'\n').count();
    sized(whole.len().saturating_add(lines.saturating_mul(pad.len())))?;
    Ok(format!("{pad}{}", whole.replace('\n', &format!("\n{pad}"))))
}

fn indent(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    indented(int(arguments, 0), text(arguments, 1)).map(Value::from)
}

fn nindent(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(format!("\n{}", indented(int(arguments, 0), text(arguments, 1))?).into())
}

fn replace(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let (old, new, whole) = (text(arguments, 0), text(arguments, 1), text(arguments, 2));
    let count = if old.is_empty() { whole.chars().count() + 1 } else { whole.matches(old).count() };
    sized(whole.len().saturating_add(count.saturating_mul(new.len())))?;
    Ok(whole.replace(old, new).into())
}

fn plural(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(text(arguments, usize::from(int(arguments, 2) != 1)).into())
}

fn to_string(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::String(argument(arguments, 0).to_text()))
}

fn to_strings(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::strings(string_items(argument(arguments, 0))))
}

fn join(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let items = string_items(argument(arguments, 1));
    let separator = text(arguments, 0);
    sized(items.iter().map(|item| item.len() + separator.len()).sum())?;
    Ok(items.join(separator).into())
}

/// Go's `strings.SplitN`: an empty separator parts letters, a negative count means all.
fn parts(whole: &str, separator: &str, count: i64) -> Vec<String> {
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    if count == 0 {
        return Vec::new();
    }
    if !separator.is_empty() {
        return whole.splitn(count, separator).map(str::to_owned).collect();
    }
    let mut starts: Vec<usize> = whole.char_indices().map(|(at, _)| at).take(count).collect();
    starts.push(whole.len());
    starts.windows(2).filter_map(|pair| whole.get(*pair.first()?..*pair.last()?)).map(str::to_owned).collect()
}

fn numbered(parts: Vec<String>) -> Value {
    let entries: BTreeMap<_, _> =
        parts.into_iter().enumerate().map(|(i, part)| (format_smolstr!("_{i}"), part.into())).collect();
    Value::StringMap(Arc::new(entries))
}

fn split(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(numbered(parts(text(arguments, 1), text(arguments, 0), -1)))
}

fn splitn(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(numbered(parts(text(arguments, 2), text(arguments, 0), int(arguments, 1))))
}

fn split_list(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::strings(parts(text(arguments, 1), text(arguments, 0), -1)))
}

fn sort_alpha(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let value = argument(arguments, 0);
    let mut items = if value.is_null() { vec![strval(value)] } else { string_items(value) };
    items.sort();
    let items = items.into_iter().map(Value::from).collect();
    Ok(Value::TypedList(ListType::Strings, Arc::new(items)))
}

fn cat_lines(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(text(arguments, 0).replace("\r\n", " ").replace('\n', " ").into())
}

fn split_lines(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::strings(text(arguments, 0).replace("\r\n", "\n").split('\n')))
}

fn hello(_: &mut Call<'_>, _: &[Value]) -> Outcome {
    Ok("Hello!".into())
}
