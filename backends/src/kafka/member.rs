//! Membership in a topic's group: which partitions are this process's, and nothing else.
//!
//! A member lives on a thread of its own, polls always and fetches never: everything it is given is paused, and read by
//! cursors from where our own checkpoints say.

use super::voice::Voice;
use domain::generation::Generation;
use domain::port::{Assignment, AssignmentChange};
use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaRespErr;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_util::task::TaskTracker;
use tracing::{error, warn};

/// Changes that wait for their reader; the member stands still while there are more.
const CHANGES_MAX: usize = 64;
/// How soon a member notices that nobody listens any more.
const TURN: Duration = Duration::from_millis(100);
/// How long a member that failed stays away.
const PAUSE: Duration = Duration::from_secs(1);

/// Joins the group for a generation; what it is given comes out of the channel, whose end leaves the group. The tracker
/// knows of it until it has left.
pub fn join(
    config: ClientConfig,
    topic: String,
    generation: Arc<Generation>,
    members: &TaskTracker,
) -> Receiver<AssignmentChange> {
    let (changes, receiver) = channel(CHANGES_MAX);
    let shares = Shares { generation, owned: Mutex::default(), changes };
    let (name, membership) = (format!("member-{topic}"), members.token());
    let spawned = thread::Builder::new().name(name).spawn(move || {
        stay(&config, &topic, &Arc::new(shares));
        drop(membership);
    });
    if let Err(error) = spawned {
        error!(%error, "no thread for a member of the group can be started");
    }
    receiver
}

/// Is a member for as long as anybody listens; a membership that failed is begun anew.
fn stay(config: &ClientConfig, topic: &str, shares: &Arc<Shares>) {
    while !shares.changes.is_closed() {
        if let Err(error) = be_member(config, topic, shares) {
            warn!(topic, %error, "the membership in the group of a topic failed and is begun anew");
            shares.lose_all();
            thread::sleep(PAUSE);
        }
    }
}

fn be_member(config: &ClientConfig, topic: &str, shares: &Arc<Shares>) -> KafkaResult<()> {
    let consumer = BaseConsumer::from_config_and_context(config, Member(Arc::clone(shares)))?;
    consumer.subscribe(&[topic])?;
    while !shares.changes.is_closed() {
        // Messages are none of ours, other errors pass, and nothing at all may come early.
        if let Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) = consumer.poll(TURN) {
            return Err(error);
        }
    }
    Ok(())
}

/// What this process owns of a generation, and who is told.
struct Shares {
    generation: Arc<Generation>,
    owned: Mutex<BTreeSet<u32>>,
    changes: Sender<AssignmentChange>,
}

impl Shares {
    fn gain(&self, partitions: Vec<u32>) {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner).extend(&partitions);
        self.tell(AssignmentChange::Assigned, partitions);
    }

    fn lose(&self, partitions: Vec<u32>) {
        let lost = |partition: &u32| !partitions.contains(partition);
        self.owned.lock().unwrap_or_else(PoisonError::into_inner).retain(lost);
        self.tell(AssignmentChange::Revoked, partitions);
    }

    fn lose_all(&self) {
        let owned = std::mem::take(&mut *self.owned.lock().unwrap_or_else(PoisonError::into_inner));
        self.tell(AssignmentChange::Revoked, owned.into_iter().collect());
    }

    /// Who does not listen any more needs no answer: the member leaves at its next turn.
    fn tell(&self, change: impl FnOnce(Assignment) -> AssignmentChange, partitions: Vec<u32>) {
        if !partitions.is_empty() {
            let generation = Arc::clone(&self.generation);
            let _ = self.changes.blocking_send(change(Assignment { generation, partitions }));
        }
    }
}

/// The member's side of a rebalance.
struct Member(Arc<Shares>);

impl ClientContext for Member {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        Voice.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        Voice.error(error, reason);
    }
}

impl ConsumerContext for Member {
    fn rebalance(
        &self,
        consumer: &BaseConsumer<Self>,
        change: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let numbers = numbers(partitions);
        let outcome = if change == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            let outcome = take_paused(consumer, partitions);
            self.0.gain(numbers);
            outcome
        } else {
            self.0.lose(numbers);
            consumer.incremental_unassign(partitions)
        };
        if let Err(error) = outcome {
            warn!(%error, "a change of the group's shares could not be answered");
        }
    }
}

/// Where they are read from is not the group's concern: an offset that is always there asks for no committed one.
fn take_paused(consumer: &BaseConsumer<Member>, partitions: &mut TopicPartitionList) -> KafkaResult<()> {
    partitions.set_all_offsets(Offset::End)?;
    consumer.incremental_assign(partitions)?;
    consumer.pause(partitions)
}

fn numbers(partitions: &TopicPartitionList) -> Vec<u32> {
    let all = partitions.elements();
    all.iter().filter_map(|element| u32::try_from(element.partition()).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares() -> (Arc<Shares>, Receiver<AssignmentChange>) {
        let (changes, receiver) = channel(8);
        let generation = Arc::new(Generation::first([0; 16], 4));
        (Arc::new(Shares { generation, owned: Mutex::default(), changes }), receiver)
    }

    fn told(receiver: &mut Receiver<AssignmentChange>) -> Vec<(bool, Vec<u32>)> {
        std::iter::from_fn(|| receiver.try_recv().ok())
            .map(|change| match change {
                AssignmentChange::Assigned(assignment) => (true, assignment.partitions),
                AssignmentChange::Revoked(assignment) => (false, assignment.partitions),
            })
            .collect()
    }

    #[test]
    fn what_a_failed_member_owned_is_taken_from_it() {
        let (shares, mut receiver) = shares();
        shares.gain(vec![0, 1, 2]);
        shares.lose(vec![1]);
        shares.gain(Vec::new());
        shares.lose_all();
        shares.lose_all();
        let expected = [(true, vec![0, 1, 2]), (false, vec![1]), (false, vec![0, 2])];
        assert_eq!(told(&mut receiver), expected);
    }

    #[test]
    fn a_member_nobody_listens_to_is_none() {
        let (shares, receiver) = shares();
        drop(receiver);
        shares.gain(vec![0]);
        // It would join, and never come back, if somebody listened.
        stay(&ClientConfig::new(), "topic", &shares);
    }

    #[tokio::test]
    async fn a_member_is_known_until_it_has_left() {
        let members = TaskTracker::new();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", "127.0.0.1:1").set("group.id", "group");
        let generation = Arc::new(Generation::first([0; 16], 4));
        let receiver = join(config, "topic".to_owned(), generation, &members);
        members.close();
        assert_eq!(members.len(), 1);
        drop(receiver);
        members.wait().await;
    }

    #[test]
    fn shares_are_told_by_their_numbers() {
        let mut partitions = TopicPartitionList::new();
        for partition in [3, 0] {
            partitions.add_partition("topic", partition);
        }
        assert_eq!(numbers(&partitions), [3, 0]);
    }
}
