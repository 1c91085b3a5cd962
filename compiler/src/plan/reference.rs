//! `build`, `build[arm64]`, `build[arch=arm64,os=linux]`: how steps and their combinations are named.

use std::ops::Range;

/// A step, and which of its combinations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepReference<'t> {
    /// The step's name.
    pub step: &'t str,
    /// Its bytes.
    pub step_range: Range<usize>,
    /// What the combinations have to have; all of them without it.
    pub filter: Vec<Wanted<'t>>,
    /// Whether there are brackets.
    pub has_filter: bool,
}

/// A value that a combination has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted<'t> {
    /// The key; the only one of the matrix without it.
    pub key: Option<&'t str>,
    /// The value.
    pub value: &'t str,
    /// The bytes of the key, or of the value without one.
    pub range: Range<usize>,
}

/// Reads a reference; `None` where brackets are wrong.
pub fn parse(text: &str) -> Option<StepReference<'_>> {
    let Some((step, rest)) = text.split_once('[') else {
        let is_name = !text.contains(']');
        let whole =
            || StepReference { step: text, step_range: 0..text.len(), filter: Vec::new(), has_filter: false };
        return is_name.then(whole);
    };
    let inside = rest.strip_suffix(']').filter(|inside| !inside.contains(['[', ']']))?;
    let mut at = step.len() + 1;
    let mut filter = Vec::new();
    for part in inside.split(',') {
        let lead = part.len() - part.trim_start().len();
        let trimmed = part.trim();
        let (key, value) = match trimmed.split_once('=') {
            Some((key, value)) => (Some(key.trim_end()), value.trim_start()),
            None => (None, trimmed),
        };
        let length = key.map_or(value.len(), str::len);
        filter.push(Wanted { key, value, range: at + lead..at + lead + length });
        at += part.len() + 1;
    }
    Some(StepReference { step, step_range: 0..step.len(), filter, has_filter: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read() {
        type Expected<'e> = Option<(&'e str, &'e [(Option<&'e str>, &'e str)])>;
        let check = |text: &str, expected: Expected<'_>| {
            let found = parse(text);
            let found = found.as_ref().map(|found| {
                let filter: Vec<_> = found.filter.iter().map(|wanted| (wanted.key, wanted.value)).collect();
                for wanted in &found.filter {
                    assert_eq!(&text[wanted.range.clone()], wanted.key.unwrap_or(wanted.value));
                }
                (found.step, filter)
            });
            assert_eq!(found, expected.map(|(step, filter)| (step, filter.to_vec())), "{text}");
        };
        check("build", Some(("build", &[])));
        check("build[arm64]", Some(("build", &[(None, "arm64")])));
        check("b[arch=arm64, os = linux]", Some(("b", &[(Some("arch"), "arm64"), (Some("os"), "linux")])));
        check("b[]", Some(("b", &[(None, "")])));
        for wrong in ["b[", "b]", "b[x]y", "b[[x]]", "b[x"] {
            check(wrong, None);
        }
    }
}
