//! The schema is made once, and what is wrong with it is found by name and mended.

use super::keyspace::{self, Keyspace};
use backends::scylla::schema::{Mend, apply, check};
use backends::scylla::{OpenError, ScyllaOptions};
use domain::table::TABLES;

/// What is wrong, each as `place setting`.
async fn wrong(keyspace: &Keyspace) -> Vec<String> {
    let found = check(&keyspace.options).await.unwrap();
    found.iter().map(|finding| format!("{} {}", finding.place, finding.setting)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_is_made_once_checked_and_mended_by_name() {
    keyspace::with(async |keyspace| {
        a_schema_is_made_once(keyspace).await;
        every_setting_that_a_statement_changed_is_found_by_its_name(keyspace).await;
        what_was_found_is_mended(keyspace).await;
        what_only_a_person_can_mend_is_left_and_refused(keyspace).await;
    })
    .await;
}

async fn a_schema_is_made_once(keyspace: &Keyspace) {
    let made = apply(&keyspace.options).await.unwrap();
    assert_eq!(made.len(), 1 + TABLES.len());
    assert!(made.iter().all(|finding| finding.is == "absent"), "{made:?}");
    assert_eq!(apply(&keyspace.options).await, Ok(vec![]), "the second time there is nothing to do");
    assert_eq!(check(&keyspace.options).await, Ok(vec![]));
}

async fn every_setting_that_a_statement_changed_is_found_by_its_name(keyspace: &Keyspace) {
    let windows = "{'class': 'TimeWindowCompactionStrategy'}";
    for change in [
        &format!("ALTER TABLE ks.aggregate WITH compaction = {windows}"),
        "ALTER TABLE ks.page WITH compression = {'enabled': 'false'}",
        "ALTER TABLE ks.ledger WITH default_time_to_live = 60 AND gc_grace_seconds = 0",
        "ALTER TABLE ks.charge WITH comment = 'mine'",
        "ALTER KEYSPACE ks WITH durable_writes = false",
        "DROP TABLE ks.watermark",
    ] {
        keyspace.run(change).await;
    }
    let expected = [
        &format!("keyspace {} durable_writes", keyspace.options.keyspace),
        "aggregate compaction",
        "ledger default_time_to_live",
        "ledger gc_grace_seconds",
        "page compression",
        "watermark existence",
        "charge comment",
    ];
    assert_eq!(wrong(keyspace).await, expected);
    let Err(OpenError::Schema(refused)) = keyspace.try_open().await else { panic!("it opened") };
    assert_eq!(refused.len(), expected.len());
}

async fn what_was_found_is_mended(keyspace: &Keyspace) {
    let Err(OpenError::Schema(left)) = apply(&keyspace.options).await else {
        panic!("the engines differ in it")
    };
    assert_eq!(left.iter().map(|finding| finding.setting).collect::<Vec<_>>(), ["compression"]);
    keyspace.run("ALTER TABLE ks.page WITH compression = {'class': 'LZ4Compressor'}").await;
    assert_eq!(wrong(keyspace).await, Vec::<String>::new());
    keyspace.open().await;
}

async fn what_only_a_person_can_mend_is_left_and_refused(keyspace: &Keyspace) {
    keyspace.run("DROP TABLE ks.charge").await;
    keyspace.run("CREATE TABLE ks.charge (tenant text PRIMARY KEY, value blob)").await;
    let three = ScyllaOptions { replication: 3, ..keyspace.options.clone() };
    let Err(OpenError::Schema(left)) = apply(&three).await else { panic!("nothing is left to do") };
    let left: Vec<(&str, &str)> =
        left.iter().map(|finding| (finding.setting, finding.must_be.as_str())).collect();
    let columns = "partition_key tenant text, clustering period text, regular value blob";
    let factor = "NetworkTopologyStrategy with a factor of at least 3 in every datacentre";
    assert_eq!(left, [("replication", factor), ("columns", columns)]);
    let by_hand = check(&keyspace.options).await.unwrap();
    assert!(matches!(by_hand[..], [ref one] if matches!(one.mend, Mend::ByHand(_))), "{by_hand:?}");
}
