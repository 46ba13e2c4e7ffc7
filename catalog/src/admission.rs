//! Whether pulses may be billed, and how they are keyed: a function of the catalogue's state.

use crate::state::State;
use domain::calendar::{Calendar, Period};
use domain::dimension::{DECLARED_MAX, Dimensions, Group};
use domain::id::{SkuId, TenantId, UnitId};
use domain::pulse::{Pulse, Stamps};
use domain::reject::{Reject, RejectReason};
use domain::time::{Timestamp, Window};
use foldhash::{HashMap, HashMapExt};
use std::sync::Arc;

use crate::resource::TenantStatus;

/// The calendar of a tenant without a contract.
const UTC: &str = "UTC";

/// One decision a pulse, in their order. Pulses of one tenant, SKU and unit are looked up once.
pub(crate) fn decide(state: &State, pulses: &[Pulse]) -> Vec<Result<Stamps, Reject>> {
    let mut known: HashMap<Key<'_>, Result<Terms<'_>, Reject>> = HashMap::new();
    let mut stamper = Stamper::new(state.offset());
    let mut decide = |pulse| {
        let terms = known.entry(Key::of(pulse)).or_insert_with_key(|key| Terms::new(state, key));
        terms.as_ref().map(|terms| stamper.stamp(terms, pulse)).map_err(Reject::clone)
    };
    pulses.iter().map(&mut decide).collect()
}

/// What the decision about a pulse hangs on, its time and dimensions aside.
#[derive(PartialEq, Eq, Hash)]
struct Key<'a> {
    tenant: &'a TenantId,
    sku: &'a SkuId,
    unit: &'a UnitId,
}

impl<'a> Key<'a> {
    fn of(pulse: &'a Pulse) -> Self {
        Self { tenant: &pulse.tenant, sku: &pulse.sku, unit: &pulse.unit }
    }
}

/// What holds for the pulses of one key that may be billed.
struct Terms<'a> {
    declared: &'a [String],
    /// `None`: UTC.
    calendar: Option<&'a Calendar>,
}

impl<'a> Terms<'a> {
    fn new(state: &'a State, key: &Key<'_>) -> Result<Self, Reject> {
        check_tenant(state, key.tenant)?;
        let sku =
            state.skus().find(key.sku).ok_or_else(|| unknown(RejectReason::UnknownSku, "sku", key.sku))?;
        check_unit(state, key.unit, &sku.value.unit)?;
        let calendar = state.find_calendar_of(key.tenant);
        Ok(Self { declared: sku.value.dimensions.keys(), calendar })
    }
}

/// Stamps the pulses of a batch, remembering what repeats.
struct Stamper<'a> {
    catalog_offset: u64,
    months: Vec<Months>,
    none: Group,
    groups: HashMap<(&'a [String], Values<'a>), Group>,
}

type Values<'a> = [Option<&'a str>; DECLARED_MAX];

/// A calendar and the month of it that was last asked for.
struct Months {
    calendar: Calendar,
    name: Arc<str>,
    last: (Window, Period),
}

impl<'a> Stamper<'a> {
    fn new(catalog_offset: u64) -> Self {
        Self { catalog_offset, months: Vec::new(), none: Group::none(), groups: HashMap::new() }
    }

    fn stamp(&mut self, terms: &Terms<'a>, pulse: &'a Pulse) -> Stamps {
        let group = self.group(terms.declared, &pulse.dimensions);
        let (calendar, period) = self.period(terms.calendar, pulse.event_time);
        Stamps { group, calendar, period, catalog_offset: self.catalog_offset }
    }

    fn group(&mut self, declared: &'a [String], dimensions: &'a Dimensions) -> Group {
        let mut values = Values::default();
        for (value, key) in values.iter_mut().zip(declared) {
            *value = dimensions.find(key);
        }
        if values == Values::default() {
            return self.none.clone();
        }
        let group = || dimensions.group(declared.iter().map(String::as_str));
        self.groups.entry((declared, values)).or_insert_with(group).clone()
    }

    fn period(&mut self, calendar: Option<&Calendar>, instant: Timestamp) -> (Arc<str>, Period) {
        let name = calendar.map_or(UTC, Calendar::name);
        let known = self.months.iter().position(|months| &*months.name == name);
        let place = known.unwrap_or_else(|| {
            self.months.push(Months::new(calendar.cloned().unwrap_or_else(Calendar::utc), instant));
            self.months.len() - 1
        });
        let months = &mut self.months[place];
        (Arc::clone(&months.name), months.of(instant))
    }
}

impl Months {
    fn new(calendar: Calendar, instant: Timestamp) -> Self {
        let last = Self::month(&calendar, instant);
        Self { name: calendar.name().into(), calendar, last }
    }

    fn of(&mut self, instant: Timestamp) -> Period {
        if !self.last.0.contains(instant) {
            self.last = Self::month(&self.calendar, instant);
        }
        self.last.1
    }

    fn month(calendar: &Calendar, instant: Timestamp) -> (Window, Period) {
        let period = calendar.period_of(instant);
        (calendar.window_of(period), period)
    }
}

fn check_tenant(state: &State, id: &TenantId) -> Result<(), Reject> {
    let tenant =
        state.tenants().find(id).ok_or_else(|| unknown(RejectReason::UnknownTenant, "tenant", id))?;
    match tenant.value.status {
        TenantStatus::Active => Ok(()),
        TenantStatus::Suspended => {
            Err(Reject::new(RejectReason::TenantSuspended, "tenant", format!("{id} is suspended")))
        }
    }
}

fn check_unit(state: &State, id: &UnitId, of_sku: &UnitId) -> Result<(), Reject> {
    if id == of_sku {
        return Ok(());
    }
    let unit = state.find_unit(id).ok_or_else(|| unknown(RejectReason::UnknownUnit, "unit", id))?;
    match state.conversions().find(of_sku) {
        Some(expected) if expected.dimension == unit.dimension => Ok(()),
        _ => Err(Reject::new(
            RejectReason::UnitMismatch,
            "unit",
            format!("{id} does not convert to the SKU's {of_sku}"),
        )),
    }
}

fn unknown(reason: RejectReason, field: &str, id: impl std::fmt::Display) -> Reject {
    Reject::new(reason, field, format!("{id} is not in the catalogue"))
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Change;
    use crate::fixture::*;
    use crate::resource::ResourceName;

    fn plain(tenant: &str, sku: &str, unit: &str) -> Pulse {
        pulse(tenant, sku, unit, &[], at(NOW))
    }

    fn reasons(state: &State, pulses: &[Pulse]) -> Vec<Option<RejectReason>> {
        decide(state, pulses).into_iter().map(|decision| decision.err().map(|reject| reject.reason)).collect()
    }

    #[test]
    fn tenant_sku_and_unit_are_asked_in_this_order() {
        let mut state = begun();
        let suspended = Change::PutTenant(
            TenantId::parse("globex").unwrap(),
            crate::resource::Tenant {
                name: crate::resource::Text::default(),
                status: TenantStatus::Suspended,
            },
        );
        state.apply(&command(suspended)).unwrap().unwrap();
        let pulses = [
            plain("nobody", "unknown", "furlong"),
            plain("globex", "unknown", "furlong"),
            plain("acme", "unknown", "furlong"),
            plain("acme", "llm.input", "furlong"),
            plain("acme", "llm.input", "GB"),
            plain("acme", "llm.input", "token"),
        ];
        let expected = [
            Some(RejectReason::UnknownTenant),
            Some(RejectReason::TenantSuspended),
            Some(RejectReason::UnknownSku),
            Some(RejectReason::UnknownUnit),
            Some(RejectReason::UnitMismatch),
            None,
        ];
        assert_eq!(reasons(&state, &pulses), expected);
    }

    #[test]
    fn what_is_deleted_is_unknown() {
        let mut state = begun();
        let id = TenantId::parse("acme").unwrap();
        state.apply(&command(Change::Delete(ResourceName::Tenant(id)))).unwrap().unwrap();
        let reasons = reasons(&state, &[plain("acme", "llm.input", "token")]);
        assert_eq!(reasons, [Some(RejectReason::UnknownTenant)]);
    }

    #[test]
    fn stamps_are_the_declared_group_the_contracts_month_and_the_offset() {
        let mut state = begun();
        let last_hour = at("2026-01-31T18:30:00Z");
        let of = |region: &'static str| {
            pulse("acme", "llm.input", "token", &[("region", region), ("zone", "z")], last_hour)
        };
        let stamps = decide(&state, &[of("eu"), of("us"), of("eu")]);
        let groups: Vec<_> = stamps.iter().map(|stamps| stamps.as_ref().unwrap().group.as_str()).collect();
        assert_eq!(groups, ["region=eu", "region=us", "region=eu"]);
        let stamps = stamps[0].as_ref().unwrap();
        assert_eq!(
            (&*stamps.calendar, stamps.period.to_string().as_str(), stamps.catalog_offset),
            ("UTC", "2026-01", 5)
        );
        let mut kolkata = contract("c", "acme", "2026-01-01T00:00:00Z", None);
        kolkata.1.calendar = Calendar::parse("Asia/Kolkata").unwrap();
        state.apply(&command(put(kolkata))).unwrap().unwrap();
        let stamps = decide(&state, &[of("eu")]).remove(0).unwrap();
        assert_eq!(
            (&*stamps.calendar, stamps.period.to_string().as_str(), stamps.catalog_offset),
            ("Asia/Kolkata", "2026-02", 6)
        );
    }

    #[test]
    fn months_of_one_batch_are_kept_apart() {
        let times = ["2026-02-28T23:59:59Z", "2026-03-01T00:00:00Z", "2026-02-28T23:59:59Z"];
        let pulses = times.map(|time| pulse("acme", "llm.input", "token", &[], at(time)));
        let periods = decide(&begun(), &pulses).into_iter().map(|stamps| stamps.unwrap().period.to_string());
        assert_eq!(periods.collect::<Vec<_>>(), ["2026-02", "2026-03", "2026-02"]);
    }
}
