//! Snapshots: what goes in comes out, and what is damaged does not. The log, byte by byte.

mod log;
mod snapshot;
