//! What the catalogue holds: tenants, SKUs and contracts, valid by type.

use domain::calendar::Calendar;
use domain::dimension::{DECLARED_MAX, is_key};
use domain::id::{ContractId, PlanId, SkuId, TenantId, UnitId};
use domain::reject::{Reject, RejectReason};
use domain::time::{Timestamp, Window};
use domain::unit::Units;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The most bytes of a text for people.
const TEXT_BYTES_MAX: usize = 256;

/// Who pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// For people.
    pub name: Text,
    /// Whether its pulses are taken.
    pub status: TenantStatus,
}

/// Whether a tenant's pulses are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantStatus {
    /// They are.
    Active,
    /// They are refused until it is active again.
    Suspended,
}

/// What can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sku {
    /// What it is measured in; its dimension never changes.
    pub unit: UnitId,
    /// For people.
    pub description: Text,
    /// For exports.
    pub service_category: Text,
    /// What usage is grouped by.
    pub dimensions: Declared,
    /// How pulses become usage; it never changes.
    pub aggregation: Aggregation,
}

/// How pulses become usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// Quantities are added up.
    Sum,
}

impl Aggregation {
    /// Reads `sum`.
    pub fn parse(text: &str) -> Result<Self, Reject> {
        match text {
            "sum" => Ok(Self::Sum),
            _ => Err(invalid("aggregation", "must be sum")),
        }
    }
}

impl fmt::Display for Aggregation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum => f.write_str("sum"),
        }
    }
}

/// A tenant's plan over a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Who pays; it never changes.
    pub tenant: TenantId,
    /// By which plan.
    pub plan: PlanId,
    /// By which version; `None`: the one in effect.
    pub plan_version: Option<u32>,
    /// When it holds.
    pub term: Term,
    /// The months it bills.
    pub calendar: Calendar,
}

/// When a contract holds: from a quarter of an hour to another, or without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    start: Timestamp,
    end: Option<Timestamp>,
}

impl Term {
    /// Checks that both ends are on quarters of an hour, the start first.
    pub fn new(start: Timestamp, end: Option<Timestamp>) -> Result<Self, Reject> {
        if !start.is_on_quarter() {
            return Err(invalid("start_time", "must be on a quarter of an hour"));
        }
        match end {
            Some(end) if !end.is_on_quarter() => Err(invalid("end_time", "must be on a quarter of an hour")),
            Some(end) if end <= start => Err(invalid("end_time", "must be after start_time")),
            _ => Ok(Self { start, end }),
        }
    }

    /// The first instant it holds.
    pub const fn start(&self) -> Timestamp {
        self.start
    }

    /// The first instant it does not hold any more.
    pub const fn end(&self) -> Option<Timestamp> {
        self.end
    }

    /// The span; without end it reaches to the last instant there is.
    pub fn window(&self) -> Window {
        let end = self.end.unwrap_or(Timestamp::MAX);
        Window::new(self.start, end)
            .expect("a term's start is a quarter before its end, or before the end of time")
    }
}

/// The keys of the dimensions a SKU groups by: at most three, sorted, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared(Vec<String>);

impl Declared {
    /// Checks number and spelling.
    pub fn parse<'a>(keys: impl IntoIterator<Item = &'a str>) -> Result<Self, Reject> {
        let mut sorted: Vec<String> = keys.into_iter().map(str::to_owned).collect();
        sorted.sort_unstable();
        if sorted.len() > DECLARED_MAX {
            return Err(invalid("dimensions", format!("must be at most {DECLARED_MAX}")));
        }
        if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(invalid("dimensions", "must name each key once"));
        }
        if !sorted.iter().all(|key| is_key(key)) {
            return Err(invalid("dimensions", "must be keys of ^[a-z][a-z0-9_]{0,62}$"));
        }
        Ok(Self(sorted))
    }

    /// The keys, rising.
    pub fn keys(&self) -> &[String] {
        &self.0
    }

    /// Whether usage is not grouped.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A text for people: at most 256 bytes, no control characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text(Arc<str>);

impl Text {
    /// Checks the rule; the refusal names `field`.
    pub fn parse(text: &str, field: &str) -> Result<Self, Reject> {
        let valid = text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control);
        let refusal =
            || invalid(field, format!("must be at most {TEXT_BYTES_MAX} bytes without control characters"));
        valid.then(|| Self(text.into())).ok_or_else(refusal)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks the name of what a unit measures, `time` or `data.time`, and sorts its parts.
pub fn parse_unit_dimension(text: &str) -> Result<String, Reject> {
    let mut parts: Vec<&str> = text.split('.').collect();
    parts.sort_unstable();
    if text.len() > 64 || !parts.iter().all(|part| is_key(part)) {
        return Err(invalid(
            "dimension",
            "must be words of ^[a-z][a-z0-9_]{0,62}$ joined by points, at most 64 bytes",
        ));
    }
    Ok(parts.join("."))
}

/// Whether a unit belongs to the rules: it is there from their first version on and stays as it is.
pub fn is_built_in(id: &UnitId) -> bool {
    static BUILT_IN: LazyLock<Units> = LazyLock::new(Units::built_in);
    BUILT_IN.iter().any(|(built_in, _)| built_in == id)
}

/// A kind of resource, for what concerns all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResourceName {
    /// A tenant.
    Tenant(TenantId),
    /// A SKU.
    Sku(SkuId),
    /// A unit.
    Unit(UnitId),
    /// A contract.
    Contract(ContractId),
}

/// The refusal of a field that breaks its rule.
pub(crate) fn invalid(field: &str, rule: impl fmt::Display) -> Reject {
    Reject::new(RejectReason::InvalidField, field, rule)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_stand_on_quarters_and_run_forwards() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let start = at("2026-01-01T10:15:00Z");
        assert_eq!(Term::new(start, None).unwrap().window().end(), Timestamp::MAX);
        assert_eq!(Term::new(at("2026-01-01T10:16:00Z"), None).unwrap_err().field, "start_time");
        assert_eq!(Term::new(start, Some(at("2026-01-01T10:30:01Z"))).unwrap_err().field, "end_time");
        assert_eq!(Term::new(start, Some(start)).unwrap_err().message, "end_time must be after start_time");
    }

    #[test]
    fn a_sku_declares_at_most_three_keys_each_once() {
        let declared = Declared::parse(["zone", "region"]).unwrap();
        assert_eq!(declared.keys(), ["region", "zone"]);
        for bad in [&["a", "b", "c", "d"][..], &["a", "a"], &["Region"]] {
            assert_eq!(Declared::parse(bad.iter().copied()).unwrap_err().field, "dimensions", "{bad:?}");
        }
    }

    #[test]
    fn dimensions_of_units_are_sorted_products() {
        assert_eq!(parse_unit_dimension("time.data").unwrap(), "data.time");
        for bad in ["", "Time", "data.", ".", "a b"] {
            assert!(parse_unit_dimension(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn texts_for_people_are_bounded() {
        assert!(Text::parse(&"x".repeat(256), "name").is_ok());
        assert_eq!(Text::parse(&"x".repeat(257), "name").unwrap_err().field, "name");
        assert!(Text::parse("a\nb", "name").is_err());
    }

    #[test]
    fn a_term_holds_from_its_start_until_just_before_its_end() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let term = Term::new(at("2026-01-01T00:00:00Z"), Some(at("2026-01-01T00:15:00Z"))).unwrap();
        for (instant, holds) in [
            ("2025-12-31T23:59:59.999999999Z", false),
            ("2026-01-01T00:00:00Z", true),
            ("2026-01-01T00:14:59.999999999Z", true),
            ("2026-01-01T00:15:00Z", false),
        ] {
            assert_eq!(term.window().contains(at(instant)), holds, "{instant}");
        }
        assert_eq!(
            (term.start(), term.end()),
            (at("2026-01-01T00:00:00Z"), Some(at("2026-01-01T00:15:00Z")))
        );
    }

    #[test]
    fn refusals_read_field_then_rule() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let start = at("2026-01-01T00:00:00Z");
        for (reject, message) in [
            (
                Term::new(at("2026-01-01T00:00:01Z"), None).unwrap_err(),
                "start_time must be on a quarter of an hour",
            ),
            (
                Term::new(start, Some(at("2026-01-01T00:01:00Z"))).unwrap_err(),
                "end_time must be on a quarter of an hour",
            ),
            (Declared::parse(["a", "b", "c", "d"]).unwrap_err(), "dimensions must be at most 3"),
            (Declared::parse(["a", "a"]).unwrap_err(), "dimensions must name each key once"),
            (Aggregation::parse("max").unwrap_err(), "aggregation must be sum"),
            (
                Text::parse("\u{7f}", "description").unwrap_err(),
                "description must be at most 256 bytes without control characters",
            ),
        ] {
            assert_eq!((reject.reason, reject.message.as_str()), (RejectReason::InvalidField, message));
        }
        assert_eq!(Aggregation::parse("sum").unwrap().to_string(), "sum");
    }

    #[test]
    fn only_simple_units_of_the_rules_are_built_in() {
        for (id, built_in) in [("GB", true), ("token", true), ("GB.s", false), ("page", false), ("gb", false)]
        {
            assert_eq!(is_built_in(&UnitId::parse(id).unwrap()), built_in, "{id}");
        }
    }
}
