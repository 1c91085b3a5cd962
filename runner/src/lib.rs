//! EZ's runner: tasks in, processes and one stream of events out.
//!
//! It knows nothing of terminals and servers: who wants to show or record a run listens to [`event::EventSink`].

pub mod call;
mod civil_time;
pub mod command;
pub mod concrete;
mod directory;
pub mod dotenv_files;
pub mod engine;
pub mod environment;
pub mod error;
pub mod event;
pub mod expansion;
pub mod fingerprint;
pub mod freshness;
pub mod gitignore;
pub mod glob;
pub mod go_text;
pub mod hash;
pub mod hooks;
pub mod json_path;
pub mod limits;
pub mod loops;
pub mod mask;
mod messages;
pub mod options;
pub mod output_cache;
pub mod params;
pub mod path;
pub mod platform;
pub mod process;
pub mod prompt;
pub mod query;
pub mod recorder;
pub mod remote;
pub mod render;
pub mod report;
pub mod requires;
pub mod runtime_data;
pub mod scheduler;
pub mod scope;
pub mod shell;
pub mod signal;
pub mod task_lock;
pub mod task_log;
pub mod template_host;
pub mod variables;
