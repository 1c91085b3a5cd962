//! What a job waits for, in words for who asked for it.

use std::fmt;

use crate::job::JobId;

/// Why a job that waits has no node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Another job has its lock.
    Lock(String, JobId),
    /// As many jobs of its task run as may.
    Task(usize),
    /// As many jobs run on all nodes together as may.
    Total(usize),
    /// There is none that takes jobs at all.
    Nodes,
    /// None has one of these names.
    Named(Vec<String>),
    /// None of those that it may run on has these tags.
    Tags(Vec<String>),
    /// Those that it may run on are not connected.
    Away(Vec<String>),
    /// Those that it may run on, as far as they are connected, take no more jobs.
    Drained(Vec<String>),
    /// Those that it may run on are busy.
    Slot(Vec<String>),
    /// It failed, and is tried again in a moment.
    Pause,
}

/// Words as in "`a`, `b` or `c`".
fn one_of(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => format!("`{only}`"),
        [others @ .., last] => {
            let others: Vec<String> = others.iter().map(|word| format!("`{word}`")).collect();
            format!("{} or `{last}`", others.join(", "))
        }
    }
}

impl fmt::Display for WaitsFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lock(lock, job) => write!(f, "the lock `{lock}`, which job {job} has"),
            Self::Task(1) => f.write_str("the job of the same task that runs: no more may run at once"),
            Self::Task(most) => write!(f, "one of the {most} jobs of the same task that may run at once"),
            Self::Total(most) => write!(f, "one of the {most} jobs that may run at once on all nodes"),
            Self::Nodes => f.write_str("a node: none is connected that has slots"),
            Self::Named(names) => {
                write!(f, "a node: none with slots is named {}, or has that tag", one_of(names))
            }
            Self::Tags(tags) => {
                let all: Vec<String> = tags.iter().map(|tag| format!("`{tag}`")).collect();
                write!(f, "a node: none that it may run on has {}", all.join(" and "))
            }
            Self::Away(names) => write!(f, "the node {}, not connected now", one_of(names)),
            Self::Drained(names) => write!(f, "the node {}, which takes no more jobs", one_of(names)),
            Self::Slot(names) => write!(f, "a free slot of the node {}", one_of(names)),
            Self::Pause => f.write_str("the pause before its next attempt"),
        }
    }
}
