//! `POST /v1/plans/{id}/versions`

use super::example;
use crate::api::Api;
use crate::fold::Effect;
use crate::form::PlanVersionItem;
use crate::plan::PlanBody;
use crate::rest::answer::changed;
use ::rest::problem::{CommandProblems, Kind};
use ::rest::{Id, IdempotencyKey, NoParams, Problem};
use axum::extract::rejection::StringRejection;
use axum::extract::{FromRequest, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use domain::code::Code;

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
    request_body(content(
        (PlanBody = "application/json", example = json!(example::body())),
        (String = "application/yaml", example = json!(example::DOCUMENT))
    )),
    responses(
        (status = 201, description = "A new version", body = PlanVersionItem, example = json!(example::version())),
        (
            status = 200,
            description = "The version that has this content already",
            body = PlanVersionItem,
            example = json!(example::version())
        ),
        CommandProblems
    )
)]
pub(in crate::rest) async fn publish_plan_version(
    State(api): State<Api>,
    Id(id): Id,
    _: NoParams,
    key: Option<IdempotencyKey>,
    YamlOrJson(text): YamlOrJson,
) -> Result<Response, Problem> {
    let published = api.publish(&id, &text, key.map(IdempotencyKey::into_text)).await?;
    let mut response = changed(&published);
    if published.0.effect == Effect::Applied {
        *response.status_mut() = StatusCode::CREATED;
    }
    Ok(response)
}

/// The text of a plan document.
pub(in crate::rest) struct YamlOrJson(String);

impl<S: Send + Sync> FromRequest<S> for YamlOrJson {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        check_media_type(request.headers())?;
        String::from_request(request, state).await.map(Self).map_err(|rejection| refuse_text(&rejection))
    }
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
