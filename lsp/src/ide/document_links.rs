//! Paths and addresses that a file names.

use std::ops::Range;

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::ast::{HookAction, Param, Query, Text};
use ez_compiler::file_system::{FileSystem, PathKind};
use ez_compiler::project::paths::smart_join;
use ez_compiler::project::remote::is_remote;
use ez_compiler::source::FileId;
use ez_compiler::template::has_template;

use crate::analysis::Snapshot;

/// What a path or address leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkTarget {
    /// A file.
    File(Utf8PathBuf),
    /// An address on the network.
    Address(String),
}

/// A path or address in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its bytes.
    pub range: Range<usize>,
    /// Where it leads.
    pub target: LinkTarget,
}

/// The links of a file of a project, in order. A path is one if there is a file.
pub fn of_file(snapshot: &Snapshot, file: FileId) -> Vec<Link> {
    let mut links = Links { snapshot, file, found: Vec::new() };
    let compilation = &snapshot.analysis.compilation;
    let loaded = &compilation.loaded;
    for (number, of_project) in loaded.files.iter().enumerate().filter(|(_, known)| known.file == file) {
        links.includes(number);
        let Some(taskfile) = &of_project.taskfile else { continue };
        let base = compilation.program.dir.as_path();
        taskfile.dotenv.iter().for_each(|path| links.path(base, path));
        for task in &taskfile.tasks {
            let directory = match &task.dir {
                Some(dir) if has_template(&dir.value) => None,
                Some(dir) => Some(smart_join(base.as_str(), &dir.value)),
                None => Some(base.to_owned()),
            };
            if let Some(directory) = directory.filter(|_| number == 0) {
                task.dotenv.iter().for_each(|path| links.path(&directory, path));
                task.sources.iter().for_each(|glob| links.path(&directory, &glob.pattern));
            }
            for param in task.superset.iter().flat_map(|superset| &superset.params) {
                links.query(param);
            }
            for hook in task.superset.iter().flat_map(|superset| &superset.hooks) {
                if let HookAction::Plugin(name) = &hook.action {
                    links.plugin(name);
                }
            }
        }
    }
    compilation.metadata.params.iter().for_each(|param| links.query(param));
    links.plans();
    let mut found = links.found;
    found.sort_by_key(|link| link.range.start);
    found
}

struct Links<'a> {
    snapshot: &'a Snapshot,
    file: FileId,
    found: Vec<Link>,
}

impl Links<'_> {
    fn add(&mut self, text: &Text, target: LinkTarget) {
        let place = self.snapshot.analysis.locate(text.span);
        if place.file != self.file {
            return;
        }
        // Quotes are no part of it.
        let written = self.snapshot.analysis.text(self.file).get(place.range.clone()).unwrap_or_default();
        let quotes = usize::from(written.starts_with(['"', '\'']) && written.len() > 1);
        let range = place.range.start + quotes..place.range.end - quotes;
        self.found.push(Link { range, target });
    }

    fn includes(&mut self, number: usize) {
        let loaded = &self.snapshot.analysis.compilation.loaded;
        for edge in loaded.edges.iter().filter(|edge| edge.from == number) {
            let (Some(text), Some(to)) = (&edge.include.taskfile, loaded.files.get(edge.to)) else {
                continue;
            };
            let target = if is_remote(to.path.as_str()) {
                LinkTarget::Address(to.path.to_string())
            } else {
                LinkTarget::File(to.path.clone())
            };
            self.add(text, target);
        }
    }

    fn path(&mut self, base: &Utf8Path, text: &Text) {
        if has_template(&text.value)
            || text.value.contains(['*', '?', '[', '{', '$', '~'])
            || text.value.is_empty()
        {
            return;
        }
        let path = smart_join(base.as_str(), &text.value);
        if self.snapshot.files.kind(&path) == Some(PathKind::File) {
            self.add(text, LinkTarget::File(path));
        }
    }

    fn address(&mut self, text: &Text) {
        if !has_template(&text.value) && text.value.starts_with("http") {
            self.add(text, LinkTarget::Address(text.value.to_string()));
        }
    }

    fn query(&mut self, param: &Param) {
        match &param.query {
            Some(Query::Url { url, .. }) => self.address(url),
            Some(Query::Plugin(name)) => self.plugin(name),
            _ => {}
        }
    }

    fn plugin(&mut self, name: &Text) {
        if let Some(found) = self.snapshot.analysis.compilation.plugins.find(&name.value) {
            self.add(name, LinkTarget::File(found.path.clone()));
        }
    }

    /// Folder tasks that steps run, which have files of their own, and where options of params come from.
    fn plans(&mut self) {
        let compilation = &self.snapshot.analysis.compilation;
        for plan in compilation.plans.iter().filter_map(|plan| plan.written.as_ref()) {
            plan.params.iter().for_each(|param| self.query(param));
            for step in &plan.steps {
                let name = ez_compiler::folder::split_name(&step.task.value).0;
                let is_inline = compilation.program.find(&step.task.value).is_some();
                let folder = compilation.folders.iter().find(|folder| folder.name == name && !is_inline);
                if let Some(folder) = folder {
                    self.add(&step.task, LinkTarget::File(folder.taskfile.clone()));
                }
            }
        }
    }
}
