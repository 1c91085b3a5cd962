//! Shell language: words, inspection, syntax.
