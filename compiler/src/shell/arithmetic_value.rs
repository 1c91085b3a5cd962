//! The value of an arithmetic expression over the environment, which it cannot change.

use super::ast::{Arithmetic, Word};
use super::expand::{ExpandError, Expander};
use super::lex::is_name;

/// How many variables that name variables are followed.
const MAX_INDIRECTIONS: usize = 100;

/// Evaluates arithmetic.
pub(super) struct Numbers<'a> {
    expander: Expander<'a>,
}

fn failed<T>(message: &str) -> Result<T, ExpandError> {
    Err(ExpandError::Failed(message.to_owned()))
}

impl<'a> Numbers<'a> {
    pub(super) fn new(expander: Expander<'a>) -> Self {
        Self { expander }
    }

    pub(super) fn value(&self, expression: &Arithmetic) -> Result<i64, ExpandError> {
        match expression {
            Arithmetic::Word(word) => self.word(word),
            Arithmetic::Element(name, index) => {
                let value = self.expander.variable(&name.text).unwrap_or_default();
                Ok(if self.value(index)? == 0 { integer(&value) } else { 0 })
            }
            Arithmetic::Paren(inner) => self.value(inner),
            Arithmetic::Unary("++" | "--", ..) => failed("environment is read-only"),
            Arithmetic::Unary(operator, _, operand) => {
                let value = self.value(operand)?;
                Ok(match *operator {
                    "!" => i64::from(value == 0),
                    "~" => !value,
                    "-" => value.wrapping_neg(),
                    _ => value,
                })
            }
            Arithmetic::Ternary(parts) => {
                let [condition, yes, no] = parts.as_ref();
                if self.value(condition)? == 0 { self.value(no) } else { self.value(yes) }
            }
            Arithmetic::Binary(operator, left, right) => self.binary(operator, left, right),
        }
    }

    fn word(&self, word: &Word) -> Result<i64, ExpandError> {
        let mut text = self.expander.operand(word)?;
        for _ in 0..MAX_INDIRECTIONS {
            match self.expander.variable(&text) {
                Some(value) if is_name(&text) => text = value,
                _ => break,
            }
        }
        Ok(integer(&text))
    }

    fn binary(&self, operator: &str, left: &Arithmetic, right: &Arithmetic) -> Result<i64, ExpandError> {
        match operator {
            "&&" if self.value(left)? == 0 => return Ok(0),
            "||" if self.value(left)? != 0 => return Ok(1),
            "&&" | "||" => return Ok(i64::from(self.value(right)? != 0)),
            "=" | "+=" | "-=" | "*=" | "/=" | "%=" | "&=" | "|=" | "^=" | "<<=" | ">>=" => {
                return failed("environment is read-only");
            }
            _ => {}
        }
        let (x, y) = (self.value(left)?, self.value(right)?);
        let shift = u32::try_from(y).ok().filter(|&y| y < i64::BITS);
        Ok(match operator {
            "+" => x.wrapping_add(y),
            "-" => x.wrapping_sub(y),
            "*" => x.wrapping_mul(y),
            "/" | "%" if y == 0 => return failed("division by zero"),
            "/" => x.wrapping_div(y),
            "%" => x.wrapping_rem(y),
            "**" if y < 0 => return failed("exponent less than 0"),
            "**" => power(x, y),
            "==" => i64::from(x == y),
            "!=" => i64::from(x != y),
            "<" => i64::from(x < y),
            ">" => i64::from(x > y),
            "<=" => i64::from(x <= y),
            ">=" => i64::from(x >= y),
            "&" => x & y,
            "|" => x | y,
            "^" => x ^ y,
            "<<" => shift.map_or(0, |shift| x << shift),
            ">>" => shift.map_or(x >> (i64::BITS - 1), |shift| x >> shift),
            "," => y,
            other => return failed(&format!("unsupported binary arithmetic operator: {other:?}")),
        })
    }
}

fn power(mut base: i64, mut exponent: i64) -> i64 {
    let mut value: i64 = 1;
    while exponent > 0 {
        if exponent & 1 == 1 {
            value = value.wrapping_mul(base);
        }
        exponent >>= 1;
        base = base.wrapping_mul(base);
    }
    value
}

/// A number as the shell reads it: decimal, `0x` hexadecimal, `0` octal, `base#digits`; 0 for anything else.
fn integer(text: &str) -> i64 {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (base, digits) = if let Some(rest) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        (16, rest)
    } else if let Some(rest) = digits.strip_prefix('0') {
        (8, rest)
    } else if let Some((base, rest)) = digits.split_once('#') {
        match base.parse::<i64>() {
            Ok(base) if (2..=64).contains(&base) => (base, rest),
            _ => return 0,
        }
    } else {
        (10, digits)
    };
    let mut number: i64 = 0;
    for byte in digits.bytes() {
        let digit = match byte {
            b'0'..=b'9' => i64::from(byte - b'0'),
            b'a'..=b'z' => i64::from(byte - b'a') + 10,
            b'A'..=b'Z' if base <= 36 => i64::from(byte - b'A') + 10,
            b'A'..=b'Z' => i64::from(byte - b'A') + 36,
            b'@' => 62,
            b'_' => 63,
            _ => return 0,
        };
        if digit >= base {
            return 0;
        }
        number = number.saturating_mul(base).saturating_add(digit);
    }
    if negative { number.wrapping_neg() } else { number }
}
