//! One file for each question: the message to a place, the place to `ide`, the answer to a message.

pub mod diagnostic;
