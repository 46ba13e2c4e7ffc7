//! What the process says about itself: its log on standard error, and its traces where somebody collects them.

mod line;
mod panics;
mod traces;

pub use panics::end_process_on_panic;
pub use traces::{TRACEPARENT, context_of, traceparent_of};

use crate::config::{Config, LogFormat};
use crate::environment::Environment;
use crate::exit::Failure;
use line::{JsonLine, SpanFields};
use std::io::{self, IsTerminal};
use traces::Traces;
use tracing::{Dispatch, Metadata};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// Where traces go where no key says so: the variable of the OpenTelemetry specification.
const ENDPOINT_VARIABLE: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

type Log = Box<dyn Layer<Registry> + Send + Sync>;

/// What runs as long as the process and is to be ended with it.
#[must_use = "spans that are not sent yet are lost without `end`"]
pub struct Telemetry {
    traces: Option<Traces>,
}

/// Starts logging, and tracing where an endpoint is given; once per process.
pub fn start(config: &Config, environment: &Environment) -> anyhow::Result<Telemetry> {
    let filter: EnvFilter =
        config.log_filter.parse().map_err(|error| Failure::usage(format!("log_filter: {error}")))?;
    let endpoint = find_endpoint(config, environment);
    let traces = endpoint.map(|endpoint| Traces::start(endpoint, config.trace_one_in)).transpose()?;
    let started = listen(log(config.log_format, environment), filter, traces.as_ref()).try_init();
    started.map_err(|error| anyhow::anyhow!("starting the log: {error}"))?;
    Ok(Telemetry { traces })
}

/// What listens to spans and events. Without traces there must be no layer for them, not even an absent one: that has no
/// filter, so every span of every library would be made, which is a third of what a call over gRPC costs.
fn listen(log: Log, filter: EnvFilter, traces: Option<&Traces>) -> Dispatch {
    let logging = tracing_subscriber::registry().with(log.with_filter(filter.or(filter_fn(is_request))));
    match traces {
        Some(traces) => logging.with(traces.layer()).into(),
        None => logging.into(),
    }
}

/// Where traces go, if anywhere.
pub fn find_endpoint<'a>(config: &'a Config, environment: &'a Environment) -> Option<&'a str> {
    config.trace_endpoint.as_deref().or_else(|| environment.find(ENDPOINT_VARIABLE))
}

impl Telemetry {
    /// Sends what is not sent yet.
    pub async fn end(self) {
        if let Some(traces) = self.traces {
            traces.end().await;
        }
    }
}

/// Whether this is a span that the lines within it are known by: it is kept whatever is logged, for its `trace_id`.
fn is_request(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.target().starts_with("rest::")
}

fn log(format: LogFormat, environment: &Environment) -> Log {
    let is_terminal = io::stderr().is_terminal();
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    match format {
        LogFormat::Text => lines.with_ansi(is_terminal && environment.find("NO_COLOR").is_none()).boxed(),
        LogFormat::Auto if is_terminal => log(LogFormat::Text, environment),
        LogFormat::Auto | LogFormat::Json => {
            lines.fmt_fields(SpanFields).event_format(JsonLine::default()).boxed()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing::Level;
    use tracing::metadata::Kind;

    #[test]
    fn traces_go_where_the_key_says_else_where_the_variable_says_else_nowhere() {
        let named = Config { trace_endpoint: Some("http://key:4317".to_owned()), ..Config::default() };
        let variable = Environment::from([(ENDPOINT_VARIABLE, "http://variable:4317")]);
        assert_eq!(find_endpoint(&named, &variable), Some("http://key:4317"));
        assert_eq!(find_endpoint(&Config::default(), &variable), Some("http://variable:4317"));
        assert_eq!(find_endpoint(&Config::default(), &Environment::from([(ENDPOINT_VARIABLE, "")])), None);
    }

    #[test]
    fn nothing_is_made_that_nobody_listens_to_but_the_spans_of_requests() {
        let listening = listen(log(LogFormat::Json, &Environment::default()), EnvFilter::new("warn"), None);
        // It is asked itself: what is made in a test depends on who else listens in this process.
        macro_rules! is_never {
            ($level:expr, $target:expr) => {{
                let callsite = tracing::callsite! {
                    name: "made", kind: Kind::SPAN, target: $target, level: $level, fields:
                };
                listening.register_callsite(tracing::callsite::Callsite::metadata(callsite)).is_never()
            }};
        }
        assert!(is_never!(Level::TRACE, "h2"));
        assert!(is_never!(Level::INFO, "pulse::up"));
        assert!(!is_never!(Level::WARN, "pulse::up"));
        assert!(!is_never!(Level::INFO, "rest::door"));
    }

    #[test]
    fn a_filter_that_is_none_is_refused_by_its_key() {
        let config = Config { log_filter: "pulse=loud".to_owned(), ..Config::default() };
        let error = start(&config, &Environment::default()).err().unwrap();
        assert_eq!(crate::exit::Exit::of(&error), crate::exit::Exit::Usage);
        assert!(error.to_string().starts_with("log_filter: "), "{error}");
    }
}
