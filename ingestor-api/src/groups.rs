//! How many groups a tenant may make: new ones of a SKU within an hour are bounded, because each is a row of its own.

use crate::decide::{Ready, Refused};
use crate::recent::Low64;
use domain::dimension::Group;
use domain::hash::{FIXED_KEY, FieldHasher};
use domain::pulse::StampedPulse;
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, PoisonError};

const HOUR_SECONDS: i64 = 3_600;
/// Groups that are remembered at a time, about 20 MB of them; then all are forgotten, and each may come anew.
const REMEMBERED_MAX: usize = 1_000_000;

/// The groups that came this hour, by the hash of tenant and SKU.
pub(crate) struct Groups {
    groups_max: usize,
    seen: Mutex<Seen>,
}

/// What is kept here is a hash already.
type Hashed = BuildHasherDefault<Low64>;

#[derive(Default)]
struct Seen {
    hour: i64,
    remembered: usize,
    by_sku: HashMap<u64, HashSet<u64, Hashed>, Hashed>,
}

impl Groups {
    /// At most that many new ones an hour for a tenant's SKU.
    pub fn new(groups_max: usize) -> Self {
        Self { groups_max, seen: Mutex::default() }
    }

    /// Tells the pulses that may be counted from those that would make a group too many.
    pub fn limit(&self, mut ready: Vec<Ready>, now: Timestamp) -> (Vec<Ready>, Vec<Refused>) {
        if ready.iter().all(|ready| is_plain(&ready.pulse.stamps.group)) {
            return (ready, Vec::new());
        }
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.turn(now.seconds().div_euclid(HOUR_SECONDS));
        let mut refused = Vec::new();
        ready.retain(|ready| {
            let is_taken = is_plain(&ready.pulse.stamps.group) || seen.take(&ready.pulse, self.groups_max);
            if !is_taken {
                let tenant = Some(ready.pulse.pulse.tenant.to_shared());
                refused.push(Refused { index: ready.index, tenant, reject: self.reject() });
            }
            is_taken
        });
        (ready, refused)
    }

    fn reject(&self) -> Reject {
        let rule = format!("must not make more than {} new groups of a SKU in an hour", self.groups_max);
        Reject::new(RejectReason::DimensionLimit, "dimensions", rule)
    }
}

impl Seen {
    fn turn(&mut self, hour: i64) {
        if hour != self.hour || self.remembered >= REMEMBERED_MAX {
            *self = Self { hour, ..Self::default() };
        }
    }

    /// Whether the pulse's group is known or one more may be.
    fn take(&mut self, StampedPulse { pulse, stamps }: &StampedPulse, groups_max: usize) -> bool {
        let sku = hash(&[pulse.tenant.as_str(), pulse.sku.as_str()]);
        let groups = self.by_sku.entry(sku).or_default();
        let group = hash(&[stamps.group.as_str()]);
        if groups.contains(&group) {
            return true;
        }
        let is_open = groups.len() < groups_max;
        if is_open {
            groups.insert(group);
            self.remembered += 1;
        }
        is_open
    }
}

fn is_plain(group: &Group) -> bool {
    group.as_str().is_empty()
}

fn hash(fields: &[&str]) -> u64 {
    let hasher = FieldHasher::new(&FIXED_KEY);
    fields.iter().fold(hasher, |hasher, field| hasher.bytes(field.as_bytes())).finish64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recent::Mark;
    use crate::testing::{House, NOW, raw};
    use domain::calendar::Calendar;
    use domain::port::RegistryView;
    use domain::pulse::{RawPulse, Stamps};

    fn ready(index: usize, sku: &str, group: &str) -> Ready {
        let pulse = RawPulse { sku: sku.into(), ..raw("a-1") }.parse().unwrap();
        let route = House::new().catalog.registry().route(&pulse.identity(), pulse.event_time);
        let period = Calendar::parse("UTC").unwrap().period_of(pulse.event_time);
        let stamps =
            Stamps { group: Group::from_canonical(group), calendar: "UTC".into(), period, catalog_offset: 9 };
        Ready { index, route, mark: Mark { identity: 1, content: 1 }, pulse: StampedPulse { pulse, stamps } }
    }

    /// The places of the pulses that are refused.
    fn refused(groups: &Groups, pulses: &[(&str, &str)], now: Timestamp) -> Vec<usize> {
        let ready = pulses.iter().enumerate().map(|(index, (sku, group))| ready(index, sku, group));
        let (taken, refused) = groups.limit(ready.collect(), now);
        assert_eq!(taken.len() + refused.len(), pulses.len());
        refused.into_iter().map(|refused| refused.index).collect()
    }

    #[test]
    fn new_groups_of_a_sku_are_bounded_and_known_ones_are_not() {
        let groups = Groups::new(2);
        let sent = [("s", "r=1"), ("s", "r=2"), ("s", "r=3"), ("s", "r=1"), ("s", ""), ("t", "r=3")];
        assert_eq!(refused(&groups, &sent, NOW), [2]);
        assert_eq!(refused(&groups, &sent, NOW), [2]);
    }

    #[test]
    fn each_hour_begins_anew() {
        let groups = Groups::new(1);
        let (first, second) = ([("s", "r=1"), ("s", "r=2")], [("s", "r=2"), ("s", "r=1")]);
        let hour = Timestamp::from_seconds(NOW.seconds().div_euclid(3_600) * 3_600);
        assert_eq!(refused(&groups, &first, hour), [1]);
        assert_eq!(refused(&groups, &second, hour.plus_seconds(3_599)), [0]);
        assert_eq!(refused(&groups, &second, hour.plus_seconds(3_600)), [1]);
    }

    #[test]
    fn a_refusal_says_the_rule_and_whose_it_is() {
        let groups = Groups::new(0);
        let (taken, refused) = groups.limit(vec![ready(0, "s", ""), ready(1, "s", "r=1")], NOW);
        assert_eq!((taken.len(), refused[0].index, refused[0].tenant.as_deref()), (1, 1, Some("acme")));
        assert_eq!(refused[0].reject.reason, RejectReason::DimensionLimit);
        assert!(refused[0].reject.message.starts_with("dimensions must not make more than 0 new groups"));
    }

    #[test]
    fn memory_is_bounded_by_forgetting() {
        let mut seen = Seen { remembered: REMEMBERED_MAX - 1, ..Seen::default() };
        seen.by_sku.insert(1, [2].into_iter().collect());
        seen.turn(0);
        assert_eq!(seen.by_sku.len(), 1);
        seen.remembered += 1;
        seen.turn(0);
        assert!(seen.by_sku.is_empty() && seen.remembered == 0);
    }
}
