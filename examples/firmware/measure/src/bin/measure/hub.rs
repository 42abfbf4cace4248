//! The hub, as a gateway without a heap would run it: one twin in a page.

use twinsync::adapter::aws::{Policy, Service};
use twinsync::codec::json;
use twinsync::document::Document;
use twinsync::hub::{Config, HubEngine, Notify, Registry};
use twinsync::protocol::TwinId;
use twinsync::time::{Instant, Now, Timestamp};
use twinsync::twin::TwinRef;
use twinsync_measure::workload::{DOCUMENT, PATCH};
use twinsync_measure::{expect, fixed, measure, measure_ok, need};

struct Page {
    record: [u8; 1024],
    len: usize,
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
}

type Hub = HubEngine<Page, 1024>;

const REPORT: &[u8] =
    br#"{"state":{"reported":{"target":215,"battery":86}},"clientToken":"00000007"}"#;

#[inline(never)]
pub fn all() {
    let page = Page {
        record: [0; 1024],
        len: 0,
    };
    let hub = fixed!(Option<Hub>, None);
    let config = Config::new().with_notify(Notify {
        delta: true,
        desired_patch: false,
        desired: false,
        changed: false,
    });
    let hub = hub.insert(HubEngine::new(page, config));
    let scratch = fixed!(Document<1024>, Document::new());
    let out = fixed!([u8; 1024], [0; 1024]);
    let service = Service::new(Policy::new());
    let id = need(TwinId::new("thermostat-1", None).ok(), "a name");
    let now = Now::new(
        Instant::from_millis(1_000),
        Timestamp::from_secs(1_700_000_000),
    );

    expect(
        json::read(DOCUMENT.as_bytes(), scratch.as_mut()).is_ok(),
        "a document",
    );
    measure_ok("hub: desire, 16 leaves, a new twin", || {
        hub.desire(now, id, scratch.as_ref())
    });
    drain(
        "hub: poll_transmit + encode, delta of 16 leaves",
        hub,
        &service,
        out,
    );
    expect(
        json::read(PATCH.as_bytes(), scratch.as_mut()).is_ok(),
        "a patch",
    );
    measure_ok("hub: desire, 4 leaves", || {
        hub.desire(now, id, scratch.as_ref())
    });
    drain(
        "hub: poll_transmit + encode, the delta again",
        hub,
        &service,
        out,
    );
    let topic = "$aws/things/thermostat-1/shadow/update";
    let (id, message) = measure_ok("hub: decode a report", || {
        service.decode(topic, REPORT, scratch.as_mut())
    });
    measure_ok("hub: handle_message, a report of 2 leaves", || {
        hub.handle_message(now, id, message)
    });
    drain("hub: poll_transmit + encode, accepted", hub, &service, out);
}

fn drain(name: &str, hub: &mut Hub, service: &Service, out: &mut [u8]) {
    let sent = measure(name, || {
        let transmit = hub.poll_transmit()?;
        service.encode(transmit.id, &transmit.message, out).ok()?;
        transmit.sent();
        Some(())
    });
    expect(sent.is_some(), name);
    while let Some(transmit) = hub.poll_transmit() {
        transmit.sent();
    }
}
