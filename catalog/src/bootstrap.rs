//! The first two records of a catalogue's log: generation 1 and rules 1.

use crate::command::{Change, Command, encode};
use crate::view::partition;
use domain::generation::{Generation, Incarnation};
use domain::port::{Clock, Log, LogError};

const AUTHOR: &str = "bootstrap";

/// Begins the catalogue's log where it is empty, or goes on where an earlier call was cut short. Called again, or by two
/// processes at once, it changes nothing: the fold takes only one first generation, and rules that hold already stay.
pub async fn bootstrap(
    log: &dyn Log,
    clock: &dyn Clock,
    first: Generation,
    incarnation: Incarnation,
) -> Result<(), LogError> {
    let written = usize::try_from(log.watermarks(&partition()).await?.high).unwrap_or(usize::MAX);
    let changes = [Change::AddGeneration(first, incarnation), Change::SetRules(1)];
    let command = |change| Command {
        author: AUTHOR.to_owned(),
        idempotency_key: None,
        expected_revision: None,
        arrival_time: clock.now(),
        change,
    };
    // One by one: of records appended together the later may be stored without the earlier.
    for change in changes.into_iter().skip(written) {
        log.append(&partition(), vec![encode(&command(change))]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;
    use backends::memory::{AppendFault, ManualClock, MemoryLog};
    use domain::topic::CATALOG;
    use std::sync::Arc;

    #[tokio::test]
    async fn a_log_is_begun_once_and_a_beginning_cut_short_is_completed() {
        let clock = Arc::new(ManualClock::at(at(NOW)));
        let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>);
        log.declare(CATALOG, 1);
        let begin = || {
            let (first, incarnation) = first_generation();
            bootstrap(&log, &*clock, first, incarnation)
        };
        log.script_appends([Some(AppendFault::UnknownStored)]);
        assert!(begin().await.is_err());
        assert_eq!(log.watermarks(&partition()).await.unwrap().high, 1);
        begin().await.unwrap();
        begin().await.unwrap();
        assert_eq!(log.watermarks(&partition()).await.unwrap().high, 2);
    }
}
