//! The machine's clock: the one place where time enters.

use domain::port::Clock;
use domain::time::Timestamp;

/// Tells the machine's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port's own implementation")]
    fn now(&self) -> Timestamp {
        Timestamp::from_jiff(jiff::Timestamp::now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_a_time_of_this_century() {
        let year_2020 = Timestamp::from_seconds(1_577_836_800);
        assert!(SystemClock.now() > year_2020);
    }
}
