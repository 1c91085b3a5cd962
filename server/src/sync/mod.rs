//! Files on their way between machines, by their content.
//!
//! A tree is a [`manifest`]: paths with SHA-256 digests, found by a [`scan`] that reads only what changed. Contents are kept by digest in a [`content_store`], and
//! travel in one [`content_stream`] of all that the other side lacks. Nothing that comes from the other side is believed: paths are checked, digests are computed anew.

pub mod bring_home;
pub mod content_store;
pub mod content_stream;
pub mod course;
pub mod digest;
pub mod garbage;
pub mod hash_cache;
pub mod kept_tree;
pub mod lay_out;
pub mod manifest;
pub mod patterns;
pub mod scan;
pub mod scratch;
pub mod temporary;
pub mod transfer;
pub mod tree_path;
