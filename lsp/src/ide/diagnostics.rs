//! The findings of a file, as an editor shows them.

use std::ops::Range;

use ez_compiler::diagnostic::{Diagnostic, Severity};
use ez_compiler::rule;
use ez_compiler::source::FileId;
use rustc_hash::FxHashMap;

use crate::analysis::{Analysis, FileRange};

/// Where the pages of rules stand.
const PAGES: &str = "https://github.com/ez-build/ez/blob/main/docs/rules";

/// Of how many warnings of one rule in a file an editor is told; errors are told all. Warnings that are met everywhere would hide
/// the rare ones, and to be told of thousands at every key takes an editor longer than the keys are apart. `golangci-lint` tells as many of
/// each of its linters.
pub const MAX_WARNINGS_OF_A_RULE: usize = 50;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where.
    pub place: FileRange,
    /// Whether it is an error; else a warning.
    pub is_error: bool,
    /// The rule's code, `EZ203`.
    pub code: &'static str,
    /// What is wrong, and below it what to write instead.
    pub message: String,
    /// Other places that matter, with remarks.
    pub related: Vec<(FileRange, String)>,
    /// How it may be shown.
    pub tag: Option<Tag>,
    /// Ways to mend it.
    pub fixes: Vec<Fix>,
}

/// How a finding may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Faded: it is of no use.
    Unused,
    /// Struck through: there is something better.
    Deprecated,
}

/// A way to mend a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does.
    pub title: String,
    /// The edits: places and new texts.
    pub edits: Vec<(FileRange, String)>,
}

/// The findings of a file of which an editor is told.
#[derive(Debug, PartialEq, Eq)]
pub struct Findings {
    /// By place.
    pub told: Vec<Finding>,
    /// Warnings that are too many, by rule.
    pub left_out: Vec<LeftOut>,
}

/// Warnings of a rule of which an editor is not told.
#[derive(Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The rule's code.
    pub code: &'static str,
    /// How many.
    pub count: usize,
    /// Where the first one is.
    pub first: FileRange,
}

impl LeftOut {
    /// What an editor is told instead.
    pub fn message(&self) -> String {
        let (warnings, are) = if self.count == 1 { ("warning", "is") } else { ("warnings", "are") };
        format!(
            "{} further {warnings} of this rule in this file {are} not shown\n`ez check` shows all",
            self.count
        )
    }
}

/// The findings of a file: all errors, and of each rule the first warnings.
pub fn of_file(analysis: &Analysis, file: FileId) -> Findings {
    let mut told = Vec::new();
    let mut left_out: Vec<LeftOut> = Vec::new();
    let mut warnings: FxHashMap<&str, usize> = FxHashMap::default();
    for diagnostic in analysis.diagnostics_of(file).filter(|found| is_told(found)) {
        let code = diagnostic.code.id;
        let count = warnings.entry(code).or_default();
        *count += usize::from(diagnostic.severity != Severity::Error);
        if diagnostic.severity == Severity::Error || *count <= MAX_WARNINGS_OF_A_RULE {
            told.push(finding(analysis, diagnostic));
        } else if let Some(of_rule) = left_out.iter_mut().find(|of_rule| of_rule.code == code) {
            of_rule.count += 1;
        } else {
            left_out.push(LeftOut { code, count: 1, first: analysis.locate(diagnostic.span) });
        }
    }
    Findings { told, left_out }
}

/// The address of a rule's page.
pub fn page(code: &str) -> String {
    format!("{PAGES}/{code}.md")
}

/// Whether anybody is told of a finding: a rule may be silenced.
pub fn is_told(diagnostic: &Diagnostic) -> bool {
    diagnostic.severity != Severity::Allow
}

/// The findings that some bytes of a file touch.
pub fn touched(analysis: &Analysis, file: FileId, range: &Range<usize>) -> impl Iterator<Item = Finding> {
    let is_touched = |diagnostic: &&Diagnostic| {
        let place = analysis.locate(diagnostic.span).range;
        place.start <= range.end && range.start <= place.end
    };
    let found = analysis.diagnostics_of(file).filter(|found| is_told(found)).filter(is_touched);
    found.map(|diagnostic| finding(analysis, diagnostic))
}

/// What the compiler found.
fn finding(analysis: &Analysis, diagnostic: &Diagnostic) -> Finding {
    let message = match &diagnostic.help {
        Some(help) => format!("{}\n{help}", diagnostic.message),
        None => diagnostic.message.clone(),
    };
    let related = diagnostic.labels.iter().map(|label| {
        let remark = if label.message.is_empty() { "here" } else { &label.message };
        (analysis.locate(label.span), remark.to_owned())
    });
    let fixes = diagnostic.fixes.iter().map(|fix| Fix {
        title: fix.title.clone(),
        edits: fix.edits.iter().map(|edit| (analysis.locate(edit.span), edit.new_text.clone())).collect(),
    });
    Finding {
        place: analysis.locate(diagnostic.span),
        is_error: diagnostic.severity == Severity::Error,
        code: diagnostic.code.id,
        message,
        related: related.collect(),
        tag: tag_of(diagnostic),
        fixes: fixes.collect(),
    }
}

fn tag_of(diagnostic: &Diagnostic) -> Option<Tag> {
    let is_unused = [rule::UNUSED_TASK, rule::UNUSED_VARIABLE, rule::UNREAD_ARGUMENT, rule::UNUSED_PARAM]
        .contains(&diagnostic.code);
    if is_unused {
        return Some(Tag::Unused);
    }
    (diagnostic.code == rule::DEPRECATED).then_some(Tag::Deprecated)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ide::fixture::{Fixture, shown};

    /// A Taskfile with so many variables that nothing reads, internal tasks that nothing calls, and calls of tasks that are not there.
    fn findings(variables: usize, tasks: usize, calls: usize) -> (Findings, Vec<String>) {
        let lines =
            |count: usize, line: fn(usize) -> String| (0..count).map(line).collect::<Vec<_>>().concat();
        let variables = lines(variables, |number| format!("  V{number}: a\n"));
        let tasks = lines(tasks, |number| format!("  i{number}: {{internal: true}}\n"));
        let calls = lines(calls, |number| format!("  t{number}: {{deps: [nobody{number}]}}\n"));
        let text = format!("version: '3'\nvars:\n{variables}tasks:\n  all: echo\n{tasks}{calls}");
        let snapshot = Fixture::new(&text).snapshot("Taskfile.yml");
        let file = snapshot.analysis.file_of("/project/Taskfile.yml".into()).unwrap();
        let findings = of_file(&snapshot.analysis, file);
        let left_out = findings.left_out.iter().map(|left_out| {
            format!("{} {} {}", left_out.code, shown(&snapshot, &left_out.first), left_out.message())
        });
        let left_out = left_out.collect();
        (findings, left_out)
    }

    #[test]
    fn errors_are_told_however_many_there_are() {
        let (findings, left_out) = findings(0, 0, 3 * MAX_WARNINGS_OF_A_RULE);
        assert_eq!(findings.told.len(), 3 * MAX_WARNINGS_OF_A_RULE);
        assert_eq!(left_out, [""; 0]);
    }

    #[test]
    fn warnings_of_one_rule_leave_room_for_those_of_others() {
        let (findings, left_out) = findings(MAX_WARNINGS_OF_A_RULE + 5, MAX_WARNINGS_OF_A_RULE + 1, 1);
        let count = |code: &str| findings.told.iter().filter(|finding| finding.code == code).count();
        assert_eq!((count("EZ402"), count("EZ209")), (MAX_WARNINGS_OF_A_RULE, MAX_WARNINGS_OF_A_RULE));
        assert_eq!(findings.told.iter().filter(|finding| finding.is_error).count(), 1);
        let shows = "not shown\n`ez check` shows all";
        let expected = [
            format!(
                "EZ402 Taskfile.yml:53:3 \"V50\" 5 further warnings of this rule in this file are {shows}"
            ),
            format!(
                "EZ209 Taskfile.yml:110:3 \"i50\" 1 further warning of this rule in this file is {shows}"
            ),
        ];
        assert_eq!(left_out, expected);
    }

    #[test]
    fn plugins_and_templates_of_the_user_have_findings() {
        let codes = |file: &str| {
            let text = format!("version: '3'\n#- $environment\nHOME=/project/home\n#- {file}\n");
            let text = format!("{text}type: hook\nparams: $0[a]\ntask: x\n");
            let snapshot = Fixture::new(&text).place().snapshot;
            let found = &snapshot.analysis.compilation.diagnostics;
            found.iter().map(|finding| finding.code.id).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(codes("home/.ez/plugins/x.yml"), "EZ707 EZ707 EZ707");
        assert_eq!(codes("home/.ez/templates/x.yml"), "EZ730 EZ730");
    }
}
