//! Variables that a task must have (go-task, `requires.go`).

use ez_compiler::ast::{EnumValues, RequiredVariable};
use ez_compiler::template::Value;
use smol_str::SmolStr;

use crate::error::{Cause, MissingVariable, NotAllowed, RunError};
use crate::go_text::quote;
use crate::render::Renderer;
use crate::scope::Layer;

/// A required variable with the values that it may have; none means any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The name.
    pub name: SmolStr,
    /// The values.
    pub allowed: Vec<SmolStr>,
    /// The expression that gives the values, where it is not resolved.
    pub reference: Option<SmolStr>,
}

/// Requirements without their references.
pub fn unresolved(required: &[RequiredVariable]) -> Vec<Requirement> {
    let requirement = |required: &RequiredVariable| {
        let (allowed, reference) = match required.allowed.as_ref().map(|allowed| &allowed.values) {
            None => (Vec::new(), None),
            Some(EnumValues::List(values)) => (values.clone(), None),
            Some(EnumValues::Reference(text)) => (Vec::new(), Some(text.value.clone())),
        };
        Requirement { name: required.name.value.clone(), allowed, reference }
    };
    required.iter().map(requirement).collect()
}

/// Requirements with their references resolved.
///
/// # Errors
/// A reference gives no list of texts.
pub fn resolved(
    required: &[RequiredVariable],
    renderer: &mut Renderer<'_>,
    layer: &Layer,
) -> Result<Vec<Requirement>, RunError> {
    let mut requirements = unresolved(required);
    for (requirement, required) in requirements.iter_mut().zip(required) {
        let Some(EnumValues::Reference(text)) = required.allowed.as_ref().map(|allowed| &allowed.values)
        else {
            continue;
        };
        if text.as_str().is_empty() {
            continue;
        }
        let value = renderer.reference(text, layer);
        if let Some(fault) = renderer.fault() {
            return Err(fault.clone().into());
        }
        let wrong = |what| RunError::other(format!("enum reference {} {what}", quote(text.as_str())));
        let items = value.as_list().ok_or_else(|| wrong("must resolve to a list"))?;
        requirement.allowed = items
            .iter()
            .map(|item| item.as_str().map(SmolStr::new).ok_or_else(|| wrong("must contain only strings")))
            .collect::<Result<_, _>>()?;
        requirement.reference = None;
    }
    Ok(requirements)
}

/// The requirements that `layer` does not meet.
pub fn missing<'a>(requirements: &'a [Requirement], layer: &Layer) -> Vec<&'a Requirement> {
    requirements.iter().filter(|requirement| !layer.contains(&requirement.name)).collect()
}

/// All requirements have a variable.
pub fn check_present(task: &SmolStr, requirements: &[Requirement], layer: &Layer) -> Result<(), RunError> {
    let missing = missing(requirements, layer);
    if missing.is_empty() {
        return Ok(());
    }
    let variables = missing
        .into_iter()
        .map(|requirement| MissingVariable {
            name: requirement.name.clone(),
            allowed: requirement.allowed.clone(),
        })
        .collect();
    Err(RunError::new(Cause::MissingVariables { task: task.clone(), variables }))
}

/// All texts are among the allowed ones; other types are not checked.
pub fn check_allowed(task: &SmolStr, requirements: &[Requirement], layer: &Layer) -> Result<(), RunError> {
    let is_wrong = |requirement: &Requirement| match layer.get(&requirement.name).map(|slot| &slot.value) {
        Some(Value::String(value))
            if !requirement.allowed.is_empty() && !requirement.allowed.contains(value) =>
        {
            Some(NotAllowed {
                name: requirement.name.clone(),
                value: value.clone(),
                allowed: requirement.allowed.clone(),
            })
        }
        _ => None,
    };
    let variables: Vec<NotAllowed> = requirements.iter().filter_map(is_wrong).collect();
    if variables.is_empty() {
        return Ok(());
    }
    Err(RunError::new(Cause::NotAllowed { task: task.clone(), variables }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(name: &str, allowed: &[&str]) -> Requirement {
        Requirement {
            name: name.into(),
            allowed: allowed.iter().map(SmolStr::new).collect(),
            reference: None,
        }
    }

    #[test]
    fn empty_text_counts_as_set_and_only_texts_are_checked() {
        let mut layer = Layer::default();
        layer.set_value("EMPTY", "");
        layer.set_value("NUMBER", 3_i64);
        layer.set_value("WORD", "z");
        let check = |name, allowed: &[&str]| {
            let requirements = [requirement(name, allowed)];
            let result = check_present(&"t".into(), &requirements, &layer);
            result
                .and_then(|()| check_allowed(&"t".into(), &requirements, &layer))
                .err()
                .map(|e| e.exit_code(false))
        };
        assert_eq!(check("EMPTY", &[]), None);
        assert_eq!(check("NONE", &[]), Some(206));
        assert_eq!(check("NUMBER", &["1"]), None);
        assert_eq!(check("WORD", &["z", "y"]), None);
        assert_eq!(check("WORD", &["x"]), Some(207));
    }
}
