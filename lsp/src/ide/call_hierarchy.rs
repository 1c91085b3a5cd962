//! Who calls a task, and what it calls: over dependencies, calls in commands, compositions and steps of plans.

use std::ops::Range;
use std::sync::Arc;

use ez_compiler::source::SourceFile;
use ez_compiler::symbols::{Occurrence, Role, Spelling, SymbolId, SymbolIndex, SymbolKind};

use super::definition::text_place;
use crate::analysis::{FilePosition, Snapshot};

/// A task or step.
#[derive(Clone, Debug)]
pub struct CallItem {
    /// Its name.
    pub name: String,
    /// Whether it is a step of a plan; else it is a task.
    pub is_step: bool,
    /// The file.
    pub source: Arc<SourceFile>,
    /// The name in the text.
    pub selection: Range<usize>,
}

/// A task or step with the calls between it and the one that was asked for.
#[derive(Clone, Debug)]
pub struct CallEdge {
    /// The other one.
    pub item: CallItem,
    /// The calls, in the caller's file.
    pub calls: Vec<Range<usize>>,
}

/// The tasks and steps at a place.
pub fn prepare(snapshot: &Snapshot, position: FilePosition) -> Vec<CallItem> {
    let index = snapshot.symbols();
    callables(index, position, false).into_iter().filter_map(|id| item(index, id)).collect()
}

/// Who calls the task, or the step, that is defined at a place.
pub fn incoming(snapshot: &Snapshot, position: FilePosition, is_step: bool) -> Vec<CallEdge> {
    let index = snapshot.symbols();
    let mut callers: Vec<(SymbolId, Vec<Range<usize>>)> = Vec::new();
    for id in callables(index, position, is_step) {
        for call in index.occurrences_with_aliases(id).into_iter().filter(|place| place.role == Role::Call) {
            if let Some(caller) = call.within {
                add(&mut callers, caller, call.range());
            }
        }
    }
    edges(index, callers)
}

/// What is called by the task, or the step, that is defined at a place.
pub fn outgoing(snapshot: &Snapshot, position: FilePosition, is_step: bool) -> Vec<CallEdge> {
    let index = snapshot.symbols();
    let mut callees: Vec<(SymbolId, Vec<Range<usize>>)> = Vec::new();
    for id in callables(index, position, is_step) {
        let files =
            index.occurrences(id).filter(|place| place.role == Role::Definition).map(|place| place.file);
        for file in files.collect::<Vec<_>>() {
            let calls = index.in_file(file).iter();
            for call in calls.filter(|place| place.role == Role::Call && place.within == Some(id)) {
                let callee =
                    index.symbol(call.symbol).and_then(|symbol| symbol.alias_of).unwrap_or(call.symbol);
                add(&mut callees, callee, call.range());
            }
        }
    }
    edges(index, callees)
}

/// The tasks and steps that are named at a place. What names a task and is the name of its step is the task, unless the
/// step is asked for.
fn callables(index: &SymbolIndex, position: FilePosition, is_step: bool) -> Vec<SymbolId> {
    if is_step {
        let is_kind = |id| index.symbol(id).is_some_and(|symbol| symbol.kind == SymbolKind::Step);
        let defined = index.in_file(position.file).iter().filter(|place| {
            place.role == Role::Definition && place.range().start == position.offset && is_kind(place.symbol)
        });
        return defined.map(|place| place.symbol).collect();
    }
    let mut here: Vec<&Occurrence> = index.at(position.file, position.offset);
    let kind = |place: &Occurrence| index.symbol(place.symbol).map(|symbol| symbol.kind);
    let is_task = |place: &Occurrence| matches!(kind(place), Some(SymbolKind::Task | SymbolKind::TaskAlias));
    here.retain(|place| is_task(place) || kind(place) == Some(SymbolKind::Step));
    // A step without a name of its own is found at its task only where nothing else is; a task that a folder or namespace
    // stands for is found at the name of that.
    if here.iter().any(|place| place.spelling != Spelling::Implied) {
        here.retain(|place| place.spelling != Spelling::Implied);
    } else if here.iter().any(|place| is_task(place)) {
        here.retain(|place| is_task(place));
    }
    let mut ids = Vec::new();
    for place in here {
        let Some(symbol) = index.symbol(place.symbol) else { continue };
        let id = symbol.alias_of.unwrap_or(place.symbol);
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

fn add(found: &mut Vec<(SymbolId, Vec<Range<usize>>)>, id: SymbolId, call: Range<usize>) {
    match found.iter_mut().find(|(known, _)| *known == id) {
        Some((_, calls)) => calls.push(call),
        None => found.push((id, vec![call])),
    }
}

fn edges(index: &SymbolIndex, found: Vec<(SymbolId, Vec<Range<usize>>)>) -> Vec<CallEdge> {
    found.into_iter().filter_map(|(id, calls)| Some(CallEdge { item: item(index, id)?, calls })).collect()
}

fn item(index: &SymbolIndex, id: SymbolId) -> Option<CallItem> {
    let symbol = index.symbol(id)?;
    let definition = index.occurrences(id).find(|place| place.role == Role::Definition)?;
    let place = text_place(index, definition);
    let is_step = symbol.kind == SymbolKind::Step;
    Some(CallItem { name: symbol.name.to_string(), is_step, source: place.source, selection: place.range })
}
