//! What commands get on top of the environment in which the program was started.

use std::sync::Arc;

use ez_compiler::template::Value;
use smol_str::SmolStr;

use crate::process::Environment;
use crate::scope::Slot;

/// The environment of a command: `base` and those of `variables` that are scalars. What `base` sets wins over them
/// unless `precedence` says otherwise (go-task, `GetFromVars` in `internal/env`).
pub fn with_variables<'a>(
    base: &Arc<Environment>,
    variables: impl IntoIterator<Item = (&'a SmolStr, &'a Slot)>,
    precedence: bool,
) -> Arc<Environment> {
    let mut result = Arc::clone(base);
    for (name, slot) in variables {
        if let Some(value) = slot.visible().and_then(scalar)
            && (precedence || base.get(name).is_none())
        {
            Arc::make_mut(&mut result).set(name.as_str(), value.as_str());
        }
    }
    result
}

/// The text of a value that may stand in an environment.
fn scalar(value: &Value) -> Option<SmolStr> {
    match value {
        Value::String(_) | Value::Bool(_) | Value::Int(_) | Value::Float(_) => Some(value.to_text()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calling_environment_wins() {
        let base: Arc<Environment> = Arc::new([("A", "os")].into_iter().collect());
        let variables = [
            ("A".into(), Slot::value("1")),
            ("N".into(), Slot::value(2_i64)),
            ("L".into(), Slot::value(Value::list(vec![]))),
        ];
        let shown = |precedence| {
            let variables = variables.iter().map(|(name, slot): &(SmolStr, Slot)| (name, slot));
            let environment = with_variables(&base, variables, precedence);
            let pairs = environment.iter().map(|(n, v)| format!("{}={}", n.display(), v.display()));
            pairs.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(shown(false), "A=os N=2");
        assert_eq!(shown(true), "A=1 N=2");
    }
}
