//! The fold: whether a command holds, decided at its offset, in every process the same. Pure; its only clock is the
//! commands' arrival time.

mod contract;
pub(crate) mod idempotency;
mod period;
mod plan;
#[cfg(test)]
mod refusals;
mod registry;
mod sku;
mod tenant;
#[cfg(test)]
mod tests;
mod unit;

use crate::command::{self, Change, Command};
use crate::resource::ResourceName;
use crate::state::{Resources, State, Versioned};
use domain::code::Code;
use domain::port::Entry;
use domain::reject::{Reject, RejectReason};

/// The newest rules version this code knows.
pub const RULES_KNOWN: u32 = 1;

/// What became of a command.
pub type Outcome = Result<Settled, Refusal>;

/// A command that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Whether it changed anything.
    pub effect: Effect,
    /// The resource's revision: the catalogue offset of its last change.
    pub revision: u64,
    /// The version a plan's document has.
    pub plan_version: Option<u32>,
    /// Whether it repeats an earlier command and answers as that did.
    pub replayed: bool,
}

/// Whether a command that holds changed anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It did.
    Applied,
    /// All was so already.
    Unchanged,
}

impl Settled {
    const fn new(effect: Effect, revision: u64) -> Self {
        Self { effect, revision, plan_version: None, replayed: false }
    }
}

/// Why a command does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The resource has another revision than expected, or is not there.
    #[error("the resource has {}", .0.map_or_else(|| "no revision: it does not exist".to_owned(), |revision| format!("revision {revision}")))]
    RevisionMismatch(Option<u64>),
    /// The idempotency key was used for something else within 24 hours.
    #[error("the idempotency key was used for another request within 24 hours")]
    KeyReused,
    /// There is nothing to delete.
    #[error("the resource does not exist")]
    NotFound,
    /// Something else needs the resource as it is.
    #[error("the resource is in use: {0}")]
    InUse(String),
    /// Fields break their rules.
    #[error("{}", .0.iter().map(|reject| reject.message.as_str()).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Reject>),
}

impl Refusal {
    /// The code a client sees.
    pub const fn code(&self) -> Code {
        match self {
            Self::RevisionMismatch(_) => Code::RevisionMismatch,
            Self::KeyReused => Code::IdempotencyKeyReused,
            Self::NotFound => Code::NotFound,
            Self::InUse(_) => Code::InUse,
            Self::Invalid(_) => Code::InvalidArgument,
        }
    }
}

impl From<Reject> for Refusal {
    fn from(reject: Reject) -> Self {
        Self::Invalid(vec![reject])
    }
}

/// Why the fold cannot go on: this process does not know what the log says from here on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Halt {
    /// A record of a newer format.
    #[error("catalogue record {offset} has format {format}: upgrade this process")]
    NewerFormat {
        /// Which.
        offset: u64,
        /// Its format, as its header says.
        format: u32,
    },
    /// A record whose bytes fail their check.
    #[error("catalogue record {offset} is damaged: {detail}")]
    Damaged {
        /// Which.
        offset: u64,
        /// How.
        detail: String,
    },
    /// Records are missing.
    #[error("catalogue record {expected} is missing, {offset} came instead")]
    Gap {
        /// The one that should come.
        expected: u64,
        /// The one that came.
        offset: u64,
    },
    /// What comes next is not there: the log was cut or made anew, and may not be the one that was folded.
    #[error(
        "the catalogue's log holds {low} to {high}, {expected} comes next: restore the log, and start this process again"
    )]
    Replaced {
        /// The one that should come.
        expected: u64,
        /// The first that is there.
        low: u64,
        /// The next to be given.
        high: u64,
    },
    /// Rules that a newer version of this code knows.
    #[error(
        "catalogue rules {version} hold from record {offset} on, known are those up to {RULES_KNOWN}: upgrade this process"
    )]
    NewerRules {
        /// From where.
        offset: u64,
        /// Which.
        version: u32,
    },
}

/// Where a change stands and what it expects.
#[derive(Clone, Copy)]
struct At {
    revision: u64,
    expected: Option<u64>,
}

impl State {
    /// Folds the record at this state's offset in.
    pub fn fold(&mut self, entry: &Entry) -> Result<Outcome, Halt> {
        if entry.offset != self.next {
            return Err(Halt::Gap { expected: self.next, offset: entry.offset });
        }
        match command::decode(entry)? {
            Ok(command) => self.apply(&command),
            Err(reject) => {
                self.next += 1;
                Ok(Err(reject.into()))
            }
        }
    }

    /// Decides about the command at this state's offset.
    pub fn apply(&mut self, command: &Command) -> Result<Outcome, Halt> {
        if let Change::SetRules(version) = command.change
            && version > RULES_KNOWN
        {
            return Err(Halt::NewerRules { offset: self.next, version });
        }
        self.now = self.now.max(command.arrival_time);
        self.born.get_or_insert(self.now);
        let at = At { revision: self.next, expected: command.expected_revision };
        self.next += 1;
        if let Some(earlier) = self.keys.find(command, self.now) {
            return Ok(earlier);
        }
        let outcome = self.change(&command.change, at);
        if let Ok(settled) = outcome {
            self.keys.remember(command, self.now, settled);
        }
        Ok(outcome)
    }

    /// What would become of a command here, without changing anything.
    pub fn trial(&self, command: &Command) -> Result<Outcome, Halt> {
        self.clone().apply(command)
    }

    fn change(&mut self, change: &Change, at: At) -> Outcome {
        match change {
            Change::SetRules(version) => self.set_rules(*version, at),
            Change::AddGeneration(generation, incarnation) => {
                self.add_generation(generation, incarnation, at)
            }
            Change::AddIncarnation(topic, incarnation) => self.add_incarnation(topic, incarnation, at),
            Change::DeclareLoss(topic, incarnation, operator) => {
                self.declare_loss(topic, incarnation, operator, at)
            }
            Change::AddSplit(split) => self.add_split(split, at),
            Change::PutTenant(id, tenant) => self.tenants.put(id, tenant, at),
            Change::PutSku(id, sku) => self.put_sku(id, sku, at),
            Change::PutUnit(id, unit) => self.put_unit(id, unit, at),
            Change::PublishPlan(id, document) => self.publish_plan(id, document, at),
            Change::PutContract(id, contract) => self.put_contract(id, contract, at),
            Change::Delete(ResourceName::Tenant(id)) => self.delete_tenant(id, at),
            Change::Delete(ResourceName::Sku(id)) => self.delete_sku(id, at),
            Change::Delete(ResourceName::Unit(id)) => self.delete_unit(id, at),
            Change::Delete(ResourceName::Contract(id)) => self.contracts.delete(id, at),
            Change::ClosePeriod(calendar, period) => self.close_period(calendar, *period, at),
            Change::ReopenPeriod(calendar, period) => self.reopen_period(calendar, *period, at),
        }
    }
}

impl<K: Ord + Clone, T: Clone + PartialEq> Resources<K, T> {
    fn expect(&self, id: &K, at: At) -> Result<(), Refusal> {
        let revision = self.find(id).map(|resource| resource.revision);
        let holds = at.expected.is_none() || at.expected == revision;
        holds.then_some(()).ok_or(Refusal::RevisionMismatch(revision))
    }

    fn put(&mut self, id: &K, value: &T, at: At) -> Outcome {
        self.expect(id, at)?;
        if let Some(current) = self.find(id).filter(|current| current.value == *value) {
            return Ok(Settled::new(Effect::Unchanged, current.revision));
        }
        self.set(id.clone(), Versioned { value: value.clone(), revision: at.revision, deleted: false });
        Ok(Settled::new(Effect::Applied, at.revision))
    }

    fn delete(&mut self, id: &K, at: At) -> Outcome {
        self.expect(id, at)?;
        let current = self.find(id).ok_or(Refusal::NotFound)?;
        let deleted = Versioned { value: current.value.clone(), revision: at.revision, deleted: true };
        self.set(id.clone(), deleted);
        Ok(Settled::new(Effect::Applied, at.revision))
    }
}

fn unknown(reason: RejectReason, field: &str, name: impl std::fmt::Display) -> Refusal {
    Reject::new(reason, field, format!("names {name}, which the catalogue does not have")).into()
}
