//! Options as they stand in a message (RFC 7252 §3.1).

use super::ParseError;
use crate::adapter::coap::option;

/// One option: its number and its value as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct CoapOption<'a> {
    /// What it is, see [`option`].
    pub number: u16,
    /// The value, in the format that the number tells.
    pub value: &'a [u8],
}

/// The options of a message in ascending order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Options<'a> {
    rest: &'a [u8],
    number: Option<u16>,
    raw: bool,
}

/// Precedes the payload; no option begins with it.
pub(super) const MARKER: u8 = 0xFF;

impl<'a> Options<'a> {
    /// Takes options that were seen by [`split`].
    pub(super) const fn new(options: &'a [u8], raw: bool) -> Self {
        Self {
            rest: options,
            number: None,
            raw,
        }
    }
}

impl<'a> Iterator for Options<'a> {
    type Item = CoapOption<'a>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (found, rest) = first(self.rest, self.number.unwrap_or(0))?;
            let repeated = self.number == Some(found.number);
            self.rest = rest;
            self.number = Some(found.number);
            let passed_over = !option::is_critical(found.number)
                && option::is_known(found.number)
                && !option::is_recognised(found.number, found.value.len(), repeated);
            if self.raw || !passed_over {
                return Some(found);
            }
        }
    }
}

/// Parts what follows the token into options and payload.
pub(super) fn split(body: &[u8]) -> Result<(&[u8], &[u8]), ParseError> {
    let mut rest = body;
    let mut number = 0;
    loop {
        let at = body.len().saturating_sub(rest.len());
        match rest {
            [] => return Ok((body, &[])),
            [MARKER] => return Err(ParseError::EmptyPayload),
            [MARKER, payload @ ..] => {
                return Ok((body.get(..at).unwrap_or_default(), payload));
            }
            _ => {
                let (found, behind) = first(rest, number).ok_or(ParseError::Option { at })?;
                number = found.number;
                rest = behind;
            }
        }
    }
}

/// The option at the front of `rest`, behind one of number `previous`, and what is behind it.
#[cfg_attr(target_pointer_width = "32", inline(never))]
fn first(rest: &[u8], previous: u16) -> Option<(CoapOption<'_>, &[u8])> {
    let (&lead, mut rest) = rest.split_first()?;
    let delta = extended(lead >> 4, &mut rest)?;
    let len = extended(lead & 0x0F, &mut rest)?;
    let (value, rest) = rest.split_at_checked(usize::from(len))?;
    let number = previous.checked_add(delta)?;
    Some((CoapOption { number, value }, rest))
}

/// Reads what 13 and 14 stand for; 15 stands for nothing.
fn extended(nibble: u8, rest: &mut &[u8]) -> Option<u16> {
    let (value, behind) = match (nibble, *rest) {
        (0..13, _) => return Some(u16::from(nibble)),
        (13, [byte, behind @ ..]) => (u16::from(*byte).wrapping_add(13), behind),
        (14, [high, low, behind @ ..]) => {
            (u16::from_be_bytes([*high, *low]).checked_add(269)?, behind)
        }
        _ => return None,
    };
    *rest = behind;
    Some(value)
}

/// Shows the option at the front of `rest` to `change`, and returns its number and what is behind it.
pub(super) fn first_mut<'a>(
    rest: &'a mut [u8],
    previous: u16,
    change: &mut impl FnMut(u16, &mut [u8]),
) -> Option<(u16, &'a mut [u8])> {
    let (found, behind) = first(rest, previous)?;
    let (number, len) = (found.number, found.value.len());
    let start = rest
        .len()
        .checked_sub(behind.len())
        .and_then(|end| end.checked_sub(len))?;
    let (value, behind) = rest.get_mut(start..)?.split_at_mut_checked(len)?;
    change(number, value);
    Some((number, behind))
}
