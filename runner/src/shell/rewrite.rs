//! Small changes to a script that make bash do what go-task's shell does.
//!
//! - errexit: where a failure is asked about (`if`, `&&`, `||` …) bash switches errexit off in everything that runs
//!   there; go-task's shell leaves it on within subshells, substitutions and pipes. There, `cmd` becomes
//!   `{ cmd || exit; }`.
//! - `${name/#x/y}` and `${name/%x/y}`: go-task's shell takes `#` and `%` as they are.
//!
//! Nothing is inserted that ends a line, so that lines keep their numbers.

use ez_compiler::shell::Script;
use ez_compiler::shell::ast::{
    Arithmetic, Assignment, Chain, ChainOperator, Command, ForHeader, Parameter, ParameterOperation,
    Statement, SubstitutionForm, Terminator, Test, TextRange, Word, WordPart,
};

const GUARD_START: &str = "{ ";
const GUARD_END: &str = " || exit; }";

/// The text to give to bash; `None` where it is the script itself.
pub(super) fn for_bash(text: &str, script: &Script) -> Option<String> {
    let mut rewriter = Rewriter { text, insertions: Vec::new() };
    rewriter.statements(&script.statements, Errexit::On);
    for document in &script.documents {
        rewriter.word_option(document.body.as_ref(), Errexit::On);
    }
    rewriter.apply()
}

/// What errexit does at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Errexit {
    /// Works in both shells.
    On,
    /// Is off in both shells: a failure is asked about.
    Off,
    /// Is off in bash only.
    OffInBash,
    /// Works as it does where the function is called.
    OfCaller,
}

impl Errexit {
    /// Within a subshell at such a place.
    fn in_subshell(self) -> Self {
        match self {
            Self::On => Self::On,
            Self::Off | Self::OffInBash | Self::OfCaller => Self::OffInBash,
        }
    }

    /// Behind `!`, which switches it off in bash only.
    fn negated(self) -> Self {
        match self {
            Self::On | Self::OffInBash => Self::OffInBash,
            Self::Off | Self::OfCaller => self,
        }
    }
}

struct Rewriter<'a> {
    text: &'a str,
    /// Where to insert what, in the order found.
    insertions: Vec<(u32, &'static str)>,
}

impl Rewriter<'_> {
    fn apply(mut self) -> Option<String> {
        let text = self.text;
        if self.insertions.is_empty() {
            return None;
        }
        // Stable: at one place, what was found first comes first.
        self.insertions.sort_by_key(|(offset, _)| *offset);
        let mut result = String::with_capacity(text.len() + 16 * self.insertions.len());
        let mut done = 0;
        for (offset, insertion) in self.insertions {
            let offset = offset as usize;
            result.push_str(text.get(done..offset)?);
            result.push_str(insertion);
            done = offset;
        }
        result.push_str(text.get(done..)?);
        Some(result)
    }

    fn statements(&mut self, statements: &[Statement], errexit: Errexit) {
        for statement in statements {
            self.statement(statement, errexit);
        }
    }

    fn statement(&mut self, statement: &Statement, errexit: Errexit) {
        if matches!(statement.terminator, Some((Terminator::Background, _))) {
            self.content(statement, errexit.in_subshell());
            return;
        }
        let guarded = errexit == Errexit::OffInBash
            && !statement.negated
            && needs_guard(statement)
            && !self.has_document(statement);
        if guarded {
            self.insertions.push((statement.range.start, GUARD_START));
        }
        self.content(statement, errexit);
        if guarded {
            self.insertions.push((statement.range.end, GUARD_END));
        }
    }

    /// Whether a here-document may stand in a statement, the body of which follows on the next lines.
    fn has_document(&self, statement: &Statement) -> bool {
        let text = self.text.get(statement.range.range()).unwrap_or_default();
        text.contains("<<") && text.contains('\n')
    }

    /// What is within a statement; the statement itself is not guarded.
    fn content(&mut self, statement: &Statement, errexit: Errexit) {
        let inner = if statement.negated { errexit.negated() } else { errexit };
        for redirect in &statement.redirects {
            self.word(&redirect.target, inner);
        }
        if let Some(command) = &statement.command {
            self.command(command, inner);
        }
    }

    fn command(&mut self, command: &Command, errexit: Errexit) {
        match command {
            Command::Simple(call) => {
                self.assignments(&call.assignments, errexit);
                self.words(&call.words, errexit);
            }
            Command::Subshell(statements) => self.statements(statements, errexit.in_subshell()),
            Command::Group(statements) => self.statements(statements, errexit),
            Command::If(condition) => {
                for branch in &condition.branches {
                    self.statements(&branch.condition, Errexit::Off);
                    self.statements(&branch.then, errexit);
                }
                self.statements(condition.otherwise.as_deref().unwrap_or_default(), errexit);
            }
            Command::While(repetition) => {
                self.statements(&repetition.condition, Errexit::Off);
                self.statements(&repetition.body, errexit);
            }
            Command::For(repetition) => {
                match &repetition.header {
                    ForHeader::Words(_, words) => self.words(words.as_deref().unwrap_or_default(), errexit),
                    ForHeader::Arithmetic(parts) => {
                        parts.iter().flatten().for_each(|part| self.arithmetic(part, errexit));
                    }
                }
                self.statements(&repetition.body, errexit);
            }
            Command::Case(case) => {
                self.word(&case.word, errexit);
                for item in &case.items {
                    self.words(&item.patterns, errexit);
                    self.statements(&item.body, errexit);
                }
            }
            Command::Chain(chain) => self.chain(chain, errexit),
            Command::Function(function) => self.content(&function.body, Errexit::OfCaller),
            Command::Arithmetic(expression) => self.arithmetic(expression, errexit),
            Command::Test(test) => self.test(test, errexit),
            Command::Declaration(declaration) => self.assignments(&declaration.arguments, errexit),
            Command::Let(expressions) => {
                for expression in expressions {
                    self.arithmetic(expression, errexit);
                }
            }
            Command::Time(statement) | Command::Coprocess(_, statement) => {
                if let Some(statement) = statement {
                    self.content(statement, errexit);
                }
            }
        }
    }

    fn chain(&mut self, chain: &Chain, errexit: Errexit) {
        let pipe = chain
            .operators
            .iter()
            .any(|(operator, _)| matches!(operator, ChainOperator::Pipe | ChainOperator::PipeAll));
        let Some((last, others)) = chain.statements.split_last() else { return };
        for statement in others {
            if pipe {
                self.content(statement, errexit.in_subshell());
            } else {
                self.content(statement, Errexit::Off);
            }
        }
        if pipe { self.content(last, errexit) } else { self.statement(last, errexit) }
    }

    fn assignments(&mut self, assignments: &[Assignment], errexit: Errexit) {
        for assignment in assignments {
            if let Some(index) = &assignment.index {
                self.arithmetic(index, errexit);
            }
            self.word_option(assignment.value.as_ref(), errexit);
            for element in assignment.array.as_deref().unwrap_or_default() {
                self.word_option(element.value.as_ref(), errexit);
            }
        }
    }

    fn words(&mut self, words: &[Word], errexit: Errexit) {
        for word in words {
            self.word(word, errexit);
        }
    }

    fn word_option(&mut self, word: Option<&Word>, errexit: Errexit) {
        if let Some(word) = word {
            self.word(word, errexit);
        }
    }

    fn word(&mut self, word: &Word, errexit: Errexit) {
        word.parts.iter().for_each(|part| self.part(part, errexit));
    }

    fn part(&mut self, part: &WordPart, errexit: Errexit) {
        match part {
            WordPart::DoubleQuoted { parts, .. } => parts.iter().for_each(|part| self.part(part, errexit)),
            WordPart::Parameter(parameter) => self.parameter(parameter, errexit),
            WordPart::CommandSubstitution { form, statements, .. } => {
                // Escapes in backquotes move their text: left alone.
                if *form != SubstitutionForm::Backquote {
                    self.statements(statements, errexit.in_subshell());
                }
            }
            WordPart::ProcessSubstitution { statements, .. } => {
                self.statements(statements, errexit.in_subshell());
            }
            WordPart::Arithmetic { expression, .. } => self.arithmetic(expression, errexit),
            WordPart::Literal(_) | WordPart::SingleQuoted { .. } | WordPart::ExtendedGlob { .. } => {}
        }
    }

    fn parameter(&mut self, parameter: &Parameter, errexit: Errexit) {
        if let Some(index) = &parameter.index {
            self.arithmetic(index, errexit);
        }
        match &parameter.operation {
            Some(ParameterOperation::Slice(offset, length)) => {
                [offset, length].into_iter().flatten().for_each(|part| self.arithmetic(part, errexit));
            }
            Some(ParameterOperation::Replace { all, pattern, replacement }) => {
                if let (false, Some(anchor)) = (all, pattern.as_ref().and_then(anchor)) {
                    self.insertions.push((anchor.start, "\\"));
                }
                self.word_option(pattern.as_ref(), errexit);
                self.word_option(replacement.as_ref(), errexit);
            }
            Some(ParameterOperation::Word(_, word)) => self.word_option(word.as_ref(), errexit),
            Some(ParameterOperation::Names(_)) | None => {}
        }
    }

    fn arithmetic(&mut self, expression: &Arithmetic, errexit: Errexit) {
        match expression {
            Arithmetic::Word(word) => self.word(word, errexit),
            Arithmetic::Element(_, inner) | Arithmetic::Unary(_, _, inner) | Arithmetic::Paren(inner) => {
                self.arithmetic(inner, errexit);
            }
            Arithmetic::Binary(_, left, right) => {
                self.arithmetic(left, errexit);
                self.arithmetic(right, errexit);
            }
            Arithmetic::Ternary(parts) => parts.iter().for_each(|part| self.arithmetic(part, errexit)),
        }
    }

    fn test(&mut self, test: &Test, errexit: Errexit) {
        match test {
            Test::Word(word) | Test::Unary(_, word) => self.word(word, errexit),
            Test::Not(inner) | Test::Paren(inner) => self.test(inner, errexit),
            Test::Logic(_, left, right) => {
                self.test(left, errexit);
                self.test(right, errexit);
            }
            Test::Binary(_, left, right) => {
                self.word(left, errexit);
                self.word(right, errexit);
            }
        }
    }
}

/// Whether a failure of the statement as a whole ends a script. Compound commands leave that to what is in them.
fn needs_guard(statement: &Statement) -> bool {
    match &statement.command {
        Some(Command::Chain(chain)) => chain
            .operators
            .iter()
            .all(|(operator, _)| matches!(operator, ChainOperator::Pipe | ChainOperator::PipeAll)),
        Some(
            Command::Group(_)
            | Command::If(_)
            | Command::While(_)
            | Command::For(_)
            | Command::Case(_)
            | Command::Function(_)
            | Command::Coprocess(..),
        ) => false,
        Some(_) | None => true,
    }
}

/// The `#` or `%` with which a pattern begins.
fn anchor(pattern: &Word) -> Option<TextRange> {
    match pattern.parts.first() {
        Some(WordPart::Literal(literal)) if literal.text.starts_with(['#', '%']) => Some(literal.range),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(script: &str, expected: &str) {
        let parsed = ez_compiler::shell::parse(script).unwrap();
        let rewritten = for_bash(script, &parsed);
        assert_eq!(rewritten.as_deref().unwrap_or(script), expected);
        assert_eq!(rewritten.is_some(), script != expected);
    }

    #[test]
    fn failures_that_nobody_asks_about_are_left_to_bash() {
        for script in [
            "a; b && c || d",
            "(a; b)",
            "x=$(a; b)",
            "if a; then (b; c); fi",
            "a | b",
            "for i in $(a; b); do (c; d); done",
            "f() { a; b; }",
            "! a",
            "{ a; b; } || c",
            "if { a; b; }; then c; fi",
        ] {
            check(script, script);
        }
    }

    #[test]
    fn subshells_keep_errexit_where_a_failure_is_asked_about() {
        check("(a; b) || c", "({ a || exit; }; { b || exit; }) || c");
        check("if (a; b); then c; fi", "if ({ a || exit; }; { b || exit; }); then c; fi");
        check("x=$(a; b) && c", "x=$({ a || exit; }; { b || exit; }) && c");
        check("echo \"$(a\nb)\" || c", "echo \"$({ a || exit; }\n{ b || exit; })\" || c");
        check("{ a; b; } | c || d", "{ { a || exit; }; { b || exit; }; } | c || d");
        check("f() { a; (b); }", "f() { a; ({ b || exit; }); }");
        check("! { a; b; }", "! { { a || exit; }; { b || exit; }; }");
        check("! (a; b)", "! ({ a || exit; }; { b || exit; })");
        check("while (a; b); do (c; d); done", "while ({ a || exit; }; { b || exit; }); do (c; d); done");
        check("a && (b; c)", "a && (b; c)");
        check("(a && b || c; ! d) || e", "(a && b || { c || exit; }; ! d) || e");
        check("(a | b; x=1 >f) || c", "({ a | b || exit; }; { x=1 >f || exit; }) || c");
        check("(if a; then b; fi) || c", "(if a; then { b || exit; }; fi) || c");
        check("( (a; b); c) || d", "( { ({ a || exit; }; { b || exit; }) || exit; }; { c || exit; }) || d");
        check("(a & b) || c", "(a & { b || exit; }) || c");
        check("(cat <<E\nx\nE\nb) || c", "(cat <<E\nx\nE\n{ b || exit; }) || c");
    }

    #[test]
    fn anchors_of_patterns_are_plain_characters() {
        check(
            "echo ${f/#a/b} \"${f/%a/b}\" ${f//#a/b} ${f/a#/b} ${f#a}",
            "echo ${f/\\#a/b} \"${f/\\%a/b}\" ${f//#a/b} ${f/a#/b} ${f#a}",
        );
        check("cat <<E\n${f/#a/b}\nE", "cat <<E\n${f/\\#a/b}\nE");
    }
}
