//! Our own compact dialect.
mod answer;
mod client;
mod decoder;
mod envelope;
mod kind;
mod service;
pub mod status;
mod topic;

pub use client::Client;
pub use decoder::{DecodeError, Decoder};
pub use kind::Kind;
pub use service::{Asker, Fault, Refusal, Request, RequestError, Service};
pub use topic::{Lane, Party, Prefix, Topic, TopicError};

#[cfg(test)]
mod tests;
