//! `ez-params`: values that a task asks for.

use smol_str::SmolStr;

use crate::ast::Text;
use crate::source::{Span, Spanned};

/// An entry of `ez-params`, or of `params` in a `task.yml`.
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Its name, `build-type`.
    pub name: Spanned<SmolStr>,
    /// What values it takes.
    pub kind: Spanned<ParamKind>,
    /// The values to choose from, where they are written out.
    pub options: Vec<Text>,
    /// Where the values to choose from come from, else.
    pub query: Option<Query>,
    /// The value without one given.
    pub default: Option<Text>,
    /// What it is for.
    pub help: Option<Text>,
    /// Whether a task without a value must not run.
    pub required: bool,
    /// A regular expression that the whole value must match.
    pub pattern: Option<Text>,
    /// The smallest number, the fewest characters, or the fewest options chosen.
    pub min: Option<Spanned<f64>>,
    /// The largest number, the most characters, or the most options chosen.
    pub max: Option<Spanned<f64>>,
    /// The whole entry.
    pub span: Span,
}

/// What values a param takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParamKind {
    /// One of its options.
    Select,
    /// Any text.
    Input,
    /// A number.
    Number,
    /// `true` or `false`.
    Bool,
    /// Several of its options, with commas between them.
    Multi,
    /// A text that is never shown.
    Secret,
    /// A path of a file or directory.
    Path,
}

impl ParamKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 7] =
        [Self::Select, Self::Input, Self::Number, Self::Bool, Self::Multi, Self::Secret, Self::Path];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Select => "select",
            Self::Input => "input",
            Self::Number => "number",
            Self::Bool => "bool",
            Self::Multi => "multi",
            Self::Secret => "secret",
            Self::Path => "path",
        }
    }

    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its values are chosen from options.
    pub fn has_options(self) -> bool {
        matches!(self, Self::Select | Self::Multi)
    }
}

/// What between the chosen options of a `multi` stands.
pub const MULTI_SEPARATOR: char = ',';

/// Where options come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    /// The lines that a command prints.
    Command(Text),
    /// A JSON document.
    Url {
        /// Its address.
        url: Text,
        /// Which texts in it, `.items[].name`; its own items without.
        path: Option<Text>,
    },
    /// A plugin of type `param`.
    Plugin(Text),
}

/// The variable that a param is: `EZ_BUILD_TYPE` for `build-type`.
pub fn variable_name(param: &str) -> SmolStr {
    let letters = param.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_uppercase() });
    std::iter::once("EZ_".to_owned()).chain(letters.map(String::from)).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_upper_case_with_underscores() {
        assert_eq!(variable_name("build-type"), "EZ_BUILD_TYPE");
        assert_eq!(variable_name("Arch2"), "EZ_ARCH2");
    }

    #[test]
    fn kinds_are_known_by_their_names() {
        for kind in ParamKind::ALL {
            assert_eq!(ParamKind::parse(kind.name()), Some(kind));
        }
        assert_eq!(ParamKind::parse("Select"), None);
    }
}
