//! JSON, and the texts of queries, as values of a type. What does not fit is said in words: at which field, what is there, and what to write instead.

use std::fmt::{self, Display};

use ez_compiler::suggest::nearest;
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};
use serde_json::{Map, Value};

/// How much of a wrong value is shown, in characters.
const MAX_SHOWN: usize = 80;

/// Why a text is no value of a type.
#[derive(Debug, thiserror::Error)]
pub enum JsonError {
    /// It is no JSON.
    #[error("the body is no JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// It is JSON that does not fit.
    #[error(transparent)]
    Wrong(#[from] WrongField),
}

/// What does not fit, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongField {
    /// Names and numbers on the way to it; empty for the whole.
    place: String,
    /// What is wrong with it, as it follows its name.
    problem: String,
}

impl std::error::Error for WrongField {}

impl Display for WrongField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, problem } = self;
        if place.is_empty() { write!(f, "the body {problem}") } else { write!(f, "`{place}` {problem}") }
    }
}

impl WrongField {
    /// Where it is: names and numbers on the way to it, as in `tls.cert` or `tags[1]`.
    pub fn place(&self) -> &str {
        &self.place
    }

    fn new(problem: String) -> Self {
        Self { place: String::new(), problem }
    }

    /// The same below a name or a number in brackets.
    fn below(self, outer: &str) -> Self {
        let outer: String = outer.escape_debug().take(MAX_SHOWN).collect();
        let joint = if self.place.is_empty() || self.place.starts_with('[') { "" } else { "." };
        Self { place: format!("{outer}{joint}{}", self.place), ..self }
    }
}

impl de::Error for WrongField {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(format!("cannot be taken: {message}"))
    }

    fn invalid_type(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::new(format!("is {found}: write {wanted}"))
    }

    fn invalid_value(found: Unexpected<'_>, wanted: &dyn Expected) -> Self {
        Self::invalid_type(found, wanted)
    }

    fn unknown_variant(found: &str, known: &'static [&'static str]) -> Self {
        let found: String = found.escape_debug().take(MAX_SHOWN).collect();
        Self::new(format!("is \"{found}\": write {}", one_of(known, '"')))
    }

    fn unknown_field(found: &str, known: &'static [&'static str]) -> Self {
        let help = match nearest(found, known.iter().copied()) {
            Some(near) => format!("do you mean `{near}`?"),
            None => format!("there is {}", one_of(known, '`')),
        };
        Self::new(format!("is no field here; {help}")).below(found)
    }

    fn duplicate_field(field: &'static str) -> Self {
        Self::new("is there twice".to_owned()).below(field)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new("is missing".to_owned()).below(field)
    }
}

/// Names in quotes, as in `"a", "b" or "c"`.
fn one_of(names: &[&str], quote: char) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("{quote}{name}{quote}")).collect();
    match names.as_slice() {
        [] => "nothing".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// The value that a text in JSON stands for.
///
/// # Errors
/// It is no JSON, or does not fit.
pub fn read<T: DeserializeOwned>(text: &[u8]) -> Result<T, JsonError> {
    let Unique(value) = serde_json::from_slice(text)?;
    read_value(value).map_err(JsonError::Wrong)
}

/// The same for JSON that is there already.
///
/// # Errors
/// It does not fit.
pub fn read_value<T: DeserializeOwned>(value: Value) -> Result<T, WrongField> {
    T::deserialize(Input(value))
}

/// The same for JSON that stands in a member of a message.
///
/// # Errors
/// It does not fit.
pub fn read_member<T: DeserializeOwned>(name: &str, value: Value) -> Result<T, WrongField> {
    read_value(value).map_err(|wrong| wrong.below(name))
}

/// The value for which names with texts stand, as they come in a query.
///
/// # Errors
/// They do not fit.
pub fn read_texts<T: DeserializeOwned>(texts: Vec<(String, String)>) -> Result<T, WrongField> {
    let members = texts.into_iter().map(|(name, text)| (name, Text(text)));
    T::deserialize(MapAccessDeserializer::new(Members::of(members)))
}

/// JSON without a name that is there twice, of which one would be lost.
struct Unique(Value);

impl<'de> de::Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Self)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Unique(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some((name, Unique(value))) = members.next_entry::<String, _>()? {
            let shown: String = name.escape_debug().take(MAX_SHOWN).collect();
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom(format!("the name `{shown}` is there twice")));
            }
        }
        Ok(Value::Object(object))
    }
}

/// A value that is read.
struct Input(Value);

impl Input {
    fn whole_number(&self) -> Option<i128> {
        self.0.as_i64().map(i128::from).or_else(|| self.0.as_u64().map(i128::from))
    }

    fn is_no(&self, wanted: &str) -> WrongField {
        let found = match &self.0 {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(number) => &number.to_string(),
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        WrongField::new(format!("is {found}: write {wanted}"))
    }
}

/// A text that stands for a value, as the names of members and the values of a query do.
struct Text(String);

impl Text {
    fn whole_number(&self) -> Option<i128> {
        self.0.parse().ok()
    }

    fn is_no(&self, wanted: &str) -> WrongField {
        let shown: String = self.0.escape_debug().take(MAX_SHOWN).collect();
        WrongField::new(format!("is \"{shown}\": write {wanted}"))
    }
}

/// Whole numbers of a type: others are refused with the range.
macro_rules! whole_numbers {
    (all) => {
        whole_numbers! {
            deserialize_i8 visit_i8 i8
            deserialize_i16 visit_i16 i16
            deserialize_i32 visit_i32 i32
            deserialize_i64 visit_i64 i64
            deserialize_u8 visit_u8 u8
            deserialize_u16 visit_u16 u16
            deserialize_u32 visit_u32 u32
            deserialize_u64 visit_u64 u64
        }
    };
    ($($method:ident $visit:ident $type:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
            match self.whole_number().and_then(|number| $type::try_from(number).ok()) {
                Some(number) => visitor.$visit(number),
                None => Err(self.is_no(&format!("a whole number from {} to {}", $type::MIN, $type::MAX))),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Text {
    type Error = WrongField;

    whole_numbers! { all }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        visitor.visit_string(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        match self.0.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(self.is_no("true or false")),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        visitor.visit_some(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WrongField> {
        visitor.visit_enum(self.0.into_deserializer())
    }

    serde::forward_to_deserialize_any! {
        i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct newtype_struct seq tuple tuple_struct map
        struct identifier ignored_any
    }
}

impl<'de> Deserializer<'de> for Input {
    type Error = WrongField;

    whole_numbers! { all }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                (_, _, number) => visitor.visit_f64(number.unwrap_or(f64::NAN)),
            },
            Value::String(text) => visitor.visit_string(text),
            Value::Array(_) => self.deserialize_seq(visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        match self.0 {
            Value::Bool(value) => visitor.visit_bool(value),
            _ => Err(self.is_no("true or false")),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        match self.0.as_f64() {
            Some(number) => visitor.visit_f64(number),
            None => Err(self.is_no("a number")),
        }
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        self.deserialize_f64(visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        match self.0 {
            Value::String(text) => visitor.visit_string(text),
            _ => Err(self.is_no("a string")),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        self.deserialize_string(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, WrongField> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        let Value::Array(items) = self.0 else { return Err(self.is_no("an array")) };
        visitor.visit_seq(Items(items.into_iter().enumerate()))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, WrongField> {
        let Value::Object(members) = self.0 else { return Err(self.is_no("an object")) };
        visitor.visit_map(Members::of(members.into_iter().map(|(name, value)| (name, Input(value)))))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WrongField> {
        if self.0.is_object() {
            return self.deserialize_map(visitor);
        }
        Err(self.is_no(&format!("an object with {}", one_of(fields, '`'))))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, WrongField> {
        match self.0 {
            Value::String(text) => visitor.visit_enum(text.into_deserializer()),
            _ => Err(self.is_no(&one_of(variants, '"'))),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct tuple tuple_struct identifier ignored_any
    }
}

/// The items of an array that are not read yet, with their numbers.
struct Items(std::iter::Enumerate<std::vec::IntoIter<Value>>);

impl<'de> SeqAccess<'de> for Items {
    type Error = WrongField;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, WrongField> {
        let Some((number, item)) = self.0.next() else { return Ok(None) };
        seed.deserialize(Input(item)).map(Some).map_err(|wrong| wrong.below(&format!("[{number}]")))
    }
}

/// The members of an object that are not read yet, and the value of the one whose name was read.
struct Members<I, V> {
    members: I,
    next: Option<(String, V)>,
}

impl<V, I: Iterator<Item = (String, V)>> Members<I, V> {
    fn of(members: I) -> Self {
        Self { members, next: None }
    }
}

impl<'de, V, I> MapAccess<'de> for Members<I, V>
where
    V: Deserializer<'de, Error = WrongField>,
    I: Iterator<Item = (String, V)>,
{
    type Error = WrongField;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, WrongField> {
        self.next = self.members.next();
        let Some((name, _)) = &self.next else { return Ok(None) };
        let key = seed.deserialize(Text(name.clone())).map(Some);
        // A field that is not known is named already.
        key.map_err(|wrong| if wrong.place.is_empty() { wrong.below(name) } else { wrong })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, WrongField> {
        let (name, value) =
            self.next.take().ok_or_else(|| WrongField::new("has a value without a name".to_owned()))?;
        seed.deserialize(value).map_err(|wrong| wrong.below(&name))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::Value;

    use super::read;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Color {
        Red,
        Green,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only what cannot be read is looked at")]
    struct Inner {
        size: u32,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(deny_unknown_fields, default)]
    struct Outer {
        name: String,
        vars: BTreeMap<String, String>,
        list: Vec<Inner>,
        inner: Option<Inner>,
        count: i64,
        is_on: bool,
        share: f64,
        color: Option<Color>,
        any: Value,
        by_number: BTreeMap<i64, bool>,
    }

    #[test]
    fn what_fits_is_read() {
        let text = r#"{"name": "x", "vars": {"A": "b"}, "list": [{"size": 3}], "inner": null, "count": -7,
            "is_on": true, "share": 1, "color": "green", "any": {"z": [1.5, null], "a": 18446744073709551615},
            "by_number": {"-3": true}}"#;
        let read: Outer = read(text.as_bytes()).unwrap();
        assert_eq!((read.name.as_str(), read.vars["A"].as_str(), read.count), ("x", "b", -7));
        assert!(read.by_number[&-3]);
        assert!(read.is_on && read.inner.is_none() && read.list.len() == 1 && read.share > 0.9);
        assert!(matches!(read.color, Some(Color::Green)));
        assert_eq!(read.any.to_string(), r#"{"z":[1.5,null],"a":18446744073709551615}"#);
    }

    #[test]
    fn texts_stand_for_values() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Wanted {
            limit: Option<u32>,
            #[serde(default)]
            off: bool,
            color: Option<Color>,
            name: Option<String>,
        }
        let read = |texts: &[(&str, &str)]| {
            let texts = texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
            super::read_texts::<Wanted>(texts.collect())
        };
        let all = read(&[("limit", "7"), ("off", "true"), ("color", "red"), ("name", "12")]).unwrap();
        assert!(all.limit == Some(7) && all.off && matches!(all.color, Some(Color::Red)));
        assert_eq!(all.name.as_deref(), Some("12"));
        assert!(read(&[]).is_ok_and(|none| none.limit.is_none()));
        for (name, text, words) in [
            ("limit", "x", "`limit` is \"x\": write a whole number from 0 to 4294967295"),
            ("limit", "", "`limit` is \"\": write a whole number from 0 to 4294967295"),
            ("limit", "-1", "`limit` is \"-1\": write a whole number from 0 to 4294967295"),
            ("off", "1", "`off` is \"1\": write true or false"),
            ("color", "blue", "`color` is \"blue\": write \"red\" or \"green\""),
            ("limt", "1", "`limt` is no field here; do you mean `limit`?"),
        ] {
            assert_eq!(read(&[(name, text)]).unwrap_err().to_string(), words);
        }
        let twice = read(&[("name", "a"), ("name", "b")]).unwrap_err().to_string();
        assert_eq!(twice, "`name` is there twice");
    }

    #[test]
    fn what_does_not_fit_is_said_in_words_of_json() {
        for (text, words) in [
            (
                "[]",
                "the body is an array: write an object with `name`, `vars`, `list`, `inner`, `count`, `is_on`, `share`, `color`, `any` or `by_number`",
            ),
            (
                "3",
                "the body is 3: write an object with `name`, `vars`, `list`, `inner`, `count`, `is_on`, `share`, `color`, `any` or `by_number`",
            ),
            (r#"{"name": 1}"#, "`name` is 1: write a string"),
            (r#"{"name": null}"#, "`name` is null: write a string"),
            (r#"{"nam": "x"}"#, "`nam` is no field here; do you mean `name`?"),
            (r#"{"inner": {"zzzzz": 1}}"#, "`inner.zzzzz` is no field here; there is `size`"),
            (r#"{"inner": {}}"#, "`inner.size` is missing"),
            (r#"{"inner": [7]}"#, "`inner` is an array: write an object with `size`"),
            (r#"{"inner": {"size": -1}}"#, "`inner.size` is -1: write a whole number from 0 to 4294967295"),
            (
                r#"{"inner": {"size": 4294967296}}"#,
                "`inner.size` is 4294967296: write a whole number from 0 to 4294967295",
            ),
            (r#"{"inner": {"size": 1.5}}"#, "`inner.size` is 1.5: write a whole number from 0 to 4294967295"),
            (
                r#"{"list": [{"size": 1}, {"size": "2"}]}"#,
                "`list[1].size` is a string: write a whole number from 0 to 4294967295",
            ),
            (r#"{"list": {}}"#, "`list` is an object: write an array"),
            (r#"{"vars": {"A": 1}}"#, "`vars.A` is 1: write a string"),
            (r#"{"vars": []}"#, "`vars` is an array: write an object"),
            (
                r#"{"by_number": {"x": true}}"#,
                "`by_number.x` is \"x\": write a whole number from -9223372036854775808 to 9223372036854775807",
            ),
            (r#"{"is_on": 1}"#, "`is_on` is 1: write true or false"),
            (r#"{"share": "1"}"#, "`share` is a string: write a number"),
            (r#"{"color": "blue"}"#, "`color` is \"blue\": write \"red\" or \"green\""),
            (r#"{"color": {"red": 1}}"#, "`color` is an object: write \"red\" or \"green\""),
            (
                r#"{"name": "a", "name": "b"}"#,
                "the body is no JSON: the name `name` is there twice at line 1 column 26",
            ),
            ("{", "the body is no JSON: EOF while parsing an object at line 1 column 1"),
            ("{} x", "the body is no JSON: trailing characters at line 1 column 4"),
        ] {
            assert_eq!(read::<Outer>(text.as_bytes()).unwrap_err().to_string(), words, "{text}");
        }
        // However deep it is.
        assert!(read::<Outer>("[".repeat(100_000).as_bytes()).is_err());
    }
}
