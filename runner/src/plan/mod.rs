//! Plans as they run: a graph whose nodes start when what they need is done, a journal that survives any end of the
//! process, and artifacts that go from step to step.
//!
//! Nothing here knows what a step is made of: an [`executor::Executor`] opens and runs it, here or elsewhere.

pub mod events;
pub mod executor;
pub mod journal;
pub mod outputs;
pub mod report;
pub mod run;
pub mod schedule;
pub mod state;
pub mod store;
pub mod summary;
pub mod values;
