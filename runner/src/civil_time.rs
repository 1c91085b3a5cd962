//! Times as RFC 3339 in UTC. Days become dates, and back, after Howard Hinnant ("chrono-compatible low-level date
//! algorithms").

use std::time::Duration;

/// Seconds since 1970 as `2000-02-29T00:00:00Z`.
pub fn format(seconds: i64) -> String {
    format!("{}Z", date_and_time(seconds))
}

/// A time since 1970 as `2000-02-29T00:00:00.000Z`.
pub fn format_milliseconds(since_epoch: Duration) -> String {
    let seconds = i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX);
    format!("{}.{:03}Z", date_and_time(seconds), since_epoch.subsec_millis())
}

fn date_and_time(seconds: i64) -> String {
    let second = seconds.rem_euclid(86_400);
    format!("{}T{:02}:{:02}:{:02}", date(seconds), second / 3600, second / 60 % 60, second % 60)
}

/// The day of seconds since 1970, as `2000-02-29`.
pub fn date(seconds: i64) -> String {
    let shifted = seconds.div_euclid(86_400) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Seconds since 1970 of a time as [`format`] writes it.
pub fn parse(text: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    if !text.trim_end().ends_with('Z') || !(1..=12).contains(&month) {
        return None;
    }
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year.div_euclid(400);
    let year_of_era = shifted_year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = era * 146_097 + day_of_era - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_round_trip() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_763_700_382, "2025-11-21T04:46:22Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(format(seconds), expected);
            assert_eq!(parse(expected), Some(seconds));
        }
        assert_eq!(parse("yesterday"), None);
        let late = Duration::from_millis(951_782_400_007);
        assert_eq!(format_milliseconds(late), "2000-02-29T00:00:00.007Z");
    }
}
