//! `POST /v1/dead-letters:replay`: kept pulses go through the edge again, under their own identity.

use crate::Ports;
use crate::edge::Edge;
use crate::item::Item;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::code::Code;
use domain::dead_letter::{DeadLetterId, Status};
use domain::pulse::RawPulse;
use domain::reject::RejectReason;
use rest::page::PageKey;
use rest::problem::CommandProblems;
use rest::{Body, Problem};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::sync::Arc;
use utoipa::ToSchema;

mod attempt;
mod counted;
mod repair;
mod search;

use attempt::{Attempt, Means, wait_until_counted};
use search::{Filter, Found, find, places, search};

/// The most dead letters of one replay.
const ITEMS_MAX: usize = 1_000;

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
    /// The most pulses a second.
    #[schema(value_type = Option<usize>, minimum = 1)]
    pub rate: Option<NonZeroUsize>,
    /// Goes on where the answer before ended.
    pub page_token: Option<String>,
}

/// What became of the dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReplayAnswer {
    /// One for each dead letter that was open and matched.
    pub items: Vec<Item>,
    /// Leads to those that did not fit in one replay; absent: these were all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// What the resource needs.
#[derive(Clone)]
pub(crate) struct Replay {
    pub edge: Arc<Edge>,
    pub ports: Ports,
}

/// Sends dead letters again
///
/// Each under its own identity, so that doing it twice counts once. What is refused again stays open.
#[utoipa::path(
    post,
    path = "/v1/dead-letters:replay",
    operation_id = "replayDeadLetters",
    tag = "dead-letters",
    request_body = ReplayRequest,
    responses(
        (status = 207, description = "What became of each", body = ReplayAnswer, example = json!({
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
    State(replay): State<Replay>,
    Body(request): Body<ReplayRequest>,
) -> Result<(StatusCode, Json<ReplayAnswer>), Problem> {
    let answer = replay.run(&request).await?;
    Ok((StatusCode::MULTI_STATUS, Json(answer)))
}

impl Replay {
    async fn run(&self, request: &ReplayRequest) -> Result<ReplayAnswer, Problem> {
        let set = read_set(request)?;
        let registry = self.ports.registry.registry();
        let Ports { store, clock, .. } = &self.ports;
        let means = Means { edge: &self.edge, registry: &registry, store: &**store, clock: &**clock };
        wait_until_counted(&means).await?;
        let (found, next_page_token) = self.select(&means, request).await?;
        let mut attempts: Vec<Attempt> = found.iter().map(|found| Attempt::new(found, &set)).collect();
        if request.dry_run {
            means.try_out(&mut attempts).await?;
        } else {
            means.send(&mut attempts, request.rate).await?;
        }
        let items =
            attempts.into_iter().enumerate().map(|(index, attempt)| attempt.into_item(index)).collect();
        Ok(ReplayAnswer { items, next_page_token })
    }

    async fn select(
        &self,
        means: &Means<'_>,
        request: &ReplayRequest,
    ) -> Result<(Vec<Found>, Option<String>), Problem> {
        let filter = filter(request)?;
        if let Some(ids) = &request.ids {
            return Ok((self.by_ids(ids, filter).await?, None));
        }
        let key: &PageKey = &self.ports.page_key;
        let query = canonical(request);
        let after = request.page_token.as_deref().map(|token| key.open(&query, token)).transpose()?;
        let after = after.as_deref().and_then(DeadLetterId::parse);
        let places = places(means.registry, means.clock.now());
        let page = search(means.store, places, filter, (after, ITEMS_MAX)).await?;
        Ok((page.found, page.last.map(|last| key.sign(&query, &last.to_string()))))
    }

    async fn by_ids(&self, ids: &[String], filter: Filter<'_>) -> Result<Vec<Found>, Problem> {
        if ids.len() > ITEMS_MAX {
            return Err(Problem::field(
                Code::TooLarge,
                "ids",
                format_args!("must hold at most {ITEMS_MAX} ids"),
            ));
        }
        let mut all = Vec::with_capacity(ids.len());
        for text in ids.iter().collect::<BTreeSet<_>>() {
            let refuse = || {
                Problem::field(Code::InvalidArgument, "ids", format_args!("hold {text:?}, which is no id"))
            };
            let id = DeadLetterId::parse(text).ok_or_else(refuse)?;
            let found = find(&*self.ports.store, id).await?;
            let found = found.ok_or_else(|| Problem::not_found(format_args!("dead letter {text}")))?;
            all.push(found);
        }
        all.retain(|found| found.state.status == Status::Open && filter.matches(&found.letter));
        Ok(all)
    }
}

fn filter(request: &ReplayRequest) -> Result<Filter<'_>, Problem> {
    let refuse = || Problem::field(Code::InvalidArgument, "reason", "must be a reason of rejected pulses");
    let reason =
        request.reason.as_deref().map(|name| RejectReason::find(name).ok_or_else(refuse)).transpose()?;
    Ok(Filter { reason, tenant: request.tenant.as_deref() })
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

/// What a page token is bound to.
fn canonical(request: &ReplayRequest) -> String {
    let ReplayRequest { reason, tenant, .. } = request;
    format!("replay {reason:?} {tenant:?}")
}

#[cfg(test)]
mod tests;
