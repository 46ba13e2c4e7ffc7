//! Routing, horizons and the registry of generations.

use domain::generation::{Generation, Horizon, Incarnation, Registry, Split};
use domain::pulse::Identity;
use domain::reject::RejectReason;
use domain::time::Timestamp;
use domain::topic::{CATALOG, DEAD_LETTERS, REVISIONS};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const DAY: i64 = 86_400;

fn incarnation(number: u32) -> Incarnation {
    Incarnation { number, log_id: format!("log-{number}").into(), first_offsets: vec![0; 4] }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

/// Generations 1, 2 and 3 of 4, 8 and 3 partitions, valid from the beginning, from 1,000 and from 2,000 on.
fn three_generations() -> Registry {
    let later = |number: u32, partitions, seconds| Generation {
        number,
        topic: format!("resource-consumption.g{number}").into(),
        valid_from: at(seconds),
        ..Generation::first([u8::try_from(number).unwrap(); 16], partitions)
    };
    Registry::new(Generation::first([1; 16], 4), incarnation(1))
        .with_generation(later(2, 8, 1_000), incarnation(1))
        .with_generation(later(3, 3, 2_000), incarnation(1))
}

fn identity<'a>(tenant: &'a str, id: &'a [u8]) -> Identity<'a> {
    Identity { tenant, source: "meter", id, minute: 7 }
}

#[test]
fn the_first_generation_is_the_default_of_a_new_directory() {
    let first = Generation::first([9; 16], 4);
    assert_eq!((first.number, first.partitions, first.slices, first.bucket_minutes), (1, 4, 16, 1));
    assert_eq!((&*first.topic, first.routing_version), ("resource-consumption.g1", 1));
    assert_eq!((first.valid_from, first.hash_key), (Timestamp::from_nanos(i64::MIN), [9; 16]));
    assert_eq!(first.horizon, Horizon { past_seconds: 35 * DAY, future_seconds: 300 });
}

#[test]
fn an_event_time_names_its_generation_at_every_border() {
    let registry = three_generations();
    for (seconds, number) in
        [(i64::MIN, 1), (0, 1), (999, 1), (1_000, 2), (1_999, 2), (2_000, 3), (i64::MAX, 3)]
    {
        assert_eq!(registry.valid_at(at(seconds)).number, number, "{seconds}");
        let route = registry.route(&identity("acme", b"a"), at(seconds));
        assert_eq!(route.generation.number, number, "{seconds}");
        assert!(route.partition < route.generation.partitions);
    }
    let last_before = Timestamp::from_nanos(at(1_000).nanos() - 1);
    assert_eq!(registry.valid_at(last_before).number, 1);
    assert_eq!(registry.newest().number, 3);
}

/// The order in which generations became known does not matter, only when they are valid.
#[test]
fn the_newest_is_the_last_to_be_valid() {
    let first = Registry::new(Generation::first([1; 16], 4), incarnation(1));
    let later = |number, seconds| Generation {
        number,
        topic: format!("g{number}").into(),
        valid_from: at(seconds),
        ..Generation::first([1; 16], 4)
    };
    let registry = first
        .with_generation(later(3, 2_000), incarnation(1))
        .with_generation(later(2, 1_000), incarnation(1));
    assert_eq!(registry.newest().number, 3);
    assert_eq!(registry.valid_at(at(1_500)).number, 2);
}

#[test]
fn generations_are_found_by_number_with_their_incarnations_in_order() {
    let second = three_generations().find(2).unwrap().topic.clone();
    let registry = three_generations().with_incarnation(&second, incarnation(2));
    let numbers: Vec<u32> = registry.generations().map(|generation| generation.number).collect();
    assert_eq!(numbers, [1, 2, 3]);
    assert_eq!(registry.find(2).map(|generation| generation.partitions), Some(8));
    assert_eq!(registry.find(4), None);
    assert_eq!(registry.incarnations(1), [incarnation(1)]);
    assert_eq!(registry.incarnations(2), [incarnation(1), incarnation(2)]);
    assert!(registry.incarnations(9).is_empty(), "what is no generation has none");
}

#[test]
fn every_topic_lives_where_its_last_incarnation_says() {
    let registry = three_generations()
        .with_incarnation(REVISIONS, incarnation(2))
        .with_incarnation(DEAD_LETTERS, incarnation(2))
        .with_incarnation(REVISIONS, incarnation(3));
    assert_eq!(registry.incarnations_of(REVISIONS), [incarnation(2), incarnation(3)]);
    assert!(registry.incarnations_of(CATALOG).is_empty(), "a topic that never moved is its first one");
    let places: BTreeMap<&str, u32> =
        registry.places().map(|(topic, incarnation)| (&**topic, incarnation.number)).collect();
    assert_eq!(places.len(), 5);
    assert_eq!((places[REVISIONS], places[DEAD_LETTERS]), (3, 2));
    for generation in registry.generations() {
        assert_eq!(places[&*generation.topic], 1, "generation {}", generation.number);
        assert_eq!(registry.incarnations_of(&generation.topic), registry.incarnations(generation.number));
    }
}

#[test]
fn a_tenant_has_one_partition_a_generation_unless_it_is_split() {
    let registry = three_generations();
    let places = |registry: &Registry, tenant: &str| -> Vec<(u32, u32)> {
        let all = registry.partitions_of(tenant);
        all.iter().map(|(generation, partition)| (generation.number, *partition)).collect()
    };
    let acme = places(&registry, "acme");
    assert_eq!(acme.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3]);
    let split = Split { tenant: "acme".into(), shards: 4, valid_from: at(1_500) };
    let registry = registry.with_split(split);
    let spread = places(&registry, "acme");
    let count = |number| spread.iter().filter(|(generation, _)| *generation == number).count();
    assert_eq!((count(1), count(2), count(3)), (4, 4, 3), "as many as there are, at most as many as shards");
    assert_eq!(places(&registry, "globex").len(), 3, "the others stay where they are");
}

#[test]
fn of_several_splits_the_last_one_that_is_valid_holds() {
    let split = |shards, seconds| Split { tenant: "acme".into(), shards, valid_from: at(seconds) };
    let registry = Registry::new(Generation::first([1; 16], 16), incarnation(1))
        .with_split(split(8, 300))
        .with_split(split(2, 100))
        .with_split(split(1, 500));
    let ids: Vec<[u8; 2]> = (0..300_u16).map(u16::to_le_bytes).collect();
    for (seconds, shards) in [(99, 1), (100, 2), (299, 2), (300, 8), (499, 8), (500, 1)] {
        let places: BTreeSet<u32> =
            ids.iter().map(|id| registry.route(&identity("acme", id), at(seconds)).partition).collect();
        assert_eq!(places.len(), shards, "{seconds}");
    }
}

#[test]
fn a_bucket_is_a_whole_number_of_minutes() {
    let generation = Generation { bucket_minutes: 5, ..Generation::first([0; 16], 1) };
    for (minute, bucket) in [(0, 0), (4, 0), (5, 1), (-1, -1), (-5, -1), (-6, -2)] {
        assert_eq!(generation.bucket(minute), bucket, "{minute}");
    }
    let by_the_minute = Generation::first([0; 16], 1);
    assert_eq!((by_the_minute.bucket(17), by_the_minute.bucket(-17)), (17, -17));
}

#[test]
fn slices_follow_the_low_half_of_the_hash() {
    let generation = Generation::first([0; 16], 1);
    for (hash, slice) in [(0, 0), (15, 15), (16, 0), (1 << 64, 0), ((7 << 64) + 21, 5), (u128::MAX, 15)] {
        assert_eq!(generation.slice(hash), slice, "{hash:#x}");
    }
}

/// A record's refusals spread by their bytes, and the same bytes come to the same place.
#[test]
fn payloads_are_spread_and_stay() {
    let generation = Generation::first([0; 16], 4);
    let payloads: Vec<[u8; 4]> = (0..200_u32).map(u32::to_le_bytes).collect();
    let places: Vec<u32> = payloads.iter().map(|payload| generation.partition_of_payload(payload)).collect();
    assert_eq!(places.iter().collect::<BTreeSet<_>>().len(), 4);
    let other_key = Generation::first([200; 16], 4);
    let again: Vec<u32> = payloads.iter().map(|payload| other_key.partition_of_payload(payload)).collect();
    assert_eq!(places, again, "the key of a generation has no say");
}

#[test]
fn the_edge_takes_35_days_back_and_five_minutes_ahead() {
    let (horizon, arrival) = (Horizon::default(), at(1_773_129_600));
    let early = Timestamp::from_nanos(arrival.plus_seconds(-35 * DAY).nanos() - 1);
    let ahead = Timestamp::from_nanos(arrival.plus_seconds(300).nanos() + 1);
    for (event, reason) in [
        (early, Some(RejectReason::TooLate)),
        (arrival.plus_seconds(-35 * DAY), None),
        (arrival, None),
        (arrival.plus_seconds(300), None),
        (ahead, Some(RejectReason::InFuture)),
    ] {
        let refused = horizon.check(event, arrival).err();
        assert_eq!(refused.as_ref().map(|reject| reject.reason), reason, "{event}");
        assert!(refused.is_none_or(|reject| reject.field == "event_time"));
    }
}

#[test]
fn a_ledger_remembers_ten_days_more_and_a_replay_must_fit_into_them() {
    let horizon = Horizon::default();
    assert_eq!(horizon.ledger_seconds(), 45 * DAY);
    assert_eq!(horizon.replay_seconds(), 8 * DAY - 300);
    let short = Horizon { past_seconds: DAY, future_seconds: 60 };
    assert_eq!((short.ledger_seconds(), short.replay_seconds()), (11 * DAY, 8 * DAY - 60));
}

proptest! {
    /// What the edge takes is never late for the consumer, whose clock may be a day off.
    #[test]
    fn the_consumer_holds_a_day_more_on_either_side(offset in -40 * DAY..3 * DAY) {
        let (horizon, arrival) = (Horizon::default(), at(1_773_129_600));
        let event = arrival.plus_seconds(offset);
        let is_taken = (-35 * DAY..=300).contains(&offset);
        prop_assert_eq!(horizon.check(event, arrival).is_ok(), is_taken);
        prop_assert_eq!(horizon.holds_with_slack(event, arrival), (-36 * DAY..=300 + DAY).contains(&offset));
    }

    /// Routing asks identity and event time alone, and lands where a query looks.
    #[test]
    fn a_route_is_one_of_the_tenants_partitions(tenant in "[a-z]{1,12}", id in any::<[u8; 8]>(), seconds in 0_i64..3_000, shards in 1_u32..9) {
        let split = Split { tenant: tenant.as_str().into(), shards, valid_from: at(1_200) };
        let registry = three_generations().with_split(split);
        let route = registry.route(&identity(&tenant, &id), at(seconds));
        prop_assert_eq!(&registry.route(&identity(&tenant, &id), at(seconds)), &route);
        let known = registry.partitions_of(&tenant);
        prop_assert!(known.contains(&(Arc::clone(&route.generation), route.partition)));
        let distinct: BTreeSet<(u32, u32)> = known.iter().map(|(generation, partition)| (generation.number, *partition)).collect();
        prop_assert_eq!(distinct.len(), known.len());
    }

    /// A generation more changes no route of an event time before it.
    #[test]
    fn what_is_routed_stays_routed(tenant in "[a-z]{1,12}", id in any::<[u8; 8]>(), seconds in 0_i64..5_000) {
        let before = three_generations();
        let fourth = Generation { number: 4, topic: "g4".into(), valid_from: at(3_000), ..Generation::first([4; 16], 5) };
        let after = before.clone().with_generation(fourth, incarnation(1));
        let routes = [&before, &after].map(|registry| registry.route(&identity(&tenant, &id), at(seconds)));
        prop_assert_eq!(routes[0] == routes[1], seconds < 3_000);
    }
}
