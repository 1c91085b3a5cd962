//! What is asked, with what is known around it.

use std::ops::Range;
use std::sync::Arc;

use ez_compiler::ast::{self, Moment, Step};
use ez_compiler::ir::{Program, Task};
use ez_compiler::plan::CompiledPlan;
use ez_compiler::schema::{Format, Scalar, Shape, shapes_at};
use ez_compiler::source::SourceFile;

use super::{Item, Kind, Options, anchors, insertion};
use crate::analysis::{FilePosition, Snapshot};
use crate::ide::cursor::{self, Cursor, Part, Style};
use crate::ide::plugins;

/// A question for candidates.
pub struct Request<'a> {
    /// The project.
    pub snapshot: &'a Snapshot,
    /// The file.
    pub source: &'a Arc<SourceFile>,
    /// Its format.
    pub format: Format,
    /// What stands at the place.
    pub cursor: Cursor,
    /// What the editor can do.
    pub options: Options,
}

impl<'a> Request<'a> {
    /// A question at a place; `None` where nothing can be written.
    pub fn new(snapshot: &'a Snapshot, position: FilePosition, options: Options) -> Option<Self> {
        let source = snapshot.analysis.file(position.file);
        let cursor = Cursor::at(source, position.offset)?;
        let format = cursor::format_in(&snapshot.analysis, position.file);
        Some(Self { snapshot, source, format, cursor, options })
    }

    /// The same question where `- docs:` is the beginning of a task's name and not a key, as it would be if it stayed so.
    pub fn with_name_for_key(mut self) -> Self {
        let Some(cursor::Step::Key { range, flow: None, .. }) =
            self.cursor.path.last().filter(|_| self.cursor.needs_blank)
        else {
            return self;
        };
        let start = range.start;
        let items = self.cursor.items();
        let holder = items.get(..items.len() - 1).unwrap_or_default();
        let shapes = shapes_at(self.format, holder);
        let takes_name = |shape: &Shape| {
            matches!(shape, Shape::Scalar(Scalar::TaskName) | Shape::Template(Scalar::TaskName))
        };
        let is_known = !shapes_at(self.format, &items).is_empty();
        if is_known || !shapes.iter().any(takes_name) {
            return self;
        }
        self.cursor.path.pop();
        self.cursor.needs_blank = false;
        self.cursor.column = self.cursor.column.saturating_sub(self.cursor.word.start - start);
        self.cursor.word.start = start;
        self.cursor.scalar = start;
        self
    }

    /// Whether the editor asks because of a character that means nothing here, as a blank of the indentation.
    pub fn is_noise(&self) -> bool {
        let before = self.source.text.get(..self.cursor.offset).unwrap_or("");
        let line = before.rsplit('\n').next().unwrap_or("");
        match self.options.trigger {
            Some(' ') => {
                let bare = line.trim_end();
                // Behind a word of a text a blank begins nothing, but in a template or behind `task` it may.
                bare.is_empty()
                    || (line.len() - bare.len() > 1 && !line.contains("{{") && !line.contains("<%"))
            }
            Some('-') => line.trim() == "-",
            Some(anchors::ALIAS) => !anchors::is_alias(self),
            _ => false,
        }
    }

    /// The program.
    pub fn program(&self) -> &'a Program {
        &self.snapshot.analysis.compilation.program
    }

    /// What the value at the cursor can be.
    pub fn shapes(&self) -> Vec<Shape> {
        shapes_at(self.format, &self.cursor.items())
    }

    /// What is typed of the key or scalar.
    pub fn typed(&self) -> &str {
        self.cursor.typed(&self.source.text)
    }

    /// Whether a line begins here, without anything on it yet but perhaps a word.
    pub fn is_block_start(&self) -> bool {
        self.cursor.part == Part::KeyOrValue
            && self.cursor.flow.is_none()
            && self.cursor.column == self.cursor.indentation
    }

    /// The bytes of the key or scalar that a name replaces: up to the next blank behind the cursor.
    pub fn word(&self) -> Range<usize> {
        let cursor = &self.cursor;
        let behind = self.source.text.get(cursor.offset..cursor.word.end).unwrap_or("");
        let length = match cursor.style {
            Style::Plain => behind.find([' ', '\t']).unwrap_or(behind.len()),
            _ => behind.len(),
        };
        cursor.word.start..cursor.offset + length
    }

    /// An item that is a scalar.
    pub fn scalar(&self, value: &str, kind: Kind) -> Item {
        let written = insertion::scalar(value, self.cursor.style, self.cursor.flow.is_some());
        let blank = if self.cursor.needs_blank { " " } else { "" };
        Item::new(value, kind, self.word()).inserting(format!("{blank}{written}"))
    }

    /// The name under `tasks` of a Taskfile that the cursor is below.
    pub fn task_name(&self) -> Option<&str> {
        match (self.format, self.cursor.path.as_slice()) {
            (Format::Taskfile, [tasks, name, ..]) if tasks.key() == Some("tasks") => name.key(),
            _ => None,
        }
    }

    /// The task that the cursor is in; of one that is included several times the first.
    pub fn task(&self) -> Option<&'a Task> {
        let program = self.program();
        if self.format == Format::Metadata {
            return program.find(ez_compiler::folder::DEFAULT_TASK).map(|id| program.task(id));
        }
        let name = self.task_name()?;
        let path = self.source.path.as_path();
        program.tasks.iter().find(|task| task.definition.name.value == name && *task.taskfile == *path)
    }

    /// The tasks whose variables are seen at the cursor: the one that it is in, or those that name the plugin.
    pub fn tasks(&self) -> Vec<&'a Task> {
        if self.format != Format::Plugin {
            return self.task().into_iter().collect();
        }
        let path = &self.source.path;
        let written = self.cursor.scalar_of(self.source, 0, "name");
        let name = written.as_deref().or_else(|| path.file_stem()).unwrap_or_default();
        plugins::tasks_that_name(&self.snapshot.analysis, path, name)
    }

    /// When the hook runs whose script the cursor is in.
    pub fn moment(&self) -> Option<Moment> {
        if self.format == Format::Plugin {
            return Moment::parse(&self.cursor.scalar_of(self.source, 0, "trigger")?);
        }
        match self.cursor.keys().as_slice() {
            [Some("tasks"), Some(_), Some("ez-hooks"), Some(moment), ..] => Moment::parse(moment),
            _ => None,
        }
    }

    /// The plan that the cursor is in.
    pub fn plan(&self) -> Option<&'a CompiledPlan> {
        let plans = &self.snapshot.analysis.compilation.plans;
        plans.iter().find(|plan| plan.file.path == self.source.path).filter(|_| self.format == Format::Plan)
    }

    /// The step of the plan that the cursor is in, with its number.
    pub fn step(&self) -> Option<(usize, &'a Arc<Step>)> {
        let [steps, cursor::Step::Index { at }, ..] = self.cursor.path.as_slice() else { return None };
        if steps.key() != Some("steps") {
            return None;
        }
        let analysis = &self.snapshot.analysis;
        let written: &ast::Plan = self.plan()?.written.as_ref()?;
        // A list's item ends where the next one begins: of those that begin before the cursor the last is meant.
        let begins = |step: &Arc<Step>| analysis.locate(step.span).range.start;
        let found =
            written.steps.iter().enumerate().rev().find(|(_, step)| begins(step) <= self.cursor.offset)?;
        (begins(found.1) >= *at).then_some(found)
    }
}
