//! Where partitions end by what this process stored: what comes to lie below that is in another log of the same name.

use domain::port::LogError;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A partition by the topic's name on the brokers.
type Spot = (String, i32);

/// The ends of all partitions that were written to.
#[derive(Debug, Default)]
pub struct Ends(Mutex<HashMap<Spot, End>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The newest record's offset.
    At(i64),
    /// The topic was made anew, and nothing is acknowledged in it.
    Gone,
}

impl Ends {
    /// What records that are sent now come after; `None`: nothing was stored yet. Refuses what would go to another log.
    pub fn before(&self, topic: &str, partition: i32) -> Result<Option<i64>, LogError> {
        match self.lock().get(&(topic.to_owned(), partition)) {
            None => Ok(None),
            Some(End::At(offset)) => Ok(Some(*offset)),
            Some(End::Gone) => Err(LogError::Unavailable(made_anew(topic, partition))),
        }
    }

    /// Notes where records came to lie that were sent after `before`: above it, or the log is another one from now on.
    pub fn stored(
        &self,
        (topic, partition): (&str, i32),
        before: Option<i64>,
        offsets: &[i64],
    ) -> Result<(), LogError> {
        let (Some(first), Some(last)) = (offsets.iter().min(), offsets.iter().max()) else { return Ok(()) };
        let mut ends = self.lock();
        let end = ends.entry((topic.to_owned(), partition)).or_insert(End::At(*last));
        *end = match *end {
            End::At(newest) if before.is_none_or(|before| *first > before) => End::At(newest.max(*last)),
            _ => End::Gone,
        };
        match end {
            End::At(_) => Ok(()),
            End::Gone => Err(LogError::UnknownOutcome(made_anew(topic, partition))),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Spot, End>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn made_anew(topic: &str, partition: i32) -> String {
    format!(
        "{topic}/{partition} was made anew while this process wrote to it: restore the topic, or declare the loss by pulse \
         catalog add-incarnation, and start this process again"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (&str, i32) = ("topic", 3);

    #[test]
    fn records_come_to_lie_after_those_that_were_stored_when_they_were_sent() {
        let ends = Ends::default();
        assert_eq!(ends.before("topic", 3), Ok(None));
        assert_eq!(ends.stored(PLACE, None, &[7, 8]), Ok(()));
        assert_eq!(ends.before("topic", 3), Ok(Some(8)));
        // Two calls at once may be answered in any order.
        assert_eq!(ends.stored(PLACE, Some(8), &[11, 12]), Ok(()));
        assert_eq!(ends.stored(PLACE, Some(8), &[9, 10]), Ok(()));
        assert_eq!(ends.before("topic", 3), Ok(Some(12)));
        assert_eq!(ends.stored(PLACE, Some(12), &[]), Ok(()));
    }

    #[test]
    fn a_log_that_was_made_anew_is_written_to_no_more_however_long_it_grows() {
        let ends = Ends::default();
        ends.stored(PLACE, None, &[7, 8]).unwrap();
        let told = ends.stored(PLACE, Some(8), &[8]).unwrap_err();
        assert!(
            matches!(&told, LogError::UnknownOutcome(text) if text.starts_with("topic/3 was made anew")),
            "{told:?}"
        );
        assert!(matches!(ends.before("topic", 3), Err(LogError::Unavailable(_))));
        assert!(ends.stored(PLACE, Some(8), &[9]).is_err(), "what was on its way meanwhile");
        assert_eq!(ends.before("topic", 2), Ok(None), "the others go on");
    }
}
