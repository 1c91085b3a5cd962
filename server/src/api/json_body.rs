//! The body of a request, in JSON.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::json_fields;

/// What the body of a request says.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(no_json());
        }
        check_encoding(request.headers())?;
        let body = Bytes::from_request(request, state).await?;
        Ok(Self(json_fields::read(&body)?))
    }
}

/// What the body of a request says that may have none.
#[derive(Debug)]
pub struct OptionalJsonBody<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let is_json = is_json(request.headers());
        check_encoding(request.headers())?;
        let body = Bytes::from_request(request, state).await?;
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Self(None));
        }
        if is_json { Ok(Self(json_fields::read(&body)?)) } else { Err(no_json()) }
    }
}

fn no_json() -> ApiError {
    let error = "the body is JSON: send `Content-Type: application/json`";
    ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error)
}

/// Refuses a body that is said to be compressed: it is not decompressed here.
pub(super) fn check_encoding(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let error = "the body is taken as it is, not compressed: send it without `Content-Encoding`";
    Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, error))
}

/// Whether a body is said to be JSON, as `application/json` or `application/…+json`.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::{FromRequest, Request};
    use axum::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use super::{OptionalJsonBody, is_json};

    async fn optional(kind: &str, body: &'static str) -> Result<Option<Value>, u16> {
        let request = Request::builder().header(CONTENT_TYPE, kind).body(Body::from(body)).unwrap();
        let read = OptionalJsonBody::from_request(request, &()).await;
        read.map(|OptionalJsonBody(value)| value).map_err(|error| error.status.as_u16())
    }

    #[tokio::test]
    async fn a_body_may_be_missing_but_not_be_anything() {
        for (kind, body, found) in [
            ("", "", Ok(None)),
            ("", " \n", Ok(None)),
            ("text/plain", "", Ok(None)),
            ("application/json", "null", Ok(None)),
            ("application/json", "{\"yes\": true}", Ok(Some(json!({"yes": true})))),
            ("application/json", "x", Err(400)),
            ("text/plain", "{}", Err(415)),
            ("", "{}", Err(415)),
        ] {
            assert_eq!(optional(kind, body).await, found, "{kind} {body:?}");
        }
    }

    #[test]
    fn types_of_json() {
        for (kind, is_it) in [
            ("application/json", true),
            ("Application/JSON; charset=utf-8", true),
            ("application/problem+json", true),
            ("text/json", false),
            ("application/yaml", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(is_json(&headers), is_it, "{kind}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
