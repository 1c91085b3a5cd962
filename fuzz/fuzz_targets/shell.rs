//! Any text is a script or a syntax error, and expands or fails.
#![no_main]

use ez_compiler::shell::{
    Extent, Finder, Pattern, PatternRules, expand_fields, expand_literal, inspect, parse, quote,
    simple_command, simple_list, split_words, syntax_error,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(script) = parse(text) {
        let _ = inspect(&script);
        let _ = simple_list(&script);
        let _ = simple_command(&script);
    }
    let _ = syntax_error(text);
    let environment = |name: &str| (name.len() == 1).then(|| "a *b:/c".to_owned());
    let _ = expand_literal(text, &environment);
    let _ = expand_fields(text, &environment);
    let _ = split_words(text, &environment);
    for rules in [PatternRules::Go, PatternRules::ShellText, PatternRules::ShellName] {
        let (pattern, rest) = text.split_once('\n').unwrap_or((text, "aab.c"));
        let _ = Pattern::compile(pattern, rules).map(|pattern| pattern.matches(rest));
    }
    check_prefixes(text);
    if let Ok(quoted) = quote(text)
        && !text.is_empty()
    {
        let words = split_words(&quoted, &environment);
        assert_eq!(words.as_deref(), Ok(&[text.to_owned()][..]), "{quoted}");
    }
});

/// Both ways to match a pattern find the same.
fn check_prefixes(text: &str) {
    let Some((pattern, text)) = text.split_once('\n').filter(|(_, text)| text.len() < 32) else { return };
    let Ok(pattern) = Pattern::compile(pattern, PatternRules::ShellText) else { return };
    let ends = (0..=text.len()).filter(|&end| text.is_char_boundary(end));
    let matching: Vec<_> = ends.filter(|&end| pattern.matches(&text[..end])).collect();
    let mut finder = Finder::of_prefixes(&pattern);
    assert_eq!(finder.find(text.chars(), Extent::Shortest), Ok(matching.first().copied()));
    assert_eq!(finder.find(text.chars(), Extent::Longest), Ok(matching.last().copied()));
}
