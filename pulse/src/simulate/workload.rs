//! Which pulses are sent: each is a function of the workload's shape and its number.

use super::price::Price;
use super::rates::Rates;
use super::schedule::{Profile, Schedule};
use crate::dice::Dice;
use domain::pulse::RawPulse;
use domain::reject::RejectReason;
use domain::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Builder;

/// A duplicate repeats one of so many pulses before it.
const MEMORY: u64 = 5_000;
const UNITS: [&str; 4] = ["token", "GB", "s", "request"];
/// Hour and SKU of a thousand units at most.
const THOUSANDTHS_MAX: u64 = 1_000_000;

/// Everything a workload follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Whose throws decide.
    pub seed: u64,
    /// How many are sent, duplicates included.
    pub pulses: u64,
    /// By how many tenants.
    pub tenants: u64,
    /// Of how many SKUs.
    pub skus: u64,
    /// The first event time.
    pub start: Timestamp,
    /// Over how many seconds event times are spread.
    pub span_seconds: u64,
    /// How they are spread.
    pub profile: Profile,
    /// What is not ordinary.
    pub rates: Rates,
}

/// A row of usage: whose, of what, in which hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// The tenant's number.
    pub tenant: u64,
    /// The SKU's number.
    pub sku: u64,
    /// The hour since the epoch.
    pub hour: i64,
}

/// What must become of a pulse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// So many thousandths more in that row.
    Counted(Row, i128),
    /// Refused for that reason.
    Refused(RejectReason),
}

/// The pulses of a shape.
#[derive(Clone, Debug)]
pub struct Workload {
    shape: Shape,
    schedule: Schedule,
    name: String,
}

impl Workload {
    /// The workload of that shape. Its names hold a digest of the shape: other shapes are other tenants, and the same
    /// shape is the same pulses.
    pub fn new(shape: Shape) -> Self {
        let digest = Sha256::digest(format!("{shape:?}"));
        let name = format!("{:08x}", u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]));
        Self { schedule: Schedule::new(shape.profile), shape, name }
    }

    /// What it follows from.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The tenant of that number.
    pub fn tenant(&self, number: u64) -> String {
        format!("sim-{}-{number}", self.name)
    }

    /// The SKU of that number.
    pub fn sku(&self, number: u64) -> String {
        format!("sim-{}.sku-{number}", self.name)
    }

    /// The documents that make its pulses billable.
    pub fn documents(&self) -> Value {
        let Shape { tenants, skus, .. } = self.shape;
        let plan = format!("sim-{}", self.name);
        let sku = |number| {
            json!({"kind": "sku", "id": self.sku(number), "unit": unit(number), "description": "Simulated",
            "service_category": "Simulation", "dimensions": [], "aggregation": "sum"})
        };
        let tenant = |number| json!({"kind": "tenant", "id": self.tenant(number), "name": "Simulated", "status": "active"});
        let contract = |number| {
            json!({"kind": "contract", "id": self.tenant(number), "tenant": self.tenant(number),
            "plan": plan, "start_time": "2020-01-01T00:00:00Z", "time_zone": "UTC"})
        };
        let price =
            |number| Price::of_sku(number).document(&self.sku(number), &self.sku(number), unit(number));
        let prices: Vec<Value> = (0..skus).map(price).collect();
        let plan = json!({"kind": "plan", "plan": plan, "currency": "USD", "effective_time": "2020-01-01T00:00:00Z",
            "prices": prices});
        (0..skus)
            .map(sku)
            .chain((0..tenants).map(tenant))
            .chain([plan])
            .chain((0..tenants).map(contract))
            .collect()
    }

    /// The number of the pulse that the pulse `index` repeats; its own where it repeats none.
    pub fn original(&self, mut index: u64) -> u64 {
        loop {
            let mut dice = Dice::of(self.shape.seed, index * 2 + 1);
            if index == 0 || !dice.hits(self.shape.rates.duplicates.0) {
                return index;
            }
            index -= 1 + dice.below(index.min(MEMORY));
        }
    }

    /// The pulse of that number and what must become of it; one that repeats another is that one.
    pub fn pulse(&self, index: u64) -> (RawPulse, Fate) {
        let index = self.original(index);
        let Shape { seed, pulses, tenants, skus, start, span_seconds, rates, .. } = self.shape;
        let mut dice = Dice::of(seed, index * 2);
        let id = uuid::Uuid::from_u64_pair(dice.next(), dice.next()).into_bytes();
        let (tenant, sku) = (dice.below(tenants), dice.below(skus));
        let thousandths = 1 + dice.below(THOUSANDTHS_MAX);
        let due = self.schedule.place(index, pulses, span_seconds * 1_000);
        let millis = if dice.hits(rates.late.0) { dice.below(due + 1) } else { due };
        let time = Timestamp::from_millis(start.millis().saturating_add_unsigned(millis));
        let good = RawPulse {
            id: Builder::from_random_bytes(id).into_uuid().to_string(),
            source: "simulate".to_owned(),
            tenant: self.tenant(tenant),
            sku: self.sku(sku),
            quantity: format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000),
            unit: unit(sku).to_owned(),
            event_time: Some(time.into()),
            ..RawPulse::default()
        };
        if dice.hits(rates.bad.0) {
            return spoil(good, &mut dice);
        }
        (good, Fate::Counted(Row { tenant, sku, hour: time.hour() }, thousandths.into()))
    }

    /// How many nanoseconds after the start of sending that pulse is due, where sending takes `nanos`.
    pub fn due(&self, index: u64, nanos: u64) -> u64 {
        self.schedule.place(index, self.shape.pulses, nanos)
    }
}

fn unit(sku: u64) -> &'static str {
    UNITS[usize::try_from(sku % UNITS.len() as u64).unwrap_or_default()]
}

fn spoil(good: RawPulse, dice: &mut Dice) -> (RawPulse, Fate) {
    let (bad, reason) = match dice.below(4) {
        0 => (RawPulse { quantity: "1e3".into(), ..good }, RejectReason::InvalidQuantity),
        1 => (RawPulse { sku: "no.such.sku".into(), ..good }, RejectReason::UnknownSku),
        2 => (RawPulse { unit: "furlong".into(), ..good }, RejectReason::UnknownUnit),
        _ => (RawPulse { resource_id: "\u{7}".into(), ..good }, RejectReason::InvalidField),
    };
    (bad, Fate::Refused(reason))
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::rates::Share;
    use super::*;
    use std::collections::BTreeSet;

    /// A day of a thousand pulses.
    pub fn shape() -> Shape {
        Shape {
            seed: 7,
            pulses: 1_000,
            tenants: 3,
            skus: 6,
            start: Timestamp::from_seconds(1_764_028_800),
            span_seconds: 86_400,
            profile: Profile::Steady,
            rates: Rates { duplicates: Share(100_000), late: Share(50_000), bad: Share(20_000) },
        }
    }

    fn all(shape: Shape) -> Vec<(RawPulse, Fate)> {
        let workload = Workload::new(shape);
        (0..workload.shape().pulses).map(|index| workload.pulse(index)).collect()
    }

    #[test]
    fn the_same_shape_is_the_same_pulses_and_another_seed_is_others() {
        assert_eq!(all(shape()), all(shape()));
        let (first, other) = (Workload::new(shape()), Workload::new(Shape { seed: 8, ..shape() }));
        assert_ne!(first.tenant(0), other.tenant(0));
        let ids =
            |workload: &Workload| (0..100).map(|index| workload.pulse(index).0.id).collect::<BTreeSet<_>>();
        assert!(ids(&first).is_disjoint(&ids(&other)));
    }

    #[test]
    fn a_duplicate_repeats_one_before_it_whole() {
        let workload = Workload::new(shape());
        let repeats: Vec<u64> = (0..1_000).filter(|index| workload.original(*index) != *index).collect();
        assert!((60..140).contains(&repeats.len()), "a tenth of a thousand, not {}", repeats.len());
        for index in repeats {
            let original = workload.original(index);
            assert!(original < index);
            assert_eq!(workload.original(original), original, "what is repeated is no repetition");
            assert_eq!(workload.pulse(index), workload.pulse(original));
        }
    }

    #[test]
    fn originals_have_ids_of_their_own() {
        let workload = Workload::new(shape());
        let originals: Vec<u64> = (0..1_000).filter(|index| workload.original(*index) == *index).collect();
        let ids: BTreeSet<String> = originals.iter().map(|index| workload.pulse(*index).0.id).collect();
        assert_eq!(ids.len(), originals.len());
    }

    #[test]
    fn good_pulses_parse_and_fall_into_their_row() {
        let workload = Workload::new(shape());
        let (mut good, mut refused) = (0, 0);
        for (raw, fate) in all(shape()) {
            match fate {
                Fate::Counted(row, thousandths) => {
                    let pulse = raw.parse().unwrap();
                    assert_eq!(pulse.event_time.hour(), row.hour);
                    assert_eq!(pulse.tenant.as_str(), workload.tenant(row.tenant));
                    assert_eq!(pulse.sku.as_str(), workload.sku(row.sku));
                    assert_eq!(raw.quantity.replace('.', "").parse::<i128>().unwrap(), thousandths);
                    good += 1;
                }
                Fate::Refused(reason) => {
                    let by_parsing = raw.parse().err().map(|rejects| rejects.into_first().reason);
                    assert!(by_parsing.is_none_or(|found| found == reason), "{raw:?}");
                    refused += 1;
                }
            }
        }
        assert!((5..45).contains(&refused) && good + refused == 1_000, "{refused}");
    }

    #[test]
    fn event_times_stay_in_the_span_and_late_ones_go_back() {
        let times: Vec<i64> = all(shape()).iter().map(|(raw, _)| raw.event_time.unwrap().seconds).collect();
        let start = shape().start.seconds();
        assert!(times.iter().all(|time| (start..start + 86_400).contains(time)));
        let plain = Shape { rates: Rates::default(), ..shape() };
        assert!(all(plain).iter().map(|(raw, _)| raw.event_time.unwrap().seconds).is_sorted());
        assert!(!times.is_sorted());
    }

    #[test]
    fn its_documents_can_be_applied() {
        let text = Workload::new(shape()).documents().to_string();
        let requests = catalog::apply::requests(&text).unwrap();
        assert_eq!(requests.len(), 6 + 3 + 1 + 3);
    }
}
