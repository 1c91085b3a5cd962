//! Any text is a document or has errors, and after an edit it is read as from the start.
#![no_main]

use ez_compiler::source::SourceMap;
use ez_compiler::yaml::value::to_value;
use ez_compiler::yaml::{Document, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut sources = SourceMap::default();
    let file = sources.add_file("Taskfile.yml", text);
    let fresh = parse(text, file, &mut sources, None);
    for error in &fresh.errors {
        let _ = sources.position(error.span);
    }
    if let Some(root) = &fresh.root {
        let _ = to_value(root);
    }
    for half in halves(text) {
        let mut sources = SourceMap::default();
        let file = sources.add_file("Taskfile.yml", half);
        let before = parse(half, file, &mut sources, None);
        sources.replace_text(file, text);
        let edited = parse(text, file, &mut sources, Some(&before));
        assert_eq!(messages(&edited), messages(&fresh));
        assert_eq!(value(&edited), value(&fresh));
    }
});

/// What an editor may have held before.
fn halves(text: &str) -> [&str; 2] {
    let middle = (text.len() / 2..).find(|&offset| text.is_char_boundary(offset)).unwrap_or(0);
    [&text[..middle], &text[middle..]]
}

fn messages(document: &Document) -> Vec<&str> {
    document.errors.iter().map(|error| error.message.as_str()).collect()
}

fn value(document: &Document) -> String {
    document.root.as_ref().map(|root| format!("{:?}", to_value(root).ok())).unwrap_or_default()
}
