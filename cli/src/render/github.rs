//! Findings as annotations of GitHub Actions.

use std::fmt::Write as _;

use super::{Findings, level};

/// One workflow command a finding.
pub fn annotations(findings: &Findings) -> String {
    let mut out = String::new();
    for diagnostic in findings.diagnostics {
        let range = findings.range(diagnostic.span);
        let message = match &diagnostic.help {
            Some(help) => format!("{}\n{help}", diagnostic.message),
            None => diagnostic.message.clone(),
        };
        // A column range is only understood within one line.
        let columns = if range.start.line == range.end.line {
            format!(",col={},endColumn={}", range.start.column, range.end.column)
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "::{} file={},line={},endLine={}{columns},title={}::{}",
            level(diagnostic.severity),
            property(&findings.file(diagnostic.span)),
            range.start.line,
            range.end.line,
            property(&format!("{} {}", diagnostic.code.id, diagnostic.code.name)),
            data(&message),
        );
    }
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::tests::rendered;
    use super::annotations;

    #[test]
    fn a_finding_is_one_line() {
        assert_eq!(
            rendered(annotations),
            "::error file=Taskfile.yml,line=3,endLine=3,col=14,endColumn=19,title=EZ203 unknown-task::no task is called \
             `biuld`%0Adid you mean `build`?\n\
             ::warning file=lib/my tasks.yml,line=2,endLine=2,col=3,endColumn=8,title=EZ209 unused-internal-task::nothing \
             calls `build`\n"
        );
    }
}
