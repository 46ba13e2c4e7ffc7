//! Charges of any content survive their cell and their id.

use super::*;
use domain::id::{ContractId, PlanId, PriceId};
use num_bigint::BigInt;
use proptest::prelude::*;

fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}"
}

fn amount() -> impl Strategy<Value = Amount> {
    any::<i128>().prop_map(|atoms| Amount::from_atoms(BigInt::from(atoms) * 1_000_003))
}

fn decimal() -> impl Strategy<Value = Decimal> {
    any::<i128>().prop_map(|atoms| Decimal::from_atoms(BigInt::from(atoms) * 999_983))
}

fn period() -> impl Strategy<Value = Period> {
    (1970_i16..2200, 1_i8..=12).prop_map(|(year, month)| Period::new(year, month).unwrap())
}

fn tenant() -> impl Strategy<Value = TenantId> {
    "[^\\p{Cc}]{1,30}".prop_filter_map("not an id", |text| TenantId::parse(&text).ok())
}

fn key() -> impl Strategy<Value = ChargeKey> {
    (tenant(), period(), [id(), id(), id()], any::<u32>(), prop::option::of(period())).prop_map(
        |(tenant, period, [contract, plan, price], plan_version, adjusts)| ChargeKey {
            tenant,
            period,
            contract: ContractId::parse(&contract).unwrap(),
            plan: PlanId::parse(&plan).unwrap(),
            plan_version,
            price: PriceId::parse(&price).unwrap(),
            adjusts,
        },
    )
}

fn line() -> impl Strategy<Value = Line> {
    (".{0,30}", decimal(), prop::option::of("[0-9]{1,12}\\.[0-9]{1,12}"), amount()).prop_map(
        |(description, quantity, price, amount_unrounded)| Line {
            description,
            quantity,
            price: price.map(|price| Price::parse(&price).unwrap()),
            amount_unrounded,
        },
    )
}

fn charge() -> impl Strategy<Value = Charge> {
    let currency = prop::sample::select(vec!["USD", "JPY", "BHD", "CLF"]);
    (key(), decimal(), id(), prop::collection::vec(line(), 0..5), (amount(), amount()), currency).prop_map(
        |(key, quantity, unit, lines, (amount_unrounded, amount), currency)| Charge {
            key,
            quantity,
            unit: UnitId::parse(&unit).unwrap(),
            lines,
            amount_unrounded,
            amount,
            currency: Currency::parse(currency).unwrap(),
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_months_charges_read_back_from_their_cell(tenant in tenant(), period in period(), charges in prop::collection::vec(charge(), 0..5)) {
        let charges = Charges { tenant, period, charges };
        let bytes = charges.to_blob();
        prop_assert_eq!(Charges::from_blob(&bytes), Ok(charges.clone()));
        prop_assert_eq!(charges.to_blob(), bytes, "equal charges are equal bytes");
    }

    #[test]
    fn an_id_reads_back_and_no_two_keys_share_one(key in key(), other in key()) {
        prop_assert_eq!(ChargeKey::from_id(&key.id()), Some(key.clone()));
        prop_assert_eq!(key.id() == other.id(), key == other);
    }

    #[test]
    fn no_text_panics_as_an_id(text in ".{0,60}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        if let Some(key) = ChargeKey::from_id(&text) {
            prop_assert_eq!(key.id(), text);
        }
        prop_assert!(Charges::from_blob(&bytes).is_err());
    }
}

#[test]
fn a_key_that_breaks_a_rule_is_the_id_of_no_charge() {
    let good = log::ChargeKey {
        tenant: "acme".into(),
        period: "2026-01".into(),
        contract: "c".into(),
        plan: "p".into(),
        plan_version: 1,
        price: "x".into(),
        adjusts: String::new(),
    };
    assert!(ChargeKey::from_wire(&good).is_some());
    for bad in [
        log::ChargeKey { tenant: String::new(), ..good.clone() },
        log::ChargeKey { period: "2026-13".into(), ..good.clone() },
        log::ChargeKey { contract: "-".into(), ..good.clone() },
        log::ChargeKey { plan: " ".into(), ..good.clone() },
        log::ChargeKey { price: String::new(), ..good.clone() },
        log::ChargeKey { adjusts: "January".into(), ..good },
    ] {
        assert_eq!(ChargeKey::from_wire(&bad), None, "{bad:?}");
    }
}
