//! A catalogue that begins with a snapshot, against one that folded everything: random commands, cut anywhere.

use super::bytes::{read, write};
use crate::command::{Change, Command};
use crate::fixture::*;
use crate::resource::ResourceName;
use crate::state::State;
use domain::calendar::{Calendar, Period};
use domain::generation::{Generation, Incarnation, Split};
use domain::id::{ContractId, SkuId, TenantId, UnitId};
use domain::topic::REVISIONS;
use proptest::prelude::*;

fn resource() -> impl Strategy<Value = Change> {
    let dimensions = prop::sample::select(vec![&["zone"][..], &[]]);
    prop_oneof![
        (0..4_u8).prop_map(|id| tenant(&format!("t{id}"))),
        (0..3_u8, dimensions).prop_map(|(id, dimensions)| sku(&format!("s{id}"), "u0.h", dimensions)),
        (0..3_u8, 1..4_u8).prop_map(|(id, factor)| unit(&format!("u{id}"), "page", &format!("{factor}/3"))),
        (1..5_u8).prop_map(|price| plan(&PLAN.replace("0.50", &format!("0.{price}")))),
        (0..4_u8, 0..3_u8, 1..12_u8, any::<bool>()).prop_map(|(id, tenant, month, zoned)| {
            let start = format!("2026-{month:02}-01T00:00:00Z");
            let end = format!("2026-{:02}-01T00:00:00Z", month + 1);
            let (id, mut signed) = contract(&format!("c{id}"), &format!("t{tenant}"), &start, Some(&end));
            signed.plan_version = (month > 6).then_some(1);
            if zoned {
                signed.calendar = Calendar::parse("Asia/Kathmandu").unwrap();
            }
            put((id, signed))
        }),
    ]
}

fn deletion() -> impl Strategy<Value = Change> {
    (0..4_u8, 0..4_u8).prop_map(|(kind, id)| {
        Change::Delete(match kind {
            0 => ResourceName::Tenant(TenantId::parse(&format!("t{id}")).unwrap()),
            1 => ResourceName::Sku(SkuId::parse(&format!("s{id}")).unwrap()),
            2 => ResourceName::Unit(UnitId::parse(&format!("u{id}")).unwrap()),
            _ => ResourceName::Contract(ContractId::parse(&format!("c{id}")).unwrap()),
        })
    })
}

fn layout() -> impl Strategy<Value = Change> {
    let elsewhere = |number, partitions| Incarnation {
        number,
        log_id: format!("place-{number}").into(),
        first_offsets: vec![u64::from(number) * 100; partitions],
    };
    let later = |hours: i64| at(NOW).plus_seconds(100_000 + hours * 3_600);
    prop_oneof![
        (2..4_u32, 1..9_u32).prop_map(move |(number, partitions)| {
            let generation = Generation {
                number,
                topic: format!("resource-consumption.g{number}").into(),
                valid_from: later(number.into()),
                ..Generation::first([3; 16], partitions)
            };
            Change::AddGeneration(generation, elsewhere(1, usize::try_from(partitions).unwrap()))
        }),
        (2..5_u32).prop_map(move |number| Change::AddIncarnation(REVISIONS.into(), elsewhere(number, 3))),
        (2..4_u32).prop_map(move |number| {
            Change::AddIncarnation("resource-consumption.g1".into(), elsewhere(number, 4))
        }),
        (0..3_u8, 1..5_u32, 0..9_i64).prop_map(move |(tenant, shards, hours)| {
            let valid_from = later(hours);
            Change::AddSplit(Split { tenant: format!("t{tenant}").as_str().into(), shards, valid_from })
        }),
    ]
}

fn closing() -> impl Strategy<Value = Change> {
    (1..5_i8, any::<bool>(), any::<bool>()).prop_map(|(month, reopen, zoned)| {
        let calendar = if zoned { Calendar::parse("Asia/Kathmandu").unwrap() } else { Calendar::utc() };
        let period = Period::new(2026, month).unwrap();
        if reopen { Change::ReopenPeriod(calendar, period) } else { Change::ClosePeriod(calendar, period) }
    })
}

fn any_command() -> impl Strategy<Value = Command> {
    let change = prop_oneof![4 => resource(), 1 => deletion(), 1 => layout(), 1 => closing()];
    let key = prop::option::weighted(0.4, prop::sample::select(vec!["k", "l"]));
    let author = prop::sample::select(vec!["ann", "bob"]);
    (change, key, author, prop::option::weighted(0.1, 0..30_u64), -9_i64..90_000).prop_map(
        |(change, key, author, expected_revision, seconds)| Command {
            author: author.to_owned(),
            idempotency_key: key.map(str::to_owned),
            expected_revision,
            arrival_time: at(NOW).plus_seconds(seconds),
            change,
        },
    )
}

fn restored(state: &State) -> State {
    read(&write(state), state.offset()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_snapshot_and_the_rest_say_what_the_whole_log_says(commands in prop::collection::vec(any_command(), 0..80), cut in any::<prop::sample::Index>()) {
        let (before, after) = commands.split_at(cut.index(commands.len() + 1));
        let mut whole = begun();
        for command in before {
            whole.apply(command).unwrap().ok();
        }
        let mut resumed = restored(&whole);
        prop_assert_eq!(&resumed, &whole);
        prop_assert_eq!(write(&resumed), write(&whole), "equal states have equal contents");
        for command in after {
            prop_assert_eq!(resumed.apply(command), whole.apply(command));
        }
        prop_assert_eq!(resumed, whole);
    }

    #[test]
    fn no_content_panics_a_reader(content in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(&content, 7);
    }
}

#[test]
fn the_state_before_the_first_command_comes_back() {
    assert_eq!(restored(&State::default()), State::default());
}

/// What the random commands above do not all reach in every run.
#[test]
fn what_went_what_was_moved_and_what_was_re_opened_comes_back() {
    let mut state = begun();
    let gone = |name| Change::Delete(name);
    let second = Generation {
        number: 2,
        topic: "resource-consumption.g2".into(),
        valid_from: at(NOW).plus_seconds(3_600),
        ..Generation::first([9; 16], 2)
    };
    let place = |number, partitions| Incarnation {
        number,
        log_id: "place".into(),
        first_offsets: vec![5; partitions],
    };
    let january = Period::new(2026, 1).unwrap();
    for change in [
        unit("page", "paper", "1/7"),
        gone(ResourceName::Unit(UnitId::parse("page").unwrap())),
        put(contract("c", "acme", "2026-01-01T00:00:00Z", Some("2026-02-01T00:00:00Z"))),
        gone(ResourceName::Contract(ContractId::parse("c").unwrap())),
        gone(ResourceName::Tenant(TenantId::parse("acme").unwrap())),
        Change::AddGeneration(second, place(1, 2)),
        Change::AddIncarnation("resource-consumption.g2".into(), place(2, 2)),
        Change::DeclareLoss(
            "resource-consumption.g2".into(),
            Incarnation { first_offsets: vec![6; 2], ..place(3, 2) },
            crate::resource::Text::parse("ada", "operator").unwrap(),
        ),
        Change::AddIncarnation(REVISIONS.into(), place(2, 9)),
        Change::ClosePeriod(Calendar::utc(), january),
        Change::ReopenPeriod(Calendar::utc(), january),
        plan(&PLAN.replace("0.50", "0.70")),
    ] {
        let keyed = Command { idempotency_key: Some(format!("{change:?}")), ..command(change) };
        state.apply(&keyed).unwrap().unwrap();
    }
    let back = restored(&state);
    assert_eq!(back, state);
    let acme = TenantId::parse("acme").unwrap();
    assert!(back.tenants().find(&acme).is_none() && back.find_calendar_of(&acme).is_some());
    assert!(back.find_unit(&UnitId::parse("page").unwrap()).is_none());
    assert!(back.conversions().find(&UnitId::parse("page").unwrap()).is_some(), "it converts for ever");
    let places: Vec<u32> = back.incarnations().map(|(_, incarnation)| incarnation.number).collect();
    assert_eq!(places, [2, 1, 3]);
    assert!(!back.closings().is_closed(&"UTC".into(), january));
}
