//! What the log on Kafka tells about itself while it is used.

use super::{at, faults};
use backends::conformance::log::{EVERYTHING, record};
use backends::kafka::{KafkaLog, KafkaOptions};
use domain::port::Log;
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::Arc;

#[test]
fn appends_and_reads_are_measured_under_the_name_of_the_log() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let cluster = faults::cluster();
    let options = KafkaOptions { brokers: cluster.bootstrap_servers(), ..KafkaOptions::default() };
    let open = || runtime.block_on(KafkaLog::open(options, crate::clock())).unwrap();
    let log: Arc<KafkaLog> = metrics::with_local_recorder(&recorder, open);
    runtime.block_on(async {
        // Without headers: four, six and ten bytes of values.
        log.append(&at("topic"), vec![record("four"), record("sixsix")]).await.unwrap();
        log.append(&at("topic"), vec![record("ten bytes.")]).await.unwrap();
        log.append(&at("topic"), vec![record(vec![0; 4_000_000])]).await.unwrap_err();
        log.read(&at("topic"), 0, EVERYTHING).await.unwrap();
    });
    let told = recorder.handle().render();
    for line in [
        r#"pulse_backends_commits_total{file="kafka",outcome="synced"} 2"#,
        r#"pulse_backends_commits_total{file="kafka",outcome="unknown"} 0"#,
        r#"pulse_backends_write_seconds_count{file="kafka"} 2"#,
        r#"pulse_backends_written_bytes_total{file="kafka"} 20"#,
        r#"pulse_backends_queue_jobs{file="kafka"} 0"#,
        r#"pulse_backends_read_seconds_count{file="kafka"} 1"#,
    ] {
        assert!(told.lines().any(|told| told == line), "{line} is not in\n{told}");
    }
}
