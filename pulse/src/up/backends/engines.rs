//! The backends of many processes: the log on Kafka, the store on ScyllaDB.

use super::house::{self, ends, first_topics, is_begun};
use super::{Backends, random};
use crate::config::Config;
use anyhow::{Context, bail};
use backends::kafka::{Finding, KafkaLog, OpenError};
use backends::scylla::ScyllaStore;
use catalog::bootstrap::bootstrap;
use catalog::state::State;
use catalog::view::View;
use domain::checkpoint::Checkpoint;
use domain::generation::Generation;
use domain::port::{CellStore, Clock, Log, LogError, Query, read_all};
use domain::topic::CATALOG;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How often a topic is asked that does not answer yet, and how long in between.
const ASKED_MAX: u32 = 100;
const BETWEEN_ASKED: Duration = Duration::from_millis(50);

/// Connects to both, and begins a new house where there is none. Many processes may do so at once.
pub async fn open(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<Backends> {
    let (log, store) = connect(config, Arc::clone(&clock)).await?;
    if !settled(async || is_begun(&*log).await).await? {
        begin(&log, &*store, &*clock, config.kafka.partitions).await?;
    }
    Ok(backends(log, store, clock))
}

/// Connects to both, whatever they hold.
pub async fn connect(
    config: &Config,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<(Arc<KafkaLog>, Arc<ScyllaStore>)> {
    let kafka = config.kafka.options()?.context("kafka.brokers is not set")?;
    let scylla = config.scylla.options()?.context("scylla.nodes is not set")?;
    let log = KafkaLog::open(kafka, Arc::clone(&clock)).await.context("opening the log on kafka.brokers")?;
    let store = ScyllaStore::open(scylla, clock).await.context("opening the store on scylla.nodes")?;
    Ok((log, store))
}

/// The ports on both.
pub fn backends(log: Arc<KafkaLog>, store: Arc<ScyllaStore>, clock: Arc<dyn Clock>) -> Backends {
    Backends { log: Arc::clone(&log) as _, store, clock, embedded: None, brokers: Some(log), data_dir: None }
}

/// Makes the topics and begins the catalogue's log.
async fn begin(
    log: &KafkaLog,
    store: &dyn CellStore,
    clock: &dyn Clock,
    partitions: u32,
) -> anyhow::Result<()> {
    let first = Generation::first(random()?, partitions);
    refuse_lost_catalogue(log, store, &first).await?;
    for (topic, partitions) in first_topics(&first) {
        log.declare(topic, partitions).await.with_context(|| format!("declaring the topic {topic}"))?;
    }
    let incarnation = settled(async || log.incarnation(&first.topic).await).await?;
    bootstrap(log, clock, first, incarnation).await.context("beginning the catalogue's log")
}

/// A house that holds usage has a catalogue: where that is gone it is not begun anew. What there is is looked at before
/// the catalogue, because another process may just be beginning both.
async fn refuse_lost_catalogue(
    log: &dyn Log,
    store: &dyn CellStore,
    first: &Generation,
) -> anyhow::Result<()> {
    let ends = settled(async || ends(log, &first.topic, first.partitions).await).await?;
    let is_used = ends.iter().any(|end| *end > 0) || holds_checkpoints(store, first).await?;
    if is_used && !settled(async || is_begun(log).await).await? {
        bail!(
            "the topic {CATALOG} is gone or empty, but usage was counted here: restore the topic, or name another kafka.topic_prefix and scylla.keyspace for a new house"
        );
    }
    Ok(())
}

/// Asks again for a while: a topic that another process is just making is there before its partitions answer.
async fn settled<T>(ask: impl AsyncFn() -> Result<T, LogError>) -> Result<T, LogError> {
    for _ in 1..ASKED_MAX {
        match ask().await {
            Err(LogError::Unavailable(_) | LogError::UnknownPartition(_)) => sleep(BETWEEN_ASKED).await,
            answer => return answer,
        }
    }
    ask().await
}

async fn holds_checkpoints(store: &dyn CellStore, first: &Generation) -> anyhow::Result<bool> {
    for partition in 0..first.partitions {
        let query = Query::one(&Checkpoint::cell_key(first.number, partition));
        if !read_all(store, query).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Refuses topics that are not as the catalogue and the configuration say, and tells the log where each of them lives.
pub async fn recognise(log: &KafkaLog, state: &State) -> anyhow::Result<()> {
    but_growth(log.check(CATALOG, 1).await)?;
    for (topic, partitions) in house::topics(state)? {
        but_growth(log.check(&topic, partitions).await)?;
    }
    Ok(learn(log, state)?)
}

/// Partitions cannot be taken away again, and those that were added hold nothing of ours: the consumer raises an alarm
/// for each, and the house goes on.
fn but_growth(checked: Result<(), OpenError>) -> Result<(), OpenError> {
    match checked {
        Err(OpenError::Settings { topic, findings }) if findings.iter().all(Finding::is_growth) => {
            tracing::error!(topic, "partitions were added that are not ours; run `pulse doctor`");
            Ok(())
        }
        checked => checked,
    }
}

/// Keeps telling the log where its topics live, as the catalogue adds to them.
pub async fn follow(log: Arc<KafkaLog>, view: View) {
    let mut state = view.state();
    while let Ok(newer) = view.at_least(state.offset() + 1).await {
        let is_moved = !newer.incarnations().eq(state.incarnations());
        state = newer;
        if let Some(error) = is_moved.then(|| learn(&log, &state).err()).flatten() {
            tracing::error!(%error, "the brokers hold another log than the catalogue names");
        }
    }
}

fn learn(log: &KafkaLog, state: &State) -> Result<(), OpenError> {
    state.incarnations().try_for_each(|(topic, incarnation)| log.learn(topic, incarnation.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::{ManualClock, MemoryLog, MemoryStore};
    use bytes::Bytes;
    use domain::port::{NewRecord, TopicPartition};
    use domain::table;
    use domain::time::Timestamp;
    use std::cell::Cell;

    struct House {
        log: MemoryLog,
        store: MemoryStore,
        first: Generation,
        clock: Arc<ManualClock>,
    }

    impl House {
        /// Topics, and nothing in them; the catalogue's is not there yet.
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_767_225_600)));
            let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>);
            let first = Generation::first([1; 16], 2);
            log.declare(&first.topic, 2);
            Self { log, store: MemoryStore::new(), first, clock }
        }

        async fn begin(&self) {
            self.log.declare(CATALOG, 1);
            let incarnation = self.log.incarnation(&self.first.topic).await.unwrap();
            bootstrap(&self.log, &*self.clock, self.first.clone(), incarnation).await.unwrap();
        }

        async fn take_pulses(&self) {
            let partition = TopicPartition::new(Arc::clone(&self.first.topic), 1);
            let record = NewRecord { value: Bytes::from_static(b"x"), ..NewRecord::default() };
            self.log.append(&partition, vec![record]).await.unwrap();
        }

        async fn count(&self) {
            let key = Checkpoint::cell_key(1, 1);
            let cell = table::Cell { key, timestamp: 256, value: Bytes::from_static(b"c") };
            self.store.write(vec![cell]).await.unwrap();
        }

        async fn refusal(&self) -> String {
            let refused = refuse_lost_catalogue(&self.log, &self.store, &self.first).await;
            refused.err().map(|error| error.to_string()).unwrap_or_default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_answers_in_a_moment_is_waited_for_and_what_never_does_is_an_error() {
        let at = || TopicPartition::new("topic", 0);
        let asked = Cell::new(0);
        let ask = async |answers_at: u32| {
            asked.set(asked.get() + 1);
            match asked.get() {
                count if count == answers_at => Ok(count),
                count if count % 2 == 0 => Err(LogError::Unavailable("no leader".to_owned())),
                _ => Err(LogError::UnknownPartition(at())),
            }
        };
        assert_eq!(settled(async || ask(7).await).await, Ok(7));
        asked.set(0);
        assert_eq!(settled(async || ask(0).await).await, Err(LogError::Unavailable("no leader".to_owned())));
        assert_eq!(asked.get(), 100);
        let outside = LogError::OutOfRange { asked: 3, low: 0, high: 1 };
        assert_eq!(settled(async || Err::<(), _>(outside.clone())).await, Err(outside.clone()));
    }

    #[test]
    fn added_partitions_are_passed_over_and_nothing_else() {
        let finding = |setting: &str, found: &str| Finding {
            setting: setting.to_owned(),
            found: found.to_owned(),
            wanted: "4".to_owned(),
            mend: String::new(),
        };
        let error = |findings| OpenError::Settings { topic: "catalog".to_owned(), findings };
        assert_eq!(but_growth(Ok(())), Ok(()));
        assert_eq!(but_growth(Err(error(vec![finding("partitions", "6")]))), Ok(()));
        for findings in [
            vec![finding("partitions", "3")],
            vec![finding("partitions", "6"), finding("cleanup.policy", "compact")],
        ] {
            assert_eq!(but_growth(Err(error(findings.clone()))), Err(error(findings)));
        }
        assert_eq!(but_growth(Err(OpenError::NoTls)), Err(OpenError::NoTls));
    }

    #[tokio::test]
    async fn where_nothing_is_a_house_may_be_begun() {
        let house = House::new();
        assert_eq!(house.refusal().await, "");
        house.begin().await;
        assert_eq!(house.refusal().await, "", "another process begins it too");
    }

    #[tokio::test]
    async fn a_house_with_pulses_or_counts_and_no_catalogue_is_not_begun_anew() {
        let (taken, counted) = (House::new(), House::new());
        taken.take_pulses().await;
        counted.count().await;
        for house in [&taken, &counted] {
            assert!(house.refusal().await.starts_with("the topic catalog is gone or empty"));
            house.log.declare(CATALOG, 1);
            assert!(
                house.refusal().await.starts_with("the topic catalog is gone or empty"),
                "it was made again"
            );
            house.begin().await;
            assert_eq!(house.refusal().await, "", "it was begun meanwhile");
        }
    }
}
