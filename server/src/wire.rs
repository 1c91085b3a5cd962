//! What agents and the server tell each other.
//!
//! A connection is a WebSocket of the server. Text messages are JSON, `{"event": …, "seq": …, "data": …}`; pieces of logs are binary messages. Both sides may lose
//! the connection at any moment: what must not be lost is told again until the other side says that it has it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::job::{Ending, Fence, JobId, JobSpec};
use crate::secrets::Secrets;

/// The version of this language. A server refuses agents of another one, and says so.
pub const VERSION: u32 = 3;

/// Why an agent is refused that speaks another version.
pub fn another_version(version: u64) -> String {
    format!(
        "it speaks version {version}, and this server version {VERSION}: use the same version of ez on both"
    )
}

/// The longest message in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The longest piece of a log in one message.
pub const MAX_LOG_PIECE: usize = 256 * 1024;

/// An attempt, as both sides name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Attempt {
    /// The job.
    pub job: JobId,
    /// Which attempt of it.
    pub fence: Fence,
}

/// What an agent says of itself when it begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The version of the language that it speaks.
    pub version: u32,
    /// Its name, unique among the nodes of a server.
    pub name: String,
    /// What it made up once for itself; an agent with another one cannot take its name.
    pub instance: String,
    /// What it has, as in `os:linux`.
    #[serde(default)]
    pub tags: Vec<String>,
    /// How many jobs it runs at once.
    pub slots: u32,
    /// What it has in hand: attempts that run, and those whose end the server does not know yet.
    #[serde(default)]
    pub attempts: Vec<Attempt>,
}

/// What an agent tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum FromAgent {
    /// The first message of a connection.
    NodeRegister(Registration),
    /// It is alive. All leases of its attempts are renewed.
    NodePing {},
    /// An attempt has begun.
    JobStarted {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
        /// When, in milliseconds since 1970.
        started: i64,
    },
    /// An attempt has ended. Told again after every connection until it is acknowledged.
    JobFinished {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
        /// How.
        ending: Ending,
        /// How long its log is. All of it was sent before.
        log_bytes: u64,
        /// How long the file of its events is. All of it was sent before.
        #[serde(default)]
        event_bytes: u64,
    },
    /// It takes no more jobs.
    NodeDrain {},
}

/// What becomes of an attempt that an agent has in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Which.
    #[serde(flatten)]
    pub attempt: Attempt,
    /// How much of its log the server has. `None` where the attempt is not the agent's any more: it is to be ended and forgotten.
    pub log_bytes: Option<u64>,
    /// How much of its events the server has.
    #[serde(default)]
    pub event_bytes: u64,
    /// Whether somebody wants its end.
    pub is_cancelled: bool,
}

/// What the server tells an agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", content = "data", rename_all = "snake_case")]
pub enum ToAgent {
    /// The answer to a registration.
    Registered {
        /// The number of the node.
        node: i64,
        /// How often the agent is to say that it is alive, in milliseconds.
        ping_every: u64,
        /// What becomes of the attempts that the agent has.
        attempts: Vec<Kept>,
    },
    /// The agent is refused, and why. It is not to come again as it is.
    Refused {
        /// Why.
        reason: String,
    },
    /// An attempt to make.
    JobAssigned {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
        /// What is to be run.
        spec: Box<JobSpec>,
        /// Its secret variables. They stand in no file of the agent.
        #[serde(default, skip_serializing_if = "Secrets::is_empty")]
        secrets: Secrets,
    },
    /// The answer to a sign of life: the connection works in both directions.
    NodePong {},
    /// An attempt is to be ended.
    JobCancel {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
    },
    /// So much of a log is safe.
    LogKept {
        /// Of which attempt.
        #[serde(flatten)]
        attempt: Attempt,
        /// How many bytes.
        log_bytes: u64,
    },
    /// So much of the events of a plan's run is safe.
    EventsKept {
        /// Of which attempt.
        #[serde(flatten)]
        attempt: Attempt,
        /// How many bytes.
        event_bytes: u64,
    },
    /// The end of an attempt is known, or the attempt is of no interest any more: its agent may forget it.
    JobKnown {
        /// Which.
        #[serde(flatten)]
        attempt: Attempt,
    },
}

/// Which file of an attempt a piece is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PieceOf {
    /// What it wrote, in frames.
    Log,
    /// What happened in the run of a plan, in lines.
    Events,
}

impl PieceOf {
    fn number(self) -> u8 {
        match self {
            Self::Log => 0,
            Self::Events => 1,
        }
    }
}

/// A piece of a file of an attempt that grows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogPiece {
    /// Which file.
    pub of: PieceOf,
    /// Of which attempt.
    pub attempt: Attempt,
    /// Where in the file it stands.
    pub offset: u64,
    /// The bytes, as in the agent's file.
    pub bytes: Vec<u8>,
}

const PIECE_HEADER_BYTES: usize = 25;

impl LogPiece {
    /// The binary message.
    pub fn encode(&self) -> Vec<u8> {
        let mut message = Vec::with_capacity(PIECE_HEADER_BYTES + self.bytes.len());
        message.push(self.of.number());
        message.extend(self.attempt.job.to_le_bytes());
        message.extend(self.attempt.fence.to_le_bytes());
        message.extend(self.offset.to_le_bytes());
        message.extend(&self.bytes);
        message
    }

    /// The piece in a binary message; `None` where the message is none.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let ([of], rest) = message.split_first_chunk()?;
        let (job, rest) = rest.split_first_chunk()?;
        let (fence, rest) = rest.split_first_chunk()?;
        let (offset, bytes) = rest.split_first_chunk()?;
        Some(Self {
            of: [PieceOf::Log, PieceOf::Events].into_iter().find(|known| known.number() == *of)?,
            attempt: Attempt { job: i64::from_le_bytes(*job), fence: i64::from_le_bytes(*fence) },
            offset: u64::from_le_bytes(*offset),
            bytes: bytes.to_vec(),
        })
    }
}

/// Why a text message is none of this language.
#[derive(Debug, thiserror::Error)]
#[error("the message cannot be understood: {0}")]
pub struct BadMessage(#[from] serde_json::Error);

/// The text of a message, with its number in the connection.
///
/// # Errors
/// Never for the messages of this module.
pub fn encode<M: Serialize>(message: &M, seq: u64) -> Result<String, BadMessage> {
    let mut value = serde_json::to_value(message)?;
    if let Value::Object(fields) = &mut value {
        fields.insert("seq".to_owned(), seq.into());
    }
    Ok(value.to_string())
}

/// The message of a text.
///
/// # Errors
/// It is none.
pub fn decode<'t, M: Deserialize<'t>>(text: &'t str) -> Result<M, BadMessage> {
    Ok(serde_json::from_str(text)?)
}

#[cfg(test)]
mod tests {
    use super::{Attempt, FromAgent, LogPiece, PieceOf, ToAgent, decode, encode};

    const ATTEMPT: Attempt = Attempt { job: 7, fence: 2 };

    #[test]
    fn messages_have_the_published_form() {
        let text = encode(&ToAgent::JobCancel { attempt: ATTEMPT }, 5).unwrap();
        assert_eq!(text, r#"{"event":"job_cancel","data":{"job":7,"fence":2},"seq":5}"#);
        let text = encode(&FromAgent::NodePing {}, 0).unwrap();
        assert_eq!(decode::<FromAgent>(&text).unwrap(), FromAgent::NodePing {});
    }

    #[test]
    fn pieces_of_logs_come_back() {
        for of in [PieceOf::Log, PieceOf::Events] {
            let piece = LogPiece { of, attempt: ATTEMPT, offset: 9, bytes: vec![1, 2, 3] };
            assert_eq!(LogPiece::decode(&piece.encode()), Some(piece));
        }
        assert_eq!(LogPiece::decode(&[0; 24]), None);
        assert_eq!(LogPiece::decode(&[9; 25]), None);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "{}", r#"{"event":"node_ping"}"#, r#"{"event":"x","data":{}}"#, "[1]"] {
            assert!(decode::<FromAgent>(text).is_err(), "{text}");
        }
    }
}
