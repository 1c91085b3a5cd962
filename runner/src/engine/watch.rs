//! Running tasks again whenever their sources change (go-task, `watch.go`).
//!
//! Files are looked at again and again instead of asking the system to tell: that works on every file system, and the
//! pauses grow with what one look costs.

use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use tokio::task::JoinSet;

use super::{State, crashed};
use crate::call::Call;
use crate::error::{Cause, RunError};
use crate::event::Color;
use crate::scheduler::Context;

/// Pause between two looks at the sources (go-task, `defaultWaitTime`).
const DEFAULT_INTERVAL: Duration = Duration::from_millis(100);
/// The pause is at least so many times as long as a look took.
const PAUSE_FACTOR: u32 = 10;
/// How many tasks are looked at in one round: calls may go in a circle.
const MAX_WATCHED_CALLS: usize = 10_000;
/// Directories whose files never count, wherever they are.
const IGNORED_DIRECTORIES: [&str; 4] = ["/.task", "/.git", "/.hg", "/node_modules"];

/// All sources with their times and sizes, sorted by path.
type Snapshot = Vec<(String, Option<SystemTime>, u64)>;

impl State {
    /// Runs tasks, and runs them again when a source of them, or of a task that they call, changes. Ends only with
    /// the run.
    pub(super) async fn watch(self: &Rc<Self>, calls: &[Call]) -> Result<(), RunError> {
        self.watching.set(true);
        let names: Vec<&str> = calls.iter().map(|call| call.task.as_str()).collect();
        self.messages.err(Color::Green, format!("task: Started watching for tasks: {}\n", names.join(", ")));
        let interval = self.options.interval.or(self.program.interval).filter(|interval| !interval.is_zero());
        let interval = interval.unwrap_or(DEFAULT_INTERVAL);
        let root = self.root_context();
        let mut seen = self.snapshot(calls).await;
        let mut context = root.child();
        let mut running = self.start_watched(&context, calls);
        loop {
            let started = Instant::now();
            let now = self.snapshot(calls).await;
            if now != seen {
                seen = now;
                context.cancel(RunError::new(Cause::Cancelled));
                // Two runs of one task would get into each other's way.
                while running.join_next().await.is_some() {}
                self.variables.forget_outputs();
                context = root.child();
                running = self.start_watched(&context, calls);
            }
            let pause = interval.max(started.elapsed().saturating_mul(PAUSE_FACTOR));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = root.stop().stopped() => break,
            }
        }
        while running.join_next().await.is_some() {}
        Ok(())
    }

    fn start_watched(self: &Rc<Self>, context: &Context, calls: &[Call]) -> JoinSet<()> {
        let mut running = JoinSet::new();
        for call in calls {
            let (state, context, call) = (Rc::clone(self), context.clone(), call.clone());
            running.spawn_local(async move {
                let name = call.task.clone();
                let result = match tokio::task::spawn_local(Rc::clone(&state).run_task(context, call)).await {
                    Ok(result) => result,
                    Err(failure) => Err(crashed(&failure)),
                };
                match result {
                    Ok(()) => {
                        state.messages.err(Color::Green, format!("task: task \"{name}\" finished running\n"));
                    }
                    Err(error) if is_interruption(&error) => {}
                    Err(error) => state.messages.err(Color::Red, format!("{error}\n")),
                }
            });
        }
        running
    }

    async fn snapshot(&self, calls: &[Call]) -> Snapshot {
        let mut files = match self.watched_files(calls).await {
            Ok(files) => files,
            Err(error) => {
                self.messages.err(Color::Red, format!("{error}\n"));
                Vec::new()
            }
        };
        files.retain(|file| !is_ignored(file));
        files.sort_unstable();
        files.dedup();
        let state = |file: String| {
            let metadata = std::fs::metadata(&file).ok();
            let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok());
            (file, changed, metadata.map_or(0, |metadata| metadata.len()))
        };
        files.into_iter().map(state).collect()
    }

    /// The sources of tasks and of all tasks that they call.
    async fn watched_files(&self, calls: &[Call]) -> Result<Vec<String>, RunError> {
        let mut files = Vec::new();
        let mut open = calls.to_vec();
        let mut count = 0;
        while let Some(mut call) = open.pop() {
            count += 1;
            if count > MAX_WATCHED_CALLS {
                break;
            }
            let (id, task) = self.enter(&mut call)?;
            let concrete = self.surroundings().full(id, task, &call).await?;
            files.extend(self.freshness.files(&concrete.dir, &concrete.sources, concrete.use_gitignore));
            open.extend(concrete.into_calls());
        }
        Ok(files)
    }
}

fn is_interruption(error: &RunError) -> bool {
    matches!(error.cause(), Cause::Cancelled | Cause::DeadlineExceeded)
}

/// Whether a file is in a directory whose changes are never the user's.
fn is_ignored(file: &str) -> bool {
    IGNORED_DIRECTORIES.iter().any(|directory| {
        file.ends_with(directory)
            || file
                .match_indices(directory)
                .any(|(at, _)| file.as_bytes().get(at + directory.len()) == Some(&b'/'))
    })
}

#[cfg(test)]
mod tests {
    use super::is_ignored;

    #[test]
    fn files_of_tools_do_not_count() {
        for (file, expected) in [
            ("/p/.git/HEAD", true),
            ("/p/a.go", false),
            ("/p/.github/x", false),
            ("/p/node_modules/a/b", true),
        ] {
            assert_eq!(is_ignored(file), expected, "{file}");
        }
    }
}
