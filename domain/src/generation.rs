//! Generations of the log, and routing: a function of identity alone.

use crate::hash::{HashKey, fixed_hash, low64};
use crate::pulse::Identity;
use crate::reject::{Reject, RejectReason};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How far event times may lie from the arrival: part of a generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    /// Seconds before the arrival.
    pub past_seconds: i64,
    /// Seconds after it.
    pub future_seconds: i64,
}

/// The consumer accepts this much more than the edge, so that what the edge accepted is never late here.
const CONSUMER_SLACK_SECONDS: i64 = 86_400;

impl Default for Horizon {
    fn default() -> Self {
        Self { past_seconds: 35 * 86_400, future_seconds: 300 }
    }
}

impl Horizon {
    /// The edge's question: may a pulse of that time still be billed?
    pub fn check(&self, event: Timestamp, arrival: Timestamp) -> Result<(), Reject> {
        if event < arrival.plus_seconds(-self.past_seconds) {
            let rule = format!("is older than {} days", self.past_seconds / 86_400);
            return Err(Reject::new(RejectReason::TooLate, "event_time", rule));
        }
        if event > arrival.plus_seconds(self.future_seconds) {
            let rule = format!("is more than {} minutes ahead", self.future_seconds / 60);
            return Err(Reject::new(RejectReason::InFuture, "event_time", rule));
        }
        Ok(())
    }

    /// The consumer's question, with a day of slack on either side.
    pub fn holds_with_slack(&self, event: Timestamp, arrival: Timestamp) -> bool {
        let earliest = arrival.plus_seconds(-self.past_seconds - CONSUMER_SLACK_SECONDS);
        let latest = arrival.plus_seconds(self.future_seconds + CONSUMER_SLACK_SECONDS);
        earliest <= event && event <= latest
    }

    /// How long the ledger remembers an id after its last write.
    pub fn ledger_seconds(&self) -> i64 {
        self.past_seconds + 10 * 86_400
    }

    /// How long after its arrival a record may still be replayed: until the ledger may forget the ids of the oldest
    /// pulses that it could repeat.
    pub fn replay_seconds(&self) -> i64 {
        self.ledger_seconds() - self.past_seconds - self.future_seconds - 2 * CONSUMER_SLACK_SECONDS
    }
}

/// One layout of the log. Nothing in it ever changes; its log lives in one or more incarnations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// From 1.
    pub number: u32,
    /// A topic name of its own.
    pub topic: Arc<str>,
    /// How many partitions the topic has.
    pub partitions: u32,
    /// The meaning of [`Registry::route`]; 1.
    pub routing_version: u32,
    /// Length of a ledger bucket.
    pub bucket_minutes: u32,
    /// Slices of a ledger bucket.
    pub slices: u32,
    /// Which event times it takes.
    pub horizon: Horizon,
    /// Keys the hashes of identity and content.
    pub hash_key: HashKey,
    /// The first event time that is routed here.
    pub valid_from: Timestamp,
}

impl Generation {
    /// The first generation of a new data directory: valid from the beginning of time.
    pub fn first(hash_key: HashKey, partitions: u32) -> Self {
        Self {
            number: 1,
            topic: "resource-consumption.g1".into(),
            partitions,
            routing_version: 1,
            bucket_minutes: 1,
            slices: 16,
            horizon: Horizon::default(),
            hash_key,
            valid_from: Timestamp::from_nanos(i64::MIN),
        }
    }

    /// The ledger bucket of a minute.
    pub fn bucket(&self, minute: i64) -> i64 {
        minute.div_euclid(i64::from(self.bucket_minutes.max(1)))
    }

    /// The slice of that bucket an identity falls in.
    pub fn slice(&self, identity_hash: u128) -> u32 {
        modulo(low64(identity_hash), self.slices)
    }

    /// Where a refused pulse is kept.
    pub fn partition_of_payload(&self, payload: &[u8]) -> u32 {
        modulo(fixed_hash(payload), self.partitions)
    }
}

fn modulo(hash: u64, count: u32) -> u32 {
    u32::try_from(hash % u64::from(count.max(1))).expect("a remainder is below its 32-bit divisor")
}

/// The log of a generation in one place: a file or a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incarnation {
    /// From 1, rising.
    pub number: u32,
    /// The topic's or the file's own id.
    pub log_id: Arc<str>,
    /// The first logical offset of each partition: logical = first + the log's own.
    pub first_offsets: Vec<u64>,
}

impl Incarnation {
    /// How many partitions it has.
    pub fn partitions(&self) -> u32 {
        u32::try_from(self.first_offsets.len()).expect("a topic has fewer than 2^32 partitions")
    }
}

/// Spreads a hot tenant over shards from an event time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Whose pulses.
    pub tenant: Arc<str>,
    /// Over how many partitions.
    pub shards: u32,
    /// The first event time it holds for.
    pub valid_from: Timestamp,
}

/// The generations, their incarnations and the split table: never edited, only added to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registry {
    generations: Vec<Arc<Generation>>,
    /// By topic, oldest first: those of the generations and of every other log that was ever moved.
    incarnations: BTreeMap<Arc<str>, Vec<Incarnation>>,
    splits: Vec<Split>,
    /// By topic and the incarnation that begins after it: who declared what was not counted before it lost.
    losses: BTreeMap<(Arc<str>, u32), Arc<str>>,
}

/// Where an identity belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The generation of its event time.
    pub generation: Arc<Generation>,
    /// The partition within.
    pub partition: u32,
}

impl Registry {
    /// A registry of one generation in its first incarnation.
    pub fn new(first: Generation, incarnation: Incarnation) -> Self {
        let (incarnations, losses) = (BTreeMap::new(), BTreeMap::new());
        let empty = Self { generations: Vec::new(), incarnations, splits: Vec::new(), losses };
        empty.with_generation(first, incarnation)
    }

    /// This registry with one generation more.
    #[must_use]
    pub fn with_generation(mut self, generation: Generation, incarnation: Incarnation) -> Self {
        let topic = Arc::clone(&generation.topic);
        self.generations.push(Arc::new(generation));
        self.with_incarnation(&topic, incarnation)
    }

    /// This registry with one incarnation more of a topic.
    #[must_use]
    pub fn with_incarnation(mut self, topic: &str, incarnation: Incarnation) -> Self {
        self.incarnations.entry(topic.into()).or_default().push(incarnation);
        self
    }

    /// This registry with one incarnation more of a topic, before which records were lost.
    #[must_use]
    pub fn with_loss(mut self, topic: &str, incarnation: Incarnation, operator: &str) -> Self {
        self.losses.insert((topic.into(), incarnation.number), operator.into());
        self.with_incarnation(topic, incarnation)
    }

    /// This registry with one split more.
    #[must_use]
    pub fn with_split(mut self, split: Split) -> Self {
        self.splits.push(split);
        self
    }

    /// All generations, oldest first.
    pub fn generations(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.generations.iter()
    }

    /// A generation by number.
    pub fn find(&self, number: u32) -> Option<&Arc<Generation>> {
        self.generations().find(|generation| generation.number == number)
    }

    /// The newest generation, which may be announced only.
    pub fn newest(&self) -> &Arc<Generation> {
        self.valid_at(Timestamp::MAX)
    }

    /// The generation of an instant: pulses of that event time, and refusals of that moment, go there.
    pub fn valid_at(&self, instant: Timestamp) -> &Arc<Generation> {
        let valid = self.generations().filter(|generation| generation.valid_from <= instant);
        let newest = valid.max_by_key(|generation| generation.valid_from);
        newest.expect("generation 1 is valid from the beginning of time")
    }

    /// The incarnations of a generation, oldest first.
    pub fn incarnations(&self, generation: u32) -> &[Incarnation] {
        self.find(generation).map_or(&[], |generation| self.incarnations_of(&generation.topic))
    }

    /// The registered incarnations of a topic, oldest first. A topic beside those of the generations that has none was
    /// never moved: it is the first one.
    pub fn incarnations_of(&self, topic: &str) -> &[Incarnation] {
        self.incarnations.get(topic).map_or(&[], Vec::as_slice)
    }

    /// The incarnations of a topic before which records were declared lost, oldest first, and who declared it.
    pub fn losses_of(&self, topic: &str) -> impl Iterator<Item = (u32, &str)> {
        let losses = self.losses.iter().filter(move |((of, _), _)| **of == *topic);
        losses.map(|((_, incarnation), operator)| (*incarnation, &**operator))
    }

    /// Where each topic with registered incarnations lives now.
    pub fn places(&self) -> impl Iterator<Item = (&Arc<str>, &Incarnation)> {
        self.incarnations.iter().filter_map(|(topic, all)| Some((topic, all.last()?)))
    }

    /// The split table, in the order it grew.
    pub fn splits(&self) -> &[Split] {
        &self.splits
    }

    /// The partition of an identity: never of arrival, clock or configuration.
    pub fn route(&self, identity: &Identity<'_>, event_time: Timestamp) -> Route {
        let generation = Arc::clone(self.valid_at(event_time));
        let shards = self.shards(identity.tenant, event_time);
        let shard = if shards > 1 { modulo(low64(identity.hash(&generation.hash_key)), shards) } else { 0 };
        let partition = place(identity.tenant, shard, generation.partitions);
        Route { generation, partition }
    }

    /// Every (generation, partition) that may hold pulses of a tenant: what a query's watermark must look at.
    pub fn partitions_of(&self, tenant: &str) -> Vec<(Arc<Generation>, u32)> {
        let splits = self.splits.iter().filter(|split| &*split.tenant == tenant);
        let shards = splits.map(|split| split.shards).max().unwrap_or(1).max(1);
        let mut all = Vec::new();
        for generation in self.generations() {
            let mut partitions: Vec<u32> =
                (0..shards).map(|shard| place(tenant, shard, generation.partitions)).collect();
            partitions.sort_unstable();
            partitions.dedup();
            all.extend(partitions.into_iter().map(|partition| (Arc::clone(generation), partition)));
        }
        all
    }

    fn shards(&self, tenant: &str, event_time: Timestamp) -> u32 {
        let splits =
            self.splits.iter().filter(|split| &*split.tenant == tenant && split.valid_from <= event_time);
        splits.max_by_key(|split| split.valid_from).map_or(1, |split| split.shards)
    }
}

fn place(tenant: &str, shard: u32, partitions: u32) -> u32 {
    modulo(fixed_hash(tenant.as_bytes()).wrapping_add(u64::from(shard)), partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incarnation() -> Incarnation {
        Incarnation { number: 1, log_id: "log".into(), first_offsets: vec![0; 4] }
    }

    fn identity<'a>(tenant: &'a str, id: &'a [u8]) -> Identity<'a> {
        Identity { tenant, source: "", id, minute: 0 }
    }

    /// Computed apart by a SipHash-2-4-128 written in Python.
    #[test]
    fn golden_routes() {
        let registry = Registry::new(Generation::first([0; 16], 4), incarnation());
        for (tenant, partition) in [("acme", 0), ("globex", 1)] {
            assert_eq!(registry.route(&identity(tenant, b"a"), Timestamp::EPOCH).partition, partition);
            assert_eq!(registry.partitions_of(tenant).len(), 1);
        }
    }

    #[test]
    fn a_new_generation_takes_event_times_and_refusals_from_its_validity_on() {
        let start = Timestamp::from_seconds(1_000_000);
        let second =
            Generation { number: 2, topic: "g2".into(), valid_from: start, ..Generation::first([1; 16], 8) };
        let registry = Registry::new(Generation::first([0; 16], 4), incarnation())
            .with_generation(second, incarnation());
        let beginning = Timestamp::from_nanos(i64::MIN);
        for (instant, number) in
            [(beginning, 1), (start.plus_seconds(-1), 1), (start, 2), (Timestamp::MAX, 2)]
        {
            assert_eq!(registry.route(&identity("acme", b"a"), instant).generation.number, number);
            assert_eq!(registry.valid_at(instant).number, number);
        }
        assert_eq!(registry.newest().number, 2, "announced is enough");
    }

    #[test]
    fn a_split_tenant_is_spread_by_identity_only() {
        let split = Split { tenant: "acme".into(), shards: 4, valid_from: Timestamp::from_seconds(100) };
        let registry = Registry::new(Generation::first([0; 16], 4), incarnation()).with_split(split);
        let ids: Vec<[u8; 4]> = (0..64_u32).map(u32::to_le_bytes).collect();
        let spread: std::collections::BTreeSet<u32> = ids
            .iter()
            .map(|id| registry.route(&identity("acme", id), Timestamp::from_seconds(100)).partition)
            .collect();
        assert_eq!(spread.len(), 4);
        let before: std::collections::BTreeSet<u32> = ids
            .iter()
            .map(|id| registry.route(&identity("acme", id), Timestamp::from_seconds(99)).partition)
            .collect();
        assert_eq!(before.len(), 1);
        assert_eq!(registry.partitions_of("acme").len(), 4);
    }

    #[test]
    fn the_horizon_is_closed_on_both_ends_and_the_consumer_is_a_day_more_generous() {
        let horizon = Horizon::default();
        let arrival = Timestamp::from_seconds(10_000_000);
        assert!(horizon.check(arrival.plus_seconds(-35 * 86_400), arrival).is_ok());
        let late = arrival.plus_seconds(-35 * 86_400 - 1);
        assert_eq!(horizon.check(late, arrival).unwrap_err().reason, RejectReason::TooLate);
        assert!(horizon.holds_with_slack(late, arrival));
        assert!(!horizon.holds_with_slack(arrival.plus_seconds(-36 * 86_400 - 1), arrival));
        assert!(horizon.check(arrival.plus_seconds(300), arrival).is_ok());
        assert_eq!(
            horizon.check(arrival.plus_seconds(301), arrival).unwrap_err().reason,
            RejectReason::InFuture
        );
    }
}
