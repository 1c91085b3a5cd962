//! Base 64 and base 32.

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
    Function::new("encoding", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("b64enc", "b64enc text string string", "Encodes in base 64.", &[Text], b64enc),
    row(
        "b64dec",
        "b64dec text string string",
        "Decodes base 64; of a wrong text the error is the result.",
        &[Text],
        b64dec,
    ),
    row("b32enc", "b32enc text string string", "Encodes in base 32.", &[Text], b32enc),
    row(
        "b32dec",
        "b32dec text string string",
        "Decodes base 32; of a wrong text the error is the result.",
        &[Text],
        b32dec,
    ),
];

const ALPHABET_64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const ALPHABET_32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Encodes groups of bytes as groups of characters of `bits` bits, the last group filled with `=`.
fn encode(bytes: &[u8], alphabet: &[u8], bits: usize, group: usize) -> String {
    let group_bytes = group * bits / 8;
    let mut out = String::with_capacity(bytes.len().div_ceil(group_bytes) * group);
    for chunk in bytes.chunks(group_bytes) {
        let mut number = 0_u64;
        for i in 0..group_bytes {
            number = number << 8 | u64::from(chunk.get(i).copied().unwrap_or(0));
        }
        let used = (chunk.len() * 8).div_ceil(bits);
        for i in 0..group {
            let digit = (number >> ((group - 1 - i) * bits)) as usize & ((1 << bits) - 1);
            let character = if i < used { alphabet.get(digit).copied().unwrap_or(b'=') } else { b'=' };
            out.push(char::from(character));
        }
    }
    out
}

fn digit(alphabet: &[u8], byte: u8) -> Option<u64> {
    alphabet.iter().position(|known| *known == byte).map(|at| at as u64)
}

/// The bytes of a group of digits.
fn decode_group(digits: &[u64], bits: usize, group: usize, out: &mut Vec<u8>) {
    let mut number = 0_u64;
    for i in 0..group {
        number = number << bits | digits.get(i).copied().unwrap_or(0);
    }
    let group_bytes = group * bits / 8;
    let used = digits.len() * bits / 8;
    let shifts = (0..group_bytes).map(|i| (group_bytes - 1 - i) * 8);
    out.extend(shifts.take(used).map(|shift| (number >> shift) as u8));
}

/// Decodes base 64 as Go does; the error is the byte to blame.
fn decode_64(source: &[u8]) -> Result<Vec<u8>, usize> {
    let is_newline = |byte: u8| byte == b'\n' || byte == b'\r';
    let mut out = Vec::new();
    let mut at = 0;
    let mut digits = Vec::with_capacity(4);
    loop {
        let Some(byte) = source.get(at).copied() else {
            return if digits.is_empty() { Ok(out) } else { Err(at - digits.len()) };
        };
        at += 1;
        if is_newline(byte) {
            continue;
        }
        if byte == b'=' {
            break;
        }
        digits.push(digit(ALPHABET_64, byte).ok_or(at - 1)?);
        if digits.len() == 4 {
            decode_group(&digits, 6, 4, &mut out);
            digits.clear();
        }
    }
    if digits.len() < 2 {
        return Err(at - 1);
    }
    let skip_newlines = |mut at: usize| {
        while source.get(at).copied().is_some_and(is_newline) {
            at += 1;
        }
        at
    };
    if digits.len() == 2 {
        at = skip_newlines(at);
        match source.get(at) {
            None => return Err(source.len()),
            Some(b'=') => at += 1,
            Some(_) => return Err(at - 1),
        }
    }
    at = skip_newlines(at);
    if at < source.len() {
        return Err(at);
    }
    decode_group(&digits, 6, 4, &mut out);
    Ok(out)
}

/// Decodes base 32 as Go does; the error is the byte to blame.
fn decode_32(source: &[u8]) -> Result<Vec<u8>, usize> {
    let source: Vec<u8> = source.iter().copied().filter(|b| !matches!(b, b'\n' | b'\r')).collect();
    let mut out = Vec::new();
    for (number, group) in source.chunks(8).enumerate() {
        let start = number * 8;
        let mut digits = Vec::with_capacity(8);
        let is_last = start + 8 >= source.len();
        for (i, byte) in group.iter().copied().enumerate() {
            if byte == b'=' && i >= 2 && is_last {
                if group.len() < 8 {
                    return Err(source.len());
                }
                if let Some(wrong) = group.iter().skip(i).position(|b| *b != b'=') {
                    return Err(start + i + wrong - 1);
                }
                if matches!(i, 3 | 6) {
                    return Err(start + i);
                }
                decode_group(&digits, 5, 8, &mut out);
                return Ok(out);
            }
            digits.push(digit(ALPHABET_32, byte).ok_or(start + i)?);
        }
        if digits.len() < 8 {
            return Err(start);
        }
        decode_group(&digits, 5, 8, &mut out);
    }
    Ok(out)
}

fn decoded(result: Result<Vec<u8>, usize>, base: u32) -> Value {
    match result {
        // Text is UTF-8 here, so other bytes do not survive.
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
        Err(at) => format!("illegal base{base} data at input byte {at}").into(),
    }
}

fn b64enc(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(encode(text(arguments, 0).as_bytes(), ALPHABET_64, 6, 4).into())
}

fn b64dec(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(decoded(decode_64(text(arguments, 0).as_bytes()), 64))
}

fn b32enc(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(encode(text(arguments, 0).as_bytes(), ALPHABET_32, 5, 8).into())
}

fn b32dec(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(decoded(decode_32(text(arguments, 0).as_bytes()), 32))
}
