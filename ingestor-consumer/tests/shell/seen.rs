//! What can be seen from outside while it runs: metrics by value, and spans that join the traces of records.

use crate::house::House;
use backends::memory::WriteFault;
use futures::future::{self, Future};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry::trace::{SpanContext, TracerProvider};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use std::sync::{Arc, Mutex};
use tracing_subscriber::layer::SubscriberExt;

/// Metrics of this thread, on which a test's tasks run.
fn recorded() -> (PrometheusHandle, metrics::LocalRecorderGuard<'static>) {
    let recorder = Box::leak(Box::new(PrometheusBuilder::new().build_recorder()));
    (recorder.handle(), metrics::set_default_local_recorder(recorder))
}

/// The value of a metric with these labels, as text.
fn value(metrics: &PrometheusHandle, name: &str) -> Option<String> {
    let rendered = metrics.render();
    let line = rendered.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(str::to_owned)
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_outcomes_lag_books_and_retries() {
    let (metrics, _guard) = recorded();
    let house = House::start().await;
    house.store.script_writes([Some(WriteFault::Overloaded)]);
    house.append(&["a", "b", "a"]).await;
    house.append_refused("c").await;
    house.append_foreign();
    house.counted(5).await;
    house.settle().await;
    let of = |name: &str| value(&metrics, &format!("pulse_ingestor_consumer_{name}"));
    let partition = r#"{generation="1",partition="0"}"#;
    for (outcome, count) in
        [("applied", "2"), ("duplicate", "1"), ("refused", "1"), ("foreign", "1"), ("conflict", "0")]
    {
        let name = format!(r#"pulses_total{{outcome="{outcome}"}}"#);
        assert_eq!(of(&name).as_deref(), Some(count), "{outcome}");
    }
    for (reason, count) in [("unknown_sku", "1"), ("undecodable", "1")] {
        assert_eq!(
            of(&format!(r#"dead_letters_total{{reason="{reason}"}}"#)).as_deref(),
            Some(count),
            "{reason}"
        );
    }
    assert_eq!(of(&format!("lag_records{partition}")).as_deref(), Some("0"));
    assert_eq!(of(&format!("books_difference{partition}")).as_deref(), Some("0"));
    assert_eq!(of(&format!("hot_ids{partition}")).as_deref(), Some("2"));
    let id_bytes = of(&format!("hot_ids_bytes{partition}")).unwrap();
    assert!((300..2_000).contains(&id_bytes.parse::<u32>().unwrap()), "{id_bytes}: two sets of one id each");
    let loads = ["row", "slice", "block"].map(|what| of(&format!(r#"loads_total{{what="{what}"}}"#)));
    assert_eq!(loads.map(Option::unwrap_or_default), ["1", "2", ""]);
    let seconds = house.clock_now().seconds().to_string();
    assert_eq!(of(&format!("watermark_timestamp_seconds{partition}")), Some(seconds));
    let retries =
        ["aggregation", "dead_letters"].map(|call| of(&format!(r#"retries_total{{call="{call}"}}"#)));
    assert_eq!(retries.iter().flatten().collect::<Vec<_>>(), ["1"], "one of them met the fault");
    assert!(of("flush_rows_count").is_some_and(|count| count != "0"));
    house.stop().await;
    assert!(!metrics.render().contains("acme"), "tenants are no labels");
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_stopped_is_counted_by_its_alarm_until_it_is_given_up() {
    let (metrics, _guard) = recorded();
    let house = House::start().await;
    house.append(&["a"]).await;
    house.counted(1).await;
    house.restart_with_truncated_log().await;
    house.alarms_raised().await;
    let alarms = || value(&metrics, r#"pulse_ingestor_consumer_alarms{alarm="log_too_short"}"#);
    assert_eq!(alarms().as_deref(), Some("1"));
    house.stop().await;
    assert_eq!(alarms().as_deref(), Some("0"));
}

/// Keeps what is exported.
#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.0.lock().unwrap().extend(batch);
        future::ready(Ok(()))
    }
}

impl Kept {
    /// What is traced on this thread until the guard goes.
    fn traced() -> (Self, tracing::subscriber::DefaultGuard) {
        let kept = Self::default();
        let provider = SdkTracerProvider::builder().with_simple_exporter(kept.clone()).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        (kept, tracing::subscriber::set_default(tracing_subscriber::registry().with(layer)))
    }

    /// Name, parent trace and linked traces of each span.
    fn spans(&self) -> Vec<(String, String, Vec<String>)> {
        let text = |context: &SpanContext| context.trace_id().to_string();
        let spans = self.0.lock().unwrap();
        let all = spans.iter().map(|span| {
            let links = span.links.iter().map(|link| text(&link.span_context)).collect();
            (span.name.to_string(), text(&span.span_context), links)
        });
        all.collect()
    }
}

fn parent(trace: &str) -> String {
    format!("00-{trace}-00f067aa0ba902b7-01")
}

#[tokio::test(start_paused = true)]
async fn batches_and_flushes_join_the_traces_of_their_records() {
    let (kept, _guard) = Kept::traced();
    let house = House::start().await;
    let traces = ["4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), "a".repeat(32)];
    house.append_traced(&["a"], &[parent(&traces[0]), parent(&traces[1]), "nonsense".to_owned()]).await;
    house.counted(1).await;
    house.stop().await;
    let mut spans = kept.spans();
    spans.sort();
    let joined = |name: &str| (name.to_owned(), traces[0].clone(), traces.to_vec());
    assert_eq!(spans, [joined("count"), joined("flush")]);
}

#[tokio::test(start_paused = true)]
async fn records_that_name_no_trace_make_no_span() {
    let (kept, _guard) = Kept::traced();
    let house = House::start().await;
    house.append(&["a", "b"]).await;
    house.counted(2).await;
    house.stop().await;
    assert_eq!(kept.spans(), []);
}
