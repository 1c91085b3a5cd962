//! Findings as JSON, version 1: fields are only ever added.

use serde::Serialize;

use super::{Counts, Findings, Range, level, url};

/// Version of the format.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    diagnostics: Vec<Finding<'a>>,
    summary: Counts,
}

#[derive(Serialize)]
struct Finding<'a> {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    message: &'a str,
    label: &'a str,
    file: String,
    range: Range,
    labels: Vec<Label<'a>>,
    help: Option<&'a str>,
    url: String,
    fixes: Vec<Fix<'a>>,
}

#[derive(Serialize)]
struct Label<'a> {
    file: String,
    range: Range,
    message: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    title: &'a str,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    file: String,
    range: Range,
    new_text: &'a str,
}

/// One JSON document with all findings.
///
/// # Errors
/// Never in practice: every value can be written.
pub fn document(findings: &Findings) -> Result<String, serde_json::Error> {
    let edit =
        |edit: &'_ ez_compiler::diagnostic::Edit| (findings.file(edit.span), findings.range(edit.span));
    let diagnostics = findings
        .diagnostics
        .iter()
        .map(|d| Finding {
            code: d.code.id,
            name: d.code.name,
            severity: level(d.severity),
            message: &d.message,
            label: &d.label,
            file: findings.file(d.span),
            range: findings.range(d.span),
            labels: d
                .labels
                .iter()
                .map(|l| Label {
                    file: findings.file(l.span),
                    range: findings.range(l.span),
                    message: &l.message,
                })
                .collect(),
            help: d.help.as_deref(),
            url: url(d),
            fixes: d
                .fixes
                .iter()
                .map(|fix| Fix {
                    title: &fix.title,
                    edits: fix
                        .edits
                        .iter()
                        .map(|e| {
                            let (file, range) = edit(e);
                            Edit { file, range, new_text: &e.new_text }
                        })
                        .collect(),
                })
                .collect(),
        })
        .collect();
    let document = Document { version: VERSION, diagnostics, summary: findings.counts() };
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

#[cfg(test)]
mod tests {
    use super::super::tests::rendered;
    use super::document;

    #[test]
    fn findings_carry_places_labels_and_fixes() {
        let text = rendered(|findings| document(findings).unwrap());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(json["version"], 1);
        assert_eq!(json["summary"], serde_json::json!({"errors": 1, "warnings": 1}));
        let first = &json["diagnostics"][0];
        assert_eq!(first["file"], "Taskfile.yml");
        assert_eq!(first["range"]["start"], serde_json::json!({"line": 3, "column": 14, "byte": 34}));
        assert_eq!(first["fixes"][0]["edits"][0]["new_text"], "build");
        assert_eq!(json["diagnostics"][1]["labels"][0]["file"], "Taskfile.yml");
    }
}
