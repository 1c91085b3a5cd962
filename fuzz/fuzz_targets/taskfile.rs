//! Any text given as a Taskfile goes through all rules and comes out compiled. Whatever it is read for, it is refused for
//! the same reason.
#![no_main]

use camino::Utf8Path;
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::template::PureHost;
use ez_compiler::{Compilation, Dialect, Options, Purpose, compile, emit};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let files = MemoryFileSystem::new().with("/project/Taskfile.yml", text);
    let read_for = |purpose| {
        let options = Options {
            root_dir: "/project".into(),
            host: &PureHost,
            purpose,
            dialect: Dialect::Ez,
            folder: None,
        };
        compile(&files, Utf8Path::new("/project/Taskfile.yml"), &options, None)
    };
    let checked = read_for(Purpose::Check);
    let _ = emit::taskfile::taskfile(&checked.program, &checked.loaded, &checked.sources);
    for purpose in [Purpose::Run, Purpose::List] {
        let other = read_for(purpose);
        assert_eq!(other.failure, checked.failure);
        assert_eq!(names(&other), names(&checked));
    }
});

fn names(compilation: &Compilation) -> Vec<&str> {
    compilation.program.tasks.iter().map(|task| task.name.as_str()).collect()
}
