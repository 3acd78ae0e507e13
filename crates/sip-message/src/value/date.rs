use nom::bytes::complete::{tag, take};
use nom::combinator::map_opt;
use nom::{IResult, Parser};

use crate::class::LWS;
use crate::error::ValueError;
use crate::grammar::{Bits, failed, whole};
use crate::name::HeaderName;

const MONTHS: [&[u8]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const WEEKDAYS: [&[u8]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];

/// `SIP-date` (RFC 3261 §20.17): always GMT. Ordered by time.
///
/// ```
/// use sip_message::Date;
///
/// let date = Date::parse(b"Sat, 13 Nov 2010 23:29:00 GMT")?;
/// assert_eq!((date.year, date.month, date.day), (2010, 11, 13));
/// assert!(date < Date::parse(b"Sun, 14 Nov 2010 00:00:00 GMT")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Four digits.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 60.
    pub second: u8,
}

impl Date {
    /// Parses `Sat, 13 Nov 2010 23:29:00 GMT`. The weekday's name is not compared with the date.
    ///
    /// ```
    /// use sip_message::Date;
    ///
    /// assert!(Date::parse(b"Thu, 29 Feb 2024 12:00:00 GMT").is_ok());
    /// assert!(Date::parse(b"Thu, 29 Feb 2023 12:00:00 GMT").is_err());
    /// assert!(Date::parse(b"Sat, 13 Nov 2010 23:29:00 EST").is_err());
    /// ```
    ///
    /// # Errors
    /// Malformed, with the place: any time zone but GMT is.
    pub fn parse(value: &[u8]) -> Result<Date, ValueError> {
        whole(HeaderName::Date, value, date)
    }

    /// Seconds since 1970-01-01 00:00:00 GMT, negative before.
    ///
    /// ```
    /// use sip_message::Date;
    ///
    /// assert_eq!(Date::parse(b"Thu, 01 Jan 1970 00:01:00 GMT")?.unix_seconds(), 60);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn unix_seconds(&self) -> i64 {
        // Days from civil, with years that begin in March so that the leap day is the last one.
        let (month, day) = (i64::from(self.month), i64::from(self.day));
        let year = i64::from(self.year) - i64::from(month <= 2);
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        days * 86_400
            + i64::from(self.hour) * 3_600
            + i64::from(self.minute) * 60
            + i64::from(self.second)
    }
}

/// `rfc1123-date`
fn date(input: Bits<'_>) -> IResult<Bits<'_>, Date> {
    let weekday = map_opt(take(3usize), |name: &[u8]| place(&WEEKDAYS, name));
    let month = map_opt(take(3usize), |name: &[u8]| place(&MONTHS, name));
    let start = (
        weekday,
        tag(&b","[..]),
        blank,
        digits(2, 1, 31),
        blank,
        month,
        blank,
        digits(4, 0, 9999),
    );
    let clock = (
        blank,
        digits(2, 0, 23),
        tag(&b":"[..]),
        digits(2, 0, 59),
        tag(&b":"[..]),
        digits(2, 0, 60),
    );
    map_opt(
        (start, clock, blank, tag(&b"GMT"[..])),
        |((_, _, _, day, _, month, _, year), (_, hour, _, minute, _, second), _, _)| {
            let small = |number: u16| u8::try_from(number).ok();
            let date = Date {
                year,
                month,
                day: small(day)?,
                hour: small(hour)?,
                minute: small(minute)?,
                second: small(second)?,
            };
            (date.day <= days_in(year, month)).then_some(date)
        },
    )
    .parse(input)
}

/// `SP`, or what is one blank since it is folded (RFC 3261 §7.3.1).
fn blank(input: Bits<'_>) -> IResult<Bits<'_>, ()> {
    let (blank, rest) = LWS.split(input);
    match blank {
        b" " => Ok((rest, ())),
        folded if folded.contains(&b'\n') => Ok((rest, ())),
        _ => failed(input),
    }
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Exactly so many digits, within bounds.
fn digits<'a>(
    count: usize,
    least: u16,
    most: u16,
) -> impl Parser<Bits<'a>, Output = u16, Error = nom::error::Error<Bits<'a>>> {
    map_opt(take(count), move |digits: &[u8]| {
        let all = digits.iter().all(u8::is_ascii_digit);
        let number = std::str::from_utf8(digits).ok()?.parse().ok()?;
        (all && (least..=most).contains(&number)).then_some(number)
    })
}

/// Which of the names it is, without case, counted from 1.
fn place(names: &[&[u8]], name: &[u8]) -> Option<u8> {
    (1u8..)
        .zip(names)
        .find(|(_, other)| other.eq_ignore_ascii_case(name))
        .map(|(number, _)| number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_gmt_and_real() {
        let date = Date::parse(b"Sat, 13 Nov 2010 23:29:00 GMT").unwrap();
        assert_eq!(date.unix_seconds(), 1_289_690_940);
        assert_eq!(
            Date::parse(b"Thu, 01 Jan 1970 00:00:00 GMT")
                .unwrap()
                .unix_seconds(),
            0
        );
        assert_eq!(
            Date::parse(b"Thu, 29 Feb 2024 12:00:00 GMT")
                .unwrap()
                .unix_seconds(),
            1_709_208_000
        );
        for bad in [
            &b"Fri, 01 Jan 2010 16:00:00 EST"[..],
            b"Thu, 29 Feb 2023 12:00:00 GMT",
            b"Thu, 00 Jan 2023 12:00:00 GMT",
            b"Thu, 1 Jan 2023 12:00:00 GMT",
            b"Thu, 01 Jan 2023 24:00:00 GMT",
            b"01 Jan 2023 12:00:00 GMT",
            b"",
        ] {
            assert!(Date::parse(bad).is_err());
        }
    }
}
