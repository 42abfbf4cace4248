//! Judgement over documents, without engines.

pub mod filter;
