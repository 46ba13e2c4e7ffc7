//! The bodies of `POST /v1/pulses`, described. They are read by their own readers, which refuse a field and not a body.

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One pulse, or a list of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Pulses {
    /// One.
    One(Box<Pulse>),
    /// Many.
    Many(ManyPulses),
}

/// A list of pulses.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManyPulses {
    /// At most 1,000.
    #[schema(min_items = 1, max_items = 1_000)]
    pub pulses: Vec<Pulse>,
}

/// One report of use.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Pulse {
    /// Names it within its source; a UUIDv7 is best. Without one the server makes an id, and a repeat counts again.
    #[schema(max_length = 64, example = "018f4e2a-0000-7000-8000-00000000abcd")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The reporting service; the same after a restart.
    #[schema(max_length = 256, example = "meter-1")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Who pays; `tenant_id` is known too.
    #[schema(min_length = 1, max_length = 128, example = "acme")]
    pub tenant: String,
    /// What was used; `product_sku` is known too.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$", example = "llm.input")]
    pub sku: String,
    /// How much; `used_amount` is known too.
    pub quantity: Quantity,
    /// Of which unit; `use_unity` is known too, with the first service's spellings.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$", example = "token")]
    pub unit: String,
    /// When, or the start of the interval. May be left out where the id is a UUIDv7 or made by the server.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-01-31T10:14:58Z")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_time: Option<String>,
    /// The end of the interval, informative.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-01-31T10:15:58Z")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_end_time: Option<String>,
    /// At most 16; those that the SKU declares make the group.
    #[schema(example = json!({"region": "eu-1"}))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// The resource that was used, informative.
    #[schema(max_length = 256, example = "vm-17")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_id: Option<String>,
    /// The pulse that this one corrects, informative.
    #[schema(max_length = 64, example = "018f4e2a-0000-7000-8000-00000000abcc")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub corrects_id: Option<String>,
}

/// An exact decimal: text, or a number that is read by its digits.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Quantity {
    /// `^-?[0-9]{1,18}(\.[0-9]{1,12})?$`
    #[schema(example = "1500")]
    Text(String),
    /// The same digits, unquoted.
    #[schema(value_type = f64)]
    Number(serde_json::Number),
}

impl Default for Quantity {
    fn default() -> Self {
        Self::Text("0".to_owned())
    }
}

/// A pulse as a `CloudEvent` 1.0.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CloudEvent {
    /// `1.0`
    #[schema(pattern = "^1\\.0$", example = "1.0")]
    pub specversion: String,
    /// `pulse.usage.v1`
    #[schema(pattern = "^pulse\\.usage\\.v1$", example = "pulse.usage.v1")]
    pub r#type: String,
    /// The pulse's id.
    #[schema(min_length = 1, max_length = 64, example = "018f4e2a-0000-7000-8000-00000000abcd")]
    pub id: String,
    /// The pulse's source.
    #[schema(max_length = 256, example = "/meters/1")]
    pub source: String,
    /// The pulse's tenant.
    #[schema(min_length = 1, max_length = 128, example = "acme")]
    pub subject: String,
    /// The pulse's event time.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-01-31T10:14:58Z")]
    pub time: Option<String>,
    /// The rest of the pulse.
    pub data: Data,
}

/// What the attributes of an event leave to say.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Data {
    /// What was used.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$", example = "llm.input")]
    pub sku: String,
    /// How much.
    pub quantity: Quantity,
    /// Of which unit.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$", example = "token")]
    pub unit: String,
    /// At most 16.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
}
