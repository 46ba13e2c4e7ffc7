//! The registry and the rules: never edited, only added to.

use super::{At, Effect, Outcome, Refusal, Settled};
use crate::resource::{Text, invalid};
use crate::state::{State, Versioned};
use domain::generation::{Generation, Incarnation, Registry, Split};
use domain::table::LEDGER;
use domain::time::Timestamp;
use domain::topic::MOVABLE;
use domain::unit::Units;
use std::sync::Arc;

/// An edge with a registry five minutes old must not route by the old one when the new one holds.
const NOTICE_SECONDS: i64 = 15 * 60;

impl State {
    pub(super) fn set_rules(&mut self, version: u32, at: At) -> Outcome {
        if version == self.rules {
            return Ok(Settled::new(Effect::Unchanged, at.revision));
        }
        if version != self.rules + 1 {
            return Err(invalid(
                "version",
                format!("must be {}, the one after the rules in force", self.rules + 1),
            )
            .into());
        }
        self.rules = version;
        self.install_units(at);
        Ok(Settled::new(Effect::Applied, at.revision))
    }

    /// Built-in units belong to the rules: their revision is that of the rules that brought them.
    fn install_units(&mut self, at: At) {
        for (id, unit) in Units::built_in().iter() {
            let built_in = Versioned { value: unit.clone(), revision: at.revision, deleted: false };
            self.units.set(id.clone(), built_in);
        }
    }

    pub(super) fn add_generation(
        &mut self,
        generation: &Generation,
        incarnation: &Incarnation,
        at: At,
    ) -> Outcome {
        check_shape(generation)?;
        check_incarnation(incarnation, 1, Some(generation.partitions))?;
        let registry = match &self.registry {
            None => first_registry(generation, incarnation)?,
            Some(registry) => {
                check_successor(registry, generation)?;
                self.check_notice(generation.valid_from)?;
                Registry::clone(registry).with_generation(generation.clone(), incarnation.clone())
            }
        };
        Ok(self.install(registry, at))
    }

    /// The first incarnation of a generation's topic comes with the generation; that of another topic is never told.
    pub(super) fn add_incarnation(&mut self, topic: &str, incarnation: &Incarnation, at: At) -> Outcome {
        let registry = self.registered()?;
        let generation = registry.generations().find(|generation| &*generation.topic == topic);
        if generation.is_none() && !MOVABLE.contains(&topic) {
            return Err(invalid("topic", "must be a generation's or one that is kept by tenant").into());
        }
        let last = registry.incarnations_of(topic).last().map_or(1, |last| last.number);
        check_incarnation(incarnation, last + 1, generation.map(|generation| generation.partitions))?;
        let registry = Registry::clone(registry).with_incarnation(topic, incarnation.clone());
        Ok(self.install(registry, at))
    }

    /// A generation's log goes on, and what lay in it and was not counted is lost. Nobody here knows how far it went: that
    /// the next one begins above all of it is for who declares it to see to.
    pub(super) fn declare_loss(
        &mut self,
        topic: &str,
        incarnation: &Incarnation,
        operator: &Text,
        at: At,
    ) -> Outcome {
        let registry = self.registered()?;
        let Some(generation) = registry.generations().find(|generation| &*generation.topic == topic) else {
            return Err(invalid("topic", "must be a generation's").into());
        };
        if operator.as_str().is_empty() {
            return Err(invalid("loss_declared_by", "must name who declares the loss").into());
        }
        let last = registry.incarnations_of(topic).last().expect("a generation has an incarnation");
        check_incarnation(incarnation, last.number + 1, Some(generation.partitions))?;
        let mut both = incarnation.first_offsets.iter().zip(&last.first_offsets);
        if both.any(|(next, last)| next <= last) {
            let rule = "must be above every offset that was used";
            return Err(invalid("incarnation.first_offsets", rule).into());
        }
        let registry = Registry::clone(registry).with_loss(topic, incarnation.clone(), operator.as_str());
        Ok(self.install(registry, at))
    }

    pub(super) fn add_split(&mut self, split: &Split, at: At) -> Outcome {
        let registry = self.registered()?;
        self.check_notice(split.valid_from)?;
        if split.shards == 0 || split.shards > registry.newest().partitions {
            return Err(invalid("shards", "must be from 1 to the number of partitions").into());
        }
        let registry = Registry::clone(registry).with_split(split.clone());
        Ok(self.install(registry, at))
    }

    fn install(&mut self, registry: Registry, at: At) -> Settled {
        self.registry = Some(Arc::new(registry));
        Settled::new(Effect::Applied, at.revision)
    }

    fn registered(&self) -> Result<&Registry, Refusal> {
        self.registry.as_deref().ok_or_else(|| invalid("generation", "must begin with generation 1").into())
    }

    fn check_notice(&self, valid_from: Timestamp) -> Result<(), Refusal> {
        let early = valid_from < self.now.plus_seconds(NOTICE_SECONDS);
        if early {
            Err(invalid("valid_from", "must be at least 15 minutes after the command").into())
        } else {
            Ok(())
        }
    }
}

fn check_shape(generation: &Generation) -> Result<(), Refusal> {
    let positive = [
        ("partitions", generation.partitions),
        ("bucket_minutes", generation.bucket_minutes),
        ("slices", generation.slices),
    ];
    match positive.iter().find(|(_, value)| *value == 0) {
        Some((field, _)) => Err(invalid(field, "must be positive").into()),
        None if generation.routing_version != 1 => Err(invalid("routing_version", "must be 1").into()),
        None if Some(generation.horizon.ledger_seconds()) > LEDGER.ttl_seconds => {
            Err(invalid("horizon", "must not be longer than the ledger remembers ids").into())
        }
        None => Ok(()),
    }
}

/// A generation's partitions never change; another topic may have as many as it likes in each place.
fn check_incarnation(incarnation: &Incarnation, number: u32, partitions: Option<u32>) -> Result<(), Refusal> {
    if incarnation.number != number {
        return Err(invalid("incarnation.number", format!("must be {number}, the next one")).into());
    }
    let given = incarnation.first_offsets.len();
    let refusal = |rule: String| Err(invalid("incarnation.first_offsets", rule).into());
    match partitions {
        Some(partitions) if u32::try_from(given) != Ok(partitions) => {
            refusal(format!("must be {partitions}, one a partition"))
        }
        None if given == 0 => refusal("must be one a partition".to_owned()),
        _ => Ok(()),
    }
}

fn first_registry(generation: &Generation, incarnation: &Incarnation) -> Result<Registry, Refusal> {
    let from_the_beginning =
        generation.number == 1 && generation.valid_from == Timestamp::from_nanos(i64::MIN);
    if !from_the_beginning {
        return Err(
            invalid("generation", "must begin with generation 1, valid from the beginning of time").into()
        );
    }
    Ok(Registry::new(generation.clone(), incarnation.clone()))
}

fn check_successor(registry: &Registry, generation: &Generation) -> Result<(), Refusal> {
    let newest = registry.newest();
    if generation.number != newest.number + 1 {
        return Err(invalid("number", format!("must be {}, the next one", newest.number + 1)).into());
    }
    if registry.generations().any(|known| known.topic == generation.topic) {
        return Err(invalid("topic", "must be a name of its own").into());
    }
    if generation.valid_from <= newest.valid_from {
        return Err(invalid("valid_from", "must be after that of the generation before").into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Change;
    use crate::fixture::*;
    use domain::topic::{CATALOG, DEAD_LETTERS, REVISIONS};

    fn second(valid_from: Timestamp) -> Generation {
        Generation {
            number: 2,
            topic: "resource-consumption.g2".into(),
            valid_from,
            ..Generation::first([8; 16], 4)
        }
    }

    fn refused(state: &State, change: Change) -> String {
        match state.trial(&command(change)).unwrap() {
            Err(Refusal::Invalid(rejects)) => rejects[0].field.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_log_begins_with_generation_1_of_all_time() {
        let (first, incarnation) = first_generation();
        let state = State::default();
        let late = Generation { valid_from: at(NOW), ..first.clone() };
        assert_eq!(refused(&state, Change::AddGeneration(late, incarnation.clone())), "generation");
        let mut state = begun();
        assert_eq!(state.registry().unwrap().newest().number, 1);
        assert_eq!(refused(&state, Change::AddGeneration(first, incarnation)), "number");
        assert_eq!(state.apply(&command(Change::SetRules(1))).unwrap().unwrap().effect, Effect::Unchanged);
    }

    #[test]
    fn a_generation_or_a_split_is_known_a_quarter_of_an_hour_before_it_holds() {
        let (_, incarnation) = first_generation();
        let state = begun();
        let soon = at(NOW).plus_seconds(899);
        let later = at(NOW).plus_seconds(900);
        let add = |valid_from| Change::AddGeneration(second(valid_from), incarnation.clone());
        assert_eq!(refused(&state, add(soon)), "valid_from");
        assert!(state.trial(&command(add(later))).unwrap().is_ok());
        let split =
            |valid_from, shards| Change::AddSplit(Split { tenant: "acme".into(), shards, valid_from });
        assert_eq!(refused(&state, split(soon, 2)), "valid_from");
        assert_eq!(refused(&state, split(later, 5)), "shards");
        let mut state = state;
        state.apply(&command(split(later, 4))).unwrap().unwrap();
        assert_eq!(state.registry().unwrap().partitions_of("acme").len(), 4);
    }

    fn next(number: u32, partitions: usize) -> Incarnation {
        Incarnation { number, log_id: "elsewhere".into(), first_offsets: vec![9; partitions] }
    }

    fn moved(topic: &str, to: Incarnation) -> Change {
        Change::AddIncarnation(topic.into(), to)
    }

    #[test]
    fn incarnations_of_a_generation_are_numbered_and_name_every_partition() {
        let topic = "resource-consumption.g1";
        let mut state = begun();
        for (to, field) in [
            (next(1, 4), "incarnation.number"),
            (next(3, 4), "incarnation.number"),
            (next(2, 3), "incarnation.first_offsets"),
            (next(2, 5), "incarnation.first_offsets"),
        ] {
            assert_eq!(refused(&state, moved(topic, to.clone())), field, "{to:?}");
        }
        state.apply(&command(moved(topic, next(2, 4)))).unwrap().unwrap();
        let registry = state.registry().unwrap();
        assert_eq!(registry.incarnations(1).last(), Some(&next(2, 4)));
        assert_eq!(registry.incarnations(1).len(), 2);
    }

    #[test]
    fn a_loss_is_declared_by_somebody_and_goes_on_above_what_was() {
        let topic = "resource-consumption.g1";
        let lost = |topic: &str, to, operator: &str| {
            Change::DeclareLoss(topic.into(), to, Text::parse(operator, "operator").unwrap())
        };
        let mut state = begun();
        let level = Incarnation { first_offsets: vec![9, 9, 0, 9], ..next(2, 4) };
        for (change, field) in [
            (lost(REVISIONS, next(2, 4), "ada"), "topic"),
            (lost(topic, next(2, 4), ""), "loss_declared_by"),
            (lost(topic, next(3, 4), "ada"), "incarnation.number"),
            (lost(topic, next(2, 3), "ada"), "incarnation.first_offsets"),
            (lost(topic, level, "ada"), "incarnation.first_offsets"),
        ] {
            assert_eq!(refused(&state, change.clone()), field, "{change:?}");
        }
        state.apply(&command(lost(topic, next(2, 4), "ada"))).unwrap().unwrap();
        let registry = state.registry().unwrap();
        assert_eq!(registry.incarnations(1).last(), Some(&next(2, 4)));
        assert_eq!(registry.losses_of(topic).collect::<Vec<_>>(), [(2, "ada")]);
        assert_eq!(registry.losses_of(REVISIONS).count(), 0);
    }

    #[test]
    fn topics_kept_by_tenant_move_too_with_as_many_partitions_as_they_like() {
        let mut state = begun();
        for topic in [CATALOG, "resource-consumption.g2", "", "processor"] {
            assert_eq!(refused(&state, moved(topic, next(2, 1))), "topic", "{topic}");
        }
        for topic in [REVISIONS, DEAD_LETTERS] {
            assert_eq!(
                refused(&state, moved(topic, next(1, 8))),
                "incarnation.number",
                "the first is never told"
            );
            assert_eq!(refused(&state, moved(topic, next(2, 0))), "incarnation.first_offsets");
            state.apply(&command(moved(topic, next(2, 8)))).unwrap().unwrap();
            state.apply(&command(moved(topic, next(3, 2)))).unwrap().unwrap();
        }
        let places: Vec<(&str, u32, usize)> = state
            .incarnations()
            .map(|(topic, last)| (&**topic, last.number, last.first_offsets.len()))
            .collect();
        assert_eq!(places, [(REVISIONS, 3, 2), (DEAD_LETTERS, 3, 2), ("resource-consumption.g1", 1, 4)]);
    }

    #[test]
    fn a_catalogue_without_a_registry_knows_no_place() {
        assert_eq!(State::default().incarnations().count(), 0);
    }
}
