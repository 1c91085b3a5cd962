//! Which node starts next. Knows nothing of time, processes and files; one method changes the state.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use ez_compiler::ir::{NodeId, Plan};
use serde::{Deserialize, Serialize};

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// It ran, and well.
    Succeeded,
    /// Its condition was false.
    Skipped,
    /// It failed.
    Failed,
    /// It failed, and the plan goes on as if it had not.
    Tolerated,
    /// Something that it needs failed.
    Blocked,
    /// The run was stopped before it was done.
    Cancelled,
    /// It was not asked for.
    NotSelected,
}

impl End {
    /// Whether what needs the node may start.
    pub fn satisfies(self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped | Self::Tolerated | Self::NotSelected)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
            Self::Tolerated => "failed, tolerated",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
            Self::NotSelected => "not selected",
        }
    }
}

/// What is known of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It needs something that is not done.
    Waiting,
    /// It can start.
    Ready,
    /// It was given out and is not done.
    Running,
    /// It is done.
    Done(End),
}

/// The state of all nodes.
#[derive(Debug)]
pub struct Schedule<'p> {
    plan: &'p Plan,
    standings: Vec<Standing>,
    missing: Vec<u32>,
    ranks: Vec<u64>,
    ready: BinaryHeap<Reverse<(u64, NodeId)>>,
    open: usize,
}

impl<'p> Schedule<'p> {
    /// All nodes of a plan; of several that are ready, that of the lowest rank starts first. Those that `is_selected` leaves out
    /// count as done.
    pub fn new(plan: &'p Plan, ranks: Vec<u64>, is_selected: impl Fn(NodeId) -> bool) -> Self {
        let count = plan.nodes.len();
        let missing = plan.ids().map(|id| plan.needs.of(id).len() as u32).collect();
        let mut schedule = Self {
            plan,
            standings: vec![Standing::Waiting; count],
            missing,
            ranks,
            ready: BinaryHeap::new(),
            open: count,
        };
        for id in plan.ids().filter(|id| plan.needs.of(*id).is_empty()) {
            schedule.set(id, Standing::Ready);
        }
        for id in plan.ids().filter(|id| !is_selected(*id)) {
            schedule.set(id, Standing::Done(End::NotSelected));
        }
        schedule
    }

    /// What is known of a node.
    pub fn standing(&self, id: NodeId) -> Standing {
        self.standings.get(id.0 as usize).copied().unwrap_or(Standing::Done(End::NotSelected))
    }

    /// How many nodes are not done.
    pub fn open(&self) -> usize {
        self.open
    }

    /// Gives out the next node that can start.
    pub fn take_next(&mut self) -> Option<NodeId> {
        while let Some(Reverse((_, id))) = self.ready.pop() {
            if self.standing(id) == Standing::Ready {
                self.set(id, Standing::Running);
                return Some(id);
            }
        }
        None
    }

    /// Ends a node. Gives the nodes that it blocks.
    pub fn finish(&mut self, id: NodeId, end: End) -> Vec<NodeId> {
        self.set(id, Standing::Done(end));
        let mut blocked = Vec::new();
        if end.satisfies() {
            return blocked;
        }
        let verdict = if end == End::Cancelled { End::Cancelled } else { End::Blocked };
        let mut open = vec![id];
        while let Some(failed) = open.pop() {
            for dependent in self.plan.dependents.of(failed) {
                if matches!(self.standing(*dependent), Standing::Waiting | Standing::Ready) {
                    self.set(*dependent, Standing::Done(verdict));
                    blocked.push(*dependent);
                    open.push(*dependent);
                }
            }
        }
        blocked
    }

    /// Ends all nodes that did not start. Gives them.
    pub fn cancel_rest(&mut self) -> Vec<NodeId> {
        let rest: Vec<NodeId> = self
            .plan
            .ids()
            .filter(|id| matches!(self.standing(*id), Standing::Waiting | Standing::Ready))
            .collect();
        for id in &rest {
            self.set(*id, Standing::Done(End::Cancelled));
        }
        rest
    }

    /// The one place where a node changes.
    fn set(&mut self, id: NodeId, standing: Standing) {
        let index = id.0 as usize;
        let Some(place) = self.standings.get_mut(index) else { return };
        if matches!(place, Standing::Done(_)) {
            return;
        }
        *place = standing;
        match standing {
            Standing::Ready => {
                let rank = self.ranks.get(index).copied().unwrap_or_default();
                self.ready.push(Reverse((rank, id)));
            }
            Standing::Done(end) => {
                self.open -= 1;
                if end.satisfies() {
                    self.release(id);
                }
            }
            Standing::Waiting | Standing::Running => {}
        }
    }

    fn release(&mut self, id: NodeId) {
        for dependent in self.plan.dependents.of(id) {
            let Some(missing) = self.missing.get_mut(dependent.0 as usize) else { continue };
            *missing -= 1;
            if *missing == 0 {
                self.set(*dependent, Standing::Ready);
            }
        }
    }
}
