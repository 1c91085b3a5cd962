//! `@plugin:<name>`: what names a plugin becomes what the plugin says.

use std::sync::Arc;

use crate::ast::{HookAction, Query, Superset};
use crate::diagnostic::Diagnostic;
use crate::plugin::Plugins;

/// Puts the scripts of plugins in the places of their names. A hook whose plugin cannot be used is left out.
pub fn resolve(superset: &mut Arc<Superset>, plugins: &Plugins, diagnostics: &mut Vec<Diagnostic>) {
    let names_hook = superset.hooks.iter().any(|hook| matches!(hook.action, HookAction::Plugin(_)));
    let names_query = superset.params.iter().any(|param| matches!(param.query, Some(Query::Plugin(_))));
    if !names_hook && !names_query {
        return;
    }
    let superset = Arc::make_mut(superset);
    superset.hooks.retain_mut(|hook| {
        let script = match plugins.hook_script(hook) {
            None => return true,
            Some(Ok(script)) => script.clone(),
            Some(Err(diagnostic)) => {
                diagnostics.extend(diagnostic.map(|diagnostic| *diagnostic));
                return false;
            }
        };
        if let HookAction::Plugin(name) = std::mem::replace(&mut hook.action, HookAction::Script(script)) {
            hook.name.get_or_insert(name);
        }
        true
    });
    for param in &mut superset.params {
        match param.query.as_ref().and_then(|query| plugins.query_command(query)) {
            None => {}
            Some(Ok(command)) => param.query = Some(Query::Command(command.clone())),
            Some(Err(diagnostic)) => diagnostics.extend(diagnostic.map(|diagnostic| *diagnostic)),
        }
    }
}
