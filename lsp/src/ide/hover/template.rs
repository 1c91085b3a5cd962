//! Functions and keywords of templates.

use std::fmt::Write;

use ez_compiler::template::Function;
use ez_compiler::template::functions::examples::example;
use ez_compiler::template_file::without_machine;

use super::markdown::code;

/// What the keywords of templates do.
const KEYWORDS: &[(&str, &str, &str)] = &[
    ("if", "{{if .X}}…{{else}}…{{end}}", "Prints the first part if the value is not empty, else the second."),
    ("else", "{{if .X}}…{{else if .Y}}…{{else}}…{{end}}", "Begins what is printed otherwise."),
    ("end", "{{if .X}}…{{end}}", "Ends what the last `if`, `range`, `with`, `define` or `block` has begun."),
    ("range", "{{range .LIST}}{{.}}{{end}}", "Prints its part once for each item; `.` is the item there."),
    ("with", "{{with .X}}{{.}}{{end}}", "Prints its part if the value is not empty; `.` is the value there."),
    ("define", "{{define \"name\"}}…{{end}}", "Makes a template of that name."),
    ("template", "{{template \"name\" .}}", "Prints the template of that name."),
    ("block", "{{block \"name\" .}}…{{end}}", "Makes a template of that name, and prints it."),
    ("break", "{{range .LIST}}{{break}}{{end}}", "Ends the innermost `range`."),
    (
        "continue",
        "{{range .LIST}}{{continue}}{{end}}",
        "Goes on with the next item of the innermost `range`.",
    ),
];

/// A keyword.
pub fn keyword(name: &str) -> Option<String> {
    let (_, form, about) = KEYWORDS.iter().find(|(known, ..)| *known == name)?;
    Some(format!("**keyword** {}\n\n{about}\n\n{}", code(name), code(form)))
}

/// A function, in a task or in what is made from a template.
pub fn function(function: &Function, is_made: bool) -> String {
    let mut shown = format!("```go\n{}\n```\n\n{}", signature(function.signature), function.documentation);
    if let Some(given) = without_machine(function.name).filter(|_| is_made) {
        let _ = write!(shown, "\n\nIn a template: {given}.");
    }
    if let Some(example) = example(function.name) {
        let _ = write!(shown, "\n\n{}", code(&format!("{{{{{}}}}}", example.expression)));
        if let Some(result) = example.result {
            let _ = write!(shown, " → {}", code(result));
        }
    }
    shown
}

/// `default fallback any value any any` as `default(fallback any, value any) any`.
fn signature(written: &str) -> String {
    let words: Vec<&str> = written.split(' ').collect();
    let Some((name, rest)) = words.split_first() else { return written.to_owned() };
    let Some((result, parameters)) = rest.split_last() else { return written.to_owned() };
    let pairs: Vec<String> = parameters.chunks(2).map(|pair| pair.join(" ")).collect();
    format!("{name}({}) {result}", pairs.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_signatures_are_pairs_and_a_result() {
        for function in ez_compiler::template::functions::all() {
            let words = function.signature.split(' ').count();
            assert_eq!(words % 2, 0, "{}", function.signature);
        }
        assert_eq!(signature("default fallback any value any any"), "default(fallback any, value any) any");
        assert_eq!(signature("now time.Time"), "now() time.Time");
    }
}
