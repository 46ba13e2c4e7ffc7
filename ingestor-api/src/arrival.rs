//! When what is appended to a partition arrives: never before what lies there already, also after a restart.

use crate::not_taken::NotTaken;
use domain::port::{Entry, Log, LogError, ReadLimit, TopicPartition};
use domain::time::Timestamp;
use std::time::Duration;

/// How far from the log's time the clock may be.
const APART_MAX_SECONDS: i64 = 60;
const LAST: ReadLimit = ReadLimit { bytes: 1, wait: Duration::ZERO };

/// The arrival of what is appended now, behind something of that time, to a log whose own clock shows `log_time`.
pub(crate) fn date(
    now: Timestamp,
    last: Timestamp,
    log_time: Option<Timestamp>,
) -> Result<Timestamp, NotTaken> {
    if let Some(log_time) = log_time.filter(|log_time| is_apart(now, *log_time)) {
        return Err(NotTaken::not_ready(format!(
            "the clock shows {now}, and that of the log {log_time}: set the clock right"
        )));
    }
    if now.plus_seconds(APART_MAX_SECONDS) < last {
        let until = last.plus_seconds(-APART_MAX_SECONDS);
        return Err(NotTaken::not_ready(format!(
            "the clock shows {now}, and the log was written until {last}: set the clock right, or wait until {until}"
        )));
    }
    Ok(now.max(last))
}

fn is_apart(one: Timestamp, other: Timestamp) -> bool {
    one.max(other) > one.min(other).plus_seconds(APART_MAX_SECONDS)
}

/// The time of the last record of a partition. One that is gone or cannot be read sets no bound.
pub(crate) async fn last(log: &dyn Log, of: &TopicPartition) -> Result<Timestamp, LogError> {
    let high = log.watermarks(of).await?.high;
    match log.read(of, high.saturating_sub(1), LAST).await {
        Ok(entries) => Ok(entries.first().map_or_else(Timestamp::default, time)),
        Err(LogError::OutOfRange { .. } | LogError::Damaged { .. }) => Ok(Timestamp::default()),
        Err(error) => Err(error),
    }
}

/// The log's time, or its own arrival where that is later: logs of other machines have other clocks. An edge whose clock
/// ran far ahead of the log's does not shut the others out.
fn time(entry: &Entry) -> Timestamp {
    let latest = entry.timestamp.plus_seconds(APART_MAX_SECONDS);
    let arrival = proto::record::unpack(entry).map(|record| record.envelope.arrival);
    arrival.map_or(entry.timestamp, |arrival| arrival.clamp(entry.timestamp, latest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::edge::Ids;
    use crate::testing::{House, NOW, PARTITIONS, raw, report};
    use domain::calendar::Period;
    use domain::code::Code;
    use proto::record::{Control, Envelope, pack_control, to_log};

    #[test]
    fn time_does_not_run_backwards_and_a_clock_a_minute_behind_is_not_ready() {
        let date = |now, last| super::date(now, last, None);
        assert_eq!(date(NOW, Timestamp::default()), Ok(NOW));
        assert_eq!(date(NOW, NOW.plus_seconds(60)), Ok(NOW.plus_seconds(60)));
        let error = date(NOW, NOW.plus_seconds(61)).unwrap_err();
        assert_eq!((error.code, error.retry_delay().is_some()), (Code::NotReady, true));
        // 1769850000 and what the log is ahead, as `date -u` shows them.
        assert_eq!(
            error.message,
            "the clock shows 2026-01-31T09:00:00Z, and the log was written until 2026-01-31T09:01:01Z: set the clock \
             right, or wait until 2026-01-31T09:00:01Z"
        );
    }

    #[test]
    fn a_clock_more_than_a_minute_from_the_logs_dates_nothing() {
        let log_time = |seconds| date(NOW, Timestamp::default(), Some(NOW.plus_seconds(seconds)));
        assert_eq!((log_time(60), log_time(-60)), (Ok(NOW), Ok(NOW)));
        for apart in [-61, 61] {
            assert_eq!(log_time(apart).unwrap_err().code, Code::NotReady);
        }
        assert_eq!(
            log_time(-61).unwrap_err().message,
            "the clock shows 2026-01-31T09:00:00Z, and that of the log 2026-01-31T08:58:59Z: set the clock right"
        );
    }

    #[tokio::test]
    async fn an_edge_far_ahead_appends_nothing_and_shuts_nobody_out() {
        let house = House::new();
        let ahead = NOW.plus_seconds(600);
        let envelope = Envelope { generation: 1, incarnation: 1, arrival: ahead };
        let period = Period::new(2026, 1).unwrap();
        let marker = Control::Marker { number: 1, calendar: "UTC".into(), period, closed: true };
        for partition in 0..PARTITIONS {
            let at = TopicPartition::new("resource-consumption.g1", partition);
            let record = to_log(pack_control(&envelope, &marker));
            house.log.append(&at, vec![record]).await.unwrap();
            assert_eq!(last(&*house.log, &at).await, Ok(NOW.plus_seconds(60)));
        }
        let take = async |id: &str| house.edge().take(vec![report(raw(id))], Ids::Required).await;
        take("a-1").await.unwrap();
        let before = house.records().await.len();
        house.log.tell_time(NOW);
        house.clock.set(ahead);
        assert_eq!(take("a-2").await.unwrap_err().code, Code::NotReady);
        assert_eq!(house.records().await.len(), before);
    }

    #[tokio::test]
    async fn an_edge_that_starts_again_goes_on_from_the_last_record() {
        let house = House::new();
        let take = async |id: &str| house.edge().take(vec![report(raw(id))], Ids::Required).await;
        take("a-1").await.unwrap();
        house.clock.set(NOW.plus_seconds(-60));
        take("a-2").await.unwrap();
        house.clock.set(NOW.plus_seconds(-61));
        assert_eq!(take("a-3").await.unwrap_err().code, Code::NotReady);
        house.clock.set(NOW.plus_seconds(1));
        take("a-3").await.unwrap();
        let arrivals: Vec<_> = house.records().await.into_iter().map(|(_, _, arrival, _)| arrival).collect();
        assert_eq!(arrivals, [NOW, NOW, NOW.plus_seconds(1)]);
    }

    #[tokio::test]
    async fn a_partition_whose_end_is_damaged_or_trimmed_away_is_appended_to() {
        let house = House::new();
        house.edge().take(vec![report(raw("a-1"))], Ids::Required).await.unwrap();
        let (partition, offset, ..) = house.records().await[0];
        let at = TopicPartition::new("resource-consumption.g1", partition);
        assert_eq!(last(&*house.log, &at).await, Ok(NOW));
        house.log.memory.damage(&at, offset).unwrap();
        assert_eq!(last(&*house.log, &at).await, Ok(Timestamp::default()));
        house.log.memory.trim(&at, offset + 1).unwrap();
        assert_eq!(last(&*house.log, &at).await, Ok(Timestamp::default()));
        assert!(last(&*house.log, &TopicPartition::new("nothing", 0)).await.is_err());
    }
}
