//! What the user can switch in the editor.

use serde::Deserialize;

/// The section `ez` of the editor's settings. What is missing has its default; what is not known is passed over, because
/// an editor sends the settings of its own extension too.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Which hints stand between the text.
    pub inlay_hints: InlayHints,
    /// Which lenses stand above tasks and steps.
    pub code_lens: CodeLens,
}

/// Hints between the text.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InlayHints {
    /// The value behind a variable, where it is known before anything runs.
    pub values: bool,
    /// The level of a plan's step.
    pub levels: bool,
    /// The number of combinations of a matrix.
    pub matrix: bool,
}

/// Lenses above tasks and steps.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CodeLens {
    /// Run and dry-run.
    pub run: bool,
    /// How often something is used.
    pub references: bool,
}

impl Default for InlayHints {
    fn default() -> Self {
        Self { values: true, levels: true, matrix: true }
    }
}

impl Default for CodeLens {
    fn default() -> Self {
        Self { run: true, references: true }
    }
}
