//! A snapshot to flash and back: the log's algorithm over words that are somewhere else.
#![no_std]
#![no_main]

use twinsync::document::Document;
use twinsync::storage::{Geometry, Log, Request, SchemaId, Snapshot};
use twinsync::twin::{Version, Versions};
use twinsync_proof::{input, output, sink, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let Ok(geometry) = Geometry::new(word(), word(), word(), word()) else {
        loop {
            sink(0);
        }
    };
    let mut log = Log::new(geometry);
    let mut document = Document::<64>::new();
    loop {
        let mut load = log.load(output());
        while let Some(request) = load.poll() {
            if !serve(request) {
                load.handle_failed();
            }
        }
        let Ok(found) = load.finish() else {
            continue;
        };
        let bytes = output().get(..found.len.unwrap_or(0)).unwrap_or_default();
        if let Ok(snapshot) = Snapshot::read(bytes, SchemaId(word())) {
            let _ = document.assign(snapshot.desired);
            sink(snapshot.next_request);
        }
        let snapshot = Snapshot {
            desired: document.as_ref(),
            reported: document.as_ref(),
            acknowledged: document.as_ref(),
            versions: Versions::all(Version::new(u64::from(word()))),
            next_request: word(),
        };
        let Ok(len) = snapshot.write(SchemaId(word()), output()) else {
            continue;
        };
        let mut save = log.save(output().get(..len).unwrap_or_default());
        while let Some(request) = save.poll() {
            if !serve(request) {
                save.handle_failed();
            }
        }
        sink(u32::from(save.finish().is_ok()));
    }
}

fn serve(request: Request<'_>) -> bool {
    match request {
        Request::Read { at, into } => {
            sink(at);
            for (room, byte) in into.iter_mut().zip(input()) {
                *room = *byte;
            }
        }
        Request::Write { at, bytes } => {
            sink(at);
            sink(bytes.len() as u32);
        }
        Request::Erase { from, to } => {
            sink(from);
            sink(to);
        }
    }
    word() == 0
}
