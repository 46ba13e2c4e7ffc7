//! What the fold promises, whatever the commands are.

use super::*;
use crate::command::encode;
use crate::fixture::*;
use bytes::Bytes;
use domain::calendar::{Calendar, Period};
use domain::id::{SkuId, TenantId};
use domain::port::Header;
use domain::time::Timestamp;
use proptest::prelude::*;
use proto::header::FORMAT_HEADER;

fn entry(offset: u64, command: &Command) -> Entry {
    let record = encode(command);
    Entry { offset, timestamp: Timestamp::EPOCH, headers: record.headers, value: record.value }
}

fn apply(state: &mut State, change: Change) -> Outcome {
    state.apply(&command(change)).unwrap()
}

fn effect(outcome: &Outcome) -> Option<Effect> {
    outcome.as_ref().ok().map(|settled| settled.effect)
}

#[test]
fn a_revision_is_the_offset_of_the_last_change() {
    let mut state = begun();
    let first = apply(&mut state, tenant("globex")).unwrap();
    assert_eq!((first.effect, first.revision, state.offset()), (Effect::Applied, 5, 6));
    let again = apply(&mut state, tenant("globex")).unwrap();
    assert_eq!((again.effect, again.revision, state.offset()), (Effect::Unchanged, 5, 7));
}

#[test]
fn of_two_changes_of_one_revision_the_second_is_refused() {
    let mut state = begun();
    let suspend = |expected_revision| {
        let Change::PutTenant(id, mut tenant) = tenant("acme") else { unreachable!() };
        tenant.status = crate::resource::TenantStatus::Suspended;
        Command { expected_revision, ..command(Change::PutTenant(id, tenant)) }
    };
    assert_eq!(effect(&state.apply(&suspend(Some(2))).unwrap()), Some(Effect::Applied));
    assert_eq!(state.apply(&suspend(Some(2))).unwrap(), Err(Refusal::RevisionMismatch(Some(5))));
    let nowhere = Command { expected_revision: Some(9), ..command(tenant("nobody")) };
    assert_eq!(state.apply(&nowhere).unwrap(), Err(Refusal::RevisionMismatch(None)));
}

#[test]
fn a_deleted_resource_is_gone_until_it_is_put_again() {
    let mut state = begun();
    let id = TenantId::parse("acme").unwrap();
    let delete = || Change::Delete(ResourceName::Tenant(id.clone()));
    assert_eq!(apply(&mut state, delete()).unwrap().revision, 5);
    assert!(state.tenants().find(&id).is_none() && state.tenants().find_any(&id).is_some());
    assert_eq!(apply(&mut state, delete()), Err(Refusal::NotFound));
    assert_eq!(effect(&apply(&mut state, tenant("acme"))), Some(Effect::Applied));
    assert_eq!(state.tenants().find(&id).unwrap().revision, 7);
}

#[test]
fn a_trial_tells_what_would_be_and_changes_nothing() {
    let state = begun();
    let before = state.clone();
    assert_eq!(effect(&state.trial(&command(tenant("globex"))).unwrap()), Some(Effect::Applied));
    assert_eq!(state, before);
}

#[test]
fn foreign_bytes_are_passed_over_and_what_this_process_does_not_know_stops_it() {
    let mut state = begun();
    let foreign =
        Entry { headers: Vec::new(), value: Bytes::from_static(b"?"), ..entry(5, &command(tenant("x"))) };
    assert!(matches!(state.fold(&foreign).unwrap(), Err(Refusal::Invalid(_))));
    let mut newer = entry(6, &command(tenant("x")));
    newer.headers = vec![Header { name: FORMAT_HEADER.to_owned(), value: Bytes::from_static(b"2") }];
    assert_eq!(state.fold(&newer), Err(Halt::NewerFormat { offset: 6, format: 2 }));
    let mut damaged = entry(6, &command(tenant("x")));
    let mut bytes = damaged.value.to_vec();
    bytes[3] ^= 1;
    damaged.value = bytes.into();
    assert!(matches!(state.fold(&damaged), Err(Halt::Damaged { offset: 6, .. })));
    assert_eq!(state.fold(&entry(7, &command(tenant("x")))), Err(Halt::Gap { expected: 6, offset: 7 }));
    let rules = entry(6, &command(Change::SetRules(2)));
    assert_eq!(state.fold(&rules), Err(Halt::NewerRules { offset: 6, version: 2 }));
    assert_eq!(state.offset(), 6);
}

#[test]
fn only_an_ended_month_is_closed_and_only_a_closed_one_re_opened() {
    let mut state = begun();
    let month = |text: &str| Period::parse(text).unwrap();
    let close = |text| Change::ClosePeriod(Calendar::utc(), month(text));
    let reopen = |text| Change::ReopenPeriod(Calendar::utc(), month(text));
    assert!(apply(&mut state, close("2026-03")).is_err());
    assert!(apply(&mut state, reopen("2026-02")).is_err());
    assert_eq!(apply(&mut state, close("2026-02")).unwrap().revision, 7);
    let again = apply(&mut state, close("2026-02")).unwrap();
    assert_eq!((again.effect, again.revision), (Effect::Unchanged, 7));
    assert_eq!(state.closings().posted(&"UTC".into(), month("2026-02")), Some(month("2026-03")));
    assert_eq!(effect(&apply(&mut state, reopen("2026-02"))), Some(Effect::Applied));
    assert!(!state.closings().is_closed(&"UTC".into(), month("2026-02")));
}

fn change() -> impl Strategy<Value = Change> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let contract = |(id, tenant_id, month): (&str, &str, u32)| {
        put(contract(id, tenant_id, &format!("2026-0{month}-01T00:00:00Z"), Some("2026-09-01T00:00:00Z")))
    };
    prop_oneof![
        name.clone().prop_map(tenant),
        name.clone().prop_map(|id| Change::Delete(ResourceName::Tenant(TenantId::parse(id).unwrap()))),
        (name.clone(), prop::sample::select(vec!["token", "GB", "h"])).prop_map(|(id, unit)| sku(
            id,
            unit,
            &[]
        )),
        name.clone().prop_map(|id| Change::Delete(ResourceName::Sku(SkuId::parse(id).unwrap()))),
        (name.clone(), prop::sample::select(vec!["1", "2/3"]))
            .prop_map(|(id, factor)| unit(id, "page", factor)),
        Just(sku("llm.input", "token", &[])),
        Just(plan(PLAN)),
        Just(plan(&PLAN.replace("0.50", "0.70"))),
        (name.clone(), name, 1_u32..9).prop_map(contract),
    ]
}

fn any_command() -> impl Strategy<Value = Command> {
    let key = prop::option::of(prop::sample::select(vec!["k1", "k2"]));
    (change(), key, prop::option::of(0_u64..40), 0_i64..200_000).prop_map(
        |(change, key, expected, seconds)| Command {
            idempotency_key: key.map(str::to_owned),
            expected_revision: expected.filter(|revision| revision % 2 == 0),
            arrival_time: at(NOW).plus_seconds(seconds),
            ..command(change)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_same_log_gives_the_same_state_and_outcomes(commands in prop::collection::vec(any_command(), 0..40), cut in 0_usize..40) {
        let entries: Vec<Entry> = commands.iter().zip(0..).map(|(command, offset)| entry(offset, command)).collect();
        let mut by_commands = State::default();
        let outcomes: Vec<_> = commands.iter().map(|command| by_commands.apply(command).unwrap()).collect();
        let mut by_records = State::default();
        let mut halfway = State::default();
        let mut read = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            if index == cut {
                halfway = by_records.clone();
            }
            read.push(by_records.fold(entry).unwrap());
        }
        prop_assert_eq!(&by_commands, &by_records);
        prop_assert_eq!(outcomes, read);
        for entry in entries.iter().skip(usize::try_from(halfway.offset()).unwrap()) {
            halfway.fold(entry).unwrap().ok();
        }
        prop_assert_eq!(halfway, by_records);
    }

    #[test]
    fn contracts_of_a_tenant_never_overlap(commands in prop::collection::vec(any_command(), 0..60)) {
        let mut state = begun();
        for command in &commands {
            let _ = state.apply(command).unwrap();
        }
        for name in ["a", "b", "c"] {
            let contracts = state.contracts_of(&TenantId::parse(name).unwrap());
            let windows: Vec<_> = contracts.iter().map(|(_, contract)| contract.term.window()).collect();
            prop_assert!(windows.windows(2).all(|pair| pair[0].end() <= pair[1].start()));
        }
    }
}
