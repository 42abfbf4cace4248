//! Azure and the native dialect: the same change of desired, and a report.

use twinsync::adapter::azure::plug_and_play::{Acknowledgement, Code, says};
use twinsync::adapter::{azure, native};
use twinsync::codec::json;
use twinsync::document::Document;
use twinsync::protocol::{Get, Message, RequestId, TwinId, UpdateRequest, Wanted};
use twinsync::twin::{Update, Version};
use twinsync_measure::workload::DOCUMENT;
use twinsync_measure::{expect, fixed, measure, measure_ok, need};

const PATCHED: &str = "$iothub/twin/PATCH/properties/desired/?$version=7";
const PATCH: &[u8] = br#"{"target":220,"mode":"eco","on":false,"alarm":{"high":340},"$version":7}"#;

/// Kind 11, version 7, and the patch.
const CHANGED: &[u8] = b"\x0B\xA2\x01\x82\x07\x03\x03\xA4\x62on\xF4\x64mode\x63eco\x65alarm\xA1\x64high\x19\x01\x54\x66target\x18\xDC";

#[inline(never)]
pub fn all() {
    let scratch = fixed!(Document<1024>, Document::new());
    let state = fixed!(Document<512>, Document::new());
    let report = fixed!(Document<512>, Document::new());
    let twin = fixed!([u8; 512], [0; 512]);
    let out = fixed!([u8; 512], [0; 512]);
    let id = need(TwinId::new("thermostat-1", None).ok(), "a name");
    expect(
        json::read(DOCUMENT.as_bytes(), state.as_mut()).is_ok(),
        "a document",
    );
    expect(
        report.set(&["reported"], state.as_ref()).is_ok(),
        "a report",
    );
    let request = RequestId::new("00000007");
    let get = Message::Get(Get {
        id: request,
        known: None,
        known_etag: None,
    });
    let update = Message::Update(UpdateRequest {
        id: request,
        update: Update::merge(report.as_ref()),
    });

    let client = need(azure::Client::new(id).ok(), "a client");
    measure_ok("Azure: decode a desired patch", || {
        client
            .decode(PATCHED, PATCH, Wanted::Sections, scratch.as_mut())
            .map(|_| ())
    });
    let len = whole(twin);
    let twin = twin.get(..len).unwrap_or_default();
    measure_ok("Azure: decode a twin with 300 B of desired", || {
        client
            .decode(
                "$iothub/twin/res/200/?$rid=g00000007",
                twin,
                Wanted::Sections,
                scratch.as_mut(),
            )
            .map(|_| ())
    });
    measure_ok("Azure: encode a get", || {
        client.encode(&get, out).map(|_| ())
    });
    measure_ok("Azure: encode a report of 300 B", || {
        client.encode(&update, out).map(|_| ())
    });
    let answer = Acknowledgement::new(Code::Done, Version::new(7));
    measure_ok("Azure: write an acknowledgement", || {
        answer.answer(220.into(), scratch.as_mut())
    });
    measure("Azure: compare an acknowledgement", || {
        says(scratch.as_ref(), &["target"], state.as_ref())
    });

    let login = need(azure::Login::new("hub.example.net", id).ok(), "a login");
    measure_ok("Azure: Login::client_id", || {
        login.client_id(out).map(str::len)
    });
    measure_ok("Azure: Login::user_name", || {
        login.user_name(out).map(str::len)
    });
    measure_ok("Azure: Login::string_to_sign", || {
        login.string_to_sign(1_700_000_000, out).map(str::len)
    });
    measure_ok("Azure: Login::password", || {
        login
            .password(1_700_000_000, "c2lnbmF0dXJl", out)
            .map(str::len)
    });

    let client = native::Client::device(native::Prefix::DEFAULT, id);
    measure_ok("native: topic", || {
        client.topic(native::Lane::Down, out).map(str::len)
    });
    measure_ok("native: decode a desired patch", || {
        client
            .decode(
                "t/thermostat-1/d",
                CHANGED,
                Wanted::Sections,
                scratch.as_mut(),
            )
            .map(|_| ())
    });
    measure_ok("native: encode a get", || {
        client.encode(&get, out).map(|_| ())
    });
    measure_ok("native: encode a report of the same leaves", || {
        client.encode(&update, out).map(|_| ())
    });
}

/// Writes the answer to a get: `{"desired":{…},"reported":{"$version":1}}`.
fn whole(out: &mut [u8]) -> usize {
    let parts = [
        b"{\"desired\":",
        DOCUMENT
            .as_bytes()
            .get(..DOCUMENT.len() - 1)
            .unwrap_or_default(),
        b",\"$version\":7},\"reported\":{\"$version\":1}}",
    ];
    let mut len = 0;
    for byte in parts.into_iter().flatten() {
        if let Some(room) = out.get_mut(len) {
            *room = *byte;
            len += 1;
        }
    }
    len
}
