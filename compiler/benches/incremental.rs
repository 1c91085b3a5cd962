//! One changed line in a Taskfile of 5,000 tasks, from the text to new findings, beside a compilation from nothing.
//!
//! `cargo bench -p ez-compiler`. DESIGN's bound for the change is 20 ms.

use std::fmt::Write;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::template::PureHost;
use ez_compiler::{Compilation, Dialect, Options, Purpose, compile};

const TASKS: usize = 5_000;
const ROUNDS: usize = 31;

fn main() {
    let host = PureHost;
    let options = Options {
        root_dir: Utf8PathBuf::from("/p"),
        host: &host,
        purpose: Purpose::Check,
        dialect: Dialect::Ez,
        folder: None,
    };
    let run = |text: &str, previous: Option<&Compilation>| {
        let files = MemoryFileSystem::new().with("/p/Taskfile.yml", text);
        let start = Instant::now();
        let compilation = compile(&files, Utf8Path::new("/p/Taskfile.yml"), &options, previous);
        (start.elapsed(), compilation)
    };
    let mut fresh = Vec::new();
    let mut edited: [Vec<Duration>; 3] = Default::default();
    for round in 0..ROUNDS {
        let (took, mut before) = run(&taskfile(None), None);
        fresh.push(took);
        // What a person does: type in a command, break it on the way, put a line in above.
        let middle = TASKS / 2 + round;
        for (times, edit) in
            edited.iter_mut().zip(["echo changed", "echo {{.UNKNOWN", "echo more\n      - echo line"])
        {
            let (took, after) = run(&taskfile(Some((middle, edit))), Some(&before));
            times.push(took);
            before = after;
        }
    }
    println!("{TASKS} tasks, {} KiB, median (best) of {ROUNDS} rounds:", taskfile(None).len() / 1024);
    print("compiled and checked from nothing", &mut fresh);
    let names = ["one line changed", "one line broken", "one line more"];
    names.iter().zip(&mut edited).for_each(|(name, times)| print(name, times));
}

fn print(what: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let milliseconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64) * 1000.0;
    println!(
        "  {what:36} {:7.1} ms ({:.1})",
        milliseconds(times.get(times.len() / 2)),
        milliseconds(times.first())
    );
}

fn taskfile(edit: Option<(usize, &str)>) -> String {
    let mut text = String::from("version: '3'\ntasks:\n");
    for i in 0..TASKS {
        let deps = if i % 10 == 0 { String::new() } else { format!("    deps: [task-{}]\n", i - 1) };
        let command = match edit {
            Some((at, command)) if at == i => command.to_owned(),
            _ => format!("echo \"building {{{{.PART}}}} {i}\""),
        };
        // A `String` takes all that is written to it.
        let _ = write!(
            text,
            "  task-{i}:\n    desc: Build part {i} of the product\n{deps}    vars:\n      PART: part-{i}\n      \
             OUT: '{{{{.PART}}}}.out'\n    cmds:\n      - {command}\n      - touch {{{{.OUT}}}}\n"
        );
    }
    text
}
