//! `echo` as go-task's shell has it: one option a word (`-ne` is a word to print), escapes only with `-e`.

/// What `echo` with these arguments writes.
pub(super) fn echo(arguments: &[String]) -> Vec<u8> {
    let (mut newline, mut escapes) = (true, false);
    let mut words = arguments;
    while let [first, rest @ ..] = words {
        match first.as_str() {
            "-n" => newline = false,
            "-e" => escapes = true,
            "-E" => {}
            _ => break,
        }
        words = rest;
    }
    let mut out = Vec::with_capacity(words.iter().map(|word| word.len() + 1).sum());
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        if escapes {
            unescape(word.as_bytes(), &mut out);
        } else {
            out.extend_from_slice(word.as_bytes());
        }
    }
    if newline {
        out.push(b'\n');
    }
    out
}

/// Resolves the escapes of `echo -e`. Octal numbers have up to three digits with no leading zero
/// asked for, which differs from bash; what is no escape stays.
fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&kind, after)) = rest.split_first() else {
            out.push(b'\\');
            return;
        };
        rest = after;
        match kind {
            b'a' => out.push(0x07),
            b'b' => out.push(0x08),
            b'e' | b'E' => out.push(0x1b),
            b'f' => out.push(0x0c),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(0x0b),
            b'\\' | b'\'' | b'"' | b'?' => out.push(kind),
            b'0'..=b'7' => {
                let (number, used) = number(kind, rest);
                out.push(u8::try_from(number).unwrap_or(u8::MAX));
                rest = rest.get(used..).unwrap_or_default();
            }
            b'x' | b'u' | b'U' => {
                let most = match kind {
                    b'x' => 2,
                    b'u' => 4,
                    _ => 8,
                };
                rest = hexadecimal(kind, most, rest, out);
            }
            other => out.extend([b'\\', other]),
        }
    }
}

/// The octal number that begins with `first`, and how many further digits it has.
fn number(first: u8, rest: &[u8]) -> (u32, usize) {
    let digits = rest.iter().take(2).take_while(|digit| (b'0'..=b'7').contains(digit)).count();
    let further = rest.iter().take(digits);
    (further.fold(u32::from(first - b'0'), |value, digit| value * 8 + u32::from(digit - b'0')), digits)
}

fn hexadecimal<'a>(kind: u8, most: usize, rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let count = rest.iter().take(most).take_while(|digit| digit.is_ascii_hexdigit()).count();
    let (digits, after) = rest.split_at(count);
    let value = std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match value {
        None => out.extend([b'\\', kind]),
        Some(value) if kind == b'x' => out.push(value as u8),
        Some(value) => {
            let letter = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    after
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &[&str], expected: &str) {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        assert_eq!(String::from_utf8_lossy(&echo(&arguments)), expected, "{arguments:?}");
    }

    #[test]
    fn options_and_escapes_are_those_of_go_task() {
        check(&[], "\n");
        check(&["a", "", "b"], "a  b\n");
        check(&["-n", "a"], "a");
        check(&["-ne", "a\\n"], "-ne a\\n\n");
        check(&["-e", "-n", "a\\tb"], "a\tb");
        check(&["-e", "-E", "a\\tb"], "a\tb\n");
        check(&["a", "-n"], "a -n\n");
        check(&["--", "a"], "-- a\n");
        check(&["-e", r"\a\b\e\f\r\v\\\'\q\c"], "\x07\x08\x1b\x0c\r\x0b\\'\\q\\c\n");
        check(&["-e", r"\0101\x41\x\u00e9\U1F600\ud800"], "\x081A\\x\u{e9}\u{1f600}\u{fffd}\n");
        check(&["-e", r"%s %% \"], "%s %% \\\n");
    }

    #[test]
    fn large_octal_numbers_stop_at_a_byte() {
        assert_eq!(echo(&["-n".into(), "-e".into(), r"\777\12".into()]), [0xff, b'\n']);
    }
}
