//! Documents from and to bytes.
//!
//! Each codec is a pair: a reader that builds a document from payload bytes, and a writer that spells
//! a document into the caller's buffer. **The one rule: a codec changes nothing that it reads or
//! writes**; numbers stay exact, and what cannot be kept exactly is an error that says where.
//!
//! Readers are resumable: a payload may come in pieces of any size, cut anywhere, and what is not
//! wanted is checked and skipped as it flows by, so no buffer ever holds a whole message.
//!
//! | codec | specification |
//! | --- | --- |
//! | [`json`] | RFC 8259 |
//! | [`cbor`] | RFC 8949 |
//!
//! ```
//! use twinsync::codec::json;
//! use twinsync::document::Document;
//!
//! let mut document = Document::<64>::new();
//! json::read(br#"{ "target": 21.50, "on": true }"#, document.as_mut())?;
//!
//! let mut text = [0; 64];
//! let len = json::write(document.as_ref(), &mut text)?;
//! assert_eq!(&text[..len], br#"{"on":true,"target":21.5}"#);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod cbor;
pub mod json;
mod select;

pub use select::{Member, Select};
