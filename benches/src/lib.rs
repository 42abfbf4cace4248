//! twinsync beside its peers, measured in one run: documents (`bin/documents.rs`) and a hub
//! (`bin/hub.rs`). `README.md` says how to run it and how to read it.

pub mod callgrind;
pub mod cases;
pub mod clock;
pub mod goals;
pub mod peers;
pub mod random;
pub mod report;
pub mod tree;
pub mod workloads;
