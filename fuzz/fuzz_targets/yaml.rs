//! Any text is a document or has errors.
#![no_main]

use ez_compiler::source::SourceMap;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut sources = SourceMap::default();
    let file = sources.add_file("Taskfile.yml", text);
    let document = ez_compiler::yaml::parse(text, file, &mut sources, None);
    for error in &document.errors {
        let _ = sources.position(error.span);
    }
});
