//! serde-json-core into a struct that knows every property of W1.
//!
//! It does less than a document: an unknown key is dropped, nothing can be removed.

use heapless::String as Text;
use serde::{Deserialize, Serialize};
use serde_json_core::{from_slice, to_slice};

use super::{Operation, Peer};

pub struct Typed {
    text: [u8; 512],
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shadow {
    state: State,
    metadata: Metadata,
    version: u32,
    timestamp: u64,
    client_token: Text<32>,
}

#[derive(Default, Serialize, Deserialize)]
struct State {
    desired: Settings,
    reported: Settings,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Settings {
    power_on: bool,
    setpoint: f32,
    mode: Text<16>,
    fan_speed: u8,
    color: Text<16>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    last_sync: u64,
    firmware: Text<16>,
}

#[derive(Deserialize)]
struct Patch<'a> {
    #[serde(borrow)]
    state: Option<StatePatch<'a>>,
}

#[derive(Deserialize)]
struct StatePatch<'a> {
    #[serde(borrow)]
    desired: Option<SettingsPatch<'a>>,
    #[serde(borrow)]
    reported: Option<SettingsPatch<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SettingsPatch<'a> {
    power_on: Option<bool>,
    setpoint: Option<f32>,
    mode: Option<&'a str>,
    fan_speed: Option<u8>,
    color: Option<&'a str>,
}

impl Settings {
    fn merge(&mut self, patch: &SettingsPatch<'_>) {
        if let Some(power_on) = patch.power_on {
            self.power_on = power_on;
        }
        if let Some(setpoint) = patch.setpoint {
            self.setpoint = setpoint;
        }
        if let Some(mode) = patch.mode {
            put(&mut self.mode, mode);
        }
        if let Some(fan_speed) = patch.fan_speed {
            self.fan_speed = fan_speed;
        }
        if let Some(color) = patch.color {
            put(&mut self.color, color);
        }
    }
}

fn put(text: &mut Text<16>, new: &str) {
    text.clear();
    text.push_str(new).expect("a short text");
}

impl Peer for Typed {
    type Tree = Shadow;

    const NAME: &'static str = "serde-json-core-typed";

    fn new() -> Self {
        Self { text: [0; 512] }
    }

    fn takes(operation: Operation, workload: &str) -> bool {
        operation == Operation::Update && workload == "W1"
    }

    fn tree(&mut self, text: &[u8]) -> Shadow {
        from_slice(text).expect("W1").0
    }

    fn parse(&mut self, _: &[u8]) {}

    fn merge(&mut self, _: &mut Shadow, _: &Shadow) {}

    fn update(&mut self, document: &mut Shadow, patch: &[u8]) {
        let (patch, _) = from_slice::<Patch<'_>>(patch).expect("a patch of W1");
        let Some(state) = patch.state else { return };
        if let Some(desired) = &state.desired {
            document.state.desired.merge(desired);
        }
        if let Some(reported) = &state.reported {
            document.state.reported.merge(reported);
        }
    }

    fn delta(&mut self, _: &Shadow, _: &Shadow) {}

    fn delta_text(&mut self, _: &Shadow, _: &Shadow) -> &[u8] {
        &[]
    }

    fn serialise(&mut self, document: &Shadow) -> &[u8] {
        let len = to_slice(document, &mut self.text).expect("room for W1");
        &self.text[..len]
    }
}
