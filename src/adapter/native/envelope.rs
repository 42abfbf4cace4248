//! The envelope around documents: numbered fields, written and read.

use crate::adapter::EncodeError;
use crate::adapter::Publish;
use crate::codec::cbor::Writer;
use crate::codec::{Member, Select};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::Number;
use crate::document::Value;
use crate::error::BufferTooSmall;
use crate::protocol::RequestId;
use crate::protocol::Versions;
use crate::time::Timestamp;
use crate::twin::ETag;
use crate::twin::Section;
use crate::twin::Version;

use super::kind::Kind;
use super::status;

/// A field of the envelope: its number on the wire, and the name under which it is read.
#[derive(Clone, Copy)]
pub(super) struct Field {
    number: u8,
    pub(super) name: &'static str,
}

const fn field(number: u8, name: &'static str) -> Field {
    Field { number, name }
}

// Names are short: they stand in the reader's document.
pub(super) const ID: Field = field(0, "i");
pub(super) const VERSIONS: Field = field(1, "v");
pub(super) const STATE: Field = field(2, "s");
pub(super) const PATCH: Field = field(3, "p");
pub(super) const METADATA: Field = field(4, "m");
pub(super) const DIGEST: Field = field(5, "e");
pub(super) const ETAG: Field = field(6, "k");
pub(super) const MODE: Field = field(7, "r");
pub(super) const PRECONDITION: Field = field(8, "c");
pub(super) const STATUS: Field = field(9, "f");
pub(super) const DETAIL: Field = field(10, "d");
pub(super) const TIME: Field = field(11, "t");
pub(super) const PREVIOUS: Field = field(12, "o");
pub(super) const PREVIOUS_VERSIONS: Field = field(13, "w");

/// Key of the metadata in a twin's document.
const TWIN_METADATA: &str = "metadata";

/// The sections of a state, by number.
pub(super) const SECTIONS: &[Member] = &[
    Member::all("desired"),
    Member::all("reported"),
    Member::all("tags"),
    Member::all(TWIN_METADATA),
];
/// What a device reads of a state.
pub(super) const DEVICE_SECTIONS: &[Member] = &[Member::all("desired"), Member::all("reported")];
/// What a device without room for both sections reads: all of desired, merged as a delta is.
pub(super) const DELTA_SECTIONS: &[Member] = &[Member::all("delta")];

/// What is read to answer a request that can not be read.
pub(super) static ID_ONLY: Select = Select::Numbered(&[Member::all(ID.name)]);

/// What was written: the length of the body with room for a map's head, its fields, and whether a number
/// is too large for the envelope.
pub(super) struct Written {
    len: usize,
    fields: u8,
    overflow: bool,
}

/// A body that is being written: its kind, then the fields in the order of their numbers.
pub(super) struct Body<'o> {
    pub(super) writer: Writer<'o>,
    fields: u8,
    overflow: bool,
}

impl<'o> Body<'o> {
    pub(super) fn new(kind: Kind, out: &'o mut [u8]) -> Self {
        let mut writer = Writer::new(out);
        writer.unsigned(u64::from(kind.code()));
        // How many fields there are is known at the end; there are always less than 24.
        writer.map(0);
        Self {
            writer,
            fields: 0,
            overflow: false,
        }
    }

    pub(super) fn field(&mut self, field: Field) {
        self.fields = self.fields.wrapping_add(1);
        self.writer.unsigned(u64::from(field.number));
    }

    pub(super) fn id(&mut self, id: Option<RequestId<'_>>) {
        if let Some(id) = id {
            self.field(ID);
            match number(id.as_str()) {
                Some(number) => self.writer.unsigned(u64::from(number)),
                None => self.writer.text(id.as_str()),
            }
        }
    }

    /// A number as readers take it: below 2⁶³.
    pub(super) fn count(&mut self, count: u64) {
        self.overflow |= i64::try_from(count).is_err();
        self.writer.unsigned(count);
    }

    pub(super) fn versions(&mut self, field: Field, versions: Versions) {
        self.field(field);
        let sum = sum(versions.desired, versions.reported);
        let whole = versions.twin != sum;
        self.writer.array(if whole { 3 } else { 2 });
        self.count(versions.desired.as_u64());
        self.count(versions.reported.as_u64());
        if whole {
            self.count(versions.twin.as_u64());
        }
    }

    pub(super) fn document(&mut self, field: Field, document: DocumentRef<'_>) {
        self.field(field);
        self.writer.document(document);
    }

    pub(super) fn etag(&mut self, etag: ETag) {
        self.writer
            .number(Number::from(i64::from_be_bytes(*etag.as_bytes())));
    }

    /// A state: null, or the first `sections` of [`SECTIONS`] as far as `document` has them. Returns
    /// whether that was all of it.
    pub(super) fn state(
        &mut self,
        field: Field,
        document: DocumentRef<'_>,
        sections: usize,
    ) -> bool {
        self.field(field);
        if document == DocumentRef::NULL {
            self.writer.document(document);
            return true;
        }
        let held = || {
            (0_u64..)
                .zip(SECTIONS.iter().take(sections))
                .filter_map(|(number, member)| Some((number, document.at(&[member.key])?)))
        };
        let count = held().count();
        self.writer.map(count);
        for (number, section) in held() {
            self.writer.unsigned(number);
            self.writer.document(section);
        }
        document.is_map() && document.entries().count() == count
    }

    pub(super) fn finish(self) -> Written {
        Written {
            len: self.writer.len(),
            fields: self.fields,
            overflow: self.overflow,
        }
    }
}

impl Written {
    /// Puts the map's head into place behind a topic of `topic` bytes.
    pub(super) fn publish(self, topic: usize, out: &mut [u8]) -> Result<Publish<'_>, EncodeError> {
        if self.overflow {
            return Err(EncodeError::Unsupported);
        }
        let mut end = topic.saturating_add(self.len);
        // A map without fields is left out.
        if self.fields == 0 {
            end = end.saturating_sub(1);
        }
        if end > out.len() {
            return Err(EncodeError::BufferTooSmall(BufferTooSmall { needed: end }));
        }
        if self.fields > 0
            && let Some(head) = out.get_mut(topic.wrapping_add(1))
        {
            *head |= self.fields;
        }
        Ok(Publish::cut(out, topic, end))
    }
}

fn sum(desired: Version, reported: Version) -> Version {
    Version::new(desired.as_u64().saturating_add(reported.as_u64()))
}

/// Digits of a request id that has an integer's form.
const DIGITS: usize = 8;

/// The number of an id that is eight lowercase hexadecimal digits.
pub(super) fn number(id: &str) -> Option<u32> {
    if id.len() != DIGITS {
        return None;
    }
    let mut number = 0_u32;
    for byte in id.bytes() {
        let digit = match byte {
            b'0'..=b'9' => byte.wrapping_sub(b'0'),
            b'a'..=b'f' => byte.wrapping_sub(b'a').wrapping_add(10),
            _ => return None,
        };
        number = number.wrapping_shl(4) | u32::from(digit);
    }
    Some(number)
}

/// Cuts off the end of the buffer where the text of an integer id will stand.
pub(super) fn reserve(document: DocumentMut<'_>) -> (DocumentMut<'_>, &mut [u8]) {
    let DocumentMut { bytes, len } = document;
    // Whoever has not even room for that gets no id, which is then an error.
    let at = bytes.len().saturating_sub(DIGITS);
    let at = if at < LEAST { bytes.len() } else { at };
    match bytes.split_at_mut_checked(at) {
        Some((bytes, tail)) => (DocumentMut { bytes, len }, tail),
        None => (
            DocumentMut {
                bytes: &mut [],
                len,
            },
            &mut [],
        ),
    }
}

/// A document is at least this long.
const LEAST: usize = 3;

/// The fields of a body that were wanted.
#[derive(Clone, Copy)]
pub(super) struct Payload<'a>(pub(super) DocumentRef<'a>);

impl<'a> Payload<'a> {
    pub(super) fn value(self, field: Field) -> Option<Value<'a>> {
        self.0.value(&[field.name])
    }

    pub(super) fn id(self, tail: &'a mut [u8]) -> Result<Option<RequestId<'a>>, &'static str> {
        let id = match self.value(ID) {
            None => return Ok(None),
            // The same id has one spelling only.
            Some(Value::String(text)) if number(text).is_none() => RequestId::new(text),
            Some(value) => {
                let number = value.as_i64().and_then(|number| u32::try_from(number).ok());
                number.and_then(|number| hex(number, tail))
            }
        };
        id.map(Some).ok_or("id")
    }

    /// A field that counts something; `None` if it is missing.
    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn count(
        self,
        field: Field,
        name: &'static str,
    ) -> Result<Option<u64>, &'static str> {
        match self.value(field) {
            None => Ok(None),
            Some(value) => counter(Some(value)).map(Some).ok_or(name),
        }
    }

    pub(super) fn time(self) -> Result<Timestamp, &'static str> {
        let millis = self.count(TIME, "time")?;
        Ok(millis.map_or(Timestamp::EPOCH, Timestamp::from_millis))
    }

    #[cfg_attr(target_pointer_width = "32", inline(never))]
    pub(super) fn versions(self, field: Field) -> Option<Versions> {
        let mut items = self.value(field)?.as_array()?.iter();
        let mut version = || Some(Version::new(counter(Some(items.next()?))?));
        let (desired, reported) = (version()?, version()?);
        let twin = match items.next() {
            None => sum(desired, reported),
            twin => Version::new(counter(twin)?),
        };
        items.next().is_none().then_some(Versions {
            twin,
            desired,
            reported,
        })
    }

    pub(super) fn map(self, field: Field) -> Option<DocumentRef<'a>> {
        self.0.at(&[field.name]).filter(|map| map.is_map())
    }

    /// A state whose sections are maps.
    pub(super) fn state(self, field: Field) -> Option<DocumentRef<'a>> {
        self.map(field).filter(|state| {
            state
                .entries()
                .all(|(_, section)| section.as_map().is_some())
        })
    }

    pub(super) fn etag(
        self,
        field: Field,
        name: &'static str,
    ) -> Result<Option<ETag>, &'static str> {
        match self.value(field) {
            None => Ok(None),
            Some(value) => etag(Some(value)).map(Some).ok_or(name),
        }
    }
}

/// A number from 0 on.
pub(super) fn counter(value: Option<Value<'_>>) -> Option<u64> {
    u64::try_from(value?.as_i64()?).ok()
}

/// Eight bytes, as the signed integer of the same bits.
pub(super) fn etag(value: Option<Value<'_>>) -> Option<ETag> {
    Some(ETag::from_bytes(value?.as_i64()?.to_be_bytes()))
}

pub(super) fn section(value: Option<Value<'_>>) -> Option<Section> {
    status::section(counter(value)?)
}

/// Writes the text of an integer id.
fn hex(number: u32, tail: &mut [u8]) -> Option<RequestId<'_>> {
    let text = tail.get_mut(..DIGITS)?;
    let mut rest = number;
    for digit in text.iter_mut().rev() {
        let [.., low] = rest.to_be_bytes();
        let nibble = low & 0xF;
        *digit = match nibble {
            0..=9 => b'0'.wrapping_add(nibble),
            _ => b'a'.wrapping_sub(10).wrapping_add(nibble),
        };
        rest = rest.wrapping_shr(4);
    }
    core::str::from_utf8(text).ok().and_then(RequestId::new)
}
