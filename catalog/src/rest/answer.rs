//! Answers that all kinds of resources give alike.

use crate::fold::Refusal;
use ::rest::etag::{self, Etag, IfNoneMatch};
use ::rest::{Count, FieldError, Problem};
use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::code::Code;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// How new the answer must be.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadParams {
    /// Answer only when everything below this catalogue offset is seen: read your own writes.
    pub(super) catalog_offset: Option<u64>,
}

/// What a list says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct CatalogMeta {
    /// Everything below this catalogue offset is seen.
    pub(super) catalog_offset: Count,
}

/// A resource that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Deleted {
    id: String,
    catalog_offset: Count,
}

/// The catalogue offset that a request names to see a change.
pub(super) fn offset_after(revision: u64) -> Count {
    Count(revision + 1)
}

/// The resource as it stands after a change.
pub(super) fn changed<T: Serialize>(revision: u64, body: &T) -> Response {
    etag::revision(&IfNoneMatch::default(), revision, body)
}

/// The answer to a deletion.
pub(super) fn deleted(id: &impl ToString, revision: u64) -> Response {
    let body = Deleted { id: id.to_string(), catalog_offset: offset_after(revision) };
    ([(header::ETAG, Etag::Strong(revision).to_header())], Json(body)).into_response()
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::new(refusal.code(), refusal.to_string());
        match refusal {
            Refusal::Invalid(rejects) => rejects.iter().map(FieldError::from).fold(problem, Self::with_error),
            Refusal::RevisionMismatch(_) => problem.with_error(FieldError {
                field: "If-Match".to_owned(),
                reason: Code::RevisionMismatch.name().to_owned(),
                message: refusal.to_string(),
            }),
            Refusal::KeyReused | Refusal::NotFound | Refusal::InUse(_) => problem,
        }
    }
}
