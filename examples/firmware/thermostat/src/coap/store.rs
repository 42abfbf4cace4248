//! The conversation with a server that only keeps bytes: what a twin's hub would know is made up here.
//!
//! Desired and reported are two resources. A get reads desired, an update puts all of reported, and versions are counted
//! here. **The one rule: the server is taken to have what it accepted.** Nothing tells that it forgot it, but each report
//! holds everything.

use twinsync::adapter::coap::{
    AskError, Block, Client, Code, Format, Json, MessageWriter, Question, Type, WriteError, option,
};
use twinsync::device::DeviceEngine;
use twinsync::document::{Document, DocumentRef};
use twinsync::protocol::{Accepted, Message, Rejection, RequestId, Snapshot, Wanted};
use twinsync::time::Instant;

use super::Options;
use crate::log;

/// An engine's name of a request.
pub(super) type Id = [u8; 8];

/// Writes a request of the engine. `reported` is all of it, `observed` the question that asked for the observation.
pub(super) fn encode<const MTU: usize>(
    client: &Client<'_, Json>,
    options: &Options<'_>,
    message: &Message<'_>,
    reported: DocumentRef<'_>,
    observed: Option<&Question>,
    out: &mut MessageWriter<'_>,
) -> Result<(Question, Option<Id>), AskError<WriteError>> {
    if let Message::Get(get) = message {
        let first = Block::new(0, false, options.block_size).ok();
        let (Some(question), Some(first)) = (observed, first) else {
            return Err(AskError::Unsupported);
        };
        // Desired, without asking for more of it.
        client.next(question, first, out)?;
        let id = get.id.and_then(|id| id.as_str().as_bytes().try_into().ok());
        return Ok((question.clone(), id));
    }
    // As a hub would be asked: for the question alone.
    let mut unsent = [0; MTU];
    let mut aside = MessageWriter::new(&mut unsent, Type::Confirmable, Code::EMPTY, 0, &[]);
    let question = client.encode(message, Wanted::Sections, &mut aside)?;
    out.code(Code::PUT);
    let (device, name) = (options.twin.device(), options.twin.name());
    let path = [Some(options.prefix), Some(device), name, Some("reported")];
    for segment in path.into_iter().flatten() {
        out.option(option::URI_PATH, segment.as_bytes());
    }
    out.option_uint(option::CONTENT_FORMAT, Json::DOCUMENT.0.into());
    let needed = Json::len(reported);
    if needed > options.block_size {
        return Err(AskError::TooLarge { needed });
    }
    // It was measured before.
    let _ = Json::write(reported, out.payload_mut(needed));
    Ok((question, None))
}

/// Gives the engine a message, with what the server does not know.
pub(super) fn tell<const N: usize, const I: usize>(
    engine: &mut DeviceEngine<N>,
    now: Instant,
    message: Message<'_>,
    id: Option<Id>,
) {
    let mut versions = engine.versions();
    let id = id.as_ref().and_then(|id| core::str::from_utf8(id).ok());
    let id = id.and_then(RequestId::new);
    let mut twin = Document::<I>::new();
    let told = match message {
        Message::Desired(snapshot) if id.is_some() => {
            // With what it accepted of reported, as far as there is room: the rest is put again.
            let mut reported = Document::<N>::new();
            let _ = twin.assign(snapshot.document);
            if reported.assign(engine.acknowledged()).is_ok()
                && reported.as_mut().nest("reported").is_ok()
            {
                let _ = twin.merge(reported.as_ref());
            }
            Message::GetAccepted(Snapshot {
                id,
                document: twin.as_ref(),
                versions,
                ..snapshot
            })
        }
        Message::Desired(snapshot) => {
            versions.desired = versions.desired.next();
            Message::Desired(Snapshot {
                versions,
                ..snapshot
            })
        }
        Message::UpdateAccepted(accepted) => {
            versions.reported = versions.reported.next();
            Message::UpdateAccepted(Accepted {
                versions,
                ..accepted
            })
        }
        Message::Rejected(rejection) if id.is_some() => {
            Message::Rejected(Rejection { id, ..rejection })
        }
        other => other,
    };
    log::info!("<- {}", told);
    // Requests are nothing that a decoder makes.
    let _ = engine.handle_message(now, told);
}
