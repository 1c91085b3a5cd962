//! Any text given as a plan goes through all rules, and what can be compiled comes out as a Taskfile.
#![no_main]

use camino::Utf8Path;
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::template::PureHost;
use ez_compiler::{Dialect, Options, Purpose, compile};
use libfuzzer_sys::fuzz_target;

const TASKFILE: &str = "version: '3'\ntasks:\n  build:\n    ez-params: [{name: arch, options: [arm, x86]}]\n    cmds: [echo]\n  test: [echo]\n";

fuzz_target!(|text: &str| {
    let files = MemoryFileSystem::new().with("/project/Taskfile.yml", TASKFILE).with("/project/plans/p.yml", text);
    let options = Options {
        root_dir: "/project".into(),
        host: &PureHost,
        purpose: Purpose::Check,
        dialect: Dialect::Ez,
        folder: None,
    };
    let first = compile(&files, Utf8Path::new("/project/Taskfile.yml"), &options, None);
    let again = compile(&files, Utf8Path::new("/project/Taskfile.yml"), &options, Some(&first));
    assert_eq!(again.diagnostics.len(), first.diagnostics.len());
});
