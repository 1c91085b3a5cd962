//! Records what go-task does in conformance cases: `cargo run -p ez-tests --bin record -- <area>/<name>…`.

use std::env;
use std::process::ExitCode;

use ez_tests::{conformance, program};

fn main() -> ExitCode {
    let ids: Vec<String> = env::args().skip(1).collect();
    if ids.is_empty() {
        eprintln!("usage: record <area>/<name>…");
        return ExitCode::FAILURE;
    }
    let (oracle, cases) = (program::oracle(), conformance::cases_directory());
    let mut exit = ExitCode::SUCCESS;
    for id in ids {
        if let Err(error) = conformance::record(&cases.join(&id), &oracle) {
            eprintln!("failed to record {id}: {error}");
            exit = ExitCode::FAILURE;
        }
    }
    exit
}
