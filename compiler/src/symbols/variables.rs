//! Variables of Taskfiles.
//!
//! go-task has one space of names, filled anew for each task: the environment, the globals, what the call passes, then the
//! task's own `vars`, each of which hides what came before. So a name is a node for the whole project, one for what a task
//! is given, and one for what it defines itself. A read is of the last of them that exists; nodes whose values can flow
//! into each other are one symbol, as in `X: '{{.X | default "y"}}'`. Scripts see the environment alone: `env`, dotenv
//! files and params.

use std::borrow::Cow;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::builder::{Builder, NodeId, Scope};
use super::plugins::{self, NamedPlugin};
use super::{Obstacle, Role, Spelling, SymbolKind};
use crate::ast::param::variable_name;
use crate::ast::{self, Command, Dependency, Loop, LoopSource, Param, Superset, Text, Variable};
use crate::check::{Facts, Place, SPECIAL_VARIABLES, ShellName, Use, of_plan_text, superset_places};
use crate::project::paths::{possible_files, smart_join};
use crate::source::{Span, Spanned};
use crate::superset::is_reserved;
use crate::template::has_template;
use crate::yaml::node::ScalarStyle;

/// The item of a loop that gives it no name.
const ITEM: SmolStr = SmolStr::new_static("ITEM");

/// Adds all variables.
pub fn add(builder: &mut Builder<'_>) {
    globals(builder);
    let count = builder.tasks.written.len() as u32;
    for number in 0..count {
        define(builder, number);
    }
    metadata(builder);
    inherited(builder);
    for number in 0..count {
        defaults(builder, number);
    }
    passed(builder);
    for number in 0..count {
        join_incoming(builder, number);
        reads(builder, number);
    }
    for file in &builder.indexed.loaded.files {
        let facts = file.taskfile.as_ref().and_then(|taskfile| builder.indexed.memo.facts_of_file(taskfile));
        if let Some(facts) = facts {
            reads_of_file(builder, facts);
        }
    }
    let root = builder.indexed.loaded.files.first().and_then(|file| file.taskfile.as_ref());
    for path in root.iter().flat_map(|taskfile| &taskfile.dotenv) {
        let directory = builder.indexed.program.dir.to_string();
        reads_of_dotenv(builder, &directory, path, None);
    }
    reads_of_metadata(builder);
    let plugins = plugins::named(builder);
    for plugin in &plugins {
        plugins::add(builder, plugin);
    }
    join_hidden(builder);
    join_group_lines(builder);
    join_params(builder);
    open_reads(builder, &plugins);
}

/// What takes variables by names that are not written may mean all that can be seen there.
fn open_reads(builder: &mut Builder<'_>, plugins: &[NamedPlugin]) {
    let indexed = builder.indexed;
    let of_files = indexed.loaded.files.iter().filter_map(|file| file.taskfile.as_ref());
    let of_files = of_files.filter_map(|taskfile| indexed.memo.facts_of_file(taskfile));
    let mut anywhere: Option<&SmolStr> = of_files.flat_map(|facts| &facts.names.open_reads).next();
    let mut in_tasks: FxHashMap<u32, &SmolStr> = FxHashMap::default();
    for number in 0..builder.tasks.written.len() as u32 {
        let facts = builder.tasks.get(number).and_then(|written| indexed.memo.facts_of_task(written.task));
        let Some(read) = facts.and_then(|facts| facts.names.open_reads.first()) else { continue };
        in_tasks.insert(number, read);
        anywhere.get_or_insert(read);
    }
    for plugin in plugins {
        let Some(read) = plugin.facts.names.open_reads.first() else { continue };
        in_tasks.extend(plugin.tasks.iter().map(|number| (*number, read)));
        anywhere.get_or_insert(read);
    }
    builder.set_obstacles(|scope| {
        let read = match scope {
            Scope::Own(number) | Scope::Incoming(number) => in_tasks.get(&number).copied(),
            Scope::Global => anywhere,
            _ => None,
        };
        read.map(|read| Obstacle::OpenRead(read.clone()))
    });
}

fn variable(builder: &mut Builder<'_>, scope: Scope, name: &SmolStr) -> NodeId {
    let node = builder.node(scope, SymbolKind::Variable, name);
    if SPECIAL_VARIABLES.contains(&name.as_str()) || is_reserved(name) {
        builder.set_obstacle(node, Obstacle::Special);
    }
    node
}

fn define_all(builder: &mut Builder<'_>, scope: Scope, variables: &[Variable], within: Option<NodeId>) {
    for written in variables {
        let node = variable(builder, scope, &written.name.value);
        builder.add_name(node, &written.name, Role::Definition, within);
    }
}

fn globals(builder: &mut Builder<'_>) {
    let loaded = builder.indexed.loaded;
    for file in &loaded.files {
        let Some(taskfile) = &file.taskfile else { continue };
        define_all(builder, Scope::Global, &taskfile.vars, None);
        define_env(builder, &taskfile.env);
    }
    for edge in &loaded.edges {
        define_all(builder, Scope::Global, &edge.include.vars, None);
    }
    let root = loaded.files.first().and_then(|file| file.taskfile.as_ref());
    for path in root.iter().flat_map(|taskfile| &taskfile.dotenv) {
        let directory = builder.indexed.program.dir.to_string();
        dotenv(builder, &directory, path, Scope::Global, None);
    }
}

/// Global `env`, which templates and scripts see.
fn define_env(builder: &mut Builder<'_>, variables: &[Variable]) {
    define_all(builder, Scope::Global, variables, None);
    for written in variables {
        let node = variable(builder, Scope::Global, &written.name.value);
        let seen = variable(builder, Scope::Environment, &written.name.value);
        builder.join_source(seen, node);
    }
}

/// The entries of the dotenv files that a path may mean, each a definition.
fn dotenv(builder: &mut Builder<'_>, directory: &str, path: &Text, scope: Scope, within: Option<NodeId>) {
    for path in possible_files(builder.indexed.files, directory, &path.value) {
        let Some(source) = builder.read(&path) else { continue };
        let text = builder.file_text(source);
        let mut above: FxHashSet<SmolStr> = FxHashSet::default();
        for entry in crate::dotenv::parse(&text).0 {
            for range in crate::dotenv::references(&text, &entry) {
                let name = SmolStr::new(text.get(range.clone()).unwrap_or_default());
                if above.contains(&name) {
                    let node = variable(builder, scope, &name);
                    let span = Span::new(source, range.start, range.end);
                    builder.add(node, span, Role::Read, Spelling::Name, within);
                }
            }
            let name = SmolStr::new(&entry.name);
            above.insert(name.clone());
            let node = variable(builder, scope, &name);
            let span = Span::new(source, entry.name_range.start, entry.name_range.end);
            builder.add(node, span, Role::Definition, Spelling::Name, within);
            if scope == Scope::Global {
                let seen = variable(builder, Scope::Environment, &name);
                builder.join_source(seen, node);
            }
        }
    }
}

/// What templates in the values of dotenv files read: go-task renders them as those of `env`.
fn reads_of_dotenv(builder: &mut Builder<'_>, directory: &str, path: &Text, task: Option<u32>) {
    for path in possible_files(builder.indexed.files, directory, &path.value) {
        let Some(source) = builder.read(&path) else { continue };
        let text = builder.file_text(source);
        for entry in crate::dotenv::parse(&text).0 {
            let Some(written) = text.get(entry.value_range.clone()).filter(|written| has_template(written))
            else {
                continue;
            };
            let span = Span::new(source, entry.value_range.start, entry.value_range.end);
            let text = Text { value: written.into(), span, style: ScalarStyle::Plain };
            let place = Place { text: Cow::Borrowed(&text), usage: Use::Rendered, extra: Vec::new() };
            let facts = of_plan_text(place, &builder.sources);
            for read in &facts.reads {
                let written = task.and_then(|number| Some((number, builder.tasks.get(number)?)));
                let (node, within) =
                    match written.map(|(number, written)| (number, written.task, written.node)) {
                        Some((number, task, within)) => {
                            (read_node(builder, number, task, &read.name, read.span), Some(within))
                        }
                        None => (variable(builder, Scope::Global, &read.name), None),
                    };
                let spelling = if builder.is_param(node) { Spelling::ParamVariable } else { Spelling::Name };
                builder.add(node, read.span, Role::Read, spelling, within);
            }
        }
    }
}

/// Where the dotenv files of a task are looked for.
fn dotenv_directory(builder: &Builder<'_>, task: &ast::Task) -> String {
    let base = builder.indexed.program.dir.to_string();
    let dir = task.dir.as_ref().filter(|dir| !has_template(&dir.value));
    dir.map_or(base.clone(), |dir| smart_join(&base, &dir.value).to_string())
}

/// What a task defines and asks for.
fn define(builder: &mut Builder<'_>, number: u32) {
    let Some(written) = builder.tasks.get(number) else { return };
    let (task, within) = (written.task, written.node);
    define_all(builder, Scope::Own(number), &task.vars, Some(within));
    define_all(builder, Scope::Env(number), &task.env, Some(within));
    for required in &task.requires {
        let node = variable(builder, Scope::Incoming(number), &required.name.value);
        builder.add_name(node, &required.name, Role::Declaration, Some(within));
        let own = builder.find(Scope::Own(number), &required.name.value);
        if let Some(own) = own {
            builder.join(own, node);
        }
        let global = variable(builder, Scope::Global, &required.name.value);
        builder.join_source(node, global);
    }
    if !task.dotenv.is_empty() {
        let directory = dotenv_directory(builder, task);
        for path in &task.dotenv {
            dotenv(builder, &directory, path, Scope::Env(number), Some(within));
        }
    }
    if let Some(superset) = task.superset.as_deref() {
        params(builder, number, &superset.params, within);
    }
}

fn params(builder: &mut Builder<'_>, number: u32, params: &[Param], within: NodeId) {
    for param in params {
        let node = variable(builder, Scope::Incoming(number), &variable_name(&param.name.value));
        builder.set_param(node, &param.name.value);
        builder.add_name(node, &param.name, Role::Definition, Some(within));
    }
}

/// What `ez-defaults` gives a task, by names of params or of variables.
fn defaults(builder: &mut Builder<'_>, number: u32) {
    let Some(written) = builder.tasks.get(number) else { return };
    let (within, Some(superset)) = (written.node, written.task.superset.as_deref()) else { return };
    for default in &superset.defaults {
        given(builder, number, &default.name, true, Role::Write, Some(within));
    }
}

/// Params of the default task, which stand in its `task.yml`.
fn metadata(builder: &mut Builder<'_>) {
    let Some((number, _, within)) = default_task(builder) else { return };
    params(builder, number, &builder.indexed.metadata.params, within);
}

/// The task `default`, by its number, with its node: of a folder task the one that its `task.yml` is about.
pub fn default_task<'a>(builder: &Builder<'a>) -> Option<(u32, &'a ast::Task, NodeId)> {
    let program = builder.indexed.program;
    let number = builder.tasks.number(program.task(program.find(crate::folder::DEFAULT_TASK)?))?;
    let written = builder.tasks.get(number)?;
    Some((number, written.task, written.node))
}

/// What the texts of a `task.yml` read, queries of params and paths of artifacts: the variables of the default task.
fn reads_of_metadata(builder: &mut Builder<'_>) {
    let Some((number, task, within)) = default_task(builder) else { return };
    let metadata = builder.indexed.metadata;
    let (params, artifacts) = (metadata.params.clone(), metadata.artifacts.clone());
    let superset = Superset { params, artifacts, ..Superset::default() };
    let places = superset_places(&superset, &builder.sources).into_iter();
    let texts: Vec<Facts> = places.map(|place| of_plan_text(place, &builder.sources)).collect();
    for facts in &texts {
        let reads = facts.reads.iter().map(|read| (&read.name, read.span));
        for (name, span) in reads.chain(facts.names.reads.iter().map(|read| (&read.name, read.span))) {
            let node = read_node(builder, number, task, name, span);
            let spelling = if builder.is_param(node) { Spelling::ParamVariable } else { Spelling::Name };
            builder.add(node, span, Role::Read, spelling, Some(within));
        }
        locals(builder, facts, within);
        shell_names(builder, number, facts, within);
    }
}

/// A name by which a task is given a value: that of a param, where params are named, or of a variable.
pub fn given(
    builder: &mut Builder<'_>,
    callee: u32,
    name: &Spanned<SmolStr>,
    names_params: bool,
    role: Role,
    within: Option<NodeId>,
) -> NodeId {
    let as_variable = variable_name(&name.value);
    let param = builder.find(Scope::Incoming(callee), &as_variable).filter(|node| builder.is_param(*node));
    if let Some(node) = param.filter(|_| names_params) {
        builder.add_name(node, name, role, within);
        return node;
    }
    let node = variable(builder, Scope::Incoming(callee), &name.value);
    let span = builder.name_span(name.span, &name.value);
    let spelling = if builder.is_param(node) { Spelling::ParamVariable } else { Spelling::Name };
    builder.add(node, span, role, spelling, within);
    node
}

/// Variables of calls: each is what the called task is given.
fn passed(builder: &mut Builder<'_>) {
    for index in 0..builder.tasks.passed.len() {
        let Some(passed) = builder.tasks.passed.get(index) else { continue };
        let (within, vars, names_params) = (passed.within, passed.vars, passed.names_params);
        if vars.is_empty() {
            continue;
        }
        let callees = passed.callees.clone();
        for written in vars {
            let mut first: Option<NodeId> = None;
            for callee in &callees {
                let node = given(builder, *callee, &written.name, names_params, Role::Write, within);
                if let Some(first) = first {
                    builder.join(first, node);
                }
                first = Some(node);
            }
            if callees.is_empty() {
                // Of a call that is not known any task may be meant.
                let node = variable(builder, Scope::Global, &written.name.value);
                builder.add_name(node, &written.name, Role::Write, within);
            }
        }
    }
}

/// How many bases in a row are followed.
const MAX_BASES: usize = 16;

/// A task sees what its base defines, and the base's commands what the task defines.
fn inherited(builder: &mut Builder<'_>) {
    let bases = builder.tasks.bases.clone();
    for _ in 0..bases.len().min(MAX_BASES) {
        for (derived, base) in &bases {
            inherit(builder, *derived, *base);
        }
    }
}

fn inherit(builder: &mut Builder<'_>, derived: u32, base: u32) {
    let names: Vec<SmolStr> =
        own_names(builder, derived).into_iter().chain(inherited_names(builder, base)).collect();
    for name in names {
        for scope in [Scope::Own, Scope::Incoming, Scope::Env] {
            let (here, there) = (builder.find(scope(derived), &name), builder.find(scope(base), &name));
            let (found, missing) = match (here, there) {
                (Some(one), Some(other)) => {
                    builder.join(one, other);
                    continue;
                }
                (Some(one), None) => (one, base),
                (None, Some(one)) => (one, derived),
                (None, None) => continue,
            };
            let node = variable(builder, scope(missing), &name);
            if builder.is_param(found) {
                builder.copy_param(found, node);
            }
            builder.join_source(node, found);
        }
    }
}

/// The names of a task and of its bases.
fn inherited_names(builder: &Builder<'_>, number: u32) -> Vec<SmolStr> {
    let mut names = Vec::new();
    let mut at = Some(number);
    for _ in 0..MAX_BASES {
        let Some(number) = at else { break };
        names.extend(own_names(builder, number));
        at = builder.tasks.bases.iter().find(|(derived, _)| *derived == number).map(|(_, base)| *base);
    }
    names
}

fn own_names(builder: &Builder<'_>, number: u32) -> Vec<SmolStr> {
    let Some(written) = builder.tasks.get(number) else { return Vec::new() };
    let task = written.task;
    let variables = task.vars.iter().chain(&task.env).map(|variable| variable.name.value.clone());
    let required = task.requires.iter().map(|required| required.name.value.clone());
    let params = task.superset.iter().flat_map(|superset| &superset.params);
    variables.chain(required).chain(params.map(|param| variable_name(&param.name.value))).collect()
}

/// What a task is given may be a global as well, where there is one: the command line starts any task.
fn join_incoming(builder: &mut Builder<'_>, number: u32) {
    let Some(written) = builder.tasks.get(number) else { return };
    let task = written.task;
    let names = task.vars.iter().map(|own| (&own.name.value, own));
    for (name, own) in names {
        let Some(node) = builder.find(Scope::Own(number), name) else { continue };
        if reads_itself(builder, task, own) {
            let outer = incoming(builder, number, name);
            builder.join_source(node, outer);
        }
    }
}

/// Whether the value of a variable is made of the outer one of its name.
fn reads_itself(builder: &Builder<'_>, task: &std::sync::Arc<ast::Task>, own: &Variable) -> bool {
    let Some(facts) = builder.indexed.memo.facts_of_task(task) else { return false };
    facts.reads.iter().any(|read| read.name == own.name.value && is_inside(read.span, own.span))
}

/// What a task is given under a name: by a call, or else from the globals.
fn incoming(builder: &mut Builder<'_>, number: u32, name: &SmolStr) -> NodeId {
    let given = builder.find(Scope::Incoming(number), name);
    let global = builder.find(Scope::Global, name).filter(|global| builder.is_defined(*global));
    match (given, global) {
        (Some(given), Some(global)) => {
            builder.join_source(given, global);
            given
        }
        (Some(given), None) => given,
        (None, _) => variable(builder, Scope::Global, name),
    }
}

fn is_inside(span: Span, outer: Span) -> bool {
    span.source == outer.source && outer.start <= span.start && span.end <= outer.end
}

/// All reads of a task.
fn reads(builder: &mut Builder<'_>, number: u32) {
    let Some(written) = builder.tasks.get(number) else { return };
    let (task, within) = (written.task, written.node);
    let loops = loops(builder, task, within);
    let Some(facts) = builder.indexed.memo.facts_of_task(task) else { return };
    let own = facts.reads.iter().map(|read| (&read.name, read.span, read.local));
    let others = facts.names.reads.iter().map(|read| (&read.name, read.span, read.local));
    for (name, span, local) in own.chain(others) {
        let node = if local { local_node(builder, &loops, name, span) } else { None };
        let node = node.unwrap_or_else(|| read_node(builder, number, task, name, span));
        let spelling = if builder.is_param(node) { Spelling::ParamVariable } else { Spelling::Name };
        builder.add(node, span, Role::Read, spelling, Some(within));
    }
    for open in &loops {
        if let Some(name) = &open.over {
            let node = read_node(builder, number, task, &name.value, name.span);
            builder.add_text(node, name, Role::Read, Some(within));
        }
    }
    for member in &facts.names.members {
        let Some(open) = innermost(&loops, member.span).filter(|open| open.item == member.base) else {
            continue;
        };
        if let Some(node) = builder.find(Scope::Loop(open.row_scope), &member.name) {
            builder.add(node, member.span, Role::Read, Spelling::Name, Some(within));
        }
    }
    locals(builder, facts, within);
    if !task.dotenv.is_empty() {
        let directory = dotenv_directory(builder, task);
        for path in &task.dotenv {
            reads_of_dotenv(builder, &directory, path, Some(number));
        }
    }
    shell_names(builder, number, facts, within);
}

/// What the scripts of a task read and set.
fn shell_names(builder: &mut Builder<'_>, number: u32, facts: &Facts, within: NodeId) {
    for name in &facts.names.shell {
        let node = shell_node(builder, Some(number), facts, name);
        let role = if name.is_write { Role::Write } else { Role::Read };
        let spelling = if builder.is_param(node) { Spelling::ParamVariable } else { Spelling::Name };
        builder.add(node, name.span, role, spelling, Some(within));
    }
}

/// The variable that a template of a task reads under a name.
pub fn read_node(
    builder: &mut Builder<'_>,
    number: u32,
    task: &ast::Task,
    name: &SmolStr,
    span: Span,
) -> NodeId {
    if let Some(own) = builder.find(Scope::Own(number), name) {
        // Before it is defined the outer one is seen.
        let defined = task.vars.iter().position(|variable| variable.name.value == *name);
        let reading = task.vars.iter().position(|variable| is_inside(span, variable.span));
        let is_before = matches!((reading, defined), (Some(reading), Some(defined)) if reading <= defined);
        if !is_before {
            return own;
        }
    }
    incoming(builder, number, name)
}

fn reads_of_file(builder: &mut Builder<'_>, facts: &Facts) {
    for read in &facts.reads {
        let node = variable(builder, Scope::Global, &read.name);
        builder.add(node, read.span, Role::Read, Spelling::Name, None);
    }
    for read in &facts.names.reads {
        let node = variable(builder, Scope::Global, &read.name);
        builder.add(node, read.span, Role::Read, Spelling::Name, None);
    }
    for local in &facts.names.locals {
        template_local(builder, local, None);
    }
    for name in &facts.names.shell {
        let node = shell_node(builder, None, facts, name);
        let role = if name.is_write { Role::Write } else { Role::Read };
        builder.add(node, name.span, role, Spelling::Name, None);
    }
}

fn locals(builder: &mut Builder<'_>, facts: &Facts, within: NodeId) {
    for local in &facts.names.locals {
        template_local(builder, local, Some(within));
    }
}

/// A place of a variable that a template declares.
pub fn template_local(builder: &mut Builder<'_>, local: &crate::check::LocalName, within: Option<NodeId>) {
    let node = builder.node(Scope::Local(local.declaration), SymbolKind::TemplateVariable, &local.name);
    let role = match (local.span == local.declaration, local.is_write) {
        (true, _) => Role::Definition,
        (false, true) => Role::Write,
        (false, false) => Role::Read,
    };
    builder.add(node, local.span, role, Spelling::Name, within);
}

/// The variable that a task itself gives its scripts under a name: of its `env`, or a param.
pub fn own_shell_node(builder: &Builder<'_>, number: u32, name: &SmolStr) -> Option<NodeId> {
    let param = || builder.find(Scope::Incoming(number), name).filter(|node| builder.is_param(*node));
    builder.find(Scope::Env(number), name).or_else(param)
}

/// The variable that a script names.
pub fn shell_node(builder: &mut Builder<'_>, number: Option<u32>, facts: &Facts, name: &ShellName) -> NodeId {
    if let Some(node) = number.and_then(|number| own_shell_node(builder, number, &name.name)) {
        return node;
    }
    if let Some(node) = builder.find(Scope::Environment, &name.name) {
        return node;
    }
    let is_own = |other: &ShellName| other.is_write && other.script == name.script && other.name == name.name;
    if facts.names.shell.iter().any(is_own) {
        let node = builder.node(Scope::Script(name.script), SymbolKind::ShellVariable, &name.name);
        builder.set_obstacle(node, Obstacle::Exported);
        return node;
    }
    let node = variable(builder, Scope::Environment, &name.name);
    // Where no file defines the name, `$X` and `{{.X}}` are both the environment's.
    let global = builder.find(Scope::Global, &name.name);
    if global.is_none_or(|global| !builder.is_defined(global)) {
        let global = variable(builder, Scope::Global, &name.name);
        builder.join(node, global);
    }
    builder.set_obstacle(node, Obstacle::Outside);
    node
}

/// A loop around calls or commands.
struct Open {
    /// What it is around.
    body: Span,
    /// The name of its item.
    item: SmolStr,
    /// The variable that it goes over.
    over: Option<Text>,
    /// By what the rows of its matrix are found.
    row_scope: Span,
}

fn loops(builder: &mut Builder<'_>, task: &ast::Task, within: NodeId) -> Vec<Open> {
    let of_deps =
        task.deps.iter().filter_map(|Dependency { repeat, span, .. }| Some((repeat.as_deref()?, *span)));
    let of_cmds =
        task.cmds.iter().filter_map(|Command { repeat, span, .. }| Some((repeat.as_deref()?, *span)));
    of_deps.chain(of_cmds).map(|(repeat, body)| open(builder, repeat, body, within)).collect()
}

fn open(builder: &mut Builder<'_>, repeat: &Loop, body: Span, within: NodeId) -> Open {
    let item = repeat.variable.as_ref().map_or(ITEM, |name| name.value.clone());
    let node = variable(builder, Scope::Loop(body), &item);
    match &repeat.variable {
        Some(name) => builder.add_text(node, name, Role::Definition, Some(within)),
        None => builder.add(node, repeat.span, Role::Definition, Spelling::Implied, Some(within)),
    }
    let mut over = None;
    match &repeat.source {
        LoopSource::Variable { name, .. } => over = Some(name.clone()),
        LoopSource::Matrix(rows) => {
            for row in rows {
                let node = builder.node(Scope::Loop(repeat.span), SymbolKind::MatrixKey, &row.name.value);
                builder.add_name(node, &row.name, Role::Definition, Some(within));
            }
        }
        _ => {}
    }
    Open { body, item, over, row_scope: repeat.span }
}

fn innermost(loops: &[Open], span: Span) -> Option<&Open> {
    loops.iter().find(|open| is_inside(span, open.body))
}

fn local_node(builder: &mut Builder<'_>, loops: &[Open], name: &SmolStr, span: Span) -> Option<NodeId> {
    let open = innermost(loops, span).filter(|open| open.item == *name)?;
    Some(variable(builder, Scope::Loop(open.body), name))
}

/// What a call gives a task that defines a variable of the name itself means that one, although it is hidden by it.
fn join_hidden(builder: &mut Builder<'_>) {
    for index in 0..builder.tasks.passed.len() {
        let Some(passed) = builder.tasks.passed.get(index) else { continue };
        let (vars, callees) = (passed.vars, passed.callees.clone());
        for name in vars.iter().map(|written| &written.name.value) {
            for callee in &callees {
                let given = builder.find(Scope::Incoming(*callee), name);
                if let Some((given, own)) = given.zip(builder.find(Scope::Own(*callee), name)) {
                    builder.join_source(given, own);
                }
            }
        }
    }
}

/// The lines around grouped output are rendered for each task, with what it is given and what it defines.
fn join_group_lines(builder: &mut Builder<'_>) {
    let loaded = builder.indexed.loaded;
    let mut names: Vec<SmolStr> = Vec::new();
    for taskfile in loaded.files.iter().filter_map(|file| file.taskfile.as_ref()) {
        let Some(facts) = builder.indexed.memo.facts_of_file(taskfile) else { continue };
        let lines: Vec<Span> = taskfile
            .output
            .iter()
            .flat_map(|output| output.group.begin.iter().chain(&output.group.end))
            .map(|line| line.span)
            .collect();
        let is_in_line = |span: Span| lines.iter().any(|line| is_inside(span, *line));
        let reads = facts.reads.iter().filter(|read| is_in_line(read.span));
        names.extend(reads.map(|read| read.name.clone()));
    }
    for name in names {
        let read = variable(builder, Scope::Global, &name);
        for number in 0..builder.tasks.written.len() as u32 {
            for scope in [Scope::Own(number), Scope::Incoming(number)] {
                if let Some(seen) = builder.find(scope, &name) {
                    builder.join_source(read, seen);
                }
            }
        }
    }
}

/// A value that the command line gives for a param is seen by all that the task calls.
fn join_params(builder: &mut Builder<'_>) {
    let mut pairs = Vec::new();
    for passed in &builder.tasks.passed {
        let Some(number) = passed.caller else { continue };
        let Some(caller) = builder.tasks.get(number) else { continue };
        let Some(superset) = caller.task.superset.as_deref() else { continue };
        for param in &superset.params {
            let name = variable_name(&param.name.value);
            let here = builder.find(Scope::Incoming(number), &name);
            for callee in &passed.callees {
                let there = builder
                    .find(Scope::Incoming(*callee), &name)
                    .or_else(|| builder.find(Scope::Global, &name));
                pairs.extend(here.zip(there));
            }
        }
    }
    for (one, other) in pairs {
        builder.join(one, other);
    }
}
