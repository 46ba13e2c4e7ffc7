//! The one path of a call, whatever door it came through: read, decide, tell twins apart, append, answer.

use crate::Ports;
use crate::config::Config;
use crate::decide::{Decided, Ready, Refused, decide};
use crate::dispatch::{Dispatch, Refusals, dispatch};
use crate::groups::Groups;
use crate::intake::{self, Intake, Report};
use crate::lanes::Lanes;
use crate::metrics::{GoingOn, Meter};
use crate::mint::mint;
use crate::not_taken::NotTaken;
use crate::outcome::Taken;
use crate::part::{Hold, Part, Place};
use crate::recent::{Mark, Recent, Standing};
use crate::refusal_budget::RefusalBudget;
use crate::trace::Trace;
use domain::generation::Registry;
use domain::port::{Admission, Clock};
use domain::reject::{Reject, RejectReason};
use domain::time::Timestamp;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::TaskTracker;

/// What the parsed form of a pulse is taken to cost.
pub(crate) const PARSED_BYTES: usize = 1_024;

/// What all doors share.
pub(crate) struct Edge {
    admission: Arc<dyn Admission>,
    clock: Arc<dyn Clock>,
    recent: Arc<Recent>,
    lanes: Lanes,
    budget: Arc<Semaphore>,
    groups: Groups,
    refusals: RefusalBudget,
    meter: Meter,
}

/// Whether a pulse may come without an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ids {
    /// It is refused.
    Required,
    /// It gets one.
    Minted,
}

/// A call of which everything is decided and nothing appended.
pub(crate) struct Examined {
    /// The reports, stamped.
    pub reports: Vec<Report>,
    /// The ids that were minted.
    pub minted: Vec<String>,
    /// What was decided.
    pub verdict: Verdict,
}

/// What was decided about a call; every pulse is in exactly one of the lists.
pub(crate) struct Verdict {
    /// The edge's clock when it was decided.
    pub now: Timestamp,
    /// How to route.
    pub registry: Arc<Registry>,
    /// To be appended, by rising index.
    pub ready: Vec<Ready>,
    /// Known with the same content.
    pub known: Vec<usize>,
    /// Refused, by rising index.
    pub refused: Vec<Refused>,
    /// Kept until every part has an outcome.
    pub hold: Arc<Hold>,
}

impl Edge {
    pub fn new(config: &Config, ports: &Ports, tracker: TaskTracker) -> Self {
        Self {
            admission: Arc::clone(&ports.admission),
            clock: Arc::clone(&ports.clock),
            recent: Recent::new(config.recent_pulses_max),
            lanes: Lanes::new(Arc::clone(&ports.log), Arc::clone(&ports.clock), tracker),
            budget: Arc::new(Semaphore::new(config.in_flight_bytes_max.min(Semaphore::MAX_PERMITS))),
            groups: Groups::new(config.new_groups_per_hour_max),
            refusals: RefusalBudget::new(config.refused_pulses_per_second_max),
            meter: Meter::new(),
        }
    }

    /// Takes a batch: an answer means that all of it is durable, the kept refusals included.
    pub async fn take(&self, reports: Vec<Report>, ids: Ids) -> Result<Taken, NotTaken> {
        let (pulses, start) = (reports.len(), self.clock.now());
        self.meter.received(reports.iter().map(|report| report.bytes).sum());
        let answer = self.take_at(start, reports, ids).await;
        self.meter.answered(pulses, &answer, (start, self.clock.now()));
        answer
    }

    async fn take_at(&self, now: Timestamp, reports: Vec<Report>, ids: Ids) -> Result<Taken, NotTaken> {
        let examined = self.examine(reports, ids).await?;
        self.refusals.charge(&examined.verdict.refused, now)?;
        self.append(examined, Refusals::Kept).await
    }

    /// A stream is open, while the result lives.
    pub fn stream(&self) -> GoingOn {
        self.meter.stream()
    }

    /// Decides about a batch, once no earlier send of its pulses is under way. Dropping the result forgets it.
    pub async fn examine(&self, mut reports: Vec<Report>, ids: Ids) -> Result<Examined, NotTaken> {
        let (permit, in_flight) = self.reserve(&reports)?;
        let now = self.clock.now();
        let (intake, minted) = read(&mut reports, ids, now);
        let Decided { registry, ready, mut refused } = decide(&*self.admission, now, intake).await?;
        let (ready, too_many) = self.groups.limit(ready, now);
        refused.extend(too_many);
        let marks: Vec<Mark> = ready.iter().map(|ready| ready.mark).collect();
        let (standings, flight) = self.recent.take_off(&marks).await?;
        let hold = Arc::new(Hold { flight, _permit: permit, _in_flight: in_flight, trace: Trace::current() });
        let mut verdict = Verdict { now, registry, ready, known: Vec::new(), refused, hold };
        verdict.tell_twins_apart(&standings);
        Ok(Examined { reports, minted, verdict })
    }

    /// Appends what was decided, and answers when all of it is durable.
    pub async fn append(&self, examined: Examined, refusals: Refusals) -> Result<Taken, NotTaken> {
        let Examined { reports, minted, verdict } = examined;
        let Dispatch { parts, kept, mut outcomes } = dispatch(&reports, verdict, refusals);
        // What else was reported is not held while the log is waited for, nor the room that it took.
        let mut ids: Vec<String> = reports.into_iter().map(|report| report.raw.id).collect();
        ids.shrink_to_fit();
        let letters = self.lanes.append(parts).await?;
        for (index, letter) in kept.into_iter().zip(letters) {
            outcomes[index].keep(letter);
        }
        Ok(Taken { ids, outcomes, minted, received_time: self.clock.now() })
    }

    /// Appends statements about a partition.
    pub async fn state(&self, parts: Vec<(Place, Part)>) -> Result<(), NotTaken> {
        self.lanes.append(parts).await.map(drop)
    }

    fn reserve(&self, reports: &[Report]) -> Result<(OwnedSemaphorePermit, GoingOn), NotTaken> {
        let bytes: usize = reports.iter().map(|report| report.bytes + PARSED_BYTES).sum();
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.budget).try_acquire_many_owned(permits);
        let full = |_| NotTaken::overloaded("as many pulses as fit are on their way to the log");
        Ok((permit.map_err(full)?, self.meter.in_flight(permits)))
    }
}

impl Verdict {
    /// Takes those out that are known.
    fn tell_twins_apart(&mut self, standings: &[Standing]) {
        let mut standings = standings.iter();
        let (known, refused) = (&mut self.known, &mut self.refused);
        self.ready.retain(|ready| {
            let standing = standings.next().expect("there is one for each pulse");
            match standing {
                Standing::New => {}
                Standing::Same => known.push(ready.index),
                Standing::Other => {
                    let tenant = Some(ready.pulse.pulse.tenant.to_shared());
                    refused.push(Refused { index: ready.index, tenant, reject: conflict() });
                }
            }
            *standing == Standing::New
        });
        self.refused.sort_by_key(|refused| refused.index);
    }
}

fn read(reports: &mut [Report], ids: Ids, now: Timestamp) -> (Intake, Vec<String>) {
    match ids {
        Ids::Required => intake::read(reports, None),
        Ids::Minted => intake::read(reports, Some(&mut || mint(now))),
    }
}

fn conflict() -> Reject {
    Reject::new(RejectReason::DuplicateConflict, "id", "names a pulse that is known with other content")
}

#[cfg(test)]
mod overload;
#[cfg(test)]
mod tests;
