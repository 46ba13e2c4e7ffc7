//! Every command survives the log, and a record that says something impossible is refused by its field.

use super::*;
use crate::fixture::*;
use crate::resource::{
    Aggregation, Contract, Declared, ResourceName, Sku, Tenant, TenantStatus, Term, Text,
    parse_unit_dimension,
};
use bytes::Bytes;
use domain::calendar::{Calendar, Period};
use domain::generation::{Generation, Horizon, Incarnation, Split};
use domain::id::{ContractId, PlanId, SkuId, TenantId, UnitId};
use domain::unit::{Unit, parse_factor};
use proptest::prelude::*;
use proto::log::catalog_command::Change as Wire;

const QUARTER_NANOS: i64 = 900_000_000_000;

fn entry(record: NewRecord) -> Entry {
    Entry { offset: 7, timestamp: Timestamp::EPOCH, headers: record.headers, value: record.value }
}

fn id() -> impl Strategy<Value = String> {
    "[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}"
}

fn tenant_id() -> impl Strategy<Value = TenantId> {
    "[^\\p{Cc}]{1,30}".prop_filter_map("not an id", |text| TenantId::parse(&text).ok())
}

fn people() -> impl Strategy<Value = Text> {
    "[^\\p{Cc}]{0,40}".prop_filter_map("too long", |text| Text::parse(&text, "name").ok())
}

fn instant() -> impl Strategy<Value = Timestamp> {
    any::<i64>().prop_map(Timestamp::from_nanos)
}

fn calendar() -> impl Strategy<Value = Calendar> {
    prop::sample::select(vec!["UTC", "Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe"])
        .prop_map(|name| Calendar::parse(name).unwrap())
}

fn tenant_change() -> impl Strategy<Value = Change> {
    (tenant_id(), people(), any::<bool>()).prop_map(|(id, name, active)| {
        let status = if active { TenantStatus::Active } else { TenantStatus::Suspended };
        Change::PutTenant(id, Tenant { name, status })
    })
}

fn sku_change() -> impl Strategy<Value = Change> {
    let keys = prop::collection::btree_set("[a-z][a-z0-9_]{0,20}", 0..=3);
    (id(), id(), people(), people(), keys).prop_map(|(id, unit, description, service_category, keys)| {
        let sku = Sku {
            unit: UnitId::parse(&unit).unwrap(),
            description,
            service_category,
            dimensions: Declared::parse(keys.iter().map(String::as_str)).unwrap(),
            aggregation: Aggregation::Sum,
        };
        Change::PutSku(SkuId::parse(&id).unwrap(), sku)
    })
}

fn unit_change() -> impl Strategy<Value = Change> {
    let dimension = "[a-z][a-z0-9_]{0,9}(\\.[a-z][a-z0-9_]{0,9}){0,2}";
    (id(), dimension, "[1-9][0-9]{0,30}/[1-9][0-9]{0,30}").prop_map(|(id, dimension, factor)| {
        let unit = Unit {
            dimension: parse_unit_dimension(&dimension).unwrap(),
            factor: parse_factor(&factor).unwrap(),
        };
        Change::PutUnit(UnitId::parse(&id).unwrap(), unit)
    })
}

fn contract_change() -> impl Strategy<Value = Change> {
    let term = (-1_000_000_i64..1_000_000, prop::option::of(1_i64..1_000_000));
    (id(), tenant_id(), id(), prop::option::of(any::<u32>()), term, calendar()).prop_map(
        |(id, tenant, plan, plan_version, (start, quarters), calendar)| {
            let at = |quarter: i64| Timestamp::from_nanos(quarter * QUARTER_NANOS);
            let term = Term::new(at(start), quarters.map(|quarters| at(start + quarters))).unwrap();
            let plan = PlanId::parse(&plan).unwrap();
            let contract = Contract { tenant, plan, plan_version, term, calendar };
            Change::PutContract(ContractId::parse(&id).unwrap(), contract)
        },
    )
}

fn incarnation() -> impl Strategy<Value = Incarnation> {
    (any::<u32>(), ".{0,20}", prop::collection::vec(any::<u64>(), 0..6)).prop_map(
        |(number, log_id, first_offsets)| Incarnation {
            number,
            log_id: log_id.as_str().into(),
            first_offsets,
        },
    )
}

fn registry_change() -> impl Strategy<Value = Change> {
    let shape = (any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>());
    let generation = (shape, any::<[u8; 16]>(), instant()).prop_map(
        |((number, partitions, bucket_minutes, slices, routing_version), hash_key, valid_from)| Generation {
            number,
            topic: format!("topic.g{number}").as_str().into(),
            partitions,
            routing_version,
            bucket_minutes,
            slices,
            horizon: Horizon { past_seconds: i64::from(slices), future_seconds: i64::from(partitions) },
            hash_key,
            valid_from,
        },
    );
    prop_oneof![
        (generation, incarnation()).prop_map(|(generation, first)| Change::AddGeneration(generation, first)),
        (".{0,20}", incarnation())
            .prop_map(|(topic, next)| Change::AddIncarnation(topic.as_str().into(), next)),
        (tenant_id(), any::<u32>(), instant()).prop_map(|(tenant, shards, valid_from)| {
            Change::AddSplit(Split { tenant: tenant.to_shared(), shards, valid_from })
        }),
        any::<u32>().prop_map(Change::SetRules),
    ]
}

fn other_change() -> impl Strategy<Value = Change> {
    let period = (2000_i16..2100, 1_i8..=12).prop_map(|(year, month)| Period::new(year, month).unwrap());
    let name = prop_oneof![
        tenant_id().prop_map(ResourceName::Tenant),
        id().prop_map(|id| ResourceName::Sku(SkuId::parse(&id).unwrap())),
        id().prop_map(|id| ResourceName::Unit(UnitId::parse(&id).unwrap())),
        id().prop_map(|id| ResourceName::Contract(ContractId::parse(&id).unwrap())),
    ];
    prop_oneof![
        name.prop_map(Change::Delete),
        (id(), ".{0,200}").prop_map(|(id, text)| {
            Change::PublishPlan(PlanId::parse(&id).unwrap(), text.as_str().into())
        }),
        (calendar(), period.clone()).prop_map(|(calendar, period)| Change::ClosePeriod(calendar, period)),
        (calendar(), period).prop_map(|(calendar, period)| Change::ReopenPeriod(calendar, period)),
    ]
}

fn any_change() -> impl Strategy<Value = Change> {
    prop_oneof![
        tenant_change(),
        sku_change(),
        unit_change(),
        contract_change(),
        registry_change(),
        other_change()
    ]
}

fn any_command() -> impl Strategy<Value = Command> {
    (any_change(), ".{0,20}", prop::option::of(".{1,20}"), prop::option::of(any::<u64>()), instant())
        .prop_map(|(change, author, idempotency_key, expected_revision, arrival_time)| Command {
            author,
            idempotency_key,
            expected_revision,
            arrival_time,
            change,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_command_reads_back_from_its_record(command in any_command()) {
        prop_assert_eq!(decode(&entry(encode(&command))), Ok(Ok(command)));
    }

    #[test]
    fn equal_commands_have_equal_bytes_and_no_changed_byte_passes(command in any_command(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let record = encode(&command);
        prop_assert_eq!(&encode(&command).value, &record.value);
        let mut bytes = record.value.to_vec();
        let index = at.index(bytes.len());
        bytes[index] ^= 1 << bit;
        let damaged = Entry { value: Bytes::from(bytes), ..entry(record) };
        let halted = matches!(decode(&damaged), Err(Halt::Damaged { offset: 7, .. }));
        prop_assert!(halted, "byte {}", index);
    }

    #[test]
    fn no_bytes_panic_a_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let sealed = message_record(MESSAGE, checksum::seal(BytesMut::from(bytes.as_slice())));
        let _ = decode(&entry(sealed));
        let _ = decode(&entry(message_record(MESSAGE, Bytes::from(bytes))));
    }

    #[test]
    fn a_request_is_its_change_and_condition_not_its_time_or_author(command in any_command(), other in any_command()) {
        let moved = Command { change: command.change.clone(), expected_revision: command.expected_revision, ..other.clone() };
        prop_assert_eq!(moved.request_fingerprint(), command.request_fingerprint());
        if other.change != command.change || other.expected_revision != command.expected_revision {
            prop_assert_ne!(other.request_fingerprint(), command.request_fingerprint());
        }
    }
}

fn field_of(change: Wire) -> String {
    let message = wire::CatalogCommand { change: Some(change), ..Default::default() };
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).unwrap();
    let record = message_record(MESSAGE, checksum::seal(bytes));
    decode(&entry(record)).unwrap().unwrap_err().field
}

fn good_incarnation() -> wire::LogIncarnation {
    wire::LogIncarnation { number: 1, log_id: "log".into(), first_offsets: vec![0] }
}

#[test]
fn what_no_tenant_sku_or_unit_can_be_is_refused_by_field() {
    let sku = |change: fn(&mut wire::CatalogSku)| {
        let mut sku = wire::CatalogSku {
            id: "s".into(),
            unit: "GB".into(),
            aggregation: "sum".into(),
            ..Default::default()
        };
        change(&mut sku);
        Wire::PutSku(sku)
    };
    let unit = |id: &str, dimension: &str, factor: &str| {
        Wire::PutUnit(wire::CatalogUnit { id: id.into(), dimension: dimension.into(), factor: factor.into() })
    };
    let tenant = |id: &str, name: &str| {
        Wire::PutTenant(wire::CatalogTenant { id: id.into(), name: name.into(), suspended: false })
    };
    for (change, field) in [
        (tenant("", "x"), "tenant"),
        (tenant("a\u{7}", "x"), "tenant"),
        (tenant("a", "x\ny"), "name"),
        (sku(|sku| sku.id = "a b".into()), "sku"),
        (sku(|sku| sku.unit = String::new()), "unit"),
        (sku(|sku| sku.description = "x".repeat(257)), "description"),
        (sku(|sku| sku.service_category = "\t".into()), "service_category"),
        (sku(|sku| sku.dimensions = vec!["Zone".into()]), "dimensions"),
        (sku(|sku| sku.dimensions = vec!["a".into(); 2]), "dimensions"),
        (sku(|sku| sku.aggregation = "max".into()), "aggregation"),
        (unit("", "data", "1"), "unit"),
        (unit("page", "", "1"), "dimension"),
        (unit("page", "data", "0"), "factor"),
        (unit("page", "data", "1/0"), "factor"),
        (unit("page", "data", "-1"), "factor"),
        (unit("page", "data", "1.5"), "factor"),
    ] {
        assert_eq!(field_of(change.clone()), field, "{change:?}");
    }
}

#[test]
fn what_no_contract_plan_or_period_can_be_is_refused_by_field() {
    let contract = |change: fn(&mut wire::CatalogContract)| {
        let mut contract = wire::CatalogContract {
            id: "c".into(),
            tenant: "acme".into(),
            plan: "llm".into(),
            start_time: 0,
            end_time: Some(QUARTER_NANOS),
            time_zone: "UTC".into(),
            ..Default::default()
        };
        change(&mut contract);
        Wire::PutContract(contract)
    };
    let period = |calendar: &str, period: &str| wire::CalendarPeriod {
        calendar: calendar.into(),
        period: period.into(),
    };
    for (change, field) in [
        (contract(|contract| contract.id = "-c".into()), "contract"),
        (contract(|contract| contract.tenant = String::new()), "tenant"),
        (contract(|contract| contract.plan = "a b".into()), "plan"),
        (contract(|contract| contract.start_time = 1), "start_time"),
        (contract(|contract| contract.end_time = Some(1)), "end_time"),
        (contract(|contract| contract.end_time = Some(0)), "end_time"),
        (contract(|contract| contract.time_zone = "Mars".into()), "time_zone"),
        (Wire::ClosePeriod(period("Mars", "2026-01")), "calendar"),
        (Wire::ClosePeriod(period("UTC", "2026-13")), "period"),
        (Wire::ReopenPeriod(period("UTC", "2026")), "period"),
        (Wire::ReopenPeriod(period("", "2026-01")), "calendar"),
        (Wire::PublishPlan(wire::PlanDocument { plan: "p q".into(), document: Bytes::new() }), "plan"),
        (
            Wire::PublishPlan(wire::PlanDocument { plan: "p".into(), document: Bytes::from_static(b"\xff") }),
            "document",
        ),
    ] {
        assert_eq!(field_of(change.clone()), field, "{change:?}");
    }
}

#[test]
fn what_cannot_be_registered_or_deleted_is_refused_by_field() {
    let generation = |change: fn(&mut wire::NewGeneration)| {
        let mut generation = wire::NewGeneration {
            hash_key: vec![0; 16].into(),
            incarnation: Some(good_incarnation()),
            ..Default::default()
        };
        change(&mut generation);
        Wire::AddGeneration(generation)
    };
    let delete = |kind: i32, id: &str| Wire::Delete(wire::ResourceName { kind, id: id.into() });
    for (change, field) in [
        (generation(|generation| generation.hash_key = vec![0; 15].into()), "hash_key"),
        (generation(|generation| generation.incarnation = None), "incarnation"),
        (
            Wire::AddIncarnation(wire::NewIncarnation {
                topic: "t".into(),
                ..wire::NewIncarnation::default()
            }),
            "incarnation",
        ),
        (Wire::AddSplit(wire::TenantSplit { tenant: String::new(), ..Default::default() }), "tenant"),
        (delete(0, "a"), "kind"),
        (delete(99, "a"), "kind"),
        (delete(wire::ResourceKind::Tenant.into(), ""), "tenant"),
        (delete(wire::ResourceKind::Sku.into(), " "), "sku"),
        (delete(wire::ResourceKind::Unit.into(), ""), "unit"),
        (delete(wire::ResourceKind::Contract.into(), "."), "contract"),
    ] {
        assert_eq!(field_of(change.clone()), field, "{change:?}");
    }
}

#[test]
fn an_absent_key_is_no_key() {
    let with =
        |key: Option<&str>| Command { idempotency_key: key.map(str::to_owned), ..command(tenant("a")) };
    assert_eq!(decode(&entry(encode(&with(None)))).unwrap().unwrap().idempotency_key, None);
    assert_eq!(
        decode(&entry(encode(&with(Some("k"))))).unwrap().unwrap().idempotency_key.as_deref(),
        Some("k")
    );
    assert_eq!(with(None).request_fingerprint(), with(Some("k")).request_fingerprint());
}
