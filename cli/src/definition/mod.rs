//! Definitions of tasks read and changed for a server: one question on standard input, one answer on standard output, both JSON.
//!
//! A server does not read projects in its own process. What it saves has been compiled together with all the rest before.

mod block;
mod place;
mod refusal;
mod save;
mod trial;

use std::io::Read;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::Purpose;
use ez_compiler::folder::{self, METADATA_NAMES};
use ez_compiler::plan::edit::{NewStep, new_plan};
use ez_compiler::plan::{self, EXTENSIONS};
use ez_compiler::project::paths::TASKFILE_NAMES;
use ez_server::source_file::{self, Saved, tag};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use self::place::{Kind, Part, Place, check_inside, whole_folder};
use self::refusal::Refusal;
use self::trial::Edited;
use crate::args::invocation::Options;
use crate::changed_files::Changes;
use crate::commands::{Context, Outcome};
use crate::disk::Disk;
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;
use crate::project::Project;

/// The first argument of a process that answers such a question.
pub const ARGUMENT: &str = "__definition";

/// What is asked.
#[derive(Debug, Deserialize)]
#[serde(tag = "question", rename_all = "snake_case", deny_unknown_fields)]
enum Question {
    /// What defines a task?
    Read {
        task: String,
        #[serde(default)]
        part: Part,
    },
    /// Something else is to define it.
    Write {
        task: String,
        #[serde(default)]
        part: Part,
        text: String,
        /// The tags of texts that may be replaced; `*` is any.
        #[serde(default)]
        expected: Option<Vec<String>>,
    },
    /// A new task.
    Add {
        task: String,
        kind: Kind,
        text: String,
        /// The text of its `task.yml`.
        #[serde(default)]
        metadata: Option<String>,
    },
    /// A task is not wanted any more.
    Remove {
        task: String,
        #[serde(default)]
        expected: Option<Vec<String>>,
    },
    /// A plan that runs a task.
    Plan {
        task: String,
        plan: String,
        vars: Vec<(String, String)>,
        overwrite: bool,
        /// The tags of plans that may be replaced; `*` is any.
        #[serde(default)]
        expected: Option<Vec<String>>,
    },
}

/// What is answered.
#[derive(Debug, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
enum Answer {
    /// What defines the task.
    Definition {
        file: String,
        kind: Kind,
        /// On which line of the file it begins, from 1.
        line: usize,
        text: String,
        /// Stands for the text.
        tag: String,
    },
    /// It is on the disk.
    Saved {
        file: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        tag: Option<String>,
        /// Whether it took the place of another text.
        is_replaced: bool,
    },
    Unknown {
        message: String,
    },
    Exists {
        message: String,
    },
    Refused {
        message: String,
    },
    /// The project would have these errors. `text_line` is the line in the text that was sent.
    Broken {
        errors: Vec<Value>,
    },
    Changed {
        tag: Option<String>,
    },
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unknown(message) => Self::Unknown { message },
            Refusal::Exists(message) => Self::Exists { message },
            Refusal::Refused(message) => Self::Refused { message },
            Refusal::Broken(errors) => Self::Broken { errors },
            Refusal::Changed(tag) => Self::Changed { tag },
        }
    }
}

/// Answers the question on standard input about the project here.
pub fn run(context: &Context, options: &Options) -> Outcome {
    let fail = |error: &dyn std::fmt::Display| Failure::new(Code::USAGE, format!("ez: {error}"));
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| fail(&error))?;
    let question: Question = serde_json::from_str(&text).map_err(|error| fail(&error))?;
    let desk = Desk { context, options };
    let answer = desk.answer(question).unwrap_or_else(Answer::from);
    let json = serde_json::to_string(&answer).map_err(|error| fail(&error))?;
    context.logger.out(Color::None, &format!("{json}\n"));
    Ok(())
}

struct Desk<'a> {
    context: &'a Context,
    options: &'a Options,
}

impl Desk<'_> {
    fn answer(&self, question: Question) -> Result<Answer, Refusal> {
        let project = Project::open(self.context, self.options, Purpose::Check)?;
        match question {
            Question::Read { task, part } => self.read(&project, &task, part),
            Question::Write { task, part, text, expected } => {
                let place = Place::find(&project, &task, part)?;
                check_tag(&place, expected.as_deref())?;
                self.write(&project, &task, &place, &text)
            }
            Question::Add { task, kind: Kind::Inline, text, .. } => self.add_inline(&project, &task, &text),
            Question::Add { task, kind: Kind::Folder, text, metadata } => {
                self.add_folder(&project, &task, &text, metadata.as_deref())
            }
            Question::Remove { task, expected } => self.remove(&project, &task, expected.as_deref()),
            Question::Plan { task, plan, vars, overwrite, expected } => {
                let step = NewStep { task, vars, ..NewStep::default() };
                self.plan(&project, step, &plan, overwrite, expected.as_deref())
            }
        }
    }

    fn shown(&self, path: &Utf8Path) -> String {
        path.strip_prefix(&self.context.environment.working_directory).unwrap_or(path).to_string()
    }

    fn saved(&self, path: &Utf8Path, tag: Option<String>) -> Answer {
        Answer::Saved { file: self.shown(path), tag, is_replaced: false }
    }

    fn read(&self, project: &Project, task: &str, part: Part) -> Result<Answer, Refusal> {
        let place = Place::find(project, task, part)?;
        let missing = || Refusal::Unknown(format!("`{task}` has no {}", self.shown(&place.path)));
        let text = place.definition().ok_or_else(missing)?;
        Ok(Answer::Definition {
            file: self.shown(&place.path),
            kind: place.kind,
            line: place.line(),
            tag: tag(&text),
            text,
        })
    }

    fn try_out(
        &self,
        project: &Project,
        changes: &Changes,
        edited: Option<&Edited<'_>>,
    ) -> Result<Project, Refusal> {
        trial::compile(self.context, self.options, project, changes, edited)
    }

    fn write(&self, project: &Project, task: &str, place: &Place, text: &str) -> Result<Answer, Refusal> {
        // Empty lines around a task are of the file, and would grow with every writing.
        let text = if place.block.is_some() { without_empty_lines_around(text) } else { text };
        let whole = place.with(text);
        let start = place.block.as_ref().map_or(0, |block| block.range.start);
        let tail = place.block.as_ref().zip(place.text.as_ref());
        let tail = tail.map_or(0, |(block, text)| text.len().saturating_sub(block.range.end));
        let range = start..whole.len().saturating_sub(tail).max(start);
        let edited = Edited { path: &place.path, range, line: place.line() };
        let changes = Changes::text(place.path.clone(), whole.clone());
        let after = self.try_out(project, &changes, Some(&edited))?;
        let mut tag_now = Some(tag(text));
        if place.block.is_some() {
            check_only_task(&after, task, &edited)?;
            // What a reader gets now, whose last line may end in another way than that of what was sent.
            let now = Place::find(&after, task, Part::Taskfile)?;
            tag_now = now.definition().map(|text| tag(&text));
        }
        match replace(&place.path, place.text.as_deref(), &whole)? {
            Saved::Done => Ok(self.saved(&place.path, tag_now)),
            Saved::Changed => Err(Refusal::Changed(None)),
        }
    }

    fn add_inline(&self, project: &Project, task: &str, text: &str) -> Result<Answer, Refusal> {
        check_free(project, task)?;
        let place = Place::behind_all(project)?;
        self.write(project, task, &place, text)
    }

    fn add_folder(
        &self,
        project: &Project,
        task: &str,
        text: &str,
        metadata: Option<&str>,
    ) -> Result<Answer, Refusal> {
        check_free(project, task)?;
        if !folder::is_name(task) {
            let rule = "use letters, digits, \"-\", \"_\" and \".\"";
            return Err(Refusal::Refused(format!("`{task}` is no name of a folder task: {rule}")));
        }
        let directory = project.root().join(folder::DIRECTORY).join(task);
        if directory.symlink_metadata().is_ok() {
            return Err(Refusal::Exists(format!("{} is there already", self.shown(&directory))));
        }
        let mut files = vec![(TASKFILE_NAMES[0], text)];
        files.extend(metadata.map(|metadata| (METADATA_NAMES[0], metadata)));
        let texts = files.iter().map(|(name, text)| (directory.join(name), (*text).to_owned()));
        let changes = Changes { texts: texts.collect(), removed: Vec::new() };
        self.try_out(project, &changes, None)?;
        save::create_directory(&directory, &files)?;
        Ok(self.saved(&directory.join(TASKFILE_NAMES[0]), Some(tag(text))))
    }

    fn remove(&self, project: &Project, task: &str, expected: Option<&[String]>) -> Result<Answer, Refusal> {
        let place = Place::find(project, task, Part::Taskfile)?;
        check_tag(&place, expected)?;
        if let Some(folder) = whole_folder(project, task) {
            let changes = Changes { texts: Vec::new(), removed: vec![folder.directory.clone()] };
            self.try_out(project, &changes, None)?;
            save::remove_directory(&folder.directory)?;
            return Ok(self.saved(&folder.directory, None));
        }
        let whole = place.with("");
        self.try_out(project, &Changes::text(place.path.clone(), whole.clone()), None)?;
        match replace(&place.path, place.text.as_deref(), &whole)? {
            Saved::Done => Ok(self.saved(&place.path, None)),
            Saved::Changed => Err(Refusal::Changed(None)),
        }
    }

    fn plan(
        &self,
        project: &Project,
        step: NewStep,
        name: &str,
        overwrite: bool,
        expected: Option<&[String]>,
    ) -> Result<Answer, Refusal> {
        Place::find(project, &step.task, Part::Taskfile)?;
        if !folder::is_name(name) {
            let rule = "use letters, digits, \"-\", \"_\" and \".\"";
            return Err(Refusal::Refused(format!("`{name}` is no name of a plan: {rule}")));
        }
        let root = project.root();
        let known = plan::find_all(&Disk, &root).into_iter().find(|plan| plan.name == name);
        let path = match known {
            Some(known) if !overwrite => {
                let message = format!("there is a plan `{name}` already, in {}", self.shown(&known.path));
                return Err(Refusal::Exists(message));
            }
            Some(known) => known.path,
            None => root.join(plan::DIRECTORY).join(format!("{name}.{}", EXTENSIONS[0])),
        };
        check_inside(project, &path)?;
        let before = read_if_there(&path)?;
        check_expected(before.as_deref().map(tag), expected)?;
        let text = new_plan(None, &[step]);
        let edited = Edited { path: &path, range: 0..text.len().max(1), line: 1 };
        self.try_out(project, &Changes::text(path.clone(), text.clone()), Some(&edited))?;
        match replace(&path, before.as_deref(), &text)? {
            Saved::Done => {
                let is_replaced = before.is_some();
                Ok(Answer::Saved { file: self.shown(&path), tag: Some(tag(&text)), is_replaced })
            }
            Saved::Changed => Err(Refusal::Changed(None)),
        }
    }
}

fn replace(path: &Utf8Path, before: Option<&str>, text: &str) -> std::io::Result<Saved> {
    source_file::replace(path.as_std_path(), before, text)
}

fn read_if_there(path: &Utf8PathBuf) -> Result<Option<String>, Refusal> {
    match std::fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Somebody who replaces a text has to know which.
fn check_tag(place: &Place, expected: Option<&[String]>) -> Result<(), Refusal> {
    check_expected(place.definition().map(|text| tag(&text)), expected)
}

fn check_expected(now: Option<String>, expected: Option<&[String]>) -> Result<(), Refusal> {
    let is_it = |wanted: &String| now.as_ref().is_some_and(|now| wanted == "*" || wanted == now);
    if expected.is_none_or(|expected| expected.iter().any(is_it)) {
        Ok(())
    } else {
        Err(Refusal::Changed(now))
    }
}

fn check_free(project: &Project, task: &str) -> Result<(), Refusal> {
    let is_folder = project.compilation.folders.iter().any(|folder| folder.name == task);
    let is_known = is_folder || project.compilation.program.find(task).is_some();
    if is_known { Err(Refusal::Exists(format!("there is a task `{task}` already"))) } else { Ok(()) }
}

/// The new text defines the task and nothing else.
fn check_only_task(after: &Project, task: &str, edited: &Edited<'_>) -> Result<(), Refusal> {
    let other = || Refusal::Refused(format!("the text does not define `{task}`: begin it with `{task}:`"));
    let place = Place::find(after, task, Part::Taskfile).map_err(|_| other())?;
    let (Some(block), Some(text)) = (&place.block, &place.text) else { return Err(other()) };
    if place.path != edited.path || !edited.range.contains(&block.range.start) {
        return Err(other());
    }
    let around = [
        text.get(edited.range.start..block.range.start),
        text.get(block.range.end.min(edited.range.end)..edited.range.end),
    ];
    let is_alone = around.iter().flatten().all(|text| text.trim().is_empty());
    if is_alone && block.range.end <= edited.range.end {
        return Ok(());
    }
    Err(Refusal::Refused(format!(
        "the text has more than the task `{task}`: its comments stand right above its name, or deeper than that"
    )))
}

fn without_empty_lines_around(text: &str) -> &str {
    let begun = text.find(|c: char| !c.is_whitespace()).and_then(|at| text.get(..at)?.rfind('\n'));
    let text = begun.and_then(|at| text.get(at + 1..)).unwrap_or(text);
    let rest = text.get(text.trim_end().len()..).unwrap_or_default();
    let end = rest.find('\n').map_or(text.len(), |at| text.len() - rest.len() + at + 1);
    text.get(..end).unwrap_or(text)
}
