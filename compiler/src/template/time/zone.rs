//! Time zones: the compiled files of the zone database, and the rules for what lies after them.

use std::sync::{Arc, OnceLock};

use smol_str::SmolStr;

use super::{SECONDS_PER_DAY, civil_from_days, days_from_civil};

/// A zone: which offset holds when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeZone {
    name: SmolStr,
    types: Vec<LocalType>,
    /// From when on a type holds, sorted.
    transitions: Vec<(i64, usize)>,
    /// What holds after the last transition.
    rule: Option<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct LocalType {
    offset: i64,
    is_dst: bool,
    abbreviation: SmolStr,
}

/// A POSIX `TZ` rule, such as `CET-1CEST,M3.5.0,M10.5.0/3`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    standard: LocalType,
    daylight: Option<(LocalType, RuleDate, RuleDate)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct RuleDate {
    day: RuleDay,
    /// Seconds after midnight.
    time: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RuleDay {
    /// `J60`: from 1, February 29 is never counted.
    Julian(i64),
    /// `59`: from 0, February 29 is counted.
    YearDay(i64),
    /// `M3.5.0`: month, week (5 is the last), weekday.
    Weekday(i64, i64, i64),
}

impl TimeZone {
    /// UTC.
    pub fn utc() -> Arc<Self> {
        static UTC: OnceLock<Arc<TimeZone>> = OnceLock::new();
        Arc::clone(UTC.get_or_init(|| Arc::new(Self::fixed("UTC", "UTC", 0))))
    }

    /// A zone with one offset, in seconds east of UTC.
    pub fn fixed(name: &str, abbreviation: &str, offset: i64) -> Self {
        let only = LocalType { offset, is_dst: false, abbreviation: abbreviation.into() };
        Self { name: name.into(), types: vec![only], transitions: Vec::new(), rule: None }
    }

    /// Reads a compiled zone file (RFC 8536). `None` where it is no such file.
    pub fn from_tzif(name: &str, bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader { bytes, position: 0 };
        let first = Header::read(&mut reader)?;
        if first.version < 2 {
            return Self::read_body(name, &mut reader, &first, 4, false);
        }
        reader.take(first.body_length(4)?)?;
        let second = Header::read(&mut reader)?;
        Self::read_body(name, &mut reader, &second, 8, true)
    }

    fn read_body(
        name: &str,
        reader: &mut Reader<'_>,
        header: &Header,
        width: usize,
        footer: bool,
    ) -> Option<Self> {
        let times: Vec<i64> = (0..header.transitions).map(|_| reader.signed(width)).collect::<Option<_>>()?;
        let indexes = reader.take(header.transitions)?;
        let transitions = times.into_iter().zip(indexes.iter().map(|i| usize::from(*i))).collect();
        let raw: Vec<(i64, bool, usize)> = (0..header.types)
            .map(|_| Some((reader.signed(4)?, reader.byte()? != 0, usize::from(reader.byte()?))))
            .collect::<Option<_>>()?;
        let names = reader.take(header.characters)?;
        let types: Vec<LocalType> = raw
            .into_iter()
            .map(|(offset, is_dst, at)| {
                let tail = names.get(at..).unwrap_or(&[]);
                let end = tail.iter().position(|b| *b == 0).unwrap_or(tail.len());
                let abbreviation = String::from_utf8_lossy(tail.get(..end).unwrap_or(&[])).into();
                LocalType { offset, is_dst, abbreviation }
            })
            .collect();
        if types.is_empty() {
            return None;
        }
        reader.take(header.leaps.checked_mul(width + 4)?)?;
        reader.take(header.standard_indicators.checked_add(header.utc_indicators)?)?;
        let rule = if footer {
            let rest = reader.bytes.get(reader.position..).unwrap_or(&[]);
            std::str::from_utf8(rest).ok().and_then(|text| Rule::parse(text.trim_matches('\n')))
        } else {
            None
        };
        Some(Self { name: name.into(), types, transitions, rule })
    }

    /// The name by which it was asked for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Seconds east of UTC and abbreviation at a moment, in seconds since the epoch.
    pub fn lookup(&self, seconds: i64) -> (i64, &str) {
        let found = self.local_type(seconds);
        found.map_or((0, "UTC"), |local| (local.offset, local.abbreviation.as_str()))
    }

    fn local_type(&self, seconds: i64) -> Option<&LocalType> {
        let after = self.transitions.partition_point(|(from, _)| *from <= seconds);
        if after == self.transitions.len()
            && let Some(rule) = &self.rule
        {
            return Some(rule.local_type(seconds));
        }
        match after.checked_sub(1).and_then(|at| self.transitions.get(at)) {
            Some((_, kind)) => self.types.get(*kind),
            // Before the first transition the first type that is not daylight saving holds.
            None => self.types.iter().find(|local| !local.is_dst).or(self.types.first()),
        }
    }

    /// The offset that an abbreviation has in this zone, if it has one there.
    pub fn offset_of(&self, abbreviation: &str, seconds: i64) -> Option<i64> {
        let fitting = |local: &&LocalType| local.abbreviation == abbreviation;
        let exact =
            self.types.iter().filter(fitting).find(|local| {
                self.lookup(seconds.saturating_sub(local.offset)) == (local.offset, abbreviation)
            });
        exact.or_else(|| self.types.iter().find(fitting)).map(|local| local.offset)
    }
}

impl Rule {
    fn parse(text: &str) -> Option<Self> {
        let mut scanner = Scanner(text);
        let standard_name = scanner.name()?;
        let standard_offset = -scanner.time()?;
        let standard =
            LocalType { offset: standard_offset, is_dst: false, abbreviation: standard_name.into() };
        if scanner.0.is_empty() {
            return Some(Self { standard, daylight: None });
        }
        let name = scanner.name()?;
        let offset = if scanner.0.starts_with(',') { standard_offset + 3_600 } else { -scanner.time()? };
        let start = scanner.date()?;
        let end = scanner.date()?;
        let daylight = LocalType { offset, is_dst: true, abbreviation: name.into() };
        Some(Self { standard, daylight: Some((daylight, start, end)) })
    }

    fn local_type(&self, seconds: i64) -> &LocalType {
        let Some((daylight, start, end)) = &self.daylight else { return &self.standard };
        let days = seconds.saturating_add(self.standard.offset).div_euclid(SECONDS_PER_DAY);
        let (year, _, _) = civil_from_days(days);
        let from = start.seconds_in(year).saturating_sub(self.standard.offset);
        let to = end.seconds_in(year).saturating_sub(daylight.offset);
        let inside = if from <= to { (from..to).contains(&seconds) } else { !(to..from).contains(&seconds) };
        if inside { daylight } else { &self.standard }
    }
}

impl RuleDate {
    /// The local time of the change, as if it were UTC.
    fn seconds_in(self, year: i64) -> i64 {
        let days = match self.day {
            RuleDay::Julian(day) => {
                let leap = days_from_civil(year, 3, 1) - days_from_civil(year, 2, 1) == 29;
                days_from_civil(year, 1, 1) + day - 1 + i64::from(leap && day >= 60)
            }
            RuleDay::YearDay(day) => days_from_civil(year, 1, 1) + day,
            RuleDay::Weekday(month, week, weekday) => {
                let first = days_from_civil(year, month, 1);
                let first_fitting = first + (weekday - (first + 4)).rem_euclid(7);
                let fitting = first_fitting + (week - 1) * 7;
                if fitting >= days_from_civil(year, month + 1, 1) { fitting - 7 } else { fitting }
            }
        };
        days.saturating_mul(SECONDS_PER_DAY).saturating_add(self.time)
    }
}

struct Scanner<'a>(&'a str);

impl<'a> Scanner<'a> {
    fn name(&mut self) -> Option<&'a str> {
        if let Some(rest) = self.0.strip_prefix('<') {
            let (name, rest) = rest.split_once('>')?;
            self.0 = rest;
            return Some(name);
        }
        let length = self.0.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (name, rest) = self.0.split_at(length);
        self.0 = rest;
        (length >= 3).then_some(name)
    }

    fn number(&mut self) -> Option<i64> {
        let length = self.0.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        digits.parse().ok().filter(|n| *n < 1_000)
    }

    /// `[+-]h[:m[:s]]` in seconds.
    fn time(&mut self) -> Option<i64> {
        let sign = if self.0.starts_with('-') { -1 } else { 1 };
        self.0 = self.0.strip_prefix(['-', '+']).unwrap_or(self.0);
        let mut total = self.number()? * 3_600;
        for unit in [60, 1] {
            if let Some(rest) = self.0.strip_prefix(':') {
                self.0 = rest;
                total += self.number()? * unit;
            }
        }
        Some(sign * total)
    }

    fn date(&mut self) -> Option<RuleDate> {
        self.0 = self.0.strip_prefix(',')?;
        let day = if let Some(rest) = self.0.strip_prefix('M') {
            self.0 = rest;
            let month = self.number()?;
            self.0 = self.0.strip_prefix('.')?;
            let week = self.number()?;
            self.0 = self.0.strip_prefix('.')?;
            RuleDay::Weekday(month, week, self.number()?)
        } else if let Some(rest) = self.0.strip_prefix('J') {
            self.0 = rest;
            RuleDay::Julian(self.number()?)
        } else {
            RuleDay::YearDay(self.number()?)
        };
        let time = match self.0.strip_prefix('/') {
            Some(rest) => {
                self.0 = rest;
                self.time()?
            }
            None => 7_200,
        };
        Some(RuleDate { day, time })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.position.checked_add(count)?;
        let taken = self.bytes.get(self.position..end)?;
        self.position = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn signed(&mut self, width: usize) -> Option<i64> {
        let bytes = self.take(width)?;
        if let Ok(four) = bytes.try_into() {
            return Some(i64::from(i32::from_be_bytes(four)));
        }
        Some(i64::from_be_bytes(bytes.try_into().ok()?))
    }

    fn count(&mut self) -> Option<usize> {
        let [a, b, c, d] = *self.take(4)? else { return None };
        usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()
    }
}

struct Header {
    version: u8,
    utc_indicators: usize,
    standard_indicators: usize,
    leaps: usize,
    transitions: usize,
    types: usize,
    characters: usize,
}

impl Header {
    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.take(4)? != b"TZif" {
            return None;
        }
        let version = match reader.byte()? {
            0 => 1,
            digit => digit.checked_sub(b'0')?,
        };
        reader.take(15)?;
        Some(Self {
            version,
            utc_indicators: reader.count()?,
            standard_indicators: reader.count()?,
            leaps: reader.count()?,
            transitions: reader.count()?,
            types: reader.count()?,
            characters: reader.count()?,
        })
    }

    fn body_length(&self, width: usize) -> Option<usize> {
        let sized = |count: usize, size: usize| count.checked_mul(size);
        sized(self.transitions, width + 1)?
            .checked_add(sized(self.types, 6)?)?
            .checked_add(self.characters)?
            .checked_add(sized(self.leaps, width + 4)?)?
            .checked_add(self.standard_indicators)?
            .checked_add(self.utc_indicators)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_tell_summer_from_winter() {
        let zone = |rule: &str| TimeZone {
            name: "X".into(),
            types: Vec::new(),
            transitions: Vec::new(),
            rule: Rule::parse(rule),
        };
        let berlin = zone("CET-1CEST,M3.5.0,M10.5.0/3");
        for (seconds, expected) in [
            (1_700_000_000, (3_600, "CET")),
            (1_690_000_000, (7_200, "CEST")),
            (1_711_846_799, (3_600, "CET")),
            (1_711_846_800, (7_200, "CEST")),
            (1_729_990_799, (7_200, "CEST")),
            (1_729_990_800, (3_600, "CET")),
        ] {
            assert_eq!(berlin.lookup(seconds), expected, "{seconds}");
        }
        assert_eq!(zone("<+0545>-5:45").lookup(0), (20_700, "+0545"));
        assert_eq!(zone("AEST-10AEDT,M10.1.0,M4.1.0/3").lookup(1_700_000_000), (39_600, "AEDT"));
    }

    #[test]
    fn broken_files_are_no_zone() {
        assert_eq!(TimeZone::from_tzif("X", b"TZif2"), None);
        assert_eq!(TimeZone::from_tzif("X", &[b'T', b'Z', b'i', b'f', b'2', 255, 255]), None);
        let mut huge = b"TZif2".to_vec();
        huge.extend([0; 15]);
        huge.extend([255; 24]);
        assert_eq!(TimeZone::from_tzif("X", &huge), None);
    }
}
