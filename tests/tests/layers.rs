//! No crate and no stage of the compiler knows one that is built on it.

use ez_tests::{layers, program};

#[test]
fn imports_follow_the_direction_of_the_design() {
    let violations = layers::check_repository(&program::repository());
    let report: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(violations.is_empty(), "imports against the direction:\n{}", report.join("\n"));
}

/// The lines and messages that the checker reports for a source.
fn check(file: &str, source: &str, expected: &[(usize, &str)]) {
    let violations = layers::check_source(file, source);
    let got: Vec<(usize, &str)> = violations.iter().map(|v| (v.line, v.message.as_str())).collect();
    let same =
        got.len() == expected.len() && got.iter().zip(expected).all(|(g, e)| g.0 == e.0 && g.1.contains(e.1));
    assert!(same, "{file}: {source}\nexpected {expected:?}\ngot {got:?}");
}

#[test]
fn an_earlier_stage_may_not_know_a_later_one() {
    let yaml = "compiler/src/yaml/parse.rs";
    check(yaml, "use crate::source::Span;\nuse crate::ast::Task;", &[(2, "later stage `ast`")]);
    check(yaml, "use crate::{diagnostic::Code, check::{self, Rule}};", &[(1, "`check`"), (1, "`check`")]);
    check(yaml, "fn f() {\n    let a = crate::emit::json(b);\n}", &[(2, "later stage `emit`")]);
    check(yaml, "use super::super::ir::Task;", &[(1, "later stage `ir`")]);
    check(yaml, "use super::node::Node; use super::ir;", &[]);
    check(yaml, "mod inner { use super::super::super::ir::Task; }", &[(1, "later stage `ir`")]);
    check(yaml, "mod inner { use super::super::ir::Task; }", &[]);
    check(
        yaml,
        "use crate::template::value::Value; use crate::template::parse;",
        &[(1, "later stage `template`")],
    );
    check("compiler/src/template/value.rs", "use crate::yaml::Node;", &[(1, "`template::value` may not")]);
    check("compiler/src/template/functions/text.rs", "use crate::yaml::Node;", &[]);
    check("compiler/src/lib.rs", "use crate::emit::json; pub use emit::json;", &[]);
    check("compiler/src/odd.rs", "use crate::source::Span;", &[(1, "`odd` has no place")]);
}

#[test]
fn comments_strings_and_tests_do_not_count() {
    let source = r##"
//! See [`crate::emit`].
/* crate::emit /* nested */ crate::emit */
const A: &str = "use crate::emit; \" crate::emit";
const B: &str = r#"crate::emit " crate::emit"#;
const C: char = '"'; fn f<'a>(x: &'a str) {} const D: char = '\''; // crate::emit
#[cfg(test)]
mod tests {
    use crate::emit::json;
    fn g() { if true { println!("{}", 1) } }
}
use crate::emit::dot;
"##;
    check("compiler/src/yaml/node.rs", source, &[(12, "later stage `emit`")]);
    check("compiler/src/yaml/tests.rs", source, &[]);
}

#[test]
fn the_compiler_stays_pure() {
    let file = "compiler/src/project/load.rs";
    check(file, "use std::{collections::BTreeMap, fs::File};", &[(1, "`std::fs`")]);
    check(file, "fn f() { println!(\"x\") }", &[(1, "`println!`")]);
    check(file, "fn f() -> bool { a != b }\nasync fn g() { tokio::spawn(h) }", &[(2, "`tokio`")]);
    check(file, "use std::process::Command;\nuse std::net;", &[(1, "`std::process`"), (2, "`std::net`")]);
    check("runner/src/process/unix.rs", "use std::process::Command; use tokio::net;", &[]);
}

#[test]
fn some_crates_are_named_in_one_place_only() {
    check("compiler/src/parallel.rs", "use std::thread::scope;", &[]);
    check("compiler/src/yaml/node.rs", "use std::thread::scope;", &[(1, "`std::thread`")]);
    check("runner/src/report/plain.rs", "use miette::Report;", &[(1, "`miette`")]);
    check("cli/src/render.rs", "use miette::Report; use clap::Parser;", &[]);
    check("lsp/src/ide/hover.rs", "use tower_lsp::ls_types::Hover;", &[(1, "`tower_lsp`")]);
    check("lsp/src/protocol/server.rs", "use tower_lsp::LspService;", &[]);
    check("runner/src/process/unix.rs", "fn f() {\n    unsafe { g() }\n}", &[(2, "`unsafe`")]);
    check("runner/src/process/vfork.rs", "fn f() { unsafe { libc::getpid() } }", &[]);
}

#[test]
fn a_crate_may_not_depend_on_one_that_is_built_on_it() {
    let check = |manifest: &str, expected: &[&str]| {
        let violations = layers::check_manifest("x/Cargo.toml", manifest);
        let got: Vec<String> = violations.iter().map(ToString::to_string).collect();
        assert_eq!(got, expected, "{manifest}");
    };
    check("[package]\nname = \"ez-runner\"\n[dependencies]\nez-compiler.workspace = true", &[]);
    check(
        "[package]\nname = \"ez-compiler\"\n[dev-dependencies]\nez-runner = { path = \"../runner\" }",
        &["x/Cargo.toml:4: `ez-compiler` may not depend on `ez-runner`"],
    );
    check(
        "[package]\nname = \"ez-lsp\"\n[dependencies.x]\n[target.'cfg(unix)'.dependencies]\nez-server.workspace = true",
        &["x/Cargo.toml:5: `ez-lsp` may not depend on `ez-server`"],
    );
    check(
        "[package]\nname = \"ez-odd\"",
        &["x/Cargo.toml:1: the crate `ez-odd` has no place in the table of crates"],
    );
}
