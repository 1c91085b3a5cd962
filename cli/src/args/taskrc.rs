//! `.taskrc.yml`: where such files lie and what they say.
//!
//! The keys are those of the flag table. As in go-task, one file that is not understood silences all of them.

use camino::{Utf8Path, Utf8PathBuf};
use ez_compiler::source::SourceMap;
use ez_compiler::yaml::node::{Node, NodeKind, Scalar};
use ez_compiler::yaml::{self, merge, scalar};

use super::configuration::Configuration;
use super::flag::{FlagSet, Id, Value};
use super::go_values;
use crate::discovery::{self, LookError};
use crate::environment::Environment;

/// Names in a project or the home directory.
const NAMES: [&str; 2] = [".taskrc.yml", ".taskrc.yaml"];

/// Names in the directory `task` of `XDG_CONFIG_HOME`.
const XDG_NAMES: [&str; 2] = ["taskrc.yml", "taskrc.yaml"];

/// Reads and merges all configuration files that hold for a directory (absolute or relative), the nearest strongest.
pub fn load(directory: &Utf8Path, environment: &Environment) -> Configuration {
    let mut merged = Configuration::default();
    for path in files(directory, environment) {
        let read = std::fs::read_to_string(&path).ok().and_then(|text| decode(&text));
        match read {
            Some(configuration) => merged.merge(configuration),
            None => return Configuration::default(),
        }
    }
    merged
}

/// The files that hold for a directory, the weakest first.
pub fn files(directory: &Utf8Path, environment: &Environment) -> Vec<Utf8PathBuf> {
    let mut files = Vec::new();
    if let Some(home) = environment.get("XDG_CONFIG_HOME") {
        files.extend(discovery::find_at(&Utf8Path::new(home).join("task"), &XDG_NAMES, environment).ok());
    }
    // Where the home directory's path holds the directory's text, go-task expects to pass it on the way up.
    if let Some(home) = environment.home().filter(|home| !home.as_str().contains(directory.as_str())) {
        files.extend(discovery::find_at(home, &NAMES, environment).ok());
    }
    let upwards: Result<_, LookError> =
        discovery::find_upwards(&environment.absolute(directory), &NAMES, environment, usize::MAX);
    files.extend(upwards.map(|(found, _)| found).unwrap_or_default().into_iter().rev());
    files
}

/// What one file says; `None` where go-task would not understand it.
fn decode(text: &str) -> Option<Configuration> {
    let mut sources = SourceMap::default();
    let file = sources.add_file(NAMES[0], text);
    let document = yaml::parse(text, file, &mut sources, None);
    if document.errors.iter().any(|error| error.go_message.is_some()) {
        return None;
    }
    let mut configuration = Configuration::default();
    let Some(root) = document.root.as_deref() else { return Some(configuration) };
    if scalar::is_null(root) {
        return Some(configuration);
    }
    let keys = FlagSet::go_task(false);
    read_fields(root, &mut |name, value| {
        match name {
            "remote" => {
                return read_fields(value, &mut |name, value| {
                    store(&keys, &format!("remote.{name}"), value, &mut configuration)
                });
            }
            "experiments" => {
                return read_fields(value, &mut |name, value| {
                    let value = scalar::as_int(value).ok()?.unwrap_or(0);
                    configuration.experiments.insert(name.to_owned(), value);
                    Some(())
                });
            }
            "version" => return is_version(value).then_some(()),
            _ => {}
        }
        store(&keys, name, value, &mut configuration)
    })?;
    Some(configuration)
}

/// Hands every entry of a mapping to `read`; null is an empty mapping.
fn read_fields(node: &Node, read: &mut dyn FnMut(&str, &Node) -> Option<()>) -> Option<()> {
    let node = scalar::target(node)?;
    if scalar::is_null(node) {
        return Some(());
    }
    let NodeKind::Mapping(mapping) = &node.kind else { return None };
    let entries = merge::mapping_entries(mapping);
    if !entries.errors.is_empty() || !merge::duplicate_keys(mapping).is_empty() {
        return None;
    }
    for entry in entries.entries {
        read(merge::key_text(entry.key)?, entry.value)?;
    }
    Some(())
}

/// Stores a value under the flag whose key it has. Unknown keys are passed over.
fn store(keys: &FlagSet, key: &str, node: &Node, configuration: &mut Configuration) -> Option<()> {
    let Some(flag) = keys.rows().find(|flag| flag.taskrc == Some(key)) else { return Some(()) };
    let value = match Value::from(flag.default) {
        Value::Bool(_) => scalar::as_bool(node).ok()?.map(Value::Bool),
        Value::Int(_) => scalar::as_int(node).ok()?.map(Value::Int),
        Value::Text(_) => scalar::as_string(node).ok()?.map(|text| Value::Text(text.to_string())),
        Value::Duration(_) | Value::List(_) if scalar::is_null(scalar::target(node)?) => None,
        Value::Duration(_) => Some(Value::Duration(duration(node)?)),
        Value::List(_) => Some(Value::List(list(node)?)).filter(|value| *value != Value::List(Vec::new())),
    };
    configuration.defaults.extend(value.map(|value| (flag.id, value)));
    if flag.id == Id::Failfast {
        configuration.defaults.entry(Id::Failfast).or_insert(Value::Bool(false));
    }
    Some(())
}

/// Nanoseconds of a duration; a number without a unit is none.
fn duration(node: &Node) -> Option<i64> {
    let NodeKind::Scalar(Scalar { text, .. }) = &scalar::target(node)?.kind else { return None };
    go_values::parse_duration(text.as_str()).ok()
}

fn list(node: &Node) -> Option<Vec<String>> {
    let NodeKind::Sequence(sequence) = &scalar::target(node)?.kind else { return None };
    let text =
        |item: &Node| Some(scalar::as_string(item).ok()?.map_or_else(String::new, |text| text.to_string()));
    sequence.items.iter().map(|item| text(item)).collect()
}

/// Whether a value is a version: up to three numbers, and what semantic versions may end with.
fn is_version(node: &Node) -> bool {
    let Ok(text) = scalar::as_string(node) else { return false };
    let Some(text) = text else { return true };
    let text = text.strip_prefix('v').unwrap_or(&text);
    let core = text.split(['-', '+']).next().unwrap_or("");
    let numbers: Vec<&str> = core.split('.').collect();
    numbers.len() <= 3 && numbers.iter().all(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<&[(Id, Value)]>) {
        let got = decode(text).map(|configuration| configuration.defaults.into_iter().collect::<Vec<_>>());
        assert_eq!(got, expected.map(<[_]>::to_vec), "{text}");
    }

    #[test]
    fn one_file_is_read_by_the_flag_table() {
        check("", Some(&[]));
        check("null", Some(&[]));
        check("silent: true", Some(&[(Id::Silent, Value::Bool(true))]));
        check("silent: yes", Some(&[(Id::Silent, Value::Bool(true))]));
        check("silent:", Some(&[]));
        check("silent: 1", None);
        check("silent: [1]", None);
        check("- silent", None);
        check("concurrency: 3", Some(&[(Id::Concurrency, Value::Int(3))]));
        check("concurrency: '3'", None);
        check("temp-dir: 7", Some(&[(Id::TempDir, Value::Text("7".into()))]));
        check("color: false\nunknown: {a: 1}", Some(&[(Id::Color, Value::Bool(false))]));
        check("remote: {timeout: 1m}", Some(&[(Id::Timeout, Value::Duration(60_000_000_000))]));
        check("remote: {timeout: 10}", None);
        check(
            "remote: {trusted-hosts: [b, a]}",
            Some(&[(Id::TrustedHosts, Value::List(vec!["b".into(), "a".into()]))]),
        );
        check("remote: {trusted-hosts: a}", None);
        check("remote:", Some(&[]));
        check("version: '3'\nverbose: true", Some(&[(Id::Verbose, Value::Bool(true))]));
        check("version: x\nverbose: true", None);
        check("silent: true\nsilent: false", None);
        check("silent: [", None);
        check("failfast: false", Some(&[(Id::Failfast, Value::Bool(false))]));
    }

    #[test]
    fn experiments_are_numbers() {
        assert_eq!(
            decode("experiments: {A: 1, B: 0}").unwrap().experiments,
            [("A".into(), 1), ("B".into(), 0)].into()
        );
        assert!(decode("experiments: {A: yes}").is_none());
    }

    /// Writes files into a fresh tree, loads from `work/sub` with home `home` and XDG directory `xdg`.
    fn layered(files: &[(&str, &str)]) -> Configuration {
        // A home directory with a dot in its path would be passed over, as by go-task.
        let holder = tempfile::Builder::new().prefix("ez").tempdir().unwrap();
        let root = Utf8PathBuf::from_path_buf(holder.path().canonicalize().unwrap()).unwrap();
        for directory in ["work/sub", "home", "xdg/task"] {
            std::fs::create_dir_all(root.join(directory)).unwrap();
        }
        for (path, text) in files {
            std::fs::write(root.join(path), text).unwrap();
        }
        let (home, xdg) = (root.join("home"), root.join("xdg"));
        let variables = [("HOME", home.as_str()), ("XDG_CONFIG_HOME", xdg.as_str())];
        let environment = Environment::for_test(root.join("work/sub"), &variables);
        load(Utf8Path::new("."), &environment)
    }

    fn number(configuration: &Configuration) -> Option<i64> {
        match configuration.defaults.get(&Id::Concurrency) {
            Some(Value::Int(number)) => Some(*number),
            _ => None,
        }
    }

    #[test]
    fn the_nearest_file_is_the_strongest() {
        let all = [
            ("xdg/task/taskrc.yml", "concurrency: 1"),
            ("home/.taskrc.yml", "concurrency: 2"),
            ("work/.taskrc.yml", "concurrency: 3"),
            ("work/sub/.taskrc.yaml", "concurrency: 4"),
        ];
        for count in 0..=all.len() {
            let expected = (count > 0).then_some(count as i64);
            assert_eq!(number(&layered(&all[..count])), expected, "{count}");
        }
    }

    #[test]
    fn hosts_add_up_and_failfast_stays_on() {
        let configuration = layered(&[
            ("home/.taskrc.yml", "{failfast: true, remote: {trusted-hosts: [c, a]}}"),
            ("work/.taskrc.yml", "{failfast: false, remote: {trusted-hosts: [b, a]}}"),
        ]);
        let hosts = Value::List(vec!["a".into(), "b".into(), "c".into()]);
        assert_eq!(configuration.defaults.get(&Id::TrustedHosts), Some(&hosts));
        assert_eq!(configuration.defaults.get(&Id::Failfast), Some(&Value::Bool(true)));
    }

    #[test]
    fn one_broken_file_silences_all() {
        assert_eq!(
            layered(&[("home/.taskrc.yml", "concurrency: 2"), ("work/.taskrc.yml", "silent: [")]),
            Configuration::default()
        );
    }

    #[test]
    fn the_schema_has_the_keys_that_are_read() {
        use ez_compiler::schema::{Format, PathItem, fields_at};
        let keys = |path: &[PathItem<'_>], before: &str| {
            fields_at(Format::Taskrc, path)
                .into_iter()
                .map(|field| format!("{before}{}", field.key))
                .collect()
        };
        let mut described: Vec<String> = keys(&[], "");
        described.retain(|key| !["remote", "experiments", "version", "$schema"].contains(&key.as_str()));
        described.extend::<Vec<String>>(keys(&[PathItem::Key("remote")], "remote."));
        let flags = FlagSet::go_task(false);
        let mut read: Vec<String> = flags.rows().filter_map(|flag| flag.taskrc).map(str::to_owned).collect();
        described.sort_unstable();
        read.sort_unstable();
        assert_eq!(described, read);
    }
}
