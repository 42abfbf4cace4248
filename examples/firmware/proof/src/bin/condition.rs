//! Conditions: parsed from any text, evaluated on any document.
#![no_std]
#![no_main]

use twinsync::document::DocumentRef;
use twinsync::query::{Condition, Dialect, Truth};
use twinsync_proof::{input, sink, text, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    loop {
        let document = DocumentRef::from_bytes(input()).unwrap_or(DocumentRef::EMPTY);
        match Condition::<32>::parse(text(), Dialect::TWIN) {
            Ok(condition) => {
                let truth = condition.evaluate(&document);
                sink(u32::from(truth == Truth::True) | word());
            }
            Err(error) => sink(error.column as u32),
        }
    }
}
