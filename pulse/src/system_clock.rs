//! The machine's clock: the one place where time enters.
//!
//! `PULSE_CLOCK_AHEAD_SECONDS`, a hidden variable, makes it wrong by so much, so that tests can run the shipped binary
//! under a clock that is.

use crate::environment::Environment;
use crate::exit::Failure;
use domain::port::Clock;
use domain::time::Timestamp;

const AHEAD: &str = "PULSE_CLOCK_AHEAD_SECONDS";

/// Tells the machine's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the Clock port's own implementation")]
    fn now(&self) -> Timestamp {
        Timestamp::from_jiff(jiff::Timestamp::now())
    }
}

/// Tells the machine's time, or another that is so far ahead of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerClock {
    ahead_seconds: i64,
}

impl ServerClock {
    /// The clock of a server that was started so.
    pub fn of(environment: &Environment) -> Result<Self, Failure> {
        let Some(text) = environment.find(AHEAD) else { return Ok(Self::default()) };
        let rule = |_| Failure::usage(format!("{AHEAD} must be a whole number, not {text:?}"));
        text.parse().map(|ahead_seconds| Self { ahead_seconds }).map_err(rule)
    }
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus_seconds(self.ahead_seconds)
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

    #[test]
    fn a_server_has_the_time_of_the_machine_or_is_as_wrong_as_it_was_told() {
        let ahead = |environment: &Environment| {
            let before = SystemClock.now();
            let told = ServerClock::of(environment).unwrap().now();
            (told.seconds() - before.seconds() + 1).div_euclid(60)
        };
        assert_eq!(ahead(&Environment::default()), 0);
        assert_eq!(ahead(&Environment::from([(AHEAD, "600")])), 10);
        assert_eq!(ahead(&Environment::from([(AHEAD, "-600")])), -10);
        let refused = ServerClock::of(&Environment::from([(AHEAD, "soon")])).unwrap_err();
        assert_eq!(refused.message, "PULSE_CLOCK_AHEAD_SECONDS must be a whole number, not \"soon\"");
    }
}
