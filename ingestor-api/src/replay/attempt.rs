//! Replaying a page of dead letters: identities are fixed first, then the pulses are sent, then the books are told.

use super::counted::is_counted;
use super::repair::{Repaired, fix, repair};
use super::search::{Found, read_state};
use crate::dispatch::{Refusals, dispatch};
use crate::edge::{Edge, Examined, Ids};
use crate::intake::Report;
use crate::item::Item;
use crate::outcome::{Outcome, Rejection};
use crate::part::{Part, Place};
use domain::code::Code;
use domain::dead_letter::{DeadLetterEvent, DeadLetterId, DecidedIdentity};
use domain::generation::Registry;
use domain::port::{CellStore, Clock};
use domain::pulse::RawPulse;
use prost::Message;
use proto::record::Control;
use rest::Problem;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::time::Duration;

/// The most pulses sent together.
const BATCH_PULSES_MAX: usize = 1_000;

/// What a replay works with.
pub(super) struct Means<'a> {
    pub edge: &'a Edge,
    pub registry: &'a Registry,
    pub store: &'a dyn CellStore,
    pub clock: &'a dyn Clock,
}

/// The replay of one dead letter.
pub(super) struct Attempt {
    letter: DeadLetterId,
    raw: RawPulse,
    /// To be fixed before the pulse is sent.
    decision: Option<DecidedIdentity>,
    /// `None`: still to be sent.
    outcome: Option<Outcome>,
    /// What its books are told.
    event: Option<DeadLetterEvent>,
}

impl Attempt {
    /// The attempt to replay what was found with some fields set.
    pub fn new(found: &Found, set: &RawPulse) -> Self {
        let letter = found.letter.id;
        match repair(&found.letter, found.state.decided.as_ref(), set) {
            Ok(Repaired { raw, decision }) => Self { letter, raw, decision, outcome: None, event: None },
            Err(reject) => {
                let outcome = Some(Outcome::Rejected(Box::new(Rejection { reject, dead_letter: None })));
                Self { letter, raw: RawPulse::default(), decision: None, outcome, event: None }
            }
        }
    }

    /// What became of it.
    pub fn into_item(self, index: usize) -> Item {
        let outcome = self.outcome.expect("every attempt has an outcome at the end");
        Item::new(index, self.raw.id, &outcome, Some(self.letter))
    }

    fn report(&self) -> Report {
        let bytes = proto::pulse::to_wire(&self.raw).encoded_len();
        Report { raw: self.raw.clone(), bytes, ..Report::default() }
    }

    /// Refused again: nothing of it was appended.
    fn refuse(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        self.event = Some(DeadLetterEvent::RefusedAgain);
    }
}

impl Means<'_> {
    /// Tells what would become of the attempts, and changes nothing.
    pub async fn try_out(&self, attempts: &mut [Attempt]) -> Result<(), Problem> {
        let mut open: Vec<&mut Attempt> =
            attempts.iter_mut().filter(|attempt| attempt.outcome.is_none()).collect();
        for batch in open.chunks_mut(BATCH_PULSES_MAX) {
            let outcomes = self.examine(batch).await?;
            for (attempt, outcome) in batch.iter_mut().zip(outcomes) {
                attempt.outcome = Some(outcome);
            }
        }
        Ok(())
    }

    /// Sends the attempts, at most `rate` pulses a second. Of what fails here nothing is promised; repeating it is safe.
    pub async fn send(&self, attempts: &mut [Attempt], rate: Option<NonZeroUsize>) -> Result<(), Problem> {
        self.decide(attempts).await?;
        let batch_pulses = rate.map_or(BATCH_PULSES_MAX, |rate| rate.get().min(BATCH_PULSES_MAX));
        let mut open: Vec<&mut Attempt> =
            attempts.iter_mut().filter(|attempt| attempt.outcome.is_none()).collect();
        let mut batches = open.chunks_mut(batch_pulses).peekable();
        while let Some(batch) = batches.next() {
            self.append(batch).await?;
            self.tell(batch.iter_mut().map(|attempt| &mut **attempt), |attempt| attempt.event.take()).await?;
            if rate.is_some() && batches.peek().is_some() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
        self.tell(attempts, |attempt| attempt.event.take()).await
    }

    /// Fixes the identities that could be chosen, of those pulses that would be taken.
    async fn decide(&self, attempts: &mut [Attempt]) -> Result<(), Problem> {
        let mut open: Vec<&mut Attempt> =
            attempts.iter_mut().filter(|attempt| attempt.decision.is_some()).collect();
        for batch in open.chunks_mut(BATCH_PULSES_MAX) {
            let outcomes = self.examine(batch).await?;
            for (attempt, outcome) in batch.iter_mut().zip(outcomes) {
                if outcome.rejection().is_some() {
                    attempt.decision = None;
                    attempt.refuse(outcome);
                }
            }
        }
        if attempts.iter().all(|attempt| attempt.decision.is_none()) {
            return Ok(());
        }
        self.tell(&mut *attempts, |attempt| attempt.decision.clone().map(DeadLetterEvent::Decided)).await?;
        wait_until_counted(self).await?;
        for attempt in attempts.iter_mut().filter(|attempt| attempt.decision.is_some()) {
            let state = read_state(self.store, attempt.letter).await?;
            // The first decision holds, which may be that of another replay.
            let decided =
                state.decided.ok_or_else(|| Problem::internal("a counted decision is not in its cell"))?;
            fix(&mut attempt.raw, &decided);
        }
        Ok(())
    }

    async fn append(&self, batch: &mut [&mut Attempt]) -> Result<(), Problem> {
        let taken = self.edge.append(self.ask(batch).await?, Refusals::Answered).await?;
        for (attempt, outcome) in batch.iter_mut().zip(taken.outcomes) {
            match outcome {
                Outcome::Rejected(_) => attempt.refuse(outcome),
                Outcome::Accepted | Outcome::Duplicate => {
                    attempt.outcome = Some(outcome);
                    attempt.event = Some(DeadLetterEvent::Replayed);
                }
            }
        }
        Ok(())
    }

    async fn examine(&self, batch: &[&mut Attempt]) -> Result<Vec<Outcome>, Problem> {
        let Examined { reports, verdict, .. } = self.ask(batch).await?;
        Ok(dispatch(&reports, verdict, Refusals::Answered).outcomes)
    }

    async fn ask(&self, batch: &[&mut Attempt]) -> Result<Examined, Problem> {
        let reports = batch.iter().map(|attempt| attempt.report()).collect();
        Ok(self.edge.examine(reports, Ids::Required).await?)
    }

    /// Appends events to the partitions of their dead letters.
    async fn tell<'a>(
        &self,
        attempts: impl IntoIterator<Item = &'a mut Attempt>,
        event_of: impl Fn(&mut Attempt) -> Option<DeadLetterEvent>,
    ) -> Result<(), Problem> {
        let mut parts: BTreeMap<(u32, u32), Part> = BTreeMap::new();
        for attempt in attempts {
            let Some(event) = event_of(attempt) else { continue };
            let part = parts.entry((attempt.letter.generation, attempt.letter.partition)).or_default();
            part.load.controls.push(Control::DeadLetter { id: attempt.letter, event });
        }
        let place = |((generation, partition), part)| {
            let generation = self.registry.find(generation).ok_or_else(|| unknown_generation(generation))?;
            Ok((Place::new(self.registry, generation, partition), part))
        };
        let parts = parts.into_iter().map(place).collect::<Result<Vec<_>, Problem>>()?;
        Ok(self.edge.state(parts).await?)
    }
}

/// Waits until all that was acknowledged up to now is counted.
pub(super) async fn wait_until_counted(means: &Means<'_>) -> Result<(), Problem> {
    let start = means.clock.now();
    if is_counted(means.store, means.registry, start).await? {
        return Ok(());
    }
    Err(Problem::new(
        Code::Unavailable,
        "what was acknowledged before is not counted yet, so a replay must wait",
    ))
}

fn unknown_generation(generation: u32) -> Problem {
    Problem::field(
        Code::InvalidArgument,
        "ids",
        format_args!("name generation {generation}, which does not exist"),
    )
}
