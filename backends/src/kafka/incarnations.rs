//! Which incarnation each topic is, and the arithmetic between its own offsets and logical ones.

use super::OpenError;
use domain::generation::Incarnation;
use domain::port::{TopicPartition, Watermarks};
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A partition of an incarnation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Base(u64);

impl Base {
    /// The logical offset of one of the broker's.
    pub fn logical(self, own: i64) -> u64 {
        self.0 + u64::try_from(own).expect("the broker's offsets are not negative")
    }

    /// The broker's offset of a logical one; there is none below the first.
    pub fn own(self, logical: u64) -> Option<i64> {
        logical.checked_sub(self.0).and_then(|own| i64::try_from(own).ok())
    }

    /// The bounds of what the broker holds.
    pub fn watermarks(self, (low, high): (i64, i64)) -> Watermarks {
        Watermarks { low: self.logical(low), high: self.logical(high) }
    }
}

/// The base of a partition, where the incarnation has it.
pub fn base(incarnation: &Incarnation, partition: u32) -> Option<Base> {
    incarnation.first_offsets.get(usize::try_from(partition).ok()?).copied().map(Base)
}

/// What the catalogue's log says of topics, and what was seen of them since.
#[derive(Debug)]
pub struct Incarnations {
    cluster: String,
    topic_prefix: String,
    learned: RwLock<HashMap<Arc<str>, Arc<Incarnation>>>,
    seen: RwLock<HashMap<Arc<str>, Arc<Incarnation>>>,
}

impl Incarnations {
    /// Nothing is known yet but whose topics they are.
    pub fn of(cluster: String, topic_prefix: String) -> Self {
        Self { cluster, topic_prefix, learned: RwLock::default(), seen: RwLock::default() }
    }

    /// Takes the newest incarnation of a topic, which must be the topic of these brokers.
    pub fn learn(&self, topic: &str, incarnation: Incarnation) -> Result<(), OpenError> {
        let found = self.log_id(topic);
        if incarnation.log_id != found {
            return Err(OpenError::Elsewhere { topic: topic.into(), known: incarnation.log_id, found });
        }
        self.learned.write().unwrap_or_else(PoisonError::into_inner).insert(topic.into(), incarnation.into());
        self.seen.write().unwrap_or_else(PoisonError::into_inner).remove(topic);
        Ok(())
    }

    /// What is known of a topic that was seen before.
    pub fn find(&self, topic: &str) -> Option<Arc<Incarnation>> {
        self.seen.read().unwrap_or_else(PoisonError::into_inner).get(topic).cloned()
    }

    /// A topic was seen with that many partitions. The error says which of those it had is missing; what was added
    /// behind our back is none of them.
    pub fn see(&self, topic: &str, partitions: usize) -> Result<Arc<Incarnation>, TopicPartition> {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner).get(topic).cloned();
        // Where nothing was learned, what was seen first holds.
        let known = learned.or_else(|| self.find(topic));
        let incarnation = known.unwrap_or_else(|| self.first(topic, partitions));
        if incarnation.first_offsets.len() > partitions {
            return Err(TopicPartition::new(topic, u32::try_from(partitions).unwrap_or(u32::MAX)));
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        seen.insert(topic.into(), Arc::clone(&incarnation));
        Ok(incarnation)
    }

    fn first(&self, topic: &str, partitions: usize) -> Arc<Incarnation> {
        Arc::new(Incarnation { number: 1, log_id: self.log_id(topic), first_offsets: vec![0; partitions] })
    }

    fn log_id(&self, topic: &str) -> Arc<str> {
        format!("{}/{}{topic}", self.cluster, self.topic_prefix).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn incarnations() -> Incarnations {
        Incarnations::of("cluster".to_owned(), "north.".to_owned())
    }

    fn second(log_id: &str, first_offsets: Vec<u64>) -> Incarnation {
        Incarnation { number: 2, log_id: log_id.into(), first_offsets }
    }

    #[test]
    fn offsets_go_on_where_the_incarnation_before_ended() {
        let incarnation = second("cluster/topic", vec![0, 1_000]);
        let base_of = |partition| base(&incarnation, partition).unwrap();
        assert_eq!((base_of(0).logical(7), base_of(1).logical(7)), (7, 1_007));
        assert_eq!(
            (base_of(1).own(1_007), base_of(1).own(1_000), base_of(1).own(999)),
            (Some(7), Some(0), None)
        );
        assert_eq!(base_of(1).watermarks((3, 9)), Watermarks { low: 1_003, high: 1_009 });
        assert_eq!(base(&incarnation, 2), None);
    }

    #[test]
    fn what_was_not_learned_is_the_first_and_begins_at_zero() {
        let incarnations = incarnations();
        let first = incarnations.see("topic", 3).unwrap();
        let expected =
            Incarnation { number: 1, log_id: "cluster/north.topic".into(), first_offsets: vec![0, 0, 0] };
        assert_eq!(*first, expected);
        assert_eq!(incarnations.find("topic"), Some(first));
        assert_eq!(incarnations.find("other"), None);
    }

    #[test]
    fn the_catalogue_names_the_log_or_it_is_not_taken() {
        let incarnations = incarnations();
        incarnations.see("topic", 2).unwrap();
        let here = second("cluster/north.topic", vec![10, 20]);
        assert_eq!(incarnations.learn("topic", here.clone()), Ok(()));
        assert_eq!(incarnations.find("topic"), None, "it must be seen again");
        assert_eq!(*incarnations.see("topic", 2).unwrap(), here);
        let elsewhere = incarnations.learn("topic", second("file-1", vec![10, 20])).unwrap_err().to_string();
        let told =
            "the catalogue knows the log of topic topic as file-1, these brokers have cluster/north.topic";
        assert_eq!(elsewhere, told);
        assert_eq!(*incarnations.see("topic", 2).unwrap(), here, "what held before holds on");
    }

    #[test]
    fn partitions_that_come_or_go_behind_our_back_are_noticed() {
        let incarnations = incarnations();
        incarnations.see("topic", 4).unwrap();
        assert_eq!(incarnations.see("topic", 5).unwrap().first_offsets, [0; 4], "the fifth is none of ours");
        assert_eq!(incarnations.see("topic", 3), Err(TopicPartition::new("topic", 3)));
        assert!(incarnations.see("topic", 4).is_ok());
        let learned = second("cluster/north.learned", vec![7]);
        incarnations.learn("learned", learned.clone()).unwrap();
        assert_eq!(*incarnations.see("learned", 2).unwrap(), learned);
        assert_eq!(incarnations.see("learned", 0), Err(TopicPartition::new("learned", 0)));
    }
}
