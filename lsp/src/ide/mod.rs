//! What editors ask: functions from a [`crate::analysis::Snapshot`] and a place to plain data, in byte ranges.

pub mod actions;
pub mod call_hierarchy;
pub mod code_lens;
pub mod completion;
pub mod cursor;
pub mod definition;
pub mod diagnostics;
pub mod document_links;
pub mod document_symbols;
pub mod fix_all;
#[cfg(test)]
mod fixture;
pub mod folding;
pub mod format;
pub mod highlight;
pub mod hover;
pub mod inlay_hints;
#[cfg(test)]
mod navigation;
mod plugins;
pub mod quick_fixes;
pub mod references;
pub mod rename;
pub mod selection;
pub mod semantic_tokens;
pub mod signature_help;
mod special_variables;
pub mod syntax;
pub mod variables;
pub mod workspace_symbols;
