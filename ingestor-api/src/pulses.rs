//! `POST /v1/pulses`: pulses over HTTP, on the same way as over gRPC.

use crate::batch;
use crate::edge::{Edge, Ids};
use crate::item::Item;
use crate::outcome::Taken;
use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use rest::problem::{CommandProblems, QuotaProblem};
use rest::{NoParams, Problem};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

mod body;
mod cloud_event;
mod decompress;
mod document;
mod json;
mod media;

pub use document::{CloudEvent, Data, ManyPulses, Pulse, Pulses, Quantity};

use body::receive;
use media::{Encoding, Format};

/// Bytes of bodies that may have arrived without being answered; past them calls are refused as OVERLOADED.
const BODIES_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What became of the pulses of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct WrittenPulses {
    /// One for each pulse, in their order.
    pub items: Vec<Item>,
}

/// What the resource needs.
#[derive(Clone)]
pub(crate) struct Door {
    edge: Arc<Edge>,
    bodies: Arc<Semaphore>,
}

/// Takes pulses in
///
/// Each has an outcome of its own; what is accepted is durable. After 408, 429, 503, 504 or no answer send the same
/// again: pulses with an id count once.
#[utoipa::path(
    post,
    path = "/v1/pulses",
    operation_id = "writePulses",
    tag = "pulses",
    request_body(
        description = "At most 1,000 pulses and 1 MiB, plain or with `Content-Encoding: gzip` or `zstd`. A CloudEvent in \
                       binary mode has its attributes in `ce-` headers and its data as JSON body.",
        content(
            (Pulses = "application/json", example = json!({
                "id": "018f4e2a-0000-7000-8000-00000000abcd", "tenant": "acme", "sku": "llm.input",
                "quantity": "1500", "unit": "token", "dimensions": {"region": "eu-1"}
            })),
            (Pulse = "application/x-ndjson", example = json!(
                "{\"id\": \"018f4e2a-0000-7000-8000-00000000abcd\", \"tenant\": \"acme\", \"sku\": \"llm.input\", \
                 \"quantity\": 1500, \"unit\": \"token\"}\n"
            )),
            (CloudEvent = "application/cloudevents+json", example = json!({
                "specversion": "1.0", "type": "pulse.usage.v1", "id": "018f4e2a-0000-7000-8000-00000000abcd",
                "source": "/meters/1", "subject": "acme",
                "data": {"sku": "llm.input", "quantity": "1500", "unit": "token"}
            })),
            (Vec<CloudEvent> = "application/cloudevents-batch+json", example = json!([{
                "specversion": "1.0", "type": "pulse.usage.v1", "id": "018f4e2a-0000-7000-8000-00000000abcd",
                "source": "/meters/1", "subject": "acme",
                "data": {"sku": "llm.input", "quantity": "1500", "unit": "token"}
            }])),
        )
    ),
    responses(
        (status = 207, description = "What became of each", body = WrittenPulses, example = json!({
            "items": [{"index": 0, "id": "018f4e2a-0000-7000-8000-00000000abcd", "status": "accepted"}]
        })),
        CommandProblems,
        QuotaProblem
    )
)]
pub(crate) async fn write_pulses(
    State(door): State<Door>,
    _: NoParams,
    request: Request,
) -> Result<(StatusCode, Json<WrittenPulses>), Problem> {
    let taken = door.take(request).await?;
    Ok((StatusCode::MULTI_STATUS, Json(answer(taken))))
}

impl Door {
    pub fn new(edge: Arc<Edge>) -> Self {
        Self { edge, bodies: Arc::new(Semaphore::new(BODIES_BYTES_MAX)) }
    }

    async fn take(&self, request: Request) -> Result<Taken, Problem> {
        let (head, body) = request.into_parts();
        let (format, encoding) = (Format::of(&head.headers)?, Encoding::of(&head.headers)?);
        let body = receive(body, encoding, &self.bodies).await?;
        let reports = format.read(&head.headers, body.text()?)?;
        drop(body);
        Ok(self.edge.take(batch::bounded(reports)?, Ids::Minted).await?)
    }
}

fn answer(taken: Taken) -> WrittenPulses {
    let pulses = taken.ids.into_iter().zip(&taken.outcomes).enumerate();
    let items = pulses.map(|(index, (id, outcome))| {
        let kept = outcome.rejection().and_then(|rejection| rejection.dead_letter);
        Item::new(index, id, outcome, kept)
    });
    WrittenPulses { items: items.collect() }
}

#[cfg(test)]
mod tests;
