//! What the files tell about themselves while they are used, summed over all that was asked.

use crate::{charge, clock};
use backends::conformance::log::{EVERYTHING, record};
use backends::embedded::{Embedded, OpenOptions};
use backends::memory::ManualClock;
use domain::port::{CellStore, Log, Query, TopicPartition, read_all};
use domain::table::{CHARGE, Cell, KeyValue};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::path::Path;
use std::sync::Arc;

/// A directory whose files tell this recorder.
fn open(directory: &Path, clock: Arc<ManualClock>) -> (Embedded, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let open = || Embedded::open(directory, clock, OpenOptions::default()).unwrap();
    (metrics::with_local_recorder(&recorder, open), recorder.handle())
}

fn value(told: &PrometheusHandle, metric: &str) -> String {
    let told = told.render();
    let line = told.lines().find(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(' ')));
    line.unwrap_or_else(|| panic!("no {metric} in\n{told}")).rsplit(' ').next().unwrap().to_owned()
}

#[tokio::test]
async fn every_record_and_cell_is_measured_under_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let (Embedded { log, store }, told) = open(directory.path(), clock());
    let at = TopicPartition::new("topic", 0);
    log.declare("topic", 1).await.unwrap();
    // Without headers: four, six and ten bytes of values.
    log.append(&at, vec![record("four"), record("sixsix")]).await.unwrap();
    log.append(&at, vec![record("ten bytes.")]).await.unwrap();
    log.read(&at, 0, EVERYTHING).await.unwrap();
    store.write(vec![Cell { key: charge(1), timestamp: 1, value: "v".into() }]).await.unwrap();
    for (metric, expected) in [
        (r#"pulse_backends_commits_total{file="log.db",outcome="synced"}"#, "3"),
        (r#"pulse_backends_commits_total{file="log.db",outcome="refused"}"#, "0"),
        (r#"pulse_backends_write_seconds_count{file="log.db"}"#, "3"),
        (r#"pulse_backends_written_bytes_total{file="log.db"}"#, "20"),
        (r#"pulse_backends_queue_jobs{file="log.db"}"#, "0"),
        (r#"pulse_backends_read_seconds_count{file="log.db"}"#, "1"),
        (r#"pulse_backends_commits_total{file="store.db",outcome="synced"}"#, "1"),
        (r#"pulse_backends_commit_jobs_sum{file="store.db"}"#, "1"),
        (r#"pulse_backends_read_seconds_count{file="store.db"}"#, "0"),
    ] {
        assert_eq!(value(&told, metric), expected, "{metric}");
    }
    read_all(&*store, Query::all(&CHARGE, vec![KeyValue::text("acme")])).await.unwrap();
    assert_eq!(value(&told, r#"pulse_backends_read_seconds_count{file="store.db"}"#), "1");
}

#[tokio::test]
async fn what_is_refused_counts_as_refused_and_leaves_no_queue() {
    let directory = tempfile::tempdir().unwrap();
    let (Embedded { log, .. }, told) = open(directory.path(), clock());
    let at = TopicPartition::new("topic", 0);
    log.declare("topic", 1).await.unwrap();
    log.set_bytes_max(1);
    for _ in 0..3 {
        log.append(&at, vec![record(vec![7; 20_000])]).await.unwrap_err();
    }
    for (metric, expected) in [
        (r#"pulse_backends_commits_total{file="log.db",outcome="refused"}"#, "3"),
        (r#"pulse_backends_commits_total{file="log.db",outcome="synced"}"#, "1"),
        (r#"pulse_backends_written_bytes_total{file="log.db"}"#, "0"),
        (r#"pulse_backends_queue_jobs{file="log.db"}"#, "0"),
    ] {
        assert_eq!(value(&told, metric), expected, "{metric}");
    }
}
