//! The dialect of AWS IoT Device Shadow.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::broker::Packet;
use super::dialect::{Dialect, Incoming, Request, Role, Unsent};
use crate::adapter::aws::{self, Client, Policy, RequestError, Service};
use crate::document::DocumentMut;
use crate::protocol::{Audience, Message, TwinId, Wanted};
use crate::time::Timestamp;

/// Messages as the AWS adapter spells them: JSON over MQTT topics, both directions.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Aws {
    service: Service,
    echo: bool,
}

/// Room for any topic and payload of the service.
const ROOM: usize = 128 * 1024;

impl Aws {
    /// Takes the policy of the service.
    pub const fn new(policy: Policy) -> Self {
        Self {
            service: Service::new(policy),
            echo: false,
        }
    }

    /// The same, whether devices read the echo of updates, too: from it they learn what others wrote.
    pub const fn with_echo(mut self, echo: bool) -> Self {
        self.echo = echo;
        self
    }
}

impl Default for Aws {
    fn default() -> Self {
        Self::new(Policy::new())
    }
}

impl Dialect for Aws {
    fn client_filters(&self, _: Role, id: TwinId<'_>) -> Vec<String> {
        let Ok(client) = Client::new(id) else {
            return Vec::new();
        };
        let mut out = [0; aws::Topic::MAX_LEN];
        Client::SUBSCRIPTIONS
            .iter()
            .filter_map(|purpose| Some(client.topic(*purpose, &mut out).ok()?.to_owned()))
            .collect()
    }

    fn service_filters(&self) -> Vec<String> {
        Service::FILTERS.iter().copied().map(Into::into).collect()
    }

    fn encode_request(
        &self,
        _: Role,
        id: TwinId<'_>,
        message: &Message<'_>,
        room: usize,
    ) -> Result<Packet, Unsent> {
        let client = Client::new(id).map_err(|_| Unsent::Unsupported)?;
        let mut out = vec![0; room];
        Ok(client.encode(message, &mut out)?.into())
    }

    fn decode_answer(
        &self,
        _: Role,
        id: TwinId<'_>,
        packet: &Packet,
        wanted: Wanted,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Incoming<'_>),
    ) {
        let Ok(mut client) = Client::new(id) else {
            take(Incoming::Noise);
            return;
        };
        if self.echo {
            client = client.with_echo();
        }
        let decoded = client.decode(&packet.topic, &packet.payload, wanted, scratch);
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
            Ok((id, message)) => take(Request::Message(id, message)),
            Err(RequestError::Refused(refusal)) => {
                let mut out = vec![0; ROOM];
                match self.service.refuse(&refusal, wall, &mut out) {
                    Ok(publish) => take(Request::Refusal(publish.into())),
                    Err(_) => take(Request::Noise),
                }
            }
            Err(RequestError::Topic(_)) => take(Request::Noise),
        }
    }

    fn encode_answer(&self, id: TwinId<'_>, _: Audience, message: &Message<'_>) -> Option<Packet> {
        let mut out = vec![0; ROOM];
        self.service
            .encode(id, message, &mut out)
            .ok()
            .map(Packet::from)
    }
}
