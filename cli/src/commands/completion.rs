//! Scripts that complete in a shell: for `ez` they ask `ez __complete`, for `task` they list the tasks.

use super::{Context, Outcome};
use crate::args::ez::Shell;
use crate::args::flag::{Flag, FlagSet, Value};
use crate::exit_code::Code;
use crate::failure::Failure;
use crate::logger::Color;

/// `ez completion SHELL`
pub fn for_ez(context: &Context, shell: Shell) {
    let script = match shell {
        Shell::Bash => include_str!("completion/ez.bash"),
        Shell::Zsh => include_str!("completion/ez.zsh"),
        Shell::Fish => include_str!("completion/ez.fish"),
        Shell::Nushell => include_str!("completion/ez.nu"),
        Shell::Powershell => include_str!("completion/ez.ps1"),
    };
    context.logger.out(Color::None, script);
}

/// `task --completion SHELL`
pub fn for_task(context: &Context, shell: &str) -> Outcome {
    let script =
        task_script(shell).ok_or_else(|| Failure::new(Code::OTHER, format!("unknown shell: {shell}")))?;
    context.logger.out(Color::None, &script);
    Ok(())
}

fn task_script(shell: &str) -> Option<String> {
    let set = FlagSet::go_task(false);
    let flags = set.sorted();
    let lines = |line: fn(&Flag) -> String| flags.iter().map(|flag| line(flag)).collect::<String>();
    Some(match shell {
        "bash" => {
            let words: Vec<String> = flags.iter().flat_map(|flag| spellings(flag)).collect();
            include_str!("completion/task.bash").replace("@FLAG_WORDS@", &words.join(" "))
        }
        "zsh" => include_str!("completion/task.zsh").replace("@FLAG_SPECS@", &lines(zsh_spec)),
        "fish" => include_str!("completion/task.fish").replace("@FLAG_LINES@", &lines(fish_line)),
        "nu" | "nushell" => include_str!("completion/task.nu").replace("@FLAG_LINES@", &lines(nushell_line)),
        "powershell" => include_str!("completion/task.ps1").replace("@FLAG_LINES@", &lines(powershell_line)),
        _ => return None,
    })
}

fn spellings(flag: &Flag) -> Vec<String> {
    let long = format!("--{}", flag.name);
    flag.short.map(|short| format!("-{short}")).into_iter().chain([long]).collect()
}

fn is_switch(flag: &Flag) -> bool {
    matches!(Value::from(flag.default), Value::Bool(_))
}

fn zsh_spec(flag: &Flag) -> String {
    let about = flag.usage.replace('\'', "'\\''").replace('[', "\\[").replace(']', "\\]").replace(':', "\\:");
    let value = if is_switch(flag) {
        String::new()
    } else {
        match flag.name {
            "dir" | "temp-dir" | "remote-cache-dir" => ":directory:_files -/".to_owned(),
            "taskfile" | "cacert" | "cert" | "cert-key" => ":file:_files".to_owned(),
            "output" => ":style:(interleaved group prefixed)".to_owned(),
            "sort" => ":order:(default alphanumeric none)".to_owned(),
            "completion" => ":shell:(bash zsh fish nu powershell)".to_owned(),
            _ => ":value:".to_owned(),
        }
    };
    let equals = if is_switch(flag) { "" } else { "=" };
    match flag.short {
        Some(short) => {
            let plus = if is_switch(flag) { "" } else { "+" };
            format!(
                "        '(-{short} --{name})'{{-{short}{plus},--{name}{equals}}}'[{about}]{value}' \\\n",
                name = flag.name
            )
        }
        None => format!("        '--{}{equals}[{about}]{value}' \\\n", flag.name),
    }
}

fn fish_line(flag: &Flag) -> String {
    let short = flag.short.map(|short| format!(" -s {short}")).unwrap_or_default();
    let files = matches!(
        flag.name,
        "dir" | "temp-dir" | "remote-cache-dir" | "taskfile" | "cacert" | "cert" | "cert-key"
    );
    let choices = match flag.name {
        "output" => " -a 'interleaved group prefixed'",
        "sort" => " -a 'default alphanumeric none'",
        "completion" => " -a 'bash zsh fish nu powershell'",
        _ => "",
    };
    let value = match (is_switch(flag), files) {
        (true, _) => "",
        (false, true) => " -r -F",
        (false, false) => " -x",
    };
    let about = flag.usage.replace('\'', "\\'");
    format!("complete -c task -l {}{short}{value}{choices} -d '{about}'\n", flag.name)
}

fn nushell_line(flag: &Flag) -> String {
    let short = flag.short.map(|short| format!("(-{short})")).unwrap_or_default();
    let kind = match Value::from(flag.default) {
        Value::Bool(_) => "",
        Value::Int(_) => ": int",
        _ => ": string",
    };
    format!("    --{}{short}{kind} # {}\n", flag.name, flag.usage)
}

fn powershell_line(flag: &Flag) -> String {
    let spellings = spellings(flag);
    spellings.iter().flat_map(|spelling| ["        '", spelling, "'\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_names_every_flag_and_holds_no_placeholder() {
        for shell in ["bash", "zsh", "fish", "nu", "nushell", "powershell"] {
            let script = task_script(shell).unwrap();
            assert!(!script.contains("@FLAG"), "{shell}");
            for flag in FlagSet::go_task(false).rows() {
                assert!(script.contains(flag.name), "{shell} {}", flag.name);
            }
        }
        assert_eq!(task_script("tcsh"), None);
    }
}
