//! rustot 0.4.1: the same struct as a shadow, over an MQTT client that takes packets and drops them.

use core::hint::black_box;

use heapless_07::String;
use mqttrust::{Mqtt, MqttError, Packet};
use rustot::shadows::derive::{ShadowPatch, ShadowState};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, Serialize, Deserialize, ShadowState)]
pub struct State {
    pub firmware: String<16>,
    pub serial: String<16>,
    pub on: bool,
    pub mode: String<8>,
    pub target: i32,
    pub battery: i32,
    pub rssi: i32,
    pub uptime: i32,
    pub alarm: Alarm,
    pub display: Display,
    pub network: Network,
    pub note: String<32>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, ShadowPatch)]
pub struct Alarm {
    pub low: i32,
    pub high: i32,
    pub armed: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, ShadowPatch)]
pub struct Display {
    pub brightness: i32,
    pub language: String<8>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize, ShadowPatch)]
pub struct Network {
    pub ssid: String<32>,
    pub period: i32,
}

/// Takes what is published; the bytes of the packet are the client's affair.
pub struct Sent;

impl Mqtt for Sent {
    fn send(&self, packet: Packet<'_>) -> Result<(), MqttError> {
        if let Packet::Publish(publish) = &packet {
            black_box((publish.topic_name, publish.payload));
        }
        black_box(&packet);
        Ok(())
    }

    fn client_id(&self) -> &str {
        "thermostat-1"
    }
}
