//! What all kinds of resources are asked alike.

use crate::api::{Part, Terms, When};
use ::rest::etag::IfMatch;
use ::rest::page::PageSize;

use ::rest::{IdempotencyKey, NoParams, Params, Problem, Time};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use serde::Deserialize;
use utoipa::IntoParams;

/// Which catalogue a read is about.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReadParams {
    /// Answer only when everything below this catalogue offset is seen: read your own writes.
    catalog_offset: Option<u64>,
    /// As it was then: after the last change that arrived at or before this instant, which is not in the future.
    as_of: Option<Time>,
}

/// The parameters of every list.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ListParams {
    /// Answer only when everything below this catalogue offset is seen: read your own writes.
    catalog_offset: Option<u64>,
    /// As it was then: after the last change that arrived at or before this instant, which is not in the future.
    as_of: Option<Time>,
    /// Items a page, 1 to 1,000; 100 where absent.
    #[param(value_type = Option<u16>, minimum = 1, maximum = 1000)]
    page_size: Option<PageSize>,
    /// `next_page_token` of the page before.
    page_token: Option<String>,
}

impl ReadParams {
    pub(super) fn when(self) -> When {
        When { catalog_offset: self.catalog_offset, as_of: self.as_of.map(|time| time.0) }
    }
}

impl ListParams {
    pub(super) fn when(&self) -> When {
        ReadParams { catalog_offset: self.catalog_offset, as_of: self.as_of }.when()
    }
}

/// The part of a list that parameters ask for.
pub(super) fn part(params: &Params<ListParams>) -> Part<'_> {
    let ListParams { page_size, page_token, .. } = &params.value;
    Part { query: &params.canonical, size: *page_size, token: page_token.as_deref() }
}

impl<S: Send + Sync> FromRequestParts<S> for Terms {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        NoParams::from_request_parts(parts, state).await?;
        let key = <IdempotencyKey as OptionalFromRequestParts<S>>::from_request_parts(parts, state).await?;
        let condition = IfMatch::from_request_parts(parts, state).await?;
        Ok(Self { condition, idempotency_key: key.map(IdempotencyKey::into_text) })
    }
}
