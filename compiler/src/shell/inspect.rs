//! What a script names, and what in it deserves a warning.

use smol_str::SmolStr;

use super::ast::{
    Arithmetic, Assignment, Call, CaseEnding, ChainOperator, Command, ForHeader, Parameter,
    ParameterOperation, Redirect, RedirectOperator, Script, Statement, SubstitutionForm, Test, TextRange,
    Word, WordPart,
};
use super::lex::is_name;

/// A name and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameUse {
    /// The name.
    pub name: SmolStr,
    /// Its place: the name alone, without `$` and braces.
    pub range: TextRange,
}

/// Something that bash has and a POSIX `sh` such as dash has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BashFeature {
    /// `[[ … ]]`
    Test,
    /// `(( … ))` as a command
    ArithmeticCommand,
    /// `for (( … ))`
    ArithmeticFor,
    /// `$[ … ]`
    BracketArithmetic,
    /// `a=(…)`, `a[1]=x`, `${a[1]}`
    Array,
    /// `a+=x`
    Append,
    /// `declare`, `typeset`, `nameref`
    Declaration,
    /// `let`
    Let,
    /// `function name`
    FunctionKeyword,
    /// `select`
    Select,
    /// `coproc`
    Coprocess,
    /// `;&`, `;;&`
    CaseFallThrough,
    /// `|&`
    PipeAll,
    /// `&>`, `&>>`
    RedirectAll,
    /// `<<<`
    HereString,
    /// `{name}>`
    NamedDescriptor,
    /// `<(…)`, `>(…)`
    ProcessSubstitution,
    /// `${ …; }`, `${|…; }`
    BraceSubstitution,
    /// `$'…'`
    EscapedQuote,
    /// `$"…"`
    TranslatedQuote,
    /// `${x/a/b}`
    Replace,
    /// `${x:1:2}`
    Slice,
    /// `${x^^}`, `${x,,}`
    ChangeCase,
    /// `${!x}`
    Indirection,
    /// `${x@Q}`
    Transformation,
    /// `@(a|b)` and the like
    ExtendedGlob,
    /// `{a,b}`, `{1..3}`
    BraceExpansion,
    /// `source`, `shopt`, `pushd`, `popd`, `mapfile`, `readarray`
    Builtin,
    /// `[ a == b ]`
    DoubleEquals,
}

impl BashFeature {
    /// How the feature is called in a message.
    pub fn description(self) -> &'static str {
        match self {
            Self::Test => "`[[ … ]]`",
            Self::ArithmeticCommand => "`(( … ))`",
            Self::ArithmeticFor => "`for (( … ))`",
            Self::BracketArithmetic => "`$[ … ]`",
            Self::Array => "an array",
            Self::Append => "`+=`",
            Self::Declaration => "`declare`",
            Self::Let => "`let`",
            Self::FunctionKeyword => "the keyword `function`",
            Self::Select => "`select`",
            Self::Coprocess => "`coproc`",
            Self::CaseFallThrough => "`;&`",
            Self::PipeAll => "`|&`",
            Self::RedirectAll => "`&>`",
            Self::HereString => "`<<<`",
            Self::NamedDescriptor => "`{name}>`",
            Self::ProcessSubstitution => "a process substitution",
            Self::BraceSubstitution => "`${ …; }`",
            Self::EscapedQuote => "`$'…'`",
            Self::TranslatedQuote => "`$\"…\"`",
            Self::Replace => "`${name/pattern/text}`",
            Self::Slice => "`${name:offset}`",
            Self::ChangeCase => "`${name^^}`",
            Self::Indirection => "`${!name}`",
            Self::Transformation => "`${name@Q}`",
            Self::ExtendedGlob => "an extended glob",
            Self::BraceExpansion => "a brace expansion",
            Self::Builtin => "a builtin of bash",
            Self::DoubleEquals => "`==` in `[ … ]`",
        }
    }
}

/// A use of a [`BashFeature`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BashUse {
    /// What is used.
    pub feature: BashFeature,
    /// Where.
    pub range: TextRange,
}

/// `rm -r "$X"/*`, which becomes `rm -r /*` where the variable is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DangerousRemoval {
    /// The argument.
    pub range: TextRange,
    /// The variable.
    pub variable: NameUse,
    /// The expansion, `$X` or `${X}`, which `${X:?}` may replace.
    pub expansion: TextRange,
}

/// What a script names and uses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Variables that are read, in order; without special ones such as `$1` and `$?`.
    pub reads: Vec<NameUse>,
    /// Variables that are set: by assignment, `for`, `read`, `export` and the like.
    pub writes: Vec<NameUse>,
    /// The first words of commands, where they are literal.
    pub commands: Vec<NameUse>,
    /// The functions that the script defines.
    pub functions: Vec<NameUse>,
    /// What a POSIX `sh` does not have.
    pub bash: Vec<BashUse>,
    /// The literal words of each command `task` and `ez`, the program first.
    pub task_runs: Vec<Vec<NameUse>>,
    /// Removals that an empty variable turns against the whole disk.
    pub removals: Vec<DangerousRemoval>,
}

/// Looks through a script.
pub fn inspect(script: &Script) -> Inspection {
    let mut inspector = Inspector { found: Inspection::default(), tests_equality: false };
    inspector.statements(&script.statements);
    for document in &script.documents {
        if let (false, Some(body)) = (document.quoted, &document.body) {
            inspector.parts(&body.parts, true);
        }
    }
    let Inspector { mut found, .. } = inspector;
    let writes = &found.writes;
    found.removals.retain(|removal| {
        !writes
            .iter()
            .any(|write| write.name == removal.variable.name && write.range.start < removal.range.start)
    });
    found
}

struct Inspector {
    found: Inspection,
    /// Whether the words of `[` are being read.
    tests_equality: bool,
}

impl Inspector {
    fn bash(&mut self, feature: BashFeature, range: TextRange) {
        self.found.bash.push(BashUse { feature, range });
    }

    fn write(&mut self, name: &str, range: TextRange) {
        self.found.writes.push(NameUse { name: SmolStr::new(name), range });
    }

    fn statements(&mut self, statements: &[Statement]) {
        for statement in statements {
            self.statement(statement);
        }
    }

    fn statement(&mut self, statement: &Statement) {
        if let Some(command) = &statement.command {
            self.command(command, statement.range);
        }
        for redirect in &statement.redirects {
            self.redirect(redirect);
        }
    }

    fn redirect(&mut self, redirect: &Redirect) {
        match redirect.operator {
            RedirectOperator::WriteAll | RedirectOperator::AppendAll => {
                self.bash(BashFeature::RedirectAll, redirect.range);
            }
            RedirectOperator::HereString => self.bash(BashFeature::HereString, redirect.range),
            _ => {}
        }
        if let Some(descriptor) = &redirect.descriptor
            && let Some(name) = descriptor.text.strip_prefix('{').and_then(|text| text.strip_suffix('}'))
        {
            self.bash(BashFeature::NamedDescriptor, descriptor.range);
            self.write(name, descriptor.range);
        }
        if redirect.document.is_none() {
            self.word(&redirect.target);
        }
    }

    fn command(&mut self, command: &Command, range: TextRange) {
        match command {
            Command::Simple(call) => self.call(call),
            Command::Subshell(body) | Command::Group(body) => self.statements(body),
            Command::If(conditional) => {
                for branch in &conditional.branches {
                    self.statements(&branch.condition);
                    self.statements(&branch.then);
                }
                self.statements(conditional.otherwise.as_deref().unwrap_or_default());
            }
            Command::While(looped) => {
                self.statements(&looped.condition);
                self.statements(&looped.body);
            }
            Command::For(looped) => {
                if looped.select {
                    self.bash(BashFeature::Select, range);
                }
                self.header(&looped.header, range);
                self.statements(&looped.body);
            }
            Command::Case(case) => {
                self.word(&case.word);
                for item in &case.items {
                    self.words(&item.patterns);
                    self.statements(&item.body);
                    if let Some((CaseEnding::FallThrough | CaseEnding::Resume, range)) = item.ending {
                        self.bash(BashFeature::CaseFallThrough, range);
                    }
                }
            }
            Command::Chain(chain) => {
                self.statements(&chain.statements);
                for (operator, range) in &chain.operators {
                    if *operator == ChainOperator::PipeAll {
                        self.bash(BashFeature::PipeAll, *range);
                    }
                }
            }
            Command::Function(function) => {
                if let Some(name) = &function.name {
                    self.found.functions.push(NameUse { name: name.text.clone(), range: name.range });
                    if function.keyword {
                        let keyword = TextRange { start: range.start, end: name.range.end };
                        self.bash(BashFeature::FunctionKeyword, keyword);
                    }
                }
                self.statement(&function.body);
            }
            Command::Arithmetic(expression) => {
                self.bash(BashFeature::ArithmeticCommand, range);
                self.arithmetic(expression);
            }
            Command::Test(test) => {
                self.bash(BashFeature::Test, range);
                self.test(test);
            }
            Command::Declaration(declaration) => {
                self.found.commands.push(NameUse {
                    name: declaration.keyword.text.clone(),
                    range: declaration.keyword.range,
                });
                if matches!(declaration.keyword.text.as_str(), "declare" | "typeset" | "nameref") {
                    self.bash(BashFeature::Declaration, declaration.keyword.range);
                }
                for argument in &declaration.arguments {
                    self.assignment(argument);
                }
            }
            Command::Let(expressions) => {
                self.bash(BashFeature::Let, range);
                for expression in expressions {
                    self.arithmetic(expression);
                }
            }
            Command::Time(body) => {
                if let Some(body) = body {
                    self.statement(body);
                }
            }
            Command::Coprocess(name, body) => {
                self.bash(BashFeature::Coprocess, range);
                if let Some(name) = name {
                    self.word(name);
                }
                if let Some(body) = body {
                    self.statement(body);
                }
            }
        }
    }

    fn header(&mut self, header: &ForHeader, range: TextRange) {
        match header {
            ForHeader::Words(name, words) => {
                self.write(&name.text, name.range);
                self.words(words.as_deref().unwrap_or_default());
            }
            ForHeader::Arithmetic(parts) => {
                self.bash(BashFeature::ArithmeticFor, range);
                for part in parts.iter().flatten() {
                    self.arithmetic(part);
                }
            }
        }
    }

    fn call(&mut self, call: &Call) {
        for assignment in &call.assignments {
            self.assignment(assignment);
        }
        if let Some(first) = call.words.first()
            && let Some(name) = unquoted_literal(first)
        {
            self.found.commands.push(NameUse { name: name.clone(), range: first.range });
            let arguments = call.words.get(1..).unwrap_or_default();
            match name.as_str() {
                "source" | "shopt" | "pushd" | "popd" => self.bash(BashFeature::Builtin, first.range),
                "mapfile" | "readarray" => {
                    self.bash(BashFeature::Builtin, first.range);
                    self.names_behind_flags(arguments);
                }
                "read" | "getopts" | "unset" => self.names_behind_flags(arguments),
                "printf" => self.printf(arguments),
                "rm" => self.removal(arguments),
                "task" | "ez" => self.task_run(&call.words),
                "[" | "test" => self.tests_equality = true,
                _ => {}
            }
        }
        self.words(&call.words);
        self.tests_equality = false;
    }

    /// The names that `read` and its like set.
    fn names_behind_flags(&mut self, words: &[Word]) {
        for word in words {
            if let Some(name) = word.literal().filter(|name| is_name(name)) {
                self.write(name, word.range);
            }
        }
    }

    fn printf(&mut self, words: &[Word]) {
        if let [flag, name, ..] = words
            && flag.literal() == Some("-v")
            && let Some(name_text) = name.literal().filter(|text| is_name(text))
        {
            self.write(name_text, name.range);
        }
    }

    fn task_run(&mut self, words: &[Word]) {
        self.found.task_runs.push(words.iter().filter_map(literal_word).collect());
    }

    fn removal(&mut self, words: &[Word]) {
        let recursive = words.iter().filter_map(Word::literal).any(|flag| {
            flag == "--recursive"
                || (flag.starts_with('-') && !flag.starts_with("--") && flag.contains(['r', 'R']))
        });
        if !recursive {
            return;
        }
        for word in words {
            if let Some(parameter) = variable_before_root(word) {
                self.found.removals.push(DangerousRemoval {
                    range: word.range,
                    variable: NameUse { name: parameter.name.text.clone(), range: parameter.name.range },
                    expansion: parameter.range,
                });
            }
        }
    }

    fn assignment(&mut self, assignment: &Assignment) {
        if let Some(name) = &assignment.name {
            self.write(&name.text, name.range);
        }
        if assignment.append {
            self.bash(BashFeature::Append, assignment.range);
        }
        if assignment.array.is_some() || assignment.index.is_some() {
            self.bash(BashFeature::Array, assignment.range);
        }
        if let Some(index) = &assignment.index {
            self.arithmetic(index);
        }
        for element in assignment.array.as_deref().unwrap_or_default() {
            if let Some(index) = &element.index {
                self.arithmetic(index);
            }
            if let Some(value) = &element.value {
                self.word(value);
            }
        }
        if let Some(value) = &assignment.value {
            self.parts(&value.parts, true);
        }
    }

    fn words(&mut self, words: &[Word]) {
        for word in words {
            self.word(word);
        }
    }

    fn word(&mut self, word: &Word) {
        if self.tests_equality && word.literal() == Some("==") {
            self.bash(BashFeature::DoubleEquals, word.range);
        }
        if has_braces(word) {
            self.bash(BashFeature::BraceExpansion, word.range);
        }
        self.parts(&word.parts, false);
    }

    fn parts(&mut self, parts: &[WordPart], quoted: bool) {
        for part in parts {
            match part {
                WordPart::Literal(_) => {}
                WordPart::SingleQuoted { range, dollar, .. } => {
                    if *dollar && !quoted {
                        self.bash(BashFeature::EscapedQuote, *range);
                    }
                }
                WordPart::DoubleQuoted { range, dollar, parts } => {
                    if *dollar {
                        self.bash(BashFeature::TranslatedQuote, *range);
                    }
                    self.parts(parts, true);
                }
                WordPart::Parameter(parameter) => self.parameter(parameter),
                WordPart::CommandSubstitution { range, form, statements } => {
                    if matches!(form, SubstitutionForm::Brace | SubstitutionForm::BraceReply) {
                        self.bash(BashFeature::BraceSubstitution, *range);
                    }
                    self.statements(statements);
                }
                WordPart::Arithmetic { range, bracket, expression } => {
                    if *bracket {
                        self.bash(BashFeature::BracketArithmetic, *range);
                    }
                    self.arithmetic(expression);
                }
                WordPart::ProcessSubstitution { range, statements, .. } => {
                    self.bash(BashFeature::ProcessSubstitution, *range);
                    self.statements(statements);
                }
                WordPart::ExtendedGlob { range, .. } => self.bash(BashFeature::ExtendedGlob, *range),
            }
        }
    }

    fn parameter(&mut self, parameter: &Parameter) {
        if is_name(&parameter.name.text) && !matches!(parameter.operation, Some(ParameterOperation::Names(_)))
        {
            self.found.reads.push(NameUse { name: parameter.name.text.clone(), range: parameter.name.range });
        }
        if parameter.indirect {
            self.bash(BashFeature::Indirection, parameter.range);
        }
        if let Some(index) = &parameter.index {
            self.bash(BashFeature::Array, parameter.range);
            self.arithmetic(index);
        }
        match &parameter.operation {
            None | Some(ParameterOperation::Names(_)) => {}
            Some(ParameterOperation::Slice(offset, length)) => {
                self.bash(BashFeature::Slice, parameter.range);
                for number in [offset, length].into_iter().flatten() {
                    self.arithmetic(number);
                }
            }
            Some(ParameterOperation::Replace { pattern, replacement, .. }) => {
                self.bash(BashFeature::Replace, parameter.range);
                for word in [pattern, replacement].into_iter().flatten() {
                    self.parts(&word.parts, true);
                }
            }
            Some(ParameterOperation::Word(operator, word)) => {
                match *operator {
                    "^" | "^^" | "," | ",," => self.bash(BashFeature::ChangeCase, parameter.range),
                    "@" => self.bash(BashFeature::Transformation, parameter.range),
                    "=" | ":=" => self.write(&parameter.name.text, parameter.name.range),
                    _ => {}
                }
                if let Some(word) = word {
                    self.parts(&word.parts, true);
                }
            }
        }
    }

    fn arithmetic(&mut self, expression: &Arithmetic) {
        match expression {
            Arithmetic::Word(word) => {
                if let Some(name) = word.literal() {
                    if is_name(name) {
                        self.found.reads.push(NameUse { name: SmolStr::new(name), range: word.range });
                    }
                } else {
                    self.parts(&word.parts, true);
                }
            }
            Arithmetic::Element(name, index) => {
                self.found.reads.push(NameUse { name: name.text.clone(), range: name.range });
                self.arithmetic(index);
            }
            Arithmetic::Unary(operator, _, operand) => {
                if matches!(*operator, "++" | "--") {
                    self.assigned_name(operand);
                }
                self.arithmetic(operand);
            }
            Arithmetic::Binary(operator, left, right) => {
                let assigns = operator.ends_with('=') && !matches!(*operator, "==" | "!=" | "<=" | ">=");
                if assigns {
                    self.assigned_name(left);
                }
                // A plain `=` does not read its left side.
                if *operator != "=" {
                    self.arithmetic(left);
                }
                self.arithmetic(right);
            }
            Arithmetic::Ternary(parts) => {
                for part in parts.iter() {
                    self.arithmetic(part);
                }
            }
            Arithmetic::Paren(inner) => self.arithmetic(inner),
        }
    }

    fn assigned_name(&mut self, expression: &Arithmetic) {
        match expression {
            Arithmetic::Word(word) => {
                if let Some(name) = word.literal() {
                    self.write(name, word.range);
                }
            }
            Arithmetic::Element(name, _) => self.write(&name.text, name.range),
            _ => {}
        }
    }

    fn test(&mut self, test: &Test) {
        match test {
            Test::Word(word) | Test::Unary(_, word) => self.parts(&word.parts, true),
            Test::Not(inner) | Test::Paren(inner) => self.test(inner),
            Test::Logic(_, left, right) => {
                self.test(left);
                self.test(right);
            }
            Test::Binary(_, left, right) => {
                self.parts(&left.parts, true);
                self.parts(&right.parts, true);
            }
        }
    }
}

/// The text of a word without expansions and backslashes, whatever its quotes.
fn unquoted_literal(word: &Word) -> Option<SmolStr> {
    let text = word.literal()?;
    Some(if text.contains('\\') { SmolStr::new(text.replace('\\', "")) } else { SmolStr::new(text) })
}

/// The text of a word that is one literal, with or without quotes, and its place between these.
fn literal_word(word: &Word) -> Option<NameUse> {
    let [part] = word.parts.as_slice() else { return None };
    match part {
        WordPart::Literal(literal) => Some(NameUse { name: literal.text.clone(), range: literal.range }),
        WordPart::SingleQuoted { range, dollar: false, text } => {
            let range = TextRange { start: range.start + 1, end: range.end.saturating_sub(1) };
            Some(NameUse { name: text.clone(), range })
        }
        WordPart::DoubleQuoted { dollar: false, parts, .. } => match parts.as_slice() {
            [WordPart::Literal(literal)] => {
                Some(NameUse { name: literal.text.clone(), range: literal.range })
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether unquoted text of the word has braces that bash expands.
fn has_braces(word: &Word) -> bool {
    let mut open = 0;
    let mut separated = false;
    for part in &word.parts {
        let WordPart::Literal(literal) = part else { continue };
        let mut previous = ' ';
        let mut characters = literal.text.chars();
        while let Some(c) = characters.next() {
            match c {
                '\\' => {
                    characters.next();
                }
                '{' => open += 1,
                ',' if open > 0 => separated = true,
                '.' if open > 0 && previous == '.' => separated = true,
                '}' if open > 0 && separated => return true,
                _ => {}
            }
            previous = c;
        }
    }
    false
}

/// The variable that a word begins with, where what follows it is `/`, `/*` or a top directory of the system.
fn variable_before_root(word: &Word) -> Option<&Parameter> {
    const TOP: [&str; 19] = [
        "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "media", "mnt", "opt", "proc", "root",
        "run", "sbin", "srv", "sys", "usr", "var",
    ];
    let mut parts: Vec<&WordPart> = Vec::new();
    for part in &word.parts {
        match part {
            WordPart::DoubleQuoted { parts: inner, .. } => parts.extend(inner),
            part => parts.push(part),
        }
    }
    let (WordPart::Parameter(parameter), rest) = parts.split_first()? else { return None };
    if parameter.operation.is_some() || parameter.length || !is_name(&parameter.name.text) {
        return None;
    }
    let mut behind = String::new();
    for part in rest {
        match part {
            WordPart::Literal(literal) => behind.push_str(&literal.text),
            WordPart::SingleQuoted { text, .. } => behind.push_str(text),
            _ => return None,
        }
    }
    let path = behind.strip_prefix('/')?.trim_end_matches(['/', '*']);
    (matches!(path, "" | ".") || TOP.contains(&path)).then_some(&**parameter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::parse;

    fn names(uses: &[NameUse], script: &str) -> String {
        for name in uses {
            let text = script.get(name.range.range()).unwrap_or_default();
            assert_eq!(text.replace('\\', "").trim_matches(['{', '}']), name.name, "{script}");
        }
        uses.iter().map(|name| name.name.as_str()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn variables_and_commands_are_found_in_every_corner() {
        for (script, reads, writes, commands) in [
            ("echo $A \"${B}\" '$C' \\$D", "A B", "", "echo"),
            ("A=$B c $(d $E)", "B E", "A", "c d"),
            ("for i in $L; do echo $i; done", "L i", "i", "echo"),
            ("while read -r l m; do :; done < $F", "F", "l m", "read :"),
            ("echo $((a + b[c] - 1)); ((d++, e = f))", "a b c d f", "d e", "echo"),
            ("cat <<E\n$A `b`\nE", "A", "", "cat b"),
            ("cat <<'E'\n$A\nE", "", "", "cat"),
            ("echo ${A:-$B} ${C:=d} ${#E} ${F[$G]} ${!H}", "A B C E F G H", "C", "echo"),
            ("export A=1 B; local c=$D", "D", "A B c", "export local"),
            ("if [[ $A =~ $B ]]; then c; elif d; then e; else f; fi", "A B", "", "c d e f"),
            ("case $A in $B) c;; esac", "A B", "", "c"),
            ("f() { g $1 $@ $?; }", "", "", "g"),
            ("a | b && (c; d) & \\e", "", "", "a b c d e"),
            ("x=(1 $A); y[2]=$B; printf -v z %s 1", "A B", "x y z", "printf"),
            ("\"quoted\" x; $D y", "D", "", ""),
        ] {
            let found = inspect(&parse(script).unwrap());
            assert_eq!(names(&found.reads, script), reads, "reads of {script}");
            assert_eq!(names(&found.writes, script), writes, "writes of {script}");
            assert_eq!(names(&found.commands, script), commands, "commands of {script}");
        }
    }

    #[test]
    fn what_only_bash_has() {
        use BashFeature as F;
        for (script, expected) in [
            ("[[ a ]]", &[(F::Test, "[[ a ]]")][..]),
            ("((i++))", &[(F::ArithmeticCommand, "((i++))")]),
            ("a=(1)", &[(F::Array, "a=(1)")]),
            ("a+=1", &[(F::Append, "a+=1")]),
            (
                "echo {a,b} {1..3} {a} '{a,b}' {a b,c}",
                &[(F::BraceExpansion, "{a,b}"), (F::BraceExpansion, "{1..3}")],
            ),
            ("function f { a; }", &[(F::FunctionKeyword, "function f")]),
            ("a <<< b &> c", &[(F::HereString, "<<< b"), (F::RedirectAll, "&> c")]),
            ("a |& b", &[(F::PipeAll, "|&")]),
            (
                "echo ${x/a/b} ${x:1} ${x^^} ${!x} ${x@Q} ${x[0]}",
                &[
                    (F::Replace, "${x/a/b}"),
                    (F::Slice, "${x:1}"),
                    (F::ChangeCase, "${x^^}"),
                    (F::Indirection, "${!x}"),
                    (F::Transformation, "${x@Q}"),
                    (F::Array, "${x[0]}"),
                ],
            ),
            ("echo $'a' \"$'a'\"", &[(F::EscapedQuote, "$'a'")]),
            ("diff <(a) b", &[(F::ProcessSubstitution, "<(a)")]),
            ("source x", &[(F::Builtin, "source")]),
            ("[ a == b ]; [ a = b ]; echo ==", &[(F::DoubleEquals, "==")]),
            ("declare x; export y; local z", &[(F::Declaration, "declare")]),
            ("for ((;;)); do a; done", &[(F::ArithmeticFor, "for ((;;)); do a; done")]),
            ("case x in a) b;& esac", &[(F::CaseFallThrough, ";&")]),
            ("rm !(a)", &[(F::ExtendedGlob, "!(a)")]),
            ("a && b || c; if d; then e; fi; x=$(f); $((1)); ${x:-y} ${x#y}; f() { a; }", &[]),
        ] {
            let found = inspect(&parse(script).unwrap()).bash;
            let found: Vec<_> =
                found.iter().map(|found| (found.feature, &script[found.range.range()])).collect();
            assert_eq!(found, expected, "{script}");
        }
    }

    #[test]
    fn removals_that_an_empty_variable_makes_dangerous() {
        for (script, expected) in [
            ("rm -rf \"$X\"/*", Some(("\"$X\"/*", "$X"))),
            ("rm -rf $X/", Some(("$X/", "$X"))),
            ("rm -fr \"${X}/\"*", Some(("\"${X}/\"*", "${X}"))),
            ("rm -r --force $X/usr", Some(("$X/usr", "$X"))),
            ("a && rm --recursive $X/*", Some(("$X/*", "$X"))),
            ("rm -f $X/*", None),
            ("rm -rf \"${X:?}\"/*", None),
            ("rm -rf \"${X:-y}\"/*", None),
            ("rm -rf $X/build", None),
            ("rm -rf ./$X/", None),
            ("rm -rf $X", None),
            ("X=$(mktemp -d); rm -rf $X/*", None),
            ("echo rm -rf $X/*", None),
        ] {
            let removals = inspect(&parse(script).unwrap()).removals;
            let found = removals
                .first()
                .map(|found| (&script[found.range.range()], &script[found.expansion.range()]));
            assert_eq!(found, expected, "{script}");
        }
    }
}
