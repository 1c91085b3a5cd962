//! Actions in marked texts, and at every place of the recorded files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use camino::Utf8PathBuf;
use ez_compiler::Compilation;
use ez_compiler::ast::{Command, CommandAction, Variable, VariableValue};
use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::ir::{Program, Resolution, Task};

use super::{Action, ActionKind, at};
use crate::analysis::Snapshot;
use crate::ide::fixture::{Fixture, changed, check_cases, compiled_after, recorded_files, shown_change};

/// How many lines what a task runs is followed for.
const MAX_RUN: usize = 300;

/// How many mistakes are shown.
const MAX_SHOWN: usize = 6;

/// How many different actions the recorded projects have at least.
const MIN_ACTIONS: usize = 3_000;

/// How many extracted tasks can be inlined again at least.
const MIN_RETURNS: usize = 700;

/// The actions at the cursor, or in the selection.
fn offered(marked: &str) -> (Snapshot, Vec<Action>) {
    let fixture = Fixture::new(marked);
    let place = fixture.place();
    let actions = at(&place.snapshot, place.position.file, &fixture.selection());
    (place.snapshot, actions)
}

/// Compares what the actions whose titles begin in one of some ways, between bars, make of marked texts with what is recorded.
pub fn check(name: &str, title: &str, cases: &[(&str, &str)]) {
    check_cases(name, cases, |marked| {
        let (snapshot, actions) = offered(marked);
        let is_wanted = |action: &&Action| title.split('|').any(|title| action.title.starts_with(title));
        let wanted = actions.iter().filter(is_wanted);
        let shown: Vec<String> = wanted
            .map(|action| {
                assert!(is_mended(&snapshot, action, &compiled_after(&snapshot, &action.change)));
                let change = shown_change(&snapshot, &action.change).replace('\r', "␍");
                format!("{} ({:?})\n{change}", action.title, action.kind)
            })
            .collect();
        if shown.is_empty() { "nothing".to_owned() } else { shown.join("\n") }
    });
}

/// Whether what an action mends is told of less often after it.
fn is_mended(snapshot: &Snapshot, action: &Action, after: &Compilation) -> bool {
    let Some(mended) = &action.mends else { return true };
    let count = |compilation: &Compilation| {
        let is_it = |diagnostic: &&Diagnostic| {
            diagnostic.code.id == mended.code && mended.message.starts_with(&diagnostic.message)
        };
        compilation.diagnostics.iter().filter(is_it).count()
    };
    count(after) < count(&snapshot.analysis.compilation)
}

/// The recorded projects, each as a marked text without a mark.
fn recorded_projects() -> Vec<(Utf8PathBuf, String)> {
    let files = recorded_files();
    let roots = files.iter().filter(|(path, _)| path.file_stem() == Some("Taskfile"));
    let projects = roots.map(|(path, text)| {
        let directory = path.parent().unwrap();
        let mut project = format!("{}\n", text.replace("$0", "$1"));
        for (other, text) in files.iter().filter(|(other, _)| other != path) {
            if let Ok(name) = other.strip_prefix(directory) {
                write!(project, "#- {name}\n{}\n", text.replace("$0", "$1")).unwrap();
            }
        }
        (path.clone(), project)
    });
    projects.collect()
}

/// Cursors and selections all over a text: the beginnings, insides and ends of lines, and every two lines together.
fn places(text: &str) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut start = 0;
    let mut above = None;
    for line in text.split_inclusive('\n') {
        let first = start + (line.len() - line.trim_start_matches(' ').len());
        let end = start + line.trim_end().len();
        start += line.len();
        if end <= first {
            continue;
        }
        let cursors = [first, first + 2, first + (end - first) / 2, end];
        places.extend(
            cursors.into_iter().filter(|at| *at <= end && text.is_char_boundary(*at)).map(|at| at..at),
        );
        places.extend(above.map(|above| above..end));
        places.push(first..end);
        above = Some(first);
    }
    places
}

/// A text for people that names no places of files.
fn without_places(shown: &str) -> String {
    let mut parts = shown.split("Span {");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    plain
}

/// What a run of each task does, as far as it is known before: what tasks say beside their commands, and the commands, with
/// what they run with, through all calls.
fn runs(program: &Program) -> BTreeMap<String, Vec<String>> {
    let run = |task: &Task| {
        let mut said = (*task.definition).clone();
        said.cmds = Vec::new();
        said.desc = None;
        said.extensions = Vec::new();
        if let Some(superset) = &mut said.superset {
            superset.written = Vec::new();
        }
        let mut lines = vec![without_places(&format!("{said:?} {} {:?}", task.dir, task.silent))];
        follow(program, task, &mut vec![task.name.as_str()], &mut lines);
        (task.name.to_string(), lines)
    };
    program.tasks.iter().map(run).collect()
}

fn follow<'p>(program: &'p Program, task: &'p Task, stack: &mut Vec<&'p str>, lines: &mut Vec<String>) {
    let said = &task.definition;
    let context = format!(
        "{} {:?} {:?} {:?} {:?} {:?} {} {}",
        task.dir,
        said.env,
        said.dotenv,
        said.set,
        said.shopt,
        task.silent,
        said.interactive,
        said.ignore_error
    );
    for command in &said.cmds {
        if lines.len() > MAX_RUN {
            return;
        }
        let Some((callee, vars)) = plain_call(program, task, command) else {
            lines.push(without_places(&format!("{context} {command:?}")));
            continue;
        };
        if stack.contains(&callee.name.as_str()) {
            lines.push(format!("{} again", callee.name));
            continue;
        }
        lines.extend(
            vars.iter()
                .filter(|variable| !is_handed_on(variable))
                .map(|variable| without_places(&format!("{variable:?}"))),
        );
        stack.push(&callee.name);
        follow(program, callee, stack, lines);
        stack.pop();
    }
}

/// The task that a command calls and does nothing else, if that task does nothing but run its commands.
fn plain_call<'p>(
    program: &'p Program,
    task: &Task,
    command: &'p Command,
) -> Option<(&'p Task, &'p [Variable])> {
    let CommandAction::Call { task: name, vars } = &command.action else { return None };
    let is_more = command.deferred
        || command.silent
        || command.ignore_error
        || command.repeat.is_some()
        || command.condition.is_some()
        || !command.platforms.is_empty();
    let Resolution::Task(id, stars) = program.resolve(&task.callee(&name.value)) else { return None };
    let callee = program.task(id);
    let said = &callee.definition;
    let does_more = !said.deps.is_empty()
        || !said.sources.is_empty()
        || !said.status.is_empty()
        || !said.preconditions.is_empty()
        || !said.requires.is_empty()
        || !said.vars.is_empty()
        || !said.prompt.is_empty()
        || !said.platforms.is_empty()
        || said.run.is_some()
        || said.condition.is_some()
        || said.cmds.iter().any(|command| command.deferred);
    (!is_more && !does_more && stars.is_empty()).then_some((callee, vars))
}

/// `A: '{{.A}}'`
fn is_handed_on(variable: &Variable) -> bool {
    let name = &variable.name.value;
    match &variable.value {
        VariableValue::Text(text) => text.value == format!("{{{{.{name}}}}}"),
        VariableValue::Reference(text) => text.value == format!(".{name}"),
        _ => false,
    }
}

fn errors(compilation: &Compilation) -> BTreeSet<String> {
    let errors = compilation.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(|error| format!("{} {}", error.code.id, error.message)).collect()
}

/// Applies an action, and compares what is there before and after it: what is wrong.
fn mistake(snapshot: &Snapshot, action: &Action) -> Option<String> {
    let before = &snapshot.analysis.compilation;
    let after = compiled_after(snapshot, &action.change);
    let broken = |compilation: &Compilation| {
        compilation.loaded.files.iter().filter(|file| !file.document.errors.is_empty()).count()
    };
    if broken(&after) > broken(before) {
        return Some(format!("not YAML: {:?}", errors(&after)));
    }
    if action.kind == ActionKind::QuickFix {
        return (!is_mended(snapshot, action, &after)).then(|| format!("not mended: {:?}", action.mends));
    }
    let (old, new) = (errors(before), errors(&after));
    if !new.is_subset(&old) {
        return Some(format!("new errors: {old:?} {new:?}"));
    }
    if !action.change.files.is_empty() {
        return mistake_of_folder(snapshot, action);
    }
    let (mut before, mut after) = (runs(&before.program), runs(&after.program));
    if action.kind == ActionKind::Extract && after.len() != before.len() + 1 {
        return Some(format!("{} tasks became {}", before.len(), after.len()));
    }
    if action.kind == ActionKind::Inline {
        before.retain(|name, _| after.contains_key(name));
    }
    after.retain(|name, _| before.contains_key(name));
    (before != after).then(|| format!("other runs: {before:#?}\n{after:#?}"))
}

/// What is wrong with a task that has gone into a folder of its own.
fn mistake_of_folder(snapshot: &Snapshot, action: &Action) -> Option<String> {
    let mut project = String::new();
    for (path, text) in changed(snapshot, &action.change) {
        let name = path.strip_prefix("/project").unwrap();
        write!(project, "#- {name}\n{}\n", text.trim_end()).unwrap();
    }
    let (taskfile, _) = action.change.files.first()?;
    let folder = Fixture::new(&project).snapshot(taskfile.strip_prefix("/project").unwrap().as_str());
    let compilation = &folder.analysis.compilation;
    let new = errors(compilation);
    let is_known = new.is_subset(&errors(&snapshot.analysis.compilation));
    let is_there = folder.analysis.key.folder.is_some() && compilation.program.find("default").is_some();
    (!is_known || !is_there).then(|| format!("a folder that is none: {new:?}\n{project}"))
}

/// What is wrong with writing the commands, that an action made a task, back where they were; `None` also where that is
/// not offered.
fn mistake_of_return(snapshot: &Snapshot, extraction: &Action, count: &mut usize) -> Option<String> {
    let name = extraction.title.split('`').nth(1)?;
    let texts = changed(snapshot, &extraction.change);
    let text = texts.into_iter().find(|(path, _)| path == "/project/Taskfile.yml")?.1;
    let call = text.find(&format!("task: {name}"))?;
    let after = Fixture::new(&text).snapshot("Taskfile.yml");
    let file = after.analysis.file_of("/project/Taskfile.yml".into())?;
    let returns =
        at(&after, file, &(call..call)).into_iter().filter(|action| action.kind == ActionKind::Inline);
    let mut mistakes = returns.filter_map(|action| {
        *count += 1;
        let mistake = mistake(&after, &action)?;
        Some(format!("{} of\n{text}\n{mistake}\n{}", action.title, shown_change(&after, &action.change)))
    });
    mistakes.next()
}

#[test]
fn actions_keep_what_recorded_projects_run() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let (mut mistakes, mut returns) = (Vec::new(), 0);
    let projects = recorded_projects().into_iter().flat_map(|(path, project)| {
        let windows = project.replace('\n', "\r\n");
        [(path.clone(), project), (path, windows)]
    });
    for (path, project) in projects {
        let snapshot = Fixture::new(&project).snapshot("Taskfile.yml");
        let file = snapshot.analysis.file_of("/project/Taskfile.yml".into()).unwrap();
        let mut seen = BTreeSet::new();
        for range in places(snapshot.analysis.text(file)) {
            for action in at(&snapshot, file, &range) {
                if seen.insert(format!("{} {:?}", action.title, action.change)) {
                    if action.kind == ActionKind::Extract && !project.contains('\r') {
                        mistakes.extend(mistake_of_return(&snapshot, &action, &mut returns));
                    }
                    if let Some(mistake) = mistake(&snapshot, &action) {
                        let change = shown_change(&snapshot, &action.change);
                        mistakes.push(format!("{path} {}: {mistake}\n{change}", action.title));
                    }
                    let kind = action.title.split('`').next().unwrap_or_default().trim().to_owned();
                    *counts.entry(format!("{:?} {kind}", action.kind)).or_default() += 1;
                }
            }
        }
    }
    let shown: Vec<&str> = mistakes.iter().take(MAX_SHOWN).map(String::as_str).collect();
    assert!(mistakes.is_empty(), "{} mistakes:\n{}", mistakes.len(), shown.join("\n\n"));
    let refactorings: usize =
        counts.iter().filter(|(kind, _)| !kind.starts_with("QuickFix")).map(|(_, count)| count).sum();
    assert!(refactorings > MIN_ACTIONS, "{counts:#?}");
    assert!(returns > MIN_RETURNS, "{returns}");
}
