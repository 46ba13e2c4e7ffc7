//! `GET /v1/usage/live`: usage as it grows, as server-sent events.

use crate::QueryApi;
use crate::ask::{Ask, AskParams};
use crate::window::WindowSize;
use axum::extract::State;
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::code::Code;
use domain::time::{Timestamp, Window};
use rest::problem::QueryProblems;
use rest::{Params, Problem};
use serde::Deserialize;
use std::time::Duration;
use utoipa::IntoParams;
use watch::Watch;

#[cfg(test)]
mod tests;
mod watch;

/// How many clients are served at once: each holds its last answer in memory.
pub const CLIENTS_MAX: usize = 64;
const HEARTBEAT: Duration = Duration::from_secs(15);
/// How far back a live answer may begin.
const DAYS_MAX: i64 = 31;
/// How long an answer lives at most; the client comes back by itself.
const LIFE_DAYS: i64 = 1;
const SECONDS_PER_DAY: i64 = 86_400;

/// The parameters of a live question.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct LiveParams {
    /// Whose usage; all tenants there ever were where absent.
    #[param(style = Form, explode, example = json!(["acme"]))]
    pub tenant: Vec<String>,
    /// Of what.
    #[param(style = Form, explode)]
    pub sku: Vec<String>,
    /// Reported in which unit.
    #[param(style = Form, explode)]
    pub unit: Vec<String>,
    /// With which dimension: `region:eu-1`.
    #[param(style = Form, explode)]
    pub dimension: Vec<String>,
    /// The first instant, RFC 3339 on a quarter of an hour, or a span back from now such as `-24h`, at most 31 days
    /// back; 24 hours back where absent.
    #[param(pattern = r"^(-[0-9]{1,6}[mhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))$")]
    pub from: Option<String>,
    /// How long each window is; an hour where absent.
    #[param(inline)]
    pub window: Option<WindowSize>,
    /// IANA name of the zone that windows are aligned in; the tenants' billing calendar where they share one, else UTC.
    pub time_zone: Option<String>,
    /// What to keep apart: `tenant`, `sku` and declared dimensions such as `dim.region`, joined by commas.
    #[param(
        example = "tenant,sku",
        pattern = r"^((tenant|sku|dim\.[a-z][a-z0-9_]*)(,(tenant|sku|dim\.[a-z][a-z0-9_]*))*)?$"
    )]
    pub group_by: Option<String>,
}

/// Follows usage as it grows
///
/// Server-sent events. First a `snapshot` of all items, then a `delta` with each item that changed, whole: to take one
/// twice is harmless. The data is that of `/v1/usage`; the `id` is the watermark. A client that comes back gets a snapshot
/// first, whatever its `Last-Event-ID` says. A comment every 15 seconds keeps the connection.
#[utoipa::path(
    get,
    path = "/v1/usage/live",
    operation_id = "watchUsage",
    tag = "usage",
    params(
        LiveParams,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen, as clients send it by themselves: whatever it is, a snapshot follows")
    ),
    responses(
        (status = 200, description = "Events", content_type = "text/event-stream", body = String, example = json!(
            "id: 2026-01-31T12:00:01Z\nevent: snapshot\ndata: {\"items\":[],\"meta\":{\"watermark\":\"2026-01-31T12:00:01Z\",\"complete\":false,\"final\":false,\"late_count\":\"0\"}}\n\n"
        )),
        QueryProblems
    )
)]
pub async fn watch_usage(
    State(query): State<QueryApi>,
    Params { value: params, .. }: Params<LiveParams>,
) -> Result<Response, Problem> {
    let seat = query.live_seats().take()?;
    let ask = resolve(&query, params)?;
    let (watch, snapshot) = Watch::open(query, ask, seat).await?;
    let events = watch.events(snapshot);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")).into_response())
}

/// The question, over windows that go on while the answer lives.
fn resolve(query: &QueryApi, params: LiveParams) -> Result<Ask, Problem> {
    let now = query.now();
    let ask = AskParams {
        tenant: params.tenant,
        sku: params.sku,
        unit: params.unit,
        dimension: params.dimension,
        from: Some(params.from.unwrap_or_else(|| "-24h".to_owned())),
        window: params.window.or(Some(WindowSize::Hour)),
        time_zone: params.time_zone,
        group_by: params.group_by,
        ..AskParams::default()
    };
    let first = Ask::resolve(&ask, &query.state(), None, now)?;
    let start = first.grid.range().start();
    if start < now.plus_seconds(-DAYS_MAX * SECONDS_PER_DAY).quarter().start() {
        let rule = format!("must be at most {DAYS_MAX} days back");
        return Err(Problem::field(Code::InvalidRange, "from", rule));
    }
    Ask::resolve(&ask, &query.state(), Window::new(start, life_end(now)), now)
}

fn life_end(now: Timestamp) -> Timestamp {
    now.plus_seconds(2 * LIFE_DAYS * SECONDS_PER_DAY).quarter().start()
}
