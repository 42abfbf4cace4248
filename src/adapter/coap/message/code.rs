//! Method and response codes (RFC 7252 §12.1, RFC 8132 §6, RFC 8516).

use core::fmt;

/// What a message asks for or answers: a class of three bits, a detail of five, written `c.dd`.
///
/// ```
/// use twinsync::adapter::coap::Code;
///
/// assert_eq!(Code::CONTENT.to_string(), "2.05");
/// assert_eq!(Code::new(0x45), Code::CONTENT);
/// assert!(Code::IPATCH.is_request() && Code::NOT_FOUND.is_response());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Code(u8);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $class:literal . $detail:literal;)*) => {
        impl Code {
            $($(#[$doc])* pub const $name: Self = Self($class << 5 | $detail);)*
        }
    };
}

codes! {
    /// 0.00: no code at all; the message carries nothing but its header.
    EMPTY = 0 . 0;
    /// 0.01
    GET = 0 . 1;
    /// 0.02
    POST = 0 . 2;
    /// 0.03
    PUT = 0 . 3;
    /// 0.04
    DELETE = 0 . 4;
    /// 0.05: a GET whose payload says which parts (RFC 8132).
    FETCH = 0 . 5;
    /// 0.06: a change that may not be idempotent (RFC 8132).
    PATCH = 0 . 6;
    /// 0.07: an idempotent change, as a merge patch is (RFC 8132).
    IPATCH = 0 . 7;
    /// 2.01
    CREATED = 2 . 1;
    /// 2.02
    DELETED = 2 . 2;
    /// 2.03: the representation that the client named by its etag is still the one.
    VALID = 2 . 3;
    /// 2.04
    CHANGED = 2 . 4;
    /// 2.05
    CONTENT = 2 . 5;
    /// 2.31: the block was taken, go on (RFC 7959).
    CONTINUE = 2 . 31;
    /// 4.00
    BAD_REQUEST = 4 . 0;
    /// 4.01
    UNAUTHORIZED = 4 . 1;
    /// 4.02: a critical option is not understood, or has no value that it may have.
    BAD_OPTION = 4 . 2;
    /// 4.03
    FORBIDDEN = 4 . 3;
    /// 4.04
    NOT_FOUND = 4 . 4;
    /// 4.05
    METHOD_NOT_ALLOWED = 4 . 5;
    /// 4.06
    NOT_ACCEPTABLE = 4 . 6;
    /// 4.08: blocks are missing (RFC 7959).
    REQUEST_ENTITY_INCOMPLETE = 4 . 8;
    /// 4.09: the change does not fit the resource's state (RFC 8132).
    CONFLICT = 4 . 9;
    /// 4.12
    PRECONDITION_FAILED = 4 . 12;
    /// 4.13
    REQUEST_ENTITY_TOO_LARGE = 4 . 13;
    /// 4.15
    UNSUPPORTED_CONTENT_FORMAT = 4 . 15;
    /// 4.22: well-formed, and yet it can not be done (RFC 8132).
    UNPROCESSABLE_ENTITY = 4 . 22;
    /// 4.29 (RFC 8516).
    TOO_MANY_REQUESTS = 4 . 29;
    /// 5.00
    INTERNAL_SERVER_ERROR = 5 . 0;
    /// 5.01
    NOT_IMPLEMENTED = 5 . 1;
    /// 5.02
    BAD_GATEWAY = 5 . 2;
    /// 5.03
    SERVICE_UNAVAILABLE = 5 . 3;
    /// 5.04
    GATEWAY_TIMEOUT = 5 . 4;
    /// 5.05
    PROXYING_NOT_SUPPORTED = 5 . 5;
}

impl Code {
    /// Takes the octet that the header has.
    pub const fn new(octet: u8) -> Self {
        Self(octet)
    }

    /// Returns the octet that the header has.
    pub const fn as_u8(self) -> u8 {
        self.0
    }

    /// Returns the part before the point: 0 to 7.
    pub const fn class(self) -> u8 {
        self.0 >> 5
    }

    /// Returns the part after the point: 0 to 31.
    pub const fn detail(self) -> u8 {
        self.0 & 0x1F
    }

    /// Whether this is a method: class 0, but for 0.00.
    pub const fn is_request(self) -> bool {
        self.class() == 0 && self.0 != 0
    }

    /// Whether this is a response: class 2, 4 or 5.
    pub const fn is_response(self) -> bool {
        matches!(self.class(), 2 | 4 | 5)
    }

    /// Whether this is a response that says yes: class 2.
    pub const fn is_success(self) -> bool {
        self.class() == 2
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.class(), self.detail())
    }
}
