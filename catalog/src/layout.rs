//! What operators change about the log's layout: a new generation, a tenant spread over several partitions.
//!
//! The same wish again finds what it wished, so neither needs a key of idempotency.

use crate::catalog::{Catalog, CatalogError, Wish};
use crate::command::Change;
use crate::fold::{Outcome, Refusal};
use crate::resource::invalid;
use crate::state::State;
use domain::generation::{Generation, Incarnation, Registry, Split};
use domain::id::TenantId;
use domain::port::{TopicError, Topics};
use domain::time::Timestamp;
use std::sync::Arc;

const AUTHOR: &str = "operator";
/// More partitions than any process could own.
const PARTITIONS_MAX: u32 = 4_096;

/// Changes the layout; a clone changes the same.
#[derive(Clone)]
pub struct Layout {
    catalog: Catalog,
    topics: Arc<dyn Topics>,
}

/// Why the layout is not as it was wished.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// The catalogue cannot answer.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The topic cannot be made.
    #[error(transparent)]
    Topic(#[from] TopicError),
    /// The wish does not hold.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

impl Layout {
    /// Changes the layout of a catalogue's log by topics that are made here.
    pub fn new(catalog: Catalog, topics: Arc<dyn Topics>) -> Self {
        Self { catalog, topics }
    }

    /// The catalogue, once everything below an offset is folded in.
    pub async fn at_least(&self, catalog_offset: u64) -> Result<Arc<State>, LayoutError> {
        Ok(self.catalog.view().at_least(catalog_offset).await.map_err(CatalogError::from)?)
    }

    /// Adds a generation of that many partitions. Its topic is there before anybody is told to write to it.
    pub async fn add_generation(
        &self,
        partitions: u32,
        valid_from: Timestamp,
    ) -> Result<Arc<State>, LayoutError> {
        if !(1..=PARTITIONS_MAX).contains(&partitions) {
            return Err(refused("partitions", format!("must be 1 to {PARTITIONS_MAX}")));
        }
        let state = self.catalog.view().confirm().await.map_err(CatalogError::from)?;
        let registry =
            state.registry().ok_or_else(|| refused("generation", "must begin with generation 1"))?;
        let same = registry.generations().find(|known| is_such(known, partitions, valid_from));
        if same.is_some() {
            return Ok(state);
        }
        let next = next_generation(registry, partitions, valid_from);
        // What the fold would refuse leaves no topic behind.
        let supposed =
            Incarnation { number: 1, log_id: "".into(), first_offsets: (0..partitions).map(|_| 0).collect() };
        self.catalog.trial(wish(Change::AddGeneration(next.clone(), supposed)))??;
        self.topics.declare(&next.topic, partitions).await?;
        let incarnation = self.catalog.view().log().incarnation(&next.topic).await;
        let incarnation = incarnation.map_err(CatalogError::from)?;
        self.settle(Change::AddGeneration(next, incarnation)).await
    }

    /// Spreads a tenant over that many partitions.
    pub async fn split(
        &self,
        tenant: &TenantId,
        shards: u32,
        valid_from: Timestamp,
    ) -> Result<Arc<State>, LayoutError> {
        let split = Split { tenant: tenant.to_shared(), shards, valid_from };
        let state = self.catalog.view().confirm().await.map_err(CatalogError::from)?;
        if state.registry().is_some_and(|registry| registry.splits().contains(&split)) {
            return Ok(state);
        }
        if state.tenants().find(tenant).is_none() {
            return Err(refused("tenant", format!("names {tenant}, which the catalogue does not have")));
        }
        self.settle(Change::AddSplit(split)).await
    }

    async fn settle(&self, change: Change) -> Result<Arc<State>, LayoutError> {
        let outcome: Outcome = self.catalog.submit(wish(change)).await?;
        self.at_least(outcome?.revision + 1).await
    }
}

fn wish(change: Change) -> Wish {
    Wish { author: AUTHOR.to_owned(), idempotency_key: None, expected_revision: None, change }
}

fn is_such(generation: &Generation, partitions: u32, valid_from: Timestamp) -> bool {
    generation.partitions == partitions && generation.valid_from == valid_from
}

/// Like the newest one but for its number, topic, partitions and time.
fn next_generation(registry: &Registry, partitions: u32, valid_from: Timestamp) -> Generation {
    let newest = registry.newest();
    let number = newest.number + 1;
    let topic = format!("resource-consumption.g{number}").into();
    Generation { number, topic, partitions, valid_from, ..Generation::clone(newest) }
}

fn refused(field: &str, rule: impl std::fmt::Display) -> LayoutError {
    Refusal::from(invalid(field, rule)).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;
    use domain::port::Log;
    use domain::pulse::Identity;

    const LATER: i64 = 3_600;

    async fn layout() -> (House, Layout) {
        let house = House::begun().await;
        let layout = Layout::new(house.catalog.clone(), Arc::clone(&house.log) as Arc<dyn Topics>);
        (house, layout)
    }

    fn later(seconds: i64) -> Timestamp {
        at(NOW).plus_seconds(seconds)
    }

    fn field_of<T>(result: Result<T, LayoutError>) -> String {
        match result {
            Err(LayoutError::Refused(Refusal::Invalid(rejects))) => rejects[0].field.clone(),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("it holds"),
        }
    }

    #[tokio::test]
    async fn a_generation_gets_its_topic_before_its_command() {
        let (house, layout) = layout().await;
        let state = layout.add_generation(12, later(LATER)).await.unwrap();
        let registry = state.registry().unwrap();
        let (first, second) = (registry.find(1).unwrap(), registry.find(2).unwrap());
        assert_eq!((&*second.topic, second.partitions), ("resource-consumption.g2", 12));
        assert_eq!((second.hash_key, second.horizon), (first.hash_key, first.horizon));
        let there = house.log.incarnation("resource-consumption.g2").await.unwrap();
        assert_eq!(registry.incarnations(2), [there]);
        assert_eq!(registry.valid_at(later(LATER - 1)).number, 1);
        assert_eq!(registry.valid_at(later(LATER)).number, 2);
    }

    #[tokio::test]
    async fn the_same_generation_again_adds_nothing_and_another_follows() {
        let (house, layout) = layout().await;
        layout.add_generation(8, later(LATER)).await.unwrap();
        let end = house.catalog.state().offset();
        house.clock.advance(LATER);
        let again = layout.add_generation(8, later(LATER)).await.unwrap();
        assert_eq!((again.offset(), again.registry().unwrap().newest().number), (end, 2));
        let third = layout.add_generation(12, later(2 * LATER)).await.unwrap();
        assert_eq!(third.registry().unwrap().newest().partitions, 12);
        assert_eq!(third.registry().unwrap().generations().count(), 3);
    }

    #[tokio::test]
    async fn a_generation_that_does_not_hold_leaves_no_topic_behind() {
        let (house, layout) = layout().await;
        assert_eq!(field_of(layout.add_generation(8, later(899)).await), "valid_from");
        assert_eq!(field_of(layout.add_generation(0, later(LATER)).await), "partitions");
        assert_eq!(field_of(layout.add_generation(4_097, later(LATER)).await), "partitions");
        assert!(house.log.incarnation("resource-consumption.g2").await.is_err());
        assert_eq!(house.catalog.state().offset(), 5, "nothing was appended");
    }

    #[tokio::test]
    async fn a_topic_of_another_shape_in_the_way_is_told() {
        let (house, layout) = layout().await;
        house.log.declare("resource-consumption.g2", 3);
        let told = layout.add_generation(8, later(LATER)).await.unwrap_err().to_string();
        assert!(told.contains("resource-consumption.g2 has 3 partitions, not 8"), "{told}");
        assert_eq!(house.catalog.state().registry().unwrap().newest().number, 1);
        // One that a cut attempt left behind is taken.
        layout.add_generation(3, later(LATER)).await.unwrap();
    }

    #[tokio::test]
    async fn a_tenant_is_spread_from_a_time_on_and_the_same_again_adds_nothing() {
        let (house, layout) = layout().await;
        let acme = TenantId::parse("acme").unwrap();
        let state = layout.split(&acme, 4, later(LATER)).await.unwrap();
        let registry = state.registry().unwrap();
        let places = |time: Timestamp| {
            let ids = (0..64_u8).map(|number| [number]);
            let places = ids.map(|id| {
                let identity = Identity { tenant: "acme", source: "", id: &id, minute: 0 };
                registry.route(&identity, time).partition
            });
            places.collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!((places(later(LATER - 1)), places(later(LATER))), (1, 4));
        house.clock.advance(LATER);
        let again = layout.split(&acme, 4, later(LATER)).await.unwrap();
        assert_eq!((again.offset(), again.registry().unwrap().splits().len()), (state.offset(), 1));
        // Together again.
        let one = layout.split(&acme, 1, later(2 * LATER)).await.unwrap();
        assert_eq!(one.registry().unwrap().splits().len(), 2);
    }

    #[tokio::test]
    async fn what_cannot_be_spread_is_named() {
        let (_house, layout) = layout().await;
        let (acme, nobody) = (TenantId::parse("acme").unwrap(), TenantId::parse("nobody").unwrap());
        assert_eq!(field_of(layout.split(&nobody, 2, later(LATER)).await), "tenant");
        assert_eq!(field_of(layout.split(&acme, 0, later(LATER)).await), "shards");
        assert_eq!(field_of(layout.split(&acme, 5, later(LATER)).await), "shards");
        assert_eq!(field_of(layout.split(&acme, 2, later(899)).await), "valid_from");
    }
}
