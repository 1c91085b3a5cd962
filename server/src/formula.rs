//! What a chart shows: a small language over what ran.
//!
//! ```text
//! formula   = sum ["by" key] ["where" condition {"and" condition}] ["last" number ("h" | "d")]
//! sum       = product {("+" | "-") product}
//! product   = value {("*" | "/") value}
//! value     = number | aggregate | "(" sum ")" | "-" value
//! aggregate = "count" "(" [state] ")" | "rate" "(" state ")" | ("sum" | "avg" | "min" | "max" | "p50" | "p95" | "p99") "(" ("duration" | "wait") ")"
//! key       = "hour" | "day" | "task" | "node" | "state"
//! condition = ("task" | "node" | "state" | "kind") ("=" | "!=") "text in quotes"
//! state     = "success" | "failed" | "cancelled"
//! ```
//!
//! It can only count: no loops, no names of its own, and its length and depth have limits.

use std::collections::BTreeMap;

use ez_runner::civil_time;

use crate::store::executions::Execution;

/// The longest formula in bytes.
pub const MAX_FORMULA_BYTES: usize = 1000;

/// How deep a formula may be nested.
pub const MAX_DEPTH: usize = 32;

/// The most points of a chart; those of the highest keys are left out.
pub const MAX_POINTS: usize = 1000;

/// How many days back a formula looks where it does not say.
const USUAL_DAYS: i64 = 30;

/// The most days a formula may look back: ten years.
const MAX_DAYS: i64 = 3660;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// A text that is no formula.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at character {column}: {message}")]
pub struct FormulaError {
    /// The character where it is wrong, from 1.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

/// A formula.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    value: Expression,
    key: Option<Key>,
    conditions: Vec<Condition>,
    /// How far it looks back, in milliseconds.
    last: i64,
}

/// A value for a key.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// A day or hour in UTC, a name, or `all` where nothing is grouped.
    pub key: String,
    /// `None` where it has none, as the average of nothing.
    pub value: Option<f64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Expression {
    Number(f64),
    Count(Option<State>),
    Rate(State),
    Measure(Statistic, Quantity),
    Negated(Box<Expression>),
    Both(Operator, Box<Expression>, Box<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Success,
    Failed,
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Statistic {
    Sum,
    Average,
    Least,
    Most,
    Percentile(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantity {
    Duration,
    Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Hour,
    Day,
    Task,
    Node,
    State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Task,
    Node,
    State,
    Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    field: Field,
    is_equal: bool,
    text: String,
}

impl State {
    fn of_name(name: &str) -> Option<Self> {
        [Self::Success, Self::Failed, Self::Cancelled].into_iter().find(|state| state.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Number(f64),
    Text(String),
    Sign(&'static str),
}

const SIGNS: [&str; 8] = ["!=", "=", "(", ")", "+", "-", "*", "/"];

fn tokens(text: &str) -> Result<Vec<(usize, Token)>, FormulaError> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let column = text.get(..text.len() - rest.len()).unwrap_or_default().chars().count() + 1;
        let error = |message: &str| FormulaError { column, message: message.to_owned() };
        let length = |is_part: fn(char) -> bool| rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
        let taken = if first.is_whitespace() {
            first.len_utf8()
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            found.push((column, Token::Sign(sign)));
            sign.len()
        } else if first.is_ascii_digit() {
            let end = length(|c| c.is_ascii_digit() || c == '.');
            let number = rest.get(..end).and_then(|digits| digits.parse().ok());
            found.push((column, Token::Number(number.ok_or_else(|| error("this is no number"))?)));
            end
        } else if first.is_ascii_alphabetic() {
            let end = length(|c| c.is_ascii_alphanumeric());
            found.push((column, Token::Word(rest.get(..end).unwrap_or_default().to_ascii_lowercase())));
            end
        } else if first == '"' {
            let inner = rest.get(1..).unwrap_or_default();
            let end =
                inner.find('"').ok_or_else(|| error("the text that begins here has no end: write a `\"`"))?;
            found.push((column, Token::Text(inner.get(..end).unwrap_or_default().to_owned())));
            end + 2
        } else {
            return Err(error(&format!("`{}` has no meaning here", first.escape_debug())));
        };
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(found)
}

struct Parser {
    tokens: Vec<(usize, Token)>,
    at: usize,
    end: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(_, token)| token)
    }

    fn error(&self, message: impl Into<String>) -> FormulaError {
        let column = self.tokens.get(self.at).map_or(self.end, |(column, _)| *column);
        FormulaError { column, message: message.into() }
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(is_it);
        is_it
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Some(Token::Word(found)) if found == word);
        self.at += usize::from(is_it);
        is_it
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), FormulaError> {
        if self.takes_sign(sign) { Ok(()) } else { Err(self.error(format!("write `{sign}` here"))) }
    }

    fn choice<T>(&mut self, of_name: impl Fn(&str) -> Option<T>, choices: &str) -> Result<T, FormulaError> {
        let chosen = match self.peek() {
            Some(Token::Word(word)) => of_name(word),
            _ => None,
        };
        let chosen = chosen.ok_or_else(|| self.error(format!("write one of {choices}")))?;
        self.at += 1;
        Ok(chosen)
    }

    fn formula(&mut self) -> Result<Formula, FormulaError> {
        let value = self.sum()?;
        let key = if self.takes_word("by") { Some(self.key()?) } else { None };
        let mut conditions = Vec::new();
        if self.takes_word("where") {
            conditions.push(self.condition()?);
            while self.takes_word("and") {
                conditions.push(self.condition()?);
            }
        }
        let last = if self.takes_word("last") { self.time()? } else { USUAL_DAYS * DAY_MS };
        if self.peek().is_some() {
            let next = "write `by`, `where`, `last`, in this order, or an operator";
            return Err(self.error(next));
        }
        Ok(Formula { value, key, conditions, last })
    }

    fn key(&mut self) -> Result<Key, FormulaError> {
        let of_name = |name: &str| {
            let keys = [
                ("hour", Key::Hour),
                ("day", Key::Day),
                ("task", Key::Task),
                ("node", Key::Node),
                ("state", Key::State),
            ];
            keys.into_iter().find(|(known, _)| *known == name).map(|(_, key)| key)
        };
        self.choice(of_name, "hour, day, task, node, state")
    }

    fn condition(&mut self) -> Result<Condition, FormulaError> {
        let of_name = |name: &str| {
            let fields = [
                ("task", Field::Task),
                ("node", Field::Node),
                ("state", Field::State),
                ("kind", Field::Kind),
            ];
            fields.into_iter().find(|(known, _)| *known == name).map(|(_, field)| field)
        };
        let field = self.choice(of_name, "task, node, state, kind")?;
        let is_equal = !self.takes_sign("!=");
        if is_equal {
            self.expect_sign("=")?;
        }
        let Some(Token::Text(text)) = self.peek().cloned() else {
            return Err(self.error("write a text in quotes"));
        };
        self.at += 1;
        Ok(Condition { field, is_equal, text })
    }

    fn time(&mut self) -> Result<i64, FormulaError> {
        let wrong = format!("write a number of hours or days up to {MAX_DAYS} days, as in `7 d`");
        let Some(Token::Number(number)) = self.peek().cloned() else { return Err(self.error(wrong)) };
        let place = self.at;
        self.at += 1;
        let unit = self.choice(
            |name| match name {
                "h" => Some(HOUR_MS),
                "d" => Some(DAY_MS),
                _ => None,
            },
            "h, d",
        )?;
        let time = number * unit as f64;
        if number.fract() != 0.0 || number < 1.0 || time > (MAX_DAYS * DAY_MS) as f64 {
            self.at = place;
            return Err(self.error(wrong));
        }
        Ok(time as i64)
    }

    fn sum(&mut self) -> Result<Expression, FormulaError> {
        let mut value = self.product()?;
        loop {
            let operator = match () {
                () if self.takes_sign("+") => Operator::Plus,
                () if self.takes_sign("-") => Operator::Minus,
                () => return Ok(value),
            };
            value = Expression::Both(operator, Box::new(value), Box::new(self.product()?));
        }
    }

    fn product(&mut self) -> Result<Expression, FormulaError> {
        let mut value = self.value()?;
        loop {
            let operator = match () {
                () if self.takes_sign("*") => Operator::Times,
                () if self.takes_sign("/") => Operator::Over,
                () => return Ok(value),
            };
            value = Expression::Both(operator, Box::new(value), Box::new(self.value()?));
        }
    }

    fn value(&mut self) -> Result<Expression, FormulaError> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(format!("a formula is nested at most {MAX_DEPTH} deep")));
        }
        self.depth += 1;
        let value = self.inner_value();
        self.depth -= 1;
        value
    }

    fn inner_value(&mut self) -> Result<Expression, FormulaError> {
        if self.takes_sign("-") {
            return Ok(Expression::Negated(Box::new(self.value()?)));
        }
        if self.takes_sign("(") {
            let value = self.sum()?;
            self.expect_sign(")")?;
            return Ok(value);
        }
        let word = match self.peek() {
            Some(Token::Number(number)) => {
                let number = *number;
                self.at += 1;
                return Ok(Expression::Number(number));
            }
            Some(Token::Word(word)) => word.clone(),
            _ => return Err(self.error("write a number, an aggregate as in `count()`, or `(`")),
        };
        let statistic = match word.as_str() {
            "count" | "rate" => None,
            "sum" => Some(Statistic::Sum),
            "avg" => Some(Statistic::Average),
            "min" => Some(Statistic::Least),
            "max" => Some(Statistic::Most),
            "p50" => Some(Statistic::Percentile(50)),
            "p95" => Some(Statistic::Percentile(95)),
            "p99" => Some(Statistic::Percentile(99)),
            _ => {
                let known = "count, rate, sum, avg, min, max, p50, p95, p99";
                return Err(self.error(format!("`{word}` is no aggregate: write one of {known}")));
            }
        };
        self.at += 1;
        self.expect_sign("(")?;
        let states = "success, failed, cancelled";
        let value = match (statistic, word.as_str()) {
            (None, "count") if matches!(self.peek(), Some(Token::Sign(")"))) => Expression::Count(None),
            (None, "count") => Expression::Count(Some(self.choice(State::of_name, states)?)),
            (None, _) => Expression::Rate(self.choice(State::of_name, states)?),
            (Some(statistic), _) => {
                let of_name = |name: &str| match name {
                    "duration" => Some(Quantity::Duration),
                    "wait" => Some(Quantity::Wait),
                    _ => None,
                };
                Expression::Measure(statistic, self.choice(of_name, "duration, wait")?)
            }
        };
        self.expect_sign(")")?;
        Ok(value)
    }
}

impl Formula {
    /// Reads a formula.
    ///
    /// # Errors
    /// It is none; where and why.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        if text.len() > MAX_FORMULA_BYTES {
            let message = format!("a formula has at most {MAX_FORMULA_BYTES} bytes");
            return Err(FormulaError { column: 1, message });
        }
        let end = text.chars().count() + 1;
        Parser { tokens: tokens(text)?, at: 0, end, depth: 0 }.formula()
    }

    /// From when on it looks, in milliseconds since 1970.
    pub fn since(&self, now: i64) -> i64 {
        now.saturating_sub(self.last)
    }

    /// What it gives for executions, by its keys. Durations are in seconds.
    pub fn points<'e>(&self, executions: impl IntoIterator<Item = &'e Execution>, now: i64) -> Vec<Point> {
        let since = self.since(now);
        let mut groups: BTreeMap<String, Vec<&Execution>> = BTreeMap::new();
        if self.key.is_none() {
            groups.insert("all".into(), Vec::new());
        }
        for execution in executions {
            if execution.finished >= since
                && self.conditions.iter().all(|condition| condition.holds(execution))
            {
                groups.entry(key_of(self.key, execution)).or_default().push(execution);
            }
        }
        let points = groups.into_iter().take(MAX_POINTS);
        points
            .map(|(key, group)| Point { key, value: self.value.of(&group).filter(|value| value.is_finite()) })
            .collect()
    }
}

impl Condition {
    fn holds(&self, execution: &Execution) -> bool {
        let value = match self.field {
            Field::Task => execution.name.as_str(),
            Field::Node => execution.node.as_deref().unwrap_or_default(),
            Field::State => &execution.state,
            Field::Kind => &execution.kind,
        };
        (value == self.text) == self.is_equal
    }
}

fn key_of(key: Option<Key>, execution: &Execution) -> String {
    match key {
        None => "all".into(),
        Some(Key::Day) => day(execution.finished),
        Some(Key::Hour) => {
            let hour = execution.finished.rem_euclid(DAY_MS) / HOUR_MS;
            format!("{}T{hour:02}", day(execution.finished))
        }
        Some(Key::Task) => execution.name.clone(),
        Some(Key::Node) => execution.node.clone().unwrap_or_default(),
        Some(Key::State) => execution.state.clone(),
    }
}

/// The day of a time in UTC, as in `2026-11-21`.
fn day(time: i64) -> String {
    civil_time::date(time.div_euclid(1000))
}

impl Expression {
    fn of(&self, group: &[&Execution]) -> Option<f64> {
        let count = |state: State| group.iter().filter(|execution| execution.state == state.name()).count();
        match self {
            Self::Number(number) => Some(*number),
            Self::Count(None) => Some(group.len() as f64),
            Self::Count(Some(state)) => Some(count(*state) as f64),
            Self::Rate(state) => (!group.is_empty()).then(|| count(*state) as f64 / group.len() as f64),
            Self::Measure(statistic, quantity) => statistic.of(&seconds(*quantity, group)),
            Self::Negated(value) => Some(-value.of(group)?),
            Self::Both(operator, left, right) => {
                let (left, right) = (left.of(group)?, right.of(group)?);
                Some(match operator {
                    Operator::Plus => left + right,
                    Operator::Minus => left - right,
                    Operator::Times => left * right,
                    Operator::Over => left / right,
                })
            }
        }
    }
}

/// The quantity of each execution that has it, in seconds, the smallest first.
fn seconds(quantity: Quantity, group: &[&Execution]) -> Vec<f64> {
    let of = |execution: &&Execution| match quantity {
        Quantity::Duration => execution.duration(),
        Quantity::Wait => execution.started.map(|started| (started - execution.created).max(0)),
    };
    let mut values: Vec<i64> = group.iter().filter_map(of).collect();
    values.sort_unstable();
    values.into_iter().map(|milliseconds| milliseconds as f64 / 1000.0).collect()
}

impl Statistic {
    fn of(self, sorted: &[f64]) -> Option<f64> {
        let sum = sorted.iter().sum::<f64>();
        match self {
            Self::Sum => Some(sum),
            Self::Average => (!sorted.is_empty()).then(|| sum / sorted.len() as f64),
            Self::Least => sorted.first().copied(),
            Self::Most => sorted.last().copied(),
            // The nearest rank.
            Self::Percentile(percent) => {
                let rank = (sorted.len() * percent).div_ceil(100);
                sorted.get(rank.checked_sub(1)?).copied()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Formula, MAX_FORMULA_BYTES, day};
    use crate::store::executions::Execution;

    const NOW: i64 = 1_795_291_134_280;

    fn execution(name: &str, state: &str, days_ago: i64, seconds: i64) -> Execution {
        let finished = NOW - days_ago * 24 * 3_600_000;
        Execution {
            source: "job".into(),
            id: 1,
            kind: "task".into(),
            name: name.into(),
            node: Some("local".into()),
            state: state.into(),
            exit_code: None,
            created: finished - seconds * 1000 - 500,
            started: Some(finished - seconds * 1000),
            finished,
        }
    }

    fn points(formula: &str) -> Vec<(String, Option<f64>)> {
        let executions = [
            execution("build", "success", 0, 10),
            execution("build", "failed", 1, 20),
            execution("test", "success", 1, 30),
            execution("test", "success", 40, 30),
        ];
        let points = Formula::parse(formula).unwrap().points(&executions, NOW);
        points.into_iter().map(|point| (point.key, point.value)).collect()
    }

    fn one(formula: &str) -> Option<f64> {
        points(formula)[0].1
    }

    #[test]
    fn what_ran_is_counted() {
        assert_eq!(one("count()"), Some(3.0));
        assert_eq!(one("count() last 100 d"), Some(4.0));
        assert_eq!(one("count() last 23 h"), Some(1.0));
        assert_eq!(one("count(failed) / count() * 300"), Some(100.0));
        assert_eq!(one("rate(success) where task = \"build\""), Some(0.5));
        assert_eq!(one("avg(duration)"), Some(20.0));
        assert_eq!(one("p50(duration) + max(duration) - min(duration)"), Some(40.0));
        assert_eq!(one("sum(wait)"), Some(1.5));
        assert_eq!(one("1 + 2 * -3"), Some(-5.0));
        assert_eq!(one("avg(duration) where task = \"none\" and kind != \"plan\""), None);
        assert_eq!(one("1 / 0"), None);
    }

    #[test]
    fn what_ran_is_grouped() {
        let of = |keys: &[(&str, f64)]| -> Vec<(String, Option<f64>)> {
            keys.iter().map(|(key, value)| ((*key).to_owned(), Some(*value))).collect()
        };
        assert_eq!(points("count() by task"), of(&[("build", 2.0), ("test", 1.0)]));
        assert_eq!(points("count() by day"), of(&[("2026-11-20", 2.0), ("2026-11-21", 1.0)]));
        assert_eq!(
            points("count() by state where node = \"local\""),
            of(&[("failed", 1.0), ("success", 2.0)])
        );
        assert_eq!(points("count() by hour")[1].0, "2026-11-21T19");
    }

    #[test]
    fn mistakes_have_their_places() {
        for (formula, column, message) in [
            ("", 1, "write a number, an aggregate as in `count()`, or `(`"),
            (
                "cuont()",
                1,
                "`cuont` is no aggregate: write one of count, rate, sum, avg, min, max, p50, p95, p99",
            ),
            ("count(", 7, "write one of success, failed, cancelled"),
            ("count(x)", 7, "write one of success, failed, cancelled"),
            ("sum()", 5, "write one of duration, wait"),
            ("(1", 3, "write `)` here"),
            ("1 2", 3, "write `by`, `where`, `last`, in this order, or an operator"),
            ("1 by week", 6, "write one of hour, day, task, node, state"),
            ("1 where task = x", 16, "write a text in quotes"),
            ("1 where task \"x\"", 14, "write `=` here"),
            ("1 where task = \"x", 16, "the text that begins here has no end: write a `\"`"),
            ("1 last 0 d", 8, "write a number of hours or days up to 3660 days, as in `7 d`"),
            ("1 last 5 weeks", 10, "write one of h, d"),
            ("ü", 1, "`ü` has no meaning here"),
            ("1.2.3", 1, "this is no number"),
        ] {
            let error = Formula::parse(formula).unwrap_err();
            assert_eq!((error.column, error.message.as_str()), (column, message), "{formula}");
        }
        let deep = format!("{}1{}", "(".repeat(40), ")".repeat(40));
        assert_eq!(Formula::parse(&deep).unwrap_err().message, "a formula is nested at most 32 deep");
        assert!(Formula::parse(&"-".repeat(100)).is_err());
        assert!(Formula::parse(&"1+".repeat(MAX_FORMULA_BYTES)).is_err());
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        for (time, expected) in [
            (0, "1970-01-01"),
            (951_782_400_000, "2000-02-29"),
            (-1, "1969-12-31"),
            (253_402_300_799_999, "9999-12-31"),
        ] {
            assert_eq!(day(time), expected);
        }
    }
}
