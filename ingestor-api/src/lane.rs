//! The way into one partition: the parts of concurrent calls wait here and are appended together.
//!
//! A task runs only while something waits. It takes what waits up to a bound, packs it, appends it, answers, and looks
//! again; what came meanwhile is the next group. So there is one append at a time, and a slow log makes groups larger.

use crate::pack::{Load, pack};
use crate::part::{Hold, Part, Place};
use crate::recent::Mark;
use domain::dead_letter::DeadLetterId;
use domain::port::{Clock, Log, LogError};
use domain::time::Timestamp;
use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;
use tracing::warn;

/// A group takes no more parts once it holds this many pulses: 32 full records.
const GROUP_PULSES: usize = 32 * 256;

/// What became of a part: durable, its refused pulses kept under these ids, or not.
pub(crate) type Outcome = Result<Vec<DeadLetterId>, LogError>;

/// What all lanes share.
pub(crate) struct Shared {
    /// Where to.
    pub log: Arc<dyn Log>,
    /// Dates the records.
    pub clock: Arc<dyn Clock>,
    /// Keeps the tasks.
    pub tracker: TaskTracker,
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
    /// Of the last group.
    arrival: Timestamp,
}

struct Waiting {
    part: Part,
    answer: oneshot::Sender<Outcome>,
}

impl Lane {
    pub fn new(place: Place, shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Self { place, shared, queue: Mutex::new(Queue::default()) })
    }

    /// Lets a part wait for its append, which happens also when nobody waits for its outcome any more.
    pub fn submit(self: &Arc<Self>, part: Part) -> oneshot::Receiver<Outcome> {
        let (answer, outcome) = oneshot::channel();
        let mut queue = self.lock();
        queue.waiting.push_back(Waiting { part, answer });
        if !mem::replace(&mut queue.running, true) {
            self.shared.tracker.spawn(Arc::clone(self).run());
        }
        outcome
    }

    async fn run(self: Arc<Self>) {
        while let Some((group, arrival)) = self.next_group() {
            self.commit(group, arrival).await;
        }
    }

    fn next_group(&self) -> Option<(Vec<Waiting>, Timestamp)> {
        let mut queue = self.lock();
        queue.arrival = queue.arrival.max(self.shared.clock.now());
        let parts = queue.parts_of_a_group();
        queue.running = parts > 0;
        queue.running.then(|| (queue.waiting.drain(..parts).collect(), queue.arrival))
    }

    async fn commit(&self, group: Vec<Waiting>, arrival: Timestamp) {
        let mut load = Load::default();
        let receipts: Vec<Receipt> = group.into_iter().map(|waiting| waiting.hand_over(&mut load)).collect();
        let mut packed = pack(&self.place, arrival, &load);
        let to = self.place.topic_partition();
        match self.shared.log.append(&to, mem::take(&mut packed.records)).await {
            Ok(offset) => {
                let positions = packed.refused_positions(offset);
                let mut ids = positions.map(|position| self.place.dead_letter(arrival, position));
                for receipt in receipts {
                    receipt.landed(&mut ids);
                }
            }
            Err(error) => {
                warn!(%to, parts = receipts.len(), %error, "an append failed");
                for receipt in receipts {
                    receipt.failed(error.clone());
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn parts_of_a_group(&self) -> usize {
        let mut pulses = 0;
        let is_open = |waiting: &&Waiting| {
            let open = pulses < GROUP_PULSES;
            pulses += waiting.part.len();
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
        let Self { part: Part { load: mut own, marks, hold }, answer } = self;
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

    fn failed(self, error: LogError) {
        self.answer(Err(error));
    }

    /// A caller that is gone needs no answer.
    fn answer(self, outcome: Outcome) {
        drop(self.hold);
        let _ = self.answer.send(outcome);
    }
}
