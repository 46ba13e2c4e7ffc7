//! Charges as the value of their cell.

use super::{Charge, ChargeKey, Charges, Line};
use bytes::Bytes;
use domain::calendar::Period;
use domain::decimal::Decimal;
use domain::id::{TenantId, UnitId};
use domain::money::{Amount, Currency, Price};
use domain::table::{CHARGE, CellKey, KeyValue};
use proto::blob::{Blob, BlobError, open, seal};
use proto::log;

const FORMAT: u8 = 1;

impl Charges {
    /// The cell of a tenant's month.
    pub fn cell_key(tenant: &TenantId, period: Period) -> CellKey {
        let period = KeyValue::text(&period.to_string());
        CellKey::new(&CHARGE, vec![KeyValue::Text(tenant.to_shared())], vec![period])
    }
}

impl Blob for Charges {
    fn to_blob(&self) -> Bytes {
        let charges = self.charges.iter().map(Charge::to_wire).collect();
        let (tenant, period) = (self.tenant.to_string(), self.period.to_string());
        seal(FORMAT, &log::Charges { tenant, period, charges })
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        let wire: log::Charges = open(FORMAT, bytes)?;
        Self::from_wire(wire).ok_or(BlobError::Damaged)
    }
}

impl Charges {
    fn from_wire(wire: log::Charges) -> Option<Self> {
        Some(Self {
            tenant: TenantId::parse(&wire.tenant).ok()?,
            period: Period::parse(&wire.period)?,
            charges: wire.charges.into_iter().map(Charge::from_wire).collect::<Option<_>>()?,
        })
    }
}

impl Charge {
    fn to_wire(&self) -> log::Charge {
        log::Charge {
            key: Some(self.key.to_wire()),
            quantity: self.quantity.to_string(),
            unit: self.unit.to_string(),
            lines: self.lines.iter().map(Line::to_wire).collect(),
            amount_unrounded: self.amount_unrounded.to_string(),
            amount: self.amount.to_string(),
            currency: self.currency.to_string(),
        }
    }

    fn from_wire(wire: log::Charge) -> Option<Self> {
        Some(Self {
            key: ChargeKey::from_wire(&wire.key?)?,
            quantity: Decimal::parse(&wire.quantity)?,
            unit: UnitId::parse(&wire.unit).ok()?,
            lines: wire.lines.into_iter().map(Line::from_wire).collect::<Option<_>>()?,
            amount_unrounded: Amount::parse(&wire.amount_unrounded).ok()?,
            amount: Amount::parse(&wire.amount).ok()?,
            currency: Currency::parse(&wire.currency).ok()?,
        })
    }
}

impl Line {
    fn to_wire(&self) -> log::ChargeLine {
        log::ChargeLine {
            description: self.description.clone(),
            quantity: self.quantity.to_string(),
            price: self.price.map_or_else(String::new, |price| price.to_string()),
            amount_unrounded: self.amount_unrounded.to_string(),
        }
    }

    fn from_wire(wire: log::ChargeLine) -> Option<Self> {
        let price = match wire.price.as_str() {
            "" => None,
            price => Some(Price::parse(price).ok()?),
        };
        Some(Self {
            description: wire.description,
            quantity: Decimal::parse(&wire.quantity)?,
            price,
            amount_unrounded: Amount::parse(&wire.amount_unrounded).ok()?,
        })
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::*;
    use domain::id::{ContractId, PlanId, PriceId};

    fn charges() -> Charges {
        let tenant = TenantId::parse("ACME & Söhne").unwrap();
        let period = Period::parse("2026-02").unwrap();
        let key = ChargeKey {
            tenant: tenant.clone(),
            period,
            contract: ContractId::parse("acme-2026").unwrap(),
            plan: PlanId::parse("llm").unwrap(),
            plan_version: 3,
            price: PriceId::parse("input").unwrap(),
            adjusts: Period::parse("2026-01"),
        };
        let decimal = |text: &str| Decimal::parse(text).unwrap();
        let amount = |text: &str| Amount::parse(text).unwrap();
        let line = |description: &str, price| Line {
            description: description.to_owned(),
            quantity: decimal("1.5"),
            price,
            amount_unrounded: amount("-0.000000000001"),
        };
        let charge = Charge {
            key,
            quantity: decimal(&format!("{}.5", "9".repeat(90))),
            unit: UnitId::parse("GB.h").unwrap(),
            lines: vec![line("tier 1", Price::parse("0.1").ok()), line("free quantity", None)],
            amount_unrounded: amount("-12.345678901234"),
            amount: amount("-12.35"),
            currency: Currency::parse("USD").unwrap(),
        };
        Charges { tenant, period, charges: vec![charge] }
    }

    #[test]
    fn charges_survive_their_cell() {
        let charges = charges();
        assert_eq!(Charges::from_blob(&charges.to_blob()), Ok(charges.clone()));
        let none = Charges { charges: Vec::new(), ..charges };
        assert_eq!(Charges::from_blob(&none.to_blob()), Ok(none));
    }

    #[test]
    fn a_damaged_cell_is_no_charge() {
        let bytes = charges().to_blob();
        for index in 0..bytes.len() {
            let mut damaged = bytes.to_vec();
            damaged[index] ^= 0x10;
            assert!(Charges::from_blob(&damaged).is_err(), "byte {index}");
        }
        let wire = log::Charges { tenant: "acme".into(), period: "2026-13".into(), charges: Vec::new() };
        assert_eq!(Charges::from_blob(&seal(FORMAT, &wire)), Err(BlobError::Damaged));
        assert_eq!(Charges::from_blob(&seal(9, &wire)), Err(BlobError::NewerFormat(9)));
    }

    #[test]
    fn the_cell_is_the_tenants_month() {
        let charges = charges();
        let key = Charges::cell_key(&charges.tenant, charges.period);
        assert_eq!(key.table.name, "charge");
        assert_eq!(key.partition[..], [KeyValue::text("ACME & Söhne")]);
        assert_eq!(key.clustering, [KeyValue::text("2026-02")]);
    }

    #[test]
    fn an_id_names_one_charge() {
        let key = charges().charges.remove(0).key;
        let id = key.id();
        assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{id}");
        assert_eq!(ChargeKey::from_id(&id), Some(key.clone()));
        assert_ne!(ChargeKey { adjusts: None, ..key.clone() }.id(), id);
        assert_ne!(ChargeKey { plan_version: 4, ..key }.id(), id);
        for bad in ["", "x", "AAAA", &format!("{id}="), &format!("{id}A")] {
            assert_eq!(ChargeKey::from_id(bad), None, "{bad}");
        }
    }
}
