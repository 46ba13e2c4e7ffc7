//! The catalogue's resources over gRPC: the same names, rules and codes as over HTTP.

mod message;
mod plan;
mod registry;
mod service;
mod status;
#[cfg(test)]
mod tests;

use crate::api::{Api, Page, Part, Terms, When};
use crate::catalog::Catalog;
use crate::fold::Settled;
use crate::form::{Resource, Shown, offset_after};
pub use registry::registry;

use ::rest::etag::IfMatch;
use ::rest::page::{PageKey, PageSize};
use ::rest::{IdempotencyKey, Problem};
use domain::code::Code;
use domain::time::Timestamp;
use message::{Read, Wire};
use proto::instant::from_wire;
use proto::v1::DeletedResource;
use proto::v1::catalog_service_server::CatalogServiceServer;
use service::Service;
use status::refused;
use std::fmt::Write;
use tonic::metadata::MetadataValue;
use tonic::{Response, Status};

/// Says of an answer that it is that of an earlier command under the same key.
const REPLAYED: &str = "idempotent-replayed";

/// The service, to be added to those of the other rooms. The key signs page tokens and is the same for all replicas.
pub fn grpc(catalog: Catalog, page_key: PageKey) -> CatalogServiceServer<Service> {
    CatalogServiceServer::new(Service(Api { catalog, page_key }))
}

/// A list as it is asked for.
struct Ask {
    /// What it is a list of: part of the query that a token is bound to.
    of: String,
    page_size: i32,
    page_token: String,
    as_of: Option<prost_types::Timestamp>,
    catalog_offset: u64,
}

impl Service {
    async fn put<R>(
        &self,
        message: Option<R::Message>,
        terms: Result<Terms, Problem>,
    ) -> Result<Response<R::Message>, Status>
    where
        R: Read + Resource<Item = <R as Shown>::Item>,
    {
        let absent = || Problem::field(Code::InvalidArgument, R::FIELD, "is required");
        let put = async {
            let (id, body) = R::read_message(message.ok_or_else(absent)?)?;
            self.0.put::<R>(&id, &body, terms?).await
        };
        let (settled, item) = put.await.map_err(refused)?;
        Ok(settled_answer(settled, R::to_message(item)))
    }

    async fn delete<R: Resource>(
        &self,
        id: String,
        terms: Result<Terms, Problem>,
    ) -> Result<Response<DeletedResource>, Status> {
        let delete = async { self.0.delete::<R>(&id, terms?).await };
        let settled = delete.await.map_err(refused)?;
        let (revision, catalog_offset) = (settled.revision, offset_after(settled.revision).0);
        Ok(settled_answer(settled, DeletedResource { id, revision, catalog_offset }))
    }

    async fn find<S: Wire>(
        &self,
        id: &str,
        when: Result<When, Problem>,
    ) -> Result<Response<S::Message>, Status> {
        let find = async { self.0.find::<S>(id, when?).await };
        let (_, item) = find.await.map_err(refused)?.value;
        Ok(Response::new(S::to_message(item)))
    }

    async fn list<S: Wire>(&self, ask: Ask) -> Result<Listed<S::Message>, Status> {
        let list = async {
            let (query, when) = (ask.query(), ask.when()?);
            self.0.list::<S>(ask.part(&query)?, when).await
        };
        let (items, next_page_token, catalog_offset) = shown(list.await.map_err(refused)?.value);
        Ok((items.into_iter().map(S::to_message).collect(), next_page_token, catalog_offset))
    }
}

/// What a list answers: its items, the token of the next page, and the catalogue offset that is seen.
type Listed<T> = (Vec<T>, String, u64);

fn shown<T>(page: Page<T>) -> Listed<T> {
    (page.items, page.next_page_token.unwrap_or_default(), page.meta.catalog_offset.0)
}

/// The answer to a change.
fn settled_answer<T>(settled: Settled, message: T) -> Response<T> {
    let mut response = Response::new(message);
    if settled.replayed {
        response.metadata_mut().insert(REPLAYED, MetadataValue::from_static("true"));
    }
    response
}

impl Ask {
    fn when(&self) -> Result<When, Problem> {
        when(self.as_of, self.catalog_offset)
    }

    fn query(&self) -> String {
        let mut query = format!("{}?catalog_offset={}", self.of, self.catalog_offset);
        if let Some(as_of) = self.as_of {
            write!(query, "&as_of={}.{}", as_of.seconds, as_of.nanos).expect("a text grows");
        }
        query
    }

    fn part<'a>(&'a self, query: &'a str) -> Result<Part<'a>, Problem> {
        let size = match self.page_size {
            0 => None,
            size => {
                let size = usize::try_from(size).ok().and_then(PageSize::new);
                let rule = "must be 1 to 1000";
                Some(size.ok_or_else(|| Problem::field(Code::InvalidArgument, "page_size", rule))?)
            }
        };
        Ok(Part { query, size, token: Some(self.page_token.as_str()).filter(|token| !token.is_empty()) })
    }
}

/// Which catalogue a read is about.
fn when(as_of: Option<prost_types::Timestamp>, catalog_offset: u64) -> Result<When, Problem> {
    let as_of = as_of.map(|time| instant("as_of", time)).transpose()?;
    Ok(When { catalog_offset: Some(catalog_offset), as_of })
}

/// Under which terms a change is wished.
fn terms(expected_revision: Option<u64>, idempotency_key: String) -> Result<Terms, Problem> {
    let condition = expected_revision.map_or(IfMatch::Absent, IfMatch::Revision);
    Ok(Terms { condition, idempotency_key: key(idempotency_key)? })
}

/// The key of a command, if it has one.
fn key(text: String) -> Result<Option<String>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let rule = "must be 1 to 255 visible ASCII characters";
    let refusal = || Problem::field(Code::InvalidArgument, "idempotency_key", rule);
    IdempotencyKey::parse(text).map(|key| Some(key.into_text())).ok_or_else(refusal)
}

fn instant(field: &str, time: prost_types::Timestamp) -> Result<Timestamp, Problem> {
    let rule = "must be a valid timestamp";
    from_wire(Some(time)).ok_or_else(|| Problem::field(Code::InvalidArgument, field, rule))
}
