//! Both adapters of both ports keep the rules of their port.

use backends::conformance::{log_suite, store_suite};
use backends::embedded::{Embedded, OpenOptions};
use backends::memory::{ManualClock, MemoryLog, MemoryStore};
use domain::port::{Clock, Log};
use domain::time::Timestamp;
use std::sync::Arc;

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::at(Timestamp::from_seconds(1_800_000_000)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_log_keeps_the_rules() {
    let directory = tempfile::tempdir().unwrap();
    let log = Embedded::open(directory.path(), clock(), OpenOptions::default()).unwrap().log;
    let declare = async |topic: &'static str| -> Arc<dyn Log> {
        log.declare(topic, backends::conformance::log::PARTITIONS).await.unwrap();
        Arc::clone(&log) as _
    };
    log_suite(declare).await;
}

#[tokio::test]
async fn the_memory_log_keeps_the_rules() {
    let log = Arc::new(MemoryLog::new(clock()));
    let declare = async |topic: &'static str| -> Arc<dyn Log> {
        log.declare(topic, backends::conformance::log::PARTITIONS);
        Arc::clone(&log) as _
    };
    log_suite(declare).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_keeps_the_rules() {
    store_suite(&*Embedded::ephemeral(clock()).unwrap().store).await;
}

#[tokio::test]
async fn the_memory_store_keeps_the_rules() {
    store_suite(&MemoryStore::new()).await;
}
