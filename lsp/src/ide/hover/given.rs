//! Keys that give a variable its value elsewhere: of includes, calls, compositions and steps of plans.

use ez_compiler::ast::{self, CommandAction};
use ez_compiler::folder::split_name;
use ez_compiler::ir::{Resolution, Task};
use ez_compiler::schema::Format;
use ez_compiler::template::has_template;

use super::{Asked, variable};
use crate::ide::syntax::Item;

impl<'a> Asked<'a> {
    /// Whether the place is in the `vars` of an include.
    pub(super) fn is_included(&self) -> bool {
        let path = self.spot.path.as_slice();
        matches!(path, [Item::Key("includes"), Item::Key(_), Item::Key("vars"), Item::Key(_)])
    }

    /// A variable that an include gives its tasks.
    pub(super) fn included(&self, name: &str) -> Option<String> {
        let Some(Item::Key(namespace)) = self.spot.path.get(1) else { return None };
        let mut files = self.snapshot.analysis.compilation.loaded.files.iter();
        let taskfile = files.find(|loaded| loaded.file == self.position.file)?.taskfile.as_ref()?;
        let include = taskfile.includes.iter().find(|include| include.namespace.value == *namespace)?;
        let variable = include.vars.iter().rfind(|variable| variable.name.value == name)?;
        Some(variable::show_included(variable, namespace))
    }

    /// A value that gives way to others: of the task itself, or of one that it is composed of.
    pub(super) fn default_value(&self, name: &str) -> Option<String> {
        let compose = self.task.and_then(|task| task.superset.as_ref()?.compose.as_ref());
        let steps = compose.map(|compose| compose.value.as_slice()).unwrap_or_default();
        let called = |step: &ast::ComposeStep| self.called(&step.task.value);
        let param = |step: &ast::ComposeStep| variable::show_given(called(step)?, name, &step.task.value);
        if let [.., Item::Key("ez-compose"), Item::Index(index), Item::Key("defaults"), Item::Key(_)] =
            self.spot.path.as_slice()
        {
            let step = steps.get(*index)?;
            return param(step).or_else(|| Some(variable::show_passed(self.snapshot, called(step)?, name)));
        }
        let of_step = || steps.iter().find_map(param);
        self.param(name).or_else(of_step).or_else(|| self.variable(name))
    }

    /// Whether the place is in the `vars` of a call.
    pub(super) fn is_passed(&self) -> bool {
        // A task's own stand right below it.
        let own = 4;
        self.tree.format == Format::Taskfile
            && self.spot.path.len() > own
            && matches!(self.spot.path.as_slice(), [Item::Key("tasks"), .., Item::Key("vars"), Item::Key(_)])
    }

    /// A variable that a call passes, as the called task has it.
    pub(super) fn passed(&self, name: &str) -> Option<String> {
        let definition = &self.task?.definition;
        let is_here = |span| self.snapshot.analysis.touches(span, self.position);
        let of_deps = definition.deps.iter().filter(|call| is_here(call.span)).map(|call| &call.task);
        let of_cmds =
            definition.cmds.iter().filter(|call| is_here(call.span)).filter_map(|call| match &call.action {
                CommandAction::Call { task, .. } => Some(task),
                _ => None,
            });
        let called = of_deps.chain(of_cmds).next().filter(|called| !has_template(&called.value))?;
        Some(variable::show_passed(self.snapshot, self.called(&called.value)?, name))
    }

    /// The task that the task at the place calls by a name.
    fn called(&self, name: &str) -> Option<&'a Task> {
        let program = &self.snapshot.analysis.compilation.program;
        match program.resolve(&self.task?.callee(name)) {
            Resolution::Task(id, _) => Some(program.task(id)),
            _ => None,
        }
    }

    /// Whether the place is in the `vars` of a step.
    pub(super) fn is_given(&self) -> bool {
        matches!(
            self.spot.path.as_slice(),
            [Item::Key("steps"), Item::Index(_), Item::Key("vars"), Item::Key(_)]
        )
    }

    /// A variable that a step gives its task, as the task has it.
    pub(super) fn given(&self, name: &str) -> Option<String> {
        let called = &self.step.filter(|step| !has_template(&step.task.value))?.task.value;
        let compilation = &self.snapshot.analysis.compilation;
        if let Resolution::Task(id, _) = compilation.program.resolve(called) {
            let task = compilation.program.task(id);
            let shown = variable::show_given(task, name, called);
            return Some(shown.unwrap_or_else(|| variable::show_passed(self.snapshot, task, name)));
        }
        let (folder, task) = split_name(called);
        let mut folders = compilation.folder_programs.iter();
        let program = &folders.find(|known| known.folder.name == folder)?.compilation.program;
        let Resolution::Task(id, _) = program.resolve(task) else { return None };
        variable::show_given(program.task(id), name, called)
    }
}
