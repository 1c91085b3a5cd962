//! The text of `task --help`.

use std::fmt::Write as _;

use super::flag::{Flag, FlagSet, Value, Values};

/// What stands above the flags; its words are what users of go-task see.
const INTRODUCTION: &str = r#"Usage: task [flags...] [task...]

Runs the specified task(s). Falls back to the "default" task if no task name
was specified, or lists all tasks if an unknown task name was specified.

Example: 'task hello' with the following 'Taskfile.yml' file will generate an
'output.txt' file with the content "hello".

'''
version: '3'
tasks:
  hello:
    cmds:
      - echo "I am going to write a file named 'output.txt' now."
      - echo "hello" > output.txt
    generates:
      - output.txt
'''

Options:
"#;

/// The help text of go-task's personality. `defaults` are the values before anything was typed.
pub fn go_task(set: &FlagSet, defaults: &Values) -> String {
    format!("{INTRODUCTION}{}", flags(&set.sorted(), defaults))
}

/// One line a flag: names, type, usage, default.
pub fn flags(rows: &[&Flag], defaults: &Values) -> String {
    let names: Vec<String> = rows.iter().map(|flag| names(flag)).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    let mut out = String::new();
    for (flag, names) in rows.iter().zip(&names) {
        let value = defaults.get(flag.id).cloned().unwrap_or_else(|| flag.default.into());
        let default = value.as_default().map(|text| format!(" (default {text})")).unwrap_or_default();
        let _ = writeln!(out, "{names:<width$}   {}{default}", flag.usage);
    }
    out
}

fn names(flag: &Flag) -> String {
    let value: Value = flag.default.into();
    let names = match flag.short {
        Some(short) => format!("  -{short}, --{}", flag.name),
        None => format!("      --{}", flag.name),
    };
    match value.type_name() {
        "" => names,
        kind => format!("{names} {kind}"),
    }
}
