//! Any text is a script or a syntax error.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(script) = ez_compiler::shell::parse(text) {
        let _ = ez_compiler::shell::inspect(&script);
        let _ = ez_compiler::shell::simple_list(&script);
    }
    let _ = ez_compiler::shell::syntax_error(text);
});
