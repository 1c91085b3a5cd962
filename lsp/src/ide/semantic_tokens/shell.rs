//! Tokens of shell scripts.
//!
//! The syntax tree says where words, names and substitutions are. What it leaves out are keywords, operators and comments:
//! these are read from the text that no part of the tree covers.

use ez_compiler::shell::ast::{
    Arithmetic, Assignment, Case, Command, For, ForHeader, HereDocument, If, Literal, Parameter,
    ParameterOperation, Redirect, Statement, Test, TextRange, Word, WordPart,
};
use ez_compiler::shell::{self, Masked, Script};

use super::paint::{Ground, Paint};
use super::{Modifiers, TokenKind};

const KEYWORDS: &[&str] = &[
    "if", "then", "elif", "else", "fi", "for", "in", "do", "done", "while", "until", "case", "esac",
    "select", "function", "time", "coproc", "let",
];

/// Paints a script. Templates in it are taken for words; see [`super::template`] for what is painted over them.
pub fn paint(text: &str, paint: &mut Paint) {
    let Some((script, masked)) = parsed(text) else { return };
    let mut painter = Painter { text: &masked.text, paint, documents: &script.documents };
    painter.statements(&script.statements);
    painter.rest();
}

/// A script; of one that is wrong, what stands before the line of the error.
fn parsed(text: &str) -> Option<(Script, Masked)> {
    if let Some(found) = shell::parse_masked(text) {
        return Some(found);
    }
    let error = match shell::mask_templates(text, shell::Mask::Words) {
        Some(masked) => shell::parse(&masked.text).err()?,
        None => return None,
    };
    let before = text.get(..error.range.start as usize)?;
    let complete = before.get(..=before.rfind('\n')?)?;
    shell::parse_masked(complete)
}

struct Painter<'a> {
    text: &'a str,
    paint: &'a mut Paint,
    documents: &'a [HereDocument],
}

impl Painter<'_> {
    fn token(&mut self, range: TextRange, kind: TokenKind) {
        self.paint.token(range.range(), kind, Modifiers::NONE);
    }

    fn plain(&mut self, range: TextRange) {
        self.paint.clear(range.range(), Ground::Plain);
    }

    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        if let Some(command) = &statement.command {
            self.command(command);
        }
        for redirect in &statement.redirects {
            self.redirect(redirect);
        }
    }

    fn redirect(&mut self, redirect: &Redirect) {
        if let Some(descriptor) = &redirect.descriptor {
            self.token(descriptor.range, TokenKind::Number);
        }
        let Some(document) = redirect.document else { return self.word(&redirect.target) };
        self.token(redirect.target.range, TokenKind::Keyword);
        let documents = self.documents;
        if let Some(body) = documents.get(document).and_then(|document| document.body.as_ref()) {
            self.token(body.range, TokenKind::String);
            self.parts(&body.parts);
            self.end_of_document(body.range, &redirect.target);
        }
    }

    /// The line that ends a here-document: it is the last of its body.
    fn end_of_document(&mut self, body: TextRange, delimiter: &Word) {
        let written = self.text.get(delimiter.range.range()).unwrap_or_default();
        let name = written.trim_matches(['\'', '"', '\\']);
        let text = self.text.get(body.range()).unwrap_or_default();
        if !name.is_empty() && text.lines().last().is_some_and(|line| line.trim_start_matches('\t') == name) {
            let end = body.start as usize + text.trim_end_matches('\n').len();
            self.paint.token(end - name.len()..end, TokenKind::Keyword, Modifiers::NONE);
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Simple(call) => {
                call.assignments.iter().for_each(|assignment| self.assignment(assignment));
                let mut words = call.words.iter();
                if let Some(first) = words.next() {
                    self.command_name(first);
                }
                words.for_each(|word| self.word(word));
            }
            Command::Subshell(statements) | Command::Group(statements) => self.statements(statements),
            Command::If(branch) => self.branch(branch),
            Command::While(repeat) => {
                self.statements(&repeat.condition);
                self.statements(&repeat.body);
            }
            Command::For(repeat) => self.repeat(repeat),
            Command::Case(case) => self.case(case),
            Command::Chain(chain) => self.statements(&chain.statements),
            Command::Function(function) => {
                if let Some(name) = &function.name {
                    self.paint.token(name.range.range(), TokenKind::Function, Modifiers::DEFINITION);
                }
                self.statement(&function.body);
            }
            Command::Arithmetic(expression) => self.arithmetic(expression),
            Command::Test(test) => self.test(test),
            Command::Declaration(declaration) => {
                self.token(declaration.keyword.range, TokenKind::Keyword);
                declaration.arguments.iter().for_each(|argument| self.assignment(argument));
            }
            Command::Let(expressions) => {
                for expression in expressions {
                    self.arithmetic(expression);
                }
            }
            Command::Time(statement) => {
                if let Some(statement) = statement {
                    self.statement(statement);
                }
            }
            Command::Coprocess(name, statement) => {
                if let Some(name) = name {
                    self.word(name);
                }
                if let Some(statement) = statement {
                    self.statement(statement);
                }
            }
        }
    }

    /// The first word of a command: its name, where that is written out.
    fn command_name(&mut self, word: &Word) {
        match word.literal() {
            Some(name) if shell::is_builtin(name) => {
                self.paint.token(word.range.range(), TokenKind::Function, Modifiers::DEFAULT_LIBRARY);
            }
            Some(_) => self.token(word.range, TokenKind::Function),
            None => self.word(word),
        }
    }

    fn branch(&mut self, branch: &If) {
        for part in &branch.branches {
            self.statements(&part.condition);
            self.statements(&part.then);
        }
        self.statements(branch.otherwise.as_deref().unwrap_or_default());
    }

    fn repeat(&mut self, repeat: &For) {
        match &repeat.header {
            ForHeader::Words(name, words) => {
                self.paint.token(name.range.range(), TokenKind::Variable, Modifiers::DEFINITION);
                words.iter().flatten().for_each(|word| self.word(word));
            }
            ForHeader::Arithmetic(parts) => parts.iter().flatten().for_each(|part| self.arithmetic(part)),
        }
        self.statements(&repeat.body);
    }

    fn case(&mut self, case: &Case) {
        self.word(&case.word);
        for item in &case.items {
            item.patterns.iter().for_each(|pattern| self.word(pattern));
            self.statements(&item.body);
        }
    }

    fn assignment(&mut self, assignment: &Assignment) {
        if let Some(name) = &assignment.name {
            let modifiers = if assignment.bare { Modifiers::NONE } else { Modifiers::DEFINITION };
            self.paint.token(name.range.range(), TokenKind::Variable, modifiers);
        }
        if let Some(index) = &assignment.index {
            self.arithmetic(index);
        }
        if let Some(value) = &assignment.value {
            self.word(value);
        }
        for element in assignment.array.iter().flatten() {
            if let Some(index) = &element.index {
                self.arithmetic(index);
            }
            if let Some(value) = &element.value {
                self.word(value);
            }
        }
    }

    fn word(&mut self, word: &Word) {
        self.parts(&word.parts);
    }

    fn parts(&mut self, parts: &[WordPart]) {
        for part in parts {
            self.part(part);
        }
    }

    fn part(&mut self, part: &WordPart) {
        match part {
            // In quotes it has their colour already.
            WordPart::Literal(literal) => self.unless_painted(literal.range),
            WordPart::SingleQuoted { range, .. } => self.token(*range, TokenKind::String),
            WordPart::DoubleQuoted { range, parts, .. } => {
                self.token(*range, TokenKind::String);
                self.parts(parts);
            }
            WordPart::Parameter(parameter) => self.parameter(parameter),
            WordPart::CommandSubstitution { range, statements, .. }
            | WordPart::ProcessSubstitution { range, statements, .. } => {
                self.paint.clear(range.range(), Ground::Unknown);
                self.statements(statements);
            }
            WordPart::Arithmetic { range, expression, .. } => {
                self.paint.clear(range.range(), Ground::Unknown);
                self.arithmetic(expression);
            }
            WordPart::ExtendedGlob { range, .. } => self.plain(*range),
        }
    }

    fn unless_painted(&mut self, range: TextRange) {
        for at in range.range() {
            if self.paint.is_unknown(at) {
                self.paint.clear(at..at + 1, Ground::Plain);
            }
        }
    }

    fn parameter(&mut self, parameter: &Parameter) {
        self.token(parameter.range, TokenKind::Variable);
        if let Some(index) = &parameter.index {
            self.arithmetic(index);
        }
        match &parameter.operation {
            Some(ParameterOperation::Slice(from, length)) => {
                [from, length].into_iter().flatten().for_each(|part| self.arithmetic(part));
            }
            Some(ParameterOperation::Replace { pattern, replacement, .. }) => {
                [pattern, replacement].into_iter().flatten().for_each(|word| self.argument(word));
            }
            Some(ParameterOperation::Word(_, Some(word))) => self.argument(word),
            Some(ParameterOperation::Word(_, None) | ParameterOperation::Names(_)) | None => {}
        }
    }

    /// A word inside of `${…}`.
    fn argument(&mut self, word: &Word) {
        self.token(word.range, TokenKind::String);
        self.word(word);
    }

    fn arithmetic(&mut self, expression: &Arithmetic) {
        match expression {
            Arithmetic::Word(word) => match word.literal() {
                Some(text) if text.starts_with(|c: char| c.is_ascii_digit()) => {
                    self.token(word.range, TokenKind::Number);
                }
                Some(_) => self.token(word.range, TokenKind::Variable),
                None => self.word(word),
            },
            Arithmetic::Element(Literal { range, .. }, index) => {
                self.token(*range, TokenKind::Variable);
                self.arithmetic(index);
            }
            Arithmetic::Unary(_, _, operand) | Arithmetic::Paren(operand) => self.arithmetic(operand),
            Arithmetic::Binary(_, left, right) => {
                self.arithmetic(left);
                self.arithmetic(right);
            }
            Arithmetic::Ternary(operands) => operands.iter().for_each(|operand| self.arithmetic(operand)),
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Word(word) | Test::Unary(_, word) => self.word(word),
            Test::Not(inner) | Test::Paren(inner) => self.test(inner),
            Test::Logic(_, left, right) => {
                self.test(left);
                self.test(right);
            }
            Test::Binary(_, left, right) => {
                self.word(left);
                self.word(right);
            }
        }
    }

    /// Keywords, operators and comments: what no part of the tree covers.
    fn rest(&mut self) {
        let bytes = self.text.as_bytes();
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied() {
            if !self.paint.is_unknown(at) || byte.is_ascii_whitespace() || byte == b'\\' {
                at += 1;
                continue;
            }
            let end = match byte {
                b'#' => self.run(at, |byte| byte != b'\n'),
                byte if byte.is_ascii_alphabetic() => self.run(at, |byte| byte.is_ascii_alphabetic()),
                // `-f` of a test.
                b'-' if bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) => {
                    self.run(at, |byte| byte == b'-' || byte.is_ascii_alphabetic())
                }
                byte if byte.is_ascii_punctuation() => {
                    self.run(at, |byte| byte.is_ascii_punctuation() && byte != b'\\' && byte != b'#')
                }
                _ => at + 1,
            };
            let kind = match byte {
                b'#' => Some(TokenKind::Comment),
                byte if byte.is_ascii_alphabetic() => {
                    let is_keyword = self.text.get(at..end).is_some_and(|word| KEYWORDS.contains(&word));
                    is_keyword.then_some(TokenKind::Keyword)
                }
                byte if byte.is_ascii_punctuation() => Some(TokenKind::Operator),
                _ => None,
            };
            if let Some(kind) = kind {
                self.paint.token(at..end, kind, Modifiers::NONE);
            }
            at = end.max(at + 1);
        }
    }

    /// The end of what begins at a byte and is not covered.
    fn run(&self, from: usize, belongs: impl Fn(u8) -> bool) -> usize {
        let bytes = self.text.as_bytes();
        let more = (from + 1..bytes.len())
            .take_while(|at| self.paint.is_unknown(*at) && bytes.get(*at).is_some_and(|byte| belongs(*byte)));
        from + 1 + more.count()
    }
}
