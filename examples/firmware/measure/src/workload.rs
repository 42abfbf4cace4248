//! The documents that all candidates work on: 16 leaves in 300 bytes, no floats.
//!
//! Whole numbers, texts and flags, some in nested maps, keys in the order in which a program writes
//! them. Fractions are left out because they cost a typed peer some 30 KB of flash.

/// The state of a device: 300 bytes.
pub const DOCUMENT: &str = r#"{"firmware":"1.4.2-rc1","serial":"TH-2024-000417","on":true,"mode":"heat","target":215,"battery":87,"rssi":-61,"uptime":8640017,"alarm":{"low":50,"high":355,"armed":true},"display":{"brightness":70,"language":"en-GB"},"network":{"ssid":"plant-floor-2","period":60},"note":"third floor, room 2, east"}"#;

/// A change of four of its leaves.
pub const PATCH: &str = r#"{"target":220,"mode":"eco","on":false,"alarm":{"high":340}}"#;

/// What AWS publishes when someone desires [`PATCH`]: 300 bytes, with metadata.
pub const DELTA: &[u8] = br#"{"version":12,"timestamp":1700000012,"state":{"target":220,"mode":"eco","on":false,"alarm":{"high":340}},"metadata":{"target":{"timestamp":1700000012},"mode":{"timestamp":1700000012},"on":{"timestamp":1700000012},"alarm":{"high":{"timestamp":1700000012}}},"clientToken":"backend-17-90865d1e13b1-417"}"#;

/// The topic of [`DELTA`].
pub const DELTA_TOPIC: &str = "$aws/things/thermostat-1/shadow/update/delta";
