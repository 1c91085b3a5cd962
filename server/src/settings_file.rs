//! `ez-server.toml`: the settings of a server, as somebody wrote them down.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use ez_compiler::suggest::nearest;
use serde::Deserialize;
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::json_fields;

/// The name of the file, in the project's root.
pub const NAME: &str = "ez-server.toml";

/// The longest file that is read.
const MAX_BYTES: u64 = 1 << 20;

/// A setting, for the book and for the check of names.
#[derive(Clone, Copy, Debug)]
pub struct SettingRow {
    /// Its place in the file; `*` is a name that somebody chooses.
    pub key: &'static str,
    /// The flag of `ez server start`, where it has one.
    pub flag: &'static str,
    /// The variable of the environment, where it has one.
    pub variable: &'static str,
    /// What counts where nothing is said.
    pub default: &'static str,
    /// What it is.
    pub text: &'static str,
    /// A value, as it is written in the file.
    pub example: &'static str,
}

macro_rules! settings {
    ($($key:literal $flag:literal $variable:literal $default:literal $example:literal $text:literal)*) => {
        &[$(SettingRow { key: $key, flag: $flag, variable: $variable, default: $default, text: $text, example: $example }),*]
    };
}

/// All settings.
pub const SETTINGS: &[SettingRow] = settings! {
    "host" "--host" "" "`127.0.0.1`" "\"0.0.0.0\"" "the address to listen on"
    "port" "--port" "EZ_HTTP_PORT" "8080" "8443" "the port to listen on; 0 is any that is free"
    "root" "--root" "EZ_ROOT" "this directory" "\"project\"" "the project; its `ez-server.toml` is read"
    "db" "--db" "EZ_DB_PATH" "`.ez-server/ez.db` in the project" "\"/srv/ez/ez.db\"" "the database; logs, keys and the agent's directory are beside it"
    "token_file" "" "" "none" "\"token\"" "a file, for its owner alone, with a token that may do everything; `EZ_SERVER_TOKEN` is such a token itself"
    "secret_key_file" "" "" "`secret.key` beside the database" "\"/run/secrets/ez\"" "the key for stored secrets, made when there is none; `EZ_SECRET_KEY` is the key itself"
    "insecure" "--insecure" "" "false" "true" "ask nobody for a token, wherever it listens"
    "slots" "--slots" "" "cores" "4" "how many jobs run on this machine at once; 0 is none"
    "tags" "--tags" "" "none" "[\"gpu\"]" "what this machine has, besides its `os:` and `arch:`"
    "lease" "--lease" "" "60" "90" "after how many seconds without a sign of life the jobs of a node are given up"
    "grace" "--grace" "" "10" "30" "how many seconds a job that is to end has for it, before it is killed"
    "stop_wait" "--stop-wait" "" "0" "600" "for how many seconds a server that is told to end waits for the jobs of its own node; those that still run then go on with their watchers"
    "max_jobs" "--max-jobs" "" "no limit" "100" "how many jobs run at once on all nodes together"
    "max_jobs_per_node" "" "" "no limit" "8" "how many run at once on any one node, whatever slots it offers"
    "max_log_bytes" "--max-log-bytes" "EZ_MAX_LOG_BYTES" "1073741824" "10485760" "how much of the output of an attempt on this machine is kept, in bytes, besides its end of 256 KiB"
    "tasks.*.max_jobs" "" "" "no limit" "1" "how many jobs of one task run at once"
    "nodes.*.max_jobs" "" "" "no limit" "2" "how many jobs run at once on one node"
    "tls.cert" "--tls-cert" "" "plain HTTP" "\"server.pem\"" "the server's certificate, and those between it and its root, in PEM"
    "tls.key" "--tls-key" "" "" "\"server.key\"" "the key of the certificate, in PEM"
    "retention.days" "" "" "90" "30" "jobs that ended so many days ago are forgotten with their logs; 0 is never"
    "retention.jobs_per_task" "" "" "10000" "500" "of each task so many ended jobs are kept; 0 is all"
    "retention.log_bytes" "" "" "21474836480" "1073741824" "the oldest ended jobs are forgotten where all logs together are longer, in bytes; 0 is never"
    "retention.audit_days" "" "" "365" "730" "for how many days the audit log is kept; 0 is for ever"
    "retention.content_days" "" "" "30" "7" "files of jobs that were not used for so many days are removed; 0 is never"
    "retention.content_bytes" "" "" "21474836480" "1073741824" "those that were not used for the longest time are removed where all files of jobs together are longer, in bytes; 0 is never"
    "http.head_seconds" "" "" "20" "5" "how long a client may take to send the head of a request"
    "http.body_seconds" "" "" "30" "5" "how long a client may keep silent within a body; bodies may take longer where they come at 16 KiB a second or more"
    "http.max_body_bytes" "" "" "4194304" "1048576" "the longest body of a request in JSON"
    "http.max_connections" "" "" "4096" "100" "how many connections are open at once; others wait"
    "http.max_wrong_tokens" "" "" "20" "5" "how many wrong tokens within a minute an address is allowed"
};

/// The table of all settings, in Markdown.
pub fn markdown() -> String {
    let code = |text: &str| if text.is_empty() { String::new() } else { format!("`{text}`") };
    let head = "| in the file | flag | variable | default | what |\n|---|---|---|---|---|\n".to_owned();
    SETTINGS.iter().fold(head, |mut table, row| {
        let (key, flag, variable) = (code(row.key), code(row.flag), code(row.variable));
        // Writing to a string does not fail.
        let _ = writeln!(table, "| {key} | {flag} | {variable} | {} | {} |", row.default, row.text);
        table
    })
}

/// What a file says. What it does not say is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the table above says what they are")]
pub struct SettingsFile {
    pub host: Option<String>,
    pub port: Option<u16>,
    pub root: Option<String>,
    pub db: Option<String>,
    pub token_file: Option<String>,
    pub secret_key_file: Option<String>,
    pub insecure: Option<bool>,
    pub slots: Option<u32>,
    pub tags: Option<Vec<String>>,
    pub lease: Option<u64>,
    pub grace: Option<u64>,
    pub stop_wait: Option<u64>,
    pub max_jobs: Option<usize>,
    pub max_jobs_per_node: Option<usize>,
    pub max_log_bytes: Option<u64>,
    pub tasks: BTreeMap<String, JobLimit>,
    pub nodes: BTreeMap<String, JobLimit>,
    pub tls: TlsTable,
    pub retention: RetentionTable,
    pub http: HttpTable,
}

/// The table of a task or a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the table above says what they are")]
pub struct JobLimit {
    pub max_jobs: Option<usize>,
}

/// The table `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the table above says what they are")]
pub struct TlsTable {
    pub cert: Option<String>,
    pub key: Option<String>,
}

/// The table `retention`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the table above says what they are")]
pub struct RetentionTable {
    pub days: Option<u64>,
    pub jobs_per_task: Option<u64>,
    pub log_bytes: Option<u64>,
    pub audit_days: Option<u64>,
    pub content_days: Option<u64>,
    pub content_bytes: Option<u64>,
}

/// The table `http`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[expect(missing_docs, reason = "the table above says what they are")]
pub struct HttpTable {
    pub head_seconds: Option<u64>,
    pub body_seconds: Option<u64>,
    pub max_body_bytes: Option<usize>,
    pub max_connections: Option<usize>,
    pub max_wrong_tokens: Option<u32>,
}

/// Why a file cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum SettingsFileError {
    /// It cannot be read.
    #[error("{0} cannot be read: {1}")]
    Io(String, #[source] io::Error),
    /// It is far too long to be one.
    #[error("{0} is longer than {MAX_BYTES} bytes, and cannot be a file of settings")]
    TooLong(String),
    /// Something in it is wrong.
    #[error("{path}:{line}:{column}: {problem}")]
    Wrong {
        /// The file.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1, in characters.
        column: usize,
        /// What is wrong, and what to write instead.
        problem: String,
    },
}

impl SettingsFile {
    /// The file of a path. `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read, or something in it is wrong.
    pub fn read(path: &Path) -> Result<Option<Self>, SettingsFileError> {
        let shown = path.display().to_string();
        let text = match std::fs::metadata(path).map(|metadata| metadata.len()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Ok(length) if length > MAX_BYTES => return Err(SettingsFileError::TooLong(shown)),
            _ => std::fs::read_to_string(path),
        };
        let text = text.map_err(|error| SettingsFileError::Io(shown.clone(), error))?;
        let parsed = Self::parse(&text).map_err(|(at, problem)| {
            let (line, column) = place(&text, at);
            SettingsFileError::Wrong { path: shown, line, column, problem }
        })?;
        Ok(Some(parsed))
    }

    /// What a text says; else what is wrong, and at which byte.
    fn parse(text: &str) -> Result<Self, (usize, String)> {
        let table = DeTable::parse(text).map_err(|error| of_toml(&error))?;
        check_names(table.get_ref(), "")?;
        let whole = toml::from_str(text).map_err(|error| of_toml(&error))?;
        json_fields::read_value(as_json(toml::Value::Table(whole))).map_err(|wrong| {
            let at = value_at(table.get_ref(), wrong.place()).unwrap_or(0);
            (at, wrong.to_string())
        })
    }
}

/// The same value as JSON has it; a moment is the text of it.
fn as_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.into(),
        toml::Value::Integer(number) => number.into(),
        toml::Value::Float(number) => number.into(),
        toml::Value::Boolean(value) => value.into(),
        toml::Value::Datetime(moment) => moment.to_string().into(),
        toml::Value::Array(items) => items.into_iter().map(as_json).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(name, value)| (name, as_json(value))).collect(),
    }
}

/// At which byte the value begins that a place such as `tls.cert` names, or the one around it.
fn value_at(table: &DeTable<'_>, place: &str) -> Option<usize> {
    table.iter().find_map(|(key, value)| {
        let rest = place.strip_prefix(key.get_ref().as_ref())?;
        if !rest.is_empty() && !rest.starts_with(['.', '[']) {
            return None;
        }
        let inner = match value.get_ref() {
            DeValue::Table(inner) => value_at(inner, rest.trim_start_matches('.')),
            _ => None,
        };
        Some(inner.unwrap_or(value.span().start))
    })
}

fn of_toml(error: &toml::de::Error) -> (usize, String) {
    (error.span().map_or(0, |span| span.start), error.message().to_owned())
}

/// Line and column, from 1, of a byte.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Refuses the first name that is none of a setting.
fn check_names(table: &DeTable<'_>, above: &str) -> Result<(), (usize, String)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let names = names_below(above);
        let name = key.get_ref().as_ref();
        let known = if names.contains(&"*") { "*" } else { name };
        if !names.contains(&known) {
            return Err((key.span().start, unknown(above, name, &names)));
        }
        let below = format!("{above}{known}.");
        match value.get_ref() {
            DeValue::Table(inner) => check_names(inner, &below)?,
            _ if names_below(&below).is_empty() => {}
            _ => return Err((value.span().start, no_table(&format!("{above}{name}"), &names_below(&below)))),
        }
    }
    Ok(())
}

/// The names that may stand in a table.
fn names_below(above: &str) -> Vec<&'static str> {
    let rests = SETTINGS.iter().filter_map(|row| row.key.strip_prefix(above));
    rests.map(|rest| rest.split('.').next().unwrap_or(rest)).collect()
}

fn no_table(name: &str, names: &[&str]) -> String {
    let inner = if names.contains(&"*") { format!("{name}.NAME") } else { name.to_owned() };
    format!("`{name}` is a table: write its settings below a line `[{inner}]`")
}

fn unknown(above: &str, name: &str, names: &[&str]) -> String {
    let place =
        if above.is_empty() { String::new() } else { format!(" of [{}]", above.trim_end_matches('.')) };
    if above.is_empty() && name == "token" {
        return "a token does not belong in this file: write it in a file of its own, and here token_file"
            .to_owned();
    }
    if let Some(near) = nearest(name, names.iter().copied()) {
        return format!("`{name}` is no setting{place}; do you mean `{near}`?");
    }
    let mut names = names.to_vec();
    names.dedup();
    format!("`{name}` is no setting{place}; there are {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{SETTINGS, SettingsFile, markdown, place};

    /// A file with every setting, each with the example of its row.
    fn all_examples() -> String {
        let (own, of_tables): (Vec<_>, Vec<_>) = SETTINGS.iter().partition(|row| !row.key.contains('.'));
        let line = |row: &&super::SettingRow| format!("{} = {}\n", row.key.replace('*', "x"), row.example);
        own.iter().chain(&of_tables).map(line).collect()
    }

    #[test]
    fn the_table_and_the_file_know_the_same_settings() {
        let shown = format!("{:?}", SettingsFile::parse(&all_examples()).unwrap());
        // Neither a row without a field nor a field without a row.
        assert!(!shown.contains("None"), "{shown}");
    }

    #[test]
    fn the_book_has_the_table() {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/server.md");
        let page = std::fs::read_to_string(page).unwrap();
        assert!(page.contains(&markdown()), "docs/server.md lacks this table:\n{}", markdown());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        for (text, line, column, problem) in [
            ("prot = 1", 1, 1, "`prot` is no setting; do you mean `port`?"),
            ("port = 1\n[tls]\n  crt = 'x'", 3, 3, "`crt` is no setting of [tls]; do you mean `cert`?"),
            (
                "[tasks.build]\nmax_job = 1",
                2,
                1,
                "`max_job` is no setting of [tasks.*]; do you mean `max_jobs`?",
            ),
            ("[tls]\nforever = true", 2, 1, "`forever` is no setting of [tls]; there are cert, key"),
            (
                "token = 'x'",
                1,
                1,
                "a token does not belong in this file: write it in a file of its own, and here token_file",
            ),
            ("port = 'x'", 1, 8, "`port` is a string: write a whole number from 0 to 65535"),
            ("port = 99999", 1, 8, "`port` is 99999: write a whole number from 0 to 65535"),
            ("lease = 1.5", 1, 9, "`lease` is 1.5: write a whole number from 0 to 18446744073709551615"),
            ("insecure = 1979-05-27", 1, 12, "`insecure` is a string: write true or false"),
            ("tags = ['a', 2]", 1, 8, "`tags[1]` is 2: write a string"),
            ("[tls]\nkey = 'x'\ncert = 5", 3, 8, "`tls.cert` is 5: write a string"),
            (
                "nodes.'a.b'.max_jobs = -1",
                1,
                24,
                "`nodes.a.b.max_jobs` is -1: write a whole number from 0 to 18446744073709551615",
            ),
            ("tls = 'x'", 1, 7, "`tls` is a table: write its settings below a line `[tls]`"),
            ("tasks = 3", 1, 9, "`tasks` is a table: write its settings below a line `[tasks.NAME]`"),
            (
                "tasks.build = 3",
                1,
                15,
                "`tasks.build` is a table: write its settings below a line `[tasks.build]`",
            ),
        ] {
            let (at, told) = SettingsFile::parse(text).unwrap_err();
            assert_eq!((place(text, at), told.as_str()), ((line, column), problem), "{text}");
        }
        assert!(SettingsFile::parse("port = ").is_err());
        assert!(SettingsFile::parse("port = 1\nport = 2").is_err());
    }

    #[test]
    fn a_file_that_is_not_there_says_nothing() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(SettingsFile::read(&place.path().join("ez-server.toml")).unwrap(), None);
        assert!(SettingsFile::read(place.path()).is_err());
    }
}
