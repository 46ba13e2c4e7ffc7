//! `POST /v1/dead-letters:replay`: kept pulses go through the edge again, under their own identity.

use super::attempt::Attempt;
use super::pace::Pace;
use super::selection::Selection;
use super::{DeadLetterItems, DeadLetters};
use axum::extract::State;
use axum::response::Response;
use domain::code::Code;
use domain::pulse::RawPulse;
use rest::idempotency::IdempotencyKey;
use rest::problem::CommandProblems;
use rest::{Body, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::num::NonZeroUsize;
use utoipa::ToSchema;

/// Which dead letters to send again, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReplayRequest {
    /// Only those refused for that reason. Conflicts are sent only where this names them, or `ids` does.
    #[schema(example = "UNKNOWN_SKU")]
    pub reason: Option<String>,
    /// Only those reported for that tenant.
    #[schema(example = "acme")]
    pub tenant: Option<String>,
    /// These, and no search: at most 1,000.
    pub ids: Option<Vec<String>>,
    /// Fields of the pulse to change before it is sent. Tenant, source, id and event time can be changed only where that
    /// field was the reason, and only once.
    #[schema(value_type = Option<Object>, example = json!({"sku": "llm.input"}))]
    pub set: Option<Value>,
    /// Only tell what would happen.
    pub dry_run: bool,
    /// The most pulses a second. A request takes ten seconds' worth; the next page is for the rest.
    #[schema(value_type = Option<usize>, minimum = 1)]
    pub rate: Option<NonZeroUsize>,
    /// Goes on where the answer before ended.
    pub page_token: Option<String>,
}

/// Sends dead letters again
///
/// Each under its own identity, so that doing it twice counts once. What is refused again stays open.
#[utoipa::path(
    post,
    path = "/v1/dead-letters:replay",
    operation_id = "replayDeadLetters",
    tag = "dead-letters",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was")),
    request_body(content = ReplayRequest, example = json!({"reason": "UNKNOWN_SKU", "dry_run": true})),
    responses(
        (status = 207, description = "What became of each", body = DeadLetterItems, example = json!({
            "items": [{
                "index": 0,
                "id": "018f4e2a-0000-7000-8000-00000000abcd",
                "status": "accepted",
                "dead_letter_id": "20260131-1-3-12801"
            }]
        })),
        CommandProblems
    )
)]
pub(crate) async fn replay_dead_letters(
    State(letters): State<DeadLetters>,
    key: Option<IdempotencyKey>,
    Body(request): Body<ReplayRequest>,
) -> Result<Response, Problem> {
    let asked = request.clone();
    let replay = {
        let letters = letters.clone();
        async move { letters.replay(&request).await }
    };
    letters.answers.once(("replayDeadLetters", key), &asked, replay).await
}

impl DeadLetters {
    pub(super) async fn replay(&self, request: &ReplayRequest) -> Result<DeadLetterItems, Problem> {
        let set = read_set(request)?;
        let selection = Selection {
            operation: "replay",
            reason: request.reason.as_deref(),
            tenant: request.tenant.as_deref(),
            ids: request.ids.as_deref(),
            pace: Pace(request.rate),
            page_token: request.page_token.as_deref(),
        };
        let books = self.books();
        let (found, next_page_token) = selection.find(&books, &self.ports.page_key).await?;
        let mut attempts: Vec<Attempt> = found.iter().map(|found| Attempt::new(found, &set)).collect();
        if request.dry_run {
            books.try_out(&mut attempts).await?;
        } else {
            books.send(&mut attempts, selection.pace).await?;
        }
        let items = attempts.into_iter().enumerate().map(|(index, attempt)| attempt.into_item(index));
        Ok(DeadLetterItems { items: items.collect(), next_page_token })
    }
}

fn read_set(request: &ReplayRequest) -> Result<RawPulse, Problem> {
    let Some(set) = &request.set else { return Ok(RawPulse::default()) };
    let set = proto::json::from_json(set)?;
    let is_single = request.ids.as_ref().is_some_and(|ids| ids.len() == 1);
    if !set.id.is_empty() && !is_single {
        let rule = "can be set for one dead letter only, named by ids: two pulses must not share it";
        return Err(Problem::field(Code::InvalidArgument, "id", rule));
    }
    Ok(set)
}
