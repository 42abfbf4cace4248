//! Points in time as text: UTC by ISO 8601, with up to seven digits of a second's fraction.

use crate::codec::json::Writer;
use crate::time::Timestamp;

/// What stands for a time that is not known, as .NET counts: before everything else.
pub(super) const NEVER: &str = "0001-01-01T00:00:00Z";

const DAY: u64 = 86_400_000;

/// Writes a point in time, such as `2020-01-30T17:35:15.4240000Z`, without quotation marks. Years beyond
/// 9999 are not written right: those clocks are wrong.
pub(super) fn write(time: Timestamp, fraction_digits: u8, writer: &mut Writer<'_>) {
    let millis = time.as_millis();
    let (day, in_day) = (millis / DAY, millis % DAY);
    let (year, month, date) = date_of(day);
    pad(year, 4, writer);
    for (mark, number) in [("-", month), ("-", date)] {
        writer.raw(mark);
        pad(number, 2, writer);
    }
    for (mark, number) in [
        ("T", in_day / 3_600_000),
        (":", in_day / 60_000 % 60),
        (":", in_day / 1_000 % 60),
    ] {
        writer.raw(mark);
        pad(number, 2, writer);
    }
    let mut rest = in_day % 1_000;
    if fraction_digits > 0 {
        writer.raw(".");
    }
    let mut weight = 100;
    for _ in 0..fraction_digits.min(MAX_FRACTION) {
        writer.unsigned(rest.checked_div(weight).unwrap_or(0));
        rest = rest.checked_rem(weight).unwrap_or(0);
        weight /= 10;
    }
    writer.raw("Z");
}

/// Most digits of a second's fraction.
pub(super) const MAX_FRACTION: u8 = 7;

/// Reads a point in time as Azure writes it; nothing if it is anything else.
///
/// It is `2020-01-30T17:35:15Z` with 0 to 7 digits of a second's fraction; what is finer than a
/// millisecond is cut off. What is before 1970, as `0001-01-01T00:00:00Z`, Azure's *never*, is
/// [`Timestamp::EPOCH`].
///
/// ```
/// use twinsync::adapter::azure::read_time;
///
/// let time = read_time("2020-01-30T17:35:15.4242828Z").ok_or("no time")?;
/// assert_eq!(time.as_millis(), 1_580_405_715_424);
/// # Ok::<(), &str>(())
/// ```
pub fn read_time(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix('Z')?;
    let (whole, fraction) = match text.split_at_checked(19)? {
        (whole, "") => (whole, ""),
        (whole, fraction) => (whole, fraction.strip_prefix('.')?),
    };
    let mut fields = [0; 6];
    let mut at = 0_usize;
    for (field, (width, mark)) in
        fields
            .iter_mut()
            .zip([(4, "-"), (2, "-"), (2, "T"), (2, ":"), (2, ":"), (2, "")])
    {
        let end = at.checked_add(width)?;
        *field = super::topic::number(whole.get(at..end)?)?;
        at = end.checked_add(mark.len())?;
        if whole.get(end..at)? != mark {
            return None;
        }
    }
    let [year, month, date, hour, minute, second] = fields;
    if fraction.len() > usize::from(MAX_FRACTION)
        || !(1..=12).contains(&month)
        || !(1..=days_in(year, month)).contains(&date)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let mut millis = 0_u64;
    let mut weight = 100;
    for byte in fraction.bytes() {
        let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
        millis = millis.checked_add(u64::from(digit).checked_mul(weight)?)?;
        weight /= 10;
    }
    let Some(day) = day_of(year, month, date) else {
        return Some(Timestamp::EPOCH);
    };
    let seconds = hour
        .checked_mul(3_600)?
        .checked_add(minute.checked_mul(60)?)?
        .checked_add(second)?;
    let in_day = seconds.checked_mul(1_000)?.checked_add(millis)?;
    Some(Timestamp::from_millis(
        day.checked_mul(DAY)?.checked_add(in_day)?,
    ))
}

fn pad(number: u64, width: u32, writer: &mut Writer<'_>) {
    let mut bound = 1_u64;
    for _ in 1..width {
        bound = bound.saturating_mul(10);
        if number < bound {
            writer.raw("0");
        }
    }
    writer.unsigned(number);
}

/// Days from 1 March of year 0 to 1 January 1970.
const SHIFT: u64 = 719_468;
/// Days of 400 years.
const ERA: u64 = 146_097;

/// Year, month and date of a day since 1970. The year begins in March here, so that a leap day is its
/// last; month lengths from there repeat every five months (153 days).
const fn date_of(day: u64) -> (u64, u64, u64) {
    let day = day.saturating_add(SHIFT);
    let (era, in_era) = (day / ERA, day % ERA);
    // Days that 365 a year do not count: of four years, less of a hundred, more of four hundred.
    let leaps = (in_era / 1_460)
        .wrapping_sub(in_era / 36_524)
        .wrapping_add(in_era / 146_096);
    let year = in_era.wrapping_sub(leaps) / 365;
    let before = year
        .wrapping_mul(365)
        .wrapping_add(year / 4)
        .wrapping_sub(year / 100);
    let in_year = in_era.wrapping_sub(before);
    let month = in_year.wrapping_mul(5).wrapping_add(2) / 153;
    let before = month.wrapping_mul(153).wrapping_add(2) / 5;
    let date = in_year.wrapping_sub(before).wrapping_add(1);
    let year = year.wrapping_add(era.wrapping_mul(400));
    if month < 10 {
        (year, month.wrapping_add(3), date)
    } else {
        (year.wrapping_add(1), month.wrapping_sub(9), date)
    }
}

/// The day since 1970 of a date; nothing before.
fn day_of(year: u64, month: u64, date: u64) -> Option<u64> {
    let (year, month) = if month > 2 {
        (year, month.checked_sub(3)?)
    } else {
        (year.checked_sub(1)?, month.checked_add(9)?)
    };
    let in_year = month
        .checked_mul(153)?
        .checked_add(2)?
        .checked_div(5)?
        .checked_add(date)?
        .checked_sub(1)?;
    let leaps = (year / 4)
        .checked_add(year / 400)?
        .checked_sub(year / 100)?;
    year.checked_mul(365)?
        .checked_add(leaps)?
        .checked_add(in_year)?
        .checked_sub(SHIFT)
}

fn days_in(year: u64, month: u64) -> u64 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{date_of, day_of, read_time, write};
    use crate::codec::json::Writer;
    use crate::time::Timestamp;
    use alloc::string::String;
    use proptest::prelude::*;

    fn text(time: Timestamp, digits: u8) -> String {
        let mut out = [0; 40];
        let mut writer = Writer::new(&mut out);
        write(time, digits, &mut writer);
        let len = writer.finish().unwrap();
        String::from_utf8(out[..len].to_vec()).unwrap()
    }

    #[test]
    fn times_are_written_with_as_many_digits_as_asked_for() {
        let time = Timestamp::from_millis(1_580_405_715_042);
        assert_eq!(text(time, 7), "2020-01-30T17:35:15.0420000Z");
        assert_eq!(text(time, 3), "2020-01-30T17:35:15.042Z");
        assert_eq!(text(time, 1), "2020-01-30T17:35:15.0Z");
        assert_eq!(text(time, 0), "2020-01-30T17:35:15Z");
        assert_eq!(text(Timestamp::EPOCH, 0), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn leap_days_and_the_ends_of_years_are_where_they_belong() {
        for (day, date) in [
            (0, (1970, 1, 1)),
            (10_956, (1999, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (19_782, (2024, 2, 29)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ] {
            assert_eq!(date_of(day), date);
        }
    }

    #[test]
    fn fractions_of_any_length_are_read_and_never_is_the_epoch() {
        for (fraction, millis) in [
            ("", 0),
            (".4", 400),
            (".42", 420),
            (".424", 424),
            (".4242", 424),
            (".42428", 424),
            (".424282", 424),
            (".4242828", 424),
        ] {
            let text = alloc::format!("2020-01-30T17:35:15{fraction}Z");
            let time = Timestamp::from_millis(1_580_405_715_000 + millis);
            assert_eq!(read_time(&text), Some(time), "{text}");
        }
        assert_eq!(read_time(super::NEVER), Some(Timestamp::EPOCH));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "Z",
            "2020-01-30T17:35:15",
            "2020-01-30T17:35:15.42428281Z",
            "2020-01-30 17:35:15Z",
            "2020-13-30T17:35:15Z",
            "2021-02-29T17:35:15Z",
            "2020-01-30T24:35:15Z",
            "2020-01-30T17:35:15,4Z",
            "2020-01-30T17:35:15.4+Z",
            "2020-01-30T17:35:1éZ",
            "+020-01-30T17:35:15Z",
        ] {
            assert_eq!(read_time(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(millis in 0_u64..253_402_300_800_000) {
            let time = Timestamp::from_millis(millis);
            prop_assert_eq!(read_time(&text(time, 7)), Some(time));
        }

        #[test]
        fn days_and_dates_are_the_same_thing(day in 0_u64..3_000_000) {
            let (year, month, date) = date_of(day);
            prop_assert_eq!(day_of(year, month, date), Some(day));
        }
    }
}
