//! The dialect of Azure IoT Hub.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::broker::Packet;
use super::dialect::{Dialect, Incoming, Request, Role, Routing, Unsent};
use crate::adapter::azure::{Client, Policy, RequestError, Service};
use crate::document::DocumentMut;
use crate::hub::{Config, Notify};
use crate::protocol::{Audience, Message, TwinId, Wanted};
use crate::time::Timestamp;

/// Messages as the Azure adapter spells them, on connections of a listener: JSON over MQTT topics that are
/// the same for every device. Back-ends speak in the process of the hub.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Azure {
    service: Service,
}

/// Room for any topic and payload of the service.
const ROOM: usize = 128 * 1024;

impl Azure {
    /// Takes the policy of the service.
    pub const fn new(policy: Policy) -> Self {
        Self {
            service: Service::new(policy),
        }
    }

    /// Returns the rules for the hub of a pair: those of the policy, but that the first message makes the
    /// twin, as nobody registers devices here; devices are told what was asked for in desired.
    pub const fn hub(&self) -> Config {
        let notify = Notify {
            desired_patch: true,
            ..Notify::NONE
        };
        Config::new()
            .with_policy(self.service.policy().twin().with_create(true))
            .with_notify(notify)
    }
}

impl Default for Azure {
    fn default() -> Self {
        Self::new(Policy::new())
    }
}

impl Dialect for Azure {
    fn routing(&self) -> Routing {
        Routing::Connections
    }

    fn client_filters(&self, _: Role, _: TwinId<'_>) -> Vec<String> {
        Client::SUBSCRIPTIONS.map(ToOwned::to_owned).into()
    }

    fn service_filters(&self) -> Vec<String> {
        Vec::new()
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
        let Ok(client) = Client::new(id) else {
            take(Incoming::Noise);
            return;
        };
        let decoded = client.decode(&packet.topic, &packet.payload, wanted, scratch);
        take(Incoming::of(decoded.map_err(|error| error.capacity())));
    }

    fn decode_request(
        &self,
        wall: Timestamp,
        sender: TwinId<'_>,
        packet: &Packet,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Request<'_>),
    ) {
        let decoded = self
            .service
            .decode(sender, &packet.topic, &packet.payload, scratch);
        match decoded {
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

    fn encode_answer(&self, _: TwinId<'_>, _: Audience, message: &Message<'_>) -> Option<Packet> {
        let mut out = vec![0; ROOM];
        self.service
            .encode(message, &mut out)
            .ok()
            .map(Packet::from)
    }
}
