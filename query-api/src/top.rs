//! The parameter `top`: the largest groups of an answer, and the rest of them folded into one.

use crate::group::GroupKey;
use serde::{Deserialize, Deserializer, de};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Add;

/// The most groups that can be kept.
const GROUPS_MAX: usize = 1_000;

/// How many groups are kept apart: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Top(usize);

/// Where an item stands in an answer.
pub trait Place: Ord {
    /// What it is measured in: only groups of one measure can be compared.
    fn measure(&self) -> &str;

    /// In which group.
    fn group(&self) -> &GroupKey;

    /// The same place in the rest of the groups.
    #[must_use]
    fn in_the_rest(self) -> Self;
}

/// What stands at a place.
pub trait Weighed: Default {
    /// How large it is, within its measure.
    type Weight: Ord + Default + Add<Output = Self::Weight>;

    /// How large it is.
    fn weight(&self) -> Self::Weight;

    /// Adds what stood elsewhere.
    fn merge(&mut self, other: Self);
}

impl Top {
    /// The items of the largest groups of each measure, over the whole answer; at each place the others as one.
    pub fn fold<P: Place, V: Weighed>(self, items: BTreeMap<P, V>) -> BTreeMap<P, V> {
        let largest = self.largest(&items);
        let mut folded = BTreeMap::<P, V>::new();
        for (place, value) in items {
            let kept = largest.contains(&(place.measure().to_owned(), place.group().clone()));
            let place = if kept { place } else { place.in_the_rest() };
            folded.entry(place).or_default().merge(value);
        }
        folded
    }

    /// Groups of equal size are taken in their order.
    fn largest<P: Place, V: Weighed>(self, items: &BTreeMap<P, V>) -> BTreeSet<(String, GroupKey)> {
        let mut weights = BTreeMap::<(&str, &GroupKey), V::Weight>::new();
        for (place, value) in items {
            let weight = weights.entry((place.measure(), place.group())).or_default();
            *weight = std::mem::take(weight) + value.weight();
        }
        let mut groups = BTreeMap::<&str, Vec<(Reverse<V::Weight>, &GroupKey)>>::new();
        for ((measure, group), weight) in weights {
            groups.entry(measure).or_default().push((Reverse(weight), group));
        }
        let kept = groups.into_iter().flat_map(|(measure, mut groups)| {
            groups.sort();
            groups.into_iter().take(self.0).map(move |(_, group)| (measure.to_owned(), group.clone()))
        });
        kept.collect()
    }
}

impl<'de> Deserialize<'de> for Top {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let groups = usize::try_from(u64::deserialize(deserializer)?).ok();
        let allowed = groups.filter(|groups| (1..=GROUPS_MAX).contains(groups));
        allowed.map(Self).ok_or_else(|| de::Error::custom("must be 1 to 1000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A window, a measure, a group.
    type TestPlace = (u8, String, GroupKey);

    impl Place for TestPlace {
        fn measure(&self) -> &str {
            &self.1
        }

        fn group(&self) -> &GroupKey {
            &self.2
        }

        fn in_the_rest(self) -> Self {
            (self.0, self.1, GroupKey::Rest)
        }
    }

    impl Weighed for i64 {
        type Weight = i64;

        fn weight(&self) -> i64 {
            *self
        }

        fn merge(&mut self, other: i64) {
            *self += other;
        }
    }

    fn place(window: u8, measure: &str, group: &str) -> TestPlace {
        (window, measure.to_owned(), GroupKey::Of(vec![Some(group.to_owned())]))
    }

    fn rest(window: u8, measure: &str) -> TestPlace {
        place(window, measure, "").in_the_rest()
    }

    #[test]
    fn the_largest_over_all_windows_are_kept_and_the_rest_is_one_row_a_window() {
        let items = BTreeMap::from([
            (place(1, "token", "a"), 5),
            (place(1, "token", "b"), 4),
            (place(1, "token", "c"), 3),
            (place(2, "token", "b"), 2),
            (place(2, "token", "c"), 1),
            (place(2, "token", "d"), -9),
        ]);
        let expected = [
            (place(1, "token", "a"), 5),
            (place(1, "token", "b"), 4),
            (rest(1, "token"), 3),
            (place(2, "token", "b"), 2),
            (rest(2, "token"), -8),
        ];
        assert_eq!(Top(2).fold(items.clone()), BTreeMap::from(expected));
        assert_eq!(Top(4).fold(items.clone()), items);
    }

    #[test]
    fn measures_are_not_compared_and_equals_go_by_name() {
        let items = BTreeMap::from([
            (place(1, "token", "b"), 700),
            (place(1, "h", "b"), 1),
            (place(1, "h", "a"), 1),
            (place(1, "h", "c"), 1),
        ]);
        let expected = [(place(1, "token", "b"), 700), (place(1, "h", "a"), 1), (rest(1, "h"), 2)];
        assert_eq!(Top(1).fold(items), BTreeMap::from(expected));
    }

    proptest! {
        #[test]
        fn folding_loses_nothing(
            parts in prop::collection::vec((0_u8..3, 0_u8..2, 0_u8..9, -50_i64..50), 0..60),
            groups in 1_usize..10,
        ) {
            let items: BTreeMap<TestPlace, i64> = parts.iter()
                .map(|(window, measure, group, value)| (place(*window, &measure.to_string(), &group.to_string()), *value))
                .collect();
            let folded = Top(groups).fold(items.clone());
            for window in 0..3 {
                let total = |items: &BTreeMap<TestPlace, i64>| -> i64 {
                    items.iter().filter(|(place, _)| place.0 == window).map(|(_, value)| value).sum()
                };
                prop_assert_eq!(total(&folded), total(&items));
            }
            for measure in ["0", "1"] {
                let kept: BTreeSet<_> = folded.keys().filter(|place| place.1 == measure && place.2 != GroupKey::Rest).map(|place| &place.2).collect();
                prop_assert!(kept.len() <= groups);
            }
        }
    }
}
