//! Paths, with Go's rules.

use super::super::value::Value;
use super::Parameter::String as Text;
use super::{Body, Call, Function, Outcome, Parameter, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("paths", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("base", "base path string string", "The last element of a path.", &[Text], base),
    row("dir", "dir path string string", "All but the last element of a path.", &[Text], dir),
    row("clean", "clean path string string", "The shortest path that means the same.", &[Text], clean),
    row("ext", "ext path string string", "The extension, with its dot.", &[Text], ext),
    row("isAbs", "isAbs path string bool", "Whether a path is absolute.", &[Text], is_abs),
    row("osBase", "osBase path string string", "The last element of a path of this machine.", &[Text], base),
    row(
        "osDir",
        "osDir path string string",
        "All but the last element of a path of this machine.",
        &[Text],
        dir,
    ),
    row(
        "osClean",
        "osClean path string string",
        "The shortest path of this machine that means the same.",
        &[Text],
        clean,
    ),
    row(
        "osExt",
        "osExt path string string",
        "The extension, with its dot, of a path of this machine.",
        &[Text],
        ext,
    ),
    row(
        "osIsAbs",
        "osIsAbs path string bool",
        "Whether a path of this machine is absolute.",
        &[Text],
        is_abs,
    ),
    row("joinPath", "joinPath parts string… string", "Joins parts to one clean path.", &[], join_path)
        .and_more(Text),
    row(
        "relPath",
        "relPath base string target string string",
        "The path from the base to the target.",
        &[Text, Text],
        rel_path,
    ),
    row(
        "absPath",
        "absPath path string string",
        "The absolute path; relative ones start where the process runs.",
        &[Text],
        abs_path,
    )
    .impure(),
    row("joinEnv", "joinEnv parts string… string", "Joins parts as in PATH.", &[], join_env)
        .and_more(Text)
        .impure(),
    row(
        "fromSlash",
        "fromSlash path string string",
        "A path with this machine's separators.",
        &[Text],
        from_slash,
    )
    .impure(),
    row("FromSlash", "FromSlash path string string", "Old name of fromSlash.", &[Text], from_slash)
        .impure()
        .deprecated("fromSlash"),
    row("toSlash", "toSlash path string string", "A path with slashes.", &[Text], to_slash).impure(),
    row("ToSlash", "ToSlash path string string", "Old name of toSlash.", &[Text], to_slash)
        .impure()
        .deprecated("toSlash"),
];

/// Go's `path.Clean`.
pub(super) fn cleaned(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if kept.last().is_some_and(|last| *last != "..") => {
                kept.pop();
            }
            ".." if rooted => {}
            other => kept.push(other),
        }
    }
    let joined = kept.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn base(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let path = text(arguments, 0);
    if path.is_empty() {
        return Ok(".".into());
    }
    let trimmed = path.trim_end_matches('/');
    Ok(if trimmed.is_empty() { "/" } else { trimmed.rsplit('/').next().unwrap_or(trimmed) }.into())
}

fn dir(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let path = text(arguments, 0);
    let end = path.rfind('/').map_or(0, |slash| slash + 1);
    Ok(cleaned(path.get(..end).unwrap_or("")).into())
}

fn clean(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(cleaned(text(arguments, 0)).into())
}

fn ext(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let name = text(arguments, 0).rsplit('/').next().unwrap_or("");
    Ok(name.rfind('.').and_then(|dot| name.get(dot..)).unwrap_or("").into())
}

fn is_abs(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(Value::Bool(text(arguments, 0).starts_with('/')))
}

fn joined(parts: &[&str]) -> String {
    let first = parts.iter().position(|part| !part.is_empty());
    first.map_or_else(String::new, |first| cleaned(&parts.get(first..).unwrap_or(&[]).join("/")))
}

fn texts(arguments: &[Value]) -> Vec<&str> {
    arguments.iter().filter_map(Value::as_str).collect()
}

fn join_path(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(joined(&texts(arguments)).into())
}

fn rel_path(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let (from, to) = (text(arguments, 0), text(arguments, 1));
    let failure = || format!("Rel: can't make {to} relative to {from}");
    let (base, target) = (cleaned(from), cleaned(to));
    if base == target {
        return Ok(".".into());
    }
    let base = if base == "." { String::new() } else { base };
    if base.starts_with('/') != target.starts_with('/') {
        return Err(failure());
    }
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (base, target) = (parts(&base), parts(&target));
    let common = base.iter().zip(&target).take_while(|(a, b)| a == b).count();
    if base.get(common).is_some_and(|part| part == "..") {
        return Err(failure());
    }
    let up = base.iter().skip(common).map(|_| "..");
    let down = target.iter().skip(common).map(String::as_str);
    Ok(up.chain(down).collect::<Vec<_>>().join("/").into())
}

fn abs_path(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let path = text(arguments, 0);
    if path.starts_with('/') {
        return Ok(cleaned(path).into());
    }
    Ok(joined(&[&call.host.current_dir(), path]).into())
}

fn join_env(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let separator = if call.host.os() == "windows" { ";" } else { ":" };
    Ok(texts(arguments).join(separator).into())
}

fn from_slash(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let path = text(arguments, 0);
    Ok(if call.host.os() == "windows" { path.replace('/', "\\").into() } else { path.into() })
}

fn to_slash(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let path = text(arguments, 0);
    Ok(if call.host.os() == "windows" { path.replace('\\', "/").into() } else { path.into() })
}
