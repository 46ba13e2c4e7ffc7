//! All partitions that are written to: a call is durable when each of its parts is.

use crate::lane::{Lane, Outcome, Shared};
use crate::metrics::LaneMeter;
use crate::not_taken::NotTaken;
use crate::part::{Part, Place, PlaceKey};
use domain::dead_letter::DeadLetterId;
use domain::port::{Clock, Log};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::task::TaskTracker;

/// The lanes, made as they are needed.
pub(crate) struct Lanes {
    shared: Arc<Shared>,
    lanes: Mutex<HashMap<PlaceKey, Arc<Lane>>>,
}

impl Lanes {
    pub fn new(log: Arc<dyn Log>, clock: Arc<dyn Clock>, tracker: TaskTracker) -> Self {
        Self {
            shared: Arc::new(Shared { log, clock, tracker, meter: LaneMeter::new() }),
            lanes: Mutex::default(),
        }
    }

    /// Appends the parts of a call, each with those of other calls. All of them are durable, or nothing is promised.
    /// Returns where their refused pulses are kept, in their order.
    pub async fn append(&self, parts: Vec<(Place, Part)>) -> Result<Vec<DeadLetterId>, NotTaken> {
        let answers: Vec<_> = parts.into_iter().map(|(place, part)| self.lane(&place).submit(part)).collect();
        let mut outcomes = Vec::with_capacity(answers.len());
        for answer in answers {
            let given_up = |_| Err(NotTaken::unavailable("the append was given up"));
            outcomes.push(answer.await.unwrap_or_else(given_up));
        }
        all_or_not_taken(outcomes)
    }

    fn lane(&self, place: &Place) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane =
            lanes.entry(place.key()).or_insert_with(|| Lane::new(place.clone(), Arc::clone(&self.shared)));
        Arc::clone(lane)
    }
}

/// A batch was refused as a whole only where all its parts were; otherwise a part of it may be stored.
fn all_or_not_taken(outcomes: Vec<Outcome>) -> Result<Vec<DeadLetterId>, NotTaken> {
    let nothing_stored = outcomes.iter().all(|outcome| outcome.as_ref().is_err_and(NotTaken::is_refusal));
    let all: Result<Vec<_>, NotTaken> = outcomes.into_iter().collect();
    let all = all.map(|kept| kept.into_iter().flatten().collect());
    all.map_err(|error| match error {
        error if error.is_refusal() && !nothing_stored => NotTaken::unavailable(error.message),
        error => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::code::Code;

    fn code(outcomes: &[Outcome]) -> Option<Code> {
        all_or_not_taken(outcomes.to_vec()).err().map(|error| error.code)
    }

    #[test]
    fn a_batch_is_refused_only_if_nothing_of_it_was_stored() {
        let landed = Ok(Vec::new());
        let full = Err(NotTaken::overloaded("full"));
        let behind = Err(NotTaken::not_ready("the clock is behind"));
        let doubt = Err(NotTaken::unavailable("timeout"));
        assert_eq!(code(&[landed.clone(), landed.clone()]), None);
        assert_eq!(code(&[full.clone(), full.clone()]), Some(Code::Overloaded));
        assert_eq!(code(&[behind.clone(), full.clone()]), Some(Code::NotReady));
        for refusal in [full, behind] {
            assert_eq!(code(&[landed.clone(), refusal.clone()]), Some(Code::Unavailable));
            assert_eq!(code(&[refusal, doubt.clone()]), Some(Code::Unavailable));
        }
        assert_eq!(code(&[landed, doubt]), Some(Code::Unavailable));
    }
}
