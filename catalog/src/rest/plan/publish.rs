//! `POST /v1/plans/{id}/versions`

use super::PlanVersionItem;
use crate::command::Change;
use crate::fold::{Effect, Refusal, Settled};
use crate::lint::lint;
use crate::plan::{PlanBody, PlanDocument};
use crate::rest::Api;
use crate::rest::idempotency_key::IdempotencyKey;
use ::rest::etag::Etag;
use ::rest::problem::{CommandProblems, Kind};
use ::rest::{Id, Problem};
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::code::Code;
use domain::id::PlanId;

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const MEDIA_TYPES: [&str; 4] = ["application/json", "application/yaml", "application/x-yaml", "text/yaml"];

/// Publishes a version of a plan
///
/// The document as JSON or YAML. Versions are numbered here; the same content again is the same version. Every fault is
/// named with its field, line and column.
#[utoipa::path(
    post,
    path = "/v1/plans/{id}/versions",
    operation_id = "publishPlanVersion",
    tag = "plans",
    params(
        ("id" = String, Path, example = "llm"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was")
    ),
    request_body(content((PlanBody = "application/json"), (String = "application/yaml"))),
    responses(
        (status = 201, description = "A new version", body = PlanVersionItem),
        (status = 200, description = "The version that has this content already", body = PlanVersionItem),
        CommandProblems
    )
)]
pub(in crate::rest) async fn publish_plan_version(
    State(api): State<Api>,
    Id(id): Id,
    key: Option<IdempotencyKey>,
    headers: HeaderMap,
    text: Result<String, StringRejection>,
) -> Result<Response, Problem> {
    let id = PlanId::parse(&id)?;
    check_media_type(&headers)?;
    let document =
        PlanDocument::parse(&text.map_err(|rejection| refuse_text(&rejection))?).map_err(Refusal::from)?;
    api.lint(&document).await?;
    let change = Change::PublishPlan(id.clone(), document.plan().canonical().into());
    let settled = api.post(key, change).await?;
    api.published(&id, settled)
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let text = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if MEDIA_TYPES.iter().any(|known| known.eq_ignore_ascii_case(essence)) {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType, "content-type must be application/json or application/yaml"))
}

fn refuse_text(rejection: &StringRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Problem::new(Code::TooLarge, "the document is over the bound of this resource")
        }
        _ => Problem::field(Code::InvalidArgument, "body", "must be UTF-8 and whole"),
    }
}

impl Api {
    /// Names faults by their lines in the text that was sent; the fold only sees the canonical document.
    async fn lint(&self, document: &PlanDocument) -> Result<(), Problem> {
        let state = self.catalog.state();
        if lint(document, &*state, state.conversions()).is_ok() {
            return Ok(());
        }
        let state = self.catalog.view().confirm().await?;
        Ok(lint(document, &*state, state.conversions()).map_err(Refusal::from)?)
    }

    fn published(&self, id: &PlanId, settled: Settled) -> Result<Response, Problem> {
        let state = self.catalog.state();
        let plan = state.find_plan(id);
        let record = plan.zip(settled.plan_version).and_then(|(plan, number)| plan.find_version(number));
        let record = record
            .ok_or_else(|| Problem::new(Code::Internal, "the version that was published is not there"))?;
        let status = if settled.effect == Effect::Unchanged { StatusCode::OK } else { StatusCode::CREATED };
        let etag = Etag::Strong(settled.revision).to_header();
        let mut response =
            (status, [(header::ETAG, etag)], Json(PlanVersionItem::new(record))).into_response();
        if settled.effect == Effect::Replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        Ok(response)
    }
}
