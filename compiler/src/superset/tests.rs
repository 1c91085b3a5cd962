use super::{quoted, template_operand};

#[test]
fn a_default_becomes_an_operand() {
    for (text, operand) in [
        ("x86_64", r#""x86_64""#),
        ("a \"b\" \\ c\n", r#""a \"b\" \\ c\n""#),
        ("{{.OS}}", "(.OS)"),
        ("{{- OS -}}", "(OS)"),
        ("a-{{.B}}", r#"(printf "%v%v" "a-" (.B))"#),
        ("{{.A}}/{{.B}}", r#"(printf "%v%v%v" (.A) "/" (.B))"#),
        ("{{", r#""{{""#),
    ] {
        assert_eq!(template_operand(text), operand, "{text}");
    }
}

#[test]
fn literals_are_gos() {
    assert_eq!(quoted("\u{7}é"), r#""\u0007é""#);
}
