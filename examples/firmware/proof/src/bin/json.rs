//! JSON in, in pieces, and out.
#![no_std]
#![no_main]

use twinsync::codec::json::{self, Reader, Select};
use twinsync::document::Document;
use twinsync_proof::{input, output, sink};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut document = Document::<512>::new();
    loop {
        let mut reader = Reader::new(document.as_mut(), &Select::All);
        let fed = reader.feed(input()).and_then(|()| reader.feed(input()));
        let read = fed.and_then(|()| reader.finish());
        sink(u32::from(read.is_ok()));
        if let Ok(len) = json::write(document.as_ref(), output()) {
            sink(len as u32);
        }
    }
}
