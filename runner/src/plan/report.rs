//! What a run of a plan tells while it goes on.

use std::time::Duration;

use ez_compiler::ir::NodeId;

use super::schedule::End;
use crate::event::Stream;

/// Something that happened.
#[derive(Clone, Debug)]
pub enum PlanEvent<'a> {
    /// A node begins an attempt; the first one is 1.
    Started {
        /// The node.
        node: NodeId,
        /// The attempt.
        attempt: u32,
    },
    /// Another machine has begun with a node.
    Placed {
        /// The node.
        node: NodeId,
        /// The attempt.
        attempt: u32,
        /// The machine.
        machine: &'a str,
    },
    /// A node printed something.
    Output {
        /// The node.
        node: NodeId,
        /// Where.
        stream: Stream,
        /// What, secrets masked.
        bytes: &'a [u8],
    },
    /// An attempt failed and another one follows.
    Retried {
        /// The node.
        node: NodeId,
        /// The next attempt.
        next: u32,
        /// How many there are.
        of: u32,
        /// The pause before it.
        delay: Duration,
        /// Why the last one failed.
        cause: &'a str,
    },
    /// A node waits for a yes.
    Waiting {
        /// The node.
        node: NodeId,
    },
    /// A node is done, and the journal has it.
    Finished {
        /// The node.
        node: NodeId,
        /// How.
        end: End,
        /// Whether its result is one of an earlier run.
        reused: bool,
        /// The exit code of its last attempt, where it ran.
        exit: Option<u8>,
        /// How many attempts it took.
        attempts: u32,
        /// How long it took.
        duration: Duration,
        /// Why it failed.
        cause: Option<&'a str>,
    },
    /// Something to know about a node.
    Warning {
        /// The node.
        node: NodeId,
        /// What.
        text: &'a str,
    },
}

/// Listens to a run.
pub trait PlanSink {
    /// Takes an event.
    fn emit(&self, event: &PlanEvent<'_>);
}

/// Several listeners as one.
pub struct PlanSinks<'a>(pub Vec<&'a dyn PlanSink>);

impl PlanSink for PlanSinks<'_> {
    fn emit(&self, event: &PlanEvent<'_>) {
        for sink in &self.0 {
            sink.emit(event);
        }
    }
}
