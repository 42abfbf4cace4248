//! The table of codes.

use crate::adapter::coap::{Code, status};
use crate::error::Status;

const ALL: [Status; 11] = [
    Status::Invalid,
    Status::Unauthorized,
    Status::Forbidden,
    Status::NotFound,
    Status::Conflict,
    Status::PreconditionFailed,
    Status::TooLarge,
    Status::UnsupportedEncoding,
    Status::Throttled,
    Status::Internal,
    Status::Unavailable,
];

#[test]
fn every_status_has_a_code_of_its_own_that_leads_back() {
    for status in ALL {
        assert_eq!(status::status(status::code(status)), status);
        let others = ALL
            .iter()
            .filter(|other| status::code(**other) == status::code(status));
        assert_eq!(others.count(), 1);
    }
}

#[test]
fn a_strange_code_counts_as_its_class() {
    assert_eq!(status::status(Code::new(4 << 5 | 31)), Status::Invalid);
    assert_eq!(status::status(Code::new(5 << 5 | 31)), Status::Internal);
    assert_eq!(status::status(Code::GATEWAY_TIMEOUT), Status::Unavailable);
    assert_eq!(status::status(Code::UNPROCESSABLE_ENTITY), Status::Invalid);
}
