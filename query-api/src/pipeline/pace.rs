//! How fast partitions are read at present, by what this process saw when it was asked before.

use domain::time::Timestamp;
use num_rational::BigRational;
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

/// A look is kept so long.
const KEPT_SECONDS: i64 = 60;
/// Looks are so far apart at least.
const APART_SECONDS: i64 = 1;
const NANOS_PER_SECOND: i64 = 1_000_000_000;
/// The newest look that is so old is compared with, else the oldest there is.
const SPAN_SECONDS: i64 = 10;

/// What was seen of each partition lately.
#[derive(Debug, Default)]
pub struct Pace(Mutex<HashMap<(u32, u32), VecDeque<Look>>>);

/// How many pulses had been read at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    time: Timestamp,
    read: u64,
}

impl Pace {
    /// Notes how many pulses of a partition were read by now; returns how many a second since the last looks, where there
    /// were any within the minute.
    pub fn note(&self, partition: (u32, u32), time: Timestamp, read: u64) -> Option<BigRational> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = all.entry(partition).or_default();
        let oldest = time.plus_seconds(-KEPT_SECONDS);
        // A clock that was set back and a store that was restored begin anew.
        looks.retain(|look| oldest <= look.time && look.time <= time && look.read <= read);
        let settled = looks.iter().rev().find(|look| look.time.plus_seconds(SPAN_SECONDS) <= time);
        let rate = settled.or(looks.front()).and_then(|look| look.rate(time, read));
        if looks.back().is_none_or(|look| look.time.plus_seconds(APART_SECONDS) <= time) {
            looks.push_back(Look { time, read });
        }
        rate
    }
}

impl Look {
    fn rate(self, time: Timestamp, read: u64) -> Option<BigRational> {
        let nanos = time.nanos() - self.time.nanos();
        let is_apart = self.time.plus_seconds(APART_SECONDS) <= time;
        is_apart.then(|| per_second(read - self.read, nanos))
    }
}

/// So many in so long.
pub fn per_second(pulses: u64, nanos: i64) -> BigRational {
    BigRational::new(pulses.into(), nanos.into()) * BigRational::from_integer(NANOS_PER_SECOND.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(looks: &[(i64, u64)]) -> Vec<Option<i64>> {
        let pace = Pace::default();
        let rate = |(second, read): &(i64, u64)| {
            let rate = pace.note((1, 0), Timestamp::from_millis(second * 1_000), *read);
            rate.map(|rate| i64::try_from(rate.to_integer()).unwrap())
        };
        looks.iter().map(rate).collect()
    }

    #[test]
    fn the_growth_since_ten_seconds_ago_counts_and_before_that_since_the_first_look() {
        let looks: Vec<(i64, u64)> =
            (0..30).map(|second| (second, if second < 15 { 0 } else { 100 })).collect();
        let rates = rates(&looks);
        assert_eq!((rates[0], rates[1], rates[14]), (None, Some(0), Some(0)));
        assert_eq!((rates[15], rates[24]), (Some(10), Some(10)), "a hundred within ten seconds");
        assert_eq!(rates[25], Some(0), "they are longer ago");
    }

    #[test]
    fn looks_of_long_ago_are_none() {
        assert_eq!(rates(&[(0, 0), (60, 600), (121, 1_200)]), [None, Some(10), None]);
    }

    #[test]
    fn what_goes_back_begins_anew() {
        assert_eq!(rates(&[(10, 500), (20, 100), (30, 200), (25, 300)]), [None, None, Some(10), Some(40)]);
    }

    #[test]
    fn looks_at_once_are_one_and_partitions_are_apart() {
        let (pace, start) = (Pace::default(), Timestamp::from_millis(0));
        assert_eq!(pace.note((1, 0), start, 5), None);
        assert_eq!(pace.note((1, 0), start, 9), None, "no time has passed");
        assert_eq!(pace.note((1, 1), start.plus_seconds(1), 9), None, "it is another");
    }
}
