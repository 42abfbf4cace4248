//! The operators of the condition language, and how strongly they bind.

use super::function::Function;
use super::program::{Arithmetic, Comparison};

/// An operator or parenthesis that waits for what is on its right.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pending {
    Open,
    Call {
        function: Function,
        arguments: u8,
        start: u16,
    },
    Prefix {
        negate: bool,
    },
    Binary(Binary),
    /// `AND`, `OR`, `??` with the operation that skips the right side.
    Skipping {
        binary: Skipping,
        skip: u16,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Binary {
    Arithmetic(Arithmetic),
    Bars,
    Compare(Comparison),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Skipping {
    And,
    Or,
    Else,
}

pub(super) const EQUALITY: u8 = 4;

impl Pending {
    /// How strongly it binds; `None` for what only a `)` ends.
    pub(super) const fn strength(self) -> Option<u8> {
        match self {
            Self::Open | Self::Call { .. } => None,
            Self::Prefix { negate: true } => Some(9),
            Self::Prefix { negate: false } => Some(8),
            Self::Binary(binary) => Some(binary.strength()),
            Self::Skipping { binary, .. } => Some(binary.strength()),
        }
    }
}

impl Binary {
    pub(super) const fn strength(self) -> u8 {
        match self {
            Self::Arithmetic(Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Modulo) => 7,
            Self::Arithmetic(Arithmetic::Add | Arithmetic::Subtract) | Self::Bars => 6,
            Self::Compare(Comparison::Equal | Comparison::NotEqual) => EQUALITY,
            Self::Compare(_) => 5,
        }
    }
}

impl Skipping {
    pub(super) const fn strength(self) -> u8 {
        match self {
            Self::And => 3,
            Self::Or => 2,
            Self::Else => 1,
        }
    }
}
