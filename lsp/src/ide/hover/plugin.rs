//! Plugins.

use std::fmt::Write;

use ez_compiler::ast::PluginKind;

use super::markdown::{code, path};
use crate::analysis::Snapshot;

/// The plugin of a name; `None` where there is none, or its file makes none.
pub fn show(snapshot: &Snapshot, name: &str) -> Option<String> {
    let found = snapshot.analysis.compilation.plugins.find(name)?;
    let plugin = &found.plugin;
    let mut shown = format!("**plugin** {} · {}", code(name), plugin.kind.name());
    if let PluginKind::Hook { trigger, .. } = &plugin.kind {
        let _ = write!(shown, " · {}", code(trigger.value.name()));
    }
    if let Some(desc) = &plugin.desc {
        let _ = write!(shown, "\n\n{}", desc.value.trim());
    }
    let _ = write!(shown, "\n\nRuns {}", code(&plugin.kind.script().value));
    let _ = write!(shown, "\n\nFrom {}", code(path(snapshot, &found.path).as_str()));
    Some(shown)
}
