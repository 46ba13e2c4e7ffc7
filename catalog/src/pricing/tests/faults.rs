//! Pricing with ports that fail: whatever is lost, late or done twice, charges come to the rating of what is counted.

use super::*;
use backends::memory::{AppendFault, ReadFault};
use domain::port::{NewRecord, ReadLimit};
use proptest::prelude::*;

/// Runs steps until nothing waits, as the loop does: a step that fails is done again from the checkpoint.
async fn settle(house: &House) {
    let owner = owner(house).await;
    for _ in 0..200 {
        if is_settled(house, &owner).await {
            return;
        }
        let loaded = progress::load(&*house.store, CATALOG, owner.number).await;
        let Ok(seen) = loaded else { continue };
        let _ = rerate::step(&owner, seen.unwrap_or(0)).await;
        let loaded = progress::load(&*house.store, REVISIONS, owner.number).await;
        let Ok(next) = loaded else { continue };
        let _ = owner.step(next.unwrap_or(0)).await;
    }
    panic!("the worker never came to an end");
}

async fn is_settled(house: &House, owner: &Partition) -> bool {
    let end = house.log.watermarks(&owner.topic()).await.unwrap().high;
    let commands = house.catalog.state().offset();
    let (Ok(next), Ok(seen)) = (
        progress::load(&*house.store, REVISIONS, owner.number).await,
        progress::load(&*house.store, CATALOG, owner.number).await,
    ) else {
        return false;
    };
    (next.unwrap_or(0), seen) == (end, Some(commands))
}

/// Uses up what faults are left, where nobody looks.
async fn drain(house: &House) {
    let elsewhere = TopicPartition::new(REVISIONS, (partition_of(&acme()) + 1) % 4);
    for _ in 0..12 {
        let _ = progress::save(&*house.store, "nowhere", 0, 0).await;
        let _ = progress::load(&*house.store, "nowhere", 0).await;
        let _ = house.log.append(&elsewhere, vec![NewRecord::default()]).await;
    }
}

fn write_fault() -> impl Strategy<Value = Option<WriteFault>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(WriteFault::Overloaded)),
        1 => Just(Some(WriteFault::Unknown([true, true, true]))),
        1 => Just(Some(WriteFault::Unknown([false, false, false]))),
    ]
}

fn append_fault() -> impl Strategy<Value = Option<AppendFault>> {
    prop_oneof![
        2 => Just(None),
        1 => Just(Some(AppendFault::Overloaded)),
        1 => Just(Some(AppendFault::UnknownStored)),
        1 => Just(Some(AppendFault::UnknownNotStored)),
    ]
}

fn read_fault() -> impl Strategy<Value = Option<ReadFault>> {
    prop_oneof![3 => Just(None), 1 => Just(Some(ReadFault::Unavailable))]
}

#[derive(Clone, Debug)]
enum Event {
    /// So many more tokens in that hour of March.
    Use(u32, i64),
    /// The price is that many cents the hundred from now on.
    Price(u32),
    /// The worker works as far as it gets.
    Work,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        3 => (0_u32..200, 1_i64..1_000).prop_map(|(hour, tokens)| Event::Use(hour, tokens)),
        1 => (1_u32..500).prop_map(Event::Price),
        2 => Just(Event::Work),
    ];
    prop::collection::vec(event, 1..12)
}

/// What was used so far, by hour: a row holds all of its hour.
#[derive(Default)]
struct Used(std::collections::BTreeMap<u32, i64>);

impl Used {
    async fn add(&mut self, house: &House, hour: u32, tokens_used: i64) {
        let all = self.0.entry(hour).or_default();
        *all += tokens_used;
        let (key, mut row) =
            tokens("acme", &format!("2026-03-{:02}T{:02}:00:00Z", 1 + hour / 24, hour % 24), *all);
        // A later state of a row has a later position.
        row.position = domain::position::Position::new(u64::try_from(*all).unwrap(), 0);
        house.count((key, row)).await;
    }
}

fn run(work: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(work);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn charges_come_to_the_rating_of_all_usage_whatever_fails_on_the_way(
        events in events(),
        writes in prop::collection::vec(write_fault(), 0..12),
        reads in prop::collection::vec(read_fault(), 0..12),
        appends in prop::collection::vec(append_fault(), 0..4),
    ) {
        run(async {
            let house = house().await;
            let (mut used, mut cents) = (Used::default(), 50);
            let mut published = std::collections::BTreeSet::from([cents]);
            for event in events {
                match event {
                    Event::Use(hour, tokens) => used.add(&house, hour, tokens).await,
                    Event::Price(price) => {
                        // The same content again is the same version: it changes nothing.
                        if published.insert(price) {
                            cents = price;
                        }
                        let text = format!("{}.{:02}", price / 100, price % 100);
                        house.submit(plan(&PLAN.replace("0.50", &text))).await;
                    }
                    Event::Work => {
                        let owner = owner(&house).await;
                        let next = progress::load(&*house.store, REVISIONS, owner.number).await.unwrap();
                        house.store.script_writes(writes.clone());
                        house.store.script_reads(reads.clone());
                        house.log.script_appends(appends.clone());
                        let _ = rerate::step(&owner, 0).await;
                        let _ = owner.step(next.unwrap_or(0)).await;
                        drain(&house).await;
                    }
                }
            }
            house.store.script_writes(writes);
            house.store.script_reads(reads);
            house.log.script_appends(appends);
            settle(&house).await;
            drain(&house).await;
            let total: i64 = used.0.values().sum();
            // Cents the hundred tokens: total × cents / 100 cents, to the nearest, on a tie to the even.
            let (whole, rest) = (total * i64::from(cents) / 100, total * i64::from(cents) % 100);
            let paid = whole + i64::from(rest > 50 || (rest == 50 && whole % 2 == 1));
            let expected: Vec<String> =
                (total > 0).then(|| format!("{}.{:02}", paid / 100, paid % 100)).into_iter().collect();
            assert_eq!(amounts(&house, "2026-03").await, expected);
        });
    }
}

#[tokio::test]
async fn an_answer_that_was_lost_costs_nothing_but_a_repetition() {
    let house = house().await;
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let owner = owner(&house).await;
    house.store.script_writes([Some(WriteFault::Unknown([true; 3]))]);
    assert!(matches!(owner.step(0).await, Err(PricingError::Store(_))));
    let written = charge_cell(&house, "2026-03").await;
    assert_eq!(owner.step(0).await.unwrap(), 1);
    assert_eq!(charge_cell(&house, "2026-03").await, written);
    assert_eq!(amounts(&house, "2026-03").await, ["1.25"]);
}

#[tokio::test]
async fn usage_that_cannot_be_read_is_not_rated_as_none() {
    let house = house().await;
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let owner = owner(&house).await;
    owner.step(0).await.unwrap();
    house.count(tokens("acme", "2026-03-01T11:00:00Z", 250)).await;
    house.store.script_reads([Some(ReadFault::Unavailable)]);
    assert!(owner.step(1).await.is_err());
    assert_eq!(amounts(&house, "2026-03").await, ["1.25"], "the charge before stands");
    assert_eq!(owner.step(1).await.unwrap(), 2);
    assert_eq!(amounts(&house, "2026-03").await, ["2.50"]);
}

#[tokio::test]
async fn triggers_that_repeat_rate_their_month_once() {
    let house = house().await;
    for _ in 0..50 {
        house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    }
    let owner = owner(&house).await;
    assert_eq!(owner.step(0).await.unwrap(), 50);
    assert_eq!(
        charge_cell(&house, "2026-03").await.unwrap().timestamp,
        (1 << 40) + 50,
        "the newest trigger's"
    );
    assert_eq!(amounts(&house, "2026-03").await, ["1.25"]);
}

#[tokio::test]
async fn a_damaged_trigger_stops_the_partition_and_a_foreign_one_does_not() {
    let house = house().await;
    let owner = owner(&house).await;
    house.log.append(&owner.topic(), vec![NewRecord::default()]).await.unwrap();
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    assert_eq!(owner.step(0).await.unwrap(), 2);
    assert_eq!(amounts(&house, "2026-03").await, ["1.25"]);
    house.count(tokens("acme", "2026-03-02T10:00:00Z", 250)).await;
    let limit = ReadLimit { bytes: 1 << 20, wait: Duration::ZERO };
    let good = house.log.read(&owner.topic(), 2, limit).await.unwrap().remove(0);
    let mut bytes = good.value.to_vec();
    bytes[0] ^= 0xff;
    let bad = NewRecord { headers: good.headers, value: bytes.into() };
    house.log.append(&owner.topic(), vec![bad]).await.unwrap();
    let error = owner.step(2).await.unwrap_err();
    assert!(matches!(error, PricingError::Trigger { offset: 3, .. }), "{error}");
    assert_eq!(progress::load(&*house.store, REVISIONS, owner.number).await.unwrap(), Some(2));
}

#[tokio::test]
async fn a_rerate_waits_until_the_catalogue_it_names_is_folded() {
    let house = house().await;
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let owner = owner(&house).await;
    let ahead = proto::published::rerate_record(&acme(), Period::parse("2026-03").unwrap(), 7);
    house.log.append(&owner.topic(), vec![ahead]).await.unwrap();
    let dearer = async {
        tokio::task::yield_now().await;
        house.submit(plan(&PLAN.replace("0.50", "2.00"))).await
    };
    let (next, settled) = futures::join!(owner.step(0), dearer);
    assert_eq!((next.unwrap(), settled.revision), (2, 6));
    assert_eq!(amounts(&house, "2026-03").await, ["5.00"]);
}

#[tokio::test(start_paused = true)]
async fn triggers_that_are_not_there_any_more_are_named_until_they_are() {
    let house = house().await;
    progress::save(&*house.store, REVISIONS, partition_of(&acme()), 9).await.unwrap();
    let standing = Standing::default();
    let ports = Ports {
        log: Arc::clone(&house.log) as Arc<dyn Log>,
        store: Arc::clone(&house.store) as Arc<dyn CellStore>,
        view: house.catalog.view().clone(),
        standing: standing.clone(),
    };
    crate::build(Config { pricing_delay_ms: 0 }, ports, house.shutdown.clone(), &house.tracker);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let number = partition_of(&acme());
    let told = format!("the triggers of partition {number}: offset 9 is outside 0 to ");
    assert!(matches!(&standing.told()[..], [only] if only.starts_with(&told)), "{:?}", standing.told());
    for _ in 0..9 {
        house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    }
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(standing.told(), [""; 0]);
    house.shutdown.cancel();
}

#[tokio::test]
async fn a_damaged_checkpoint_is_named_and_not_taken_for_the_beginning() {
    let house = house().await;
    let owner = owner(&house).await;
    let key = domain::checkpoint::worker_key(WORKER, REVISIONS, owner.number);
    house.store.write(vec![Cell { key, timestamp: 1, value: b"?".as_slice().into() }]).await.unwrap();
    let error = progress::load(&*house.store, REVISIONS, owner.number).await.unwrap_err();
    assert!(error.to_string().contains("worker_checkpoint"), "{error}");
}

#[tokio::test]
async fn a_partition_that_is_taken_away_is_left_alone_and_one_given_again_goes_on() {
    use domain::port::{Assignment, AssignmentChange};
    let house = house().await;
    let log = Arc::new(backends::memory::MemoryLog::unassigned(Arc::clone(&house.clock) as _));
    log.declare(CATALOG, 1);
    log.declare(REVISIONS, 4);
    let commands = TopicPartition::new(CATALOG, 0);
    let limit = ReadLimit { bytes: 1 << 20, wait: Duration::ZERO };
    let records = house.log.read(&commands, 0, limit).await.unwrap().into_iter();
    let records = records.map(|entry| NewRecord { headers: entry.headers, value: entry.value });
    log.append(&commands, records.collect()).await.unwrap();
    let ports = Ports {
        log: Arc::clone(&log) as Arc<dyn Log>,
        store: Arc::clone(&house.store) as Arc<dyn CellStore>,
        view: house.catalog.view().clone(),
        standing: Standing::default(),
    };
    crate::build(Config { pricing_delay_ms: 0 }, ports, house.shutdown.clone(), &house.tracker);
    let number = partition_of(&acme());
    let use_tokens = async |hour: &str| {
        let (key, row) = tokens("acme", hour, 100);
        house
            .store
            .write(vec![Cell { key: key.cell_key(), timestamp: row.position.raw(), value: row.to_blob() }])
            .await
            .unwrap();
        let record = proto::published::to_record(&proto::published::Revision { key, row });
        log.append(&TopicPartition::new(REVISIONS, number), vec![record]).await.unwrap();
    };
    let reached = async |expected: &str| {
        while charge_cell(&house, "2026-03").await.is_none() || amounts(&house, "2026-03").await != [expected]
        {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let generation = Arc::new(topic_layout(&log.incarnation(REVISIONS).await.unwrap()));
    let assignment = Assignment { generation, partitions: vec![number] };
    use_tokens("2026-03-01T10:00:00Z").await;
    // The worker must be listening before it is given anything.
    tokio::time::sleep(Duration::from_millis(20)).await;
    log.change(AssignmentChange::Assigned(assignment.clone()));
    tokio::time::timeout(Duration::from_secs(5), reached("0.50")).await.unwrap();
    log.change(AssignmentChange::Revoked(assignment.clone()));
    tokio::time::sleep(Duration::from_millis(20)).await;
    use_tokens("2026-03-01T11:00:00Z").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(amounts(&house, "2026-03").await, ["0.50"], "nobody owns the partition");
    log.change(AssignmentChange::Assigned(assignment));
    tokio::time::timeout(Duration::from_secs(5), reached("1.00")).await.unwrap();
}
