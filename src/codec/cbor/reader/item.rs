//! What the heads say: values, tags, numbers, and the containers around them.

use super::{BREAK, Decimal, Expect, Purpose, Reader, State};
use crate::codec::cbor::error::Fault;
use crate::codec::cbor::level::Level;
use crate::codec::cbor::number;
use crate::codec::cbor::select::Select;
use crate::document::format;

/// Tags whose content says something else without them: bigfloats (5), references (25, 29), rationals
/// (30), decimals and bigfloats with any exponent (264, 265).
const REFUSED: [u16; 6] = [5, 25, 29, 30, 264, 265];

/// Beyond this an exponent is out of range, whatever the mantissa.
const MAX_POWER: i32 = 1_000_000;

impl Reader<'_> {
    /// A head is complete.
    pub(super) fn item(&mut self) {
        self.state = State::Head;
        let major = self.initial.wrapping_shr(5);
        let expect = core::mem::replace(&mut self.expect, Expect::Item);
        match (expect, major) {
            (Expect::Chunk, _) => self.next_chunk(major),
            (Expect::Item | Expect::Break, _) if self.initial == BREAK => {
                self.end_indefinite(expect);
            }
            // A break too early inside a fraction ends an array all the same.
            (_, _) if self.initial == BREAK && !self.decimal.indefinite => {
                self.fail(Fault::Malformed);
            }
            (Expect::Item | Expect::Content, _) => self.value(major),
            (Expect::Bignum, 2) => self.begin_string(major, Purpose::Bignum),
            (Expect::Fraction, 4) if self.is_indefinite() || self.argument == 2 => {
                self.decimal.indefinite = self.is_indefinite();
                self.expect = Expect::Exponent;
            }
            (Expect::Exponent, 0 | 1) => {
                let power = i32::try_from(self.argument)
                    .unwrap_or(MAX_POWER)
                    .min(MAX_POWER);
                self.decimal.power = if major == 0 { power } else { !power };
                self.expect = Expect::Mantissa;
            }
            (Expect::Mantissa, 0 | 1) => self.number(major == 1, self.argument),
            (Expect::Mantissa, 6) if matches!(self.argument, 2 | 3) => self.begin_bignum(),
            _ => self.fail(Fault::Tag),
        }
    }

    pub(super) fn is_indefinite(&self) -> bool {
        self.initial & 0x1F == 0x1F
    }

    /// A head that may begin any value.
    fn value(&mut self, major: u8) {
        let skipped = self.skip.is_some();
        let key = !skipped && self.levels.last().is_some_and(|level| level.expects_key());
        if key
            && major < 2
            && let Some(Select::Numbered(members)) = self.selected()
        {
            let number = usize::try_from(self.argument).ok().filter(|_| major == 0);
            let member = number.and_then(|number| members.get(number));
            return self.begin_member(member.filter(|member| !member.key.is_empty()));
        }
        match major {
            // A number is no key either.
            6 if !key || !matches!(self.argument, 2..=4) => self.tag(skipped),
            3 if key => self.key(),
            _ if key => self.fail(Fault::Key),
            4 | 5 => self.open(major == 5),
            2 if !skipped => self.fail(Fault::Bytes),
            2 | 3 if skipped => self.begin_string(major, Purpose::Skipped),
            3 => self.begin_string(major, Purpose::Value),
            7 => self.simple(skipped),
            _ if skipped => self.after_item(),
            _ => self.number(major == 1, self.argument),
        }
    }

    fn tag(&mut self, skipped: bool) {
        self.expect = Expect::Content;
        if skipped {
            return;
        }
        match self.argument {
            2 | 3 => self.begin_bignum(),
            4 => self.expect = Expect::Fraction,
            tag if REFUSED.iter().any(|refused| u64::from(*refused) == tag) => {
                self.fail(Fault::Tag);
            }
            _ => {}
        }
    }

    fn begin_bignum(&mut self) {
        self.decimal.negative = self.argument == 3;
        self.decimal.magnitude = 0;
        self.expect = Expect::Bignum;
    }

    /// A number is complete, unless it is a fraction that a break must end.
    pub(super) fn number(&mut self, negative: bool, argument: u64) {
        match number::integer(negative, argument, self.decimal.power) {
            Ok(number) => self.raw.number(number),
            Err(fault) => return self.fail(fault),
        }
        let Decimal { indefinite, .. } = core::mem::take(&mut self.decimal);
        if indefinite {
            self.expect = Expect::Break;
        } else {
            self.after_item();
        }
    }

    fn simple(&mut self, skipped: bool) {
        let info = self.initial & 0x1F;
        let tag = match info {
            24 if self.argument < 32 => return self.fail(Fault::Malformed),
            _ if skipped => return self.after_item(),
            20 => format::FALSE,
            21 => format::TRUE,
            22 => format::NULL,
            25..28 => {
                match number::float(info, self.argument) {
                    Ok(number) => self.raw.number(number),
                    Err(fault) => return self.fail(fault),
                }
                return self.after_item();
            }
            _ => return self.fail(Fault::Simple),
        };
        self.raw.text(&[tag]);
        self.after_item();
    }

    fn open(&mut self, map: bool) {
        let items = (!self.is_indefinite()).then_some(self.argument);
        let Some(level) = Level::new(map, items) else {
            return self.fail(Fault::TooLong);
        };
        let full = self.skip.is_none() && self.raw.open.is_full();
        if full || self.levels.push(level).is_err() {
            return self.fail(Fault::TooDeep);
        }
        if self.skip.is_none() {
            self.raw.begin(map);
            if map && !matches!(self.wanted, Select::All) && self.selects.push(self.wanted).is_err()
            {
                return self.fail(Fault::TooDeep);
            }
            self.wanted = &Select::All;
        }
        if level.is_complete() {
            self.close();
            self.after_item();
        }
    }

    fn end_indefinite(&mut self, expect: Expect) {
        if expect == Expect::Break {
            self.after_item();
        } else if self.levels.last().is_some_and(|level| level.may_break()) {
            self.close();
            self.after_item();
        } else {
            self.fail(Fault::Malformed);
        }
    }

    /// Ends the innermost container, which is complete.
    fn close(&mut self) {
        if self.skip.is_none() {
            if self.selected().is_some() {
                self.selects.pop();
            }
            self.raw.end();
        }
        self.levels.pop();
    }

    /// The members that are wanted of the innermost open map, unless all are.
    pub(super) fn selected(&self) -> Option<&'static Select> {
        self.selects
            .last()
            .copied()
            .filter(|_| self.selects.len() == self.levels.len())
    }

    /// A key or a value is complete, and perhaps the containers around it.
    pub(super) fn after_item(&mut self) {
        self.wanted = &Select::All;
        loop {
            if self.skip == Some(self.levels.len()) {
                self.skip = None;
            }
            let Some(level) = self.levels.last_mut() else {
                self.state = State::Done;
                return;
            };
            if !level.step() {
                return;
            }
            self.close();
        }
    }
}
