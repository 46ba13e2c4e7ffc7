//! Traces: spans of requests and batches, sent by OTLP over gRPC to who collects them.

use crate::exit::Failure;
use anyhow::Context as _;
use axum::http::{HeaderMap, HeaderValue};
use opentelemetry::Context;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use std::collections::HashMap;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// Whose spans are traced; those of the libraries that send the traces would never end.
const TARGETS: [&str; 7] =
    ["pulse", "ingestor_api", "ingestor_consumer", "catalog", "query_api", "rest", "backends"];

/// The sender of traces.
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Sends to `endpoint`, a URL. What a caller samples is traced, and of the other requests one in so many; 0: none.
    pub fn start(endpoint: &str, one_in: u32) -> anyhow::Result<Self> {
        let is_url = ["http://", "https://"].iter().any(|scheme| endpoint.starts_with(scheme));
        if !is_url {
            let rule = format!("trace_endpoint must be an http:// or https:// URL, not {endpoint:?}");
            return Err(Failure::usage(rule).into());
        }
        let exporter = SpanExporter::builder().with_tonic().with_endpoint(endpoint).build();
        let exporter = exporter.with_context(|| format!("sending traces to {endpoint}"))?;
        let provider = SdkTracerProvider::builder()
            .with_batch_exporter(exporter)
            .with_sampler(sampler(one_in))
            .with_resource(Resource::builder().with_service_name("pulse").build())
            .build();
        opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
        Ok(Self { provider })
    }

    /// Makes spans of ours traces.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let filter = Targets::new().with_targets(TARGETS.map(|target| (target, LevelFilter::DEBUG)));
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer("pulse"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_filter(filter)
    }

    /// Sends what is not sent yet; the sender blocks, so it is given a thread.
    pub async fn end(self) {
        let ended = tokio::task::spawn_blocking(move || self.provider.shutdown()).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

fn sampler(one_in: u32) -> Sampler {
    let root = match one_in {
        0 => Sampler::AlwaysOff,
        _ => Sampler::TraceIdRatioBased(f64::from(one_in).recip()),
    };
    Sampler::ParentBased(Box::new(root))
}

/// The header that names a trace and a span of it (W3C trace context).
pub const TRACEPARENT: &str = "traceparent";

/// What that header says of a context; `None`: it is in no trace.
pub fn traceparent_of(context: &Context) -> Option<HeaderValue> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(context, &mut carrier);
    carrier.get(TRACEPARENT).and_then(|parent| HeaderValue::from_str(parent).ok())
}

/// The context that a caller sends along (W3C trace context).
pub fn context_of(headers: &HeaderMap) -> Context {
    let get = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let fields = [TRACEPARENT, "tracestate"].into_iter();
    let carrier: HashMap<String, String> =
        fields.filter_map(|name| Some((name.to_owned(), get(name)?))).collect();
    TraceContextPropagator::new().extract(&carrier)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use opentelemetry::trace::{TraceContextExt, TraceId};
    use opentelemetry_sdk::trace::{SamplingDecision, ShouldSample};

    fn context(parent: &str) -> Context {
        context_of(&HeaderMap::from_iter([("traceparent".parse().unwrap(), parent.parse().unwrap())]))
    }

    /// Of ten thousand requests with this parent, how many are traced.
    fn sampled(one_in: u32, parent: Option<&Context>) -> usize {
        let sampler = sampler(one_in);
        // Multiples of an odd number near 2^128 / the golden ratio lie evenly.
        let ids = (1..=10_000_u128)
            .map(|n| TraceId::from(n.wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835)));
        let decide = |id| {
            let kind = opentelemetry::trace::SpanKind::Server;
            sampler.should_sample(parent, id, "request", &kind, &[], &[]).decision
        };
        ids.map(decide).filter(|decision| *decision == SamplingDecision::RecordAndSample).count()
    }

    #[test]
    fn what_a_caller_samples_is_traced_and_what_it_does_not_is_not() {
        let sampled_parent = context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let unsampled_parent = context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00");
        for one_in in [0, 1, 100] {
            assert_eq!(sampled(one_in, Some(&sampled_parent)), 10_000, "{one_in}");
            assert_eq!(sampled(one_in, Some(&unsampled_parent)), 0, "{one_in}");
        }
    }

    #[test]
    fn of_the_others_one_in_so_many_is_traced() {
        assert_eq!(sampled(0, None), 0);
        assert_eq!(sampled(1, None), 10_000);
        let of_hundred = sampled(100, None);
        assert!((50..200).contains(&of_hundred), "{of_hundred}");
    }

    #[test]
    fn only_a_valid_parent_is_taken() {
        let parent = context("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let span = parent.span().span_context().clone();
        assert_eq!(span.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(span.is_remote() && span.is_sampled());
        assert_eq!(
            traceparent_of(&parent).unwrap(),
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        );
        assert_eq!(traceparent_of(&Context::new()), None);
        for bad in ["", "00-0-0-01", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", "nonsense"] {
            assert!(!context(bad).span().span_context().is_valid(), "{bad}");
        }
    }

    #[test]
    fn an_endpoint_that_is_no_url_is_refused_by_its_key() {
        let error = Traces::start("localhost:4317", 1).err().unwrap();
        assert_eq!(Exit::of(&error), Exit::Usage);
        assert!(
            error.to_string().starts_with("trace_endpoint must be an http:// or https:// URL"),
            "{error}"
        );
    }
}
