//! One partition's task: drives its owner, makes the calls it asks for, and hands the answers back.

use super::failure::Failure;
use super::publish::publish;
use super::source::{Source, Unreadable};
use super::trace::Spans;
use super::{Shared, Spot};
use crate::alarm::Alarm;
use crate::core::{Call, CallId, Flushed, Input, Load, Output, Owner, Stop};
use crate::metrics::{self, Meter};
use domain::generation::Generation;
use domain::port::{Entry, TopicPartition, Watermarks, read_all};
use domain::time::Timestamp;
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

const BACK_OFF_MIN: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(5);

type Reads = mpsc::Receiver<Result<Vec<Entry>, Unreadable>>;

pub(super) struct Partition {
    shared: Shared,
    generation: Arc<Generation>,
    number: u32,
    owner: Owner,
    /// Calls under way; each ends in the input that answers it, in none, or in an alarm.
    calls: FuturesUnordered<BoxFuture<'static, Result<Option<Input>, Alarm>>>,
    /// How long the next call that fails waits before it is made again.
    back_off: Duration,
    /// When the flush under way began.
    flushing_since: Option<Timestamp>,
    spans: Spans,
    meter: Meter,
}

/// How driving an owner ended.
enum End {
    Stopped,
    Reassign,
    Alarm(Alarm),
}

impl Partition {
    pub(super) fn new(shared: Shared, generation: Arc<Generation>, number: u32) -> Self {
        let owner = Owner::new(Arc::clone(&generation), number, shared.config.limits());
        let spot = (generation.number, number);
        Self {
            shared,
            generation,
            number,
            owner,
            calls: FuturesUnordered::new(),
            back_off: BACK_OFF_MIN,
            flushing_since: None,
            spans: Spans::new(spot),
            meter: Meter::new(spot),
        }
    }

    fn spot(&self) -> Spot {
        (self.generation.number, self.number)
    }

    /// Assigns, drives, and assigns again, until it is stopped or an alarm says that somebody must act.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        self.count(&stop).await;
        self.shared.ids.release(self.spot());
    }

    async fn count(&mut self, stop: &CancellationToken) {
        loop {
            let end = match self.assign(stop).await {
                Ok(()) => self.drive(stop).await,
                Err(end) => end,
            };
            self.calls.clear();
            self.flushing_since = None;
            self.spans = Spans::new(self.spot());
            match end {
                End::Stopped => return,
                End::Reassign => tokio::time::sleep(BACK_OFF_MIN).await,
                End::Alarm(alarm) => {
                    tracing::error!(generation = self.generation.number, partition = self.number, %alarm, "the partition stops");
                    self.shared.alarms.raise(self.spot(), alarm);
                    stop.cancelled().await;
                    self.shared.alarms.lower(self.spot());
                    return;
                }
            }
        }
    }

    async fn assign(&mut self, stop: &CancellationToken) -> Result<(), End> {
        let facts = loop {
            let (ports, generation) = (self.shared.ports.clone(), Arc::clone(&self.generation));
            let read = tokio::select! {
                () = stop.cancelled() => return Err(End::Stopped),
                read = ports.facts(&generation, self.number) => read,
            };
            match read {
                Ok(facts) => break facts,
                Err(Failure::Alarm(alarm)) => return Err(End::Alarm(alarm)),
                Err(Failure::Passing(reason)) => {
                    tracing::warn!(partition = self.number, reason, "the partition cannot be assigned yet");
                    self.pause(stop).await;
                }
            }
        };
        self.hand(Input::Assigned(Box::new(facts)))
    }

    async fn drive(&mut self, stop: &CancellationToken) -> End {
        let Some(next) = self.owner.next_offset() else { return End::Reassign };
        let source = Source {
            log: Arc::clone(&self.shared.ports.log),
            from: TopicPartition::new(self.generation.topic.clone(), self.number),
            bytes: self.shared.config.read_bytes,
            stop: stop.clone(),
        };
        let (mut reads, reading) = source.open(next);
        let reading = async {
            reading.await;
            std::future::pending::<End>().await
        };
        let end = tokio::select! {
            end = self.pump(&mut reads, stop) => end,
            end = reading => end,
        };
        if matches!(end, End::Stopped) {
            self.flush_last().await;
        }
        end
    }

    /// Until it is stopped: records in, answers in, ticks in; calls out.
    async fn pump(&mut self, reads: &mut Reads, stop: &CancellationToken) -> End {
        let mut tick = tokio::time::interval(self.shared.config.flush_interval());
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let handed = tokio::select! {
                () = stop.cancelled() => return End::Stopped,
                Some(answer) = self.calls.next() => self.answered(answer),
                read = reads.recv(), if self.owner.wants_records() => match read {
                    Some(Ok(entries)) => self.hand(Input::Records(entries)),
                    Some(Err(error)) => return self.unreadable(error).await,
                    None => return End::Stopped,
                },
                _ = tick.tick() => {
                    self.probe();
                    self.share_memory();
                    self.hand(Input::Tick)
                }
            };
            if let Err(end) = handed {
                return end;
            }
        }
    }

    /// Tells what it holds, and learns what its ids may take.
    fn share_memory(&mut self) {
        let memory = self.owner.memory();
        self.meter.holds(memory);
        self.owner.allow_id_bytes(self.shared.ids.share(self.spot(), memory.id_bytes));
    }

    fn answered(&mut self, answer: Result<Option<Input>, Alarm>) -> Result<(), End> {
        let Some(input) = answer.map_err(End::Alarm)? else { return Ok(()) };
        match input {
            Input::Unknown(_) => self.back_off = (self.back_off * 2).min(BACK_OFF_MAX),
            Input::Probe { .. } => {}
            _ => self.back_off = BACK_OFF_MIN,
        }
        self.hand(input)
    }

    fn hand(&mut self, input: Input) -> Result<(), End> {
        match &input {
            Input::Records(entries) => self.spans.begin_batch(entries),
            Input::Probe { high, .. } => {
                self.meter.lags(high.saturating_sub(self.owner.durable_offset().unwrap_or(*high)));
            }
            _ => {}
        }
        let outputs =
            self.spans.batch().in_scope(|| self.owner.handle(input)).map_err(|stop| match stop {
                Stop::Reassign { expected, found } => {
                    tracing::warn!(
                        partition = self.number,
                        expected,
                        found,
                        "offsets do not follow; assigning again"
                    );
                    End::Reassign
                }
                Stop::Alarm(alarm) => End::Alarm(alarm),
            })?;
        for output in outputs {
            match output {
                Output::Call(id, call) => self.make(id, call),
                Output::Watermark(time) => {
                    self.meter.reached(time);
                    self.shared.watermarks.note(self.spot(), time);
                }
                Output::Flushed(flushed) => self.flushed(&flushed),
            }
        }
        if self.owner.wants_records() {
            self.spans.end_batch();
        }
        Ok(())
    }

    fn flushed(&mut self, flushed: &Flushed) {
        let began = self.flushing_since.take().unwrap_or(Timestamp::EPOCH);
        self.meter.flushed(flushed, self.shared.ports.clock.now().since(began));
        self.spans.end_flush();
    }

    /// Reads the clock first, then the log's end: what was acknowledged before the one lies below the other.
    fn probe(&mut self) {
        let Some(next) = self.owner.next_offset() else { return };
        let ports = self.shared.ports.clone();
        let at = TopicPartition::new(self.generation.topic.clone(), self.number);
        self.calls.push(Box::pin(async move {
            let clock = ports.clock.now();
            let watermarks = ports.log.watermarks(&at).await;
            Ok(watermarks.ok().map(|Watermarks { high, .. }| Input::Probe { next, clock, high }))
        }));
    }

    fn make(&mut self, id: CallId, call: Call) {
        let (shared, number, wait) = (self.shared.clone(), self.number, self.back_off);
        let span = if let Call::Load(load) = &call {
            metrics::loads(load);
            self.spans.batch()
        } else {
            self.flushing_since.get_or_insert_with(|| shared.ports.clock.now());
            self.spans.flush()
        };
        let span = span.clone();
        let made = async move {
            match shared.perform(id, &call).await {
                Ok(input) => Ok(Some(input)),
                Err(Failure::Alarm(alarm)) => Err(alarm),
                Err(Failure::Passing(reason)) => {
                    metrics::retried(&call);
                    tracing::warn!(partition = number, reason, "a call failed; the same is made again");
                    tokio::time::sleep(wait).await;
                    Ok(Some(Input::Unknown(id)))
                }
            }
        };
        self.calls.push(Box::pin(made.instrument(span)));
    }

    /// What the log cannot give: out of range is for the assignment to judge, damage is for somebody to mend.
    async fn unreadable(&mut self, error: Unreadable) -> End {
        self.flush_last().await;
        match Failure::from(error) {
            Failure::Alarm(alarm) => End::Alarm(alarm),
            Failure::Passing(reason) => {
                tracing::warn!(partition = self.number, reason, "the log cannot be read on; assigning again");
                End::Reassign
            }
        }
    }

    /// Best effort before the partition is given up; correctness never depends on it.
    async fn flush_last(&mut self) {
        let longest = self.shared.config.revoke_flush_max();
        let flush = async {
            while !self.owner.is_settled() {
                self.hand(Input::Tick)?;
                match self.calls.next().await {
                    Some(answer) => self.answered(answer)?,
                    None => return Ok(()),
                }
            }
            Ok::<(), End>(())
        };
        drop(tokio::time::timeout(longest, flush).await);
    }

    async fn pause(&mut self, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(self.back_off) => {}
        }
        self.back_off = (self.back_off * 2).min(BACK_OFF_MAX);
    }
}

impl Shared {
    async fn perform(&self, id: CallId, call: &Call) -> Result<Input, Failure> {
        match call {
            Call::Load(load) => {
                let (store, query) = (&*self.ports.store, load.query());
                let cells = match load {
                    Load::Slice(_) => self.slices.read(store, query).await?,
                    _ => read_all(store, query).await?,
                };
                return Ok(Input::Loaded(id, cells));
            }
            Call::Aggregation(cells) | Call::Checkpoint(cells) => {
                self.aggregation.write(Arc::clone(cells)).await?;
            }
            Call::DeadLetters(cells) => self.dead_letters.write(Arc::clone(cells)).await?,
            Call::Publish(publication) => publish(&*self.ports.log, publication).await?,
        }
        Ok(Input::Done(id))
    }
}
