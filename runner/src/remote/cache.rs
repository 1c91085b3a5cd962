//! Fetched Taskfiles on disk: the text, its checksum and when it was fetched.

use std::io;

use camino::{Utf8Path, Utf8PathBuf};

/// One fetched Taskfile.
pub(super) struct Cache {
    base: Utf8PathBuf,
}

impl Cache {
    /// The place of `key` below `dir`. What could leave that place is replaced in the key.
    pub fn new(dir: &Utf8Path, key: &str) -> Self {
        let safe: String =
            key.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '-' } else { c }).collect();
        Self { base: dir.join(safe) }
    }

    /// Where the text is.
    pub fn path(&self) -> Utf8PathBuf {
        self.file("yaml")
    }

    fn file(&self, suffix: &str) -> Utf8PathBuf {
        Utf8PathBuf::from(format!("{}.{suffix}", self.base))
    }

    /// The text, if there is one that can be read.
    pub fn read(&self) -> Option<String> {
        std::fs::read_to_string(self.path()).ok()
    }

    /// The checksum of what was last agreed to.
    pub fn checksum(&self) -> Option<String> {
        std::fs::read_to_string(self.file("checksum")).ok().filter(|text| !text.is_empty())
    }

    /// When the text was fetched, in seconds since the epoch.
    pub fn timestamp(&self) -> Option<i64> {
        parse_time(&std::fs::read_to_string(self.file("timestamp")).ok()?)
    }

    /// Keeps a text.
    pub fn store(&self, text: &str, checksum: &str, now: i64) -> io::Result<()> {
        if let Some(dir) = self.base.parent() {
            std::fs::create_dir_all(dir)?;
        }
        std::fs::write(self.file("checksum"), checksum)?;
        std::fs::write(self.file("timestamp"), format_time(now))?;
        std::fs::write(self.path(), text)
    }
}

/// Seconds since the epoch as RFC 3339 in UTC (days to dates after Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
pub(super) fn format_time(seconds: i64) -> String {
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

fn parse_time(text: &str) -> Option<i64> {
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
        for seconds in [0, 951_782_400, 1_700_000_000, 4_102_444_799] {
            assert_eq!(parse_time(&format_time(seconds)), Some(seconds));
        }
        assert_eq!(format_time(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(parse_time("yesterday"), None);
    }

    #[test]
    fn a_key_cannot_leave_the_cache() {
        let cache = Cache::new(Utf8Path::new("/c"), "git.x.../../etc/passwd");
        assert_eq!(cache.path(), "/c/git.x...-..-etc-passwd.yaml");
    }
}
