//! Any text given as a Taskfile goes through all rules and comes out compiled.
#![no_main]

use camino::Utf8Path;
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::template::PureHost;
use ez_compiler::{Dialect, Options, compile, emit};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let files = MemoryFileSystem::new().with("/project/Taskfile.yml", text);
    let options = Options { root_dir: "/project".into(), host: &PureHost, check: true, dialect: Dialect::Ez, folder: None };
    let compilation = compile(&files, Utf8Path::new("/project/Taskfile.yml"), &options, None);
    let _ = emit::taskfile::taskfile(&compilation.program, &compilation.loaded, &compilation.sources);
});
