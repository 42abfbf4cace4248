//! CBOR in, in pieces, and out; an envelope with integer keys.
#![no_std]
#![no_main]

use twinsync::codec::cbor::{self, Decoder, ReadError, Reader, Select};
use twinsync::document::{Document, DocumentMut};
use twinsync_proof::{input, output, sink};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut document = Document::<512>::new();
    loop {
        let mut reader = Reader::new(document.as_mut(), &Select::All);
        let fed = reader.feed(input()).and_then(|()| reader.feed(input()));
        let read = fed.and_then(|()| reader.finish());
        sink(u32::from(read.is_ok()));
        sink(u32::from(envelope(input(), document.as_mut()).is_ok()));
        if let Ok(len) = cbor::write(document.as_ref(), output()) {
            sink(len as u32);
        }
    }
}

fn envelope(message: &[u8], mut document: DocumentMut<'_>) -> Result<(), ReadError> {
    let mut decoder = Decoder::new(message);
    let mut entries = decoder.map()?;
    while decoder.more(&mut entries)? {
        match decoder.unsigned()? {
            0 => sink(decoder.unsigned()? as u32),
            1 => sink(decoder.text()?.len() as u32),
            2 => decoder.document(document.reborrow())?,
            _ => decoder.skip()?,
        }
    }
    decoder.finish()
}
