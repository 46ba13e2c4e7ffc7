//! Spans of batches and flushes. They join the traces that records name; where none names one, there are no spans.

use super::Spot;
use domain::port::Entry;
use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId, TraceState};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header that names the trace of one of a record's pulses (W3C trace context).
const HEADER: &str = "traceparent";
/// Traces that a span joins; of more, the first.
const LINKS_MAX: usize = 64;

/// The spans of one partition.
pub(super) struct Spans {
    spot: Spot,
    /// What is read and not applied yet.
    batch: Span,
    /// What is on its way to the store.
    flush: Option<Span>,
    /// Of records that were read since the flush began.
    traces: Vec<SpanContext>,
}

impl Spans {
    pub(super) fn new(spot: Spot) -> Self {
        Self { spot, batch: Span::none(), flush: None, traces: Vec::new() }
    }

    /// Records were read.
    pub(super) fn begin_batch(&mut self, entries: &[Entry]) {
        let traces: Vec<SpanContext> = entries.iter().flat_map(traces).take(LINKS_MAX).collect();
        let ((generation, partition), records) = (self.spot, entries.len());
        self.batch = joined(&traces, || tracing::info_span!("count", generation, partition, records));
        self.traces.extend(traces);
        self.traces.truncate(LINKS_MAX);
    }

    pub(super) fn batch(&self) -> &Span {
        &self.batch
    }

    /// All that was read is applied.
    pub(super) fn end_batch(&mut self) {
        self.batch = Span::none();
    }

    /// The span of the flush under way, which may begin now.
    pub(super) fn flush(&mut self) -> &Span {
        let ((generation, partition), traces) = (self.spot, &mut self.traces);
        self.flush.get_or_insert_with(|| {
            joined(&std::mem::take(traces), || tracing::info_span!("flush", generation, partition))
        })
    }

    /// The flush is durable.
    pub(super) fn end_flush(&mut self) {
        self.flush = None;
    }
}

/// A span in the first trace, so that it is kept where that one is, with links to all of them.
fn joined(traces: &[SpanContext], span: impl FnOnce() -> Span) -> Span {
    let Some(first) = traces.first() else { return Span::none() };
    let span = span();
    // Without somebody who collects traces there is nothing to join.
    let _ = span.set_parent(Context::new().with_remote_span_context(first.clone()));
    for trace in traces {
        span.add_link(trace.clone());
    }
    span
}

fn traces(entry: &Entry) -> impl Iterator<Item = SpanContext> {
    let named = entry.headers.iter().filter(|header| header.name == HEADER);
    named.filter_map(|header| parse(std::str::from_utf8(&header.value).ok()?))
}

/// Reads `00-TRACE-SPAN-FLAGS`; later versions may append to it.
fn parse(text: &str) -> Option<SpanContext> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_shaped = [(version, 2), (trace, 32), (span, 16), (flags, 2)].iter().all(|(part, length)| {
        part.len() == *length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
    });
    if !is_shaped || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()? & 1);
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::NONE);
    context.is_valid().then_some(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trace_is_named_as_w3c_says_or_not_at_all() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let context = parse(&format!("00-{trace}-00f067aa0ba902b7-01")).unwrap();
        assert_eq!(context.trace_id().to_string(), trace);
        assert_eq!(context.span_id().to_string(), "00f067aa0ba902b7");
        assert!(context.is_sampled() && context.is_remote());
        assert!(!parse(&format!("00-{trace}-00f067aa0ba902b7-00")).unwrap().is_sampled());
        assert!(parse(&format!("01-{trace}-00f067aa0ba902b7-01-more")).is_some());
        for bad in [
            String::new(),
            "00".into(),
            format!("00-{trace}-00f067aa0ba902b7"),
            format!("00-{trace}-00f067aa0ba902b7-01-more"),
            format!("ff-{trace}-00f067aa0ba902b7-01"),
            format!("00-{trace}-0000000000000000-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            format!("00-{trace}-00f067aa0ba902b7-0g"),
            format!("00-{trace}é-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(parse(&bad), None, "{bad}");
        }
    }
}
