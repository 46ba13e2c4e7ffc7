//! A line of the log for machines: one flat JSON object. The fields of the spans around an event stand beside its own, so
//! that every line of a request carries its `trace_id`.

use crate::system_clock::SystemClock;
use domain::port::Clock;
use serde_json::{Deserializer, Map, Value};
use std::fmt;
use std::sync::Arc;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// Writes events as JSON, one a line; spans must be written by [`SpanFields`].
pub struct JsonLine {
    clock: Arc<dyn Clock>,
}

impl Default for JsonLine {
    fn default() -> Self {
        Self { clock: Arc::new(SystemClock) }
    }
}

impl<S> FormatEvent<S, SpanFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, SpanFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Map::new();
        let mut spans = Vec::new();
        for span in context.event_scope().into_iter().flat_map(Scope::from_root) {
            spans.push(span.name());
            if let Some(fields) = span.extensions().get::<FormattedFields<SpanFields>>() {
                let objects = Deserializer::from_str(fields).into_iter::<Map<String, Value>>();
                line.extend(objects.map_while(Result::ok).flatten());
            }
        }
        if !spans.is_empty() {
            line.insert("span".to_owned(), spans.join(":").into());
        }
        event.record(&mut Each(|name: &str, value| drop(line.insert(name.to_owned(), value))));
        let metadata = event.metadata();
        line.insert("timestamp".to_owned(), self.clock.now().to_string().into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        writeln!(writer, "{}", Value::Object(line))
    }
}

/// Writes the fields of a span as a JSON object, member by member: every request makes a span, few write a line in it.
/// What a span records later is another object behind it.
pub struct SpanFields;

impl<'writer> FormatFields<'writer> for SpanFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let (mut before, mut outcome) = ("", writer.write_char('{'));
        fields.record(&mut Each(|name, value| {
            outcome = outcome.and_then(|()| write!(writer, "{before}\"{name}\":{value}"));
            before = ",";
        }));
        outcome?;
        writer.write_char('}')
    }
}

/// Hands on the name and the value of each field.
struct Each<F>(F);

impl<F: FnMut(&'static str, Value)> Visit for Each<F> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        (self.0)(field.name(), format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        (self.0)(field.name(), value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        (self.0)(field.name(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        (self.0)(field.name(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        (self.0)(field.name(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::http::Request;
    use axum::routing::get;
    use backends::memory::ManualClock;
    use domain::time::Timestamp;
    use rest::door::{TraceIds, close};
    use serde_json::json;
    use std::io::{self, Write};
    use std::sync::Mutex;
    use tower::ServiceExt;
    use tracing_subscriber::layer::SubscriberExt;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The lines that are logged meanwhile, at 2026-01-01.
    fn lines(log: impl FnOnce()) -> Vec<Value> {
        let kept = Kept::default();
        let writer = kept.clone();
        let clock = Arc::new(ManualClock::at(Timestamp::from_seconds(1_767_225_600)));
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(SpanFields)
            .event_format(JsonLine { clock })
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let text = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn a_line_is_one_flat_object() {
        let lines = lines(|| tracing::warn!(count = 3, delta = -1, is_late = true, path = "/x", "odd"));
        let expected = json!({
            "timestamp": "2026-01-01T00:00:00Z", "level": "WARN", "message": "odd", "count": 3, "delta": -1,
            "is_late": true, "path": "/x", "target": "pulse::telemetry::line::tests",
        });
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn a_line_within_spans_carries_their_trace_id_and_their_fields() {
        let lines = lines(|| {
            let request = tracing::info_span!("request", trace_id = "4bf92f35", path = "/outer");
            let _request = request.enter();
            let batch = tracing::info_span!("batch", pulses = 7, path = "/inner");
            let _batch = batch.enter();
            tracing::info!(pulses = 8, "taken");
        });
        assert_eq!(lines[0]["trace_id"], "4bf92f35");
        assert_eq!(lines[0]["span"], "request:batch");
        assert_eq!(lines[0]["path"], "/inner", "the inner span says it more closely");
        assert_eq!(lines[0]["pulses"], 8, "and the event itself most closely");
    }

    #[test]
    fn the_fields_of_a_span_keep_their_types_whatever_they_say() {
        let lines = lines(|| {
            let (path, shown) = ("a\"b\\\n\u{1}é", format_args!("{:?}", "x"));
            let batch = tracing::info_span!("batch", pulses = 7_u64, delta = -1, late = true, path, %shown);
            let _batch = batch.enter();
            let _empty = tracing::info_span!("empty").entered();
            tracing::info!("taken");
        });
        assert_eq!(
            (&lines[0]["pulses"], &lines[0]["delta"], &lines[0]["late"]),
            (&json!(7), &json!(-1), &json!(true))
        );
        assert_eq!((&lines[0]["path"], &lines[0]["shown"]), (&json!("a\"b\\\n\u{1}é"), &json!("\"x\"")));
    }

    #[test]
    fn what_a_span_records_later_stands_beside_what_it_began_with() {
        let lines = lines(|| {
            let batch = tracing::info_span!("batch", trace_id = "4bf92f35", pulses = tracing::field::Empty);
            batch.record("pulses", 7);
            batch.in_scope(|| tracing::info!("taken"));
        });
        assert_eq!((&lines[0]["trace_id"], &lines[0]["pulses"]), (&json!("4bf92f35"), &json!(7)));
    }

    #[test]
    fn the_line_about_a_panic_carries_the_trace_id_that_its_client_is_told() {
        async fn panics() -> &'static str {
            panic!("the cause")
        }
        let router = Router::new().route("/", get(panics));
        let router = close(router, TraceIds::new([1; 16]), Arc::new(SystemClock));
        let trace_id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let parent = format!("00-{trace_id}-00f067aa0ba902b7-01");
        let request = Request::get("/").header("traceparent", parent).body(Body::empty()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let lines = lines(|| drop(runtime.block_on(router.oneshot(request)).unwrap()));
        let line = lines.iter().find(|line| line["cause"] == "the cause").unwrap();
        assert_eq!((&line["level"], &line["trace_id"]), (&json!("ERROR"), &json!(trace_id)));
    }

    #[test]
    fn text_cannot_begin_a_line_of_its_own() {
        let lines = lines(|| tracing::error!(detail = "a\n{\"level\":\"INFO\"}", "broken"));
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["detail"], "a\n{\"level\":\"INFO\"}");
    }

    #[test]
    fn no_field_passes_for_the_level_or_the_time() {
        let lines = lines(|| tracing::info!(level = "ERROR", timestamp = 0, "plain"));
        assert_eq!(lines[0]["level"], "INFO");
        assert_eq!(lines[0]["timestamp"], "2026-01-01T00:00:00Z");
    }
}
