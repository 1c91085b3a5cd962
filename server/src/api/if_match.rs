//! Versions of texts that are changed over the API: the header `ETag` names one, and `If-Match` says which one a change is meant for (RFC 9110, 13.1.1).

use axum::http::header::{ETAG, HeaderMap, IF_MATCH};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use serde::Serialize;

use super::ApiError;

/// Stands for any version.
const ANY: &str = "*";

/// The versions that a change is meant for, without their quotes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// What a request says; `None` where it says nothing.
    ///
    /// # Errors
    /// It is no list of tags.
    pub fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let lines = headers.get_all(IF_MATCH).iter();
        // Bytes above ASCII may stand in a tag, but in none that was given out.
        let lines: Vec<_> = lines.map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let bad = || ApiError::bad("If-Match is the ETag of the text that was read, as in \"5160f4\", or *");
        tags(&lines.join(",")).map(|tags| Some(Self(tags))).ok_or_else(bad)
    }

    /// What a request says that replaces a text, and has to say which one.
    ///
    /// # Errors
    /// It says nothing, or nothing that can be understood.
    pub fn required(headers: &HeaderMap) -> Result<Self, ApiError> {
        Self::of(headers)?.ok_or_else(|| {
            let error = "send If-Match with the ETag of the text that is replaced, or with *";
            ApiError::new(StatusCode::PRECONDITION_REQUIRED, error)
        })
    }

    /// Whether the change is meant for a version.
    pub fn is_met_by(&self, tag: &str) -> bool {
        self.0.iter().any(|wanted| wanted == ANY || wanted == tag)
    }
}

/// The tags of a list. One that says of itself that it is weak names no version here, because it stands for others too.
fn tags(text: &str) -> Option<Vec<String>> {
    if text.trim() == ANY {
        return Some(vec![ANY.to_owned()]);
    }
    let (mut rest, mut tags) = (text, None);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        if rest.is_empty() {
            return tags;
        }
        let (weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let (tag, after) = quoted.strip_prefix('"')?.split_once('"')?;
        rest = after.trim_start_matches([' ', '\t']);
        let is_alone = rest.is_empty() || rest.starts_with(',');
        if !is_alone || tag.contains([' ', '\t', '\x7f']) {
            return None;
        }
        // A tag that is called `*` is none that was given out.
        tags.get_or_insert_with(Vec::new).extend((!weak && tag != ANY).then(|| tag.to_owned()));
    }
}

/// The text of the header `ETag` for a version.
pub fn quoted(tag: &str) -> String {
    format!("\"{tag}\"")
}

/// An answer that names the version of what it is about, where there is one.
pub fn tagged<'t>(mut response: Response, tag: impl Into<Option<&'t str>>) -> Response {
    // The tags of texts are digits.
    if let Some(Ok(value)) = tag.into().map(|tag| HeaderValue::from_str(&quoted(tag))) {
        response.headers_mut().insert(ETAG, value);
    }
    response
}

/// The text is another one than the change is meant for.
pub fn changed(what: &str, now: Option<&str>) -> ApiError {
    let error = format!("{what} is another one than If-Match says: read it again");
    let error = ApiError::new(StatusCode::PRECONDITION_FAILED, error);
    now.map(quoted).into_iter().fold(error, ApiError::with_details)
}

#[cfg(test)]
mod tests {
    use axum::http::header::{HeaderMap, HeaderValue, IF_MATCH};

    use super::IfMatch;

    fn said(lines: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(IF_MATCH, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn a_change_is_meant_for_the_versions_that_are_named() {
        for (lines, is_met) in [
            (&["*"][..], true),
            (&["\"a1\""], true),
            (&["\"b2\""], false),
            (&["\"b2\", \"a1\""], true),
            (&["\"b2\",,\t\"a1\" ,"], true),
            (&["\"b2\"", "\"a1\""], true),
            (&["\"with,comma\", \"a1\""], true),
            // Weak tags are compared as strong ones: never equal.
            (&["W/\"a1\""], false),
            (&["W/\"a1\", \"a1\""], true),
            (&["\"\""], false),
            (&["\"schön\""], false),
            (&["\"*\""], false),
        ] {
            let meant = IfMatch::required(&said(lines)).unwrap();
            assert_eq!(meant.is_met_by("a1"), is_met, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for lines in [
            &["a1"][..],
            &[""],
            &[","],
            &["\"a1"],
            &["*, \"a1\""],
            &["\"a1\" \"b2\""],
            &["w/\"a1\""],
            &["*", "*"],
        ] {
            assert_eq!(IfMatch::of(&said(lines)).unwrap_err().status.as_u16(), 400, "{lines:?}");
        }
        assert_eq!(IfMatch::of(&said(&[])).unwrap(), None);
        assert_eq!(IfMatch::required(&said(&[])).unwrap_err().status.as_u16(), 428);
    }
}
