//! Reads over REST: usage, costs, charges, dead letters, the books.
//!
//! The one path: a handler reads its parameters strictly, notes the watermark, reads cells after it, and folds them
//! with pure functions into the items of an answer.
//!
//! Never here: a write, a rule of accounting or pricing, a rounded sum.

use catalog::state::State;
use catalog::view::View;
use domain::code::Code;
use domain::generation::Registry;
use domain::id::TenantId;
use domain::port::{CellStore, Clock, Log, RegistryView, StoreError};
use domain::time::Timestamp;
use meta::Progress;
use pipeline::Pace;
use rest::Problem;
use rest::page::PageKey;
use seats::Seats;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

#[cfg(test)]
mod alike;
mod ask;
mod charges;
mod cost;
mod costs;
mod dead_letters;
mod docs;
mod explanation;
mod fold;
mod group;
mod ledger;
mod live;
mod matching;
mod meta;
mod metrics;
mod missing;
mod overview;
mod page;
mod pages;
mod pipeline;
mod pulses;
mod range;
mod reconciliation;
mod recount;
mod seats;
mod sight;
mod table;
#[cfg(test)]
mod testing;
mod top;
mod usage;
mod window;

pub use docs::docs;

/// What can be chosen.
#[derive(Clone, Debug)]
pub struct Config {
    /// Signs page tokens; the same for all replicas.
    pub page_key: PageKey,
}

/// A registry confirmed within so long speaks for every partition: a new one holds for event times of a quarter of an hour
/// after its command at the earliest.
const CONFIRMED_SECONDS: i64 = 5 * 60;
/// How long an answer waits for the catalogue's log.
const CONFIRM_MAX: Duration = Duration::from_secs(1);

/// What the reads need of the world.
#[derive(Clone)]
pub struct Ports {
    /// Rows, charges, dead letters, pages.
    pub store: Arc<dyn CellStore>,
    /// The log of pulses, for the books.
    pub log: Arc<dyn Log>,
    /// The catalogue.
    pub view: View,
    /// Tells what now is.
    pub clock: Arc<dyn Clock>,
    /// Ends live answers.
    pub shutdown: CancellationToken,
}

/// The reads; a clone is the same.
#[derive(Clone)]
pub struct QueryApi(Arc<Inner>);

struct Inner {
    config: Config,
    ports: Ports,
    live_seats: Seats,
    recount_seats: Seats,
    pace: Pace,
    /// Held by the one recount there is at a time.
    recount: Mutex<()>,
}

/// Puts the reads together.
pub fn build(config: Config, ports: Ports) -> QueryApi {
    metrics::describe();
    QueryApi(Arc::new(Inner {
        config,
        ports,
        live_seats: Seats::new(live::CLIENTS_MAX, "live"),
        recount_seats: Seats::new(reconciliation::FOLLOWERS_MAX, "recount"),
        pace: Pace::default(),
        recount: Mutex::default(),
    }))
}

#[derive(OpenApi)]
#[openapi(tags(
    (name = "usage", description = "What was used, summed by window and group"),
    (name = "costs", description = "What it costs, and what is owed for a month"),
    (name = "dead-letters", description = "What was refused and kept, and how to send it again"),
    (name = "books", description = "Whether everything received is accounted for")
))]
struct Tags;

/// The reads with their description.
pub fn routes(query: QueryApi) -> OpenApiRouter {
    rest::door::open()
        .merge(OpenApiRouter::with_openapi(Tags::openapi()))
        .routes(routes!(usage::list_usage))
        .routes(routes!(live::watch_usage))
        .routes(routes!(costs::list_costs))
        .routes(routes!(charges::list_charges))
        .routes(routes!(explanation::explain_charge))
        .routes(routes!(pulses::get_pulse))
        .routes(routes!(overview::get_tenant_overview))
        .routes(routes!(dead_letters::list_dead_letters))
        .routes(routes!(dead_letters::get_dead_letter))
        .routes(routes!(pipeline::get_pipeline))
        .routes(routes!(reconciliation::get_reconciliation))
        .with_state(query)
}

impl QueryApi {
    fn store(&self) -> &dyn CellStore {
        &*self.0.ports.store
    }

    fn log(&self) -> &dyn Log {
        &*self.0.ports.log
    }

    fn state(&self) -> Arc<State> {
        self.0.ports.view.state()
    }

    /// The catalogue, at least as new as a request names.
    async fn state_at(&self, least: Option<u64>) -> Result<Arc<State>, Problem> {
        let (state, least) = (self.state(), least.unwrap_or_default());
        if state.offset() >= least {
            return Ok(state);
        }
        let state = self.0.ports.view.confirm().await?;
        let beyond =
            || Problem::field(Code::InvalidArgument, "catalog_offset", "is above the catalogue's end");
        if state.offset() >= least { Ok(state) } else { Err(beyond()) }
    }

    fn live_seats(&self) -> &Seats {
        &self.0.live_seats
    }

    fn recount_seats(&self) -> &Seats {
        &self.0.recount_seats
    }

    fn pace(&self) -> &Pace {
        &self.0.pace
    }

    /// Waits for the turn to count everything again: one at a time reads as much as there is.
    async fn recount_alone(&self) -> MutexGuard<'_, ()> {
        self.0.recount.lock().await
    }

    fn shutdown(&self) -> &CancellationToken {
        &self.0.ports.shutdown
    }

    fn now(&self) -> Timestamp {
        self.0.ports.clock.now()
    }

    fn page_key(&self) -> &PageKey {
        &self.0.config.page_key
    }

    fn registry(&self) -> Arc<Registry> {
        self.0.ports.view.registry()
    }

    async fn progress(&self, state: &State, tenants: &[TenantId]) -> Result<Progress, StoreError> {
        let with_calendar =
            tenants.iter().map(|tenant| (tenant, state.calendar_of(tenant))).collect::<Vec<_>>();
        let (registry, known_until) = self.known_registry().await;
        let progress = Progress::read(self.store(), &registry, with_calendar).await?;
        Ok(match known_until {
            Some(instant) => progress.capped(instant),
            None => progress,
        })
    }

    /// The registry, and where it could not be confirmed for a while the instant as of which it was: partitions that were
    /// added since then may hold pulses that were acknowledged after it.
    async fn known_registry(&self) -> (Arc<Registry>, Option<Timestamp>) {
        let view = &self.0.ports.view;
        let is_fresh = || view.confirmed() >= self.now().plus_seconds(-CONFIRMED_SECONDS);
        if !is_fresh() {
            // Whether it came or not, the reading of the clock tells.
            let _ = tokio::time::timeout(CONFIRM_MAX, view.confirm()).await;
        }
        let known_until = (!is_fresh()).then(|| view.confirmed());
        (view.registry(), known_until)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::House;
    use serde_json::Value;

    #[tokio::test]
    async fn every_operation_has_its_name_an_example_and_its_problems() {
        let openapi = serde_json::to_value(House::open().await.openapi).unwrap();
        let tags: Vec<&Value> = openapi["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
        let mut names = Vec::new();
        for (path, item) in openapi["paths"].as_object().unwrap() {
            let operation = &item["get"];
            names.push((path.as_str(), operation["operationId"].as_str().unwrap()));
            assert!(tags.contains(&&operation["tags"][0]), "{path}");
            let answers = operation["responses"]["200"]["content"].as_object().unwrap();
            assert!(answers.values().any(|answer| !answer["example"].is_null()), "{path}");
            let parameters = operation["parameters"].as_array();
            let is_list = parameters.is_some_and(|all| all.iter().any(|one| one["name"] == "page_token"));
            for format in ["text/csv", "application/x-ndjson"] {
                assert_eq!(answers.contains_key(format), is_list, "{path}: {format}");
            }
            let problem = &operation["responses"]["400"];
            assert_eq!(problem["$ref"], "#/components/responses/Problem400", "{path}");
        }
        assert_eq!(
            names,
            [
                ("/v1/charges", "listCharges"),
                ("/v1/charges/{id}/explanation", "explainCharge"),
                ("/v1/costs", "listCosts"),
                ("/v1/dead-letters", "listDeadLetters"),
                ("/v1/dead-letters/{id}", "getDeadLetter"),
                ("/v1/pipeline", "getPipeline"),
                ("/v1/pulses/{id}", "getPulse"),
                ("/v1/reconciliation", "getReconciliation"),
                ("/v1/tenants/{id}/overview", "getTenantOverview"),
                ("/v1/usage", "listUsage"),
                ("/v1/usage/live", "watchUsage"),
            ]
        );
        assert!(openapi["components"]["schemas"]["Problem"].is_object());
        assert_eq!(unresolved(&openapi, &openapi), Vec::<String>::new());
    }

    #[tokio::test]
    async fn every_id_in_a_path_has_a_pattern_of_the_whole_text() {
        let openapi = serde_json::to_value(House::open().await.openapi).unwrap();
        let mut seen = Vec::new();
        for (path, item) in openapi["paths"].as_object().unwrap() {
            let parameters = item["get"]["parameters"].as_array().into_iter().flatten();
            for parameter in parameters.filter(|parameter| parameter["in"] == "path") {
                let pattern = parameter["schema"]["pattern"].as_str().unwrap_or_default();
                assert!(pattern.starts_with('^') && pattern.ends_with('$'), "{path}: {pattern:?}");
                assert!(parameter["example"].is_string(), "{path}");
                seen.push(path.as_str());
            }
        }
        assert_eq!(
            seen,
            [
                "/v1/charges/{id}/explanation",
                "/v1/dead-letters/{id}",
                "/v1/pulses/{id}",
                "/v1/tenants/{id}/overview"
            ]
        );
    }

    /// References that lead nowhere.
    fn unresolved(whole: &Value, part: &Value) -> Vec<String> {
        match part {
            Value::Object(fields) => {
                let here = fields.get("$ref").and_then(Value::as_str);
                let lost =
                    here.filter(|reference| whole.pointer(reference.trim_start_matches('#')).is_none());
                let below = fields.values().flat_map(|value| unresolved(whole, value));
                lost.map(str::to_owned).into_iter().chain(below).collect()
            }
            Value::Array(values) => values.iter().flat_map(|value| unresolved(whole, value)).collect(),
            _ => Vec::new(),
        }
    }
}
