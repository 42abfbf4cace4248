//! Whole queries on a twin: parse, match, rows, sort keys, groups.
#![no_std]
#![no_main]

use twinsync::document::{Document, DocumentRef};
use twinsync::query::{Dialect, Groups, Query, TwinItem};
use twinsync::twin::Twin;
use twinsync_proof::{input, sink, text, word};

#[unsafe(no_mangle)]
extern "C" fn _start() -> ! {
    let mut groups = Groups::<4, 32>::new();
    let mut row = Document::<256>::new();
    let mut key = Document::<256>::new();
    loop {
        let twin = Twin::<512>::from_record(input()).unwrap_or_default();
        let identity = DocumentRef::from_bytes(input()).unwrap_or(DocumentRef::EMPTY);
        let item = TwinItem::new(text(), twin.as_ref())
            .with_module(text())
            .with_identity(identity);
        let query = match Query::<32>::parse(text(), Dialect::TWIN) {
            Ok(query) => query,
            Err(error) => {
                sink(error.column as u32);
                continue;
            }
        };
        let query = query.as_ref();
        let done = [
            query.matches(&item),
            query.project(&item, &mut row.as_mut()).is_ok(),
            query.sort_key(&item, &mut key.as_mut()).is_ok(),
            query.key_order(row.as_ref(), key.as_ref()).is_lt(),
            query.row_order(row.as_ref(), key.as_ref()).is_lt(),
            groups.add(query, &item).is_ok(),
            groups
                .project(query, word() as usize, &mut row.as_mut())
                .is_ok(),
            query.conjuncts().next().is_some(),
        ];
        for done in done {
            sink(u32::from(done));
        }
    }
}
