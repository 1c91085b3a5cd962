//! `ez-params`: values that a task asks for.

use serde::Serialize;
use smol_str::SmolStr;

use crate::ast::Text;
use crate::source::{Span, Spanned};

/// An entry of `ez-params`, or of `params` in a `task.yml`.
#[derive(Clone, Debug, PartialEq, Serialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize)]
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

/// A key of a mapping of EZ, for decoding, the schema and the documentation.
#[derive(Clone, Copy, Debug)]
pub struct FieldRow {
    /// The key.
    pub key: &'static str,
    /// What its value is.
    pub takes: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// The keys of a param.
pub const PARAM_FIELDS: &[FieldRow] = &[
    FieldRow {
        key: "name",
        takes: "a name",
        about: "what it is called; `build-type` is the variable `EZ_BUILD_TYPE`",
    },
    FieldRow {
        key: "type",
        takes: "`select`, `input`, `number`, `bool`, `multi`, `secret`, `path`",
        about: "what values it takes; `select` where there are options, else `input`",
    },
    FieldRow { key: "options", takes: "a list of texts", about: "what a `select` or `multi` can be" },
    FieldRow { key: "query", takes: "a command, or a mapping", about: "where the options come from instead" },
    FieldRow {
        key: "default",
        takes: "a text",
        about: "what it is without a value given; for a `multi` also a list",
    },
    FieldRow { key: "help", takes: "a text", about: "what it is for, shown with the question" },
    FieldRow { key: "desc", takes: "a text", about: "the same as `help`" },
    FieldRow { key: "required", takes: "`true` or `false`", about: "the task does not run without a value" },
    FieldRow { key: "pattern", takes: "a regular expression", about: "what the whole value must match" },
    FieldRow {
        key: "min",
        takes: "a number",
        about: "the smallest number, the fewest options of a `multi`, the fewest characters of a text",
    },
    FieldRow { key: "max", takes: "a number", about: "the largest, the most of them" },
];

/// The keys of a query; exactly one of the first, the second and the last.
pub const QUERY_FIELDS: &[FieldRow] = &[
    FieldRow { key: "command", takes: "a script", about: "prints the options, one a line" },
    FieldRow { key: "url", takes: "an address", about: "gives a JSON document over HTTP" },
    FieldRow {
        key: "path",
        takes: "a path",
        about: "which texts in the document; without it, its own items",
    },
    FieldRow {
        key: "plugin",
        takes: "a name",
        about: "a plugin of type `param`; the same as `query: '@plugin:<name>'`",
    },
];

/// Keys of a table.
pub fn keys(fields: &[FieldRow]) -> Vec<&'static str> {
    fields.iter().map(|field| field.key).collect()
}

/// A table of fields as Markdown.
pub fn markdown(fields: &[FieldRow]) -> String {
    let rows =
        fields.iter().map(|field| format!("| `{}` | {} | {} |\n", field.key, field.takes, field.about));
    rows.fold("| key | value | meaning |\n|---|---|---|\n".to_owned(), |table, row| table + &row)
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
