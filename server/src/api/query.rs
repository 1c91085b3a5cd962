//! What the query of an address asks for.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::json_fields;

/// The parameters of a query, as `?limit=5`.
#[derive(Debug)]
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let texts = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Query(texts) = texts.map_err(|refused| ApiError::bad(refused.body_text()))?;
        json_fields::read_texts(texts).map(Self).map_err(|wrong| ApiError::bad(wrong.to_string()))
    }
}
