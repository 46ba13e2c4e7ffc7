//! Answers that all kinds of resources give alike.

use crate::api::Page;
use crate::fold::Settled;
use crate::form::offset_after;
use crate::view::Seen;
use ::rest::etag::{self, IfNoneMatch};
use ::rest::idempotency::replayed;
use ::rest::{Client, Count, Problem};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

const IMMUTABLE: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// A resource that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Deleted {
    id: String,
    catalog_offset: Count,
}

/// The resource at its revision, or 304.
pub(super) fn found<T: Serialize>(known: &IfNoneMatch, seen: &Seen<(u64, T)>) -> Response {
    let (revision, item) = &seen.value;
    kept(seen.is_final, etag::revision(known, *revision, item))
}

/// A page of a list, in the format that the client likes best.
pub(super) fn listed<T: Serialize>(
    seen: &Seen<Page<T>>,
    client: &Client,
    columns: &[&str],
) -> Result<Response, Problem> {
    let columns: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
    Ok(kept(seen.is_final, client.list(&seen.value, &columns)?))
}

/// The answer to a change: the resource as it stands after it.
pub(super) fn changed<T: Serialize>((settled, item): &(Settled, T)) -> Response {
    let response = etag::revision(&IfNoneMatch::default(), settled.revision, item);
    if settled.replayed { replayed(response) } else { response }
}

/// The answer to a deletion.
pub(super) fn deleted(id: String, settled: Settled) -> Response {
    let catalog_offset = offset_after(settled.revision);
    changed(&(settled, Deleted { id, catalog_offset }))
}

/// Lets caches keep an answer for ever, if it is final.
fn kept(is_final: bool, response: Response) -> Response {
    if is_final { immutable(response) } else { response }
}

/// Lets caches keep an answer for ever.
pub(super) fn immutable(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, IMMUTABLE);
    response
}
