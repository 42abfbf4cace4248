#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::unwrap_used,
    clippy::while_let_loop,
    clippy::wildcard_enum_match_arm,
    reason = "tests may fail loudly"
)]

mod bench;
mod isolation;
mod timetable;
