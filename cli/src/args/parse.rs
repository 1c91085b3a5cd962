//! What was typed: flags and names in the grammar of Go's `pflag`, which go-task uses.
//!
//! Flags may stand anywhere before `--`; letters may be joined (`-sx`), their value attached (`-C2`, `-C=2`) or next.

use super::flag::{Flag, FlagSet, Value, Values};
use super::go_values::{self, NumberError};

/// A command line taken apart.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    /// Flag values: the defaults that were handed in, changed by what was typed.
    pub values: Values,
    /// What is no flag, before `--`.
    pub names: Vec<String>,
    /// What stands behind `--`; `None` without one.
    pub after_dashes: Option<Vec<String>>,
}

/// Why a command line was not understood. The words are `pflag`'s.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// `--bogus`
    #[error("unknown flag: --{0}")]
    UnknownFlag(String),
    /// `-q`
    #[error("unknown shorthand flag: {letter} in -{letters}")]
    UnknownLetter {
        /// The letter in single quotes.
        letter: String,
        /// The rest of the argument from that letter on.
        letters: String,
    },
    /// `--dir` as the last argument.
    #[error("flag needs an argument: --{0}")]
    MissingValue(String),
    /// `-d` as the last argument.
    #[error("flag needs an argument: {letter} in -{letters}")]
    MissingLetterValue {
        /// The letter in single quotes.
        letter: String,
        /// The rest of the argument from that letter on.
        letters: String,
    },
    /// `---` or `--=x`
    #[error("bad flag syntax: {0}")]
    Syntax(String),
    /// `--concurrency=x`
    #[error("invalid argument {value} for {flag} flag: {cause}")]
    Value {
        /// The value, quoted.
        value: String,
        /// The flag's names, quoted.
        flag: String,
        /// What is wrong with it.
        cause: String,
    },
    /// `--help` where the set has no such flag.
    #[error("help requested")]
    Help,
}

/// Takes arguments (without the program's name) apart.
///
/// # Errors
///
/// The first thing that is not understood; `partial` then holds what was typed before it.
pub fn parse(set: &FlagSet, arguments: &[String], partial: &mut Typed) -> Result<(), ParseError> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        if argument == "--" {
            partial.after_dashes = Some(rest.cloned().collect());
            return Ok(());
        }
        if argument.starts_with("--") {
            parse_long(set, argument, &mut rest, &mut partial.values)?;
        } else if argument.starts_with('-') && argument.len() > 1 {
            parse_letters(set, argument, &mut rest, &mut partial.values)?;
        } else {
            partial.names.push(argument.clone());
        }
    }
    Ok(())
}

type Rest<'a> = std::slice::Iter<'a, String>;

fn parse_long(set: &FlagSet, argument: &str, rest: &mut Rest, values: &mut Values) -> Result<(), ParseError> {
    let body = argument.get(2..).unwrap_or("");
    if body.starts_with(['-', '=']) {
        return Err(ParseError::Syntax(argument.to_owned()));
    }
    let (name, attached) = match body.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (body, None),
    };
    let Some(flag) = set.long(name) else {
        return Err(if name == "help" { ParseError::Help } else { ParseError::UnknownFlag(name.to_owned()) });
    };
    let value = match attached {
        Some(value) => value,
        None if is_switch(flag) => "true",
        None => rest.next().ok_or_else(|| ParseError::MissingValue(name.to_owned()))?,
    };
    store(flag, value, values)
}

fn parse_letters(
    set: &FlagSet,
    argument: &str,
    rest: &mut Rest,
    values: &mut Values,
) -> Result<(), ParseError> {
    let mut letters = argument.get(1..).unwrap_or("");
    while let Some(letter) = letters.chars().next() {
        // Such a group belongs to Go's own test programs; pflag ignores it.
        if letters.starts_with("test.") {
            return Ok(());
        }
        let Some(flag) = set.short(letter) else {
            return Err(if letter == 'h' {
                ParseError::Help
            } else {
                ParseError::UnknownLetter { letter: quoted_byte(letter), letters: letters.to_owned() }
            });
        };
        let behind = letters.get(letter.len_utf8()..).unwrap_or("");
        if let Some(value) = behind.strip_prefix('=').filter(|value| !value.is_empty()) {
            return store(flag, value, values);
        }
        if is_switch(flag) {
            store(flag, "true", values)?;
            letters = behind;
            continue;
        }
        if !behind.is_empty() {
            return store(flag, behind, values);
        }
        let value = rest.next().ok_or_else(|| ParseError::MissingLetterValue {
            letter: quoted_byte(letter),
            letters: letters.to_owned(),
        })?;
        return store(flag, value, values);
    }
    Ok(())
}

/// pflag looks at bytes: the first one of a letter beyond ASCII, once more encoded, always begins with the same byte.
fn quoted_byte(letter: char) -> String {
    go_values::quote_char(if letter.is_ascii() { letter } else { 'Ã' })
}

fn is_switch(flag: &Flag) -> bool {
    matches!(Value::from(flag.default), Value::Bool(_))
}

fn store(flag: &Flag, text: &str, values: &mut Values) -> Result<(), ParseError> {
    let value = read(flag, text).map_err(|cause| ParseError::Value {
        value: go_values::quote(text),
        flag: match flag.short {
            Some(short) => format!("\"-{short}, --{}\"", flag.name),
            None => format!("\"--{}\"", flag.name),
        },
        cause,
    })?;
    values.set_typed(flag.id, value);
    Ok(())
}

fn read(flag: &Flag, text: &str) -> Result<Value, String> {
    Ok(match Value::from(flag.default) {
        Value::Bool(_) => Value::Bool(go_values::parse_bool(text).ok_or_else(|| {
            format!("strconv.ParseBool: parsing {}: invalid syntax", go_values::quote(text))
        })?),
        Value::Int(_) => Value::Int(go_values::parse_int(text).map_err(|error| {
            let what = match error {
                NumberError::Syntax => "invalid syntax",
                NumberError::Range => "value out of range",
            };
            format!("strconv.ParseInt: parsing {}: {what}", go_values::quote(text))
        })?),
        Value::Duration(_) => Value::Duration(go_values::parse_duration(text)?),
        Value::Text(_) => Value::Text(text.to_owned()),
        Value::List(_) => Value::List(go_values::parse_list(text)?),
    })
}

/// Rewrites `--color=auto|always|never`, which go-task does not know, to what it knows; `auto` goes away.
pub fn translate_color_words(arguments: &[String]) -> Vec<String> {
    let dashes = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
    let translate = |(at, argument): (usize, &String)| match argument.strip_prefix("--color=") {
        Some("auto") if at < dashes => None,
        Some("always") if at < dashes => Some("--color=true".to_owned()),
        Some("never") if at < dashes => Some("--color=false".to_owned()),
        _ => Some(argument.clone()),
    };
    arguments.iter().enumerate().filter_map(translate).collect()
}

/// How many arguments at the front are flags with their values.
pub fn leading_flags(set: &FlagSet, arguments: &[String]) -> usize {
    let mut at = 0;
    while let Some(argument) = arguments.get(at) {
        if !argument.starts_with('-') || argument.len() < 2 || argument == "--" {
            break;
        }
        at += 1 + usize::from(takes_next(set, argument));
    }
    at.min(arguments.len())
}

fn takes_next(set: &FlagSet, argument: &str) -> bool {
    if let Some(name) = argument.strip_prefix("--") {
        return !name.contains('=') && set.long(name).is_some_and(|flag| !is_switch(flag));
    }
    let mut letters = argument.chars().skip(1).peekable();
    while let Some(letter) = letters.next() {
        match set.short(letter) {
            Some(flag) if is_switch(flag) && letters.peek() != Some(&'=') => {}
            Some(flag) => return !is_switch(flag) && letters.peek().is_none(),
            None => return false,
        }
    }
    false
}
