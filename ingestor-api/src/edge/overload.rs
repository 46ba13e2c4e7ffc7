//! An edge that is asked for more than its log takes: it goes on at its pace, refuses the rest, and loses nothing.

use super::*;
use crate::outcome::Outcome;
use crate::testing::{House, raw, report};
use backends::memory::AppendFault;
use domain::code::Code;
use futures::FutureExt;
use futures::future::join_all;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::time::Duration;

const BATCH_PULSES: usize = 10;
/// What the bound of these tests holds: a pulse counts with 100 bytes and its parsed form.
const CALLS_AT_ONCE: usize = 20;
const IN_FLIGHT_BYTES: usize = CALLS_AT_ONCE * BATCH_PULSES * (100 + PARSED_BYTES);

fn edge(house: &House) -> Edge {
    house.edge_with(&Config { in_flight_bytes_max: IN_FLIGHT_BYTES, ..Config::default() })
}

fn ids(client: usize, batch: usize) -> Vec<String> {
    (0..BATCH_PULSES).map(|pulse| format!("{client}-{batch}-{pulse}")).collect()
}

async fn send(edge: &Edge, ids: &[String]) -> Result<Taken, NotTaken> {
    edge.take(ids.iter().map(|id| report(raw(id))).collect(), Ids::Required).await
}

/// What clients saw.
#[derive(Default)]
struct Seen {
    acknowledged: RefCell<BTreeSet<String>>,
    refusals: Cell<usize>,
}

/// A client that sends batch after batch, and each again while it is not taken.
async fn client(edge: &Edge, number: usize, seen: &Seen) {
    for batch in 0.. {
        let ids = ids(number, batch);
        while let Err(refusal) = send(edge, &ids).await {
            assert_eq!(refusal.code, Code::Overloaded);
            seen.refusals.set(seen.refusals.get() + 1);
            tokio::time::sleep(refusal.retry_delay().expect("a refusal says when to come again")).await;
        }
        seen.acknowledged.borrow_mut().extend(ids);
    }
}

/// What so many clients get done in three seconds with a log that takes 30 ms for an append.
async fn flood(clients: usize) -> (House, Seen) {
    let (house, seen) = (House::new(), Seen::default());
    let edge = edge(&house);
    house.log.take_for_an_append(Duration::from_millis(30));
    let all = join_all((0..clients).map(|number| client(&edge, number, &seen)));
    tokio::time::timeout(Duration::from_secs(3), all).await.unwrap_err();
    house.log.take_for_an_append(Duration::ZERO);
    house.tracker.close();
    house.tracker.wait().await;
    (house, seen)
}

#[tokio::test(start_paused = true)]
async fn under_three_times_what_it_takes_an_edge_goes_on_at_its_pace() {
    let (_, calm) = flood(CALLS_AT_ONCE).await;
    let (house, flooded) = flood(3 * CALLS_AT_ONCE).await;
    let (peak, goodput) = (calm.acknowledged.borrow().len(), flooded.acknowledged.borrow().len());
    assert_eq!(calm.refusals.get(), 0);
    assert!(flooded.refusals.get() > 0, "the bound was reached");
    assert!(goodput * 10 >= peak * 9, "{goodput} of {peak}");
    let stored = house.accepted_ids().await;
    let distinct: BTreeSet<String> = stored.iter().cloned().collect();
    assert_eq!(distinct.len(), stored.len(), "nothing was stored twice");
    assert!(flooded.acknowledged.borrow().is_subset(&distinct), "what was acknowledged is stored");
}

#[tokio::test]
async fn while_the_log_is_frozen_memory_is_bounded_and_nothing_is_acknowledged() {
    let house = House::new();
    let edge = edge(&house);
    house.log.shut();
    let batches: Vec<_> = (0..3 * CALLS_AT_ONCE).map(|client| ids(client, 0)).collect();
    let mut waiting = Vec::new();
    for ids in &batches {
        let mut call = Box::pin(send(&edge, ids));
        match call.as_mut().now_or_never() {
            None => waiting.push((ids, call)),
            Some(answer) => {
                let refusal = answer.unwrap_err();
                assert_eq!((refusal.code, refusal.retry_delay().is_some()), (Code::Overloaded, true));
            }
        }
    }
    assert_eq!((waiting.len(), edge.budget.available_permits()), (CALLS_AT_ONCE, 0));
    assert!(house.kept().await.is_empty());
    house.log.open();
    let mut acknowledged = BTreeSet::new();
    for (ids, call) in waiting {
        assert_eq!(call.await.unwrap().outcomes, vec![Outcome::Accepted; BATCH_PULSES]);
        acknowledged.extend(ids.iter().cloned());
    }
    assert_eq!(house.accepted_ids().await.into_iter().collect::<BTreeSet<_>>(), acknowledged);
    assert_eq!(edge.budget.available_permits(), IN_FLIGHT_BYTES, "all room is given back");
}

#[tokio::test]
async fn while_the_disk_is_full_calls_are_refused_and_later_stored_once() {
    let house = House::new();
    let edge = edge(&house);
    house.log.memory.script_appends(vec![Some(AppendFault::Overloaded); 5]);
    let ids = ids(0, 0);
    for _ in 0..5 {
        assert_eq!(send(&edge, &ids).await.unwrap_err().code, Code::Overloaded);
        assert!(house.kept().await.is_empty());
    }
    assert_eq!(send(&edge, &ids).await.unwrap().outcomes, vec![Outcome::Accepted; BATCH_PULSES]);
    assert_eq!(send(&edge, &ids).await.unwrap().outcomes, vec![Outcome::Duplicate; BATCH_PULSES]);
    assert_eq!(house.accepted_ids().await, ids);
    assert_eq!(edge.budget.available_permits(), IN_FLIGHT_BYTES);
}

#[tokio::test]
async fn a_log_that_flickers_loses_nothing_that_was_acknowledged() {
    let house = House::new();
    let edge = edge(&house);
    let faults = [
        AppendFault::Overloaded,
        AppendFault::UnknownStored,
        AppendFault::UnknownNotStored,
        AppendFault::UnknownSubsetStored(0b10),
    ];
    let script = faults.iter().flat_map(|fault| [Some(*fault), None]).cycle().take(80);
    house.log.memory.script_appends(script.collect::<Vec<_>>());
    let mut acknowledged = BTreeSet::new();
    for batch in 0..60 {
        let ids = ids(0, batch);
        if send(&edge, &ids).await.is_ok() {
            acknowledged.extend(ids);
        }
    }
    assert!(acknowledged.len() >= 30 * BATCH_PULSES);
    let stored: BTreeSet<String> = house.accepted_ids().await.into_iter().collect();
    assert!(acknowledged.is_subset(&stored));
}
