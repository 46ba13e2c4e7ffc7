//! The fields of a pulse by their names, for the spellings that are text: JSON and CSV.

use domain::pulse::{RawPulse, RawTime};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use domain::unit::canonical_spelling;

/// A field of a pulse, dimensions apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Id,
    Source,
    Tenant,
    Sku,
    Quantity,
    Unit,
    /// `unit` under a name of the first service, with its common spellings.
    LegacyUnit,
    EventTime,
    IntervalEndTime,
    ResourceId,
    CorrectsId,
}

impl Field {
    /// The field of that name; the first service's names are known too.
    pub fn find(name: &str) -> Option<Self> {
        Some(match name {
            "id" => Self::Id,
            "source" => Self::Source,
            "tenant" | "tenant_id" => Self::Tenant,
            "sku" | "product_sku" => Self::Sku,
            "quantity" | "used_amount" | "used_ammount" => Self::Quantity,
            "unit" => Self::Unit,
            "use_unity" | "use_unit" | "usage_unit" => Self::LegacyUnit,
            "event_time" => Self::EventTime,
            "interval_end_time" => Self::IntervalEndTime,
            "resource_id" => Self::ResourceId,
            "corrects_id" => Self::CorrectsId,
            _ => return None,
        })
    }

    /// Its own name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Source => "source",
            Self::Tenant => "tenant",
            Self::Sku => "sku",
            Self::Quantity => "quantity",
            Self::Unit | Self::LegacyUnit => "unit",
            Self::EventTime => "event_time",
            Self::IntervalEndTime => "interval_end_time",
            Self::ResourceId => "resource_id",
            Self::CorrectsId => "corrects_id",
        }
    }

    /// A refusal for the field's own reason.
    pub fn reject(self, rule: &str) -> Reject {
        let reason = match self {
            Self::Id => RejectReason::InvalidId,
            Self::Quantity => RejectReason::InvalidQuantity,
            Self::EventTime | Self::IntervalEndTime => RejectReason::InvalidTime,
            _ => RejectReason::InvalidField,
        };
        Reject::new(reason, self.name(), rule)
    }

    /// Fills the field in; a second name for the same field is refused.
    pub fn fill(self, raw: &mut RawPulse, text: &str) -> Result<(), Reject> {
        match self {
            Self::EventTime => self.put(&mut raw.event_time, Some(self.parse_time(text)?)),
            Self::IntervalEndTime => self.put(&mut raw.interval_end_time, Some(self.parse_time(text)?)),
            Self::LegacyUnit => self.put(&mut raw.unit, canonical_spelling(text)),
            Self::Id => self.put(&mut raw.id, text.to_owned()),
            Self::Source => self.put(&mut raw.source, text.to_owned()),
            Self::Tenant => self.put(&mut raw.tenant, text.to_owned()),
            Self::Sku => self.put(&mut raw.sku, text.to_owned()),
            Self::Quantity => self.put(&mut raw.quantity, text.to_owned()),
            Self::Unit => self.put(&mut raw.unit, text.to_owned()),
            Self::ResourceId => self.put(&mut raw.resource_id, text.to_owned()),
            Self::CorrectsId => self.put(&mut raw.corrects_id, text.to_owned()),
        }
    }

    fn put<T: Default + PartialEq>(self, slot: &mut T, value: T) -> Result<(), Reject> {
        if *slot != T::default() {
            let rule = "is given twice";
            return Err(Reject::new(RejectReason::InvalidField, self.name(), rule));
        }
        *slot = value;
        Ok(())
    }

    fn parse_time(self, text: &str) -> Result<RawTime, Reject> {
        let instant = Timestamp::parse(text).map_err(|error| self.reject(&error.to_string()))?;
        Ok(instant.into())
    }
}

/// The refusal of a name that no field has.
pub fn unknown(name: &str) -> Reject {
    let shown: String = name.chars().take(64).collect();
    Reject::new(RejectReason::InvalidField, shown, "is no field of a pulse")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 10] = [
        "id",
        "source",
        "tenant",
        "sku",
        "quantity",
        "unit",
        "event_time",
        "interval_end_time",
        "resource_id",
        "corrects_id",
    ];

    #[test]
    fn every_field_is_found_by_its_own_name() {
        for name in NAMES {
            assert_eq!(Field::find(name).map(Field::name), Some(name));
        }
        for name in ["", "ID", "dimensions", "event time", "amount"] {
            assert_eq!(Field::find(name), None, "{name}");
        }
    }

    #[test]
    fn names_of_the_first_service_mean_fields_of_today() {
        let expected = [
            ("tenant_id", "tenant"),
            ("product_sku", "sku"),
            ("used_amount", "quantity"),
            ("used_ammount", "quantity"),
            ("use_unit", "unit"),
            ("use_unity", "unit"),
            ("usage_unit", "unit"),
        ];
        for (name, field) in expected {
            assert_eq!(Field::find(name).map(Field::name), Some(field));
        }
    }

    #[test]
    fn each_field_is_filled_into_its_own_place() {
        let mut raw = RawPulse::default();
        for name in NAMES {
            let text = if name.ends_with("_time") { "1970-01-01T00:00:07Z" } else { name };
            Field::find(name).unwrap().fill(&mut raw, text).unwrap();
        }
        let time = Some(RawTime { seconds: 7, nanos: 0 });
        let expected = RawPulse {
            id: "id".into(),
            source: "source".into(),
            tenant: "tenant".into(),
            sku: "sku".into(),
            quantity: "quantity".into(),
            unit: "unit".into(),
            event_time: time,
            interval_end_time: time,
            dimensions: Vec::new(),
            resource_id: "resource_id".into(),
            corrects_id: "corrects_id".into(),
        };
        assert_eq!(raw, expected);
        for name in NAMES {
            let reject = Field::find(name).unwrap().fill(&mut raw, "1970-01-01T00:00:08Z").unwrap_err();
            assert_eq!((reject.field.as_str(), reject.reason), (name, RejectReason::InvalidField));
        }
        assert_eq!(raw, expected);
    }

    #[test]
    fn an_unknown_name_is_cut_where_it_is_long() {
        assert_eq!(unknown(&"x".repeat(1_000)).field.len(), 64);
        assert_eq!(unknown("colour").message, "colour is no field of a pulse");
    }
}
