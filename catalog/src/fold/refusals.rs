//! Every refusal of the fold, and that a refused command changes nothing but the offset.

use super::*;
use crate::fixture::*;
use crate::resource::{Contract, Tenant, TenantStatus};
use domain::calendar::{Calendar, Period};
use domain::generation::{Generation, Incarnation, Split};
use domain::id::{ContractId, PlanId, SkuId, TenantId, UnitId};
use domain::time::Timestamp;

/// A unit `page`, a SKU `scan` measured in it, a second tenant, and a contract of the first half of the year.
fn furnished() -> State {
    let mut state = begun();
    for change in [
        unit("page", "data", "4096"),
        sku("scan", "page.h", &["zone"]),
        tenant("globex"),
        put(contract("c", "acme", "2026-01-01T00:00:00Z", Some("2026-07-01T00:00:00Z"))),
    ] {
        state.apply(&command(change)).unwrap().unwrap();
    }
    state
}

fn with(change: impl FnOnce(&mut Contract)) -> Change {
    let (id, mut contract) = contract("d", "acme", "2026-07-01T00:00:00Z", None);
    change(&mut contract);
    Change::PutContract(id, contract)
}

fn delete_unit(id: &str) -> Change {
    Change::Delete(ResourceName::Unit(UnitId::parse(id).unwrap()))
}

fn publish(plan: &str, document: &str) -> Change {
    Change::PublishPlan(PlanId::parse(plan).unwrap(), document.into())
}

fn month(text: &str) -> Period {
    Period::parse(text).unwrap()
}

/// What is wished, the reason, the field, and what the message says.
fn invalid_changes() -> Vec<(Change, &'static str, &'static str)> {
    let tiers = PLAN.replace(r#""model":"per_unit","price":"0.50""#, r#""model":"volume","tiers":[]"#);
    vec![
        (sku("scan", "token", &[]), "unit", "must stay convertible to page.h"),
        (sku("scan", "GB", &[]), "unit", "must stay convertible to page.h"),
        (sku("other", "furlong", &[]), "unit", "names furlong"),
        (sku("other", "page.furlong", &[]), "unit", "names page.furlong"),
        (unit("page", "time", "1"), "dimension", "must stay data"),
        (unit("page", "data.time", "1"), "dimension", "must stay data"),
        (unit("GB", "data", "1000000000"), "unit", "must not be GB, which is built in"),
        (unit("item", "x", "1"), "unit", "must not be item, which is built in"),
        (unit("a.b", "data", "1"), "unit", "must not contain a point"),
        (delete_unit("KiB"), "unit", "must not be KiB, which is built in"),
        (delete_unit("GB.s"), "unit", "must not contain a point"),
        (with(|contract| contract.tenant = TenantId::parse("nobody").unwrap()), "tenant", "names nobody"),
        (with(|contract| contract.plan = PlanId::parse("none").unwrap()), "plan", "names none"),
        (with(|contract| contract.plan_version = Some(0)), "plan_version", "names 0"),
        (with(|contract| contract.plan_version = Some(2)), "plan_version", "names 2"),
        (
            with(|contract| contract.calendar = Calendar::parse("Asia/Tokyo").unwrap()),
            "time_zone",
            "must be UTC",
        ),
        (put(contract("d", "acme", "2026-06-30T23:45:00Z", None)), "start_time", "overlaps contract c"),
        (
            put(contract("d", "acme", "2025-01-01T00:00:00Z", Some("2026-01-01T00:15:00Z"))),
            "start_time",
            "overlaps contract c",
        ),
        (put(contract("c", "globex", "2026-01-01T00:00:00Z", None)), "tenant", "must stay acme"),
        (publish("llm", "{"), "document", "cannot be read"),
        (publish("llm", &tiers), "prices[0].tiers", "must be 1 to 100 tiers"),
        (publish("llm", &PLAN.replace("llm.input", "gone")), "prices[0].sku", "names gone, which is no SKU"),
        (publish("llm", &PLAN.replace("\"token\"", "\"GB\"")), "prices[0].unit", "mixes dimensions"),
        (publish("llm", &PLAN.replace("USD", "XYZ")), "currency", "must be an ISO 4217 code"),
        (publish("other", PLAN), "plan", "must be other"),
        (Change::ClosePeriod(Calendar::utc(), month("2026-03")), "period", "must have ended"),
        (Change::ClosePeriod(Calendar::utc(), month("2027-01")), "period", "must have ended"),
        (Change::ReopenPeriod(Calendar::utc(), month("2026-01")), "period", "must be closed"),
        (Change::SetRules(0), "version", "must be 2"),
    ]
}

#[test]
fn what_breaks_a_rule_is_refused_by_field_and_changes_nothing() {
    let state = furnished();
    for (change, field, said) in invalid_changes() {
        let mut tried = state.clone();
        let outcome = tried.apply(&command(change.clone())).unwrap();
        let Err(Refusal::Invalid(rejects)) = outcome else { panic!("{change:?}: {outcome:?}") };
        assert_eq!(rejects[0].field, field, "{change:?}");
        assert!(rejects[0].message.contains(said), "{change:?}: {}", rejects[0].message);
        assert_eq!(tried.offset(), state.offset() + 1);
        tried.next = state.offset();
        assert_eq!(tried, state, "{change:?}");
    }
}

#[test]
fn what_is_in_use_or_not_there_is_told_so() {
    let mut state = furnished();
    let sku = |id: &str| Change::Delete(ResourceName::Sku(SkuId::parse(id).unwrap()));
    let tenant = |id: &str| Change::Delete(ResourceName::Tenant(TenantId::parse(id).unwrap()));
    let contract = |id: &str| Change::Delete(ResourceName::Contract(ContractId::parse(id).unwrap()));
    for (change, user) in [
        (sku("llm.input"), "plan llm has a price for it"),
        (delete_unit("page"), "SKU scan is measured in it"),
        (tenant("acme"), "contract c has not ended"),
    ] {
        let refusal = state.apply(&command(change)).unwrap().unwrap_err();
        assert_eq!((refusal.code(), &refusal), (Code::InUse, &Refusal::InUse(user.to_owned())));
    }
    for change in [sku("none"), delete_unit("none"), tenant("none"), contract("none")] {
        assert_eq!(state.apply(&command(change)).unwrap(), Err(Refusal::NotFound));
    }
}

#[test]
fn a_price_in_a_unit_keeps_the_unit() {
    let mut state = furnished();
    let plan =
        PLAN.replace("llm.input", "scan").replace("\"token\"", "\"h.page\"").replace("\"llm\"", "\"scans\"");
    state.apply(&command(publish("scans", &plan))).unwrap().unwrap();
    state.apply(&command(sku("scan", "GB.h", &["zone"]))).unwrap().unwrap();
    let refusal = state.apply(&command(delete_unit("page"))).unwrap().unwrap_err();
    assert_eq!(refusal, Refusal::InUse("plan scans has a price in it".to_owned()));
    // The newest version decides: what only older ones name may go.
    let newer = plan.replace("\"h.page\"", "\"GB.h\"");
    state.apply(&command(publish("scans", &newer))).unwrap().unwrap();
    assert!(state.apply(&command(delete_unit("page"))).unwrap().is_ok());
}

#[test]
fn a_condition_is_checked_before_any_rule() {
    let state = furnished();
    let revision_of = |change: &Change, expected| {
        let command = Command { expected_revision: Some(expected), ..command(change.clone()) };
        state.trial(&command).unwrap()
    };
    let Change::PutTenant(id, _) = tenant("acme") else { unreachable!() };
    let suspended = Change::PutTenant(
        id,
        Tenant { name: crate::resource::Text::default(), status: TenantStatus::Suspended },
    );
    for (change, actual) in [
        (suspended.clone(), Some(2)),
        (sku("scan", "token", &[]), Some(6)),
        (unit("page", "time", "1"), Some(5)),
        (publish("llm", &PLAN.replace("0.50", "0.60")), Some(4)),
        (put(contract("c", "globex", "2026-01-01T00:00:00Z", None)), Some(8)),
        (Change::Delete(ResourceName::Sku(SkuId::parse("llm.input").unwrap())), Some(3)),
        (Change::Delete(ResourceName::Tenant(TenantId::parse("none").unwrap())), None),
        (tenant("new"), None),
        (publish("new", &PLAN.replace("\"llm\"", "\"new\"")), None),
    ] {
        assert_eq!(revision_of(&change, 77), Err(Refusal::RevisionMismatch(actual)), "{change:?}");
    }
    assert_eq!(revision_of(&suspended, 2).unwrap().effect, Effect::Applied);
    assert_eq!(revision_of(&publish("llm", &PLAN.replace("0.50", "0.60")), 4).unwrap().plan_version, Some(2));
}

#[test]
fn refusals_say_what_the_resource_has() {
    for (refusal, text, code) in [
        (Refusal::RevisionMismatch(Some(7)), "the resource has revision 7", Code::RevisionMismatch),
        (
            Refusal::RevisionMismatch(None),
            "the resource has no revision: it does not exist",
            Code::RevisionMismatch,
        ),
        (
            Refusal::KeyReused,
            "the idempotency key was used for another request within 24 hours",
            Code::IdempotencyKeyReused,
        ),
        (Refusal::NotFound, "the resource does not exist", Code::NotFound),
        (Refusal::InUse("x".to_owned()), "the resource is in use: x", Code::InUse),
        (Refusal::Invalid(Vec::new()), "", Code::InvalidArgument),
    ] {
        assert_eq!((refusal.to_string().as_str(), refusal.code()), (text, code));
    }
}

fn second(change: impl FnOnce(&mut Generation)) -> Change {
    let mut generation = Generation {
        number: 2,
        topic: "resource-consumption.g2".into(),
        valid_from: at(NOW).plus_seconds(3_600),
        ..Generation::first([8; 16], 4)
    };
    change(&mut generation);
    Change::AddGeneration(generation, first_generation().1)
}

#[test]
fn a_generation_that_could_not_be_routed_is_refused_by_field() {
    let state = begun();
    for (change, field) in [
        (second(|generation| generation.partitions = 0), "partitions"),
        (second(|generation| generation.bucket_minutes = 0), "bucket_minutes"),
        (second(|generation| generation.slices = 0), "slices"),
        (second(|generation| generation.routing_version = 2), "routing_version"),
        (second(|generation| generation.horizon.past_seconds *= 100), "horizon"),
        (second(|generation| generation.number = 3), "number"),
        (second(|generation| generation.topic = Generation::first([7; 16], 4).topic), "topic"),
        (second(|generation| generation.valid_from = Timestamp::from_nanos(i64::MIN)), "valid_from"),
        (second(|generation| generation.valid_from = at(NOW).plus_seconds(899)), "valid_from"),
        (second(|generation| generation.partitions = 5), "incarnation.first_offsets"),
    ] {
        let Err(Refusal::Invalid(rejects)) = state.trial(&command(change)).unwrap() else {
            panic!("{field}")
        };
        assert_eq!(rejects[0].field, field);
    }
    let mut state = state;
    state.apply(&command(second(|_| ()))).unwrap().unwrap();
    let registry = state.registry().unwrap();
    assert_eq!((registry.newest().number, registry.generations().count()), (2, 2));
}

#[test]
fn a_log_without_a_registry_takes_neither_incarnation_nor_split() {
    let state = State::default();
    let (_, incarnation) = first_generation();
    let split = Split { tenant: "acme".into(), shards: 1, valid_from: at(NOW).plus_seconds(3_600) };
    let next = Incarnation { number: 2, ..incarnation };
    for change in [Change::AddIncarnation(domain::topic::REVISIONS.into(), next), Change::AddSplit(split)] {
        let Err(Refusal::Invalid(rejects)) = state.trial(&command(change)).unwrap() else {
            panic!("refused")
        };
        assert_eq!(rejects[0].field, "generation");
    }
}

#[test]
fn a_split_names_from_one_to_all_partitions() {
    let state = begun();
    for (shards, holds) in [(0, false), (1, true), (4, true), (5, false)] {
        let split = Split { tenant: "acme".into(), shards, valid_from: at(NOW).plus_seconds(3_600) };
        let outcome = state.trial(&command(Change::AddSplit(split))).unwrap();
        assert_eq!(outcome.is_ok(), holds, "{shards}");
    }
}

#[test]
fn built_in_units_come_with_the_first_rules() {
    let mut state = State::default();
    let (generation, incarnation) = first_generation();
    state.apply(&command(Change::AddGeneration(generation, incarnation))).unwrap().unwrap();
    assert_eq!(state.units().all().count(), 0);
    state.apply(&command(Change::SetRules(1))).unwrap().unwrap();
    let built_in = domain::unit::Units::built_in();
    assert_eq!(state.units().live().count(), built_in.iter().count());
    for (id, unit) in built_in.iter() {
        let found = state.units().find(id).unwrap();
        assert_eq!((&found.value, found.revision, found.deleted), (unit, 1, false), "{id}");
    }
}

#[test]
fn contracts_may_touch_and_fill_gaps_in_any_order_of_signing() {
    let mut state = begun();
    for (id, start, end) in [
        ("late", "2026-05-01T00:00:00Z", Some("2026-06-01T00:00:00Z")),
        ("early", "2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z")),
        ("between", "2026-02-01T00:00:00Z", Some("2026-05-01T00:00:00Z")),
        ("open", "2026-06-01T00:00:00Z", None),
    ] {
        state.apply(&command(put(contract(id, "acme", start, end)))).unwrap().unwrap();
    }
    let acme = TenantId::parse("acme").unwrap();
    let names: Vec<String> = state.contracts_of(&acme).into_iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(names, ["early", "between", "late", "open"]);
    // One that goes leaves its time to another.
    let gone = Change::Delete(ResourceName::Contract(ContractId::parse("between").unwrap()));
    state.apply(&command(gone)).unwrap().unwrap();
    let filling = contract("filling", "acme", "2026-02-01T00:00:00Z", Some("2026-05-01T00:00:00Z"));
    state.apply(&command(put(filling))).unwrap().unwrap();
    let back = contract("between", "acme", "2026-02-01T00:00:00Z", Some("2026-05-01T00:00:00Z"));
    let refusal = state.apply(&command(put(back))).unwrap().unwrap_err();
    assert!(refusal.to_string().contains("overlaps contract filling"), "{refusal}");
}
