//! `GET /v1/pulses/{id}`: what became of one pulse.

use crate::QueryApi;
use crate::charges::ChargeItem;
use crate::dead_letters::DeadLetterItem;
use crate::missing::Missing;
use crate::sight::{PulseItem, RecordItem};
use axum::extract::State;
use axum::response::Response;
use domain::code::Code;
use domain::id::{PulseId, Source, TenantId};
use domain::pulse::Identity;
use domain::time::Timestamp;
use rest::problem::QueryProblems;
use rest::{Client, Count, Decimal, Id, Params, Problem, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use trace::Tracer;
use utoipa::{IntoParams, ToSchema};

#[cfg(test)]
mod tests;
mod trace;

/// What tells a pulse from all others, beside its id.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PulseParams {
    /// Who pays.
    #[param(example = "acme", min_length = 1, max_length = 128)]
    pub tenant: String,
    /// Who reported; empty where absent.
    #[param(max_length = 256)]
    pub source: Option<String>,
    /// When, RFC 3339 and exact to the minute; the id's own time where absent and the id is a UUIDv7.
    #[param(example = "2026-01-31T10:15:00Z", format = DateTime)]
    pub event_time: Option<String>,
}

/// Whether a pulse is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It is in the sums, once.
    Counted,
    /// It was kept as a dead letter and is in no sum.
    Refused,
}

/// The quarter of an hour whose sum a pulse is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CountedIn {
    /// The quarter's first instant.
    pub start_time: Time,
    /// The first instant after it.
    pub end_time: Time,
    /// What was used.
    pub sku: String,
    /// The declared dimensions that were sent.
    pub group: BTreeMap<String, String>,
    /// The sum of the quarter, as this partition counted it.
    pub quantity: Decimal,
    /// As reported.
    pub unit: String,
    /// How many pulses it is the sum of.
    pub count: Count,
    /// The later period it is billed in, because its own was closed; absent: its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posted: Option<String>,
}

/// What became of a pulse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PulseTrace {
    /// Whether it is billed.
    pub outcome: Outcome,
    /// As it was reported first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulse: Option<PulseItem>,
    /// Where it stands in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordItem>,
    /// The sum it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted_in: Option<CountedIn>,
    /// The charge it is part of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge_id: Option<String>,
    /// That charge, once it was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<ChargeItem>,
    /// When the newest change came that the charge was last rated for, of usage or of the catalogue: all usage counted
    /// before it is in the charge. Absent: the log does not hold it any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rated_time: Option<Time>,
    /// Why it has no price: `NO_CONTRACT` or `NO_PRICE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = json!(null))]
    pub unpriced: Option<String>,
    /// Reports of this identity that were refused: before it was accepted, or with other content after.
    pub dead_letters: Vec<DeadLetterItem>,
    /// Everything acknowledged before it is counted; absent: nothing is known to be counted yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub watermark: Option<Time>,
    /// What should be here and cannot be read.
    pub missing: Vec<Missing>,
}

/// The pulse that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    tenant: TenantId,
    source: Source,
    id: PulseId,
    event_time: Timestamp,
}

/// Follows one pulse to its record, its sum and its charge
///
/// A repetition with the same content leaves no trace of its own: what is shown is the report that came first.
#[utoipa::path(
    get,
    path = "/v1/pulses/{id}",
    operation_id = "getPulse",
    tag = "usage",
    params(
        (
            "id" = String,
            Path,
            description = "Its id within the source",
            example = "a-1",
            min_length = 1,
            max_length = 64,
            pattern = r"^[^\u0000-\u001F\u007F-\u009F]+$"
        ),
        PulseParams
    ),
    responses(
        (status = 200, description = "What became of it", body = PulseTrace, example = json!({
            "outcome": "counted",
            "pulse": {
                "id": "a-1", "source": "", "tenant": "acme", "sku": "llm.input", "quantity": "5", "unit": "token",
                "event_time": "2026-01-31T10:15:00Z", "dimensions": {"region": "eu-1"}
            },
            "record": {
                "topic": "resource-consumption.g1", "generation": 1, "partition": 3, "offset": "50", "index": 0,
                "position": "12801", "received_time": "2026-01-31T10:15:01Z"
            },
            "counted_in": {
                "start_time": "2026-01-31T10:15:00Z", "end_time": "2026-01-31T10:30:00Z", "sku": "llm.input",
                "group": {"region": "eu-1"}, "quantity": "1205", "unit": "token", "count": "42"
            },
            "charge_id": "CgRhY21lEgcyMDI2LTAx",
            "dead_letters": [],
            "watermark": "2026-01-31T12:00:01Z",
            "missing": []
        })),
        (status = 304, description = "The client has this answer"),
        QueryProblems
    )
)]
pub async fn get_pulse(
    State(query): State<QueryApi>,
    Id(id): Id,
    Params { value: params, .. }: Params<PulseParams>,
    client: Client,
) -> Result<Response, Problem> {
    let asked = Asked::parse(&id, &params)?;
    let state = query.state();
    let trace = Tracer::new(&query, &state, &asked).trace().await?;
    client.answer(&trace)
}

impl Asked {
    fn parse(id: &str, params: &PulseParams) -> Result<Self, Problem> {
        let id = PulseId::parse(id, "id")?;
        let refuse = |rule: &str| Problem::field(Code::InvalidArgument, "event_time", rule);
        let event_time = if let Some(text) = &params.event_time {
            Timestamp::parse(text).map_err(|error| refuse(&error.to_string()))?
        } else {
            let millis = id.unix_millis().ok_or_else(|| refuse("is required: the id is no UUIDv7"))?;
            Timestamp::from_millis(millis)
        };
        let source = Source::parse(params.source.as_deref().unwrap_or_default())?;
        Ok(Self { tenant: TenantId::parse(&params.tenant)?, source, id, event_time })
    }

    fn identity(&self) -> Identity<'_> {
        Identity {
            tenant: self.tenant.as_str(),
            source: self.source.as_str(),
            id: self.id.as_bytes(),
            minute: self.event_time.minute(),
        }
    }
}
