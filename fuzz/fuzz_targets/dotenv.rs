//! Any text is a list of variables or has errors.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (entries, errors) = ez_compiler::dotenv::parse(text);
    let places = entries.iter().flat_map(|entry| [&entry.name_range, &entry.value_range]);
    for range in places.chain(errors.iter().map(|error| &error.range)) {
        assert!(text.get(range.clone()).is_some(), "{range:?}");
    }
});
