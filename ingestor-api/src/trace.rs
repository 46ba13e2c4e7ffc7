//! Traces of calls: what is sampled goes with its pulses into the log, so that who counts them can join.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt};
use std::fmt;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The header of records that names the trace of some of their pulses (W3C trace context).
pub(crate) const HEADER: &str = "traceparent";
/// The most traces that one record names; of more, the first.
pub(crate) const TRACES_PER_RECORD_MAX: usize = 8;

/// Where in a sampled trace a call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trace(SpanContext);

impl Trace {
    /// Of the span that is current; `None`: nobody samples it.
    pub fn current() -> Option<Self> {
        let context = Span::current().context().span().span_context().clone();
        (context.is_valid() && context.is_sampled()).then_some(Self(context))
    }

    /// Whether both belong to one trace.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.trace_id() == other.0.trace_id()
    }
}

/// The span of what is done for several calls: part of the first trace, linked to all. `Span::none` where there is none.
pub(crate) fn join<'a>(traces: impl IntoIterator<Item = &'a Trace>, span: impl FnOnce() -> Span) -> Span {
    let mut traces = traces.into_iter().peekable();
    let Some(first) = traces.peek() else { return Span::none() };
    let span = span();
    // Fails only where nobody collects spans.
    let _ = span.set_parent(Context::new().with_remote_span_context(first.0.clone()));
    traces.take(TRACES_PER_RECORD_MAX).for_each(|trace| span.add_link(trace.0.clone()));
    span
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{}-{}-01", self.0.trace_id(), self.0.span_id())
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use opentelemetry::trace::TracerProvider;
    use opentelemetry::trace::{SpanId, TraceFlags, TraceId, TraceState};
    use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
    use tracing::subscriber::DefaultGuard;
    use tracing_subscriber::layer::SubscriberExt;

    /// Somebody who collects, on this thread, while the result lives.
    pub fn collect(sampler: Sampler) -> (SdkTracerProvider, DefaultGuard) {
        let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        (provider, tracing::subscriber::set_default(tracing_subscriber::registry().with(layer)))
    }

    /// A place in the trace of that number.
    pub fn trace(number: u8) -> Trace {
        let (trace, span) = (TraceId::from_bytes([number; 16]), SpanId::from_bytes([number; 8]));
        Trace(SpanContext::new(trace, span, TraceFlags::SAMPLED, true, TraceState::NONE))
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{collect, trace};
    use super::*;
    use opentelemetry_sdk::trace::Sampler;

    #[test]
    fn a_trace_is_written_as_w3c_says() {
        assert_eq!(trace(0xab).to_string(), format!("00-{}-{}-01", "ab".repeat(16), "ab".repeat(8)));
        assert!(trace(1).is_same(&trace(1)) && !trace(1).is_same(&trace(2)));
    }

    #[test]
    fn only_a_sampled_span_has_one() {
        assert_eq!(Trace::current(), None);
        let bare = tracing::info_span!("nobody collects").in_scope(Trace::current);
        assert_eq!(bare, None);
        let (_provider, guard) = collect(Sampler::AlwaysOff);
        assert_eq!(tracing::info_span!("not sampled").in_scope(Trace::current), None);
        drop(guard);
        let (_provider, _guard) = collect(Sampler::AlwaysOn);
        assert_eq!(Trace::current(), None, "no span is current");
        let outer = tracing::info_span!("outer");
        let (here, inner) = outer.in_scope(|| {
            (Trace::current().unwrap(), tracing::info_span!("inner").in_scope(Trace::current).unwrap())
        });
        assert!(here.is_same(&inner) && here != inner);
    }

    #[test]
    fn what_is_done_for_several_calls_belongs_to_the_first_trace() {
        let _collected = collect(Sampler::AlwaysOn);
        let (first, second) = (trace(1), trace(2));
        let joined =
            join([&first, &second], || tracing::info_span!("append")).in_scope(Trace::current).unwrap();
        assert!(joined.is_same(&first) && !joined.is_same(&second));
        assert!(join([], || panic!("no span is made for nobody")).is_none());
    }
}
