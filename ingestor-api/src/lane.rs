//! The way into one partition: the parts of concurrent calls wait here and are appended together.
//!
//! A task runs only while something waits. It takes what waits up to a bound, packs it, appends it, answers, and looks
//! again; what came meanwhile is the next group. So there is one append at a time, and a slow log makes groups larger.

use crate::arrival;
use crate::metrics::{GoingOn, LaneMeter};
use crate::not_taken::NotTaken;
use crate::pack::{Load, Traced, pack};
use crate::part::{Hold, Part, Place};
use crate::recent::Mark;
use crate::trace;
use domain::dead_letter::DeadLetterId;
use domain::port::{Clock, Log};
use domain::time::Timestamp;
use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::{Instrument, info_span, warn};

/// A group takes no more parts once it holds this many pulses: 32 full records.
const GROUP_PULSES: usize = 32 * 256;
/// A group takes no more parts once its pulses took this many bytes on the wire: a fraction of what a log takes at once.
const GROUP_BYTES: usize = 8 * 1024 * 1024;

/// What became of a part: durable, its refused pulses kept under these ids, or not.
pub(crate) type Outcome = Result<Vec<DeadLetterId>, NotTaken>;

/// What all lanes share.
pub(crate) struct Shared {
    /// Where to.
    pub log: Arc<dyn Log>,
    /// Dates the records.
    pub clock: Arc<dyn Clock>,
    /// Keeps the tasks.
    pub tracker: TaskTracker,
    /// Measures the appends.
    pub meter: LaneMeter,
}

/// One partition's queue. The edge's budget bounds it: every part with pulses holds a piece of that.
pub(crate) struct Lane {
    place: Place,
    shared: Arc<Shared>,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Waiting>,
    running: bool,
    /// Of the last group, or of what lay there before the first. `None`: nobody has looked yet.
    arrival: Option<Timestamp>,
    /// About what is unknown, and about what was refused.
    complaints: [Complaints; 2],
}

/// Failures that are told seldom.
#[derive(Default)]
struct Complaints {
    told: Option<Timestamp>,
    left_out: u64,
}

impl Complaints {
    /// Whether this one is told now, and how many were not since the last that was.
    fn say(&mut self, now: Timestamp) -> Option<u64> {
        if self.told.is_some_and(|told| told <= now && now < told.plus_seconds(1)) {
            self.left_out += 1;
            return None;
        }
        self.told = Some(now);
        Some(mem::take(&mut self.left_out))
    }
}

struct Waiting {
    part: Part,
    answer: oneshot::Sender<Outcome>,
    _shown: GoingOn,
}

impl Lane {
    pub fn new(place: Place, shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { place, shared, queue: Mutex::new(Queue::default()) })
    }

    /// Lets a part wait for its append, which happens also when nobody waits for its outcome any more.
    pub fn submit(self: &Arc<Self>, part: Part) -> oneshot::Receiver<Outcome> {
        let (answer, outcome) = oneshot::channel();
        let mut queue = self.lock();
        queue.waiting.push_back(Waiting { part, answer, _shown: self.shared.meter.waiting() });
        if !mem::replace(&mut queue.running, true) {
            self.shared.tracker.spawn(Arc::clone(self).run());
        }
        outcome
    }

    async fn run(self: Arc<Self>) {
        let _running = Running(&self);
        while let Some(group) = self.next_group() {
            self.commit(group).await;
        }
    }

    fn next_group(&self) -> Option<Vec<Waiting>> {
        let mut queue = self.lock();
        let parts = queue.parts_of_a_group();
        queue.running = parts > 0;
        queue.running.then(|| queue.waiting.drain(..parts).collect())
    }

    async fn commit(&self, group: Vec<Waiting>) {
        let mut load = Load::default();
        let receipts: Vec<Receipt> = group.into_iter().map(|waiting| waiting.hand_over(&mut load)).collect();
        match self.append(&load).await {
            Ok(ids) => {
                self.shared.meter.appended(load.pulses.len() + load.refused.len());
                let mut ids = ids.into_iter();
                for receipt in receipts {
                    receipt.landed(&mut ids);
                }
            }
            Err(error) => {
                self.shared.meter.failed(&error);
                self.complain(&error, receipts.len());
                for receipt in receipts {
                    receipt.failed(error.clone());
                }
            }
        }
    }

    /// A line a second, lane and kind of failure at most: who has no disk left to write to needs none for saying so.
    fn complain(&self, error: &NotTaken, parts: usize) {
        let (kind, now) = (usize::from(error.is_refusal()), self.shared.clock.now());
        let Some(left_out) = self.lock().complaints[kind].say(now) else { return };
        warn!(to = %self.place.topic_partition(), parts, %error, left_out, "an append failed");
    }

    /// Appends a load; returns where its refused pulses are kept.
    async fn append(&self, load: &Load) -> Outcome {
        let arrival = self.date().await?;
        let mut packed = pack(&self.place, arrival, load);
        let to = self.place.topic_partition();
        let traces = load.traced.iter().map(|traced| &traced.trace);
        let span = trace::join(traces, || info_span!("append", %to, records = packed.records.len()));
        let offsets = self.shared.log.append(&to, mem::take(&mut packed.records)).instrument(span).await?;
        let positions = packed.refused_positions(&offsets);
        Ok(positions.map(|position| self.place.dead_letter(arrival, position)).collect())
    }

    /// The arrival of what is appended now.
    async fn date(&self) -> Result<Timestamp, NotTaken> {
        let known = self.lock().arrival;
        let last = match known {
            Some(last) => last,
            None => arrival::last(&*self.shared.log, &self.place.topic_partition()).await?,
        };
        let arrival = arrival::date(self.shared.clock.now(), last, self.shared.log.time())?;
        self.lock().arrival = Some(arrival);
        Ok(arrival)
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A task that appends. Where it ends by a panic, the next part starts another.
struct Running<'a>(&'a Lane);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().running = false;
        }
    }
}

impl Queue {
    fn parts_of_a_group(&self) -> usize {
        let (mut pulses, mut bytes) = (0, 0);
        let is_open = |waiting: &&Waiting| {
            let open = pulses < GROUP_PULSES && bytes < GROUP_BYTES;
            pulses += waiting.part.len();
            bytes += waiting.part.bytes;
            open
        };
        self.waiting.iter().take_while(is_open).count()
    }
}

/// A part that is being appended.
struct Receipt {
    marks: Vec<Mark>,
    hold: Option<Arc<Hold>>,
    refused_count: usize,
    answer: oneshot::Sender<Outcome>,
}

impl Waiting {
    fn hand_over(self, load: &mut Load) -> Receipt {
        let Self { part: Part { load: mut own, marks, hold, .. }, answer, .. } = self;
        if let Some(trace) = hold.as_ref().and_then(|hold| hold.trace.clone()) {
            load.traced.push(Traced {
                trace,
                pulses: load.pulses.len()..load.pulses.len() + own.pulses.len(),
                refused: load.refused.len()..load.refused.len() + own.refused.len(),
            });
        }
        let refused_count = own.refused.len();
        load.pulses.append(&mut own.pulses);
        load.refused.append(&mut own.refused);
        load.controls.append(&mut own.controls);
        Receipt { marks, hold, refused_count, answer }
    }
}

impl Receipt {
    fn landed(self, ids: &mut impl Iterator<Item = DeadLetterId>) {
        let kept = ids.take(self.refused_count).collect();
        if let Some(hold) = &self.hold {
            hold.flight.landed(&self.marks);
        }
        self.answer(Ok(kept));
    }

    fn failed(self, error: NotTaken) {
        self.answer(Err(error));
    }

    /// A caller that is gone needs no answer.
    fn answer(self, outcome: Outcome) {
        drop(self.hold);
        let _ = self.answer.send(outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_ends_with_the_part_that_makes_it_large() {
        let meter = LaneMeter::new();
        let waiting = |bytes| Waiting {
            part: Part { bytes, ..Part::default() },
            answer: oneshot::channel().0,
            _shown: meter.waiting(),
        };
        let parts_of = |bytes: &[usize]| {
            let waiting = bytes.iter().map(|bytes| waiting(*bytes)).collect();
            Queue { waiting, ..Queue::default() }.parts_of_a_group()
        };
        assert_eq!(parts_of(&[]), 0);
        assert_eq!(parts_of(&[100; 50]), 50);
        assert_eq!(parts_of(&[GROUP_BYTES - 1, 1, 1]), 2);
        assert_eq!(parts_of(&[2 * GROUP_BYTES, 1]), 1);
    }

    #[test]
    fn one_failure_a_second_is_told_with_how_many_were_not() {
        let mut complaints = Complaints::default();
        let mut told = |millis| complaints.say(Timestamp::from_millis(millis));
        assert_eq!([told(5_000), told(5_000), told(5_999)], [Some(0), None, None]);
        assert_eq!([told(6_000), told(6_500), told(60_000)], [Some(2), None, Some(1)]);
        assert_eq!(told(59_000), Some(0), "a clock that was set back hides nothing");
    }
}
