//! Logs that are not what they should be, and logs that are, in another incarnation.

use crate::history::Spot;
use crate::world::World;
use bytes::Bytes;
use domain::generation::Incarnation;
use ingestor_consumer::alarm::Alarm;

impl World {
    /// A log that was made anew, trimmed too far, cut off or replaced is taken by no owner: each has its own alarm.
    pub fn offer_a_wrong_log(&mut self, spot: Spot, process: usize) {
        let mut facts = self.facts(spot);
        let next = facts.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.next);
        let kind = self.random.below(4);
        let right: fn(&Alarm) -> bool = match (kind, facts.previous.as_mut()) {
            (1, _) => {
                facts.watermarks.low = next + 1;
                facts.watermarks.high = facts.watermarks.high.max(next + 1);
                facts.previous = None;
                |alarm| matches!(alarm, Alarm::RetentionPassed { .. })
            }
            (2, Some(_)) => {
                facts.watermarks.high = next - 1;
                facts.previous = None;
                |alarm| matches!(alarm, Alarm::LogTooShort { .. })
            }
            (3, Some(previous)) => {
                previous.value = Bytes::from_static(b"another record");
                |alarm| matches!(alarm, Alarm::FingerprintMismatch { .. })
            }
            _ => {
                facts.incarnation.log_id = "made anew".into();
                facts.watermarks.high = self.random.below(3) as u64;
                facts.previous = None;
                |alarm| matches!(alarm, Alarm::IncarnationMismatch { .. })
            }
        };
        let alarm = self.hand_offer(process, spot, facts);
        assert!(alarm.as_ref().is_some_and(right), "a wrong log ({kind}) was answered by {alarm:?}");
    }

    /// A generation is drained and moves to another log, which begins at its checkpoints. Owners that nobody told go on
    /// with the old one until they meet a record of the new.
    pub fn migrate(&mut self) {
        let generations: Vec<u32> = self.registry.generations().map(|generation| generation.number).collect();
        let number = *self.random.pick(&generations);
        let spots: Vec<Spot> = self.spots().into_iter().filter(|spot| spot.0 == number).collect();
        for spot in &spots {
            self.count_to_the_end(*spot);
        }
        // A checkpoint that only one replica has is not drained yet for who asks the others.
        if spots.iter().any(|spot| self.counted_for_every_quorum(*spot) < self.history.high(*spot)) {
            return;
        }
        let next = self.registry.incarnations(number).len() + 1;
        let next = u32::try_from(next).unwrap();
        let incarnation = Incarnation {
            number: next,
            log_id: format!("moved-{next}").into(),
            first_offsets: spots.iter().map(|spot| self.history.high(*spot)).collect(),
        };
        let topic = self.registry.find(number).unwrap().topic.clone();
        self.registry = self.registry.clone().with_incarnation(&topic, incarnation);
        self.history.incarnations.insert(number, next);
        self.outdate_owners(number);
        for spot in spots {
            self.low.insert(spot, self.history.high(spot));
            if self.random.chance(70) {
                let heir = self.any_process();
                self.assign(spot, heir);
            }
        }
    }

    /// Everything below is counted, whichever two replicas are asked.
    pub fn counted_for_every_quorum(&self, spot: Spot) -> u64 {
        let pairs = [[true, true, false], [true, false, true], [false, true, true]];
        let counted = pairs.map(|pair| self.checkpoint_of(spot, pair).map_or(0, |found| found.next));
        counted.into_iter().min().unwrap_or(0)
    }
}
