//! `ez-cache`: outputs that are put back instead of made again.

use std::io;
use std::path::Path;

use ez_compiler::ast::CommandAction;
use ez_compiler::template::Value;

use super::{Running, State};
use crate::concrete::{ConcreteAction, ConcreteTask};
use crate::error::RunError;
use crate::event::{Color, EventKind, Skip};
use crate::go_text::quote;
use crate::output_cache::{Key, KeyBuilder, OutputCache};
use crate::scope::Slot;

impl State {
    fn output_cache(&self) -> OutputCache {
        let own = || Path::new(self.program.dir.as_str()).to_owned();
        OutputCache::new(&self.root_directory().unwrap_or_else(|_| own()))
    }

    /// What the work of a task depends on: its sources, its commands as they will run, its variables and environment.
    /// `None` where its outputs are not to be kept, or a source cannot be read.
    pub(super) fn output_key(&self, running: &Running) -> Option<Key> {
        let concrete = &running.concrete;
        let superset = self.program.task(concrete.id).superset.as_deref()?;
        let is_wanted = superset.cache.as_ref().is_some_and(|cache| cache.value);
        if !is_wanted || self.options.dry {
            return None;
        }
        self.hash_task(concrete).ok()
    }

    fn hash_task(&self, concrete: &ConcreteTask) -> io::Result<Key> {
        let mut key = KeyBuilder::default();
        key.part("system", format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH).as_bytes());
        key.part("dir", self.below_root(&concrete.dir).as_bytes());
        let definition = &concrete.definition;
        let options = [&self.program.set, &self.program.shopt, &definition.set, &definition.shopt];
        for option in options.into_iter().flatten() {
            key.part("option", option.value.as_bytes());
        }
        for command in &concrete.cmds {
            let written = definition.cmds.get(command.index);
            let text = match &command.action {
                ConcreteAction::Script { text, .. } => text.as_str(),
                // What a deferred command is, is known only when it runs.
                _ => match written.map(|written| &written.action) {
                    Some(CommandAction::Script(text)) => text.as_str(),
                    _ => "",
                },
            };
            key.part("command", text.as_bytes());
            key.part("if", command.condition.as_bytes());
            let own = written.map(|written| (&written.set, &written.shopt));
            for option in own.into_iter().flat_map(|(set, shopt)| set.iter().chain(shopt)) {
                key.part("option", option.value.as_bytes());
            }
        }
        let declared = definition.vars.iter().map(|variable| &variable.name.value);
        let variables = declared.filter_map(|name| Some((name, concrete.vars.get(name)?)));
        let exports = concrete.exports.iter().map(|(name, slot)| (name, slot));
        for (name, slot) in variables.chain(&concrete.env).chain(exports) {
            key.part(name, shown(slot).as_bytes());
        }
        for glob in &concrete.generates {
            key.part(if glob.exclude { "not-made" } else { "made" }, glob.pattern.as_bytes());
        }
        for file in self.freshness.files(&concrete.dir, &concrete.sources, concrete.use_gitignore) {
            key.file(&self.below_root(&file), Path::new(&file))?;
        }
        Ok(key.finish())
    }

    /// A path as it is in every check-out of the project.
    fn below_root(&self, path: &str) -> String {
        let below = Path::new(path).strip_prefix(self.program.dir.as_str());
        below.map_or_else(|_| path.to_owned(), |below| below.display().to_string())
    }

    /// Puts back what an earlier run with the same key made. Whether it did.
    pub(super) fn restore_outputs(&self, running: &Running, key: &Key) -> Result<bool, RunError> {
        let subject = running.concrete.subject();
        // Ended in between, the task must not count as up to date.
        self.freshness.forget(&subject)?;
        let restored = self.output_cache().restore(key);
        self.freshness.is_unchanged(&subject)?;
        let name = running.concrete.shown_name();
        match restored {
            Ok(Some(count)) => {
                let files = if count == 1 { "1 file".to_owned() } else { format!("{count} files") };
                self.messages.tell(&running.subject, EventKind::TaskSkipped { why: Skip::Restored });
                let words = format!("task: Task {} is restored from the cache ({files})\n", quote(name));
                self.messages.err(Color::Magenta, words);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) => {
                let words =
                    format!("task: Task {} cannot be restored from the cache: {error}\n", quote(name));
                self.messages.err(Color::Yellow, words);
                Ok(false)
            }
        }
    }

    /// Keeps what a task made. Sources that changed while it ran make that worthless; trouble is told, and is no failure.
    pub(super) fn keep_outputs(&self, running: &Running, key: &Key) {
        let concrete = &running.concrete;
        if self.hash_task(concrete).ok().as_ref() != Some(key) {
            return;
        }
        let files = self.freshness.files(&concrete.dir, &concrete.generates, false);
        if files.is_empty() {
            return;
        }
        if let Err(error) = self.output_cache().save(key, concrete.shown_name(), &files) {
            let words =
                format!("task: What task {} made is not cached: {error}\n", quote(concrete.shown_name()));
            self.messages.err(Color::Yellow, words);
        }
    }
}

fn shown(slot: &Slot) -> String {
    match slot.visible() {
        None | Some(Value::Null) => String::new(),
        Some(value) => value.to_text().to_string(),
    }
}
