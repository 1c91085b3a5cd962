//! A plan of 10,000 steps: from the text to the graph with all findings, and to the Taskfile for go-task.
//!
//! `cargo bench -p ez-compiler --bench plan`. DESIGN's bound for all of it is 150 ms, and 200 MB.

use std::fmt::Write;
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::emit::plan::{PlanProject, plan_taskfile};
use ez_compiler::file_system::MemoryFileSystem;
use ez_compiler::plan::PlanFile;
use ez_compiler::template::PureHost;
use ez_compiler::{Dialect, Options, Purpose, compile, compile_plans};

const STEPS: usize = 10_000;
const ROUNDS: usize = 15;

fn main() {
    let host = PureHost;
    let taskfile = "version: '3'\ntasks:\n  work: {cmds: ['echo {{.PART}}']}\n  gather: echo all\n";
    let plan = plan();
    let files =
        MemoryFileSystem::new().with("/p/Taskfile.yml", taskfile).with("/p/plans/big.yml", plan.as_str());
    let options = Options {
        root_dir: Utf8PathBuf::from("/p"),
        host: &host,
        purpose: Purpose::Run,
        dialect: Dialect::Ez,
        folder: None,
    };
    let mut read = Vec::new();
    let mut checked = Vec::new();
    let mut built = Vec::new();
    let mut size = 0;
    for _ in 0..ROUNDS {
        let mut compilation = compile(&files, Utf8Path::new("/p/Taskfile.yml"), &options, None);
        let start = Instant::now();
        let alone =
            ez_compiler::plan::read(&files, PlanFile::at("/p/plans/big.yml"), &mut compilation.sources);
        read.push(start.elapsed());
        drop(alone);
        let start = Instant::now();
        let compiled = compile_plans(&files, &host, &mut compilation, vec![PlanFile::at("/p/plans/big.yml")]);
        checked.push(start.elapsed());
        let plan = compiled.first().and_then(|plan| plan.plan.as_ref());
        let found: usize = compiled.iter().map(|plan| plan.diagnostics.len()).sum();
        let (Some(plan), 0) = (plan, found) else {
            println!("the plan has {found} findings: {:?}", compiled.first().map(|plan| &plan.diagnostics));
            return;
        };
        let parts = PlanProject {
            program: &compilation.program,
            loaded: &compilation.loaded,
            sources: &compilation.sources,
            folders: Vec::new(),
        };
        let start = Instant::now();
        size = plan_taskfile(plan, &parts, None).text.len();
        built.push(start.elapsed());
    }
    println!("{STEPS} steps, {} KiB, median (best) of {ROUNDS} rounds:", plan.len() / 1024);
    print("read alone", &mut read);
    print("read and checked, with its graph", &mut checked);
    print(&format!("written for go-task, {} KiB", size / 1024), &mut built);
    if let Some(peak) = peak_memory() {
        println!("  {:36} {peak:7} MiB", "memory of the process, at most");
    }
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

/// The largest amount of memory that the process had, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// Layers of a hundred steps, each of which needs some of the layer above and takes an artifact of one of them.
fn plan() -> String {
    let mut text = String::from("vars: {version: '1.2'}\nsteps:\n");
    for step in 0..STEPS {
        let (layer, column) = (step / 100, step % 100);
        // A `String` takes all that is written to it.
        let _ = write!(
            text,
            "  - name: s{step}\n    task: work\n    vars: {{PART: 'part {step} of {{{{.version}}}}'}}\n    artifacts:\n      \
             - {{name: out, path: 'out/s{step}'}}\n"
        );
        if layer > 0 {
            let above = |shift: usize| (layer - 1) * 100 + (column + shift) % 100;
            let _ = write!(
                text,
                "    needs: [s{}, s{}, s{}]\n    inputs:\n      - {{from: s{}, artifact: out, to: 'in/s{step}/'}}\n",
                above(0),
                above(1),
                above(7),
                above(7)
            );
        }
    }
    text
}
