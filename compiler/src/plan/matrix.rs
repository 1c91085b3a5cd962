//! What combinations a matrix gives.
//!
//! As in the workflows of GitHub: every value of a key with every value of the others, in written order, the first key changing
//! slowest; without what an `exclude` matches; an `include` whose values of the matrix's keys fit a combination is added to
//! it, and one that fits none is a combination of its own.

use std::fmt::Write as _;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::ast::plan::{Combination, Matrix};
use crate::diagnostic::Diagnostic;
use crate::ir::plan::MAX_COMBINATIONS;
use crate::rule;
use crate::source::Spanned;
use crate::suggest::nearest;
use crate::template::Value;

/// Keys and values.
pub type Values = Vec<(SmolStr, Value)>;

/// The combinations of a matrix; none where it gives none, which is told.
pub fn expand(matrix: &Matrix, diagnostics: &mut Vec<Diagnostic>) -> Vec<Values> {
    let sized = matrix.keys.iter().try_fold(1usize, |size, key| size.checked_mul(key.values.len().max(1)));
    if sized.is_none_or(|size| size > MAX_COMBINATIONS) || matrix.include.len() > MAX_COMBINATIONS {
        let message = format!("this matrix has more than {MAX_COMBINATIONS} combinations");
        diagnostics.push(
            Diagnostic::error(rule::PLAN_LIMIT, message, matrix.span)
                .with_help("write fewer values, or let one step loop over some of them"),
        );
        return Vec::new();
    }
    let empty = matrix.keys.iter().filter(|key| key.values.is_empty());
    let before = diagnostics.len();
    diagnostics.extend(empty.map(|key| {
        let message = format!("`{}` has no values, so that the step never runs", key.name.value);
        Diagnostic::error(rule::INVALID_MATRIX, message, key.name.span)
            .with_label("empty")
            .with_help("write at least one value, or remove the key")
    }));
    check_excluded_keys(matrix, diagnostics);
    if diagnostics.len() > before {
        return Vec::new();
    }
    let mut combinations = if matrix.keys.is_empty() { Vec::new() } else { product(matrix) };
    let was_empty = combinations.is_empty();
    combinations.retain(|values| !matrix.exclude.iter().any(|excluded| matches(excluded, values)));
    if combinations.is_empty() && !was_empty && matrix.include.is_empty() {
        diagnostics.push(
            Diagnostic::error(rule::INVALID_MATRIX, "`exclude` leaves no combination", matrix.span)
                .with_label("nothing is left")
                .with_help("exclude less, or remove the step"),
        );
        return Vec::new();
    }
    include(matrix, &mut combinations);
    if combinations.is_empty() {
        diagnostics.push(
            Diagnostic::error(rule::INVALID_MATRIX, "this matrix has no combination", matrix.span)
                .with_label("empty")
                .with_help("write a key with values, as `arch: [arm64, x86_64]`, or remove the matrix"),
        );
    }
    combinations
}

fn check_excluded_keys(matrix: &Matrix, diagnostics: &mut Vec<Diagnostic>) {
    let is_key = |name: &Spanned<SmolStr>| matrix.keys.iter().any(|key| key.name.value == name.value);
    for (name, _) in matrix.exclude.iter().flat_map(|excluded| &excluded.values) {
        if is_key(name) {
            continue;
        }
        let message = format!("`{}` is no key of this matrix", name.value);
        let diagnostic =
            Diagnostic::error(rule::INVALID_MATRIX, message, name.span).with_label("unknown key");
        let keys = matrix.keys.iter().map(|key| key.name.value.as_str());
        diagnostics.push(match nearest(&name.value, keys) {
            Some(near) => diagnostic.with_help(format!("did you mean `{near}`?")).with_fix(
                format!("rename to `{near}`"),
                name.span,
                near,
            ),
            None => diagnostic.with_help("exclude by keys that the matrix has"),
        });
    }
}

fn product(matrix: &Matrix) -> Vec<Values> {
    let mut combinations: Vec<Values> = vec![Vec::new()];
    for key in &matrix.keys {
        combinations = combinations
            .iter()
            .flat_map(|values| {
                key.values.iter().map(|value| {
                    let mut longer = values.clone();
                    longer.push((key.name.value.clone(), value.value.clone()));
                    longer
                })
            })
            .collect();
    }
    combinations
}

fn matches(wanted: &Combination, values: &Values) -> bool {
    let has = |name: &SmolStr, value: &Value| {
        values.iter().any(|(own, found)| own == name && found.to_text() == value.to_text())
    };
    wanted.values.iter().all(|(name, value)| has(&name.value, &value.value))
}

fn include(matrix: &Matrix, combinations: &mut Vec<Values>) {
    let is_key = |name: &SmolStr| matrix.keys.iter().any(|key| key.name.value == *name);
    let of_product = combinations.len();
    for included in &matrix.include {
        let fixed: Vec<_> = included.values.iter().filter(|(name, _)| is_key(&name.value)).cloned().collect();
        let fixed = Combination { values: fixed, span: included.span };
        let mut is_added = false;
        for values in combinations.iter_mut().take(of_product).filter(|values| matches(&fixed, values)) {
            is_added = true;
            for (name, value) in included.values.iter().filter(|(name, _)| !is_key(&name.value)) {
                match values.iter_mut().find(|(own, _)| *own == name.value) {
                    Some((_, own)) => own.clone_from(&value.value),
                    None => values.push((name.value.clone(), value.value.clone())),
                }
            }
        }
        if !is_added {
            let values = included.values.iter();
            combinations
                .push(values.map(|(name, value)| (name.value.clone(), value.value.clone())).collect());
        }
    }
}

/// How a combination of a step is shown.
pub fn display_name(step: &str, values: &Values) -> SmolStr {
    match values.as_slice() {
        [] => step.into(),
        [(_, only)] => smol_str::format_smolstr!("{step}[{}]", only.to_text()),
        _ => {
            let mut name = format!("{step}[");
            for (index, (key, value)) in values.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                // A `String` takes all that is written to it.
                let _ = write!(name, "{comma}{key}={}", value.to_text());
            }
            name.push(']');
            name.into()
        }
    }
}

/// The longest slug: names of files may be 255 bytes long, and things are put before and behind it.
pub const MAX_SLUG: usize = 120;

/// A name for files and tasks: the step, then the values, joined by `-`; what is unsafe there becomes `_`.
pub fn slug(step: &str, values: &Values) -> SmolStr {
    let mut slug = String::with_capacity(step.len());
    let texts = values.iter().map(|(_, value)| value.to_text());
    for (index, part) in std::iter::once(SmolStr::new(step)).chain(texts).enumerate() {
        if index > 0 {
            slug.push('-');
        }
        slug.extend(part.chars().map(|c| if is_safe(c) { c } else { '_' }));
    }
    if slug.starts_with(['.', '-']) {
        slug.replace_range(..1, "_");
    }
    if slug.len() > MAX_SLUG {
        let hash = crate::project::remote::sha256(slug.as_bytes());
        let kept: String = slug.chars().take(MAX_SLUG - 9).collect();
        slug = format!("{kept}-{}", hash.get(..8).unwrap_or_default());
    }
    slug.into()
}

fn is_safe(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// Two nodes may not have one slug: they would share a directory. Gives the first node of each slug that is met again.
pub fn find_collision<'n>(
    slugs: &mut FxHashMap<&'n str, usize>,
    slug: &'n str,
    index: usize,
) -> Option<usize> {
    let first = slugs.get(slug).copied();
    if first.is_none() {
        slugs.insert(slug, index);
    }
    first
}
