//! The document as a struct: JSON for serde-json-core, a tree of leaves for miniconf.

use miniconf::Tree;
use serde::{Deserialize, Serialize};

use crate::Text;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Tree)]
pub struct State<T> {
    pub firmware: Text<16>,
    pub serial: Text<16>,
    pub on: bool,
    pub mode: Text<8>,
    pub target: T,
    pub battery: i32,
    pub rssi: i32,
    pub uptime: i32,
    pub alarm: Alarm<T>,
    pub display: Display,
    pub network: Network,
    pub note: Text<32>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Tree)]
pub struct Alarm<T> {
    pub low: i32,
    pub high: T,
    pub armed: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Tree)]
pub struct Display {
    pub brightness: i32,
    pub language: Text<8>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Tree)]
pub struct Network {
    pub ssid: Text<32>,
    pub period: i32,
}
