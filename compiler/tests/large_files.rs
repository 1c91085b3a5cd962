//! Files that repeat something many times are checked in time that grows with them, not with their square.

use camino::Utf8Path;
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::template::PureHost;
use ez_compiler::{Compilation, Dialect, Options, Purpose, compile};

fn check(text: &str) -> Compilation {
    let files = MemoryFileSystem::new().with("/p/Taskfile.yml", text);
    let options = Options {
        root_dir: "/p".into(),
        host: &PureHost,
        purpose: Purpose::Check,
        dialect: Dialect::Ez,
        folder: None,
    };
    compile(&files, Utf8Path::new("/p/Taskfile.yml"), &options, None)
}

fn tasks(count: usize, task: impl Fn(usize) -> String) -> String {
    let tasks: Vec<String> = (0..count).map(|n| format!("  t{n}: {}\n", task(n))).collect();
    format!("version: '3'\ntasks:\n{}", tasks.concat())
}

fn messages(text: &str) -> Vec<String> {
    check(text).diagnostics.into_iter().map(|diagnostic| diagnostic.message).collect()
}

#[test]
fn a_long_cycle_is_shown_in_part() {
    let found = check(&tasks(20_000, |n| format!("{{deps: [t{}]}}", (n + 1) % 20_000))).diagnostics;
    let [diagnostic] = found.as_slice() else { panic!("{} findings", found.len()) };
    assert!(diagnostic.message.starts_with("these tasks call each other without end: t0 → t1 → t2 → "));
    assert!(diagnostic.message.ends_with(" → t19 → … 19980 more … → t0"), "{}", diagnostic.message);
    assert_eq!(
        messages(&tasks(2, |n| format!("{{deps: [t{}]}}", 1 - n))),
        ["these tasks call each other without end: t0 → t1 → t0"]
    );
}

#[test]
fn words_of_a_long_text_are_found() {
    let line = "{{.UNKNOWN}} \\t";
    let found = messages(&tasks(1, |_| format!("\"echo {}\"", line.repeat(4_000))));
    assert!(found.is_empty(), "{found:?}");
    let script: Vec<String> = (0..4_000).map(|n| format!("      echo {{{{foo{n}}}}} $X\n")).collect();
    let found = messages(&format!("version: '3'\ntasks:\n  a:\n    cmd: |\n{}", script.concat()));
    assert!(!found.is_empty());
}

#[test]
fn every_source_that_is_missing_is_looked_for_in_reason() {
    let text = tasks(2000, |n| format!("{{sources: [a{n}/x.c], generates: [out/x{n}.o], cmds: [cc]}}"));
    let found = messages(&text);
    assert!((1000..=2000).contains(&found.len()), "{} findings", found.len());
}

#[test]
fn aliases_stand_for_so_much_and_no_more() {
    let commands = vec!["x"; 2000].join(", ");
    let task = |n: usize| format!("  t{n}: *t\n");
    let text = |count: usize| {
        let tasks: Vec<String> = (0..count).map(task).collect();
        format!("version: '3'\ntasks:\n  t: &t {{cmds: [{commands}]}}\n{}", tasks.concat())
    };
    assert_eq!(messages(&text(10)), [""; 0]);
    assert_eq!(messages(&text(2000)), ["the aliases of this file stand for more than 1000000 values"]);
}
