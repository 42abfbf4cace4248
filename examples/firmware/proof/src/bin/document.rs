//! The document room: set, remove, read, merge, delta, bounded diff, validation of stored bytes.
#![no_std]
#![no_main]

use twinsync::document::{self, Document};
use twinsync_proof::{input, sink, text, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut a = Document::<512>::new();
    let mut b = Document::<512>::new();
    let mut out = Document::<512>::new();
    loop {
        if let Ok(stored) = Document::<512>::from_bytes(input()) {
            b = stored;
        }
        let key = text();
        let done = [
            a.set(&[key, "x"], word() as i32).is_ok(),
            a.set(&[key], text()).is_ok(),
            a.remove(&[key]),
            a.read::<i16>(&[key, "x"]).is_ok(),
            a.merge(b.as_ref()).is_ok(),
            document::delta(a.as_ref(), b.as_ref(), &mut out.as_mut()).is_ok(),
            document::diff_within(a.as_ref(), b.as_ref(), word() as usize, &mut out.as_mut())
                .is_ok(),
        ];
        for leaf in out.as_ref().leaves() {
            sink(leaf.path.len() as u32);
        }
        for done in done {
            sink(u32::from(done));
        }
    }
}
