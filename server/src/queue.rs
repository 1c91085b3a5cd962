//! Which job runs next, and where: plain data, without time, disk or network.
//!
//! Slots are counted from what runs, never in a number of their own, so that none can leak.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::job::{JobId, JobSpec};

/// The number of a node.
pub type NodeId = i64;

/// What a job needs of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Needs {
    /// One of these; any where there are none.
    nodes: BTreeSet<String>,
    tags: BTreeSet<String>,
    lock: Option<String>,
    /// Whether it waits for other jobs.
    waits_for_jobs: bool,
}

impl Needs {
    fn of(spec: &JobSpec) -> Self {
        Self {
            nodes: spec.node.iter().chain(&spec.nodes).cloned().collect(),
            tags: spec.tags.iter().cloned().collect(),
            lock: spec.lock.clone(),
            waits_for_jobs: spec.waits_for_jobs(),
        }
    }
}

/// A node as the queue sees it.
#[derive(Clone, Debug, Default)]
struct Node {
    name: String,
    tags: BTreeSet<String>,
    slots: usize,
    takes_jobs: bool,
    running: BTreeSet<JobId>,
    /// Those that run and wait for other jobs. They have as many places of their own, so that they never hold up what they wait for.
    waiting_for_jobs: BTreeSet<JobId>,
}

impl Node {
    fn of_kind(&self, waits_for_jobs: bool) -> &BTreeSet<JobId> {
        if waits_for_jobs { &self.waiting_for_jobs } else { &self.running }
    }

    fn free(&self, waits_for_jobs: bool) -> usize {
        let taken = self.of_kind(waits_for_jobs).len();
        if self.takes_jobs { self.slots.saturating_sub(taken) } else { 0 }
    }

    fn fits(&self, id: NodeId, needs: &Needs) -> bool {
        let is_it =
            |named: &String| *named == self.name || *named == id.to_string() || self.tags.contains(named);
        let is_named = needs.nodes.is_empty() || needs.nodes.iter().any(is_it);
        is_named && needs.tags.is_subset(&self.tags)
    }
}

/// A job that runs.
#[derive(Clone, Debug)]
struct Running {
    node: NodeId,
    lock: Option<String>,
    waits_for_jobs: bool,
}

/// How many jobs may run at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// On all nodes together.
    pub total: Option<usize>,
    /// Of one task.
    pub per_task: BTreeMap<String, usize>,
    /// On any one node, whatever slots it offers.
    pub any_node: Option<usize>,
    /// On the node of a name.
    pub per_node: BTreeMap<String, usize>,
}

impl Limits {
    /// How many jobs a node runs at once that offers so many slots.
    fn slots_of(&self, node: &str, offered: usize) -> usize {
        let most = [self.any_node, self.per_node.get(node).copied()];
        most.into_iter().flatten().fold(offered, usize::min)
    }
}

/// Jobs that wait for the same.
type Line = BTreeSet<(Reverse<i32>, JobId)>;

/// Jobs that wait and jobs that run.
#[derive(Clone, Debug, Default)]
pub struct Queue {
    limits: Limits,
    nodes: BTreeMap<NodeId, Node>,
    /// Those that wait, by what they need; those of higher priority and those that came earlier first.
    waiting: BTreeMap<(Needs, String), Line>,
    places: HashMap<JobId, (Needs, String, Reverse<i32>)>,
    running: HashMap<JobId, Running>,
    names: HashMap<JobId, String>,
    locks: HashMap<String, JobId>,
}

impl Queue {
    /// An empty one.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// A job waits.
    pub fn add(&mut self, job: JobId, spec: &JobSpec) {
        let place = (Needs::of(spec), spec.name.clone(), Reverse(spec.priority));
        self.waiting.entry((place.0.clone(), place.1.clone())).or_default().insert((place.2, job));
        self.places.insert(job, place);
    }

    /// A job waits no more. Whether it did.
    pub fn remove(&mut self, job: JobId) -> bool {
        let Some((needs, name, priority)) = self.places.remove(&job) else { return false };
        let key = (needs, name);
        if let Some(waiting) = self.waiting.get_mut(&key) {
            waiting.remove(&(priority, job));
            if waiting.is_empty() {
                self.waiting.remove(&key);
            }
        }
        true
    }

    /// A node is there, and takes jobs.
    pub fn node_is_up(&mut self, id: NodeId, name: &str, tags: &[String], slots: u32, takes_jobs: bool) {
        let node = self.nodes.entry(id).or_default();
        name.clone_into(&mut node.name);
        node.tags = tags.iter().cloned().collect();
        node.slots = self.limits.slots_of(name, slots as usize);
        node.takes_jobs = takes_jobs;
    }

    /// A node is forgotten. What runs on it is still known.
    pub fn node_is_gone(&mut self, id: NodeId) {
        self.nodes.remove(&id);
    }

    /// How many jobs a node runs at once.
    pub fn slots(&self, id: NodeId) -> usize {
        self.nodes.get(&id).map_or(0, |node| node.slots)
    }

    /// A node takes no jobs now; those that it has go on.
    pub fn node_takes_none(&mut self, id: NodeId) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.takes_jobs = false;
        }
    }

    /// A job runs, as was decided before.
    pub fn resume(&mut self, job: JobId, spec: &JobSpec, node: NodeId) {
        self.run(job, &Needs::of(spec), &spec.name, node);
    }

    fn run(&mut self, job: JobId, needs: &Needs, name: &str, node: NodeId) {
        let Needs { lock, waits_for_jobs, .. } = needs;
        let place = self.nodes.entry(node).or_default();
        if *waits_for_jobs {
            place.waiting_for_jobs.insert(job);
        } else {
            place.running.insert(job);
            self.names.insert(job, name.to_owned());
        }
        if let Some(lock) = lock {
            self.locks.insert(lock.clone(), job);
        }
        self.running.insert(job, Running { node, lock: lock.clone(), waits_for_jobs: *waits_for_jobs });
    }

    /// A job runs no more.
    pub fn release(&mut self, job: JobId) {
        let Some(running) = self.running.remove(&job) else { return };
        self.names.remove(&job);
        if let Some(node) = self.nodes.get_mut(&running.node) {
            node.running.remove(&job);
            node.waiting_for_jobs.remove(&job);
        }
        if let Some(lock) = running.lock {
            self.locks.remove(&lock);
        }
    }

    /// The jobs of a node.
    pub fn running_on(&self, node: NodeId) -> Vec<JobId> {
        let jobs = |node: &Node| node.running.iter().chain(&node.waiting_for_jobs).copied().collect();
        self.nodes.get(&node).map(jobs).unwrap_or_default()
    }

    /// How many jobs wait and how many run.
    pub fn counts(&self) -> (usize, usize) {
        (self.places.len(), self.running.len())
    }

    /// The next job that can run, and where; it runs then.
    pub fn take(&mut self) -> Option<(JobId, NodeId)> {
        if self.nodes.values().all(|node| node.free(false) == 0 && node.free(true) == 0) {
            return None;
        }
        let in_slots = self.running.values().filter(|running| !running.waits_for_jobs).count();
        let is_full = self.limits.total.is_some_and(|most| in_slots >= most);
        let heads = self.waiting.iter().filter_map(|(key, waiting)| waiting.first().map(|head| (head, key)));
        let (_, job, node, needs, name) = heads
            .filter(|(_, (needs, name))| (needs.waits_for_jobs || !is_full) && self.may_run(needs, name))
            .filter_map(|((priority, job), (needs, name))| {
                Some((*priority, *job, self.place_for(needs)?, needs, name))
            })
            .min_by_key(|(priority, job, ..)| (*priority, *job))?;
        let (needs, name) = (needs.clone(), name.clone());
        self.remove(job);
        self.run(job, &needs, &name, node);
        Some((job, node))
    }

    fn may_run(&self, needs: &Needs, name: &str) -> bool {
        if needs.lock.as_ref().is_some_and(|lock| self.locks.contains_key(lock)) {
            return false;
        }
        let most = self.limits.per_task.get(name).filter(|_| !needs.waits_for_jobs);
        most.is_none_or(|most| self.names.values().filter(|known| *known == name).count() < *most)
    }

    /// The node with the most free slots, for its size, of those that fit.
    fn place_for(&self, needs: &Needs) -> Option<NodeId> {
        let kind = needs.waits_for_jobs;
        let fitting = self.nodes.iter().filter(|(id, node)| node.free(kind) > 0 && node.fits(**id, needs));
        let busiest_last =
            fitting.min_by_key(|(id, node)| (node.of_kind(kind).len() * 1000 / node.slots, **id));
        busiest_last.map(|(id, _)| *id)
    }
}

#[cfg(test)]
mod tests {
    use super::{Limits, Queue};
    use crate::job::{JobSpec, PlanOrder};

    fn spec(change: impl FnOnce(&mut JobSpec)) -> JobSpec {
        let mut spec = JobSpec { name: "build".into(), ..JobSpec::default() };
        change(&mut spec);
        spec
    }

    fn queue(slots: u32) -> Queue {
        let mut queue = Queue::new(Limits::default());
        queue.node_is_up(1, "one", &["os:linux".into()], slots, true);
        queue
    }

    #[test]
    fn priority_counts_first_and_then_age() {
        let mut queue = queue(9);
        for (job, priority) in [(1, 0), (2, 5), (3, 5), (4, -1)] {
            queue.add(job, &spec(|spec| (spec.priority, spec.tags) = (priority, vec!["os:linux".into()])));
        }
        queue.add(5, &spec(|spec| spec.priority = 7));
        let order: Vec<_> = std::iter::from_fn(|| queue.take()).map(|(job, _)| job).collect();
        assert_eq!(order, [5, 2, 3, 1, 4]);
    }

    #[test]
    fn a_job_that_no_node_can_take_holds_nobody_up() {
        let mut queue = queue(1);
        queue.add(1, &spec(|spec| spec.tags = vec!["arch:arm64".into()]));
        queue.add(2, &spec(|spec| spec.node = Some("other".into())));
        queue.add(3, &spec(|_| ()));
        assert_eq!(queue.take(), Some((3, 1)));
        assert_eq!(queue.take(), None);
        queue.node_is_up(2, "other", &["arch:arm64".into()], 2, true);
        assert_eq!((queue.take(), queue.take()), (Some((1, 2)), Some((2, 2))));
    }

    #[test]
    fn jobs_spread_over_the_nodes() {
        let mut queue = queue(2);
        queue.node_is_up(2, "two", &[], 4, true);
        for job in 1..=6 {
            queue.add(job, &spec(|_| ()));
        }
        let nodes: Vec<_> = std::iter::from_fn(|| queue.take()).map(|(_, node)| node).collect();
        assert_eq!(nodes, [1, 2, 2, 1, 2, 2]);
        queue.release(2);
        queue.add(7, &spec(|_| ()));
        assert_eq!(queue.take(), Some((7, 2)));
    }

    #[test]
    fn what_waits_for_other_jobs_takes_no_place_of_theirs() {
        let mut queue = Queue::new(Limits { total: Some(1), ..Limits::default() });
        queue.node_is_up(1, "one", &[], 1, true);
        let plan = PlanOrder { has_remote_steps: true, ..PlanOrder::default() };
        for job in [1, 2] {
            queue.add(job, &spec(|spec| spec.plan = Some(Box::new(plan.clone()))));
        }
        for job in [3, 4] {
            queue.add(job, &spec(|_| ()));
        }
        assert_eq!((queue.take(), queue.take(), queue.take()), (Some((1, 1)), Some((3, 1)), None));
        assert_eq!(queue.running_on(1), [3, 1]);
        queue.release(1);
        queue.release(3);
        assert_eq!((queue.take(), queue.take(), queue.counts()), (Some((2, 1)), Some((4, 1)), (0, 2)));
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let mut queue = queue(9);
        for job in [1, 2] {
            queue.add(job, &spec(|spec| spec.lock = Some("board".into())));
        }
        assert_eq!((queue.take(), queue.take()), (Some((1, 1)), None));
        queue.release(1);
        assert_eq!(queue.take(), Some((2, 1)));
    }

    #[test]
    fn limits_hold() {
        let limits =
            Limits { total: Some(3), per_task: [("build".to_owned(), 2)].into(), ..Limits::default() };
        let mut queue = Queue::new(limits);
        queue.node_is_up(1, "one", &[], 9, true);
        for job in 1..=3 {
            queue.add(job, &spec(|_| ()));
        }
        for job in 4..=5 {
            queue.add(job, &spec(|spec| spec.name = "test".into()));
        }
        let taken: Vec<_> = std::iter::from_fn(|| queue.take()).map(|(job, _)| job).collect();
        assert_eq!(taken, [1, 2, 4]);
    }

    #[test]
    fn limits_of_nodes_hold() {
        let per_node = [("one".to_owned(), 1), ("two".to_owned(), 9)].into();
        let mut queue = Queue::new(Limits { any_node: Some(2), per_node, ..Limits::default() });
        for (id, name) in [(1, "one"), (2, "two"), (3, "three")] {
            queue.node_is_up(id, name, &[], 4, true);
        }
        for job in 1..=9 {
            queue.add(job, &spec(|_| ()));
        }
        let mut nodes: Vec<_> = std::iter::from_fn(|| queue.take()).map(|(_, node)| node).collect();
        nodes.sort_unstable();
        assert_eq!(nodes, [1, 2, 2, 3, 3]);
    }

    #[test]
    fn a_node_that_drains_keeps_what_it_has() {
        let mut queue = queue(2);
        queue.add(1, &spec(|_| ()));
        queue.add(2, &spec(|_| ()));
        assert!(queue.take().is_some());
        queue.node_takes_none(1);
        assert_eq!((queue.take(), queue.running_on(1)), (None, vec![1]));
        assert!(queue.remove(2));
        assert_eq!(queue.counts(), (0, 1));
    }
}
