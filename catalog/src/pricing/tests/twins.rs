//! Two of everything on one log and one store: the bill is that of one.

use super::*;
use crate::catalog::Catalog;

/// A house, and that many processes that take commands and price.
async fn processes(count: usize) -> (House, Vec<Catalog>) {
    let house = house().await;
    let mut catalogs = Vec::new();
    for _ in 0..count {
        let ports = Ports {
            log: Arc::clone(&house.log) as Arc<dyn Log>,
            store: Arc::clone(&house.store) as Arc<dyn CellStore>,
            view: house.another_view().await,
            standing: Standing::default(),
        };
        let config = Config { pricing_delay_ms: 0 };
        catalogs.push(crate::build(config, ports, house.shutdown.clone(), &house.tracker));
    }
    (house, catalogs)
}

/// Whether everything that lies in both logs is dealt with.
async fn is_settled(house: &House) -> bool {
    let number = partition_of(&acme());
    let triggers = house.log.watermarks(&TopicPartition::new(REVISIONS, number)).await.unwrap().high;
    let commands = house.catalog.view().confirm().await.unwrap().offset();
    let priced = progress::load(&*house.store, REVISIONS, number).await.unwrap();
    let followed = progress::load(&*house.store, CATALOG, number).await.unwrap();
    (priced, followed) == (Some(triggers), Some(commands))
}

/// Uses tokens and changes prices, a day after the other, by whichever process has its turn; then lets all finish.
async fn live(count: usize) -> House {
    let (house, catalogs) = processes(count).await;
    for day in 1..=5_u8 {
        let hour = format!("2026-03-0{day}T10:00:00Z");
        house.count(tokens("acme", &hour, i64::from(day) * 100)).await;
        let price = plan(&PLAN.replace("0.50", &format!("0.{}1", day + 1)));
        let turns = catalogs.iter().cycle().skip(usize::from(day)).take(count);
        let wishes = turns.map(|catalog| catalog.submit(wish(price.clone())));
        let outcomes = futures::future::join_all(wishes).await;
        assert!(outcomes.into_iter().all(|outcome| outcome.unwrap().is_ok()));
    }
    let settled = async {
        while !is_settled(&house).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), settled).await.unwrap();
    house.shutdown.cancel();
    house.tracker.close();
    house.tracker.wait().await;
    house
}

#[tokio::test]
async fn two_processes_at_once_change_nothing() {
    let (one, two) = (live(1).await, live(2).await);
    // 1,500 tokens at 0.61 the hundred.
    assert_eq!(amounts(&one, "2026-03").await, ["9.15"]);
    let (alone, together) = (charge_cell(&one, "2026-03").await, charge_cell(&two, "2026-03").await);
    assert_eq!(
        Charges::from_blob(&alone.unwrap().value).unwrap().charges[0].amount,
        Charges::from_blob(&together.unwrap().value).unwrap().charges[0].amount
    );
    let versions = |house: &House| house.catalog.state().plans().next().unwrap().1.versions().len();
    assert_eq!((versions(&one), versions(&two)), (6, 6), "the same wish of two processes is one version");
}

/// Whoever comes last with the same trigger writes the same bytes, so it does not matter who that is.
#[tokio::test]
async fn two_workers_write_the_same_bytes_for_a_trigger() {
    let house = house().await;
    house.count(tokens("acme", "2026-03-01T10:00:00Z", 250)).await;
    let (one, other) = (owner(&house).await, owner(&house).await);
    assert_eq!(one.step(0).await.unwrap(), 1);
    let first = charge_cell(&house, "2026-03").await;
    assert_eq!(other.step(0).await.unwrap(), 1);
    assert_eq!(charge_cell(&house, "2026-03").await, first);
    let both = futures::join!(one.step(0), other.step(0));
    assert_eq!((both.0.unwrap(), both.1.unwrap()), (1, 1));
    assert_eq!(charge_cell(&house, "2026-03").await, first);
}
