//! AWS: payloads in.

use twinsync::document::Document;
use twinsync::protocol::{TwinId, Wanted};
use twinsync_measure::workload::{DELTA, DELTA_TOPIC};
use twinsync_measure::{expect, fixed, measure_ok};

use super::device::client;
use twinsync::adapter::aws::Client;

#[inline(never)]
pub fn all() {
    let scratch = fixed!(Document<1024>, Document::new());
    let client = client();
    let name = measure_ok("AWS: Client::new", || {
        TwinId::new("thermostat-1", None).map(Client::new)
    });
    expect(name.is_ok(), "a name");
    let mut topic = [0; 64];
    for purpose in Client::SUBSCRIPTIONS.into_iter().take(1) {
        measure_ok("AWS: topic", || {
            client.topic(purpose, &mut topic).map(str::len)
        });
    }
    measure_ok("AWS: decode a delta of 300 B", || {
        client
            .decode(DELTA_TOPIC, DELTA, Wanted::Sections, scratch.as_mut())
            .map(|_| ())
    });
    // In pieces, with the decoder where the application keeps it.
    let mut decoder = measure_ok("AWS: decoder", || {
        client.decoder(DELTA_TOPIC, Wanted::Sections, scratch.as_mut())
    });
    measure_ok("AWS: feed it in pieces of 64 B", || {
        DELTA.chunks(64).try_for_each(|piece| decoder.feed(piece))
    });
    measure_ok("AWS: finish", || decoder.finish().map(|_| ()));
}
