//! `GET /v1/dead-letters`: what was refused and kept, and what became of it.

use crate::page;
use crate::range::{self, RangeText};
use crate::{QueryApi, table};
use axum::extract::State;
use axum::response::Response;
use domain::calendar::Calendar;
use domain::code::Code;
use domain::dead_letter::{DeadLetterId, Status};
use domain::reject::RejectReason;
use domain::time::Window;
use rest::page::PageSize;
use rest::problem::QueryProblems;
use rest::{Client, Id, NoParams, Params, Problem, Time};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

mod kept;
mod scan;

pub use kept::Kept;
pub use scan::Scan;

/// Dead letters stay online this long.
const FROM_DEFAULT: &str = "-90d";

const COLUMNS: [&str; 11] = [
    "id",
    "reason",
    "field",
    "message",
    "tenant",
    "received_time",
    "replay_until",
    "status",
    "attempts",
    "replayed_time",
    "payload",
];

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
    /// Refused why: `UNKNOWN_SKU`.
    #[param(style = Form, explode)]
    pub reason: Vec<String>,
    /// Sent for whom.
    #[param(style = Form, explode)]
    pub tenant: Vec<String>,
    /// Standing where; `open` where absent.
    #[param(style = Form, explode, inline)]
    pub status: Vec<StatusName>,
    /// Received from then on: RFC 3339 on a quarter of an hour, or a span back from now; 90 days back where absent.
    #[param(pattern = r"^(-[0-9]{1,6}[mhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))$")]
    pub from: Option<String>,
    /// Received before; now where absent.
    #[param(pattern = r"^(-[0-9]{1,6}[mhd]|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2}))$")]
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
    #[schema(value_type = Option<Value>)]
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
    tag = "dead-letters",
    params(DeadLetterParams),
    responses(
        (status = 200, description = "A page of dead letters", content(
            (DeadLetterPage = "application/json", example = json!({
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
            (String = "text/csv"),
            (String = "application/x-ndjson")
        )),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn list_dead_letters(
    State(query): State<QueryApi>,
    Params { value: params, canonical }: Params<DeadLetterParams>,
    client: Client,
) -> Result<Response, Problem> {
    let registry = query.registry();
    let cursor = page::open::<String>(query.page_key(), &canonical, params.page_token.as_deref())?;
    let range = match cursor.as_ref().and_then(page::Cursor::range) {
        Some(range) => range,
        None => range_of(&params, &query)?,
    };
    let after = cursor.and_then(|cursor| DeadLetterId::parse(&cursor.after));
    let wanted = Wanted::parse(&params, range)?;
    let size = params.page_size.unwrap_or_default().items();
    let mut scan = Scan::new(query.store(), &registry, &range, after);
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
    let items = kept.iter().map(|kept| kept.item(&registry)).collect();
    client.list(&DeadLetterPage { items, next_page_token }, &table::columns(&COLUMNS, [], &[]))
}

/// Shows one dead letter
#[utoipa::path(
    get,
    path = "/v1/dead-letters/{id}",
    operation_id = "getDeadLetter",
    tag = "dead-letters",
    params((
        "id" = String,
        Path,
        description = "Its id",
        example = "20260131-1-3-12801",
        pattern = "^[0-9]{8}-[0-9]{1,10}-[0-9]{1,10}-[0-9]{1,19}$"
    )),
    responses(
        (status = 200, description = "The dead letter", body = DeadLetterItem, example = json!({
            "id": "20260131-1-3-12802",
            "reason": "UNDECODABLE",
            "field": "",
            "message": "the record is none of ours",
            "received_time": "2026-01-31T10:15:01Z",
            "status": "open",
            "attempts": 0,
            "payload": "anVuaw=="
        })),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn get_dead_letter(
    State(query): State<QueryApi>,
    Id(id): Id,
    _: NoParams,
    client: Client,
) -> Result<Response, Problem> {
    let missing = || Problem::not_found(format_args!("the dead letter {id:?}"));
    let parsed = DeadLetterId::parse(&id).ok_or_else(missing)?;
    let kept = Kept::find(query.store(), &parsed).await?.ok_or_else(missing)?;
    client.answer(&kept.item(&query.registry()))
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

#[cfg(test)]
mod tests {
    use crate::testing::{House, at};
    use bytes::Bytes;
    use domain::dead_letter::{DeadLetter, DeadLetterEvent, DeadLetterId, DeadLetterState, PayloadKind};
    use domain::position::Position;
    use domain::pulse::RawPulse;
    use domain::reject::RejectReason;
    use prost::Message;
    use serde_json::{Value, json};

    fn letter(time: &str, partition: u32, offset: u64, raw: Option<&RawPulse>) -> DeadLetter {
        let received_time = at(time);
        let id = DeadLetterId {
            day: received_time.day(),
            generation: 1,
            partition,
            position: Position::new(offset, 0),
        };
        DeadLetter {
            id,
            reason: if raw.is_some() { RejectReason::UnknownSku } else { RejectReason::Undecodable },
            field: "sku".into(),
            message: "sku is not in the catalogue".into(),
            received_time,
            kind: if raw.is_some() { PayloadKind::Pulse } else { PayloadKind::Foreign },
            payload: raw.map_or(Bytes::from_static(b"\xff\x00"), |raw| {
                proto::pulse::to_wire(raw).encode_to_vec().into()
            }),
        }
    }

    fn raw(tenant: &str, id: &str) -> RawPulse {
        RawPulse {
            id: id.into(),
            tenant: tenant.into(),
            sku: "llm.new".into(),
            quantity: "5".into(),
            unit: "token".into(),
            event_time: Some(at("2026-03-09T10:00:00Z").into()),
            ..RawPulse::default()
        }
    }

    async fn house() -> House {
        let house = House::furnished().await;
        for letter in [
            letter("2026-03-09T10:00:01Z", 1, 7, Some(&raw("acme", "a"))),
            letter("2026-03-10T10:00:01Z", 0, 8, Some(&raw("globex", "b"))),
            letter("2026-03-10T10:00:02Z", 0, 9, None),
            letter("2026-03-10T10:00:03Z", 1, 9, Some(&raw("acme", "c"))),
        ] {
            house.put(letter.id.cell_key(), letter.id.position.raw(), &letter).await;
        }
        house
    }

    async fn change(house: &House, id: &str, event: DeadLetterEvent) {
        let mut state = DeadLetterState::default();
        state.apply(Position::new(99, 0), at("2026-03-10T12:00:00Z"), &event);
        house.put(DeadLetterId::parse(id).unwrap().state_key(), 99, &state).await;
    }

    fn ids(items: &[Value]) -> Vec<&str> {
        items.iter().map(|item| item["id"].as_str().unwrap()).collect()
    }

    const FIRST: &str = "20260309-1-1-1793";
    const SECOND: &str = "20260310-1-0-2049";
    const FOREIGN: &str = "20260310-1-0-2305";
    const LAST: &str = "20260310-1-1-2305";

    #[tokio::test]
    async fn open_ones_are_listed_by_id_with_their_payload() {
        let house = house().await;
        let items = house.items("/v1/dead-letters").await;
        assert_eq!(ids(&items), [FIRST, SECOND, FOREIGN, LAST]);
        let expected = json!({
            "id": FIRST, "reason": "UNKNOWN_SKU", "field": "sku", "message": "sku is not in the catalogue",
            "tenant": "acme", "received_time": "2026-03-09T10:00:01Z", "replay_until": "2026-04-13T10:00:00Z",
            "status": "open", "attempts": 0,
            "payload": {
                "id": "a", "tenant": "acme", "sku": "llm.new", "quantity": "5", "unit": "token",
                "event_time": "2026-03-09T10:00:00Z"
            }
        });
        assert_eq!(items[0], expected);
        assert_eq!(
            (items[2]["payload"].as_str(), items[2].get("tenant"), items[2].get("replay_until")),
            (Some("/wA="), None, None)
        );
    }

    #[tokio::test]
    async fn what_was_replayed_or_purged_is_not_open() {
        let house = house().await;
        change(&house, FIRST, DeadLetterEvent::Replayed).await;
        change(&house, LAST, DeadLetterEvent::Purged).await;
        change(&house, SECOND, DeadLetterEvent::RefusedAgain).await;
        let open = house.items("/v1/dead-letters").await;
        assert_eq!((ids(&open), &open[0]["attempts"]), (vec![SECOND, FOREIGN], &json!(1)));
        let settled = house.items("/v1/dead-letters?status=replayed&status=purged").await;
        assert_eq!(ids(&settled), [FIRST, LAST]);
        assert_eq!(settled[0]["replayed_time"], "2026-03-10T12:00:00Z");
        assert!(settled[1].get("payload").is_none());
    }

    #[tokio::test]
    async fn a_payload_that_was_given_up_while_it_was_replayed_is_not_shown_as_an_empty_pulse() {
        let house = house().await;
        let purged = DeadLetter {
            payload: Bytes::new(),
            ..letter("2026-03-10T10:00:04Z", 1, 10, Some(&raw("acme", "d")))
        };
        house.put(purged.id.cell_key(), purged.id.position.raw(), &purged).await;
        change(&house, &purged.id.to_string(), DeadLetterEvent::Replayed).await;
        let (status, body) = house.get(&format!("/v1/dead-letters/{}", purged.id)).await;
        assert_eq!((status, &body["status"], body.get("payload")), (200, &json!("replayed"), None));
    }

    #[tokio::test]
    async fn filters_narrow() {
        let house = house().await;
        for (query, expected) in [
            ("reason=UNDECODABLE", vec![FOREIGN]),
            ("tenant=acme", vec![FIRST, LAST]),
            ("tenant=acme&tenant=globex&from=2026-03-10T00:00:00Z", vec![SECOND, LAST]),
            ("to=2026-03-10T00:00:00Z", vec![FIRST]),
        ] {
            assert_eq!(ids(&house.items(&format!("/v1/dead-letters?{query}")).await), expected, "{query}");
        }
        let (status, body) = house.get("/v1/dead-letters?reason=BAD").await;
        assert_eq!((status, &body["errors"][0]["field"]), (400, &json!("reason")));
    }

    #[tokio::test]
    async fn pages_go_on_within_a_place_and_from_place_to_place() {
        let house = house().await;
        house.store.set_chunk_cells(1);
        let (mut seen, mut next) = (Vec::new(), String::new());
        loop {
            let (_, body) = house.get(&format!("/v1/dead-letters?page_size=1{next}")).await;
            seen.extend(body["items"].as_array().unwrap().clone());
            let Some(token) = body["next_page_token"].as_str() else { break };
            next = format!("&page_token={token}");
        }
        assert_eq!(ids(&seen), [FIRST, SECOND, FOREIGN, LAST]);
    }

    #[tokio::test]
    async fn one_is_found_by_its_id() {
        let house = house().await;
        let (status, body) = house.get(&format!("/v1/dead-letters/{SECOND}")).await;
        assert_eq!((status, &body["tenant"], &body["status"]), (200, &json!("globex"), &json!("open")));
        for id in ["20260310-1-0-1", "nonsense"] {
            let (status, body) = house.get(&format!("/v1/dead-letters/{id}")).await;
            assert_eq!((status, &body["code"]), (404, &json!("NOT_FOUND")));
        }
    }
}
