//! `POST /v1/dead-letters:purge`: payloads that nobody will bill are given up.

use super::pace::Pace;
use super::search::Found;
use super::selection::Selection;
use super::{DeadLetterItems, DeadLetters};
use crate::item::Item;
use crate::outcome::Outcome;
use axum::extract::State;
use axum::response::Response;
use domain::code::Code;
use domain::dead_letter::DeadLetterEvent;
use rest::idempotency::IdempotencyKey;
use rest::problem::CommandProblems;
use rest::{Body, Problem};
use serde::{Deserialize, Serialize};
use std::num::NonZeroUsize;
use utoipa::ToSchema;

/// Which dead letters to give up: a reason, a tenant or ids, or all of them by its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PurgeRequest {
    /// Only those refused for that reason. Conflicts are given up only where this names them, or `ids` does.
    #[schema(example = "TOO_LATE")]
    pub reason: Option<String>,
    /// Only those reported for that tenant.
    #[schema(example = "acme")]
    pub tenant: Option<String>,
    /// These, and no search: at most 1,000.
    pub ids: Option<Vec<String>>,
    /// Everything that is open, where nothing else chooses.
    pub all: bool,
    /// Only tell which they are.
    pub dry_run: bool,
    /// The most a second. A request takes ten seconds' worth; the next page is for the rest.
    #[schema(value_type = Option<usize>, minimum = 1)]
    pub rate: Option<NonZeroUsize>,
    /// Goes on where the answer before ended.
    pub page_token: Option<String>,
}

/// Gives dead letters up
///
/// The row stays, with reason and time; the payload goes, and it can be replayed no more. A request that names neither
/// `reason`, `tenant` nor `ids` is refused unless it says `all`, or only looks.
#[utoipa::path(
    post,
    path = "/v1/dead-letters:purge",
    operation_id = "purgeDeadLetters",
    tag = "dead-letters",
    params(("Idempotency-Key" = Option<String>, Header, description = "A repetition within 24 hours is answered as the first was")),
    request_body(content = PurgeRequest, example = json!({"reason": "TOO_LATE", "dry_run": true})),
    responses(
        (status = 207, description = "Those that are given up", body = DeadLetterItems, example = json!({
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
pub(crate) async fn purge_dead_letters(
    State(letters): State<DeadLetters>,
    key: Option<IdempotencyKey>,
    Body(request): Body<PurgeRequest>,
) -> Result<Response, Problem> {
    let asked = request.clone();
    let purge = {
        let letters = letters.clone();
        async move { letters.purge(&request).await }
    };
    letters.answers.once(("purgeDeadLetters", key), &asked, purge).await
}

impl DeadLetters {
    pub(super) async fn purge(&self, request: &PurgeRequest) -> Result<DeadLetterItems, Problem> {
        request.check_that_it_is_meant()?;
        let selection = Selection {
            operation: "purge",
            reason: request.reason.as_deref(),
            tenant: request.tenant.as_deref(),
            ids: request.ids.as_deref(),
            pace: Pace(request.rate),
            page_token: request.page_token.as_deref(),
        };
        let books = self.books();
        let (found, next_page_token) = selection.find(&books, &self.ports.page_key).await?;
        if !request.dry_run {
            for batch in found.chunks(selection.pace.batch()) {
                books.tell(batch.iter().map(|found| (found.letter.id, DeadLetterEvent::Purged))).await?;
                selection.pace.keep().await;
            }
        }
        Ok(DeadLetterItems { items: found.iter().enumerate().map(item).collect(), next_page_token })
    }
}

impl PurgeRequest {
    /// Payloads do not come back: a request that chooses nothing must say that it means everything.
    fn check_that_it_is_meant(&self) -> Result<(), Problem> {
        let chooses = self.reason.is_some() || self.tenant.is_some() || self.ids.is_some();
        if chooses || self.all || self.dry_run {
            return Ok(());
        }
        let rule =
            "must name one of reason, tenant or ids, or say all, which gives up everything that is open";
        Err(Problem::field(Code::InvalidArgument, "body", rule))
    }
}

fn item((index, found): (usize, &Found)) -> Item {
    let id = super::repair::payload(&found.letter).map(|raw| raw.id).unwrap_or_default();
    Item::new(index, id, &Outcome::Accepted, Some(found.letter.id))
}
