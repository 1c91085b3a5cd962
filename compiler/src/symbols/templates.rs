//! Files of templates: their params, and what their texts read of them.

use std::borrow::Cow;

use super::builder::{Builder, Scope};
use super::variables::template_local;
use super::{Obstacle, Role, Spelling, SymbolKind};
use crate::ast::Text;
use crate::check::{Place, Use, of_plan_text};
use crate::template_file::{ReadTemplate, TASK, field_name};

/// Adds the names in files of templates.
pub fn add(builder: &mut Builder<'_>) {
    let files = builder.indexed.templates;
    for (number, file) in files.iter().enumerate() {
        add_file(builder, Scope::Template(number as u32), file);
    }
}

fn add_file(builder: &mut Builder<'_>, scope: Scope, file: &ReadTemplate) {
    for param in &file.draft.params {
        let node = builder.node(scope, SymbolKind::TemplateParam, &field_name(&param.name.value));
        builder.set_name(node, &param.name.value);
        builder.add_name(node, &param.name, Role::Definition, None);
    }
    let mut obstacle = (!file.is_whole).then_some(Obstacle::Broken);
    for text in file.draft.texts() {
        let found = add_text(builder, scope, text);
        obstacle = obstacle.or(found);
    }
    if let Some(obstacle) = obstacle {
        builder.set_obstacles(|seen| (seen == scope).then(|| obstacle.clone()));
    }
}

/// Adds the names in a text; gives why it may read any param besides.
fn add_text(builder: &mut Builder<'_>, scope: Scope, text: &Text) -> Option<Obstacle> {
    let place = Place { text: Cow::Borrowed(text), usage: Use::Made, extra: Vec::new() };
    let facts = of_plan_text(place, &builder.sources);
    let reads = facts.reads.iter().map(|read| (&read.name, read.span));
    for (name, span) in reads.chain(facts.names.reads.iter().map(|read| (&read.name, read.span))) {
        if name != TASK {
            let node = builder.node(scope, SymbolKind::TemplateParam, name);
            builder.add(node, span, Role::Read, Spelling::ParamVariable, None);
        }
    }
    for local in &facts.names.locals {
        template_local(builder, local, None);
    }
    let open = facts.names.open_reads.first().map(|read| Obstacle::OpenRead(read.clone()));
    open.or(facts.names.is_broken.then_some(Obstacle::Broken))
}
