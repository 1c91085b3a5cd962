//! Secrets masked in a stream of bytes, also where one comes in several pieces.

use std::collections::BTreeSet;

use ez_compiler::ast::ParamKind;
use ez_compiler::ast::param::variable_name;
use ez_compiler::ir::Program;
use smol_str::SmolStr;

use crate::scope::MASK;

/// The names of all variables of a program whose values nobody is to see: secret params and secret variables.
pub fn secret_names(program: &Program) -> BTreeSet<SmolStr> {
    let params = program.tasks.iter().filter_map(|task| task.superset.as_deref());
    let params = params.flat_map(|superset| &superset.params);
    let secret = params.filter(|param| param.kind.value == ParamKind::Secret);
    let globals = program.vars.values().chain(program.env.values()).map(|global| &global.variable);
    let of_tasks = program.tasks.iter().flat_map(|task| {
        let own = task.definition.vars.iter().chain(&task.definition.env);
        own.chain(task.include_vars.iter())
    });
    let variables = globals.chain(of_tasks).filter(|variable| variable.secret);
    let names = variables.map(|variable| variable.name.value.clone());
    secret.map(|param| variable_name(&param.name.value)).chain(names).collect()
}

/// Masks secrets. What may be the beginning of one is held back until it is known.
#[derive(Debug, Default)]
pub struct Masker {
    secrets: Vec<Vec<u8>>,
    held: Vec<u8>,
}

impl Masker {
    /// Masks these values, too. Empty ones are none.
    pub fn hide(&mut self, secrets: &[SmolStr]) {
        for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
            if !self.secrets.iter().any(|known| known == secret.as_bytes()) {
                self.secrets.push(secret.as_bytes().to_vec());
            }
        }
        // The longest first, so that one that holds another is masked whole.
        self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// The next bytes, as far as it is known what they are.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.secrets.is_empty() {
            return bytes.to_vec();
        }
        self.held.extend_from_slice(bytes);
        self.take(false)
    }

    /// What was held back.
    pub fn rest(&mut self) -> Vec<u8> {
        self.take(true)
    }

    fn take(&mut self, is_end: bool) -> Vec<u8> {
        let held = std::mem::take(&mut self.held);
        let mut out = Vec::with_capacity(held.len());
        let mut rest = held.as_slice();
        while let Some((first, after)) = rest.split_first() {
            let may_begin = |secret: &Vec<u8>| secret.len() > rest.len() && secret.starts_with(rest);
            if !is_end && self.secrets.iter().any(may_begin) {
                break;
            }
            if let Some(secret) = self.secrets.iter().find(|secret| rest.starts_with(secret)) {
                out.extend_from_slice(MASK.as_bytes());
                rest = rest.get(secret.len()..).unwrap_or_default();
            } else {
                out.push(*first);
                rest = after;
            }
        }
        self.held = rest.to_vec();
        out
    }
}

/// A text with secrets masked.
pub fn masked(text: &str, secrets: &[SmolStr]) -> String {
    let mut masker = Masker::default();
    masker.hide(secrets);
    let mut bytes = masker.push(text.as_bytes());
    bytes.extend(masker.rest());
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pieces: &[&str], expected: &str) {
        let mut masker = Masker::default();
        masker.hide(&["abab".into(), "abc".into(), SmolStr::default(), "ab".into()]);
        let mut out: Vec<u8> = pieces.iter().flat_map(|piece| masker.push(piece.as_bytes())).collect();
        out.extend(masker.rest());
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn secrets_are_masked_however_they_are_cut() {
        check(&["x abab y"], "x ***** y");
        check(&["x a", "b", "c y"], "x ***** y");
        check(&["x ab", "ab", "ab"], "x **********");
        check(&["aba"], "*****a");
        check(&["a", "x"], "ax");
        check(&[], "");
    }

    #[test]
    fn what_is_no_secret_is_passed_on_at_once() {
        let mut masker = Masker::default();
        assert_eq!(masker.push(b"ab"), b"ab");
        masker.hide(&["abc".into()]);
        assert_eq!(masker.push(b"xab"), b"x");
        assert_eq!(masker.push(b"d"), b"abd");
    }
}
