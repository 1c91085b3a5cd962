//! Plugins: where their files are, what they say, and that what names one finds one that fits.

use camino::{Utf8Path, Utf8PathBuf};
use smol_str::SmolStr;

use crate::ast::param::keys;
use crate::ast::plugin::PLUGIN_FIELDS;
use crate::ast::{Hook, HookAction, Moment, Plugin, PluginKind, Query, Text};
use crate::decode::decode_plugin;
use crate::diagnostic::Diagnostic;
use crate::file_system::{FileSystem, PathKind};
use crate::ir::Program;
use crate::rule;
use crate::source::SourceMap;
use crate::suggest::nearest;
use crate::template::Host;
use crate::yaml;
use crate::yaml_file::{Claim, YamlFile, YamlFiles};

/// The directory of a project's plugins, below its root.
pub const PROJECT_DIRECTORY: &str = "plugins";
/// The directory of the user's plugins, below the home directory.
pub const USER_DIRECTORY: &str = ".ez/plugins";
/// What a plugin's file ends with.
const EXTENSIONS: [&str; 2] = ["yml", "yaml"];

/// A plugin and its file.
#[derive(Clone, Debug)]
pub struct FoundPlugin {
    /// What the file says.
    pub plugin: Plugin,
    /// The file.
    pub path: Utf8PathBuf,
}

/// The plugins that a project can use, the project's own before the user's, in the order of their files' names.
#[derive(Clone, Debug, Default)]
pub struct Plugins {
    /// The plugins; of two of one name only the first is used.
    pub found: Vec<FoundPlugin>,
    /// What is wrong with their files.
    pub diagnostics: Vec<Diagnostic>,
    /// The files, without their extensions, that make no plugin.
    broken: Vec<SmolStr>,
}

/// What the file of a plugin says, and what is wrong with it.
#[derive(Debug)]
pub struct ReadPlugin {
    plugin: Option<Plugin>,
    diagnostics: Vec<Diagnostic>,
}

/// Files of plugins that were read.
pub type PluginFiles = YamlFiles<ReadPlugin>;

impl Plugins {
    /// Reads the files in `plugins/` below the root directories, then those in `~/.ez/plugins/`.
    pub fn load(
        files: &dyn FileSystem,
        roots: &[Utf8PathBuf],
        host: &dyn Host,
        sources: &mut SourceMap,
    ) -> Self {
        Self::load_with(files, roots, host, sources, &mut PluginFiles::default(), None)
    }

    /// The same, with the files as they are read, and as they were.
    pub fn load_with(
        files: &dyn FileSystem,
        roots: &[Utf8PathBuf],
        host: &dyn Host,
        sources: &mut SourceMap,
        read: &mut PluginFiles,
        previous: Option<&PluginFiles>,
    ) -> Self {
        let home = host.environment("HOME").filter(|home| home.starts_with('/'));
        let of_roots = roots.iter().map(|root| root.join(PROJECT_DIRECTORY));
        let of_user = home.map(|home| Utf8PathBuf::from(home).join(USER_DIRECTORY));
        let mut plugins = Self::default();
        for path in of_roots.chain(of_user).flat_map(|directory| files_in(files, &directory)) {
            let file = read.read(&path, files, sources, previous, |file, sources, _| decoded(file, sources));
            plugins.add(path, &file);
        }
        plugins
    }

    /// Reads the files in `plugins/` below a root directory where no task names a plugin: then other programs may have theirs
    /// there.
    pub fn of_project(
        files: &dyn FileSystem,
        root: &Utf8Path,
        sources: &mut SourceMap,
        read: &mut PluginFiles,
        previous: Option<&PluginFiles>,
    ) -> Self {
        let mut plugins = Self::default();
        for path in files_in(files, &root.join(PROJECT_DIRECTORY)) {
            let claim = files.read(&path).map_or(Claim::Foreign, |text| claim(&text));
            if claim == Claim::Foreign {
                continue;
            }
            let file = read.read(&path, files, sources, previous, |file, sources, _| decoded(file, sources));
            if claim == Claim::Ours {
                plugins.add(path, &file);
            }
        }
        plugins
    }

    fn add(&mut self, path: Utf8PathBuf, file: &ReadPlugin) {
        self.diagnostics.extend(file.diagnostics.iter().cloned());
        match &file.plugin {
            Some(plugin) => self.found.push(FoundPlugin { plugin: plugin.clone(), path }),
            None => self.broken.push(SmolStr::new(path.file_stem().unwrap_or_default())),
        }
    }

    /// The plugin of a name.
    pub fn find(&self, name: &str) -> Option<&FoundPlugin> {
        self.found.iter().find(|found| found.plugin.name.as_str() == name)
    }

    /// The script of the hook plugin that a hook names; `None` for a hook with a script of its own.
    ///
    /// # Errors
    /// There is none of that name, or it is for something else; without words where its file was found wanting already.
    pub fn hook_script(&self, hook: &Hook) -> Option<Result<&Text, Option<Box<Diagnostic>>>> {
        let HookAction::Plugin(name) = &hook.action else { return None };
        Some(self.named(name, "hook").and_then(|found| match &found.plugin.kind {
            PluginKind::Hook { trigger, script } if trigger.value == hook.moment.value => Ok(script),
            kind => {
                let is_for = match kind {
                    PluginKind::Hook { trigger, .. } => format!("is for `{}`", trigger.value.name()),
                    PluginKind::Param { .. } => "gives options of params".to_owned(),
                };
                let message = format!(
                    "the plugin `{}` {is_for} and cannot stand under `{}`",
                    name.value,
                    hook.moment.value.name()
                );
                let diagnostic = Diagnostic::error(rule::UNKNOWN_PLUGIN, message, name.span)
                    .with_label("of another type")
                    .and_at(hook.moment.span, "here")
                    .with_help("move it to the list that it is for, or name another plugin");
                Err(Some(Box::new(diagnostic)))
            }
        }))
    }

    /// The command of the param plugin that a query names; `None` for any other query.
    ///
    /// # Errors
    /// There is none of that name, or it is for something else; without words where its file was found wanting already.
    pub fn query_command(&self, query: &Query) -> Option<Result<&Text, Option<Box<Diagnostic>>>> {
        let Query::Plugin(name) = query else { return None };
        Some(self.named(name, "param").and_then(|found| match &found.plugin.kind {
            PluginKind::Param { command } => Ok(command),
            PluginKind::Hook { trigger, .. } => {
                let message = format!(
                    "the plugin `{}` is a hook for `{}` and gives no options",
                    name.value,
                    trigger.value.name()
                );
                let diagnostic = Diagnostic::error(rule::UNKNOWN_PLUGIN, message, name.span)
                    .with_label("of another type")
                    .with_help("name a plugin with `type: param`");
                Err(Some(Box::new(diagnostic)))
            }
        }))
    }

    /// The plugin of this name; the suggestion for an unknown one is of type `kind`.
    fn named(&self, name: &Text, kind: &str) -> Result<&FoundPlugin, Option<Box<Diagnostic>>> {
        if let Some(found) = self.find(name.as_str()) {
            return Ok(found);
        }
        if self.broken.contains(&name.value) {
            return Err(None);
        }
        let fitting = self.found.iter().filter(|found| found.plugin.kind.name() == kind);
        let names = fitting.map(|found| found.plugin.name.as_str());
        let diagnostic = Diagnostic::error(
            rule::UNKNOWN_PLUGIN,
            format!("no plugin is named `{}`", name.value),
            name.span,
        )
        .with_label("unknown plugin");
        Err(Some(Box::new(match nearest(name.as_str(), names) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")),
            None => diagnostic.with_help(format!(
                "plugins are files in `{PROJECT_DIRECTORY}/` and in `~/{USER_DIRECTORY}/`; `ez plugin list` shows them"
            )),
        })))
    }
}

/// The files in a directory that can be plugins.
fn files_in(files: &dyn FileSystem, directory: &Utf8Path) -> Vec<Utf8PathBuf> {
    let entries = files.list(directory).unwrap_or_default();
    let paths = entries.into_iter().filter(|entry| entry.kind == PathKind::File);
    let paths = paths.map(|entry| directory.join(entry.name.as_str()));
    paths.filter(|path| path.extension().is_some_and(|extension| EXTENSIONS.contains(&extension))).collect()
}

fn claim(text: &str) -> Claim {
    if text.lines().any(is_telling) {
        return Claim::Ours;
    }
    Claim::of_unfinished(text, &keys(PLUGIN_FIELDS))
}

/// Whether a plugin is told by a line from what other programs keep in `plugins/`: others have a `type` and a `trigger`, too.
fn is_telling(line: &str) -> bool {
    let Some((key, value)) = line.split_once(':') else { return false };
    let value = value.split(" #").next().unwrap_or_default().trim().trim_matches(['\'', '"']);
    match key {
        "type" => matches!(value, "hook" | "param"),
        "trigger" => Moment::parse(value).is_some(),
        _ => false,
    }
}

fn decoded(file: &YamlFile, sources: &SourceMap) -> ReadPlugin {
    if let Some(error) = &file.error {
        let message = format!("the plugin `{}` cannot be read: {error:?}", file.path);
        let diagnostic = Diagnostic::error(rule::UNREADABLE, message, file.start())
            .with_help("mend the file, or take it out of the directory of plugins");
        return ReadPlugin { plugin: None, diagnostics: vec![diagnostic] };
    }
    let diagnostics: Vec<Diagnostic> =
        file.document.errors.iter().map(yaml::YamlError::to_diagnostic).collect();
    let Some(root) = file.document.root.as_ref().filter(|_| diagnostics.is_empty()) else {
        return ReadPlugin { plugin: None, diagnostics };
    };
    let decoded = decode_plugin(root, file.path.file_stem().unwrap_or_default(), sources);
    ReadPlugin { plugin: decoded.plugin, diagnostics: decoded.diagnostics }
}

/// The directories that have plugins: a folder task's own come before those of its project.
pub fn roots(root: &Utf8Path, project_of_folder: Option<&Utf8Path>) -> Vec<Utf8PathBuf> {
    std::iter::once(root).chain(project_of_folder).map(Utf8Path::to_owned).collect()
}

/// Whether a task of the program names a plugin, so that their files must be read.
pub fn is_named(program: &Program) -> bool {
    program.tasks.iter().filter_map(|task| task.definition.superset.as_deref()).any(|superset| {
        superset.hooks.iter().any(|hook| matches!(hook.action, HookAction::Plugin(_)))
            || superset.params.iter().any(|param| matches!(param.query, Some(Query::Plugin(_))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_told_from_files_of_other_programs() {
        for text in ["type: hook\n", "desc: x\ntype: 'param' # why\n", "kind: x\ntrigger: on_error\n"] {
            assert_eq!(claim(text), Claim::Ours, "{text}");
        }
        for text in ["", "ty", "type: hok\n", "trigger:\nscript: echo\n"] {
            assert_eq!(claim(text), Claim::Open, "{text}");
        }
        for text in
            ["trigger:\n- main\npool: x\n", "name: x\nversion: 1\ncommand: y\n", "  type: hook\nx: 1\n"]
        {
            assert_eq!(claim(text), Claim::Foreign, "{text}");
        }
    }
}
