//! A plan as a graph: steps with their matrices expanded, and who waits for whom.

use std::ops::Range;
use std::time::Duration;

use camino::Utf8PathBuf;
use serde::Serialize;
use smol_str::SmolStr;

use crate::ast::{Param, Text};
use crate::source::{Span, Spanned};
use crate::template::{Reference, TemplateText, Value};

/// Most steps of a plan, and most combinations of all its steps together.
pub const MAX_NODES: usize = 100_000;

/// Most combinations of one step.
pub const MAX_COMBINATIONS: usize = 10_000;

/// Most pairs of combinations of which one waits for the other.
pub const MAX_NEEDS: usize = 2_000_000;

/// Index of a step in [`Plan::steps`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct StepId(pub u32);

/// Index of a node in [`Plan::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct NodeId(pub u32);

/// A plan that can run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Its name, which is that of its file.
    pub name: SmolStr,
    /// Its file, an absolute path.
    pub file: Utf8PathBuf,
    /// What it is for.
    pub desc: Option<SmolStr>,
    /// Its variables, in the order in which they are evaluated.
    pub vars: Vec<PlanVariable>,
    /// What it asks for.
    pub params: Vec<Param>,
    /// Names in templates that are no variable, param or key of a matrix: the values `EZ_<NAME>` that may be given.
    pub implicit_params: Vec<SmolStr>,
    /// The same names as templates write them.
    pub implicit_names: Vec<SmolStr>,
    /// The steps, in written order.
    pub steps: Vec<PlanStep>,
    /// One node a combination of a step, and one a step without a matrix; those of one step follow each other.
    pub nodes: Vec<Node>,
    /// For each node the nodes that it waits for.
    pub needs: Adjacency,
    /// For each node the nodes that wait for it.
    pub dependents: Adjacency,
    /// For each node the length of the longest way to it: 0 where it waits for nothing.
    pub levels: Vec<u32>,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanStep {
    /// The name.
    pub name: Spanned<SmolStr>,
    /// The whole entry of `steps`.
    pub span: Span,
    /// Its nodes.
    pub nodes: Range<u32>,
    /// Whether it has a matrix.
    pub has_matrix: bool,
    /// What the task is called with.
    pub vars: Vec<PlanVariable>,
    /// Environment of what it runs.
    pub env: Vec<PlanVariable>,
    /// Whether it runs at all; see [`is_true`].
    pub when: Option<PlanText>,
    /// What it makes for others: its own artifacts, then those of its task.
    pub artifacts: Vec<PlanArtifact>,
    /// What it is given.
    pub inputs: Vec<PlanInput>,
    /// The names of its outputs.
    pub outputs: Vec<SmolStr>,
    /// The nodes whose outputs its templates can read.
    pub output_reads: Vec<NodeId>,
    /// Whether it waits for a yes.
    pub checkpoint: Option<PlanCheckpoint>,
    /// How long an attempt may take.
    pub timeout: Option<Duration>,
    /// Further attempts after a failure.
    pub retry: Option<PlanRetry>,
    /// Whether a failure counts as done.
    pub continue_on_error: bool,
    /// Whether its place among the shuffled steps is random.
    pub shuffle: bool,
    /// Whether an inline task runs in a directory of the step's own.
    pub workspace: bool,
    /// Whether another machine has to run it; `None` where nothing is said.
    pub remote: Option<bool>,
    /// Machines that may run it, by name or label.
    pub machines: Vec<PlanText>,
}

/// A combination of a step, or a step without a matrix.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Node {
    /// The step.
    pub step: StepId,
    /// How it is shown: `build`, `build[arm64]`, `build[arch=arm64,os=linux]`.
    pub name: SmolStr,
    /// Its name as part of a path and of a task's name.
    pub slug: SmolStr,
    /// The task that it runs, by its full name.
    pub task: SmolStr,
    /// Whether the task is an inline or a folder task.
    pub kind: TaskKind,
    /// The combination: keys and values in declared order.
    pub values: Vec<(SmolStr, Value)>,
    /// For each of the step's inputs the nodes whose artifact it takes.
    pub sources: Vec<Vec<NodeId>>,
}

/// What a step's task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskKind {
    /// An entry of a Taskfile.
    Inline,
    /// A directory below `tasks/`.
    Folder,
}

/// A text that is a template, parsed.
#[derive(Clone, Debug, Serialize)]
pub struct PlanText {
    /// As written.
    pub text: Text,
    #[serde(skip)]
    template: TemplateText,
}

/// A variable of a plan or a step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanVariable {
    /// The name: of a step's variable that means a param of the task, `EZ_<PARAM>`.
    pub name: Spanned<SmolStr>,
    /// How its value comes about.
    pub value: PlanValue,
    /// Names without whose values there is none: those that it reads and does not cope with being empty.
    pub requires: Vec<SmolStr>,
    /// Whether it is masked wherever it would be shown.
    pub secret: bool,
}

/// How the value of a variable comes about.
#[derive(Clone, Debug, Serialize)]
pub enum PlanValue {
    /// A template.
    Text(PlanText),
    /// A literal; texts inside are templates.
    Literal(Value),
    /// What a command prints.
    Shell(PlanText),
    /// The value of an expression.
    Reference(Text, #[serde(skip)] Reference),
}

/// What a step makes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanArtifact {
    /// Its name.
    pub name: Spanned<SmolStr>,
    /// Where it is, from the step's directory; may be a glob.
    pub path: PlanText,
    /// Whether it may be missing.
    pub optional: bool,
}

/// What a step is given. From whom stands in [`Node::sources`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanInput {
    /// The step that makes it.
    pub from: StepId,
    /// The index of the artifact in [`PlanStep::artifacts`] of that step.
    pub artifact: u32,
    /// The artifact's name.
    pub artifact_name: SmolStr,
    /// Where it goes, from the step's directory.
    pub to: PlanText,
    /// Whether the files of each source go to a directory of their own below `to`, as they do where several combinations
    /// can be sources.
    pub is_collected: bool,
    /// Whether it may be missing.
    pub optional: bool,
}

/// A step that waits for a yes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanCheckpoint {
    /// What is asked, if the plan says so.
    pub prompt: Option<PlanText>,
}

/// Further attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PlanRetry {
    /// How many.
    pub count: u32,
    /// The pause before the first of them, which doubles each time.
    pub backoff: Duration,
}

impl PlanText {
    /// Parses a text.
    pub fn new(text: &Text) -> Self {
        Self { template: TemplateText::parse(&text.value), text: text.clone() }
    }

    /// The parsed template.
    pub fn template(&self) -> &TemplateText {
        &self.template
    }

    /// Whether the text is the same whatever the variables are.
    pub fn is_plain(&self) -> bool {
        matches!(self.template, TemplateText::Plain(_))
    }
}

/// Two texts are equal when they say the same, wherever they stand.
impl PartialEq for PlanText {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl PartialEq for PlanValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) | (Self::Shell(a), Self::Shell(b)) => a == b,
            (Self::Literal(a), Self::Literal(b)) => a == b,
            (Self::Reference(a, _), Self::Reference(b, _)) => a == b,
            _ => false,
        }
    }
}

/// What a `when` means: nothing, `false`, `0` and `no` are false, blanks around them left out.
pub fn is_true(text: &str) -> bool {
    !matches!(text.trim(), "" | "false" | "0" | "no")
}

/// Lists of nodes, one a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Adjacency {
    starts: Vec<u32>,
    targets: Vec<NodeId>,
}

impl Adjacency {
    /// Of lists in the order of the nodes.
    pub fn new<'l>(lists: impl IntoIterator<Item = &'l [NodeId]>) -> Self {
        let mut adjacency = Self { starts: vec![0], targets: Vec::new() };
        for list in lists {
            adjacency.targets.extend_from_slice(list);
            adjacency.starts.push(adjacency.targets.len() as u32);
        }
        adjacency
    }

    /// The list of a node.
    pub fn of(&self, node: NodeId) -> &[NodeId] {
        let at = |index: usize| self.starts.get(index).map_or(0, |start| *start as usize);
        let index = node.0 as usize;
        self.targets.get(at(index)..at(index + 1)).unwrap_or(&[])
    }

    /// The number of lists.
    pub fn len(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// Whether there is no list.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many nodes the lists name.
    pub fn edge_count(&self) -> usize {
        self.targets.len()
    }

    /// For each node the nodes whose lists name it, ascending.
    #[must_use]
    pub fn reversed(&self) -> Self {
        let mut starts = vec![0u32; self.len() + 1];
        for target in &self.targets {
            if let Some(count) = starts.get_mut(target.0 as usize + 1) {
                *count += 1;
            }
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let mut next = starts.clone();
        let mut targets = vec![NodeId(0); self.targets.len()];
        for from in 0..self.len() as u32 {
            for target in self.of(NodeId(from)) {
                let Some(place) = next.get_mut(target.0 as usize) else { continue };
                if let Some(slot) = targets.get_mut(*place as usize) {
                    *slot = NodeId(from);
                }
                *place += 1;
            }
        }
        Self { starts, targets }
    }
}

/// For each node the length of the longest way to it; `None` where nodes wait for each other.
pub fn levels(needs: &Adjacency, dependents: &Adjacency) -> Option<Vec<u32>> {
    let count = needs.len() as u32;
    let mut levels = vec![0u32; count as usize];
    let mut missing: Vec<usize> = (0..count).map(|node| needs.of(NodeId(node)).len()).collect();
    let mut ready: Vec<u32> = (0..count).filter(|node| missing[*node as usize] == 0).collect();
    let mut done = 0;
    while let Some(node) = ready.pop() {
        done += 1;
        let level = levels[node as usize] + 1;
        for dependent in dependents.of(NodeId(node)) {
            let index = dependent.0 as usize;
            levels[index] = levels[index].max(level);
            missing[index] -= 1;
            if missing[index] == 0 {
                ready.push(dependent.0);
            }
        }
    }
    (done == count).then_some(levels)
}

impl Plan {
    /// A step by its id.
    pub fn step(&self, id: StepId) -> &PlanStep {
        &self.steps[id.0 as usize]
    }

    /// A node by its id.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }

    /// The step of a node.
    pub fn step_of(&self, id: NodeId) -> &PlanStep {
        self.step(self.node(id).step)
    }

    /// All nodes.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = NodeId> + ExactSizeIterator + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The nodes of a step.
    pub fn nodes_of(&self, step: StepId) -> impl Iterator<Item = NodeId> + use<> {
        self.step(step).nodes.clone().map(NodeId)
    }

    /// The node that is shown by this name, or has this slug.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.ids().find(|id| self.node(*id).name == name || self.node(*id).slug == name)
    }

    /// The lowest and the highest level of the nodes of a step, as people count them: 1 where nothing is waited for.
    pub fn levels_of(&self, step: &PlanStep) -> (u32, u32) {
        let nodes = step.nodes.clone();
        let levels = nodes.filter_map(|node| self.levels.get(node as usize)).map(|level| level + 1);
        (levels.clone().min().unwrap_or(1), levels.max().unwrap_or(1))
    }

    /// All nodes, each after what it waits for; of one level in declared order.
    pub fn order(&self) -> Vec<NodeId> {
        let mut order: Vec<NodeId> = self.ids().collect();
        order.sort_by_key(|id| (self.levels[id.0 as usize], id.0));
        order
    }

    /// All nodes in the order in which they are to be started where several are ready: declared order, in which the nodes of
    /// shuffled steps have changed places among themselves as `seed` says. The same seed gives the same order everywhere.
    pub fn start_order(&self, seed: u64) -> Vec<NodeId> {
        self.shuffled_order(seed, |node| self.step_of(node).shuffle)
    }

    /// The same where all steps are shuffled.
    pub fn random_order(&self, seed: u64) -> Vec<NodeId> {
        self.shuffled_order(seed, |_| true)
    }

    fn shuffled_order(&self, seed: u64, is_shuffled: impl Fn(NodeId) -> bool) -> Vec<NodeId> {
        let mut order: Vec<NodeId> = self.ids().collect();
        let places: Vec<usize> =
            (0..order.len()).filter(|place| is_shuffled(NodeId(*place as u32))).collect();
        let mut random = SplitMix(seed);
        for last in (1..places.len()).rev() {
            let other = random.below(last as u64 + 1) as usize;
            order.swap(places[last], places[other]);
        }
        order
    }

    /// Whether the order depends on a seed.
    pub fn is_shuffled(&self) -> bool {
        let shuffled = self.steps.iter().filter(|step| step.shuffle).map(|step| step.nodes.len());
        shuffled.sum::<usize>() > 1
    }

    /// For each node the longest time from its start to the end of the plan, if each node takes as long as `durations` says.
    /// A scheduler starts the largest first.
    pub fn remaining(&self, durations: &[Duration]) -> Vec<Duration> {
        let mut remaining = vec![Duration::ZERO; self.nodes.len()];
        for id in self.order().into_iter().rev() {
            let after = self.dependents.of(id).iter().map(|next| remaining[next.0 as usize]).max();
            let own = durations.get(id.0 as usize).copied().unwrap_or_default();
            remaining[id.0 as usize] = own.saturating_add(after.unwrap_or_default());
        }
        remaining
    }

    /// The chain of nodes that takes longest, in running order, and how long it takes.
    pub fn critical_path(&self, durations: &[Duration]) -> (Vec<NodeId>, Duration) {
        let remaining = self.remaining(durations);
        let longest = |nodes: &mut dyn Iterator<Item = NodeId>| {
            // Of equals the first.
            nodes.reduce(
                |best, id| if remaining[id.0 as usize] > remaining[best.0 as usize] { id } else { best },
            )
        };
        let mut path = Vec::new();
        let mut next = longest(&mut self.ids().filter(|id| self.needs.of(*id).is_empty()));
        let total = next.map_or(Duration::ZERO, |id| remaining[id.0 as usize]);
        while let Some(id) = next {
            path.push(id);
            next = longest(&mut self.dependents.of(id).iter().copied());
        }
        (path, total)
    }
}

/// A small generator of random numbers, by Steele, Lea and Flood ("Fast splittable pseudorandom number generators", 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, each equally likely as far as a plan can tell.
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(list: &[u32]) -> Vec<NodeId> {
        list.iter().map(|id| NodeId(*id)).collect()
    }

    #[test]
    fn lists_are_turned_around() {
        let lists = [ids(&[]), ids(&[0]), ids(&[0, 1])];
        let needs = Adjacency::new(lists.iter().map(Vec::as_slice));
        let dependents = needs.reversed();
        assert_eq!(dependents.of(NodeId(0)), ids(&[1, 2]));
        assert_eq!(dependents.of(NodeId(1)), ids(&[2]));
        assert_eq!(dependents.of(NodeId(2)), []);
        assert_eq!(dependents.of(NodeId(9)), []);
        assert_eq!(levels(&needs, &dependents), Some(vec![0, 1, 2]));
        assert_eq!((needs.len(), needs.edge_count()), (3, 3));
    }

    #[test]
    fn nodes_that_wait_for_each_other_have_no_levels() {
        let lists = [ids(&[1]), ids(&[0])];
        let needs = Adjacency::new(lists.iter().map(Vec::as_slice));
        assert_eq!(levels(&needs, &needs.reversed()), None);
    }

    #[test]
    fn what_a_condition_means() {
        for text in ["", " ", "false", "0", "no", " no\n"] {
            assert!(!is_true(text), "{text:?}");
        }
        for text in ["true", "1", "yes", "x", "False", "00"] {
            assert!(is_true(text), "{text:?}");
        }
    }
}
