//! When things happen: a number of them spread over a stretch of time by a profile.

use clap::ValueEnum;

/// How busy a stretch of time is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Profile {
    /// Always the same.
    #[default]
    Steady,
    /// Like a day: quiet, busy, quiet.
    Diurnal,
    /// Mostly quiet, with bursts of twenty times as much.
    Burst,
}

const SLOTS: u64 = 48;
const BURST_EVERY: u64 = 8;

/// Where each thing stands.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The weights of all slots before each, and of all.
    before: Vec<u64>,
}

impl Schedule {
    /// The schedule of a profile.
    pub fn new(profile: Profile) -> Self {
        let mut sum = 0;
        let mut before = vec![0];
        for slot in 0..SLOTS {
            sum += weight(profile, slot);
            before.push(sum);
        }
        Self { before }
    }

    /// How far along a line of `length` the thing `index` of `total` stands. It never stands behind the one before it.
    pub fn place(&self, index: u64, total: u64, length: u64) -> u64 {
        let all = self.before[self.before.len() - 1];
        let (total, length) = (u128::from(total), u128::from(length));
        let weight = u128::from(index) * u128::from(all);
        let slot = self.before.partition_point(|before| u128::from(*before) * total <= weight) - 1;
        let Some(after) = self.before.get(slot + 1) else { return self.end(length) };
        let (before, after) = (u128::from(self.before[slot]), u128::from(*after));
        let of_slot = (after - before) * total;
        let passed = slot as u128 * of_slot + weight - before * total;
        u64::try_from(length * passed / (u128::from(SLOTS) * of_slot))
            .expect("a place on the line is on the line")
    }

    #[expect(clippy::unused_self, reason = "it is the end of this schedule")]
    fn end(&self, length: u128) -> u64 {
        u64::try_from(length).expect("the length came as 64 bits")
    }
}

fn weight(profile: Profile, slot: u64) -> u64 {
    match profile {
        Profile::Diurnal => 1 + slot.min(SLOTS - slot),
        Profile::Burst if slot % BURST_EVERY == BURST_EVERY / 2 => 20,
        Profile::Steady | Profile::Burst => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Profile; 3] = [Profile::Steady, Profile::Diurnal, Profile::Burst];

    #[test]
    fn a_steady_schedule_is_a_ruler() {
        let schedule = Schedule::new(Profile::Steady);
        let places: Vec<u64> = (0..5).map(|index| schedule.place(index, 5, 1_000)).collect();
        assert_eq!(places, [0, 200, 400, 600, 800]);
    }

    /// A slot is a 48th of the line; its share of the things is its weight's share.
    fn counts(profile: Profile, total: u64) -> Vec<u64> {
        let schedule = Schedule::new(profile);
        let mut counts = vec![0; 48];
        for index in 0..total {
            counts[usize::try_from(schedule.place(index, total, 48_000) / 1_000).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn a_day_is_busiest_in_its_middle() {
        let counts = counts(Profile::Diurnal, 62_400);
        // Weights 1 to 24 up, 25, and 24 to 2 down: 300 + 25 + 299 = 624.
        assert_eq!((counts[0], counts[24], counts[47]), (100, 2_500, 200));
    }

    #[test]
    fn six_bursts_are_twenty_times_as_busy() {
        // 42 quiet slots and 6 of weight 20: 162.
        let counts = counts(Profile::Burst, 16_200);
        assert_eq!(counts.iter().filter(|count| **count == 2_000).count(), 6);
        assert_eq!(counts.iter().filter(|count| **count == 100).count(), 42);
    }

    proptest! {
        #[test]
        fn things_keep_their_order_and_stay_on_the_line(
            profile in prop::sample::select(&ALL[..]), total in 1_u64..5_000, length in 0_u64..u64::MAX / 2,
        ) {
            let schedule = Schedule::new(profile);
            let places: Vec<u64> = (0..total).map(|index| schedule.place(index, total, length)).collect();
            prop_assert!(places.is_sorted());
            prop_assert!(places.iter().all(|place| *place <= length));
            prop_assert_eq!(places[0], 0);
        }
    }
}
