//! What a catalogue holds, told by the changes that would make it so. Putting them back asks no rule again: they held.

use super::Unusable;
use crate::command::Change;
use crate::plan::{PlanDocument, PlanVersion};
use crate::resource::{Text, invalid};
use crate::state::{PublishedPlan, Resources, State, VersionRecord, Versioned};
use domain::calendar::{Calendar, Period};
use domain::checkpoint::Closing;
use domain::generation::{Incarnation, Registry};
use domain::id::PlanId;
use domain::reject::Reject;
use domain::time::Timestamp;
use std::sync::Arc;

/// Something that the catalogue holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Kept {
    /// The change that would make it so.
    pub change: Change,
    /// The catalogue offset of its last change.
    pub revision: u64,
    /// Whether it is gone.
    pub deleted: bool,
    /// When a plan's version was published.
    pub time: Timestamp,
}

impl Kept {
    fn new(change: Change, revision: u64) -> Self {
        Self { change, revision, deleted: false, time: Timestamp::EPOCH }
    }
}

/// Everything a state holds, one kind after the other.
pub(super) fn all(state: &State) -> Vec<Kept> {
    let registry = state.registry.iter().flat_map(|registry| registered(registry));
    registry
        .chain(resources(&state.tenants, Change::PutTenant))
        .chain(resources(&state.units, Change::PutUnit))
        .chain(resources(&state.skus, Change::PutSku))
        .chain(state.plans.iter().flat_map(|(id, plan)| versions(id, plan)))
        .chain(resources(&state.contracts, Change::PutContract))
        .chain(state.closings.0.iter().map(closing))
        .collect()
}

fn registered(registry: &Registry) -> Vec<Kept> {
    let mut changes = Vec::new();
    for generation in registry.generations() {
        let first = registry.incarnations(generation.number).first();
        let first = first.expect("a generation is registered with an incarnation").clone();
        changes.push(Change::AddGeneration(generation.as_ref().clone(), first));
    }
    for (topic, _) in registry.places() {
        let is_generation = registry.generations().any(|generation| generation.topic == *topic);
        let later = registry.incarnations_of(topic).iter().skip(usize::from(is_generation));
        changes.extend(later.map(|next| incarnation(registry, topic, next)));
    }
    changes.extend(registry.splits().iter().cloned().map(Change::AddSplit));
    changes.into_iter().map(|change| Kept::new(change, 0)).collect()
}

fn incarnation(registry: &Registry, topic: &Arc<str>, next: &Incarnation) -> Change {
    let loss = registry.losses_of(topic).find(|(incarnation, _)| *incarnation == next.number);
    let (topic, next) = (Arc::clone(topic), next.clone());
    match loss {
        Some((_, operator)) => {
            let operator = Text::parse(operator, "operator").expect("it was one when it was declared");
            Change::DeclareLoss(topic, next, operator)
        }
        None => Change::AddIncarnation(topic, next),
    }
}

fn resources<K: Ord + Clone, T: Clone>(
    all: &Resources<K, T>,
    put: fn(K, T) -> Change,
) -> impl Iterator<Item = Kept> {
    all.all().map(move |(id, resource)| Kept {
        deleted: resource.deleted,
        ..Kept::new(put(id.clone(), resource.value.clone()), resource.revision)
    })
}

fn versions(id: &PlanId, plan: &PublishedPlan) -> impl Iterator<Item = Kept> {
    plan.versions().iter().map(|record| Kept {
        time: record.published,
        ..Kept::new(Change::PublishPlan(id.clone(), Arc::clone(&record.canonical)), record.revision)
    })
}

fn closing(((calendar, period), closing): (&(Arc<str>, Period), &Closing)) -> Kept {
    let calendar = Calendar::parse(calendar).expect("a calendar that was closed has a zone's name");
    let mark = if closing.closed { Change::ClosePeriod } else { Change::ReopenPeriod };
    Kept::new(mark(calendar, *period), closing.number)
}

/// Puts one thing back.
pub(super) fn put_back(state: &mut State, kept: Kept) -> Result<(), Unusable> {
    let Kept { change, revision, deleted, time } = kept;
    match change {
        Change::AddGeneration(..)
        | Change::AddIncarnation(..)
        | Change::DeclareLoss(..)
        | Change::AddSplit(_) => {
            state.registry = Some(Arc::new(register(state.registry.take(), change)?));
        }
        Change::PutTenant(id, value) => state.tenants.set(id, Versioned { value, revision, deleted }),
        Change::PutSku(id, value) => state.skus.set(id, Versioned { value, revision, deleted }),
        Change::PutUnit(id, value) => {
            Arc::make_mut(&mut state.conversions).put(id.clone(), value.clone());
            state.units.set(id, Versioned { value, revision, deleted });
        }
        Change::PutContract(id, value) => {
            state.bind(&id, &value);
            state.contracts.set(id, Versioned { value, revision, deleted });
        }
        Change::PublishPlan(id, canonical) => {
            let plan = Arc::make_mut(&mut state.plans).entry(id).or_default();
            let number = plan.versions().last().map_or(1, |last| last.version.number + 1);
            let document = PlanDocument::parse(&canonical).map_err(|_| strange("document"))?;
            let version = Arc::new(PlanVersion { number, plan: document.into_plan() });
            plan.push(VersionRecord { version, canonical, revision, published: time });
        }
        Change::ClosePeriod(calendar, period) => mark(state, &calendar, period, (true, revision)),
        Change::ReopenPeriod(calendar, period) => mark(state, &calendar, period, (false, revision)),
        Change::SetRules(_) | Change::Delete(_) => return Err(strange("change").into()),
    }
    Ok(())
}

fn register(registry: Option<Arc<Registry>>, change: Change) -> Result<Registry, Reject> {
    let registry = registry.map(Arc::unwrap_or_clone);
    match (registry, change) {
        (None, Change::AddGeneration(first, incarnation)) => Ok(Registry::new(first, incarnation)),
        (Some(registry), Change::AddGeneration(generation, first)) => {
            Ok(registry.with_generation(generation, first))
        }
        (Some(registry), Change::AddIncarnation(topic, next)) => Ok(registry.with_incarnation(&topic, next)),
        (Some(registry), Change::DeclareLoss(topic, next, operator)) => {
            Ok(registry.with_loss(&topic, next, operator.as_str()))
        }
        (Some(registry), Change::AddSplit(split)) => Ok(registry.with_split(split)),
        _ => Err(strange("registry")),
    }
}

fn mark(state: &mut State, calendar: &Calendar, period: Period, (closed, number): (bool, u64)) {
    let closing = Closing { number, closed, offset: number };
    Arc::make_mut(&mut state.closings).0.insert((calendar.name().into(), period), closing);
}

fn strange(field: &str) -> Reject {
    invalid(field, "must be what a catalogue holds")
}
