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

#[cfg(test)]
mod tests {
    use super::days;

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
