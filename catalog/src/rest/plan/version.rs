//! `GET /v1/plans/{id}/versions/{n}`

use super::example;
use crate::api::Api;
use crate::form::PlanVersionItem;
use crate::rest::answer::immutable;
use crate::rest::ask::ReadParams;
use ::rest::etag::{self, IfNoneMatch};
use ::rest::problem::QueryProblems;
use ::rest::{Params, Problem};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::code::Code;

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
        (status = 200, description = "The version", body = PlanVersionItem, example = json!(example::version())),
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
    let (revision, item) = api.find_version(&id, parse_number(&number)?, params.value.when()).await?;
    Ok(immutable(etag::revision(&known, revision, &item)))
}

fn parse_number(text: &str) -> Result<u32, Problem> {
    text.parse().map_err(|_| Problem::field(Code::InvalidArgument, "n", "must be a whole number from 1"))
}
