//! Any text is a list of variables or has errors.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = ez_compiler::dotenv::parse(text);
});
