//! The server of EZ and the agents that run jobs for it.
//!
//! A job is accepted once and ends once, whatever is killed in between: the [`store`] keeps what was promised, the [`queue`] decides what runs where, the
//! [`dispatcher`] does what it decided, and an [`agent`] on each machine runs attempts in processes that need neither of them to go on.

#![forbid(unsafe_code)]

pub mod agent;
pub mod api;
pub mod attempt_token;
pub mod auth;
pub mod catalog;
pub mod client;
pub mod clock;
pub mod disk_space;
pub mod dispatcher;
pub mod docker;
pub mod events;
pub mod formula;
pub mod http;
pub mod job;
pub mod json_fields;
pub mod log_file;
pub mod log_frame;
pub mod log_index;
pub mod metrics;
pub mod node_words;
pub mod pid_file;
pub mod plan_events;
pub mod plan_tracker;
pub mod private_directory;
pub mod project_folder;
pub mod queue;
pub mod remote_job;
pub mod retention;
pub mod secrets;
pub mod settings;
pub mod settings_file;
pub mod source_file;
pub mod store;
pub mod sync;
pub mod tls;
pub mod token_watch;
pub mod waiting;
pub mod wire;
