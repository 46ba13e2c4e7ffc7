//! What a view promises to those who ask it.

use super::*;
use crate::catalog::CatalogError;
use crate::command::{Change, encode};
use crate::fixture::*;
use crate::fold::{Effect, Refusal};
use async_trait::async_trait;
use domain::generation::{Generation, Incarnation};
use domain::port::{Admission, AssignmentChange, Entry, NewRecord, ReadLimit, Watermarks};
use domain::reject::RejectReason;
use domain::topic::CATALOG;
use futures::stream::BoxStream;
use std::sync::atomic::{AtomicBool, AtomicUsize};

/// A log that counts how often its end is asked for, and can be cut off.
struct Watched {
    inner: Arc<dyn Log>,
    looks: AtomicUsize,
    is_cut: AtomicBool,
}

#[async_trait]
impl Log for Watched {
    async fn append(&self, to: &TopicPartition, records: Vec<NewRecord>) -> Result<Vec<u64>, LogError> {
        self.inner.append(to, records).await
    }

    async fn read(
        &self,
        from: &TopicPartition,
        offset: u64,
        limit: ReadLimit,
    ) -> Result<Vec<Entry>, LogError> {
        if self.is_cut.load(Ordering::SeqCst) {
            return Err(LogError::Unavailable("cut".to_owned()));
        }
        self.inner.read(from, offset, limit).await
    }

    async fn watermarks(&self, of: &TopicPartition) -> Result<Watermarks, LogError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        // Others get to ask while this look is under way.
        tokio::task::yield_now().await;
        if self.is_cut.load(Ordering::SeqCst) {
            return Err(LogError::Unavailable("cut".to_owned()));
        }
        self.inner.watermarks(of).await
    }

    async fn incarnation(&self, topic: &str) -> Result<Incarnation, LogError> {
        self.inner.incarnation(topic).await
    }

    fn assignments(&self, generation: Arc<Generation>) -> BoxStream<'static, AssignmentChange> {
        self.inner.assignments(generation)
    }
}

async fn watched(house: &House) -> (Arc<Watched>, View) {
    let inner = Arc::clone(&house.log) as Arc<dyn Log>;
    let log = Arc::new(Watched { inner, looks: AtomicUsize::new(0), is_cut: AtomicBool::new(false) });
    let clock = Arc::clone(&house.clock) as Arc<dyn Clock>;
    let opened = View::open(Arc::clone(&log) as Arc<dyn Log>, clock, house.shutdown.clone(), &house.tracker);
    (Arc::clone(&log), opened.await.unwrap())
}

async fn append(house: &House, change: Change) -> u64 {
    house.log.append(&partition(), vec![encode(&command(change))]).await.unwrap()[0]
}

#[tokio::test]
async fn what_another_process_made_valid_is_seen_by_the_next_pulse() {
    let house = House::begun().await;
    let pulses = [pulse("globex", "llm.input", "token", &[], at(NOW))];
    let refused = house.catalog.view().admit(at(NOW), &pulses).await.unwrap();
    assert_eq!(refused.decisions[0].as_ref().unwrap_err().reason, RejectReason::UnknownTenant);
    // Nothing is awaited in between: the view has not folded this when the pulse arrives.
    append(&house, tenant("globex")).await;
    let admitted = house.catalog.view().admit(at(NOW), &pulses).await.unwrap();
    assert_eq!(admitted.decisions[0].as_ref().unwrap().catalog_offset, 6);
    assert_eq!(admitted.registry.newest().number, 1);
}

#[tokio::test]
async fn a_view_that_was_not_confirmed_for_five_minutes_decides_nothing() {
    let house = House::begun().await;
    let (log, view) = watched(&house).await;
    let pulses = [pulse("acme", "llm.input", "token", &[], at(NOW))];
    log.is_cut.store(true, Ordering::SeqCst);
    let later = |seconds| at(NOW).plus_seconds(seconds);
    assert!(view.admit(later(300), &pulses).await.unwrap().decisions[0].is_ok());
    assert!(view.admit(later(301), &pulses).await.is_err());
    let unknown = [pulse("nobody", "llm.input", "token", &[], at(NOW))];
    assert!(view.admit(later(0), &unknown).await.is_err(), "what is unknown is not refused before a look");
    log.is_cut.store(false, Ordering::SeqCst);
    house.clock.set(later(301));
    assert!(view.admit(later(301), &pulses).await.unwrap().decisions[0].is_ok());
}

#[tokio::test]
async fn all_who_ask_at_once_share_a_look_at_the_logs_end() {
    let house = House::begun().await;
    let (log, view) = watched(&house).await;
    let before = log.looks.load(Ordering::SeqCst);
    let asked = (0..50).map(|_| view.confirm());
    assert!(futures::future::join_all(asked).await.iter().all(Result::is_ok));
    // One look that was under way when the others asked, and one that began after they did.
    assert!(log.looks.load(Ordering::SeqCst) - before <= 2);
}

#[tokio::test]
async fn a_view_stands_still_at_what_it_does_not_know_and_says_so() {
    let house = House::begun().await;
    let offset = append(&house, Change::SetRules(9)).await;
    let halt = Halt::NewerRules { offset, version: 9 };
    assert_eq!(house.catalog.view().confirm().await, Err(ViewError::Halted(halt.clone())));
    assert_eq!(house.catalog.view().find_halt(), Some(halt.clone()));
    let admitted = house.catalog.view().admit(at(NOW).plus_seconds(301), &[]).await;
    assert!(admitted.unwrap_err().0.contains("upgrade this process"));
    let put = house.catalog.submit(wish(tenant("globex"))).await;
    assert!(matches!(put, Err(CatalogError::View(ViewError::Halted(_)))));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_cut_confirms_nothing_also_when_it_has_grown_again() {
    let house = House::begun().await;
    let view = house.catalog.view();
    house.log.truncate(&partition(), 3).unwrap();
    assert_eq!(view.confirm().await, Err(ViewError::Short { end: 3, folded: 5 }));
    let told = view.find_halt();
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let halt = Halt::Replaced { expected: 5, low: 0, high: 3 };
    assert_eq!(view.find_halt(), Some(halt.clone()), "{told:?} before");
    for name in ["globex", "initech", "hooli"] {
        append(&house, tenant(name)).await;
    }
    assert_eq!(view.confirm().await, Err(ViewError::Halted(halt)));
    let later = at(NOW).plus_seconds(301);
    house.clock.set(later);
    assert!(view.admit(later, &[]).await.is_err(), "nothing is decided by a log that nobody knows");
}

#[tokio::test]
async fn a_log_that_was_never_begun_opens_no_view() {
    let house = House::empty().await;
    house.log.recreate(CATALOG, 2, vec![0]);
    let (log, clock) = (Arc::clone(&house.log) as Arc<dyn Log>, Arc::clone(&house.clock) as Arc<dyn Clock>);
    let opened = View::open(log, clock, house.shutdown.clone(), &house.tracker).await;
    assert_eq!(opened.err(), Some(ViewError::Empty));
}

#[tokio::test]
async fn of_two_processes_that_change_one_revision_one_is_told_so() {
    let house = House::begun().await;
    let other = crate::catalog::Catalog::new(house.another_view().await);
    let with = |name: &str| {
        let Change::PutTenant(id, mut tenant) = tenant("acme") else { unreachable!() };
        tenant.name = crate::resource::Text::parse(name, "name").unwrap();
        crate::catalog::Wish { expected_revision: Some(2), ..wish(Change::PutTenant(id, tenant)) }
    };
    let (one, two) = futures::join!(house.catalog.submit(with("one")), other.submit(with("two")));
    let outcomes = [one.unwrap(), two.unwrap()];
    let applied = outcomes.iter().flatten().filter(|settled| settled.effect == Effect::Applied);
    assert_eq!(applied.count(), 1);
    assert!(outcomes.iter().any(|outcome| matches!(outcome, Err(Refusal::RevisionMismatch(Some(5))))));
}

#[tokio::test]
async fn what_changes_nothing_is_answered_and_not_appended() {
    let house = House::begun().await;
    let end = house.catalog.state().offset();
    assert_eq!(house.submit(tenant("acme")).await.effect, Effect::Unchanged);
    let missing =
        Change::Delete(crate::resource::ResourceName::Sku(domain::id::SkuId::parse("none").unwrap()));
    assert_eq!(house.catalog.submit(wish(missing)).await.unwrap(), Err(Refusal::NotFound));
    assert_eq!(house.log.watermarks(&partition()).await.unwrap().high, end);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_could_not_be_read_for_a_while_is_followed_on() {
    let house = House::begun().await;
    let (log, view) = watched(&house).await;
    log.is_cut.store(true, Ordering::SeqCst);
    // The read that is under way still answers; those after it fail and are made again.
    append(&house, tenant("globex")).await;
    append(&house, tenant("initech")).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    append(&house, tenant("hooli")).await;
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    assert!(view.confirm().await.is_err() && view.find_halt().is_none());
    log.is_cut.store(false, Ordering::SeqCst);
    let state = view.at_least(8).await.unwrap();
    assert_eq!(state.tenants().live().count(), 4);
    assert_eq!(*state, *house.catalog.view().confirm().await.unwrap());
}

#[tokio::test]
async fn every_view_of_a_log_comes_to_the_same_state() {
    let house = House::begun().await;
    let others = [house.another_view().await, house.another_view().await];
    for number in 0..20 {
        let change = match number % 4 {
            0 => tenant(&format!("t{number}")),
            1 => sku(&format!("s{number}"), "GB.h", &["zone"]),
            2 => unit(&format!("u{number}"), "data", "7/3"),
            _ => plan(&PLAN.replace("0.50", &format!("0.{number}1"))),
        };
        house.submit(change).await;
    }
    let last = house.another_view().await;
    let state = house.catalog.state();
    for view in others.iter().chain([&last]) {
        assert_eq!(*view.at_least(state.offset()).await.unwrap(), *state);
    }
}

#[tokio::test]
async fn an_offset_that_is_reached_already_is_not_waited_for() {
    let house = House::begun().await;
    let view = house.catalog.view();
    for offset in [0, 1, 5] {
        assert_eq!(view.at_least(offset).await.unwrap().offset(), 5);
    }
    append(&house, Change::SetRules(9)).await;
    assert_eq!(
        view.at_least(5).await.unwrap().offset(),
        5,
        "what is folded is there, whatever comes after it"
    );
    let halted = view.at_least(6).await.unwrap_err();
    assert!(halted.to_string().contains("catalogue rules 9 hold from record 5 on"), "{halted}");
}
