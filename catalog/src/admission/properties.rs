//! Admission against a plain look at the catalogue for each pulse.

use super::*;
use crate::command::Change;
use crate::fixture::*;
use crate::resource::{ResourceName, Tenant, Text};
use proptest::prelude::*;

const TENANTS: [&str; 4] = ["acme", "globex", "gone", "nobody"];
const SKUS: [&str; 4] = ["llm.input", "disk", "gone", "none"];
const UNITS: [&str; 9] = ["token", "GB", "GiB.d", "GB.h", "s.MB", "page.h", "old.h", "furlong", "token.s"];

/// `globex` is suspended; `gone` and the unit `old` are deleted; `disk` is measured in `GB.h`.
fn furnished() -> State {
    let mut state = begun();
    let suspended = Tenant { name: Text::default(), status: TenantStatus::Suspended };
    let delete = |name| Change::Delete(name);
    for change in [
        Change::PutTenant(TenantId::parse("globex").unwrap(), suspended),
        tenant("gone"),
        delete(ResourceName::Tenant(TenantId::parse("gone").unwrap())),
        unit("page", "data", "4096"),
        unit("old", "data", "1"),
        delete(ResourceName::Unit(UnitId::parse("old").unwrap())),
        sku("disk", "GB.h", &["zone", "tier"]),
        sku("gone", "token", &[]),
        delete(ResourceName::Sku(SkuId::parse("gone").unwrap())),
    ] {
        state.apply(&command(change)).unwrap().unwrap();
    }
    state
}

/// What the rules say, in their order.
fn expected(tenant: &str, sku: &str, unit: &str) -> Option<RejectReason> {
    match tenant {
        "acme" => {}
        "globex" => return Some(RejectReason::TenantSuspended),
        _ => return Some(RejectReason::UnknownTenant),
    }
    let fitting: &[&str] = match sku {
        "llm.input" => &["token"],
        "disk" => &["GiB.d", "GB.h", "s.MB", "page.h"],
        _ => return Some(RejectReason::UnknownSku),
    };
    match unit {
        "old.h" | "furlong" => Some(RejectReason::UnknownUnit),
        unit if fitting.contains(&unit) => None,
        _ => Some(RejectReason::UnitMismatch),
    }
}

#[test]
fn every_combination_is_decided_by_the_first_rule_it_breaks() {
    let state = furnished();
    for tenant in TENANTS {
        for sku in SKUS {
            for unit in UNITS {
                let decision = decide(&state, &[pulse(tenant, sku, unit, &[], at(NOW))]).remove(0);
                let reason = decision.as_ref().err().map(|reject| reject.reason);
                assert_eq!(reason, expected(tenant, sku, unit), "{tenant} {sku} {unit}");
                if let Err(reject) = decision {
                    assert!(reject.message.starts_with(&reject.field), "{}", reject.message);
                }
            }
        }
    }
}

fn any_pulse() -> impl Strategy<Value = Pulse> {
    let dimensions = prop::collection::btree_map(
        prop::sample::select(vec!["zone", "tier", "region", "host"]),
        prop::sample::select(vec!["a", "b", "c&d=e", ""]),
        0..=4,
    );
    let of = |names: &'static [&'static str]| prop::sample::select(names);
    (of(&TENANTS), of(&SKUS), of(&UNITS), dimensions, -5_000_000_i64..5_000_000).prop_map(
        |(tenant, sku, unit, dimensions, seconds)| {
            let pairs: Vec<(&str, &str)> = dimensions.into_iter().collect();
            pulse(tenant, sku, unit, &pairs, at(NOW).plus_seconds(seconds))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_batch_is_decided_as_each_pulse_alone(pulses in prop::collection::vec(any_pulse(), 0..30)) {
        let state = furnished();
        let alone: Vec<_> = pulses.iter().flat_map(|pulse| decide(&state, std::slice::from_ref(pulse))).collect();
        prop_assert_eq!(decide(&state, &pulses), alone);
    }

    #[test]
    fn the_group_is_of_declared_dimensions_that_were_sent(pulse in any_pulse()) {
        let state = furnished();
        let Ok(stamps) = decide(&state, std::slice::from_ref(&pulse)).remove(0) else { return Ok(()) };
        let declared: &[&str] = if pulse.sku.as_str() == "disk" { &["tier", "zone"] } else { &["region"] };
        let pairs: Vec<(String, String)> = declared.iter()
            .filter_map(|key| Some(((*key).to_owned(), pulse.dimensions.find(key)?.to_owned())))
            .collect();
        prop_assert_eq!(stamps.group.pairs(), pairs);
        prop_assert_eq!(stamps.catalog_offset, state.offset());
        let calendar = Calendar::utc();
        prop_assert_eq!(stamps.period, calendar.period_of(pulse.event_time));
    }
}
