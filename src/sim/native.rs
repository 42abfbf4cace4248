//! Our own dialect.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::cell::Cell;

use super::broker::Packet;
use super::dialect::{Dialect, Incoming, Request, Role, Unsent};
use crate::adapter::native::{self, Asker, Client, Prefix, RequestError, Service};
use crate::document::DocumentMut;
use crate::protocol::{Audience, Message, TwinId, Wanted};
use crate::time::Timestamp;

/// Messages as the native adapter spells them: CBOR over short MQTT topics, both directions.
#[derive(Clone, Debug)]
pub struct Native {
    service: Service<'static>,
    /// Who asked last: answers go there. A hub answers before it reads the next request.
    asker: Cell<Asker>,
}

/// Room for any topic and payload of the service.
const ROOM: usize = 128 * 1024;

impl Native {
    /// The dialect under the default prefix.
    pub const fn new() -> Self {
        Self {
            service: Service::new(Prefix::DEFAULT),
            asker: Cell::new(Asker::DEVICE),
        }
    }
}

impl Default for Native {
    fn default() -> Self {
        Self::new()
    }
}

impl Dialect for Native {
    fn client_filters(&self, role: Role, id: TwinId<'_>) -> Vec<String> {
        let client = client(role, id);
        let mut out = [0; native::Topic::MAX_LEN];
        client
            .topic(client.subscription(), &mut out)
            .map(ToOwned::to_owned)
            .into_iter()
            .collect()
    }

    fn service_filters(&self) -> Vec<String> {
        Service::FILTERS
            .iter()
            .map(|levels| [Prefix::DEFAULT.as_str(), levels].concat())
            .collect()
    }

    fn encode_request(
        &self,
        role: Role,
        id: TwinId<'_>,
        message: &Message<'_>,
        room: usize,
    ) -> Result<Packet, Unsent> {
        let mut out = vec![0; room];
        Ok(client(role, id).encode(message, &mut out)?.into())
    }

    fn decode_answer(
        &self,
        role: Role,
        id: TwinId<'_>,
        packet: &Packet,
        wanted: Wanted,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
    ) {
        let decoded = client(role, id).decode(&packet.topic, &packet.payload, wanted, scratch);
        take(Incoming::of(decoded.map_err(|error| error.capacity())));
    }

    fn decode_request(
        &self,
        wall: Timestamp,
        _: TwinId<'_>,
        packet: &Packet,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Request<'_>),
    ) {
        match self.service.decode(&packet.topic, &packet.payload, scratch) {
            Ok(request) => {
                self.asker.set(request.asker);
                take(Request::Message(request.id, request.message));
            }
            Err(RequestError::Refused(refusal)) => {
                self.asker.set(refusal.asker);
                let answer =
                    self.encode_answer(refusal.id, Audience::Asker, &refusal.message(wall));
                take(answer.map_or(Request::Noise, Request::Refusal));
            }
            Err(_) => take(Request::Noise),
        }
    }

    fn encode_answer(&self, id: TwinId<'_>, _: Audience, message: &Message<'_>) -> Option<Packet> {
        let mut out = vec![0; ROOM];
        let asker = self.asker.get();
        let publish = self.service.encode(asker, id, message, &mut out);
        publish.ok().map(Packet::from)
    }
}

const fn client(role: Role, id: TwinId<'_>) -> Client<'_> {
    match role {
        Role::Device => Client::device(Prefix::DEFAULT, id),
        Role::BackEnd => Client::back_end(Prefix::DEFAULT, id),
    }
}

#[cfg(feature = "defmt")]
impl defmt::Format for Native {
    fn format(&self, f: defmt::Formatter<'_>) {
        defmt::write!(f, "{}", self.service);
    }
}
