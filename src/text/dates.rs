//! Dates as days since 1970-01-01.

/// The days of a date `2021-03-04` or `2021/03/04`, perhaps with a time of day after a blank or a `T`; `None` for any other
/// text. A zone is not read: the days are those of the clock that wrote them.
pub(crate) fn days(text: &str) -> Option<f64> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mark = date.chars().find(|c| matches!(c, '-' | '/'))?;
    let parts: Vec<&str> = date.split(mark).collect();
    let [year, month, day] = parts.as_slice() else { return None };
    let (year, month, day) = (whole(year, 4)?, whole(month, 2)?, whole(day, 2)?);
    if !(1..=12).contains(&month) || !(1..=days_of(year, month)).contains(&day) {
        return None;
    }
    let seconds = time.map_or(Some(0.0), seconds)?;
    #[allow(clippy::cast_precision_loss, reason = "four digits of a year")]
    let days = days_since_1970(year, month, day) as f64;
    Some(days + seconds / 86_400.0)
}

fn whole(text: &str, digits: usize) -> Option<i64> {
    (text.len() == digits && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.fff`, perhaps with a `Z`.
fn seconds(text: &str) -> Option<f64> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let mut parts = text.split(':');
    let (hour, minute) = (whole(parts.next()?, 2)?, whole(parts.next()?, 2)?);
    let second = match parts.next() {
        None => 0.0,
        Some(second) if second.bytes().all(|b| b.is_ascii_digit() || b == b'.') => second.parse().ok()?,
        Some(_) => return None,
    };
    let valid = parts.next().is_none() && hour < 24 && minute < 60 && (0.0..61.0).contains(&second);
    #[allow(clippy::cast_precision_loss, reason = "below 24 and 60")]
    valid.then(|| (hour * 3_600 + minute * 60) as f64 + second)
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the proleptic Gregorian calendar, counted from March on, so that leap days come last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    365 * year + year / 4 - year / 100 + year / 400 + (month * 306 + 5) / 10 + day - 1 - 719_468
}

/// A part of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Year,
    Month,
    /// Of the month.
    Day,
    /// 1 for Monday to 7 for Sunday.
    Weekday,
}

/// A part of a date that is given as days since 1970-01-01; NaN for NaN.
pub(crate) fn part_of(days: f64, part: Part) -> f64 {
    // Years 0 to 9999 and far beyond; a larger number is no date.
    if days.is_nan() || days.abs() > 1e8 {
        return f64::NAN;
    }
    #[allow(clippy::cast_possible_truncation, reason = "at most 1e8 in size")]
    let whole = days.floor() as i64;
    // From 0000-03-01 on, by eras of 400 years and years that begin in March.
    let shifted = whole + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let value = match part {
        Part::Year => year_of_era + era * 400 + i64::from(month <= 2),
        Part::Month => month,
        Part::Day => day_of_year - (153 * from_march + 2) / 5 + 1,
        // 1970-01-01 was a Thursday.
        Part::Weekday => (whole + 3).rem_euclid(7) + 1,
    };
    #[allow(clippy::cast_precision_loss, reason = "a year, a month or a day")]
    let value = value as f64;
    value
}

/// `2021-03-04 05:06` of seconds since 1970-01-01, UTC.
pub(crate) fn utc(seconds: i64) -> String {
    const DAY: i64 = 86_400;
    #[allow(clippy::cast_precision_loss, reason = "whole days")]
    let days = seconds.div_euclid(DAY) as f64;
    let [year, month, day] = [Part::Year, Part::Month, Part::Day].map(|part| part_of(days, part));
    let minutes = seconds.rem_euclid(DAY) / 60;
    format!("{year:04.0}-{month:02.0}-{day:02.0} {:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::{Part, days, days_of, days_since_1970, part_of, utc};

    #[test]
    fn seconds_as_date_says() {
        // date -u -d @N '+%F %R'
        for (seconds, expected) in
            [(0, "1970-01-01 00:00"), (1_764_508_503, "2025-11-30 13:15"), (-1, "1969-12-31 23:59")]
        {
            assert_eq!(utc(seconds), expected);
        }
    }

    #[test]
    fn parts_of_every_day_of_four_centuries() {
        for year in 1799..=2201 {
            for month in 1..=12 {
                for day in 1..=days_of(year, month) {
                    let at = days_since_1970(year, month, day) as f64 + 0.75;
                    let found = [Part::Year, Part::Month, Part::Day].map(|part| part_of(at, part));
                    assert_eq!(found, [year as f64, month as f64, day as f64]);
                }
            }
        }
        // date -d 2021-03-04 +%u
        assert_eq!(part_of(18_690.0, Part::Weekday), 4.0);
        assert_eq!(part_of(-1.0, Part::Weekday), 3.0);
        assert!(part_of(f64::NAN, Part::Year).is_nan());
    }

    #[test]
    fn days_as_date_says() {
        // date -u -d 2021-03-04 +%s, divided by 86,400
        for (text, expected) in [
            ("1970-01-01", 0.0),
            ("2021-03-04", 18_690.0),
            ("2000/02/29", 11_016.0),
            ("1900-03-01", -25_508.0),
            ("2021-03-04 12:00", 18_690.5),
            ("2021-03-04T06:00:00.000Z", 18_690.25),
        ] {
            assert_eq!(days(text), Some(expected), "{text}");
        }
        for text in
            ["", "2021", "2021-13-01", "2021-02-29", "21-03-04", "2021-3-4", "2021-03-04x", "2021-03-04 25:00", "a-b-c"]
        {
            assert_eq!(days(text), None, "{text}");
        }
    }
}
