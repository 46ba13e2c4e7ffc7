//! What becomes of wishes when others wish too, and when answers get lost.

use super::*;
use crate::fixture::*;
use crate::fold::{Refusal, Settled};
use backends::memory::AppendFault;
use domain::id::TenantId;
use domain::port::Log;
use std::collections::BTreeSet;

fn keyed(key: &str, change: Change) -> Wish {
    Wish { idempotency_key: Some(key.to_owned()), ..wish(change) }
}

async fn log_end(house: &House) -> u64 {
    house.log.watermarks(&partition()).await.unwrap().high
}

#[tokio::test]
async fn fifty_who_wish_the_same_at_once_get_one_change() {
    let house = House::begun().await;
    let other = Catalog::new(house.another_view().await);
    let wishes = (0..50).map(|number| {
        let catalog = if number % 2 == 0 { &house.catalog } else { &other };
        catalog.submit(wish(tenant("globex")))
    });
    let outcomes: Vec<Settled> = futures::future::join_all(wishes)
        .await
        .into_iter()
        .map(|outcome| outcome.unwrap().unwrap())
        .collect();
    let applied = outcomes.iter().filter(|settled| settled.effect == Effect::Applied).count();
    let revisions: BTreeSet<u64> = outcomes.iter().map(|settled| settled.revision).collect();
    assert_eq!((applied, revisions), (1, BTreeSet::from([5])));
}

#[tokio::test]
async fn a_revision_is_changed_once_by_however_many_who_saw_it() {
    let house = House::begun().await;
    let mut revision = 2;
    for round in 0..5 {
        let wishes = (0..8).map(|number| {
            let Change::PutTenant(id, mut value) = tenant("acme") else { unreachable!() };
            value.name = crate::resource::Text::parse(&format!("{round}-{number}"), "name").unwrap();
            let change = Change::PutTenant(id, value);
            house.catalog.submit(Wish { expected_revision: Some(revision), ..wish(change) })
        });
        let outcomes: Vec<Outcome> =
            futures::future::join_all(wishes).await.into_iter().map(Result::unwrap).collect();
        let winners: Vec<&Settled> = outcomes.iter().flatten().collect();
        assert_eq!(winners.len(), 1, "round {round}");
        revision = winners[0].revision;
        let current =
            house.catalog.state().tenants().find(&TenantId::parse("acme").unwrap()).unwrap().revision;
        assert_eq!(current, revision);
    }
}

#[tokio::test]
async fn one_key_used_at_once_by_many_is_one_command() {
    let house = House::begun().await;
    let other = Catalog::new(house.another_view().await);
    let wishes = (0..20).map(|number| {
        let catalog = if number % 2 == 0 { &house.catalog } else { &other };
        catalog.submit(keyed("k", plan(&PLAN.replace("0.50", "0.75"))))
    });
    let outcomes: Vec<Settled> = futures::future::join_all(wishes)
        .await
        .into_iter()
        .map(|outcome| outcome.unwrap().unwrap())
        .collect();
    assert_eq!(outcomes.iter().filter(|settled| !settled.replayed).count(), 1);
    let answers: BTreeSet<(u64, Option<u32>)> =
        outcomes.iter().map(|settled| (settled.revision, settled.plan_version)).collect();
    assert_eq!(answers, BTreeSet::from([(5, Some(2))]), "all are answered as the first was");
}

#[tokio::test]
async fn one_key_for_two_wishes_is_granted_to_the_first() {
    let house = House::begun().await;
    let (one, two) = futures::join!(
        house.catalog.submit(keyed("k", tenant("globex"))),
        house.catalog.submit(keyed("k", tenant("initech")))
    );
    let outcomes = [one.unwrap(), two.unwrap()];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert!(outcomes.contains(&Err(Refusal::KeyReused)));
    let live = house.catalog.state().tenants().live().count();
    assert_eq!(live, 2, "acme, and the one that was granted");
}

#[tokio::test]
async fn what_was_stored_though_its_answer_was_lost_is_found_done() {
    for (fault, revision) in [(AppendFault::UnknownStored, 5), (AppendFault::UnknownNotStored, 5)] {
        let house = House::begun().await;
        house.log.script_appends([Some(fault)]);
        let error = house.catalog.submit(wish(tenant("globex"))).await.unwrap_err();
        assert!(matches!(error, CatalogError::View(ViewError::Log(LogError::UnknownOutcome(_)))), "{error}");
        house.catalog.view().confirm().await.unwrap();
        let settled = house.submit(tenant("globex")).await;
        assert_eq!(settled.revision, revision, "{fault:?}");
        assert_eq!(log_end(&house).await, 6, "{fault:?}: there is one command of it");
    }
}

#[tokio::test]
async fn a_key_makes_a_lost_answer_known_even_where_others_changed_it_since() {
    let house = House::begun().await;
    house.log.script_appends([Some(AppendFault::UnknownStored)]);
    let suspend = || {
        let Change::PutTenant(id, mut value) = tenant("acme") else { unreachable!() };
        value.status = crate::resource::TenantStatus::Suspended;
        keyed("k", Change::PutTenant(id, value))
    };
    house.catalog.submit(suspend()).await.unwrap_err();
    house.catalog.view().confirm().await.unwrap();
    house.submit(tenant("acme")).await;
    let again = house.catalog.submit(suspend()).await.unwrap().unwrap();
    assert_eq!((again.replayed, again.effect, again.revision), (true, Effect::Applied, 5));
    let acme = house.catalog.state().tenants().find(&TenantId::parse("acme").unwrap()).unwrap().value.clone();
    assert_eq!(acme.status, crate::resource::TenantStatus::Active, "the repetition changes nothing");
}

#[tokio::test]
async fn a_refusal_of_a_stale_view_is_looked_at_again() {
    let house = House::begun().await;
    let other = Catalog::new(house.another_view().await);
    other.submit(wish(tenant("globex"))).await.unwrap().unwrap();
    // The house's view may not have folded the tenant yet; the contract must not be refused for that.
    let contract = put(contract("g", "globex", "2026-01-01T00:00:00Z", None));
    assert!(house.catalog.submit(wish(contract)).await.unwrap().is_ok());
}

#[tokio::test]
async fn refusals_are_not_appended_and_keys_of_unchanged_wishes_are() {
    let house = House::begun().await;
    let end = log_end(&house).await;
    house.catalog.submit(wish(sku("x", "furlong", &[]))).await.unwrap().unwrap_err();
    house.catalog.submit(keyed("k", sku("x", "furlong", &[]))).await.unwrap().unwrap_err();
    house.submit(tenant("acme")).await;
    assert_eq!(log_end(&house).await, end);
    let unchanged = house.catalog.submit(keyed("k", tenant("acme"))).await.unwrap().unwrap();
    assert_eq!((unchanged.effect, unchanged.replayed), (Effect::Unchanged, false));
    assert_eq!(log_end(&house).await, end + 1);
    let again = house.catalog.submit(keyed("k", tenant("acme"))).await.unwrap().unwrap();
    assert_eq!((again.effect, again.replayed), (Effect::Unchanged, true));
    assert_eq!(log_end(&house).await, end + 1, "a repetition needs no record");
}

#[tokio::test(start_paused = true)]
async fn a_command_that_is_not_folded_in_time_has_no_known_outcome() {
    let house = House::begun().await;
    // A later record that this process cannot read stops the view before the command is folded.
    house.log.append(&partition(), vec![encode(&command(Change::SetRules(9)))]).await.unwrap();
    let error = house.catalog.submit(wish(tenant("globex"))).await.unwrap_err();
    assert!(
        matches!(error, CatalogError::View(ViewError::Halted(Halt::NewerRules { version: 9, .. }))),
        "{error}"
    );
    house.shutdown.cancel();
    let stopped = House::begun().await;
    stopped.shutdown.cancel();
    tokio::task::yield_now().await;
    let error = stopped.catalog.submit(wish(tenant("globex"))).await.unwrap_err();
    assert_eq!(error, CatalogError::UnknownOutcome("it was not folded in time"));
    assert_eq!(error.to_string(), "the outcome of the command is unknown: it was not folded in time");
}
