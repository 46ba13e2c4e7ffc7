//! `GET /v1/plans/{id}/versions/{n}`

use super::PlanVersionItem;
use crate::rest::Api;
use crate::rest::answer::ReadParams;
use ::rest::etag::{self, IfNoneMatch};
use ::rest::problem::QueryProblems;
use ::rest::{Params, Problem};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::code::Code;
use domain::id::PlanId;

const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// A version of a plan
///
/// Nothing in it ever changes: it may be kept for ever.
#[utoipa::path(
    get,
    path = "/v1/plans/{id}/versions/{n}",
    operation_id = "getPlanVersion",
    tag = "plans",
    params(("id" = String, Path, example = "llm"), ("n" = u32, Path, example = 1), ReadParams),
    responses(
        (status = 200, description = "The version", body = PlanVersionItem),
        (status = 304, description = "The client has it"),
        QueryProblems
    )
)]
pub(in crate::rest) async fn get_plan_version(
    State(api): State<Api>,
    path: Result<Path<(String, String)>, PathRejection>,
    params: Params<ReadParams>,
    known: IfNoneMatch,
) -> Result<Response, Problem> {
    let refuse = |_| Problem::field(Code::InvalidArgument, "id", "must be percent-encoded UTF-8");
    let Path((id, number)) = path.map_err(refuse)?;
    let id = PlanId::parse(&id)?;
    let number = parse_number(&number)?;
    let state = api.state(params.value.catalog_offset).await?;
    let record = state.find_plan(&id).and_then(|plan| plan.find_version(number));
    let record = record.ok_or_else(|| Problem::not_found(format!("version {number} of plan {id}")))?;
    let mut response = etag::revision(&known, record.revision, &PlanVersionItem::new(record));
    response.headers_mut().insert(header::CACHE_CONTROL, IMMUTABLE);
    Ok(response)
}

fn parse_number(text: &str) -> Result<u32, Problem> {
    text.parse().map_err(|_| Problem::field(Code::InvalidArgument, "n", "must be a whole number from 1"))
}
