//! Findings as SARIF 2.1.0, for code scanning services.

use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::rule::RULES;
use ez_compiler::source::Span;
use serde_json::{Value, json};

use super::{Findings, RULE_PAGES, Range, uri, url};
use crate::commands::version::EZ_VERSION;

/// Where the format is described.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One SARIF document with all findings.
///
/// # Errors
/// Never in practice: every value can be written.
pub fn document(findings: &Findings) -> Result<String, serde_json::Error> {
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "ez",
                "version": EZ_VERSION,
                "informationUri": "https://github.com/ez-build/ez",
                "rules": RULES.iter().map(|rule| json!({
                    "id": rule.code.id,
                    "name": rule.code.name,
                    "shortDescription": {"text": rule.summary},
                    "helpUri": format!("{RULE_PAGES}/{}.md", rule.code.id),
                    "defaultConfiguration": {"level": level(rule.severity)},
                })).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": findings.diagnostics.iter().map(|d| result(findings, d)).collect::<Vec<_>>(),
        }],
    });
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

fn result(findings: &Findings, diagnostic: &Diagnostic) -> Value {
    let text = match &diagnostic.help {
        Some(help) => format!("{}\n{help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let related = diagnostic.labels.iter().map(|label| {
        let mut location = location(findings, label.span);
        location["message"] = json!({"text": label.message});
        location
    });
    let mut result = json!({
        "ruleId": diagnostic.code.id,
        "level": level(diagnostic.severity),
        "message": {"text": text},
        "locations": [location(findings, diagnostic.span)],
        "relatedLocations": related.collect::<Vec<_>>(),
        "helpUri": url(diagnostic),
    });
    if let Some(object) = result.as_object_mut() {
        // `helpUri` belongs to rules, results carry it as a property.
        let help = object.remove("helpUri");
        object.insert("properties".to_owned(), json!({"helpUri": help}));
        if let Some(index) = RULES.iter().position(|rule| rule.code == diagnostic.code) {
            object.insert("ruleIndex".to_owned(), json!(index));
        }
        if !diagnostic.fixes.is_empty() {
            object.insert("fixes".to_owned(), fixes(findings, diagnostic));
        }
    }
    result
}

fn fixes(findings: &Findings, diagnostic: &Diagnostic) -> Value {
    let fixes = diagnostic.fixes.iter().map(|fix| {
        let changes = fix.edits.iter().map(|edit| {
            json!({
                "artifactLocation": {"uri": uri(&findings.file(edit.span))},
                "replacements": [{
                    "deletedRegion": region(findings.range(edit.span)),
                    "insertedContent": {"text": edit.new_text},
                }],
            })
        });
        json!({"description": {"text": fix.title}, "artifactChanges": changes.collect::<Vec<_>>()})
    });
    Value::Array(fixes.collect())
}

fn location(findings: &Findings, span: Span) -> Value {
    json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&findings.file(span))},
        "region": region(findings.range(span)),
    }})
}

fn region(range: Range) -> Value {
    json!({
        "startLine": range.start.line,
        "startColumn": range.start.column,
        "endLine": range.end.line,
        "endColumn": range.end.column,
        "byteOffset": range.start.byte,
        "byteLength": range.end.byte - range.start.byte,
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Allow => "none",
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::rendered;
    use super::document;

    #[test]
    fn results_point_to_rules_and_places() {
        let text = rendered(|findings| document(findings).unwrap());
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let run = &json["runs"][0];
        let first = &run["results"][0];
        let index = first["ruleIndex"].as_u64().unwrap() as usize;
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], first["ruleId"]);
        assert_eq!(first["level"], "error");
        let region = &first["locations"][0]["physicalLocation"]["region"];
        assert_eq!((region["startLine"].as_u64(), region["startColumn"].as_u64()), (Some(3), Some(14)));
        assert_eq!(
            run["results"][1]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "lib/my%20tasks.yml"
        );
    }
}
