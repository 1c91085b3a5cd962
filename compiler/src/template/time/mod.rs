//! Go's `time`: moments, zones, durations, layouts.

mod duration;
mod layout;
mod zone;

use std::sync::Arc;

pub use duration::Duration;
pub use layout::{parse_layout, write_layout};
pub use zone::TimeZone;

const SECONDS_PER_DAY: i64 = 86_400;

/// The first second of year 1, which is Go's zero time, since the epoch.
pub(super) const GO_ZERO_SECONDS: i64 = -62_135_596_800;

/// A moment in a zone.
#[derive(Clone, Debug)]
pub struct Time {
    /// Seconds since the epoch.
    pub seconds: i64,
    /// Nanoseconds in the second, below 1,000,000,000.
    pub nanos: u32,
    /// Where it is shown.
    pub zone: Arc<TimeZone>,
}

impl PartialEq for Time {
    fn eq(&self, other: &Self) -> bool {
        self.seconds == other.seconds && self.nanos == other.nanos && self.zone.name() == other.zone.name()
    }
}

/// Date and time of day in a zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// Year; 0 is 1 BC.
    pub year: i64,
    /// Month, from 1.
    pub month: i64,
    /// Day, from 1.
    pub day: i64,
    /// Hour, from 0.
    pub hour: i64,
    /// Minute.
    pub minute: i64,
    /// Second.
    pub second: i64,
    /// Day of the week, from 0 for Sunday.
    pub weekday: i64,
    /// Day of the year, from 1.
    pub year_day: i64,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The English name of a month, from 1.
pub fn month_name(month: i64) -> Option<&'static str> {
    MONTHS.get(usize::try_from(month.checked_sub(1)?).ok()?).copied()
}

/// The English name of a day of the week, from 0 for Sunday.
pub fn weekday_name(weekday: i64) -> Option<&'static str> {
    WEEKDAYS.get(usize::try_from(weekday).ok()?).copied()
}

/// Days since the epoch of a date; the day may lie outside of the month. Proleptic Gregorian.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year.saturating_add((month - 1).div_euclid(12));
    let month = (month - 1).rem_euclid(12) + 1;
    // Years that begin in March put the leap day last.
    let shifted = if month <= 2 { year.saturating_sub(1) } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era.saturating_mul(146_097).saturating_add(day_of_era - 719_468).saturating_add(day - 1)
}

fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days.saturating_add(719_468);
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era.saturating_mul(400) + i64::from(month <= 2);
    (year, month, day)
}

/// Seconds since the epoch of a date and time of day that carry over where they lie outside of their units.
pub(super) fn seconds_from_civil(
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
) -> i64 {
    days_from_civil(year, month, day)
        .saturating_mul(SECONDS_PER_DAY)
        .saturating_add(hour.saturating_mul(3_600))
        .saturating_add(minute.saturating_mul(60))
        .saturating_add(second)
}

impl Time {
    /// A moment by seconds and nanoseconds since the epoch.
    pub fn new(seconds: i64, nanos: u32, zone: Arc<TimeZone>) -> Self {
        Self { seconds, nanos: nanos.min(999_999_999), zone }
    }

    /// Go's zero time: the first moment of year 1, UTC.
    pub fn zero() -> Self {
        Self::new(GO_ZERO_SECONDS, 0, TimeZone::utc())
    }

    /// A moment by its date and time of day in a zone; of two that fit Go's choice is taken.
    pub fn from_civil(local_seconds: i64, nanos: u32, zone: Arc<TimeZone>) -> Self {
        let (guess, _) = zone.lookup(local_seconds);
        let (offset, _) = zone.lookup(local_seconds.saturating_sub(guess));
        Self::new(local_seconds.saturating_sub(offset), nanos, zone)
    }

    /// The same moment, shown in another zone.
    #[must_use]
    pub fn in_zone(&self, zone: Arc<TimeZone>) -> Self {
        Self { zone, ..*self }
    }

    /// A later or earlier moment.
    #[must_use]
    pub fn plus(&self, duration: Duration) -> Self {
        let nanos = i64::from(self.nanos) + duration.0.rem_euclid(1_000_000_000);
        let seconds =
            self.seconds.saturating_add(duration.0.div_euclid(1_000_000_000)) + nanos / 1_000_000_000;
        Self::new(seconds, (nanos % 1_000_000_000) as u32, Arc::clone(&self.zone))
    }

    /// The time from `earlier` to this one, cut to what a duration holds.
    pub fn since(&self, earlier: &Self) -> Duration {
        let nanos = (i128::from(self.seconds) - i128::from(earlier.seconds)) * 1_000_000_000
            + (i128::from(self.nanos) - i128::from(earlier.nanos));
        let limited = nanos.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        Duration(limited as i64)
    }

    /// Seconds east of UTC and the zone's abbreviation at this moment.
    pub fn offset(&self) -> (i64, &str) {
        self.zone.lookup(self.seconds)
    }

    /// Date and time of day where it is shown.
    pub fn civil(&self) -> Civil {
        let local = self.seconds.saturating_add(self.offset().0);
        let days = local.div_euclid(SECONDS_PER_DAY);
        let second_of_day = local.rem_euclid(SECONDS_PER_DAY);
        let (year, month, day) = civil_from_days(days);
        Civil {
            year,
            month,
            day,
            hour: second_of_day / 3_600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            weekday: (days + 4).rem_euclid(7),
            year_day: days - days_from_civil(year, 1, 1) + 1,
        }
    }

    /// The text of a layout, such as `2006-01-02`.
    pub fn format(&self, layout: &str) -> String {
        write_layout(layout, self)
    }

    /// What Go prints for a time, without the reading of the monotonic clock.
    pub fn to_go_string(&self) -> String {
        self.format("2006-01-02 15:04:05.999999999 -0700 MST")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_days_agree() {
        for (year, month, day, days) in
            [(1970, 1, 1, 0), (2000, 2, 29, 11_016), (1, 1, 1, -719_162), (2026, 11, 21, 20_778)]
        {
            assert_eq!(days_from_civil(year, month, day), days);
            assert_eq!(civil_from_days(days), (year, month, day));
        }
        assert_eq!(Time::zero().to_go_string(), "0001-01-01 00:00:00 +0000 UTC");
        let moment = Time::new(1_700_000_000, 5_000_000, TimeZone::utc());
        assert_eq!(moment.to_go_string(), "2023-11-14 22:13:20.005 +0000 UTC");
        assert_eq!((moment.civil().weekday, moment.civil().year_day), (2, 318));
    }
}
