//! `ez cache`: the outputs that tasks with `ez-cache` left.

use std::time::{Duration, SystemTime};

use ez_runner::output_cache::{Limits, OutputCache, Stats};

use super::{Context, Outcome};
use crate::args::ez::{Cache, CacheAction};
use crate::args::invocation::Options;
use crate::byte_count;
use crate::disk::plain_message;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;
use ez_compiler::Purpose;

/// How long a result is kept that is not used, unless a limit is given, in days.
const DEFAULT_AGE: u32 = 30;
const SECONDS_A_DAY: u64 = 24 * 60 * 60;
const MEBIBYTE: u64 = 1 << 20;

/// Tells what is kept, or removes some of it.
pub fn run(context: &Context, options: &Options, request: &Cache) -> Outcome {
    let project = Project::open(context, options, Purpose::Run)?;
    let cache = OutputCache::new(project.compilation.program.dir.as_std_path());
    match request.action {
        CacheAction::Stats => show(context, request, "", cache.stats()),
        CacheAction::Gc => {
            let days = request.max_age.or(request.max_size.is_none().then_some(DEFAULT_AGE));
            let limits = Limits {
                max_age: days.map(|days| Duration::from_secs(u64::from(days) * SECONDS_A_DAY)),
                max_bytes: request.max_size.map(|size| size.saturating_mul(MEBIBYTE)),
            };
            let removed = cache
                .collect(limits, SystemTime::now())
                .map_err(|error| Failure::new(Code::OTHER, format!("ez: {}", plain_message(&error))))?;
            show(context, request, "removed ", removed)
        }
    }
}

fn show(context: &Context, request: &Cache, done: &str, stats: Stats) -> Outcome {
    let text = if request.json {
        let json = serde_json::to_string_pretty(&stats);
        json.map_err(|error| Failure::new(Code::OTHER, format!("ez: {error}")))?
    } else {
        let Stats { entries, files, bytes } = stats;
        let count = |number: usize, one: &str, many: &str| match number {
            1 => format!("1 {one}"),
            _ => format!("{number} {many}"),
        };
        let size = byte_count::text(bytes);
        format!("{done}{}, {}, {size}", count(entries, "result", "results"), count(files, "file", "files"))
    };
    context.logger.out(Color::None, &format!("{text}\n"));
    Ok(())
}
