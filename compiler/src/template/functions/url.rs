//! Addresses of the web.

use std::collections::BTreeMap;

use smol_str::SmolStr;

use super::super::quote::{put, quote};
use super::super::value::Value;
use super::Parameter::{Map, String as Text};
use super::{Body, Call, Function, Outcome, Parameter, argument, paths, text};

const fn row(
    name: &'static str,
    signature: &'static str,
    documentation: &'static str,
    parameters: &'static [Parameter],
    body: Body,
) -> Function {
    Function::new("URLs", name, signature, documentation, parameters, body)
}

pub(super) const TABLE: &[Function] = &[
    row(
        "urlParse",
        "urlParse url string map[string]any",
        "The parts of a URL: scheme, userinfo, host, hostname, path, query, fragment, opaque.",
        &[Text],
        url_parse,
    ),
    row(
        "urlJoin",
        "urlJoin parts map[string]any string",
        "A URL of the parts that urlParse gives.",
        &[Map],
        url_join,
    ),
    row(
        "joinUrl",
        "joinUrl base string parts string… string",
        "A URL with further elements of the path.",
        &[],
        join_url,
    )
    .and_more(Text),
];

/// Where an escape is to stand: what may stay differs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Path,
    Host,
    UserPassword,
    Query,
    Fragment,
}

fn should_escape(byte: u8, place: Place) -> bool {
    if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
        return false;
    }
    match place {
        Place::Host => !matches!(
            byte,
            b'!' | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b';'
                | b'='
                | b':'
                | b'['
                | b']'
                | b'<'
                | b'>'
                | b'"'
        ),
        Place::Path => !matches!(byte, b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'@'),
        Place::UserPassword => !matches!(byte, b'$' | b'&' | b'+' | b',' | b';' | b'='),
        Place::Query => true,
        Place::Fragment => !matches!(
            byte,
            b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' | b'!' | b'(' | b')' | b'*'
        ),
    }
}

fn escape(text: &str, place: Place) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte == b' ' && place == Place::Query {
            out.push('+');
        } else if should_escape(byte, place) {
            put(&mut out, format_args!("%{byte:02X}"));
        } else {
            out.push(char::from(byte));
        }
    }
    out
}

/// A text for a URL query.
pub(super) fn query_escape(text: &str) -> String {
    escape(text, Place::Query)
}

fn unescape(text: &str, place: Place) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'%' => {
                let code = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
                let byte = code
                    .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok());
                let Some(byte) = byte else {
                    let bad =
                        String::from_utf8_lossy(rest.get(..2.min(rest.len())).unwrap_or(&[])).into_owned();
                    return Err(format!("invalid URL escape {}", quote(&format!("%{bad}"))));
                };
                if place == Place::Host && byte < 0x80 && byte != b'%' {
                    return Err(format!("invalid URL escape {}", quote(&format!("%{byte:02X}"))));
                }
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or(&[]);
            }
            byte if place == Place::Host && *byte < 0x80 && should_escape(*byte, place) => {
                return Err(format!(
                    "invalid character {} in host name",
                    quote(&char::from(*byte).to_string())
                ));
            }
            byte => bytes.push(*byte),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[derive(Clone, Default)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<(String, Option<String>)>,
    host: String,
    path: String,
    /// The path as written, where it differs from the escaped [`Self::path`].
    raw_path: String,
    query: String,
    force_query: bool,
    fragment: String,
}

impl Url {
    fn parse(text: &str) -> Result<Self, String> {
        let failure = |message: String| format!("parse {}: {message}", quote(text));
        let (whole, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Self::parse_without_fragment(whole)
            .map_err(|message| format!("parse {}: {message}", quote(whole)))?;
        url.fragment = unescape(fragment, Place::Fragment).map_err(failure)?;
        Ok(url)
    }

    fn parse_without_fragment(text: &str) -> Result<Self, String> {
        let mut url = Self::default();
        if text.bytes().any(|b| b < b' ' || b == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        if text == "*" {
            "*".clone_into(&mut url.path);
            return Ok(url);
        }
        let (scheme, mut rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        if let Some(stripped) = rest.strip_suffix('?').filter(|stripped| !stripped.contains('?')) {
            url.force_query = true;
            rest = stripped;
        } else if let Some((before, query)) = rest.split_once('?') {
            query.clone_into(&mut url.query);
            rest = before;
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            let first = rest.split('/').next().unwrap_or("");
            if first.contains(':') {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        if let Some(after) = rest.strip_prefix("//")
            && (!url.scheme.is_empty() || !rest.starts_with("///"))
        {
            let end = after.find('/').unwrap_or(after.len());
            let (authority, path) = after.split_at(end);
            url.set_authority(authority)?;
            rest = path;
        }
        url.set_path(rest)?;
        Ok(url)
    }

    fn set_path(&mut self, path: &str) -> Result<(), String> {
        self.path = unescape(path, Place::Path)?;
        self.raw_path = if escape(&self.path, Place::Path) == path { String::new() } else { path.to_owned() };
        Ok(())
    }

    fn set_authority(&mut self, authority: &str) -> Result<(), String> {
        let host = match authority.rfind('@') {
            None => authority,
            Some(at) => {
                let (user, host) = authority.split_at(at);
                let valid = |b: u8| {
                    b.is_ascii_alphanumeric()
                        || matches!(
                            b,
                            b'-' | b'.'
                                | b'_'
                                | b':'
                                | b'~'
                                | b'!'
                                | b'$'
                                | b'&'
                                | b'\''
                                | b'('
                                | b')'
                                | b'*'
                                | b'+'
                                | b','
                                | b';'
                                | b'='
                                | b'%'
                                | b'@'
                        )
                };
                if !user.bytes().all(valid) {
                    return Err("net/url: invalid userinfo".to_owned());
                }
                let (name, password) = match user.split_once(':') {
                    Some((name, password)) => (name, Some(unescape(password, Place::UserPassword)?)),
                    None => (user, None),
                };
                self.user = Some((unescape(name, Place::UserPassword)?, password));
                host.get(1..).unwrap_or("")
            }
        };
        let port = if host.starts_with('[') {
            let Some(close) = host.rfind(']') else { return Err("missing ']' in host".to_owned()) };
            host.get(close + 1..).unwrap_or("")
        } else {
            host.rfind(':').and_then(|colon| host.get(colon..)).unwrap_or("")
        };
        let valid = port.is_empty()
            || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        if !valid {
            return Err(format!("invalid port {} after host", quote(port)));
        }
        self.host = unescape(host, Place::Host)?;
        Ok(())
    }

    fn hostname(&self) -> &str {
        if let Some(rest) = self.host.strip_prefix('[') {
            return rest.split(']').next().unwrap_or(rest);
        }
        let port = self.host.rfind(':').filter(|colon| {
            self.host.get(colon + 1..).is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()))
        });
        self.host.get(..port.unwrap_or(self.host.len())).unwrap_or("")
    }

    fn user_text(&self) -> String {
        match &self.user {
            None => String::new(),
            Some((name, None)) => escape(name, Place::UserPassword),
            Some((name, Some(password))) => {
                format!("{}:{}", escape(name, Place::UserPassword), escape(password, Place::UserPassword))
            }
        }
    }

    fn escaped_path(&self) -> String {
        if !self.raw_path.is_empty()
            && is_encoded(&self.raw_path)
            && unescape(&self.raw_path, Place::Path).as_ref() == Ok(&self.path)
        {
            return self.raw_path.clone();
        }
        if self.path == "*" { "*".to_owned() } else { escape(&self.path, Place::Path) }
    }

    fn write(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if self.opaque.is_empty() {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
                if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                    out.push_str("//");
                }
                if self.user.is_some() {
                    out.push_str(&self.user_text());
                    out.push('@');
                }
                out.push_str(&escape(&self.host, Place::Host));
            }
            let path = self.escaped_path();
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                out.push('/');
            }
            if out.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
                out.push_str("./");
            }
            out.push_str(&path);
        } else {
            out.push_str(&self.opaque);
        }
        if self.force_query || !self.query.is_empty() {
            out.push('?');
            out.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&escape(&self.fragment, Place::Fragment));
        }
        out
    }
}

/// Whether a path as written has nothing that had to be escaped.
fn is_encoded(path: &str) -> bool {
    path.bytes().all(|byte| {
        matches!(byte, b'!' | b'\'' | b'(' | b')' | b'*' | b'[' | b']' | b'%')
            || !should_escape(byte, Place::Path)
    })
}

fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (i, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if i > 0 => {}
            ':' if i == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok((text.get(..i).unwrap_or(""), text.get(i + 1..).unwrap_or(""))),
            _ => break,
        }
    }
    Ok(("", text))
}

fn url_parse(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let url = Url::parse(text(arguments, 0)).map_err(|error| format!("unable to parse url: {error}"))?;
    let parts = [
        ("scheme", url.scheme.clone()),
        ("host", url.host.clone()),
        ("hostname", url.hostname().to_owned()),
        ("path", url.path.clone()),
        ("query", url.query.clone()),
        ("opaque", url.opaque.clone()),
        ("fragment", url.fragment.clone()),
        ("userinfo", url.user_text()),
    ];
    let entries: BTreeMap<SmolStr, Value> =
        parts.into_iter().map(|(name, part)| (SmolStr::new_static(name), part.into())).collect();
    Ok(Value::map(entries))
}

fn url_join(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let map = argument(arguments, 0);
    let part = |key: &str| match map.as_map().and_then(|entries| entries.get(key)) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(Value::Null) => Err(super::NIL_POINTER.to_owned()),
        Some(other) => {
            let kind = other.kind_name();
            Err(format!("unable to parse {key} key, must be of type string, but {kind} found"))
        }
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        ..Url::default()
    };
    let user = part("userinfo")?;
    if !user.is_empty() {
        let parsed = Url::parse(&format!("proto://{user}@host"))
            .map_err(|error| format!("unable to parse userinfo in dict: {error}"))?;
        url.user = parsed.user;
    }
    Ok(url.write().into())
}

fn join_url(_: &mut Call<'_>, arguments: &[Value]) -> Outcome {
    let Some(first) = arguments.first().and_then(Value::as_str) else { return Ok("".into()) };
    let mut url = Url::parse(first)?;
    let mut elements = vec![url.escaped_path()];
    elements.extend(arguments.iter().skip(1).filter_map(Value::as_str).map(str::to_owned));
    // A relative path must not climb above its start, so it is joined as if it were rooted.
    let rooted = elements.first().is_some_and(|path| path.starts_with('/'));
    if let Some(first) = elements.first_mut().filter(|_| !rooted) {
        first.insert(0, '/');
    }
    let ends_with_slash = elements.last().is_some_and(|last| last.ends_with('/'));
    let mut path = paths::cleaned(&elements.join("/"));
    if !rooted {
        path.remove(0);
    }
    if ends_with_slash && !path.ends_with('/') {
        path.push('/');
    }
    url.set_path(&path)?;
    Ok(url.write().into())
}
