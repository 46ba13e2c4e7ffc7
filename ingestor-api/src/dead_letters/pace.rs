//! How fast dead letters are worked on, and how many in one request.

use std::num::NonZeroUsize;
use std::time::Duration;

/// The most dead letters of one request.
const REQUEST_MAX: usize = 1_000;
/// The most that are worked on together.
const BATCH_MAX: usize = 1_000;
/// How long a request works at its rate: well below the time that a request may take.
const REQUEST_SECONDS: usize = 10;

/// At most so many dead letters a second; `None`: as fast as it goes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace(pub Option<NonZeroUsize>);

impl Pace {
    /// How many one request is about: what is more goes on another page.
    pub fn request(self) -> usize {
        self.0.map_or(REQUEST_MAX, |rate| rate.get().saturating_mul(REQUEST_SECONDS).min(REQUEST_MAX))
    }

    /// How many are worked on together.
    pub fn batch(self) -> usize {
        self.0.map_or(BATCH_MAX, |rate| rate.get().min(BATCH_MAX))
    }

    /// What a batch waits for after it is done, so that the next, of this request or another, keeps the rate.
    pub async fn keep(self) {
        if self.0.is_some() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    #[tokio::test(start_paused = true)]
    async fn a_request_works_ten_seconds_at_its_rate_and_no_longer() {
        for (rate, request, batch, seconds) in [
            (None, 1_000, 1_000, 0),
            (Some(1), 10, 1, 10),
            (Some(100), 1_000, 100, 10),
            (Some(5_000), 1_000, 1_000, 1),
            (Some(usize::MAX), 1_000, 1_000, 1),
        ] {
            let pace = Pace(rate.and_then(NonZeroUsize::new));
            assert_eq!((pace.request(), pace.batch()), (request, batch), "{rate:?}");
            let begun = Instant::now();
            for _ in 0..pace.request().div_ceil(pace.batch()) {
                pace.keep().await;
            }
            assert_eq!(begun.elapsed().as_secs(), seconds, "{rate:?}");
        }
    }
}
