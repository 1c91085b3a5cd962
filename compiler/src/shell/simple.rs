//! Which scripts need no shell: provably simple commands.
//!
//! Everything here is careful: whatever bash or go-task's shell might treat in a special way makes the answer `None`,
//! and the script then goes to a real shell.

use smol_str::SmolStr;

use super::ast::{
    Assignment, Call, Chain, ChainOperator, Command, Redirect, RedirectOperator, Script, Statement,
    Terminator, TextRange, Word, WordPart,
};
use super::lex::is_name;
use super::quote::is_keyword;

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text, free of quotes and escapes.
    Text(SmolStr),
    /// The value of a variable.
    Variable {
        /// The name.
        name: SmolStr,
        /// Whether the value is taken as it is: within double quotes or in an assignment. An unquoted one must be free
        /// of blanks and glob characters, see [`SimpleWord::resolve`].
        quoted: bool,
    },
}

/// A word whose value needs nothing but variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimpleWord {
    /// Where it stands in the script.
    pub range: TextRange,
    /// Its pieces; none where the word is empty.
    pub pieces: Vec<Piece>,
    /// Whether any part was quoted, so that the word stays even when it is empty.
    pub quoted: bool,
}

/// What a word becomes at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// An argument.
    Argument(String),
    /// Nothing at all: the word was unquoted and its variables are empty.
    Nothing,
    /// The shell would split the value or match it against files: the script must go to a shell.
    NeedsShell,
}

impl SimpleWord {
    /// The text, if there are no variables in it.
    pub fn literal(&self) -> Option<String> {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => Some(text.as_str()),
                Piece::Variable { .. } => None,
            })
            .collect()
    }

    /// The names of the variables, in order.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Variable { name, .. } => Some(name.as_str()),
            Piece::Text(_) => None,
        })
    }

    /// Puts in the values of the variables; unset ones are empty.
    pub fn resolve<'a>(&self, value_of: impl Fn(&str) -> Option<&'a str>) -> Resolved {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Variable { name, quoted } => {
                    let value = value_of(name).unwrap_or_default();
                    if !quoted && value.contains([' ', '\t', '\n', '*', '?', '[', '\\']) {
                        return Resolved::NeedsShell;
                    }
                    text.push_str(value);
                }
            }
        }
        if text.is_empty() && !self.quoted { Resolved::Nothing } else { Resolved::Argument(text) }
    }
}

/// What a redirect of a simple command does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimpleRedirectKind {
    /// `<`
    Read(SimpleWord),
    /// `>` and `>|`
    Write(SimpleWord),
    /// `>>`
    Append(SimpleWord),
    /// `&>`: both standard output and standard error; the descriptor means nothing.
    WriteAll(SimpleWord),
    /// `&>>`
    AppendAll(SimpleWord),
    /// `>&1`, `2>&1`: becomes a copy of that descriptor.
    Duplicate(u32),
}

/// A redirect of a simple command. They take effect from left to right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SimpleRedirect {
    /// The descriptor that is changed: 0, 1 or 2.
    pub descriptor: u32,
    /// What it becomes.
    pub kind: SimpleRedirectKind,
}

/// One simple command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SimpleCommand {
    /// Where it stands in the script.
    pub range: TextRange,
    /// The variables that are set for this command alone, in order.
    pub assignments: Vec<(SmolStr, SimpleWord)>,
    /// The words, at least one; the first is literal and not empty.
    pub words: Vec<SimpleWord>,
    /// The redirects, in order.
    pub redirects: Vec<SimpleRedirect>,
}

impl SimpleCommand {
    /// The program or builtin.
    pub fn name(&self) -> String {
        self.words.first().and_then(SimpleWord::literal).unwrap_or_default()
    }
}

/// How a command of a list is joined to the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connector {
    /// `&&`: the next runs if this one succeeded. If it failed, the rest of the `&&` chain is left out, and what follows
    /// the chain *does* run: errexit only counts the last command of a chain.
    And,
    /// `;`, a newline or the end: if this one failed, the script ends with its status (errexit).
    Next,
}

/// Builtins that the runner does itself, so that they may stand in a simple command.
pub const NATIVE_BUILTINS: [&str; 5] = ["echo", "true", "false", ":", "exit"];

/// Whether bash or go-task's shell has a builtin of this name.
pub fn is_builtin(name: &str) -> bool {
    matches!(
        name,
        "." | ":"
            | "["
            | "alias"
            | "bg"
            | "bind"
            | "break"
            | "builtin"
            | "caller"
            | "cd"
            | "command"
            | "compgen"
            | "complete"
            | "compopt"
            | "continue"
            | "declare"
            | "dirs"
            | "disown"
            | "echo"
            | "enable"
            | "eval"
            | "exec"
            | "exit"
            | "export"
            | "false"
            | "fc"
            | "fg"
            | "getopts"
            | "hash"
            | "help"
            | "history"
            | "jobs"
            | "kill"
            | "let"
            | "local"
            | "logout"
            | "mapfile"
            | "nameref"
            | "popd"
            | "printf"
            | "pushd"
            | "pwd"
            | "read"
            | "readarray"
            | "readonly"
            | "return"
            | "set"
            | "shift"
            | "shopt"
            | "source"
            | "suspend"
            | "test"
            | "times"
            | "trap"
            | "true"
            | "type"
            | "typeset"
            | "ulimit"
            | "umask"
            | "unalias"
            | "unset"
            | "wait"
    )
}

/// Whether a shell gives this variable a value or a meaning of its own, so that the environment does not tell it.
pub fn is_shell_variable(name: &str) -> bool {
    matches!(
        name,
        "_" | "CDPATH"
            | "COLUMNS"
            | "DIRSTACK"
            | "ENV"
            | "EPOCHREALTIME"
            | "EPOCHSECONDS"
            | "EUID"
            | "FUNCNAME"
            | "GID"
            | "GROUPS"
            | "HISTCMD"
            | "HOSTNAME"
            | "HOSTTYPE"
            | "IFS"
            | "LINENO"
            | "LINES"
            | "MACHTYPE"
            | "MAPFILE"
            | "OLDPWD"
            | "OPTARG"
            | "OPTERR"
            | "OPTIND"
            | "OSTYPE"
            | "PATH"
            | "PIPESTATUS"
            | "POSIXLY_CORRECT"
            | "PPID"
            | "PS4"
            | "PWD"
            | "RANDOM"
            | "REPLY"
            | "SECONDS"
            | "SHELLOPTS"
            | "SHLVL"
            | "SRANDOM"
            | "TERM"
            | "UID"
    ) || name.starts_with("BASH")
        || name.starts_with("COMP_")
}

/// The script, if it is exactly one simple command.
pub fn simple_command(script: &Script) -> Option<SimpleCommand> {
    match script.statements.as_slice() {
        [statement] => simple_statement(statement),
        _ => None,
    }
}

/// The script, if it is simple commands joined by `&&`, `;` and newlines alone. Never empty.
pub fn simple_list(script: &Script) -> Option<Vec<(SimpleCommand, Connector)>> {
    let mut list = Vec::with_capacity(script.statements.len());
    for statement in &script.statements {
        if ends_in_background(statement) {
            return None;
        }
        match &statement.command {
            Some(Command::Chain(chain)) if is_plain(statement) => add_chain(chain, &mut list)?,
            _ => list.push((simple_statement(statement)?, Connector::Next)),
        }
    }
    (!list.is_empty()).then_some(list)
}

fn add_chain(chain: &Chain, list: &mut Vec<(SimpleCommand, Connector)>) -> Option<()> {
    if chain.operators.iter().any(|(operator, _)| *operator != ChainOperator::And) {
        return None;
    }
    let last = chain.statements.len().checked_sub(1)?;
    for (index, statement) in chain.statements.iter().enumerate() {
        let connector = if index == last { Connector::Next } else { Connector::And };
        list.push((simple_statement(statement)?, connector));
    }
    Some(())
}

fn ends_in_background(statement: &Statement) -> bool {
    matches!(statement.terminator, Some((Terminator::Background, _)))
}

fn is_plain(statement: &Statement) -> bool {
    !statement.negated && statement.redirects.is_empty()
}

fn simple_statement(statement: &Statement) -> Option<SimpleCommand> {
    if statement.negated || ends_in_background(statement) {
        return None;
    }
    let Some(Command::Simple(call)) = &statement.command else { return None };
    simple_call(statement, call)
}

fn simple_call(statement: &Statement, call: &Call) -> Option<SimpleCommand> {
    let words: Vec<SimpleWord> =
        call.words.iter().map(|word| simple_word(word, false)).collect::<Option<_>>()?;
    let name = words.first()?.literal()?;
    if name.is_empty()
        || is_keyword(&name)
        || (is_builtin(&name) && !NATIVE_BUILTINS.contains(&name.as_str()))
    {
        return None;
    }
    let mut assignments: Vec<(SmolStr, SimpleWord)> = Vec::with_capacity(call.assignments.len());
    for assignment in &call.assignments {
        let (name, value) = simple_assignment(assignment)?;
        if value.variables().any(|variable| assignments.iter().any(|(earlier, _)| earlier == variable)) {
            return None;
        }
        assignments.push((name, value));
    }
    let redirects = statement.redirects.iter().map(simple_redirect).collect::<Option<_>>()?;
    Some(SimpleCommand { range: statement.range, assignments, words, redirects })
}

fn simple_assignment(assignment: &Assignment) -> Option<(SmolStr, SimpleWord)> {
    let name = &assignment.name.as_ref()?.text;
    if assignment.append || assignment.bare || assignment.index.is_some() || assignment.array.is_some() {
        return None;
    }
    if is_shell_variable(name) {
        return None;
    }
    let value = match &assignment.value {
        Some(value) => simple_word(value, true)?,
        None => SimpleWord { range: assignment.range, ..SimpleWord::default() },
    };
    Some((name.clone(), SimpleWord { quoted: true, ..value }))
}

fn simple_redirect(redirect: &Redirect) -> Option<SimpleRedirect> {
    let given = match &redirect.descriptor {
        Some(literal) => Some(literal.text.parse::<u32>().ok().filter(|number| *number <= 2)?),
        None => None,
    };
    let target = simple_word(&redirect.target, false)?;
    let (default, kind) = match redirect.operator {
        RedirectOperator::Read => (0, SimpleRedirectKind::Read(target)),
        RedirectOperator::Write | RedirectOperator::Clobber => (1, SimpleRedirectKind::Write(target)),
        RedirectOperator::Append => (1, SimpleRedirectKind::Append(target)),
        RedirectOperator::WriteAll if given.is_none() => (1, SimpleRedirectKind::WriteAll(target)),
        RedirectOperator::AppendAll if given.is_none() => (1, SimpleRedirectKind::AppendAll(target)),
        RedirectOperator::DuplicateOut => {
            let number = match target.literal()?.as_str() {
                "1" => 1,
                "2" => 2,
                _ => return None,
            };
            (1, SimpleRedirectKind::Duplicate(number))
        }
        _ => return None,
    };
    Some(SimpleRedirect { descriptor: given.unwrap_or(default), kind })
}

/// A word whose pieces are text and variables, if it is one. In an assignment nothing is split or matched.
fn simple_word(word: &Word, assigned: bool) -> Option<SimpleWord> {
    let mut simple = SimpleWord { range: word.range, ..SimpleWord::default() };
    let mut before = None;
    for part in &word.parts {
        match part {
            WordPart::Literal(literal) => {
                let text = plain_text(&literal.text, assigned, before)?;
                // A backslash quotes: `\` before a newline vanished in the lexer.
                simple.quoted |= literal.text.contains('\\');
                simple.pieces.push(Piece::Text(text));
            }
            WordPart::SingleQuoted { dollar: false, text, .. } => {
                simple.quoted = true;
                simple.pieces.push(Piece::Text(text.clone()));
            }
            WordPart::DoubleQuoted { dollar: false, parts, .. } => {
                simple.quoted = true;
                for inner in parts {
                    simple.pieces.push(match inner {
                        WordPart::Literal(literal) => Piece::Text(double_quoted_text(&literal.text)),
                        _ => variable(inner, true)?,
                    });
                }
            }
            _ => simple.pieces.push(variable(part, assigned)?),
        }
        before = Some(());
    }
    Some(simple)
}

fn variable(part: &WordPart, quoted: bool) -> Option<Piece> {
    let WordPart::Parameter(parameter) = part else { return None };
    let plain = !parameter.indirect
        && !parameter.length
        && parameter.index.is_none()
        && parameter.operation.is_none()
        && is_name(&parameter.name.text)
        && !is_shell_variable(&parameter.name.text);
    plain.then(|| Piece::Variable { name: parameter.name.text.clone(), quoted })
}

/// Unquoted text without its backslashes; `None` where a shell might expand it.
fn plain_text(text: &str, assigned: bool, before: Option<()>) -> Option<SmolStr> {
    let mut plain = String::with_capacity(text.len());
    let mut previous = before.map(|()| '"');
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            // A backslash that ends the script.
            '\\' => plain.push(characters.next()?),
            '~' if matches!(previous, None | Some('=' | ':')) => return None,
            '*' | '?' | '[' if !assigned => return None,
            '{' if !assigned && (characters.peek() != Some(&'}') || text.contains(',')) => return None,
            c => plain.push(c),
        }
        previous = Some(c);
    }
    Some(SmolStr::new(plain))
}

fn double_quoted_text(text: &str) -> SmolStr {
    if !text.contains('\\') {
        return SmolStr::new(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, characters.peek()) {
            ('\\', Some(&next @ ('"' | '\\' | '$' | '`'))) => {
                plain.push(next);
                characters.next();
            }
            _ => plain.push(c),
        }
    }
    SmolStr::new(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::parse;

    fn show(word: &SimpleWord) -> String {
        word.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.to_string(),
                Piece::Variable { name, quoted: true } => format!("<{name}>"),
                Piece::Variable { name, quoted: false } => format!("<<{name}>>"),
            })
            .collect()
    }

    fn words(script: &str) -> Option<Vec<String>> {
        let command = simple_command(&parse(script).unwrap())?;
        let assigned = command.assignments.iter().map(|(name, value)| format!("{name}={}", show(value)));
        Some(assigned.chain(command.words.iter().map(show)).collect())
    }

    #[test]
    fn simple_commands_give_their_words() {
        for (script, expected) in [
            ("go build ./...", &["go", "build", "./..."][..]),
            ("  go   vet # all\n", &["go", "vet"]),
            ("echo 'a  b' \"c $X d\" e\\ f", &["echo", "a  b", "c <X> d", "e f"]),
            ("echo $X ${Y}z", &["echo", "<<X>>", "<<Y>>z"]),
            ("GOOS=linux CGO_ENABLED=0 go build", &["GOOS=linux", "CGO_ENABLED=0", "go", "build"]),
            ("A=* B=$X c", &["A=*", "B=<X>", "c"]),
            ("A= c", &["A=", "c"]),
            ("find . -name \\*.go -exec x {} \\;", &["find", ".", "-name", "*.go", "-exec", "x", "{}", ";"]),
            ("echo \"\\$X \\\\ \\a \\\"\"", &["echo", "$X \\ \\a \""]),
            ("echo a~b a=b --x=y #z", &["echo", "a~b", "a=b", "--x=y"]),
            ("a \\\n  b", &["a", "b"]),
            ("echo '' \"\"", &["echo", "", ""]),
            ("true;", &["true"]),
            ("exit 3", &["exit", "3"]),
            ("./script.sh -x", &["./script.sh", "-x"]),
        ] {
            let expected: Vec<String> = expected.iter().map(|&word| word.to_owned()).collect();
            assert_eq!(words(script), Some(expected), "{script}");
        }
    }

    #[test]
    fn what_a_shell_might_treat_specially_is_not_simple() {
        for script in [
            "",
            "# x",
            "a | b",
            "a || b",
            "a &",
            "! a",
            "a; b",
            "a && b",
            "(a)",
            "{ a; }",
            "cd x",
            "export A=1",
            "A=1",
            "echo *",
            "echo a?",
            "echo [a]",
            "echo {a,b}",
            "echo {1..3}",
            "echo ~",
            "echo a=~",
            "echo ~/x",
            "A=~ b",
            "A=x:~ b",
            "echo $(x)",
            "echo `x`",
            "echo $((1))",
            "echo ${X:-y}",
            "echo ${#X}",
            "echo $1",
            "echo $@",
            "echo $?",
            "echo $$",
            "echo $RANDOM",
            "echo $PWD",
            "echo $'a'",
            "echo $\"a\"",
            "echo @(a)",
            "$X y",
            "\"\" x",
            "PATH=x y",
            "A+=1 b",
            "A[1]=2",
            "A=1 B=$A c",
            "test -f x",
            "[ -f x ]",
            "[[ -f x ]]",
            "printf x",
            "cat <<E\nE",
            "cat <<< x",
            "a 3>x",
            "a <&0",
            "a >&-",
            "a {fd}>x",
            "cat <(x)",
            "'if' x",
            "set -x",
            "eval x",
            "exec x",
            "time x",
            "let x=1",
            "f() { a; }",
            "trap x EXIT",
            ". x",
            "source x",
            "kill 1",
            "read x",
            "echo x\\",
        ] {
            assert_eq!(words(script), None, "{script}");
        }
    }

    #[test]
    fn redirects_of_simple_commands() {
        let redirects =
            |script: &str| simple_command(&parse(script).unwrap()).map(|command| command.redirects);
        let text = |redirects: Option<Vec<SimpleRedirect>>| {
            redirects.map(|redirects| {
                redirects
                    .into_iter()
                    .map(|redirect| match redirect.kind {
                        SimpleRedirectKind::Read(target) => {
                            format!("{}<{}", redirect.descriptor, show(&target))
                        }
                        SimpleRedirectKind::Write(target) => {
                            format!("{}>{}", redirect.descriptor, show(&target))
                        }
                        SimpleRedirectKind::Append(target) => {
                            format!("{}>>{}", redirect.descriptor, show(&target))
                        }
                        SimpleRedirectKind::WriteAll(target) => format!("&>{}", show(&target)),
                        SimpleRedirectKind::AppendAll(target) => format!("&>>{}", show(&target)),
                        SimpleRedirectKind::Duplicate(number) => format!("{}>&{number}", redirect.descriptor),
                    })
                    .collect::<Vec<_>>()
                    .join(" ")
            })
        };
        assert_eq!(text(redirects("a > x 2>&1 < \"$Y\" >>z &>w")), Some("1>x 2>&1 0<<Y> 1>>z &>w".into()));
        assert_eq!(text(redirects("echo hi >&2")), Some("1>&2".into()));
        assert_eq!(text(redirects("a > *")), None);
    }

    #[test]
    fn lists_keep_how_commands_are_joined() {
        let list = |script: &str| {
            simple_list(&parse(script).unwrap()).map(|list| {
                let joined = |connector| if connector == Connector::And { "&&" } else { ";" };
                list.iter()
                    .flat_map(|(command, connector)| [command.name(), joined(*connector).to_owned()])
                    .collect::<String>()
            })
        };
        for (script, expected) in [
            ("a", Some("a;")),
            ("a; b\nc", Some("a;b;c;")),
            ("a && b && c; d", Some("a&&b&&c;d;")),
            ("a && b || c", None),
            ("a && cd x", None),
            ("a; b &", None),
            ("a && b &", None),
            ("! a && b", None),
            ("a | b; c", None),
            ("", None),
        ] {
            assert_eq!(list(script).as_deref(), expected, "{script}");
        }
    }

    #[test]
    fn unquoted_values_that_a_shell_would_split_need_one() {
        let resolve = |script: &str, value: Option<&'static str>| {
            let command = simple_command(&parse(script).unwrap()).unwrap();
            command.words[1].resolve(|_| value)
        };
        assert_eq!(resolve("echo $X", Some("a")), Resolved::Argument("a".into()));
        assert_eq!(resolve("echo $X", Some("a b")), Resolved::NeedsShell);
        assert_eq!(resolve("echo $X", Some("*")), Resolved::NeedsShell);
        assert_eq!(resolve("echo $X", None), Resolved::Nothing);
        assert_eq!(resolve("echo \"$X\"", None), Resolved::Argument(String::new()));
        assert_eq!(resolve("echo \"$X\"", Some("a * b")), Resolved::Argument("a * b".into()));
        assert_eq!(resolve("echo -$X", None), Resolved::Argument("-".into()));
    }
}
