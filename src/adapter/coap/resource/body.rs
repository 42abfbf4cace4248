//! Bodies: which formats there are, and documents from and to them.

use super::fault::Fault;
use crate::adapter::coap::option::ContentFormat;
use crate::codec::cbor;
use crate::codec::json;
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::error::BufferTooSmall;

/// What PATCH and iPATCH take. All of them are read as a merge patch (RFC 7396): there is no registered
/// format for one in CBOR, nor any other meaning of plain JSON.
pub(super) const PATCHES: &[ContentFormat] = &[
    ContentFormat::MERGE_PATCH_JSON,
    ContentFormat::JSON,
    ContentFormat::CBOR,
];

/// What PUT takes.
pub(super) const WHOLE: &[ContentFormat] = &[ContentFormat::JSON, ContentFormat::CBOR];

/// Whether representations are written in this format.
pub(super) fn is_written(format: ContentFormat) -> bool {
    WHOLE.contains(&format)
}

/// The format of a merge patch, for those who take documents in this one.
pub(super) fn patch_of(format: ContentFormat) -> ContentFormat {
    match format {
        ContentFormat::JSON => ContentFormat::MERGE_PATCH_JSON,
        format => format,
    }
}

/// Reads a body of one of these formats.
pub(super) fn read(
    format: ContentFormat,
    taken: &[ContentFormat],
    body: &[u8],
    document: DocumentMut<'_>,
) -> Result<(), Fault> {
    if !taken.contains(&format) {
        return Err(Fault::Format(format));
    }
    if format == ContentFormat::CBOR {
        return cbor::read(body, document).map_err(|error| {
            if matches!(error.reason, cbor::ReadReason::Capacity(_)) {
                Fault::TooLarge
            } else {
                Fault::Cbor(error)
            }
        });
    }
    json::read(body, document).map_err(|error| {
        if matches!(error.reason, json::ReadReason::Capacity(_)) {
            Fault::TooLarge
        } else {
            Fault::Json(error)
        }
    })
}

/// Writes a document into the front of `out` and returns its length.
pub(super) fn write(
    format: ContentFormat,
    document: DocumentRef<'_>,
    out: &mut [u8],
) -> Result<usize, BufferTooSmall> {
    if format == ContentFormat::CBOR {
        return cbor::write(document, out);
    }
    json::write(document, out)
}
