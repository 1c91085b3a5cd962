//! Scripts of plugins: what they read is what the tasks have that name them.

use std::borrow::Cow;

use smol_str::SmolStr;

use super::builder::{Builder, NodeId, Scope};
use super::tasks;
use super::variables::{default_task, own_shell_node, read_node, shell_node, template_local};
use super::{Obstacle, Role, Spelling};
use crate::ast::{Query, Text};
use crate::check::{Facts, Place, ShellName, Use, of_plan_text};
use crate::ir::Resolution;
use crate::plugin::USER_DIRECTORY;
use crate::source::Span;
use crate::yaml::node::ScalarStyle;

/// A plugin that tasks name.
pub struct NamedPlugin {
    /// The tasks, by their written numbers.
    pub tasks: Vec<u32>,
    /// What is known of its script.
    pub facts: Facts,
    /// Why what it reads cannot be renamed.
    obstacle: Option<Obstacle>,
}

/// The plugins that tasks name and that are there.
pub fn named(builder: &Builder<'_>) -> Vec<NamedPlugin> {
    let plugins = &builder.indexed.plugins;
    let used = plugins.found.iter().filter(|found| {
        let first = plugins.find(found.plugin.name.as_str());
        first.is_some_and(|first| std::ptr::eq(first, *found))
    });
    let named = used.filter_map(|found| {
        let name = &found.plugin.name.value;
        let tasks = tasks_that_name(builder, name);
        if tasks.is_empty() {
            return None;
        }
        let text = Cow::Borrowed(found.plugin.kind.script());
        let place = Place { text, usage: Use::Command { forgiven: false }, extra: Vec::new() };
        let is_of_user = found.path.parent().is_some_and(|directory| directory.ends_with(USER_DIRECTORY));
        let obstacle = is_of_user.then(|| Obstacle::UserPlugin(name.clone()));
        Some(NamedPlugin { tasks, facts: of_plan_text(place, &builder.sources), obstacle })
    });
    named.collect()
}

fn tasks_that_name(builder: &Builder<'_>, name: &SmolStr) -> Vec<u32> {
    let all = builder.tasks.plugins.iter();
    let mut tasks: Vec<u32> = all.filter(|(named, _)| named == name).map(|(_, number)| *number).collect();
    let mut of_metadata = builder.indexed.metadata.params.iter();
    if of_metadata.any(|param| matches!(&param.query, Some(Query::Plugin(named)) if named.value == *name)) {
        tasks.extend(default_task(builder).map(|(number, ..)| number));
    }
    tasks.sort_unstable();
    tasks.dedup();
    tasks
}

/// Adds what the script of a plugin reads, as each of the tasks sees it, and the tasks that it runs.
pub fn add(builder: &mut Builder<'_>, plugin: &NamedPlugin) {
    let facts = &plugin.facts;
    let reads = facts.reads.iter().map(|read| (&read.name, read.span));
    for (name, span) in reads.chain(facts.names.reads.iter().map(|read| (&read.name, read.span))) {
        for (node, within) in read_nodes(builder, &plugin.tasks, name, span) {
            add_variable(builder, plugin, node, span, Role::Read, within);
        }
    }
    for name in &facts.names.shell {
        let role = if name.is_write { Role::Write } else { Role::Read };
        for (node, within) in shell_nodes(builder, plugin, name) {
            add_variable(builder, plugin, node, name.span, role, within);
        }
    }
    let first = plugin.tasks.first().and_then(|number| builder.tasks.get(*number));
    let within = first.map(|written| written.node);
    for local in &facts.names.locals {
        template_local(builder, local, within);
    }
    let program = builder.indexed.program;
    for (name, span) in &facts.names.runs {
        if let Resolution::Task(id, stars) = program.resolve(name) {
            let text = Text { value: name.clone(), span: *span, style: ScalarStyle::Plain };
            tasks::named(builder, program, id, &stars, &text, name, Role::Call, within);
        }
    }
}

/// The variables that a template reads under a name, with the tasks that have them. Where one has it, nothing is said of those
/// that do not: a name that no file defines is that of others, too.
fn read_nodes(builder: &mut Builder<'_>, tasks: &[u32], name: &SmolStr, span: Span) -> Vec<(NodeId, NodeId)> {
    let mut nodes = Vec::new();
    for number in tasks {
        let Some(written) = builder.tasks.get(*number) else { continue };
        let (task, within) = (written.task, written.node);
        nodes.push((read_node(builder, *number, task, name, span), within));
    }
    let global = builder.find(Scope::Global, name);
    let outside = global.filter(|global| !builder.is_defined(*global));
    if nodes.iter().any(|(node, _)| Some(*node) != outside) {
        nodes.retain(|(node, _)| Some(*node) != outside);
    }
    nodes
}

/// The same for what the script reads or sets itself.
fn shell_nodes(builder: &mut Builder<'_>, plugin: &NamedPlugin, name: &ShellName) -> Vec<(NodeId, NodeId)> {
    let mut nodes = Vec::new();
    let mut without = None;
    for number in &plugin.tasks {
        let Some(within) = builder.tasks.get(*number).map(|written| written.node) else { continue };
        match own_shell_node(builder, *number, &name.name) {
            Some(node) => nodes.push((node, within)),
            None => without = without.or(Some(within)),
        }
    }
    let is_seen = nodes.is_empty() || builder.find(Scope::Environment, &name.name).is_some();
    if let Some(within) = without.filter(|_| is_seen) {
        nodes.push((shell_node(builder, None, &plugin.facts, name), within));
    }
    nodes
}

fn add_variable(
    builder: &mut Builder<'_>,
    plugin: &NamedPlugin,
    node: NodeId,
    span: Span,
    role: Role,
    within: NodeId,
) {
    let spelling = if builder.is_param(node) { Spelling::ParamVariable } else { Spelling::Name };
    builder.add(node, span, role, spelling, Some(within));
    if let Some(obstacle) = &plugin.obstacle {
        builder.set_obstacle(node, obstacle.clone());
    }
}
