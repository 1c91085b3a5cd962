//! Plugins.

use ez_compiler::ast::PluginKind;
use ez_compiler::plugin::{self, Plugins};
use ez_compiler::source::SourceMap;

use super::Kind;
use super::rank::Candidates;
use super::request::Request;
use super::tasks::first_line;

/// The plugins that fit where the cursor is, behind a prefix.
pub fn add_names(request: &Request<'_>, prefix: &str, found: &mut Candidates) {
    let typed = request.typed();
    if !prefix.is_empty() && !typed.is_empty() && !typed.starts_with('@') {
        return;
    }
    let snapshot = request.snapshot;
    let project = snapshot.analysis.key.folder.as_ref().map(|folder| &*folder.project);
    let roots = plugin::roots(&request.program().dir, project);
    let plugins = Plugins::load(&*snapshot.files, &roots, &*snapshot.host, &mut SourceMap::default());
    let keys = request.cursor.keys();
    let moment =
        keys.iter().flatten().find(|key| matches!(**key, "pre_run" | "post_run" | "on_error" | "always"));
    for plugin in &plugins.found {
        let fits = match &plugin.plugin.kind {
            PluginKind::Hook { trigger, .. } => moment.is_some_and(|moment| trigger.value.name() == *moment),
            PluginKind::Param { .. } => moment.is_none(),
        };
        if fits {
            let name = format!("{prefix}{}", plugin.plugin.name.as_str());
            let description = plugin.plugin.desc.as_ref().map(|desc| first_line(&desc.value));
            found.add(0, &name, || request.scalar(&name, Kind::Plugin).detail(description));
        }
    }
}
