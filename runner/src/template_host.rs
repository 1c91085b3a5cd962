//! The machine and the variables of a run, as templates see them, with the templates that were parsed before.

use std::cell::RefCell;
use std::sync::Arc;

use ez_compiler::template::time::TimeZone;
use ez_compiler::template::{Host, Reference, Scope, TemplateText, Value};
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::machine::Machine;
use crate::process::Environment;
use crate::scope::View;

/// How many parsed templates are kept. Templates of files are far fewer; texts that templates make of other
/// templates have no bound.
const MAX_PARSED: usize = 100_000;

/// What templates ask of this machine, and the templates that were parsed before.
#[derive(Debug)]
pub struct TemplateHost {
    machine: Machine,
    texts: RefCell<FxHashMap<SmolStr, TemplateText>>,
    references: RefCell<FxHashMap<SmolStr, Reference>>,
}

impl TemplateHost {
    /// This machine with the given environment.
    pub fn new(environment: &Arc<Environment>) -> Self {
        Self { machine: Machine::new(environment), texts: RefCell::default(), references: RefCell::default() }
    }

    /// A text, parsed once.
    pub fn text(&self, text: &SmolStr) -> TemplateText {
        remember(&self.texts, text, TemplateText::parse)
    }

    /// An expression, parsed once.
    pub fn reference(&self, expression: &SmolStr) -> Reference {
        remember(&self.references, expression, Reference::parse)
    }
}

fn remember<T: Clone>(
    known: &RefCell<FxHashMap<SmolStr, T>>,
    text: &SmolStr,
    parse: impl FnOnce(&str) -> T,
) -> T {
    if let Some(parsed) = known.borrow().get(text) {
        return parsed.clone();
    }
    let parsed = parse(text);
    let mut known = known.borrow_mut();
    if known.len() < MAX_PARSED {
        known.insert(text.clone(), parsed.clone());
    }
    parsed
}

impl Host for TemplateHost {
    fn environment(&self, name: &str) -> Option<String> {
        self.machine.environment(name)
    }

    fn environment_names(&self) -> Vec<String> {
        self.machine.environment_names()
    }

    fn now(&self) -> (i64, u32) {
        self.machine.now()
    }

    fn random(&self, buffer: &mut [u8]) {
        self.machine.random(buffer);
    }

    fn cpu_count(&self) -> usize {
        self.machine.cpu_count()
    }

    fn os(&self) -> &str {
        self.machine.os()
    }

    fn arch(&self) -> &str {
        self.machine.arch()
    }

    fn current_dir(&self) -> String {
        self.machine.current_dir()
    }

    fn time_zone(&self, name: &str) -> Option<Arc<TimeZone>> {
        self.machine.time_zone(name)
    }

    fn resolve_host(&self, name: &str) -> Vec<String> {
        self.machine.resolve_host(name)
    }
}

impl Scope for View<'_> {
    fn get(&self, name: &str) -> Option<Value> {
        self.lookup(name)
    }

    fn all(&self) -> Value {
        Value::map(self.entries())
    }
}
