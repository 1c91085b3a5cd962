//! Checksums.

use sha1::Digest as _;

use super::super::quote::put;
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
    Function::new("checksums", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row("sha1sum", "sha1sum text string string", "SHA-1 in hexadecimal digits.", &[Text], sha1sum),
    row("sha256sum", "sha256sum text string string", "SHA-256 in hexadecimal digits.", &[Text], sha256sum),
    row("adler32sum", "adler32sum text string string", "Adler-32 in decimal digits.", &[Text], adler32sum),
];

fn hexadecimal(bytes: &[u8]) -> Value {
    let mut out = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        put(&mut out, format_args!("{byte:02x}"));
    }
    out.into()
}

fn sha1sum(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(hexadecimal(&sha1::Sha1::digest(text(arguments, 0).as_bytes())))
}

fn sha256sum(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    Ok(hexadecimal(&sha2::Sha256::digest(text(arguments, 0).as_bytes())))
}

fn adler32sum(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    const MODULUS: u32 = 65_521;
    let (low, high) = text(arguments, 0).bytes().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(byte)) % MODULUS;
        (low, (high + low) % MODULUS)
    });
    Ok((high << 16 | low).to_string().into())
}
