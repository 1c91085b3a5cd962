//! The names in the texts of a task or file that no rule asks for: local variables of templates, variables and calls of
//! tasks in scripts, names in EZ's own fields. The index of symbols is made of them.

use std::ops::Range;

use smol_str::SmolStr;

use super::facts::{Local, Parsed};
use super::reads::{self, Reads};
use super::texts::{Place, Texts, Use};
use crate::ast::{self, HookAction, Query, Text};
use crate::shell::NameUse;
use crate::source::{SourceMap, Span};
use crate::template::Template;
use crate::template::ast::{Branch, Command, Expression, List, Name, Node, Pipe};

/// The names in the texts of a task or file.
#[derive(Debug, Default)]
pub struct Names {
    /// Variables that are read in other ways than [`super::Facts::reads`] has: by a function, or in a field of EZ.
    pub reads: Vec<NameRead>,
    /// What reads variables by names that are not written there: `index . .NAME`.
    pub open_reads: Vec<SmolStr>,
    /// What follows the variable of a loop: the `OS` of `.ITEM.OS`.
    pub members: Vec<Member>,
    /// The variables that templates declare themselves.
    pub locals: Vec<LocalName>,
    /// The variables of scripts.
    pub shell: Vec<ShellName>,
    /// Whether a template has a mistake, behind which names may stand that are not known.
    pub is_broken: bool,
    /// Names of tasks that scripts give to `task` or `ez`.
    pub runs: Vec<(SmolStr, Span)>,
}

/// A variable that is read.
#[derive(Clone, Debug)]
pub struct NameRead {
    /// Its name.
    pub name: SmolStr,
    /// The name, in the file.
    pub span: Span,
    /// Whether the place itself defines it, as a loop does.
    pub local: bool,
}

/// A part of a variable.
#[derive(Clone, Debug)]
pub struct Member {
    /// The variable.
    pub base: SmolStr,
    /// The part's name.
    pub name: SmolStr,
    /// The part's name, in the file.
    pub span: Span,
}

/// A place of a variable that a template declares: `$x`.
#[derive(Clone, Debug)]
pub struct LocalName {
    /// The name, with its dollar.
    pub name: SmolStr,
    /// The name, in the file.
    pub span: Span,
    /// Where it is declared.
    pub declaration: Span,
    /// Whether the place gives it a value.
    pub is_write: bool,
}

/// A place of a variable in a script.
#[derive(Clone, Debug)]
pub struct ShellName {
    /// The name.
    pub name: SmolStr,
    /// The name, in the file, without dollar and braces.
    pub span: Span,
    /// Whether the place gives it a value.
    pub is_write: bool,
    /// The script.
    pub script: Span,
}

/// Gathers the names of texts that are parsed.
pub fn gather(local: &Local<'_>) -> Names {
    let mut names = Names::default();
    for (text, reads) in local.texts.iter().zip(local.reads) {
        names.add(text, reads, local.sources);
    }
    names
}

/// The texts in fields of EZ.
pub fn superset_places<'a>(superset: &'a ast::Superset, sources: &'a SourceMap) -> Vec<Place<'a>> {
    let mut texts = Texts::new(sources);
    texts.variables(&superset.defaults, &[]);
    for step in superset.compose.iter().flat_map(|compose| &compose.value) {
        texts.variables(&step.defaults, &[]);
    }
    let place =
        |text: &'a Text, usage| Place { text: std::borrow::Cow::Borrowed(text), usage, extra: Vec::new() };
    let mut places = texts.places;
    for hook in &superset.hooks {
        if let HookAction::Script(script) = &hook.action {
            places.push(place(script, Use::Command { forgiven: false }));
        }
    }
    for param in &superset.params {
        places.extend(param.default.iter().map(|default| place(default, Use::Rendered)));
        match &param.query {
            Some(Query::Command(script)) => places.push(place(script, Use::Command { forgiven: false })),
            Some(Query::Url { url, path }) => {
                places.extend(std::iter::once(url).chain(path).map(|text| place(text, Use::Rendered)));
            }
            Some(Query::Plugin(_)) | None => {}
        }
    }
    let of_log = superset.log.iter().flat_map(|log| log.dir.iter().chain(&log.prefix));
    let of_artifacts = superset.artifacts.iter().map(|artifact| &artifact.path);
    places.extend(of_log.chain(of_artifacts).map(|text| place(text, Use::Rendered)));
    places
}

impl Names {
    fn add(&mut self, text: &Parsed<'_>, reads: &Reads<'_>, sources: &SourceMap) {
        if let Some(template) = &text.template {
            self.template(template, text, sources);
        }
        self.script(text, sources);
        self.look_ups(text, reads, sources);
    }

    /// Adds the names of a text in a field of EZ, of whose reads no rule asks.
    pub fn add_of_superset(&mut self, text: &Parsed<'_>, reads: &Reads<'_>, sources: &SourceMap) {
        self.add(text, reads, sources);
        self.reads.extend(reads.variables.iter().map(|read| NameRead {
            name: read.name.clone(),
            span: text.template_span(&read.range, sources),
            local: text.extra.contains(&read.name),
        }));
    }

    /// The variables that functions take by their names.
    fn look_ups(&mut self, text: &Parsed<'_>, reads: &Reads<'_>, sources: &SourceMap) {
        self.reads.extend(reads.looked_up.iter().map(|(name, range)| NameRead {
            name: name.clone(),
            span: text.template_span(range, sources),
            local: text.extra.contains(name),
        }));
        let Some(template) = &text.template else { return };
        let written = reads.open_look_ups.iter().filter_map(|range| template.text().get(range.clone()));
        self.open_reads.extend(written.map(SmolStr::new));
    }

    fn script(&mut self, text: &Parsed<'_>, sources: &SourceMap) {
        let Some((inspection, masked)) = &text.script else { return };
        let reads = inspection.reads.iter().map(|read| (read, false));
        let all = reads.chain(inspection.writes.iter().map(|write| (write, true)));
        for (name, is_write) in all.filter(|(name, _)| !masked.touches(name.range)) {
            self.shell.push(ShellName {
                name: name.name.clone(),
                span: text.span(&name.range.range(), sources),
                is_write,
                script: text.text.span,
            });
        }
        for words in &inspection.task_runs {
            let named = task_names(words).filter(|word| !masked.touches(word.range));
            self.runs.extend(named.map(|word| (word.name.clone(), text.span(&word.range.range(), sources))));
        }
    }

    fn template(&mut self, template: &Template, text: &Parsed<'_>, sources: &SourceMap) {
        self.is_broken |= !template.errors().is_empty();
        let mut visitor = Visitor { names: self, text, sources, open: Vec::new() };
        visitor.list(template.root());
        for definition in template.definitions() {
            visitor.open.clear();
            visitor.list(&definition.list);
        }
    }
}

/// Flags of `task` and `ez` that have another project in mind.
const OTHER_PROJECT: &[&str] = &["-d", "--dir", "-t", "--taskfile", "-g", "--global"];

/// The names of tasks on a command line of `task` or `ez`.
fn task_names(words: &[NameUse]) -> impl Iterator<Item = &NameUse> {
    let (program, arguments) =
        words.split_first().map_or(("", words), |(first, rest)| (first.name.as_str(), rest));
    let is_ez = program == "ez";
    let is_elsewhere = arguments.iter().any(|word| {
        let flag = word.name.split('=').next().unwrap_or_default();
        OTHER_PROJECT.contains(&flag)
    });
    let arguments = if is_elsewhere { &[] } else { arguments };
    // `ez run NAME`; every other subcommand takes something else.
    let arguments = match arguments.split_first() {
        Some((first, rest)) if is_ez && first.name == "run" => rest,
        Some((first, _)) if is_ez && super::SUBCOMMANDS.contains(&first.name.as_str()) => &[],
        _ => arguments,
    };
    let until = arguments.iter().position(|word| word.name == "--").unwrap_or(arguments.len());
    let named = arguments.get(..until).unwrap_or_default().iter();
    // Of `ez NAME ARGUMENT` only the first is a task.
    let count = if is_ez { 1 } else { usize::MAX };
    named
        .filter(|word| !word.name.starts_with('-') && !word.name.contains('=') && !word.name.is_empty())
        .take(count)
}

struct Visitor<'v, 'a> {
    names: &'v mut Names,
    text: &'v Parsed<'a>,
    sources: &'v SourceMap,
    /// The variables that can be seen, with the bytes of their declarations; the newest last.
    open: Vec<(SmolStr, Range<usize>)>,
}

impl Visitor<'_, '_> {
    fn list(&mut self, list: &List) {
        for node in &list.nodes {
            match node {
                Node::Action(action) => self.pipe(&action.pipe),
                Node::Branch(branch) => self.branch(branch),
                Node::Template(call) => call.pipe.iter().for_each(|pipe| self.pipe(pipe)),
                Node::Text { .. } | Node::Break { .. } | Node::Continue { .. } => {}
            }
        }
    }

    /// What a branch declares is gone behind its `end`.
    fn branch(&mut self, branch: &Branch) {
        let outer = self.open.len();
        self.pipe(&branch.pipe);
        self.list(&branch.list);
        branch.otherwise.iter().for_each(|otherwise| self.list(otherwise));
        self.open.truncate(outer);
    }

    fn pipe(&mut self, pipe: &Pipe) {
        for command in &pipe.commands {
            self.command(command);
        }
        for variable in &pipe.declarations {
            let Some(name) = variable.names.first() else { continue };
            if !pipe.is_assignment {
                self.open.push((name.text.clone(), name.range.clone()));
            }
            self.local(name, true);
        }
    }

    fn command(&mut self, command: &Command) {
        if let [Expression::Function(function), Expression::Field(field), Expression::Text(key), ..] =
            command.arguments.as_slice()
            && matches!(function.name.as_str(), "index" | "get" | "hasKey")
            && let ([base], Some((name, range))) = (field.names.as_slice(), reads::name_in(key))
        {
            self.member(base, name, &range);
        }
        command.arguments.iter().for_each(|argument| self.expression(argument));
    }

    fn expression(&mut self, expression: &Expression) {
        match expression {
            Expression::Field(field) => self.members(&field.names),
            Expression::Variable(variable) => match variable.names.split_first() {
                Some((first, rest)) if first.text == "$" => self.members(rest),
                Some((first, _)) => self.local(first, false),
                None => {}
            },
            Expression::Chain(chain) => self.expression(&chain.base),
            Expression::Pipe(pipe) => self.pipe(pipe),
            _ => {}
        }
    }

    fn local(&mut self, name: &Name, is_write: bool) {
        let known = self.open.iter().rev().find(|(open, _)| *open == name.text);
        let Some((_, declaration)) = known else { return };
        self.names.locals.push(LocalName {
            name: name.text.clone(),
            span: self.text.template_span(&name.range, self.sources),
            declaration: self.text.template_span(declaration, self.sources),
            is_write,
        });
    }

    fn members(&mut self, names: &[Name]) {
        if let [base, member, ..] = names {
            self.member(base, member.text.clone(), &member.range);
        }
    }

    fn member(&mut self, base: &Name, name: SmolStr, range: &Range<usize>) {
        if self.text.extra.contains(&base.text) {
            let span = self.text.template_span(range, self.sources);
            self.names.members.push(Member { base: base.text.clone(), name, span });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    #[test]
    fn names_of_tasks_on_command_lines() {
        let check = |script: &str, expected: &[&str]| {
            let found = shell::inspect(&shell::parse(script).unwrap());
            let names: Vec<&str> = found
                .task_runs
                .iter()
                .flat_map(|words| task_names(words))
                .map(|word| word.name.as_str())
                .collect();
            assert_eq!(names, expected, "{script}");
        };
        check("task build docs:serve X=1 -- more", &["build", "docs:serve"]);
        check("task -s 'build' && (ez test arg)", &["build", "test"]);
        check("ez run list", &["list"]);
        check("ez check build; task --list; taskset build", &[]);
        check("task -d sub build; task --taskfile=x build", &[]);
        check("x=$(task version)", &["version"]);
    }
}
