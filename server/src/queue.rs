//! Which job runs next, and where: plain data, without time, disk or network.
//!
//! Slots are counted from what runs, never in a number of their own, so that none can leak.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::job::{JobId, JobSpec};
use crate::waiting::WaitsFor;

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

/// Whether a node takes jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// It is connected, and takes jobs.
    Ready,
    /// It takes no more jobs; those that it has go on.
    Drained,
    /// It is not connected.
    #[default]
    Away,
}

/// A node as the queue sees it.
#[derive(Clone, Debug, Default)]
struct Node {
    name: String,
    tags: BTreeSet<String>,
    slots: usize,
    readiness: Readiness,
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
        if self.readiness == Readiness::Ready { self.slots.saturating_sub(taken) } else { 0 }
    }

    fn is_named(&self, id: NodeId, needs: &Needs) -> bool {
        let is_it =
            |named: &String| *named == self.name || *named == id.to_string() || self.tags.contains(named);
        needs.nodes.is_empty() || needs.nodes.iter().any(is_it)
    }

    fn fits(&self, id: NodeId, needs: &Needs) -> bool {
        self.is_named(id, needs) && needs.tags.is_subset(&self.tags)
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

    /// There is a node.
    pub fn node_is_known(
        &mut self,
        id: NodeId,
        name: &str,
        tags: &[String],
        slots: u32,
        readiness: Readiness,
    ) {
        let node = self.nodes.entry(id).or_default();
        name.clone_into(&mut node.name);
        node.tags = tags.iter().cloned().collect();
        node.slots = self.limits.slots_of(name, slots as usize);
        node.readiness = readiness;
    }

    /// A node is forgotten. What runs on it is still known.
    pub fn node_is_gone(&mut self, id: NodeId) {
        self.nodes.remove(&id);
    }

    /// How many jobs a node runs at once.
    pub fn slots(&self, id: NodeId) -> usize {
        self.nodes.get(&id).map_or(0, |node| node.slots)
    }

    /// A node takes jobs, or none; those that it has go on.
    pub fn node_is(&mut self, id: NodeId, readiness: Readiness) {
        if let Some(node) = self.nodes.get_mut(&id) {
            node.readiness = readiness;
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
        let is_full = self.most_of_all().is_some();
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

    /// Why a job that waits does not run. `None` where it does not wait, or runs next.
    pub fn waits_for(&self, job: JobId) -> Option<WaitsFor> {
        let (needs, name, _) = self.places.get(&job)?;
        let holder = needs.lock.as_ref().and_then(|lock| Some((lock, self.locks.get(lock)?)));
        if let Some((lock, holder)) = holder {
            return Some(WaitsFor::Lock(lock.clone(), *holder));
        }
        if !self.may_run(needs, name) {
            return self.limits.per_task.get(name).copied().map(WaitsFor::Task);
        }
        if self.place_for(needs).is_none() {
            return Some(self.lacks(needs));
        }
        self.most_of_all().filter(|_| !needs.waits_for_jobs).map(WaitsFor::Total)
    }

    /// How many jobs may run at once on all nodes together, where so many do.
    fn most_of_all(&self) -> Option<usize> {
        let in_slots = || self.running.values().filter(|running| !running.waits_for_jobs).count();
        self.limits.total.filter(|most| in_slots() >= *most)
    }

    /// What no node has of that which a job needs.
    fn lacks(&self, needs: &Needs) -> WaitsFor {
        let names = |nodes: &[&Node]| nodes.iter().map(|node| node.name.clone()).collect();
        let with_slots = self.nodes.iter().filter(|(_, node)| node.slots > 0);
        let named: Vec<&Node> =
            with_slots.filter(|(id, node)| node.is_named(**id, needs)).map(|(_, node)| node).collect();
        if named.is_empty() && !needs.nodes.is_empty() {
            return WaitsFor::Named(needs.nodes.iter().cloned().collect());
        }
        let tagged: Vec<&Node> =
            named.iter().copied().filter(|node| needs.tags.is_subset(&node.tags)).collect();
        if tagged.is_empty() && !named.is_empty() {
            let is_nowhere = |tag: &&String| !named.iter().any(|node| node.tags.contains(*tag));
            let missing: Vec<String> = needs.tags.iter().filter(is_nowhere).cloned().collect();
            let all = || needs.tags.iter().cloned().collect();
            return WaitsFor::Tags(if missing.is_empty() { all() } else { missing });
        }
        let of = |readiness| -> Vec<&Node> {
            tagged.iter().copied().filter(|node| node.readiness == readiness).collect()
        };
        let (ready, drained) = (of(Readiness::Ready), of(Readiness::Drained));
        if !ready.is_empty() {
            WaitsFor::Slot(names(&ready))
        } else if !drained.is_empty() {
            WaitsFor::Drained(names(&drained))
        } else if needs.nodes.is_empty() && needs.tags.is_empty() {
            WaitsFor::Nodes
        } else {
            WaitsFor::Away(names(&tagged))
        }
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
    use super::{Limits, Queue, Readiness};
    use crate::job::{JobSpec, PlanOrder};
    use crate::waiting::WaitsFor;

    fn spec(change: impl FnOnce(&mut JobSpec)) -> JobSpec {
        let mut spec = JobSpec { name: "build".into(), ..JobSpec::default() };
        change(&mut spec);
        spec
    }

    fn queue(slots: u32) -> Queue {
        let mut queue = Queue::new(Limits::default());
        queue.node_is_known(1, "one", &["os:linux".into()], slots, Readiness::Ready);
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
        queue.node_is_known(2, "other", &["arch:arm64".into()], 2, Readiness::Ready);
        assert_eq!((queue.take(), queue.take()), (Some((1, 2)), Some((2, 2))));
    }

    #[test]
    fn jobs_spread_over_the_nodes() {
        let mut queue = queue(2);
        queue.node_is_known(2, "two", &[], 4, Readiness::Ready);
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
        queue.node_is_known(1, "one", &[], 1, Readiness::Ready);
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
        queue.node_is_known(1, "one", &[], 9, Readiness::Ready);
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
            queue.node_is_known(id, name, &[], 4, Readiness::Ready);
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
        queue.node_is(1, Readiness::Drained);
        assert_eq!((queue.take(), queue.running_on(1)), (None, vec![1]));
        assert!(queue.remove(2));
        assert_eq!(queue.counts(), (0, 1));
    }

    #[test]
    fn what_a_job_waits_for_is_known() {
        let mut queue = Queue::new(Limits { per_task: [("one".to_owned(), 1)].into(), ..Limits::default() });
        let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        queue.add(1, &spec(|_| ()));
        assert_eq!(queue.waits_for(1), Some(WaitsFor::Nodes));
        queue.node_is_known(1, "arm", &words(&["gpu"]), 1, Readiness::Ready);
        queue.node_is_known(2, "intel", &words(&["ssd"]), 1, Readiness::Away);
        queue.node_is_known(3, "meter", &words(&["tpm"]), 0, Readiness::Ready);
        assert_eq!(queue.waits_for(1), None);
        assert_eq!(queue.take(), Some((1, 1)));

        let tags = |names: &[&str]| spec(|spec| spec.tags = words(names));
        let on = |name: &str| spec(|spec| spec.node = Some(name.to_owned()));
        for (job, wanted, expected) in [
            (2, on("nope"), WaitsFor::Named(words(&["nope"]))),
            (3, on("meter"), WaitsFor::Named(words(&["meter"]))),
            (4, on("intel"), WaitsFor::Away(words(&["intel"]))),
            (5, tags(&["gpu", "tpm"]), WaitsFor::Tags(words(&["tpm"]))),
            (6, tags(&["gpu", "ssd"]), WaitsFor::Tags(words(&["gpu", "ssd"]))),
            (7, tags(&["gpu"]), WaitsFor::Slot(words(&["arm"]))),
            (8, spec(|_| ()), WaitsFor::Slot(words(&["arm"]))),
        ] {
            queue.add(job, &wanted);
            assert_eq!(queue.waits_for(job), Some(expected), "{job}");
        }
        queue.node_is(1, Readiness::Drained);
        assert_eq!(queue.waits_for(7), Some(WaitsFor::Drained(words(&["arm"]))));

        queue.resume(9, &spec(|spec| (spec.name, spec.lock) = ("one".into(), Some("board".into()))), 2);
        queue.add(10, &spec(|spec| spec.lock = Some("board".into())));
        queue.add(11, &spec(|spec| spec.name = "one".into()));
        assert_eq!(queue.waits_for(10), Some(WaitsFor::Lock("board".into(), 9)));
        assert_eq!(queue.waits_for(11), Some(WaitsFor::Task(1)));
    }
}
