//! Names and tags of nodes: words, as they are written on command lines and in plans.

/// The longest one, in bytes.
pub const MAX_BYTES: usize = 100;

/// The most tags of a node, and of a job.
pub const MAX_TAGS: usize = 64;

/// The name of the node that a server is itself. No other one may have it.
pub const OWN: &str = "local";

/// What such words are, for who wrote another one.
pub const WORD: &str = "words of 1 to 100 bytes without spaces";

/// Whether a text is one.
pub fn is_word(text: &str) -> bool {
    (1..=MAX_BYTES).contains(&text.len()) && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Why an agent or a node of another machine cannot have a name; `None` where it can.
pub fn reserved(name: &str) -> Option<String> {
    let why = || format!("the name {OWN} is that of the server's own node: choose another one with --name");
    (name == OWN).then(why)
}

/// Why a node cannot have a name, or tags.
///
/// # Errors
/// One of them is no word, or there are too many.
pub fn check(name: &str, tags: &[String]) -> Result<(), String> {
    if !is_word(name) || name.contains('/') {
        return Err(format!("`{}` is no name of a node: names are {WORD} and `/`", name.escape_debug()));
    }
    if let Some(tag) = tags.iter().find(|tag| !is_word(tag)) {
        return Err(format!("`{}` is no tag: tags are {WORD}", tag.escape_debug()));
    }
    if tags.len() > MAX_TAGS {
        return Err(format!("a node has at most {MAX_TAGS} tags"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, MAX_TAGS, WORD, check, is_word};

    #[test]
    fn names_and_tags_are_words() {
        let longest = "x".repeat(MAX_BYTES);
        for (word, is_one) in [
            ("os:linux", true),
            ("größe", true),
            (longest.as_str(), true),
            (&format!("{longest}x"), false),
            ("", false),
            ("a b", false),
            ("a\n", false),
            ("a\u{7}", false),
        ] {
            assert_eq!(is_word(word), is_one, "{word:?}");
            assert_eq!(check(word, &[]).is_ok(), is_one, "{word:?}");
            assert_eq!(check("fine", &[word.to_owned()]).is_ok(), is_one, "{word:?}");
        }
        assert!(check("../../etc", &[]).is_err());
        assert!(check("fine", &["image:a/b".to_owned()]).is_ok());
        let tags = |count| (0..count).map(|number| format!("t{number}")).collect::<Vec<_>>();
        assert!(check("fine", &tags(MAX_TAGS)).is_ok() && check("fine", &tags(MAX_TAGS + 1)).is_err());
        assert!(WORD.contains(&MAX_BYTES.to_string()));
    }
}
