//! The hub in full, as a gateway without a heap would run it: engine over a registry of fixed capacity,
//! limits, stored records, and the service's side of the AWS adapter.
#![no_std]
#![no_main]

use twinsync::adapter::aws::{Policy, RequestError, Service};
use twinsync::document::{Document, DocumentRef};
use twinsync::hub::{Config, HubEngine, Notify, Registry, RequestLimits, Usage};
use twinsync::protocol::{Get, Known, Message, TwinId, Versions};
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::{ETag, TwinRef, Version};
use twinsync_proof::{input, output, sink, text, word};

/// One twin, in a page of 1 KB.
struct Page {
    record: [u8; 1024],
    len: usize,
    usage: Usage,
}

impl Registry for Page {
    type Error = ();

    fn load(&mut self, _: TwinId<'_>) -> Result<Option<TwinRef<'_>>, ()> {
        match self.record.get(..self.len) {
            None | Some([]) => Ok(None),
            Some(record) => TwinRef::from_record(record).map(Some).map_err(|_| ()),
        }
    }

    fn save(&mut self, _: TwinId<'_>, twin: TwinRef<'_>) -> Result<(), ()> {
        self.len = twin.write_record(&mut self.record).map_err(|_| ())?;
        Ok(())
    }

    fn usage(&mut self, _: &str, _: Instant) -> Option<&mut Usage> {
        Some(&mut self.usage)
    }
}

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let page = Page {
        record: [0; 1024],
        len: word() as usize,
        usage: Usage::new(),
    };
    let service = Service::new(Policy::new());
    let config = Config::new()
        .with_notify(Notify {
            delta: true,
            desired_patch: word() == 1,
            desired: word() == 1,
            changed: word() == 1,
        })
        .with_policy(service.policy().twin())
        .with_limits(RequestLimits {
            in_flight: 10,
            per_second: 20,
        });
    let mut hub = HubEngine::<Page, 1024>::new(page, config);
    let mut scratch = Document::<1024>::new();
    loop {
        let now = Now::new(
            Instant::from_millis(u64::from(word())),
            Timestamp::from_millis(u64::from(word())),
        );
        match service.decode(text(), input(), scratch.as_mut()) {
            Ok((id, message)) => sink(hub.handle_message(now, id, message).is_ok().into()),
            Err(RequestError::Refused(refusal)) => {
                if let Ok(publish) = service.refuse(&refusal, now.wall, output()) {
                    sink(publish.payload.len() as u32);
                }
            }
            Err(_) => {}
        }
        // What this service's devices have no words for.
        if let Ok(id) = TwinId::new(text(), None) {
            let desired = ETag::from_bytes(u64::from(word()).to_le_bytes());
            let versions = Versions::all(Version::new(u64::from(word())));
            let get = Message::Get(Get {
                id: None,
                known: Some(Known { versions, desired }),
                known_etag: Some(desired),
            });
            sink(hub.handle_message(now, id, get).is_ok().into());
            if let Ok(patch) = DocumentRef::from_bytes(input()) {
                sink(hub.desire(now, id, patch).is_ok().into());
            }
        }
        while let Some(transmit) = hub.poll_transmit() {
            if let Ok(publish) = service.encode(transmit.id, &transmit.message, output()) {
                sink(publish.payload.len() as u32);
            }
            transmit.sent();
        }
    }
}
