//! Asks a server.

use serde_json::Value;

/// Why a server does not answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It cannot be reached.
    #[error("{0} does not answer: {1}")]
    Unreachable(String, String),
    /// It says no.
    #[error("{0} answers with {1}: {2}")]
    Refused(String, u16, String),
}

/// What a server does now.
///
/// # Errors
/// It does not tell.
pub fn stats(url: &str, token: Option<&str>) -> Result<Value, ClientError> {
    let address = format!("{}/api/v1/stats", url.trim_end_matches('/'));
    let unreachable = |error: String| ClientError::Unreachable(url.to_owned(), error);
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.get(&address);
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    let mut response = request.call().map_err(|error| unreachable(error.to_string()))?;
    let text = response.body_mut().read_to_string().map_err(|error| unreachable(error.to_string()))?;
    let status = response.status().as_u16();
    let answer: Value = serde_json::from_str(&text).unwrap_or_default();
    if status != 200 {
        let said = answer["error"].as_str().unwrap_or(&text);
        return Err(ClientError::Refused(url.to_owned(), status, said.to_owned()));
    }
    Ok(answer)
}
