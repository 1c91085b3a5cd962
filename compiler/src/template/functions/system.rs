//! The machine: what is not the same everywhere.

use super::super::quote::put;
use super::super::value::Value;
use super::Parameter::{Int, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, int, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("system", name, signature, documentation, parameters, body).impure()
}

pub(super) const TABLE: &[Function] = &[
    row("OS", "OS string", "The operating system, such as linux, darwin or windows.", &[], os),
    row("ARCH", "ARCH string", "The architecture, such as amd64 or arm64.", &[], arch),
    row("numCPU", "numCPU int", "The number of logical processors.", &[], num_cpu),
    row("exeExt", "exeExt string", "The extension of programs: .exe on Windows, else nothing.", &[], exe_ext),
    row("ExeExt", "ExeExt string", "Old name of exeExt.", &[], exe_ext).deprecated("exeExt"),
    row("IsSH", "IsSH bool", "Always true; kept for old Taskfiles.", &[], is_sh),
    row(
        "env",
        "env name string string",
        "A variable of the environment, empty where it is not set.",
        &[Text],
        env,
    ),
    row(
        "expandenv",
        "expandenv text string string",
        "Puts variables of the environment in the place of $NAME and ${NAME}.",
        &[Text],
        expand_env,
    ),
    row("uuid", "uuid uuid.UUID", "A new random identifier.", &[], uuid),
    row(
        "randInt",
        "randInt min int max int int",
        "A random integer, from the first up to but not the second.",
        &[Int, Int],
        rand_int,
    ),
    row(
        "randIntN",
        "randIntN max int int",
        "A random integer from 0 up to but not the limit.",
        &[Int],
        rand_int_n,
    ),
    row(
        "getHostByName",
        "getHostByName name string string",
        "An address of a host.",
        &[Text],
        get_host_by_name,
    ),
];

/// A random identifier as it is written: `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub(in super::super) fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut out = String::with_capacity(36);
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        put(&mut out, format_args!("{byte:02x}"));
    }
    out
}

fn os(call: &mut Call<'_>, _: &[Value]) -> Outcome {
    Ok(call.host.os().into())
}

fn arch(call: &mut Call<'_>, _: &[Value]) -> Outcome {
    Ok(call.host.arch().into())
}

fn num_cpu(call: &mut Call<'_>, _: &[Value]) -> Outcome {
    Ok(Value::Int(call.host.cpu_count() as i64))
}

fn exe_ext(call: &mut Call<'_>, _: &[Value]) -> Outcome {
    Ok(if call.host.os() == "windows" { ".exe" } else { "" }.into())
}

fn is_sh(_: &mut Call<'_>, _: &[Value]) -> Outcome {
    Ok(Value::Bool(true))
}

fn env(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(call.host.environment(text(arguments, 0)).unwrap_or_default().into())
}

/// Go's `os.ExpandEnv`: `$NAME`, `${NAME}`, one special character, and broken forms that vanish.
fn expand_env(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let mut out = String::new();
    let mut rest = text(arguments, 0);
    while let Some(dollar) = rest.find('$') {
        let (before, after) = rest.split_at(dollar);
        out.push_str(before);
        let tail = after.get(1..).unwrap_or("");
        if tail.is_empty() {
            out.push('$');
            return Ok(out.into());
        }
        let (name, length) = shell_name(tail);
        if name.is_empty() && length == 0 {
            out.push('$');
        } else if !name.is_empty() {
            out.push_str(&call.host.environment(name).unwrap_or_default());
        }
        rest = tail.get(length..).unwrap_or("");
    }
    out.push_str(rest);
    Ok(out.into())
}

/// The name after a `$` and how many bytes it takes. A length without a name is bad syntax, which is eaten.
fn shell_name(tail: &str) -> (&str, usize) {
    let is_special = |b: u8| matches!(b, b'*' | b'#' | b'$' | b'@' | b'!' | b'?' | b'-' | b'0'..=b'9');
    let bytes = tail.as_bytes();
    match bytes {
        [b'{', special, b'}', ..] if is_special(*special) => (tail.get(1..2).unwrap_or(""), 3),
        [b'{', ..] => match bytes.iter().position(|b| *b == b'}') {
            Some(1) => ("", 2),
            Some(close) => (tail.get(1..close).unwrap_or(""), close + 1),
            None => ("", 1),
        },
        [special, ..] if is_special(*special) => (tail.get(..1).unwrap_or(""), 1),
        _ => {
            let length = bytes.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
            (tail.get(..length).unwrap_or(""), length)
        }
    }
}

fn uuid(call: &mut Call<'_>, _: &[Value]) -> Outcome {
    let mut bytes = [0; 16];
    call.host.random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Ok(Value::Uuid(bytes))
}

/// A random number below a limit, without regard to the hair by which small ones are likelier.
fn below(call: &Call<'_>, limit: u64) -> i64 {
    let mut bytes = [0; 8];
    call.host.random(&mut bytes);
    (u64::from_le_bytes(bytes) % limit) as i64
}

fn rand_int(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let (min, max) = (int(arguments, 0), int(arguments, 1));
    let span = max.wrapping_sub(min);
    match u64::try_from(span) {
        Ok(span) if span > 0 => Ok(Value::Int(below(call, span).wrapping_add(min))),
        _ => Err("invalid argument to Intn".to_owned()),
    }
}

fn rand_int_n(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    match u64::try_from(int(arguments, 0)) {
        Ok(limit) if limit > 0 => Ok(Value::Int(below(call, limit))),
        _ => Err("invalid argument to IntN".to_owned()),
    }
}

fn get_host_by_name(call: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let addresses = call.host.resolve_host(text(arguments, 0));
    if addresses.is_empty() {
        return Err("invalid argument to Intn".to_owned());
    }
    let chosen = below(call, addresses.len() as u64) as usize;
    Ok(addresses.get(chosen).cloned().unwrap_or_default().into())
}
