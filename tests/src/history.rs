//! What a server promises, compared with what came of jobs.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::job_server::{JobServer, Told};

/// A job that was accepted, and what it is to write.
#[derive(Clone, Debug)]
pub struct Accepted {
    /// Its number.
    pub job: i64,
    /// The key that makes the same request the same job.
    pub key: String,
    /// The request.
    pub request: Value,
    /// All that it writes, where it comes to its end.
    pub whole: String,
}

/// Waits for the end of every job, and compares what came of it with the promises. Why a job may have failed is said by `may_fail`.
///
/// # Panics
/// A promise was broken.
pub fn check(server: &JobServer<'_>, jobs: &[Accepted], may_fail: impl Fn(&str) -> bool) {
    let mut by_key = BTreeMap::new();
    for accepted in jobs {
        let told = end_of(server, accepted.job);
        let record = server.job(accepted.job);
        // 1: it is there, and 2: it has ended, once.
        assert!(matches!(record["state"].as_str(), Some("success" | "failed")), "{record}");
        assert_eq!(record["state"], told.state, "{record}");
        // 2, 3: attempts have numbers of their own, in their order, and all have ended.
        let attempts = record["attempts"].as_array().expect("a list");
        for (number, attempt) in (1..).zip(attempts) {
            assert_eq!(attempt["attempt"].as_i64(), Some(number), "{record}");
            assert!(attempt["outcome"].is_string() && attempt["finished"].is_i64(), "{record}");
        }
        // 4: what is told is what was written, without gap or repetition.
        if told.state == "success" {
            assert_eq!(told.text, accepted.whole, "{record}");
        } else {
            let reason = record["reason"].as_str().unwrap_or_default();
            assert!(may_fail(reason), "{record}");
            assert!(accepted.whole.starts_with(&told.text), "{record}: {}", told.text);
        }
        // 6: asked again, it is the same job.
        assert_eq!(server.run(&accepted.request), accepted.job);
        assert_eq!(by_key.insert(accepted.key.clone(), accepted.job), None);
    }
}

/// The end of the last attempt of a job, whole.
fn end_of(server: &JobServer<'_>, job: i64) -> Told {
    loop {
        let told = server.end_of(job);
        let record = server.job(job);
        // Of a job that is tried again the end of an earlier attempt may have been told.
        if told.state == record["state"] && !told.state.is_empty() {
            return told;
        }
    }
}
