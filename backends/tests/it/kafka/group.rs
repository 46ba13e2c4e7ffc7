//! Members of a group share partitions, and hand them over.

use super::brokers::{self, Brokers};
use backends::kafka::KafkaLog;
use domain::generation::Generation;
use domain::port::{AssignmentChange, Log};
use futures::StreamExt;
use futures::stream::BoxStream;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const PARTITIONS: u32 = 4;

/// A process that listens to what it is given.
struct Member {
    owned: BTreeSet<u32>,
    changes: BoxStream<'static, AssignmentChange>,
    _log: Arc<KafkaLog>,
}

impl Member {
    async fn join(brokers: &Brokers, generation: &Arc<Generation>) -> Self {
        let log = brokers.open().await;
        Self { owned: BTreeSet::new(), changes: log.assignments(Arc::clone(generation)), _log: log }
    }

    /// Takes the next change, if one comes soon.
    async fn listen(&mut self) {
        let soon = Duration::from_millis(100);
        let Ok(change) = tokio::time::timeout(soon, self.changes.next()).await else { return };
        match change.expect("the stream does not end by itself") {
            AssignmentChange::Assigned(given) => {
                assert!(
                    given.partitions.iter().all(|partition| self.owned.insert(*partition)),
                    "{given:?} again"
                );
            }
            AssignmentChange::Revoked(taken) => {
                assert!(
                    taken.partitions.iter().all(|partition| self.owned.remove(partition)),
                    "{taken:?} of nobody"
                );
            }
        }
    }
}

fn everything() -> BTreeSet<u32> {
    (0..PARTITIONS).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn members_share_the_partitions_and_take_over_those_of_one_that_leaves() {
    brokers::with(async |brokers| {
        brokers.open().await.declare("shares", PARTITIONS).await.unwrap();
        let generation =
            Arc::new(Generation { topic: "shares".into(), ..Generation::first([0; 16], PARTITIONS) });
        let mut first = Member::join(brokers, &generation).await;
        while first.owned != everything() {
            first.listen().await;
        }
        let mut second = Member::join(brokers, &generation).await;
        while (first.owned.len(), second.owned.len()) != (2, 2) {
            first.listen().await;
            second.listen().await;
        }
        assert_eq!(&first.owned | &second.owned, everything());
        drop(first);
        while second.owned != everything() {
            second.listen().await;
        }
    })
    .await;
}
