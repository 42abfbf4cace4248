//! The query language: its errors, its laws, its arithmetic, and queries over tags.

mod arithmetic;
mod conditions;
mod errors;
mod laws;
mod tags;
