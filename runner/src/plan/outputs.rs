//! What a step writes to the file `EZ_STEP_OUTPUT`: lines `key=value`, or one JSON object.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use smol_str::SmolStr;

/// The variable that names the file.
pub const VARIABLE: &str = "EZ_STEP_OUTPUT";
/// Most bytes that are read of it.
pub const MAX_SIZE: u64 = 1 << 20;

/// Why outputs cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The file cannot be read.
    #[error("cannot read the outputs: {0}")]
    Disk(#[from] io::Error),
    /// It is larger than [`MAX_SIZE`].
    #[error("the outputs are larger than {MAX_SIZE} bytes")]
    TooLarge,
    /// It begins like JSON and is not an object of it.
    #[error("the outputs are no JSON object: {0}")]
    Json(serde_json::Error),
    /// A line is not `key=value`.
    #[error("line {line} of the outputs is not `key=value`: {text}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What it is.
        text: String,
    },
}

/// The outputs in a file, as far as they are among `declared`; a missing file has none. Of one key the last value holds.
///
/// # Errors
/// The file is not what it should be.
pub fn read(path: &Path, declared: &[SmolStr]) -> Result<BTreeMap<SmolStr, SmolStr>, OutputError> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(MAX_SIZE + 1).read_to_end(&mut text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(error.into()),
    };
    if text.len() as u64 > MAX_SIZE {
        return Err(OutputError::TooLarge);
    }
    let mut outputs = parse(&String::from_utf8_lossy(&text))?;
    outputs.retain(|name, _| declared.contains(name));
    Ok(outputs)
}

fn parse(text: &str) -> Result<BTreeMap<SmolStr, SmolStr>, OutputError> {
    if text.trim_start().starts_with('{') {
        let object: BTreeMap<SmolStr, serde_json::Value> =
            serde_json::from_str(text).map_err(OutputError::Json)?;
        let shown = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text.into(),
            serde_json::Value::Null => SmolStr::default(),
            other => other.to_string().into(),
        };
        return Ok(object.into_iter().map(|(name, value)| (name, shown(value))).collect());
    }
    let mut outputs = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.trim().is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(OutputError::Line { line: index + 1, text: line.chars().take(80).collect() });
        };
        outputs.insert(name.trim().into(), value.into());
    }
    Ok(outputs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse(text) {
            Ok(outputs) => {
                outputs.iter().flat_map(|(name, value)| [name.as_str(), "=", value.as_str(), ";"]).collect()
            }
            Err(error) => error.to_string(),
        };
        assert!(shown.starts_with(expected), "{text:?}: {shown}");
    }

    #[test]
    fn lines_and_json_are_outputs() {
        check("", "");
        check("a=1\n\nb = x=y \r\na=2", "a=2;b= x=y ;");
        check(" {\"a\": \"x\", \"b\": 2, \"c\": null, \"d\": [1]}\n", "a=x;b=2;c=;d=[1];");
        check("a=1\nnothing\n", "line 2 of the outputs is not `key=value`: nothing");
        check("{\"a\": ", "the outputs are no JSON object: ");
    }
}
