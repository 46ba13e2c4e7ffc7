//! A `serde` reader of decoded parameters.

use super::Pairs;
use serde::de::value::{MapDeserializer, SeqDeserializer, StringDeserializer};
use serde::de::{Deserializer, Error as _, IntoDeserializer, Visitor};
use serde::forward_to_deserialize_any;
use std::fmt;

/// A parameter that breaks a rule.
#[derive(Debug)]
pub(super) struct Error {
    pub field: String,
    pub message: String,
}

impl serde::de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { field: String::new(), message: message.to_string() }
    }

    fn missing_field(field: &'static str) -> Self {
        Self { field: field.to_owned(), message: "is required".to_owned() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.message)
    }
}

impl std::error::Error for Error {}

/// All parameters, read as a struct.
pub(super) struct Reader(pub Pairs);

impl<'de> Deserializer<'de> for Reader {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let values = self.0.into_iter().map(|(key, values)| (key.clone(), Values { key, values }));
        visitor.visit_map(MapDeserializer::new(values))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if let Some(unknown) = self.0.keys().find(|key| !fields.contains(&key.as_str())) {
            let message = format!("is no parameter here: known are {}", fields.join(", "));
            return Err(Error { field: unknown.clone(), message });
        }
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// The values of one parameter, at least one.
struct Values {
    key: String,
    values: Vec<String>,
}

impl Values {
    fn one(self) -> Result<(String, String), Error> {
        match <[String; 1]>::try_from(self.values) {
            Ok([value]) => Ok((self.key, value)),
            Err(_) => Err(Error { field: self.key, message: "must be given once".to_owned() }),
        }
    }

    fn number<T: std::str::FromStr>(self) -> Result<(String, T), Error> {
        let (key, text) = self.one()?;
        match text.parse() {
            Ok(number) => Ok((key, number)),
            Err(_) => Err(Error { field: key, message: "must be a whole number".to_owned() }),
        }
    }
}

/// Names the field in an error of its value.
fn name<T>(key: String, result: Result<T, Error>) -> Result<T, Error> {
    result.map_err(|error| if error.field.is_empty() { Error { field: key, ..error } } else { error })
}

macro_rules! numbers {
    ($($read:ident $visit:ident),+) => {
        $(fn $read<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            let (key, number) = self.number()?;
            name(key, visitor.$visit(number))
        })+
    };
}

impl<'de> Deserializer<'de> for Values {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let (key, value) = self.one()?;
        name(key, visitor.visit_string(value))
    }

    numbers! {
        deserialize_u8 visit_u8, deserialize_u16 visit_u16, deserialize_u32 visit_u32, deserialize_u64 visit_u64,
        deserialize_i64 visit_i64
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let (key, value) = self.one()?;
        match value.as_str() {
            "true" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Error { field: key, message: "must be true or false".to_owned() }),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        let one = |value| Values { key: self.key.clone(), values: vec![value] };
        visitor.visit_seq(SeqDeserializer::new(self.values.into_iter().map(one)))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let (key, value) = self.one()?;
        if !variants.contains(&value.as_str()) {
            return name(key, Err(Error::unknown_variant(&value, variants)));
        }
        let reader: StringDeserializer<Error> = value.into_deserializer();
        name(key, visitor.visit_enum(reader))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

impl IntoDeserializer<'_, Error> for Values {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
