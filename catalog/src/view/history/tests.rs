//! The catalogue as it was, against a naive folding of what had arrived by then.

use super::*;
use crate::catalog::Wish;
use crate::command::{Change, Command, encode};
use crate::fixture::*;
use domain::port::Log;
use domain::topic::CATALOG;
use proptest::prelude::*;

/// Seconds after [`NOW`] at which commands of a log arrived, as their appenders' clocks told.
fn arrivals() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(-20_i64..200, 1..25)
}

fn change(number: usize) -> Change {
    match number % 3 {
        0 => tenant(&format!("t{number}")),
        1 => sku(&format!("s{number}"), "GB", &[]),
        _ => unit(&format!("u{number}"), "page", "7"),
    }
}

/// A house whose log holds commands of those arrivals behind its first two.
async fn house(arrivals: &[i64]) -> House {
    let house = House::empty().await;
    let records = arrivals.iter().enumerate().map(|(number, seconds)| {
        let arrival_time = at(NOW).plus_seconds(*seconds);
        encode(&Command { arrival_time, ..command(change(number)) })
    });
    let records: Vec<_> = records.collect();
    house.log.append(&partition(), records).await.unwrap();
    house.clock.set(at(NOW).plus_seconds(1_000));
    house
}

/// Where the commands end that had arrived by then: a clock that goes back is taken to stand still.
fn end(arrivals: &[i64], asked: i64) -> u64 {
    let mut clock = 0;
    let arrived = arrivals.iter().take_while(|seconds| {
        clock = clock.max(**seconds);
        clock <= asked
    });
    2 + u64::try_from(arrived.count()).unwrap()
}

fn folded(arrivals: &[i64], end: u64) -> State {
    let (generation, incarnation) = first_generation();
    let first = [Change::AddGeneration(generation, incarnation), Change::SetRules(1)];
    let mut state = State::default();
    let all = first.into_iter().map(|change| (0, change));
    let all = all.chain(arrivals.iter().enumerate().map(|(number, seconds)| (*seconds, change(number))));
    for (seconds, change) in all.take(usize::try_from(end).unwrap()) {
        let arrival_time = at(NOW).plus_seconds(seconds);
        state.apply(&Command { arrival_time, ..command(change) }).unwrap().unwrap();
    }
    state
}

fn run(work: impl Future<Output = Result<(), TestCaseError>>) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_past_is_what_had_arrived_by_then_in_whatever_order_it_is_asked_for(arrivals in arrivals(), asked in prop::collection::vec(0_i64..220, 1..25)) {
        run(async {
            let house = house(&arrivals).await;
            let view = house.catalog.view();
            let last = arrivals.iter().copied().max().unwrap().max(0);
            for asked in asked {
                let seen = view.as_of(at(NOW).plus_seconds(asked)).await.unwrap();
                let end = end(&arrivals, asked);
                prop_assert_eq!(seen.value.offset(), end);
                prop_assert_eq!(seen.is_final, asked < last);
                prop_assert_eq!(&*seen.value, &folded(&arrivals, end));
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn before_the_first_command_nothing_was_there() {
    let house = House::begun().await;
    let seen = house.catalog.view().as_of(at("2020-01-01T00:00:00Z")).await.unwrap();
    assert_eq!((seen.value.offset(), seen.is_final), (0, true));
    assert_eq!(*seen.value, State::default());
}

#[tokio::test]
async fn an_answer_becomes_final_by_a_later_command_and_never_changes_then() {
    let house = House::begun().await;
    let view = house.catalog.view();
    let open = view.as_of(at(NOW)).await.unwrap();
    assert!(!open.is_final, "a command of this very instant may still come");
    house.submit(tenant("globex")).await;
    let still_open = view.as_of(at(NOW)).await.unwrap();
    assert_eq!((still_open.value.offset(), still_open.is_final), (open.value.offset() + 1, false));
    house.clock.advance(1);
    house.submit(tenant("initech")).await;
    let closed = view.as_of(at(NOW)).await.unwrap();
    assert_eq!((closed.value.offset(), closed.is_final), (still_open.value.offset(), true));
    // A clock that goes back does not open it again.
    house.clock.set(at(NOW));
    house.submit(tenant("hooli")).await;
    assert_eq!(view.as_of(at(NOW)).await.unwrap(), closed);
}

#[tokio::test]
async fn the_present_is_looked_up_at_the_logs_end() {
    let house = House::begun().await;
    let other = crate::catalog::Catalog::new(house.another_view().await);
    house.clock.advance(10);
    other.submit(wish(tenant("globex"))).await.unwrap().unwrap();
    // Nothing is awaited in between: the house's own view has not folded this yet.
    let seen = house.catalog.view().as_of(at(NOW).plus_seconds(10)).await.unwrap();
    assert_eq!(seen.value.offset(), 6);
}

#[tokio::test]
async fn more_pasts_than_are_kept_are_all_right() {
    let arrivals: Vec<i64> = (0..60).map(|number| number * 3).collect();
    let house = house(&arrivals).await;
    for asked in (0..180).rev().chain(0..180).step_by(7) {
        let seen = house.catalog.view().as_of(at(NOW).plus_seconds(asked)).await.unwrap();
        assert_eq!(seen.value.offset(), end(&arrivals, asked), "{asked}");
    }
    let history = house.catalog.view().0.history.lock().await;
    assert_eq!(history.0.len(), KEPT_MAX);
}

#[tokio::test]
async fn a_state_that_is_kept_is_given_again_without_a_look_at_the_log() {
    let arrivals = [0, 5, 10, 15];
    let house = house(&arrivals).await;
    let view = house.catalog.view();
    let first = view.as_of(at(NOW).plus_seconds(7)).await.unwrap();
    house.log.damage(&domain::port::TopicPartition::new(CATALOG, 0), 1).unwrap();
    for seconds in [5, 7, 9] {
        let again = view.as_of(at(NOW).plus_seconds(seconds)).await.unwrap();
        assert!(Arc::ptr_eq(&first.value, &again.value), "{seconds}");
    }
    // Later instants go on from it; earlier ones need the damaged record.
    assert_eq!(view.as_of(at(NOW).plus_seconds(12)).await.unwrap().value.offset(), 5);
    assert!(view.as_of(at(NOW).plus_seconds(2)).await.is_err());
}

#[tokio::test]
async fn many_who_ask_at_once_are_answered_alike() {
    let arrivals: Vec<i64> = (0..50).collect();
    let house = house(&arrivals).await;
    let view = house.catalog.view();
    let asked = (0..100).map(|_| view.as_of(at(NOW).plus_seconds(25)));
    let answers: Vec<_> = futures::future::join_all(asked).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| Arc::ptr_eq(&answer.value, &answers[0].value)));
    assert_eq!(answers[0].value.offset(), end(&arrivals, 25));
}

#[tokio::test]
async fn what_was_refused_and_what_was_replayed_leave_the_past_as_it_was() {
    let house = House::begun().await;
    let keyed = || Wish { idempotency_key: Some("k".into()), ..wish(tenant("globex")) };
    house.clock.advance(1);
    house.catalog.submit(keyed()).await.unwrap().unwrap();
    house.clock.advance(1);
    house.catalog.submit(keyed()).await.unwrap().unwrap();
    house.clock.advance(1);
    house.submit(tenant("initech")).await;
    let names = async |seconds: i64| -> Vec<String> {
        let seen = house.catalog.view().as_of(at(NOW).plus_seconds(seconds)).await.unwrap();
        seen.value.tenants().live().map(|(id, _)| id.to_string()).collect()
    };
    assert_eq!(names(0).await, ["acme"]);
    assert_eq!(names(2).await, ["acme", "globex"]);
    assert_eq!(names(3).await, ["acme", "globex", "initech"]);
}
