//! The goals, next to which every table is printed.
//!
//! Instructions are of the default x86-64 build; ratios are times, peer divided by twinsync.

use crate::peers::Operation;

pub enum Against {
    /// The fastest candidate that makes a document of any shape.
    Best,
    Named(&'static str),
    /// At most so many times as long as the limit of the machine.
    Limit,
}

pub struct Goal {
    pub operation: Operation,
    pub workload: &'static str,
    /// At most so many instructions; what must be, and what would be fine.
    pub instructions: Option<(u64, u64)>,
    /// Times faster than a peer, at least.
    pub faster: &'static [(Against, f64)],
}

const fn goal(
    operation: Operation,
    workload: &'static str,
    instructions: (u64, u64),
    faster: &'static [(Against, f64)],
) -> Goal {
    let instructions = if instructions.0 == 0 {
        None
    } else {
        Some(instructions)
    };
    Goal {
        operation,
        workload,
        instructions,
        faster,
    }
}

use Against::{Best, Limit, Named};
use Operation::{Delta, Merge, Parse, Serialise, Update};

const SONIC: Against = Named("sonic-rs");
const SERDE: Against = Named("serde_json");
const PATCH: Against = Named("json-patch");

pub const GOALS: &[Goal] = &[
    goal(Parse, "W1-patch", (800, 650), &[(SONIC, 2.0), (SERDE, 4.0)]),
    goal(
        Parse,
        "W2-patch",
        (1_700, 1_350),
        &[(SONIC, 2.0), (SERDE, 4.0)],
    ),
    goal(Parse, "W1-canonical", (5_000, 4_200), &[(SONIC, 1.0)]),
    goal(Parse, "W2-canonical", (12_500, 10_000), &[(SONIC, 1.0)]),
    goal(Parse, "W3-canonical", (100_000, 85_000), &[(SONIC, 0.9)]),
    goal(Parse, "W1", (6_500, 6_500), &[(SONIC, 0.8), (SERDE, 3.0)]),
    goal(Parse, "W2", (16_000, 16_000), &[(SONIC, 0.8), (SERDE, 3.0)]),
    goal(
        Parse,
        "W3",
        (135_000, 135_000),
        &[(SONIC, 0.6), (SERDE, 3.0)],
    ),
    goal(Merge, "W1", (460, 350), &[(PATCH, 2.0)]),
    goal(Merge, "W2", (1_160, 900), &[(PATCH, 2.0)]),
    goal(Merge, "W3", (950, 750), &[(PATCH, 1.7)]),
    goal(Merge, "W3b", (32_000, 28_000), &[(PATCH, 2.0)]),
    goal(Update, "W1", (1_200, 1_200), &[(Best, 3.0)]),
    goal(Update, "W2", (2_900, 2_900), &[(Best, 2.2)]),
    goal(Update, "W3", (1_700, 1_700), &[(Best, 2.4)]),
    goal(Update, "W3b", (85_000, 85_000), &[(Best, 1.9)]),
    goal(Update, "W3w", (0, 0), &[(SERDE, 0.4)]),
    goal(Delta, "W1/0", (0, 0), &[(Limit, 1.1)]),
    goal(Delta, "W2/0", (0, 0), &[(Limit, 1.1)]),
    goal(Delta, "W3/0", (0, 0), &[(Limit, 1.1)]),
    goal(Delta, "W1/1", (800, 600), &[(Best, 3.5)]),
    goal(Delta, "W2/1", (1_500, 1_200), &[(Best, 4.5)]),
    goal(Delta, "W3/1", (4_000, 2_500), &[(Best, 18.0)]),
    goal(Delta, "W1/m", (1_500, 1_200), &[(Best, 4.5)]),
    goal(Delta, "W2/m", (5_000, 4_200), &[(Best, 4.5)]),
    goal(Delta, "W3/m", (46_000, 40_000), &[(Best, 4.5)]),
    goal(Serialise, "W1", (2_800, 2_200), &[(Best, 2.0)]),
    goal(Serialise, "W2", (6_500, 5_200), &[(Best, 2.0)]),
    goal(Serialise, "W3", (55_000, 45_000), &[(Best, 2.0)]),
];
