//! The device's side against the service's, without a network: what one writes the other reads.

mod answers;
mod laws;
mod tables;

use alloc::vec;
use alloc::vec::Vec;

use super::{
    Access, Block, Body, Client, Code, DecodeError, Fed, Json, Message, MessageWriter, Names,
    Question, Service, Type, Uploads,
};
use crate::document::{Document, DocumentRef};
use crate::hub::{Config, HubEngine, InMemory};
use crate::protocol::{self, Get, RequestId, TwinId, UpdateRequest, Wanted};
use crate::time::{Instant, Now, Timestamp};
use crate::twin::{Mode, Origin, Update};

/// A service and its hub, and a device that asks without losses.
struct Bench {
    service: Service<'static>,
    uploads: Uploads<u8, 1, 4_096>,
    hub: HubEngine<InMemory, 8_192>,
    client: Client<'static, Json>,
}

impl Bench {
    fn new(block_size: usize) -> Self {
        let id = TwinId::new("lamp", None).unwrap();
        let mut config = Config::new();
        config.notify.delta = false;
        Self {
            service: Service::new("twins"),
            uploads: Uploads::new(),
            hub: HubEngine::new(InMemory::new(), config),
            client: Client::new("twins", id)
                .unwrap()
                .with_block_size(block_size),
        }
    }

    /// A back-end changes the twin.
    fn apply(&mut self, patch: DocumentRef<'_>, mode: Mode) {
        let update = Update::merge(patch)
            .with_mode(mode)
            .with_origin(Origin::Service);
        let message = protocol::Message::Update(UpdateRequest { id: None, update });
        let id = TwinId::new("lamp", None).unwrap();
        self.hub.handle_message(now(), id, message).unwrap();
        while let Some(transmit) = self.hub.poll_transmit() {
            let rejected = matches!(transmit.message, protocol::Message::Rejected(_));
            assert!(!rejected, "{:?}", transmit.message);
            transmit.sent();
        }
    }

    /// Answers a datagram.
    fn answer(&mut self, datagram: &[u8]) -> Vec<u8> {
        let request = Message::parse(datagram).unwrap();
        let mut out = vec![0; 1_280];
        let mut writer = MessageWriter::new(&mut out, Type::Acknowledgement, Code::EMPTY, 1, b"t");
        let (mut names, mut document) = (Names::new(), Document::<8_192>::new());
        let (mut shown, mut text) = (Document::<8_192>::new(), vec![0; 16_384]);
        let body = match self.uploads.take(now().instant, 0, &request).unwrap() {
            Body::Whole(body) => body,
            Body::Partial(_) => panic!("a device sends no blocks"),
        };
        let access = Access::Device("lamp");
        let decoded = self
            .service
            .decode(access, &request, body, &mut names, document.as_mut());
        match decoded {
            Ok(mut call) => {
                if call.reply.observe() == Some(true) {
                    call.reply.registered(1);
                }
                self.hub
                    .handle_message(now(), call.id, call.message)
                    .unwrap();
                while let Some(transmit) = self.hub.poll_transmit() {
                    self.service
                        .encode(
                            &call.reply,
                            &transmit.message,
                            shown.as_mut(),
                            &mut text,
                            &mut writer,
                        )
                        .unwrap();
                    transmit.sent();
                }
            }
            Err(refusal) => {
                self.service.refuse(&refusal, &mut writer).unwrap();
            }
        }
        let len = writer.finish().unwrap();
        out.truncate(len);
        out
    }

    /// Asks, follows the blocks, and lends what came to `take`; `between` happens after each block.
    fn ask<T>(
        &mut self,
        question: &Question,
        datagram: &[u8],
        between: &mut dyn FnMut(&mut Self),
        take: impl FnOnce(Result<protocol::Message<'_>, DecodeError>) -> T,
    ) -> T {
        let mut scratch = Document::<8_192>::new();
        let client = self.client;
        let mut decoder = client.decoder(question, scratch.as_mut());
        let mut answer = self.answer(datagram);
        loop {
            let message = Message::parse(&answer).unwrap();
            match decoder.feed(&message) {
                Ok(Fed::Complete) => return take(decoder.finish()),
                Err(error) => return take(Err(error)),
                Ok(Fed::More(block)) => {
                    between(self);
                    answer = self.answer(&next(&client, question, block));
                }
            }
        }
    }

    fn get<T>(
        &mut self,
        get: Get<'_>,
        wanted: Wanted,
        take: impl FnOnce(Result<protocol::Message<'_>, DecodeError>) -> T,
    ) -> T {
        let (question, datagram) = written(|out| {
            let message = protocol::Message::Get(get);
            self.client.encode(&message, wanted, out).unwrap()
        });
        self.ask(&question, &datagram, &mut |_| {}, take)
    }
}

fn next(client: &Client<'_, Json>, question: &Question, block: Block) -> Vec<u8> {
    written(|out| client.next(question, block, out).unwrap()).1
}

fn written<T>(write: impl FnOnce(&mut MessageWriter<'_>) -> T) -> (T, Vec<u8>) {
    let mut out = vec![0; 1_152];
    let mut writer = MessageWriter::new(&mut out, Type::Confirmable, Code::EMPTY, 1, b"t");
    let result = write(&mut writer);
    let len = writer.finish().unwrap();
    out.truncate(len);
    (result, out)
}

fn now() -> Now {
    Now::new(Instant::ZERO, Timestamp::from_secs(1))
}

fn id() -> Option<RequestId<'static>> {
    RequestId::new("00000007")
}
