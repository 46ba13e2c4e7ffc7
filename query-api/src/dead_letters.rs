//! `GET /v1/dead-letters`: what was refused and kept, and what became of it.

use crate::QueryApi;
use crate::page;
use crate::range::{self, RangeText};
use axum::extract::State;
use axum::response::Response;
use domain::calendar::Calendar;
use domain::code::Code;
use domain::dead_letter::{DeadLetterId, Status};
use domain::reject::RejectReason;
use domain::time::Window;
use rest::etag::{self, IfNoneMatch};
use rest::page::PageSize;
use rest::problem::QueryProblems;
use rest::{Id, Params, Problem, Time};
use scan::Scan;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

mod kept;
mod scan;

pub use kept::Kept;

/// Dead letters stay online this long.
const FROM_DEFAULT: &str = "-90d";

/// Where a dead letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StatusName {
    /// Waiting.
    Open,
    /// Billed by a replay.
    Replayed,
    /// Its payload was given up.
    Purged,
}

/// The parameters of a question about dead letters.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct DeadLetterParams {
    /// Refused why.
    #[param(style = Form, explode, example = json!(["UNKNOWN_SKU"]))]
    pub reason: Vec<String>,
    /// Sent for whom.
    #[param(style = Form, explode)]
    pub tenant: Vec<String>,
    /// Standing where; `open` where absent.
    #[param(style = Form, explode, inline)]
    pub status: Vec<StatusName>,
    /// Received from then on: RFC 3339 on a quarter of an hour, or a span back from now; 90 days back where absent.
    pub from: Option<String>,
    /// Received before; now where absent.
    pub to: Option<String>,
    /// Items a page, 1 to 1,000; 100 where absent.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    pub page_size: Option<PageSize>,
    /// `next_page_token` of the page before.
    pub page_token: Option<String>,
}

/// A pulse, or foreign bytes, that was refused and kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterItem {
    /// Names it for ever.
    pub id: String,
    /// Why it was refused.
    pub reason: String,
    /// The field at fault.
    pub field: String,
    /// For people; names field and rule.
    pub message: String,
    /// For whom it was sent; absent where the bytes are no pulse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// When it arrived.
    pub received_time: Time,
    /// Until when a replay can bill it; absent where its event time is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay_until: Option<Time>,
    /// Where it stands.
    pub status: StatusName,
    /// How often a replay was tried.
    pub attempts: u32,
    /// When it was billed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed_time: Option<Time>,
    /// The pulse as an object, or foreign bytes as base64 text; absent once purged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub payload: Option<Value>,
}

/// A page of dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeadLetterPage {
    /// By the day they arrived, generation, partition and position.
    pub items: Vec<DeadLetterItem>,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Lists what was refused and kept
#[utoipa::path(
    get,
    path = "/v1/dead-letters",
    operation_id = "listDeadLetters",
    tag = "dead letters",
    params(DeadLetterParams),
    responses(
        (status = 200, description = "A page of dead letters", body = DeadLetterPage, example = json!({
            "items": [{
                "id": "20260131-1-3-12801",
                "reason": "UNKNOWN_SKU",
                "field": "sku",
                "message": "sku is not in the catalogue",
                "tenant": "acme",
                "received_time": "2026-01-31T10:15:01Z",
                "replay_until": "2026-03-07T10:15:00Z",
                "status": "open",
                "attempts": 0,
                "payload": {
                    "id": "a-1", "tenant": "acme", "sku": "llm.new", "quantity": "5", "unit": "token",
                    "event_time": "2026-01-31T10:15:00Z"
                }
            }]
        })),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn list_dead_letters(
    State(query): State<QueryApi>,
    Params { value: params, canonical }: Params<DeadLetterParams>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let state = query.state();
    let registry = query.registry(&state)?;
    let cursor = page::open::<String>(query.page_key(), &canonical, params.page_token.as_deref())?;
    let range = match cursor.as_ref().and_then(page::Cursor::range) {
        Some(range) => range,
        None => range_of(&params, &query)?,
    };
    let after = cursor.and_then(|cursor| DeadLetterId::parse(&cursor.after));
    let wanted = Wanted::parse(&params, range)?;
    let size = params.page_size.unwrap_or_default().items();
    let mut scan = Scan::new(query.store(), registry, &range, after);
    let mut kept = Vec::new();
    while kept.len() <= size {
        let Some(found) = scan.next_chunk().await? else { break };
        kept.extend(found.into_iter().filter(|kept| wanted.has(kept)));
    }
    let more = kept.len() > size;
    kept.truncate(size);
    let last = kept.last().filter(|_| more).map(|kept| kept.letter.id.to_string());
    let next_page_token =
        last.map(|last| page::token(query.page_key(), &canonical, &range, last)).transpose()?;
    let items = kept.iter().map(|kept| kept.item(registry)).collect();
    etag::answer(&known, &DeadLetterPage { items, next_page_token })
}

/// Shows one dead letter
#[utoipa::path(
    get,
    path = "/v1/dead-letters/{id}",
    operation_id = "getDeadLetter",
    tag = "dead letters",
    params(("id" = String, Path, description = "Its id", example = "20260131-1-3-12801")),
    responses(
        (status = 200, description = "The dead letter", body = DeadLetterItem),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn get_dead_letter(
    State(query): State<QueryApi>,
    Id(id): Id,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let state = query.state();
    let missing = || Problem::not_found(format_args!("the dead letter {id:?}"));
    let parsed = DeadLetterId::parse(&id).ok_or_else(missing)?;
    let kept = Kept::find(query.store(), &parsed).await?.ok_or_else(missing)?;
    etag::answer(&known, &kept.item(query.registry(&state)?))
}

fn range_of(params: &DeadLetterParams, query: &QueryApi) -> Result<Window, Problem> {
    let from = Some(params.from.as_deref().unwrap_or(FROM_DEFAULT));
    let text = RangeText { from, to: params.to.as_deref(), period: None };
    range::resolve(text, &Calendar::utc(), query.now())
}

/// Which dead letters are asked for.
struct Wanted {
    reasons: Vec<RejectReason>,
    tenants: Vec<String>,
    statuses: Vec<Status>,
    range: Window,
}

impl Wanted {
    fn parse(params: &DeadLetterParams, range: Window) -> Result<Self, Problem> {
        let refuse =
            || Problem::field(Code::InvalidArgument, "reason", "must be a reject reason such as UNKNOWN_SKU");
        let reasons = params.reason.iter().map(|name| RejectReason::find(name).ok_or_else(refuse));
        let statuses: Vec<Status> = params.status.iter().map(|name| Status::from(*name)).collect();
        Ok(Self {
            reasons: reasons.collect::<Result<_, _>>()?,
            tenants: params.tenant.clone(),
            statuses: if statuses.is_empty() { vec![Status::Open] } else { statuses },
            range,
        })
    }

    fn has(&self, kept: &Kept) -> bool {
        let reason = self.reasons.is_empty() || self.reasons.contains(&kept.letter.reason);
        let tenant = || {
            self.tenants.is_empty() || kept.tenant().is_some_and(|of| self.tenants.iter().any(|t| t == of))
        };
        let received = self.range.contains(kept.letter.received_time);
        reason && received && self.statuses.contains(&kept.state.status) && tenant()
    }
}

impl From<StatusName> for Status {
    fn from(name: StatusName) -> Self {
        match name {
            StatusName::Open => Self::Open,
            StatusName::Replayed => Self::Replayed,
            StatusName::Purged => Self::Purged,
        }
    }
}

impl From<Status> for StatusName {
    fn from(status: Status) -> Self {
        match status {
            Status::Open => Self::Open,
            Status::Replayed => Self::Replayed,
            Status::Purged => Self::Purged,
        }
    }
}
