//! Tokens of attempts, with which the run of a plan asks for its remote steps.
//!
//! A token is `ez_attempt_<job>-<fence>-<mac>`. It is kept nowhere: that the server made it is seen by its mac, and it counts only while the attempt runs.

use ring::hmac;

use crate::job::JobState;
use crate::secrets::SecretKey;
use crate::store::{Store, StoreError, jobs};
use crate::wire::Attempt;

/// The variable that has it in the environment of an attempt.
pub const TOKEN: &str = "EZ_CLIENT_TOKEN";

/// How a token of an attempt begins.
const PREFIX: &str = "ez_attempt_";

/// The token of an attempt.
pub fn make(key: &SecretKey, attempt: Attempt) -> String {
    let numbers = numbers(attempt);
    let mac = hmac::sign(key.attempts(), numbers.as_bytes());
    let mac = mac.as_ref().iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("{PREFIX}{numbers}-{mac}")
}

/// The attempt whose token this is; `None` where it is no token that this key made.
pub fn open(key: &SecretKey, token: &str) -> Option<Attempt> {
    let (numbers_text, mac) = token.strip_prefix(PREFIX)?.rsplit_once('-')?;
    let (job, fence) = numbers_text.split_once('-')?;
    let attempt = Attempt { job: job.parse().ok()?, fence: fence.parse().ok()? };
    let mac = bytes(mac)?;
    hmac::verify(key.attempts(), numbers(attempt).as_bytes(), &mac).ok()?;
    Some(attempt)
}

/// Whether an attempt runs.
///
/// # Errors
/// It cannot be looked up.
pub async fn is_running(store: &Store, attempt: Attempt) -> Result<bool, StoreError> {
    let job = store.read(move |connection| jobs::find(connection, attempt.job)).await?;
    Ok(job.is_some_and(|job| job.state == JobState::Running && job.attempt == attempt.fence))
}

fn numbers(attempt: Attempt) -> String {
    format!("{}-{}", attempt.job, attempt.fence)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{make, open};
    use crate::secrets::SecretKey;
    use crate::wire::Attempt;

    #[test]
    fn a_token_is_of_one_attempt_and_one_key() {
        let key = |text: &str| SecretKey::of_text(&text.repeat(32)).unwrap();
        let attempt = Attempt { job: 71, fence: 2 };
        let token = make(&key("k"), attempt);
        assert!(token.starts_with("ez_attempt_71-2-"), "{token}");
        assert_eq!(open(&key("k"), &token), Some(attempt));
        assert_eq!(open(&key("o"), &token), None);
        let changed = [token.replace("71-2", "71-3"), token.replace("71-2", "7-12"), format!("{token}0")];
        let nonsense = ["", "ez_attempt_", "ez_attempt_1-1-", "ez_attempt_1-1-ä", "ez_attempt_1--zz"];
        for token in changed.iter().map(String::as_str).chain(nonsense) {
            assert_eq!(open(&key("k"), token), None, "{token}");
        }
    }
}
