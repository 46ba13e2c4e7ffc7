//! A topic of pulses is gone or was made anew, and what lay in it uncounted does not come back: a named operator says so,
//! and the topic goes on above every offset that was ever used.

use super::backends::engines;
use super::backends::house::{fold, wish};
use crate::config::Config;
use crate::exit::Failure;
use crate::system_clock::SystemClock;
use anyhow::{Context, ensure};
use catalog::command::Change;
use catalog::resource::Text;
use domain::checkpoint::Checkpoint;
use domain::generation::{Generation, Incarnation, Registry};
use domain::port::{CellStore, Clock, Log, Query, TopicPartition, Topics, read_all};
use proto::blob::Blob;
use std::sync::Arc;

const AUTHOR: &str = "operator";
/// How far above its checkpoint a partition goes on: an owner writes rows and pages of what it read before the checkpoint
/// passes it, and reads fewer records than this before it does.
const ABOVE: u64 = 1 << 20;

/// Where the topic goes on.
#[derive(Debug)]
pub struct Declared {
    /// The incarnation that begins after the loss.
    pub incarnation: Incarnation,
    /// Below these offsets everything is counted, by partition.
    pub counted: Vec<u64>,
    /// Whether it was declared just now.
    pub is_new: bool,
}

/// Declares what the topic held and was not counted lost, on the engines that are configured.
pub async fn run(config: &Config, topic: &str, operator: &str) -> anyhow::Result<Declared> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (log, store) = engines::connect(config, Arc::clone(&clock)).await?;
    let site = Site { log: &*log, topics: &*log, store: &*store, clock: &*clock };
    site.declare(topic, operator).await
}

/// What a declaration looks at and writes to.
struct Site<'a> {
    log: &'a dyn Log,
    topics: &'a dyn Topics,
    store: &'a dyn CellStore,
    clock: &'a dyn Clock,
}

impl Site<'_> {
    async fn declare(&self, topic: &str, operator: &str) -> anyhow::Result<Declared> {
        let operator = Text::parse(operator, "operator").ok().filter(|name| !name.as_str().is_empty());
        let operator = operator.ok_or_else(|| Failure::usage("--operator must be a name"))?;
        let registry = self.registry().await?;
        let generation = registry.generations().find(|generation| *generation.topic == *topic);
        let generation =
            generation.ok_or_else(|| Failure::usage(format!("{topic} is no topic of pulses")))?;
        let last = registry.incarnations_of(topic).last().context("a generation has an incarnation")?;
        let checkpoints = self.checkpoints(generation).await?;
        let nexts = checkpoints.iter().map(|checkpoint| checkpoint.next);
        let counted: Vec<u64> =
            nexts.zip(&last.first_offsets).map(|(next, first)| next.max(*first)).collect();
        if is_declared(&registry, topic, last, &checkpoints) {
            let counted = checkpoints.iter().map(|checkpoint| checkpoint.next).collect();
            return Ok(Declared { incarnation: last.clone(), counted, is_new: false });
        }
        ensure!(counted != last.first_offsets, "nothing of {topic} was counted: it goes on as it is");
        self.topics.declare(topic, generation.partitions).await?;
        let log_id = self.empty_log(topic).await?;
        let first_offsets = counted.iter().map(|next| next + ABOVE).collect();
        let incarnation = Incarnation { number: last.number + 1, log_id, first_offsets };
        let change = Change::DeclareLoss(topic.into(), incarnation.clone(), operator);
        wish(self.log, self.clock, AUTHOR, change).await?;
        let taken = self.registry().await?.incarnations_of(topic).last() == Some(&incarnation);
        ensure!(taken, "the catalogue did not take it: another incarnation of {topic} came first");
        Ok(Declared { incarnation, counted, is_new: true })
    }

    async fn registry(&self) -> anyhow::Result<Arc<Registry>> {
        let state = fold(self.log).await?;
        let registry = state.registry().context("the catalogue's log holds no registry of generations")?;
        Ok(Arc::clone(registry))
    }

    /// How far each partition is counted; one that never was has a checkpoint at the beginning.
    async fn checkpoints(&self, of: &Generation) -> anyhow::Result<Vec<Checkpoint>> {
        let mut all = Vec::new();
        for partition in 0..of.partitions {
            let query = Query::one(&Checkpoint::cell_key(of.number, partition));
            let cells = read_all(self.store, query).await?;
            let checkpoint = cells.first().map(|cell| Checkpoint::from_blob(&cell.value)).transpose()?;
            all.push(checkpoint.unwrap_or_default());
        }
        Ok(all)
    }

    /// The id of the log, where it holds nothing: its records would be taken for those of the incarnation before.
    async fn empty_log(&self, topic: &str) -> anyhow::Result<Arc<str>> {
        let Incarnation { log_id, first_offsets, .. } = self.log.incarnation(topic).await?;
        for (partition, first) in (0..).zip(first_offsets) {
            let high = self.log.watermarks(&TopicPartition::new(topic, partition)).await?.high;
            ensure!(
                high == first,
                "{topic}/{partition} holds records or held some: delete the topic, and give the command again"
            );
        }
        Ok(log_id)
    }
}

/// Whether the newest incarnation begins after a declared loss and nobody counted in it yet: the same command again.
fn is_declared(registry: &Registry, topic: &str, last: &Incarnation, checkpoints: &[Checkpoint]) -> bool {
    let is_loss = registry.losses_of(topic).any(|(incarnation, _)| incarnation == last.number);
    is_loss && checkpoints.iter().all(|checkpoint| checkpoint.incarnation < last.number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use backends::memory::{AppendFault, ManualClock, MemoryLog, MemoryStore};
    use bytes::Bytes;
    use catalog::bootstrap::bootstrap;
    use domain::port::NewRecord;
    use domain::table::Cell;
    use domain::time::Timestamp;
    use domain::topic::CATALOG;

    const TOPIC: &str = "resource-consumption.g1";

    struct House {
        log: MemoryLog,
        store: MemoryStore,
        clock: Arc<ManualClock>,
    }

    impl House {
        /// Two partitions, of which the second is counted below offset 7.
        async fn new() -> Self {
            let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_767_225_600)));
            let log = MemoryLog::new(Arc::clone(&clock) as Arc<dyn Clock>);
            log.declare(CATALOG, 1);
            log.declare(TOPIC, 2);
            let incarnation = log.incarnation(TOPIC).await.unwrap();
            bootstrap(&log, &*clock, Generation::first([1; 16], 2), incarnation).await.unwrap();
            let house = Self { log, store: MemoryStore::new(), clock };
            house.count(1, 1, 7).await;
            house
        }

        async fn count(&self, incarnation: u32, partition: u32, next: u64) {
            let checkpoint = Checkpoint { incarnation, next, ..Checkpoint::default() };
            let timestamp = i64::try_from(next * 256).unwrap();
            let key = Checkpoint::cell_key(1, partition);
            self.store.write(vec![Cell { key, timestamp, value: checkpoint.to_blob() }]).await.unwrap();
        }

        async fn declare(&self, topic: &str, operator: &str) -> anyhow::Result<Declared> {
            let Self { log, store, clock } = self;
            Site { log, topics: log, store, clock: &**clock }.declare(topic, operator).await
        }

        async fn refusal(&self, topic: &str, operator: &str) -> String {
            self.declare(topic, operator).await.unwrap_err().to_string()
        }

        async fn put(&self) {
            let record = NewRecord { value: Bytes::from_static(b"x"), ..NewRecord::default() };
            self.log.append(&TopicPartition::new(TOPIC, 0), vec![record]).await.unwrap();
        }
    }

    #[tokio::test]
    async fn a_topic_that_is_gone_is_made_again_and_goes_on_above_all_that_was() {
        let house = House::new().await;
        house.log.delete(TOPIC);
        let declared = house.declare(TOPIC, "ada").await.unwrap();
        assert_eq!((declared.is_new, &declared.counted[..]), (true, &[0, 7][..]));
        assert_eq!(declared.incarnation.first_offsets, [1_048_576, 1_048_583]);
        let here = house.log.incarnation(TOPIC).await.unwrap();
        assert_eq!((declared.incarnation.number, &declared.incarnation.log_id), (2, &here.log_id));
        let state = fold(&house.log).await.unwrap();
        assert_eq!(state.registry().unwrap().losses_of(TOPIC).collect::<Vec<_>>(), [(2, "ada")]);
        let again = house.declare(TOPIC, "ada").await.unwrap();
        assert_eq!((again.is_new, &again.incarnation), (false, &declared.incarnation));
        assert_eq!(fold(&house.log).await.unwrap().offset(), state.offset(), "nothing was appended");
    }

    #[tokio::test]
    async fn a_declaration_of_unknown_outcome_is_given_again_and_holds_once() {
        for fault in [AppendFault::UnknownStored, AppendFault::UnknownNotStored] {
            let house = House::new().await;
            house.log.script_appends([Some(fault)]);
            assert!(house.declare(TOPIC, "ada").await.is_err());
            let declared = house.declare(TOPIC, "ada").await.unwrap();
            assert_eq!(declared.incarnation.number, 2, "{fault:?}");
            let state = fold(&house.log).await.unwrap();
            assert_eq!(state.registry().unwrap().incarnations(1).len(), 2);
        }
    }

    #[tokio::test]
    async fn what_is_lost_again_later_is_declared_again() {
        let house = House::new().await;
        house.declare(TOPIC, "ada").await.unwrap();
        house.count(2, 1, 1_048_600).await;
        let declared = house.declare(TOPIC, "eve").await.unwrap();
        assert_eq!((declared.is_new, declared.incarnation.number), (true, 3));
        assert_eq!(declared.incarnation.first_offsets, [2_097_152, 2_097_176]);
    }

    #[tokio::test]
    async fn what_cannot_be_declared_is_refused() {
        let house = House::new().await;
        assert_eq!(
            house.refusal("resource-consumption-dlq", "ada").await,
            "resource-consumption-dlq is no topic of pulses"
        );
        assert_eq!(house.refusal(TOPIC, "").await, "--operator must be a name");
        house.put().await;
        let told = "resource-consumption.g1/0 holds records or held some: delete the topic, and give the command again";
        assert_eq!(house.refusal(TOPIC, "ada").await, told);
        let state = fold(&house.log).await.unwrap();
        assert_eq!(state.registry().unwrap().incarnations(1).len(), 1);
    }
}
