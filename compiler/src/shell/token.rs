//! The tokens of the shell language, with the spelling that error messages show.

use std::fmt::{self, Write};

macro_rules! tokens {
    ($($name:ident = $text:literal,)*) => {
        /// A token. Which one a character sequence makes depends on the lexer's [`super::lex::Mode`].
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Token { $($name,)* }

        impl Token {
            /// The spelling in scripts, or the name of the kind where there is no fixed one.
            pub(crate) fn text(self) -> &'static str {
                match self { $(Token::$name => $text,)* }
            }
        }
    };
}

tokens! {
    Illegal = "illegalTok", End = "EOF", Newline = "Newl", Literal = "Lit", LiteralWord = "LitWord", LiteralRedirect = "LitRedir",
    SingleQuote = "'", DoubleQuote = "\"", Backquote = "`", And = "&", AndAnd = "&&", OrOr = "||", Or = "|", OrAnd = "|&",
    Dollar = "$", DollarSingleQuote = "$'", DollarDoubleQuote = "$\"", DollarBrace = "${", DollarBracket = "$[",
    DollarParen = "$(", DollarDoubleParen = "$((", LeftBrace = "{", LeftBracket = "[", DoubleLeftBracket = "[[",
    LeftParen = "(", DoubleLeftParen = "((", RightBrace = "}", RightBracket = "]", DoubleRightBracket = "]]",
    RightParen = ")", DoubleRightParen = "))", Semicolon = ";", DoubleSemicolon = ";;", SemicolonAnd = ";&",
    DoubleSemicolonAnd = ";;&", Exclamation = "!", Tilde = "~", PlusPlus = "++", MinusMinus = "--", Star = "*",
    Power = "**", Equal = "==", NotEqual = "!=", LessEqual = "<=", GreaterEqual = ">=", AddAssign = "+=",
    SubtractAssign = "-=", MultiplyAssign = "*=", DivideAssign = "/=", RemainderAssign = "%=", AndAssign = "&=",
    OrAssign = "|=", XorAssign = "^=", ShiftLeftAssign = "<<=", ShiftRightAssign = ">>=", Greater = ">",
    GreaterGreater = ">>", Less = "<", LessGreater = "<>", LessAnd = "<&", GreaterAnd = ">&", GreaterOr = ">|",
    GreaterGreaterOr = ">>|", LessLess = "<<", LessLessDash = "<<-", LessLessLess = "<<<", AndGreater = "&>",
    AndGreaterOr = "&>|", AndGreaterGreater = "&>>", AndGreaterGreaterOr = "&>>|", LessParen = "<(",
    AssignParen = "=(", GreaterParen = ">(", Plus = "+", ColonPlus = ":+", Minus = "-", ColonMinus = ":-",
    Question = "?", ColonQuestion = ":?", Assign = "=", ColonAssign = ":=", Percent = "%", DoublePercent = "%%",
    Hash = "#", DoubleHash = "##", ColonHash = ":#", ColonPipe = ":|", ColonStar = ":*", Caret = "^",
    DoubleCaret = "^^", Comma = ",", DoubleComma = ",,", At = "@", Slash = "/", DoubleSlash = "//", Period = ".",
    Colon = ":", GlobQuestion = "?(", GlobStar = "*(", GlobPlus = "+(",
    GlobAt = "@(", GlobExclamation = "!(",
}

impl Token {
    /// Whether the token is literal text.
    pub(crate) fn is_literal(self) -> bool {
        matches!(self, Self::Literal | Self::LiteralWord | Self::LiteralRedirect)
    }

    /// Whether the token begins a redirect.
    pub(crate) fn begins_redirect(self) -> bool {
        use Token::{
            AndGreater, AndGreaterGreater, AndGreaterGreaterOr, AndGreaterOr, Greater, GreaterAnd,
            GreaterGreater, GreaterGreaterOr, GreaterOr, Less, LessAnd, LessGreater, LessLess, LessLessDash,
            LessLessLess, LiteralRedirect,
        };
        matches!(
            self,
            LiteralRedirect
                | Greater
                | GreaterGreater
                | Less
                | LessGreater
                | LessAnd
                | GreaterAnd
                | GreaterOr
                | GreaterGreaterOr
                | LessLess
                | LessLessDash
                | LessLessLess
                | AndGreater
                | AndGreaterOr
                | AndGreaterGreater
                | AndGreaterGreaterOr
        )
    }

    /// The token as messages name it: kinds bare, spellings in quotes.
    pub(crate) fn quoted(self) -> String {
        match self {
            Self::Illegal
            | Self::End
            | Self::Newline
            | Self::Literal
            | Self::LiteralWord
            | Self::LiteralRedirect => self.text().to_owned(),
            _ => quoted(self.text()),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// A text in backquotes, or, where it has a backquote or a control character, as a Go string in double quotes.
pub(crate) fn quoted(text: &str) -> String {
    let plain = text.chars().all(|c| c == '\t' || !(c == '`' || c == '\u{feff}' || c < ' ' || c == '\u{7f}'));
    if plain {
        return format!("`{text}`");
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => {
                let _ = write!(out, "\\x{:02x}", u32::from(c));
            }
            '\u{feff}' => out.push_str("\\ufeff"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
