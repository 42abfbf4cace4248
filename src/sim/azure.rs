//! The dialect of Azure IoT Hub.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use super::broker::Packet;
use super::dialect::{Dialect, Incoming, Request, Unsent};
use crate::adapter::EncodeError;
use crate::adapter::Publish;
use crate::adapter::azure::rest::{self, Call, Method};
use crate::adapter::azure::{Client, Policy, RequestError, Service, twin_id};
use crate::codec::json::Writer;
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::hub::{Config, Notify};
use crate::protocol::{Message, TwinId, UpdateRequest, Wanted};
use crate::time::Timestamp;
use crate::twin::{Mode, Origin, Precondition, Section};

/// Messages as the Azure adapter spells them: JSON over MQTT topics for the device, REST for the back-end.
///
/// Azure's topics name no device. Here they stand below a mount, `device` or `device/module`, as brokers with
/// mount points put them: the mount is the connection, and only the broker writes it. What a back-end asks
/// is published, as the body of a PATCH, below the twin's mount, too; IoT Hub has no deletion of twins and
/// lets nobody but the device write reported, so that a back-end's steps of this kind do nothing.
#[derive(Clone, Copy, Debug)]
pub struct Azure {
    service: Service,
}

/// Room for any topic and payload of the service.
const ROOM: usize = 128 * 1024;

/// Between the mount and what stands below it.
const BELOW: &str = "/$iothub/";
/// Below a mount: a back-end's request.
const REST: &str = "rest";

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
        let config = Config::new();
        let mut notify: Notify = config.notify;
        notify.delta = false;
        notify.desired_patch = true;
        config
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
    fn client_filters(&self, id: TwinId<'_>) -> Vec<String> {
        Client::SUBSCRIPTIONS
            .iter()
            .map(|filter| format!("{id}/{filter}"))
            .collect()
    }

    fn service_filters(&self) -> Vec<String> {
        ["+/$iothub/#", "+/+/$iothub/#"]
            .map(ToOwned::to_owned)
            .into()
    }

    fn encode_request(
        &self,
        id: TwinId<'_>,
        message: &Message<'_>,
        room: usize,
    ) -> Result<Packet, Unsent> {
        if let Message::Update(request) = message
            && request.update.origin == Origin::Service
        {
            return encode_patch(id, request).ok_or(Unsent::Unsupported);
        }
        let client = Client::new(id).map_err(|_| Unsent::Unsupported)?;
        let mut out = vec![0; room];
        match client.encode(message, &mut out) {
            Ok(publish) => Ok(mounted(id, publish)),
            Err(EncodeError::BufferTooSmall(error)) => Err(Unsent::TooLarge {
                needed: error.needed,
            }),
            Err(EncodeError::Unsupported) => Err(Unsent::Unsupported),
        }
    }

    fn decode_answer(
        &self,
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
        match client.decode(&packet.topic, &packet.payload, wanted, scratch) {
            Ok(message) => take(Incoming::Message(message)),
            Err(error) => match error.capacity() {
                Some(error) => take(Incoming::Oversized {
                    needed: error.needed,
                }),
                None => take(Incoming::Noise),
            },
        }
    }

    fn decode_request(
        &self,
        wall: Timestamp,
        packet: &Packet,
        scratch: DocumentMut<'_>,
        take: &mut dyn FnMut(Request<'_>),
    ) {
        let Some((mount, below)) = packet.topic.split_once(BELOW) else {
            take(Request::Noise);
            return;
        };
        let (device, module) = match mount.split_once('/') {
            Some((device, module)) => (device, Some(module)),
            None => (mount, None),
        };
        let Ok(id) = twin_id(device, module) else {
            take(Request::Noise);
            return;
        };
        if below == REST {
            let path = match module {
                Some(module) => format!("/twins/{device}/modules/{module}"),
                None => format!("/twins/{device}"),
            };
            let request = rest::Request {
                method: Method::Patch,
                path: &path,
                body: &packet.payload,
                ..rest::Request::default()
            };
            let mut names = [0; 2 * TwinId::MAX];
            match self.service.decode_rest(&request, &mut names, scratch) {
                Ok(Call::Twin(id, message)) => take(Request::Message(id, message)),
                Ok(Call::Query(_)) | Err(_) => take(Request::Noise),
            }
            return;
        }
        let topic = packet.topic.get(mount.len().saturating_add(1)..);
        let topic = topic.unwrap_or_default();
        match self.service.decode(id, topic, &packet.payload, scratch) {
            Ok((id, message)) => take(Request::Message(id, message)),
            Err(RequestError::Refused(refusal)) => {
                let mut out = vec![0; ROOM];
                match self.service.refuse(&refusal, wall, &mut out) {
                    Ok(publish) => take(Request::Refusal(mounted(id, publish))),
                    Err(_) => take(Request::Noise),
                }
            }
            Err(RequestError::Topic(_)) => take(Request::Noise),
        }
    }

    fn encode_answer(&self, id: TwinId<'_>, message: &Message<'_>) -> Option<Packet> {
        // A back-end's answer is one of HTTP, which nobody waits for here.
        let id_of_request = if let Message::UpdateAccepted(accepted) = message {
            accepted.id
        } else if let Message::Rejected(rejection) = message {
            rejection.id
        } else if let Message::GetAccepted(snapshot) = message {
            snapshot.id
        } else {
            None
        };
        if id_of_request.is_none() && !matches!(message, Message::DesiredPatch(_)) {
            return None;
        }
        let mut out = vec![0; ROOM];
        let publish = self.service.encode(message, &mut out).ok()?;
        Some(mounted(id, publish))
    }
}

fn mounted(id: TwinId<'_>, publish: Publish<'_>) -> Packet {
    Packet::new(&format!("{id}/{}", publish.topic), publish.payload)
}

/// The body of a PATCH that merges into desired.
fn encode_patch(id: TwinId<'_>, request: &UpdateRequest<'_>) -> Option<Packet> {
    let update = &request.update;
    let desired: DocumentRef<'_> = update.patch.at(&[Section::Desired.key()])?;
    let alone = update.patch.entries().count() == 1;
    if !alone || update.mode != Mode::Merge || update.precondition != Precondition::Any {
        return None;
    }
    let mut out = vec![0; ROOM];
    let mut writer = Writer::new(&mut out);
    writer.raw("{\"properties\":{\"desired\":");
    writer.document(desired);
    writer.raw("}}");
    let len = writer.finish().ok()?;
    Some(Packet::new(&format!("{id}{BELOW}{REST}"), out.get(..len)?))
}
