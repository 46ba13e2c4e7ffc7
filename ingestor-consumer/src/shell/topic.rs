//! Whether the topic of a generation is still there.
//!
//! A topic that goes takes its assignments with it: nobody owns its partitions any more, so no owner would tell.

use domain::port::{Log, LogError, TopicPartition};
use std::time::Duration;

/// How often it is looked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// How often in a row it is not there before it is gone: a broker that begins may not know all topics yet.
const LOOKS: u32 = 10;

/// Ends when the log has not known a topic for a while, with the partition that is missing. A log that does not answer
/// says nothing about it.
pub(super) async fn gone(log: &dyn Log, topic: &str) -> TopicPartition {
    let mut missed = 0;
    loop {
        tokio::time::sleep(INTERVAL).await;
        match log.incarnation(topic).await {
            Err(LogError::UnknownPartition(missing)) if missed + 1 == LOOKS => return missing,
            Err(LogError::UnknownPartition(_)) => missed += 1,
            Err(_) => {}
            Ok(_) => missed = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::{ManualClock, MemoryLog};
    use domain::time::Timestamp;
    use std::sync::Arc;
    use tokio::time::timeout;

    const TOPIC: &str = "pulses";

    fn log() -> MemoryLog {
        MemoryLog::new(Arc::new(ManualClock::at(Timestamp::EPOCH)))
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_stays_away_is_gone() {
        let missing = timeout(Duration::from_secs(11), gone(&log(), TOPIC)).await;
        assert_eq!(missing, Ok(TopicPartition::new(TOPIC, 0)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_topic_that_is_there_again_was_never_gone() {
        let log = log();
        let looking = gone(&log, TOPIC);
        tokio::pin!(looking);
        assert!(timeout(Duration::from_millis(9_500), &mut looking).await.is_err());
        log.declare(TOPIC, 1);
        assert!(timeout(Duration::from_secs(60), &mut looking).await.is_err());
        log.delete(TOPIC);
        assert!(timeout(Duration::from_secs(9), &mut looking).await.is_err(), "it begins to count anew");
        assert!(timeout(Duration::from_secs(2), &mut looking).await.is_ok());
    }
}
