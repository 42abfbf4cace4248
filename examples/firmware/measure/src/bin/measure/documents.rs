//! The document room and its codecs, on 300 bytes of JSON.

use twinsync::codec::{cbor, json};
use twinsync::document::{self, Document, DocumentRef, Number};
use twinsync_measure::workload::{DOCUMENT, PATCH};
use twinsync_measure::{expect, fixed, measure, measure_ok};

#[inline(never)]
pub fn all() {
    let base = fixed!(Document<1024>, Document::new());
    let patch = fixed!(Document<1024>, Document::new());
    let other = fixed!(Document<1024>, Document::new());
    let out = fixed!(Document<1024>, Document::new());
    let text = fixed!([u8; 512], [0; 512]);

    measure_ok("JSON: parse a document of 300 B", || {
        json::read(DOCUMENT.as_bytes(), base.as_mut())
    });
    measure_ok("JSON: parse it in pieces of 64 B", || {
        let mut reader = json::Reader::new(other.as_mut(), &json::Select::All);
        for piece in DOCUMENT.as_bytes().chunks(64) {
            reader.feed(piece)?;
        }
        reader.finish()
    });
    measure_ok("JSON: parse a patch of 59 B", || {
        json::read(PATCH.as_bytes(), patch.as_mut())
    });
    let len = measure_ok("JSON: write a document of 300 B", || {
        json::write(base.as_ref(), text)
    });
    expect(len == DOCUMENT.len(), "all of the document");
    let len = measure_ok("CBOR: write the same document", || {
        cbor::write(base.as_ref(), text)
    });
    let written = text.get(..len).unwrap_or_default();
    measure_ok("CBOR: parse it", || cbor::read(written, out.as_mut()));
    expect(out.as_bytes() == base.as_bytes(), "the document again");

    measure_ok("document: merge a patch of 4 leaves", || {
        other.merge(patch.as_ref())
    });
    measure_ok("document: merge the same again", || {
        other.merge(patch.as_ref())
    });
    measure_ok("document: delta, no difference", || {
        document::delta(base.as_ref(), base.as_ref(), &mut out.as_mut())
    });
    expect(out.is_empty(), "no difference");
    measure_ok("document: delta, 4 of 16 leaves differ", || {
        document::delta(other.as_ref(), base.as_ref(), &mut out.as_mut())
    });
    expect(out.as_bytes() == patch.as_bytes(), "the patch again");
    measure_ok("document: diff, 4 of 16 leaves differ", || {
        document::diff(base.as_ref(), other.as_ref(), &mut out.as_mut())
    });
    expect(out.as_bytes() == patch.as_bytes(), "the patch again");
    measure_ok("document: diff within 24 B", || {
        document::diff_within(base.as_ref(), other.as_ref(), 24, &mut out.as_mut())
    });
    measure_ok("document: set a leaf", || base.set(&["alarm", "high"], 360));
    let found = measure("document: read a leaf", || {
        base.read::<u16>(&["alarm", "high"])
    });
    expect(found == Ok(360), "the leaf");
    let found = measure("document: remove a leaf", || {
        base.remove(&["alarm", "high"])
    });
    expect(found, "a leaf");
    let found = measure("document: walk 16 leaves", || other.leaves().count());
    expect(found == 16, "16 leaves");
    measure_ok("document: check stored bytes", || {
        DocumentRef::from_bytes(other.as_bytes())
    });
    measure_ok("document: assign", || base.assign(other.as_ref()));
    let number = measure("number: parse 21.5", || Number::parse(b"21.5"));
    expect(number.is_ok(), "a number");
}
