//! How bash, or sh where there is no bash, is started so that it does what go-task's shell does.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use smol_str::SmolStr;

use super::Script;
use crate::go_text::quote;
use crate::process::{Environment, LINGER, Program, Programs, Redirected};

/// Where a shell is looked for when `PATH` has none.
const FALLBACK_DIRECTORIES: [&str; 2] = ["/bin", "/usr/bin"];
/// A directory in which nothing can be found or made, for a script whose own does not exist.
const EMPTY_DIRECTORY: &str = "/proc/self/fdinfo";
/// The variable that names a file which bash reads at its start.
const START_FILE: &str = "BASH_ENV";
/// What scripts see as `$0`, as under go-task.
const SHELL_NAME: &str = "gosh";

/// Options of `set` that go-task's shell knows: letter and name.
const SET_OPTIONS: [(&str, &str); 7] = [
    ("a", "allexport"),
    ("e", "errexit"),
    ("n", "noexec"),
    ("f", "noglob"),
    ("u", "nounset"),
    ("x", "xtrace"),
    ("", "pipefail"),
];
/// The option of `set` that a POSIX shell need not have.
const PIPEFAIL: &str = "pipefail";
/// Options of `shopt` that go-task's shell knows.
const SHOPT_OPTIONS: [&str; 6] =
    ["dotglob", "expand_aliases", "extglob", "globstar", "nocaseglob", "nullglob"];

/// Options of `shopt` that go-task's shell knows by name alone.
const UNSUPPORTED_SHOPT_OPTIONS: [&str; 47] = [
    "assoc_expand_once",
    "autocd",
    "cdable_vars",
    "cdspell",
    "checkhash",
    "checkjobs",
    "checkwinsize",
    "cmdhist",
    "compat31",
    "compat32",
    "compat40",
    "compat41",
    "compat42",
    "compat43",
    "compat44",
    "complete_fullquote",
    "direxpand",
    "dirspell",
    "execfail",
    "extdebug",
    "extquote",
    "failglob",
    "force_fignore",
    "globasciiranges",
    "gnu_errfmt",
    "histappend",
    "histreedit",
    "histverify",
    "hostcomplete",
    "huponexit",
    "inherit_errexit",
    "interactive_comments",
    "lastpipe",
    "lithist",
    "localvar_inherit",
    "localvar_unset",
    "login_shell",
    "mailwarn",
    "no_empty_cmd_completion",
    "nocasematch",
    "progcomp",
    "progcomp_alias",
    "promptvars",
    "restricted_shell",
    "shift_verbose",
    "sourcepath",
    "xpg_echo",
];

/// Names of bash options that make it work as go-task's shell always does: `set -e` holds in `$(…)`,
/// and the last command of a pipe runs in the shell itself.
const ALWAYS: [&str; 2] = ["inherit_errexit", "lastpipe"];

/// Variables that bash invents where the environment does not have them, and go-task's shell does not.
const INVENTED_BY_BASH: [&str; 6] = ["HOSTNAME", "HOSTTYPE", "MACHTYPE", "OSTYPE", "SHELL", "TERM"];
/// The variable for the group of the user, which go-task's shell sets beside `UID` and `EUID`.
const GROUP_VARIABLE: &str = "GID";

/// Tells of an unknown program in go-task's words.
const NOT_FOUND_HANDLER: &str = r#"command_not_found_handle(){ printf '"%s": executable file not found in $PATH\n' "$1" >&2;return 127;};"#;

/// `echo` takes no joined options (`-ne`) in go-task's shell: it prints them.
const ECHO_WITHOUT_JOINED_OPTIONS: &str = r#"echo(){ case $1 in -[neE][neE]*)builtin echo '' "$@"|{ IFS= read -r -n1 REPLY;builtin exec cat;};;*)builtin echo "$@";;esac;};"#;

/// An option that does not exist, in go-task's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// Of `set`.
    #[error("invalid option: {}", quote(.0))]
    Set(String),
    /// Of `shopt`.
    #[error("invalid option name: {}", quote(.0))]
    Shopt(String),
    /// Of `shopt` in bash, but not in go-task's shell.
    #[error("unsupported option: {}", quote(.0))]
    Unsupported(String),
}

/// Checked options.
#[derive(Debug)]
pub(super) struct Options {
    set: Vec<&'static str>,
    shopt: Vec<SmolStr>,
    /// Nothing is to be run.
    pub(super) no_exec: bool,
    /// Unset variables are errors.
    pub(super) no_unset: bool,
    /// Commands are shown.
    pub(super) trace: bool,
}

impl Options {
    pub(super) fn check(set: &[SmolStr], shopt: &[SmolStr]) -> Result<Self, OptionError> {
        let find = |option: &SmolStr| {
            let known = SET_OPTIONS
                .iter()
                .find(|(letter, name)| option == name || (!letter.is_empty() && option == letter));
            let shown = if option.chars().count() == 1 { format!("-{option}") } else { option.to_string() };
            known.map(|(_, name)| *name).ok_or(OptionError::Set(shown))
        };
        let set = set.iter().map(find).collect::<Result<Vec<_>, _>>()?;
        if let Some(unknown) = shopt.iter().find(|option| !SHOPT_OPTIONS.contains(&option.as_str())) {
            let name = unknown.to_string();
            let unsupported = UNSUPPORTED_SHOPT_OPTIONS.contains(&unknown.as_str());
            return Err(if unsupported { OptionError::Unsupported(name) } else { OptionError::Shopt(name) });
        }
        let has = |name| set.contains(&name);
        let (no_exec, no_unset, trace) = (has("noexec"), has("nounset"), has("xtrace"));
        Ok(Self { no_exec, no_unset, trace, set, shopt: shopt.to_vec() })
    }

    /// What sh is not asked for, because it may refuse it.
    pub(super) fn of_bash_alone(&self) -> impl Iterator<Item = String> {
        let set = self.set.iter().filter(|name| **name == PIPEFAIL).map(|name| format!("`set -o {name}`"));
        set.chain(self.shopt.iter().map(|name| format!("`shopt -s {name}`")))
    }
}

/// A kind of shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// bash: all of go-task's language.
    Bash,
    /// Some POSIX shell: bash's constructs fail.
    Sh,
}

/// The shell of this machine.
#[derive(Debug)]
pub(super) struct Interpreter {
    file: PathBuf,
    kind: Kind,
}

impl Interpreter {
    pub(super) fn find(calling: &Environment) -> Option<Self> {
        Self::of_kind(Kind::Bash, calling).or_else(|| Self::of_kind(Kind::Sh, calling))
    }

    pub(super) fn of_kind(kind: Kind, calling: &Environment) -> Option<Self> {
        let programs = Programs::default();
        let find = |name: &str| programs.find(name, Path::new("/"), calling).ok();
        let in_place = |directory: &&str| find(&format!("{directory}/{}", kind.name()));
        let file = find(kind.name()).or_else(|| FALLBACK_DIRECTORIES.iter().find_map(in_place))?;
        Some(Self { file, kind })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The program that runs a script.
    pub(super) fn program(&self, script: &Script<'_>, options: &Options) -> Program {
        let directory = if script.directory.is_dir() { script.directory } else { Path::new(EMPTY_DIRECTORY) };
        let mut environment = Arc::clone(script.environment);
        let changed = Arc::make_mut(&mut environment);
        // So that it knows its directory by the name that we know it by.
        changed.set("PWD", script.directory.as_os_str());
        // Read at start by bash alone; its children shall have it.
        changed.remove(START_FILE);
        let mut arguments = vec![self.kind.name().into(), "-e".into()];
        let mut text = String::new();
        match self.kind {
            Kind::Bash => {
                let extended = uses_extended_patterns(script.text).then_some("extglob");
                let shopt = options.shopt.iter().map(SmolStr::as_str);
                for name in ALWAYS.into_iter().chain(extended).chain(shopt) {
                    arguments.extend(["-O".into(), name.into()]);
                }
                prelude(&mut text, script, options);
            }
            Kind::Sh => {
                // dash would refuse to start.
                for &name in options.set.iter().filter(|name| **name != PIPEFAIL) {
                    arguments.extend(["-o".into(), name.into()]);
                }
            }
        }
        text.push_str(script.text);
        arguments.extend(["-c".into(), text.into(), SHELL_NAME.into()]);
        Program {
            file: self.file.clone(),
            arguments,
            directory: directory.to_owned(),
            environment,
            input: script.input,
            routes: script.routes,
            redirected: Redirected::default(),
            group: script.group,
            linger: linger(script.text),
            reserved: None,
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Sh => "sh",
        }
    }
}

/// What bash does before the script, on the script's first line, so that lines keep their numbers.
fn prelude(text: &mut String, script: &Script<'_>, options: &Options) {
    text.push_str(NOT_FOUND_HANDLER);
    if script.text.split_ascii_whitespace().any(is_joined_echo_option) {
        text.push_str(ECHO_WITHOUT_JOINED_OPTIONS);
    }
    let given = |name: &str| script.environment.get(name).and_then(OsStr::to_str);
    if sorts_by_locale(script.environment) {
        // Not exported: only the shell's own globs and comparisons follow bytes.
        text.push_str("LC_COLLATE=C;");
    }
    // bash counts its nesting and tells its directory, go-task's shell does not.
    match given("SHLVL") {
        Some(level) => drop_in(text, "SHLVL=", level),
        None => text.push_str("unset SHLVL;"),
    }
    for name in INVENTED_BY_BASH.into_iter().filter(|name| script.environment.get(name).is_none()) {
        text.push_str("unset ");
        text.push_str(name);
        text.push(';');
    }
    if given(GROUP_VARIABLE).is_none() {
        drop_in(text, "GID=", &group_id());
    }
    if given("PWD").is_none() {
        text.push_str("export -n PWD;");
    }
    if let Some(file) = given(START_FILE) {
        drop_in(text, "export BASH_ENV=", file);
    }
    // Last, so that nothing of this is traced or exported.
    for name in &options.set {
        text.push_str("set -o ");
        text.push_str(name);
        text.push(';');
    }
    text.push(' ');
}

/// As Go's `os.Getgid` tells it.
fn group_id() -> String {
    #[cfg(unix)]
    let id = rustix::process::getgid().as_raw().to_string();
    #[cfg(not(unix))]
    let id = "-1".to_owned();
    id
}

/// Appends a command that ends in a quoted value.
fn drop_in(text: &mut String, command: &str, value: &str) {
    text.push_str(command);
    text.push('\'');
    text.push_str(&value.replace('\'', r"'\''"));
    text.push_str("';");
}

fn is_joined_echo_option(word: &str) -> bool {
    let letters = word.strip_prefix('-').unwrap_or_default();
    letters.len() > 1 && letters.bytes().all(|letter| matches!(letter, b'n' | b'e' | b'E'))
}

fn sorts_by_locale(environment: &Environment) -> bool {
    let set = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    set("LC_ALL").is_none()
        && set("LC_COLLATE").or_else(|| set("LANG")).is_some_and(|value| value != "C" && value != "POSIX")
}

/// bash parses `@(…)` only with an option that go-task's shell does not need for patterns.
fn uses_extended_patterns(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, [b'@' | b'?' | b'*' | b'+' | b'!', b'(']))
}

/// Background jobs are not waited for; everything else that still writes is, for a while.
fn linger(text: &str) -> Duration {
    let bytes = text.as_bytes();
    let background = bytes.iter().enumerate().any(|(index, &byte)| {
        let before = index.checked_sub(1).and_then(|index| bytes.get(index));
        byte == b'&'
            && !matches!(before, Some(b'&' | b'>' | b'<' | b'|'))
            && !matches!(bytes.get(index + 1), Some(b'&' | b'>'))
    });
    if background { Duration::ZERO } else { LINGER }
}
