//! Where runs of plans keep their state: `.ez/plans/<plan>/state/<run>/`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use smol_str::SmolStr;

use super::journal::{self, Begin, Finished, Record};
use crate::runtime_data;
use crate::task_log;

/// How often a name for a run is tried.
const MAX_NAMES: u32 = 10_000;

/// The directories of one run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDirectory {
    /// Names the run.
    pub run: SmolStr,
    /// `.ez/plans/<plan>/state/<run>`
    pub path: PathBuf,
    /// `.ez/plans/<plan>/logs/<run>`
    pub logs: PathBuf,
}

impl RunDirectory {
    /// The directories of a run of a plan.
    pub fn of(root: &Path, plan: &str, run: &str) -> Self {
        let directory = runtime_data::plan(root, plan);
        Self {
            run: run.into(),
            path: directory.join("state").join(run),
            logs: directory.join("logs").join(run),
        }
    }

    /// Makes the directories of a new run; its name is the time.
    ///
    /// # Errors
    /// A directory cannot be made.
    pub fn create(root: &Path, plan: &str, time: &str) -> io::Result<Self> {
        let stamp: String =
            time.chars().take_while(|c| *c != '.').filter(char::is_ascii_alphanumeric).collect();
        let state = runtime_data::plan(root, plan).join("state");
        runtime_data::make_directory(root, &state)?;
        for number in 1..=MAX_NAMES {
            let run = if number == 1 { stamp.clone() } else { format!("{stamp}-{number}") };
            let directory = Self::of(root, plan, &run);
            match fs::create_dir(&directory.path) {
                Ok(()) => {
                    for part in [directory.steps(), directory.artifacts(), directory.logs.clone()] {
                        fs::create_dir_all(part)?;
                    }
                    return Ok(directory);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "too many runs of the same second"))
    }

    fn steps(&self) -> PathBuf {
        self.path.join("steps")
    }

    fn artifacts(&self) -> PathBuf {
        self.path.join("artifacts")
    }

    /// The workspace of a node.
    pub fn step(&self, slug: &str) -> PathBuf {
        self.steps().join(slug)
    }

    /// Where copies are made before they get their places.
    pub fn staging(&self) -> PathBuf {
        self.path.join("staging")
    }

    /// The file for the outputs of a node.
    pub fn output(&self, slug: &str) -> PathBuf {
        self.path.join("outputs").join(slug)
    }

    /// The file for the job of a node on a server, as long as it may run.
    pub fn begun_job(&self, slug: &str) -> PathBuf {
        self.path.join("jobs").join(format!("{slug}.json"))
    }

    /// What a node left for others.
    pub fn artifacts_of(&self, slug: &str) -> PathBuf {
        self.artifacts().join(slug)
    }

    /// The log of a node.
    pub fn log(&self, slug: &str) -> PathBuf {
        self.logs.join(format!("{slug}.{}", task_log::EXTENSION))
    }
}

impl RunDirectory {
    /// Takes over what a node left in another run: the same files under two names, since nobody changes them where they are
    /// kept.
    ///
    /// # Errors
    /// A directory or a name cannot be made.
    pub fn adopt(&self, other: &Self, slug: &str) -> io::Result<()> {
        let (from, to) = (other.artifacts_of(slug), self.artifacts_of(slug));
        if from.is_dir() { link_tree(&from, &to) } else { Ok(()) }
    }
}

fn link_tree(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_tree(&entry.path(), &target)?;
        } else {
            fs::hard_link(entry.path(), target)?;
        }
    }
    Ok(())
}

/// What a list shows of a run.
#[derive(Clone, Debug)]
pub struct RunSummary {
    /// How it began.
    pub begin: Begin,
    /// Whether a process works on it now.
    pub is_running: bool,
    /// Its exit code, where it ended.
    pub exit: Option<u8>,
    /// When it ended; RFC 3339.
    pub ended: Option<SmolStr>,
    /// The last word on each node.
    pub nodes: Vec<Finished>,
    /// The nodes that began and did not end, by their slugs, each with its attempt and when that began.
    pub open: BTreeMap<SmolStr, Attempt>,
}

/// An attempt of a node that did not end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Which one; the first is 1.
    pub number: u32,
    /// When it began; RFC 3339.
    pub time: SmolStr,
}

impl RunSummary {
    /// From the records of a journal; `None` without a beginning.
    pub fn of(records: Vec<Record>, is_running: bool) -> Option<Self> {
        let mut records = records.into_iter();
        let Some(Record::Begin(begin)) = records.next() else { return None };
        let mut summary =
            Self { begin, is_running, exit: None, ended: None, nodes: Vec::new(), open: BTreeMap::new() };
        for record in records {
            match record {
                Record::Finished(finished) => {
                    summary.nodes.retain(|known| known.node != finished.node);
                    summary.open.remove(&finished.node);
                    summary.nodes.push(*finished);
                }
                Record::Ended { exit, time } => (summary.exit, summary.ended) = (Some(exit), Some(time)),
                Record::Resumed { .. } => {
                    (summary.exit, summary.ended) = (None, None);
                    summary.open.clear();
                }
                Record::Started { node, attempt, time } => {
                    summary.open.insert(node, Attempt { number: attempt, time });
                }
                Record::Begin(_) => {}
            }
        }
        Some(summary)
    }
}

/// The newest run of a plan.
pub fn latest(root: &Path, plan: &str) -> Option<RunSummary> {
    let state = runtime_data::plan(root, plan).join("state");
    let entries = fs::read_dir(state).into_iter().flatten().flatten();
    let mut names: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    // Names are times; those of one second are numbered.
    names.sort_by_key(|path| std::cmp::Reverse(run_order(path)));
    names.iter().find_map(|path| {
        let (records, is_running) = journal::read(path).ok()?;
        RunSummary::of(records, is_running)
    })
}

/// The time in the name of a run, and its number in that second.
fn run_order(path: &Path) -> (String, u32) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    match name.split_once('-') {
        Some((time, number)) => (time.to_owned(), number.parse().unwrap_or(u32::MAX)),
        None => (name.into_owned(), 1),
    }
}

/// The runs of a plan, the newest first. What has no whole journal is no run.
pub fn runs(root: &Path, plan: &str) -> Vec<RunSummary> {
    let state = runtime_data::plan(root, plan).join("state");
    let entries = fs::read_dir(state).into_iter().flatten().flatten();
    let mut runs: Vec<RunSummary> = entries
        .filter_map(|entry| {
            let (records, is_running) = journal::read(&entry.path()).ok()?;
            RunSummary::of(records, is_running)
        })
        .collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run_order(Path::new(run.begin.run.as_str()))));
    runs
}
