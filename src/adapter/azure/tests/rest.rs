use super::super::rest::{Call, Method, Query, Request};
use super::super::{EntityTag, Fault, Identity, Policy, Service, UnquotedEtag};
use super::{document, lamp, service};
use crate::codec::json::Writer;
use crate::document::Document;
use crate::error::Status;
use crate::protocol::Message;
use crate::protocol::UpdateRequest;
use crate::twin::ETag;
use crate::twin::Mode;
use crate::twin::Origin;
use crate::twin::Precondition;
use crate::twin::Section;
use crate::twin::TwinRef;
use alloc::string::String;

fn request<'a>(method: Method, path: &'a str, body: &'a str) -> Request<'a> {
    Request {
        method,
        path,
        body: body.as_bytes(),
        ..Request::default()
    }
}

/// Lends the update that a request asks for.
fn update<T>(request: &Request<'_>, take: impl FnOnce(&str, UpdateRequest<'_>) -> T) -> T {
    let mut names = [0; 256];
    let mut scratch = Document::<1024>::new();
    let call = service().decode_rest(request, &mut names, scratch.as_mut());
    let Ok(Call::Twin(id, Message::Update(update))) = call else {
        panic!("{call:?}");
    };
    take(&alloc::format!("{id}"), update)
}

fn fault(service: Service, request: &Request<'_>) -> Option<(Status, String)> {
    let mut names = [0; 256];
    let mut scratch = Document::<1024>::new();
    let fault = service
        .decode_rest(request, &mut names, scratch.as_mut())
        .err()?;
    let mut out = [0; 512];
    let response = service.respond_fault(fault, &mut out).unwrap();
    let body = String::from_utf8(response.body.to_vec()).unwrap();
    let _: serde_json::Value = serde_json::from_str(&body).unwrap();
    Some((fault.status(), body))
}

#[test]
fn paths_name_devices_and_modules_in_any_encoding() {
    for (path, name) in [
        ("/twins/lamp", "lamp"),
        ("/twins/lamp?api-version=2021-04-12", "lamp"),
        ("/twins/la%6Dp/modules/f%2Dan", "lamp/f-an"),
        ("/twins/a%3Db", "a=b"),
    ] {
        let request = request(Method::Patch, path, "{}");
        update(&request, |id, _| assert_eq!(id, name));
    }
    for path in [
        "/twins/",
        "/twins/a/",
        "/twins/a/modules",
        "/twins/a/modules/",
        "/twins/a/modules/b/c",
        "/twins/a%2Fb",
        "/twins/a%23",
        "/twin/a",
        "",
    ] {
        let refused = fault(service(), &request(Method::Get, path, ""));
        assert_eq!(
            refused.map(|refused| refused.0),
            Some(Status::NotFound),
            "{path}"
        );
    }
}

#[test]
fn a_body_becomes_an_update_of_tags_and_desired() {
    for (body, patch) in [
        (
            r#"{"properties":{"desired":{"a":{"b":1}},"reported":{"x":1}},"tags":{"t":"u"},"deviceId":"other"}"#,
            r#"{"tags":{"t":"u"},"desired":{"a":{"b":1}}}"#,
        ),
        (
            r#"{"properties":{"desired":{"a":null}}}"#,
            r#"{"desired":{"a":null}}"#,
        ),
        (r#"{"tags":{"t":null}}"#, r#"{"tags":{"t":null}}"#),
        (r#"{"tags":{},"properties":{}}"#, r#"{"tags":{}}"#),
        (r#"{"properties":null}"#, "{}"),
        ("{}", "{}"),
    ] {
        for (method, mode) in [(Method::Patch, Mode::Merge), (Method::Put, Mode::Replace)] {
            let request = request(method, "/twins/lamp", body);
            update(&request, |_, request| {
                assert_eq!(request.update.patch, document(patch).as_ref(), "{body}");
                assert_eq!(request.update.mode, mode);
                assert_eq!(request.update.origin, Origin::Service);
            });
        }
    }
}

#[test]
fn what_breaks_a_rule_is_refused_in_the_services_words() {
    for (body, words) in [
        ("", "not valid JSON"),
        ("[]", "not an object"),
        (r#"{"tags":1}"#, "tags is not an object"),
        (
            r#"{"properties":{"desired":[]}}"#,
            "desired is not an object",
        ),
        (r#"{"tags":{"a":{"$b":1}}}"#, "invalid character '$'"),
        (
            r#"{"properties":{"desired":{"$version":1}}}"#,
            "$version contains invalid character '$'",
        ),
        (
            r#"{"properties":{"desired":{"a":[null]}}}"#,
            "Value of Property or Tag cannot be null. Error inProperty/Tag a",
        ),
    ] {
        let (status, said) =
            fault(service(), &request(Method::Patch, "/twins/lamp", body)).unwrap();
        assert_eq!(status, Status::Invalid);
        assert!(said.starts_with(r#"{"Message":"ErrorCode:ArgumentInvalid;"#));
        assert!(said.contains(words), "{said}");
    }
    let deleted = fault(service(), &request(Method::Other, "/twins/lamp", "{}"));
    assert_eq!(deleted.unwrap().0, Status::Invalid);
}

#[test]
fn if_match_is_any_or_an_etag_quoted_or_weak() {
    let etag = ETag::from_bytes([0, 0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(EntityTag::from(etag).as_str(), "\"AAAAAAAAAAc=\"");
    for (header, precondition) in [
        ("*", Precondition::Any),
        ("\"*\"", Precondition::Any),
        ("\"AAAAAAAAAAc=\"", Precondition::Match(etag)),
        (" W/\"AAAAAAAAAAc=\" ", Precondition::Match(etag)),
    ] {
        let request = Request {
            if_match: Some(header),
            ..request(Method::Patch, "/twins/lamp", "{}")
        };
        update(&request, |_, request| {
            assert_eq!(request.update.precondition, precondition, "{header}");
        });
    }
    let unquoted = Request {
        if_match: Some("AAAAAAAAAAc="),
        ..request(Method::Patch, "/twins/lamp", "{}")
    };
    let foreign = Request {
        if_match: Some("\"something else\""),
        ..unquoted
    };
    assert_eq!(fault(service(), &unquoted).unwrap().0, Status::Invalid);
    assert_eq!(
        fault(service(), &foreign).unwrap().0,
        Status::PreconditionFailed
    );
    for meaning in [UnquotedEtag::Taken, UnquotedEtag::Ignored] {
        let lenient = Service::new(Policy::new().with_unquoted_etag(meaning));
        assert_eq!(fault(lenient, &unquoted), None);
    }
}

#[test]
fn a_query_is_its_text_and_its_page() {
    let request = Request {
        max_item_count: Some(" 20 "),
        continuation: Some("next"),
        ..request(
            Method::Post,
            "/devices/query?api-version=2021-04-12",
            r#"{"query":"SELECT * FROM devices"}"#,
        )
    };
    let (mut names, mut scratch) = ([0; 8], Document::<256>::new());
    let call = service().decode_rest(&request, &mut names, scratch.as_mut());
    let query = Query {
        text: "SELECT * FROM devices",
        max_items: Some(20),
        continuation: Some("next"),
    };
    assert_eq!(call, Ok(Call::Query(query)));
    let get = Request {
        method: Method::Get,
        ..request
    };
    let call = service().decode_rest(&get, &mut names, scratch.as_mut());
    assert_eq!(call, Err(Fault::Method));
}

#[test]
fn a_page_is_an_array() {
    let mut out = [0; 64];
    let mut writer = Writer::new(&mut out);
    let service = service();
    let mut page = service.page(&mut writer);
    page.raw(document(r#"{"a":1}"#).as_ref());
    page.raw(document("2").as_ref());
    page.end();
    let len = writer.finish().unwrap();
    assert_eq!(&out[..len], br#"[{"a":1},2]"#);
}

#[test]
fn a_twin_that_is_not_there_is_not_found() {
    let mut out = [0; 256];
    let response = service()
        .respond_twin(&Identity::new(lamp()), TwinRef::ABSENT, &mut out)
        .unwrap();
    assert_eq!((response.status, response.etag), (404, None));
    assert!(
        response
            .body
            .starts_with(br#"{"Message":"ErrorCode:DeviceNotFound;"#)
    );
}

#[test]
fn sections_that_a_body_does_not_name_are_not_touched() {
    let request = request(Method::Put, "/twins/lamp", r#"{"tags":{"a":1}}"#);
    update(&request, |_, request| {
        assert!(request.update.patch.at(&[Section::Desired.key()]).is_none());
    });
}
