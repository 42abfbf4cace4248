//! What a FETCH asks for: an array of JSON pointers (RFC 6901), the paths of what is wanted.

use crate::document::DocumentMut;
use crate::document::DocumentRef;
use crate::document::EditError;
use crate::document::MAX_DEPTH;
use crate::document::Value;
use crate::error::CapacityError;

/// Whether this is an array of pointers: each empty, or beginning with a slash.
pub(super) fn is_paths(paths: DocumentRef<'_>) -> bool {
    let is_pointer = |item: Value<'_>| {
        item.as_str()
            .is_some_and(|text| text.is_empty() || text.starts_with('/'))
    };
    paths
        .root()
        .as_array()
        .is_some_and(|paths| paths.iter().all(is_pointer))
}

/// Puts what the paths name in `document` into `out`, under the same paths; what is not there is left
/// out. Cost: the number of paths times the entries on the way.
pub(super) fn select(
    paths: DocumentRef<'_>,
    document: DocumentRef<'_>,
    out: &mut DocumentMut<'_>,
) -> Result<(), CapacityError> {
    out.clear();
    let paths = paths.root().as_array();
    for pointer in paths.iter().flat_map(|paths| paths.iter()) {
        let Some(path) = pointer.as_str().and_then(|text| resolve(text, document)) else {
            continue;
        };
        if let Some(found) = document.at(&path) {
            match out.copy(&path, found) {
                Ok(()) => {}
                Err(EditError::Capacity(error)) => return Err(error),
                // What stands in a document is neither too deep nor too long for another.
                Err(EditError::TooDeep | EditError::KeyTooLong) => {}
            }
        }
    }
    Ok(())
}

/// The keys that a pointer names, as they stand in the document.
fn resolve<'d>(
    pointer: &str,
    document: DocumentRef<'d>,
) -> Option<heapless::Vec<&'d str, MAX_DEPTH>> {
    let mut path = heapless::Vec::new();
    let mut at = document;
    for token in pointer.split('/').skip(1) {
        let (key, _) = at.entries().find(|(key, _)| is_token(token, key))?;
        path.push(key).ok()?;
        at = at.at(&[key])?;
    }
    Some(path)
}

/// Whether a pointer's token, in which `~1` is a slash and `~0` a tilde, is this key.
fn is_token(token: &str, key: &str) -> bool {
    let mut rest = token.chars();
    for expected in key.chars() {
        let character = match rest.next() {
            Some('~') => match rest.next() {
                Some('0') => Some('~'),
                Some('1') => Some('/'),
                _ => None,
            },
            character => character,
        };
        if character != Some(expected) {
            return false;
        }
    }
    rest.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::{is_paths, is_token, select};
    use crate::codec::json;
    use crate::document::Document;

    fn document(text: &str) -> Document<256> {
        let mut document = Document::new();
        json::read(text.as_bytes(), document.as_mut()).unwrap();
        document
    }

    #[test]
    fn what_is_named_comes_under_its_path() {
        let twin = document(r#"{"desired":{"a":1,"b":{"c":2,"d":3}},"reported":{"a":4}}"#);
        let paths = document(r#"["/desired/b/c","/reported","/nothing/here","/desired/a/below"]"#);
        let mut out = Document::<256>::new();
        select(paths.as_ref(), twin.as_ref(), &mut out.as_mut()).unwrap();
        assert_eq!(
            out,
            document(r#"{"desired":{"b":{"c":2}},"reported":{"a":4}}"#)
        );
    }

    #[test]
    fn the_empty_pointer_is_all() {
        let twin = document(r#"{"a":1}"#);
        let mut out = Document::<256>::new();
        select(
            document(r#"[""]"#).as_ref(),
            twin.as_ref(),
            &mut out.as_mut(),
        )
        .unwrap();
        assert_eq!(out, twin);
    }

    #[test]
    fn escapes_are_those_of_rfc_6901() {
        assert!(is_token("a~1b~0", "a/b~"));
        assert!(!is_token("a~2", "a~2") && !is_token("a", "ab") && !is_token("ab", "a"));
        assert!(!is_token("~", "~"));
    }

    #[test]
    fn only_an_array_of_pointers_is_one() {
        assert!(is_paths(document(r#"["","/a"]"#).as_ref()));
        for bad in [r#"{"a":1}"#, r#"["a"]"#, "[7]", "\"/a\""] {
            assert!(!is_paths(document(bad).as_ref()), "{bad}");
        }
    }
}
