//! Both adapters of both ports keep the rules of their port.

use crate::clock;
use backends::conformance::log::PARTITIONS;
use backends::conformance::{log_suite, store_suite};
use backends::embedded::Embedded;
use backends::memory::{MemoryLog, MemoryStore};
use domain::port::Log;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_log_keeps_the_rules() {
    let directory = tempfile::tempdir().unwrap();
    let log = crate::open(directory.path()).log;
    let declare = async |topic: &'static str| -> Arc<dyn Log> {
        log.declare(topic, PARTITIONS).await.unwrap();
        Arc::clone(&log) as _
    };
    log_suite(declare).await;
}

#[tokio::test]
async fn the_memory_log_keeps_the_rules() {
    let log = Arc::new(MemoryLog::new(clock()));
    let declare = async |topic: &'static str| -> Arc<dyn Log> {
        log.declare(topic, PARTITIONS);
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
