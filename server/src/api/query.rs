//! What the query of an address asks for.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use serde::de::{DeserializeOwned, Error, Unexpected};
use serde::{Deserialize, Deserializer};

use super::ApiError;
use crate::json_fields;

/// How many things a page has where nothing else is asked for, and at most.
const PAGE: u32 = 50;
const MAX_PAGE: u32 = 1000;

/// How much of a wrong value is shown, in characters.
const MAX_SHOWN: usize = 80;

/// How many things a page has.
#[derive(Clone, Copy, Debug)]
pub struct PageSize(u32);

impl PageSize {
    /// As a number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self(PAGE)
    }
}

impl<'de> Deserialize<'de> for PageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let size = text.parse().ok().filter(|size| (1..=MAX_PAGE).contains(size));
        size.map(Self).ok_or_else(|| {
            let shown: String = text.escape_debug().take(MAX_SHOWN).collect();
            let wanted = format!("a whole number from 1 to {MAX_PAGE}");
            D::Error::invalid_value(Unexpected::Other(&format!("\"{shown}\"")), &wanted.as_str())
        })
    }
}

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
