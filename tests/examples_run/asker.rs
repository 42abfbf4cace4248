//! A back-end application, on the examples' own MQTT client.

use core::time::Duration;
use std::time::Instant;

use serde_json::Value;

use crate::mosquitto::Mosquitto;
use crate::mqtt::{Event, Mqtt, Options};
use crate::running::WAIT;

/// A back-end application that talks to one thing's classic shadow.
pub(crate) struct Asker {
    pub(crate) mqtt: Mqtt,
    prefix: String,
}

impl Asker {
    pub(crate) fn connect(broker: &Mosquitto, thing: &str) -> Self {
        let mut options = Options::new("asker");
        options
            .set_broker(&broker.address())
            .expect("an address and a port");
        let mqtt = Mqtt::connect(&options).expect("a thread");
        let asker = Self {
            mqtt,
            prefix: format!("$aws/things/{thing}/shadow"),
        };
        asker.receive("connection", |event| {
            matches!(event, Event::Up { .. }).then_some(())
        });
        let filters = ["update", "get", "delete"].map(|verb| format!("{}/{verb}/+", asker.prefix));
        asker
            .mqtt
            .subscribe(&filters.each_ref().map(String::as_str));
        asker.receive("subscription", |event| {
            (event == Event::Subscribed { refused: 0 }).then_some(())
        });
        asker
    }

    fn receive<T>(&self, what: &str, wanted: impl Fn(Event) -> Option<T>) -> T {
        let start = Instant::now();
        while start.elapsed() < WAIT {
            if let Some(found) = self
                .mqtt
                .receive(Duration::from_millis(100))
                .and_then(&wanted)
            {
                return found;
            }
        }
        panic!("no {what} in {WAIT:?}");
    }

    /// Sends a request and returns its answer, which must come on topic `VERB/ANSWER`.
    pub(crate) fn ask(&self, verb: &str, payload: &str, answer: &str) -> Value {
        self.publish_bytes(verb, payload.as_bytes());
        self.answer(verb, answer)
    }

    /// Asks again each half second: for a service that is just coming back.
    pub(crate) fn ask_until_answered(&self, verb: &str, answer: &str) -> Value {
        let start = Instant::now();
        let topic = format!("{}/{verb}/{answer}", self.prefix);
        while start.elapsed() < WAIT {
            self.publish_bytes(verb, b"");
            let event = self.mqtt.receive(Duration::from_millis(500));
            if let Some(found) = event.and_then(|event| message(event, &topic)) {
                return found;
            }
        }
        panic!("no answer in {WAIT:?}");
    }

    pub(crate) fn publish_bytes(&self, verb: &str, payload: &[u8]) {
        let topic = format!("{}/{verb}", self.prefix);
        assert!(self.mqtt.publish(&topic, payload), "no connection");
    }

    pub(crate) fn answer(&self, verb: &str, answer: &str) -> Value {
        let is_answer = |topic: &str| {
            let outcome = topic.strip_prefix(&format!("{}/{verb}/", self.prefix));
            outcome.is_some_and(|outcome| outcome == "accepted" || outcome == "rejected")
        };
        let (topic, payload) = self.receive(&format!("{verb}/{answer}"), |event| match event {
            Event::Message { topic, payload } if is_answer(&topic) => Some((topic, payload)),
            _ => None,
        });
        let text = String::from_utf8_lossy(&payload);
        assert!(topic.ends_with(answer), "{topic} {text}");
        serde_json::from_slice(&payload).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

fn message(event: Event, wanted: &str) -> Option<Value> {
    let Event::Message { topic, payload } = event else {
        return None;
    };
    if topic == wanted {
        serde_json::from_slice(&payload).ok()
    } else {
        None
    }
}
