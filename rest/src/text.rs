//! Values as they stand in bodies: numbers as text, instants as RFC 3339.

use domain::time::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// An exact decimal, as text: a quantity, a price, an amount.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Decimal(String);

impl Decimal {
    /// The text of a value whose `Display` is an exact decimal.
    pub fn of(value: &impl fmt::Display) -> Self {
        Self(value.to_string())
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Decimal {
    fn default() -> Self {
        Self("0".to_owned())
    }
}

impl PartialSchema for Decimal {
    fn schema() -> RefOr<Schema> {
        text_schema(
            "An exact decimal",
            r"^-?[0-9]+(\.[0-9]+)?$",
            SchemaFormat::Custom("decimal".to_owned()),
            "12.5",
        )
    }
}

impl ToSchema for Decimal {
    fn name() -> Cow<'static, str> {
        "Decimal".into()
    }
}

/// A count of 64 bits, as text: readers in languages without such numbers lose nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Count(pub u64);

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl PartialSchema for Count {
    fn schema() -> RefOr<Schema> {
        text_schema("A count", "^[0-9]{1,20}$", SchemaFormat::Custom("uint64".to_owned()), "42")
    }
}

impl ToSchema for Count {
    fn name() -> Cow<'static, str> {
        "Count".into()
    }
}

/// An instant as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Timestamp::parse(&text).map(Self).map_err(de::Error::custom)
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        text_schema(
            "An instant, RFC 3339",
            r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]",
            SchemaFormat::KnownFormat(KnownFormat::DateTime),
            "2026-01-31T10:15:00Z",
        )
    }
}

impl ToSchema for Time {
    fn name() -> Cow<'static, str> {
        "Time".into()
    }
}

fn text_schema(description: &str, pattern: &str, format: SchemaFormat, example: &str) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::String).format(Some(format)).pattern(Some(pattern));
    object.description(Some(description)).examples([serde_json::Value::from(example)]).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::quantity::Quantity;

    #[test]
    fn numbers_and_instants_stand_as_text() {
        let quantity = Quantity::parse("007.50").unwrap();
        assert_eq!(serde_json::to_string(&Decimal::of(&quantity)).unwrap(), "\"7.5\"");
        assert_eq!(serde_json::to_string(&Count(u64::MAX)).unwrap(), "\"18446744073709551615\"");
        let time = Time(Timestamp::from_seconds(1_769_854_500));
        assert_eq!(serde_json::to_string(&time).unwrap(), "\"2026-01-31T10:15:00Z\"");
        assert_eq!(serde_json::from_str::<Time>("\"2026-01-31T11:15:00+01:00\"").unwrap(), time);
        let error = serde_json::from_str::<Time>("\"tomorrow\"").unwrap_err().to_string();
        assert!(error.starts_with("must be an RFC 3339 time"), "{error}");
    }

    #[test]
    fn schemas_say_what_the_text_is() {
        for (schema, format) in
            [(Decimal::schema(), "decimal"), (Count::schema(), "uint64"), (Time::schema(), "date-time")]
        {
            let value = serde_json::to_value(schema).unwrap();
            assert_eq!((value["type"].as_str(), value["format"].as_str()), (Some("string"), Some(format)));
        }
    }
}
