//! The service's interface for back-ends: requests and responses of HTTP, without an HTTP server.
//!
//! Whatever server reads the request fills in a [`Request`]; [`Service::decode_rest`] makes a hub's message
//! of it, and one of the `respond_…` functions makes the [`Response`]. **The one rule: who asks was
//! authenticated before; nothing here looks at tokens.**
//!
//! | request | [`Call`] | response |
//! | --- | --- | --- |
//! | `GET /twins/{device}` | [`Message::Get`] | 200 and the twin; 404 |
//! | `PATCH /twins/{device}` | [`Message::Update`], merge | 200 and the twin; 400, 403, 404, 412, 429 |
//! | `PUT /twins/{device}` | [`Message::Update`], replace | likewise |
//! | the same with `/modules/{module}` | the module's twin | likewise |
//! | `POST /devices/query` | [`Call::Query`] | 200 and an array |
//!
//! A body names `tags` and `properties.desired`; all else in it is read-only and passed over, so that a
//! twin may be sent back as it came. A `PUT` replaces those of the two that it names; null members in it say
//! nothing. Rules: "IoT Hub service REST API, Twin" (api-version 2021-04-12).
//!
//! ```
//! use twinsync::adapter::azure::{Policy, Service};
//! use twinsync::adapter::azure::rest::{Call, Method, Request};
//! use twinsync::document::Document;
//! use twinsync::protocol::Message;
//!
//! let service = Service::new(Policy::new());
//! let request = Request {
//!     method: Method::Patch,
//!     path: "/twins/lamp?api-version=2021-04-12",
//!     if_match: Some("\"*\""),
//!     body: br#"{"properties":{"desired":{"on":true}},"deviceId":"lamp"}"#,
//!     ..Request::default()
//! };
//! let (mut names, mut scratch) = ([0; 256], Document::<256>::new());
//! let call = service.decode_rest(&request, &mut names, scratch.as_mut());
//! let Ok(Call::Twin(id, Message::Update(update))) = call else { panic!() };
//! assert_eq!(id.device(), "lamp");
//! assert_eq!(update.update.patch.read::<bool>(&["desired", "on"]), Ok(true));
//! ```

use super::answer;
use super::percent;
use super::policy::UnquotedEtag;
use super::service::{Fault, Service, fault};
use super::status;
use super::topic::{number, twin_id};
use super::view::{EntityTag, Identity};
use crate::codec::json::{self, Member, Select, Writer};
use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::Value;
use crate::document::edit;
use crate::document::format;
use crate::error::BufferTooSmall;
use crate::error::Status;
use crate::protocol::Get;
use crate::protocol::Message;
use crate::protocol::Rejection;
use crate::protocol::TwinId;
use crate::protocol::UpdateRequest;
use crate::twin::Mode;
use crate::twin::Origin;
use crate::twin::Precondition;
use crate::twin::Section;
use crate::twin::TwinRef;
use crate::twin::Update;

/// A request as a server of HTTP read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path, with its query string if it has one.
    pub path: &'a str,
    /// The header `If-Match`.
    pub if_match: Option<&'a str>,
    /// The header `x-ms-max-item-count`.
    pub max_item_count: Option<&'a str>,
    /// The header `x-ms-continuation`.
    pub continuation: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

/// The methods that twins know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Method {
    /// `GET`.
    #[default]
    Get,
    /// `PATCH`.
    Patch,
    /// `PUT`.
    Put,
    /// `POST`.
    Post,
    /// Any other one.
    Other,
}

impl Method {
    /// Reads the method's name, which is upper case (RFC 9110 §9.1).
    pub fn parse(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "PATCH" => Self::Patch,
            "PUT" => Self::Put,
            "POST" => Self::Post,
            _ => Self::Other,
        }
    }
}

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Call<'a> {
    /// A hub's request about this twin.
    Twin(TwinId<'a>, Message<'a>),
    /// Twins that a query selects.
    Query(Query<'a>),
}

/// A query as it came; the text is not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Query<'a> {
    /// The query's text, at most [`Query::MAX_CHARACTERS`].
    pub text: &'a str,
    /// The largest page that is wanted; a service gives at most 100 twins.
    pub max_items: Option<u32>,
    /// Where the page before ended, in the service's own words.
    pub continuation: Option<&'a str>,
}

impl Query<'_> {
    /// Longest query in characters.
    pub const MAX_CHARACTERS: usize = 8_192;
}

/// What the items of a page are, for the header `x-ms-item-type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum ItemType {
    /// Whole twins (`SELECT *`).
    Twin,
    /// Anything else.
    Raw,
}

impl ItemType {
    /// Returns the header's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Twin => "Twin",
            Self::Raw => "Raw",
        }
    }
}

/// A response for a server of HTTP to send; the body is JSON (`application/json; charset=utf-8`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Response<'o> {
    /// The status.
    pub status: u16,
    /// The header `ETag`, of a twin.
    pub etag: Option<EntityTag>,
    /// The body.
    pub body: &'o [u8],
}

impl Service {
    /// Reads a request of a back-end. `document` needs room for the largest body that is to be understood;
    /// ids that are percent-encoded are decoded into `names`, which takes two of 128 bytes.
    ///
    /// Cost: linear in path and body.
    ///
    /// # Errors
    /// [`Fault`]: [`Service::respond_fault`] writes the response.
    pub fn decode_rest<'a>(
        &self,
        request: &Request<'a>,
        names: &'a mut [u8],
        mut document: DocumentMut<'a>,
    ) -> Result<Call<'a>, Fault<'a>> {
        let path = request.path.split('?').next().unwrap_or_default();
        if path == QUERY {
            if request.method != Method::Post {
                return Err(Fault::Method);
            }
            return query(request, document).map(Call::Query);
        }
        let id = identify(path, names)?;
        let mode = match request.method {
            Method::Get => return Ok(Call::Twin(id, Message::Get(Get::default()))),
            Method::Patch => Mode::Merge,
            Method::Put => Mode::Replace,
            Method::Post | Method::Other => return Err(Fault::Method),
        };
        let precondition = self.if_match(request.if_match)?;
        json::read_selected(request.body, document.reborrow(), &BODY).map_err(fault)?;
        if !document.as_ref().is_map() {
            return Err(Fault::Json(None));
        }
        lift_desired(&mut document);
        for section in SECTIONS {
            self.drop_own(&mut document, &[section.key()]);
        }
        let patch = document.into_ref();
        for section in SECTIONS {
            let Some(part) = patch.at(&[section.key()]) else {
                continue;
            };
            if !part.is_map() && part != DocumentRef::NULL {
                return Err(Fault::SectionType(section));
            }
            self.check_section(part)?;
        }
        let update = Update::merge(patch)
            .with_mode(mode)
            .with_precondition(precondition)
            .with_origin(Origin::Service);
        let message = Message::Update(UpdateRequest { id: None, update });
        Ok(Call::Twin(id, message))
    }

    /// What `If-Match` asks for: `*`, also in quotation marks as the official clients send it, or an etag,
    /// also a weak one.
    fn if_match(&self, header: Option<&str>) -> Result<Precondition, Fault<'static>> {
        let Some(header) = header.map(str::trim) else {
            return Ok(Precondition::Any);
        };
        let tag = header.strip_prefix("W/").unwrap_or(header);
        let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        // A twin that is not there is not found, whatever its etag was to be.
        let value = match (quoted, self.policy.unquoted_etag) {
            _ if header == "*" => return Ok(Precondition::Any),
            (Some("*"), _) => return Ok(Precondition::Any),
            (Some(value), _) => value,
            (None, UnquotedEtag::Taken) => tag,
            (None, UnquotedEtag::Ignored) => return Ok(Precondition::Any),
            (None, UnquotedEtag::Refused) => return Err(Fault::EntityTag),
        };
        match EntityTag::read(value) {
            Some(etag) => Ok(Precondition::Match(etag)),
            None => Err(Fault::Precondition),
        }
    }

    /// Writes the response that shows a twin, as it is after the request; 404 if there is none.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long the body is.
    pub fn respond_twin<'o>(
        &self,
        identity: &Identity<'_>,
        twin: TwinRef<'_>,
        out: &'o mut [u8],
    ) -> Result<Response<'o>, BufferTooSmall> {
        if !twin.exists() {
            return respond(Status::NotFound, out, |writer| {
                writer.raw(status::text(Status::NotFound));
            });
        }
        let mut writer = Writer::new(&mut *out);
        self.write_twin(identity, twin, &mut writer);
        let len = writer.finish()?;
        Ok(Response {
            status: 200,
            etag: Some(EntityTag::of(twin)),
            body: out.get(..len).unwrap_or_default(),
        })
    }

    /// Writes the response to a request that the hub refused.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long the body is.
    pub fn respond_rejection<'o>(
        &self,
        rejection: &Rejection<'_>,
        out: &'o mut [u8],
    ) -> Result<Response<'o>, BufferTooSmall> {
        respond(rejection.status, out, |writer| {
            self.rejection(rejection, false, writer);
        })
    }

    /// Writes the response to a request that [`Service::decode_rest`] refused.
    ///
    /// # Errors
    /// [`BufferTooSmall`] says how long the body is.
    pub fn respond_fault<'o>(
        &self,
        fault: Fault<'_>,
        out: &'o mut [u8],
    ) -> Result<Response<'o>, BufferTooSmall> {
        respond(fault.status(), out, |writer| answer::fault(fault, writer))
    }

    /// Starts to write the body of a page of a query's result.
    pub fn page<'w, 'o>(&'w self, writer: &'w mut Writer<'o>) -> Page<'w, 'o> {
        writer.raw("[");
        Page {
            service: self,
            writer,
            is_empty: true,
        }
    }
}

/// The body of a page of a query's result: an array.
#[derive(Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Page<'w, 'o> {
    service: &'w Service,
    writer: &'w mut Writer<'o>,
    is_empty: bool,
}

impl Page<'_, '_> {
    /// Adds a whole twin ([`ItemType::Twin`]).
    pub fn twin(&mut self, identity: &Identity<'_>, twin: TwinRef<'_>) {
        self.next();
        self.service.write_twin(identity, twin, self.writer);
    }

    /// Adds what a projection made ([`ItemType::Raw`]).
    pub fn raw(&mut self, item: DocumentRef<'_>) {
        self.next();
        self.writer.document(item);
    }

    /// Ends the page.
    pub fn end(self) {
        self.writer.raw("]");
    }

    fn next(&mut self) {
        if !self.is_empty {
            self.writer.raw(",");
        }
        self.is_empty = false;
    }
}

const QUERY: &str = "/devices/query";
const TWINS: &str = "/twins/";
const PROPERTIES: &str = "properties";

/// The sections that a back-end writes.
const SECTIONS: [Section; 2] = [Section::Tags, Section::Desired];

static BODY: Select = Select::Members(&[
    Member::all("tags"),
    Member::of(PROPERTIES, &[Member::all("desired")]),
]);
static QUERY_BODY: Select = Select::Members(&[Member::all("query")]);

/// Whose twin a path is about.
fn identify<'a>(path: &'a str, names: &'a mut [u8]) -> Result<TwinId<'a>, Fault<'static>> {
    let mut levels = path.strip_prefix(TWINS).ok_or(Fault::Path)?.split('/');
    let device = levels.next().ok_or(Fault::Path)?;
    let module = match (levels.next(), levels.next()) {
        (None, None) => None,
        (Some("modules"), Some(module)) => Some(module),
        _ => return Err(Fault::Path),
    };
    if levels.next().is_some() {
        return Err(Fault::Path);
    }
    let (front, back) = names
        .split_at_mut_checked(percent::decoded_len(device))
        .ok_or(Fault::TooLarge)?;
    let device = percent::decode(device, front).ok_or(Fault::Path)?;
    let module = match module {
        None => None,
        Some(module) => Some(percent::decode(module, back).ok_or(Fault::Path)?),
    };
    twin_id(device, module).map_err(|_| Fault::Path)
}

fn query<'a>(request: &Request<'a>, mut document: DocumentMut<'a>) -> Result<Query<'a>, Fault<'a>> {
    json::read_selected(request.body, document.reborrow(), &QUERY_BODY).map_err(fault)?;
    let body = document.into_ref();
    let text = body.value(&["query"]).and_then(Value::as_str);
    let text = text.ok_or(Fault::Json(None))?;
    if text.chars().count() > Query::MAX_CHARACTERS {
        // The service's own verdict (csharp#1680).
        return Err(Fault::Precondition);
    }
    Ok(Query {
        text,
        max_items: request
            .max_item_count
            .and_then(|count| number(count.trim()))
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX)),
        continuation: request.continuation.filter(|text| !text.is_empty()),
    })
}

/// Makes `{"tags":…,"desired":…}` of `{"tags":…,"properties":{"desired":…}}`: the canonical order of the
/// keys stays, so it is enough to cut out what stands between.
fn lift_desired(document: &mut DocumentMut<'_>) {
    let read = document.as_ref();
    let inner = read.at(&[PROPERTIES]);
    if !inner.is_some_and(|inner| inner.is_map() && !inner.is_empty()) {
        document.remove(&[PROPERTIES]);
        return;
    }
    let end = read.as_bytes().len();
    // The member is the last one: `tags` is shorter.
    let value = inner.map_or(0, |inner| inner.as_bytes().len());
    let entry = PROPERTIES.len().wrapping_add(1);
    let (Some(from), Some(dest)) = (
        end.checked_sub(value)
            .and_then(|at| at.checked_add(format::HEADER)),
        end.checked_sub(value).and_then(|at| at.checked_sub(entry)),
    ) else {
        return;
    };
    edit::shift(document.bytes, from, end, dest);
    let len = dest.wrapping_add(end.wrapping_sub(from));
    *document.len = len;
    format::write_u16(document.bytes, 1, len.wrapping_sub(format::HEADER));
}

fn respond(
    status: Status,
    out: &mut [u8],
    words: impl FnOnce(&mut Writer<'_>),
) -> Result<Response<'_>, BufferTooSmall> {
    let mut writer = Writer::new(&mut *out);
    writer.raw("{\"Message\":\"ErrorCode:");
    writer.raw(status::name(status));
    writer.raw(";");
    words(&mut writer);
    writer.raw("\",\"ExceptionMessage\":\"\"}");
    let len = writer.finish()?;
    Ok(Response {
        status: status::code(status),
        etag: None,
        body: out.get(..len).unwrap_or_default(),
    })
}
