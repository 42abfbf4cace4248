//! What paths lead to.

use super::operand::{Operand, Scratch};
use super::path::{Path, Step, Steps};
use crate::document::DocumentRef;
use crate::document::format;

/// What a condition is evaluated on: says what a path leads to.
///
/// ```
/// use twinsync::document::Number;
/// use twinsync::query::{Condition, Dialect, Environment, Operand, Path, Scratch};
///
/// struct Battery(u8);
///
/// impl Environment for Battery {
///     fn resolve(&self, path: Path<'_>, _: &mut Scratch) -> Operand<'_> {
///         (path.text() == "level").then(|| Number::from(self.0)).into()
///     }
/// }
///
/// let low = Condition::<8>::parse("level < 20", Dialect::TWIN)?;
/// assert!(low.matches(&Battery(7)));
/// assert!(!low.matches(&Battery(70)));
/// # Ok::<(), twinsync::query::ParseError>(())
/// ```
pub trait Environment {
    /// Returns the value at `path`, [`Operand::UNDEFINED`] if there is none. A text that is not kept
    /// anywhere can be written into `scratch`.
    fn resolve(&self, path: Path<'_>, scratch: &mut Scratch) -> Operand<'_>;
}

impl Environment for DocumentRef<'_> {
    /// The first key is one of the document's own; keys count by case.
    fn resolve(&self, path: Path<'_>, _: &mut Scratch) -> Operand<'_> {
        operand_at(*self, path.steps())
    }
}

/// The value that steps lead to in a document.
pub(super) fn operand_at<'d>(document: DocumentRef<'d>, steps: Steps<'_>) -> Operand<'d> {
    match walk(document, steps) {
        Some(document) => Operand::from_document(document),
        None => Operand::UNDEFINED,
    }
}

/// The part of a document that steps lead to.
fn walk<'d>(document: DocumentRef<'d>, steps: Steps<'_>) -> Option<DocumentRef<'d>> {
    let mut part = document;
    let any_case = steps.any_case;
    for step in steps {
        part = match step {
            Step::Key(key) => match part.at(&[key]) {
                None if any_case => in_any_case(part, key)?,
                found => found?,
            },
            Step::Index(index) => item(part, index)?,
        };
    }
    Some(part)
}

fn in_any_case<'d>(map: DocumentRef<'d>, key: &str) -> Option<DocumentRef<'d>> {
    let mut keys = map.entries().map(|(known, _)| known);
    let known = keys.find(|known| known.eq_ignore_ascii_case(key))?;
    map.at(&[known])
}

fn item(array: DocumentRef<'_>, index: u16) -> Option<DocumentRef<'_>> {
    let bytes = array.as_bytes();
    if format::byte_at(bytes, 0) != format::ARRAY {
        return None;
    }
    let mut at = format::HEADER;
    for _ in 0..index {
        if at >= bytes.len() {
            return None;
        }
        at = format::value_end(bytes, at);
    }
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    rest.get(..format::value_len(rest, 0))
        .map(DocumentRef::trusted)
}
