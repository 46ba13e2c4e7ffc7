//! What the catalogue answers, whichever door it is asked through.

use crate::catalog::{Catalog, CatalogError, Wish};
use crate::command::Change;
use crate::fold::{Refusal, Settled};
use crate::form::{PlanVersionItem, Resource, Shown};
use crate::lint::lint;
use crate::plan::PlanDocument;
use crate::state::{PublishedPlan, State};
use crate::view::{Seen, ViewError};
use ::rest::etag::IfMatch;
use ::rest::page::{PageKey, PageSize};
use ::rest::{Count, FieldError, Problem};
use domain::code::Code;
use domain::id::PlanId;
use domain::time::Timestamp;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;

/// Nobody is known by name as long as no credential is asked for.
const AUTHOR: &str = "anonymous";
/// The longest a request waits for the catalogue offset it names.
const OFFSET_WAIT_MAX: Duration = Duration::from_secs(1);

/// The catalogue with what its doors share.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) catalog: Catalog,
    pub(crate) page_key: PageKey,
}

/// Which catalogue a read is about.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct When {
    /// Everything below this catalogue offset must be seen.
    pub(crate) catalog_offset: Option<u64>,
    /// The catalogue as it was then; `None`: as it is.
    pub(crate) as_of: Option<Timestamp>,
}

/// Under which terms a change is wished.
#[derive(Clone, Debug)]
pub(crate) struct Terms {
    /// What must hold of the resource now.
    pub(crate) condition: IfMatch,
    /// Makes a repetition answer as the first did.
    pub(crate) idempotency_key: Option<String>,
}

/// Which part of a list is asked for.
pub(crate) struct Part<'a> {
    /// The query in one spelling: what a token is bound to.
    pub(crate) query: &'a str,
    pub(crate) size: Option<PageSize>,
    pub(crate) token: Option<&'a str>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// In rising order; what is deleted is left out.
    pub(crate) items: Vec<T>,
    /// How much this answer knows.
    pub(crate) meta: CatalogMeta,
    /// Leads to the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_page_token: Option<String>,
}

/// What a list says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CatalogMeta {
    /// Everything below this catalogue offset is seen.
    pub(crate) catalog_offset: Count,
}

impl Api {
    /// One thing, with its revision.
    pub(crate) async fn find<S: Shown>(&self, id: &str, when: When) -> Result<Seen<(u64, S::Item)>, Problem> {
        let id = S::parse_id(id)?;
        let seen = self.seen(when).await?;
        let found = S::find(&seen.value, &id);
        let found = found.ok_or_else(|| Problem::not_found(format!("{} {id}", S::NAME)))?;
        Ok(seen.with(found))
    }

    /// A part of all things of a kind.
    pub(crate) async fn list<S: Shown>(
        &self,
        part: Part<'_>,
        when: When,
    ) -> Result<Seen<Page<S::Item>>, Problem> {
        let cursor = self.cursor(&part)?.map(|cursor| S::parse_id(&cursor)).transpose()?;
        let seen = self.seen(when).await?;
        let page = self.page(&part, &seen.value, S::after(&seen.value, cursor.as_ref()));
        Ok(seen.with(page))
    }

    /// A part of a plan's versions.
    pub(crate) async fn list_versions(
        &self,
        plan: &str,
        part: Part<'_>,
        when: When,
    ) -> Result<Seen<Page<PlanVersionItem>>, Problem> {
        let id = PlanId::parse(plan)?;
        let cursor = self.cursor(&part)?.and_then(|cursor| cursor.parse::<u32>().ok());
        let seen = self.seen(when).await?;
        let plan = seen.value.find_plan(&id).ok_or_else(|| Problem::not_found(format!("plan {id}")))?;
        let rest = plan.versions().iter().filter(|record| Some(record.version.number) > cursor);
        let rest = rest.map(|record| (record.version.number, PlanVersionItem::new(record)));
        let page = self.page(&part, &seen.value, rest);
        Ok(seen.with(page))
    }

    /// A version of a plan, with its revision.
    pub(crate) async fn find_version(
        &self,
        plan: &str,
        number: u32,
        when: When,
    ) -> Result<(u64, PlanVersionItem), Problem> {
        let id = PlanId::parse(plan)?;
        let state = self.seen(when).await?.value;
        let record = state.find_plan(&id).and_then(|plan| plan.find_version(number));
        let record = record.ok_or_else(|| Problem::not_found(format!("version {number} of plan {id}")))?;
        Ok((record.revision, PlanVersionItem::new(record)))
    }

    /// Puts a resource; answers with it as it stands then.
    pub(crate) async fn put<R: Resource>(
        &self,
        id: &str,
        body: &R::Body,
        terms: Terms,
    ) -> Result<(Settled, R::Item), Problem> {
        let id = <R as Resource>::parse_id(id)?;
        let value = R::read(body)?;
        let settled = self.change::<R>(&id, terms, R::put(id.clone(), value.clone())).await?;
        Ok((settled, R::show(&id, &value, settled.revision)))
    }

    /// Deletes a resource.
    pub(crate) async fn delete<R: Resource>(&self, id: &str, terms: Terms) -> Result<Settled, Problem> {
        let id = <R as Resource>::parse_id(id)?;
        self.change::<R>(&id, terms, Change::Delete(R::name(id.clone()))).await
    }

    /// Publishes a plan document. Faults are named by their lines in the text that was sent; the fold only sees the
    /// canonical document.
    pub(crate) async fn publish(
        &self,
        plan: &str,
        text: &str,
        idempotency_key: Option<String>,
    ) -> Result<(Settled, PlanVersionItem), Problem> {
        let id = PlanId::parse(plan)?;
        let document = PlanDocument::parse(text).map_err(Refusal::from)?;
        self.lint(&document).await?;
        let change = Change::PublishPlan(id.clone(), document.plan().canonical().into());
        let settled = self.submit(None, idempotency_key, change).await?;
        let state = self.catalog.state();
        let record = state.find_plan(&id).zip(settled.plan_version);
        let record = record.and_then(|(plan, number)| PublishedPlan::find_version(plan, number));
        let missing = || Problem::internal("the version that was published is not there");
        Ok((settled, PlanVersionItem::new(record.ok_or_else(missing)?)))
    }

    async fn lint(&self, document: &PlanDocument) -> Result<(), Problem> {
        let state = self.catalog.state();
        if lint(document, &*state, state.conversions()).is_ok() {
            return Ok(());
        }
        let state = self.catalog.view().confirm().await?;
        Ok(lint(document, &*state, state.conversions()).map_err(Refusal::from)?)
    }

    async fn change<R: Resource>(
        &self,
        id: &R::Id,
        terms: Terms,
        change: Change,
    ) -> Result<Settled, Problem> {
        let expected = match terms.condition {
            IfMatch::Absent => None,
            IfMatch::Revision(expected) => Some(expected),
            IfMatch::Exists => {
                let state = self.catalog.view().confirm().await?;
                let found = R::all(&state).find(id).ok_or(Refusal::RevisionMismatch(None))?;
                Some(found.revision)
            }
        };
        self.submit(expected, terms.idempotency_key, change).await
    }

    async fn submit(
        &self,
        expected_revision: Option<u64>,
        idempotency_key: Option<String>,
        change: Change,
    ) -> Result<Settled, Problem> {
        let wish = Wish { author: AUTHOR.to_owned(), idempotency_key, expected_revision, change };
        Ok(self.catalog.submit(wish).await??)
    }

    /// The catalogue that a read is about.
    async fn seen(&self, when: When) -> Result<Seen<Arc<State>>, Problem> {
        let view = self.catalog.view();
        if let Some(offset) = when.catalog_offset {
            let state = tokio::time::timeout(OFFSET_WAIT_MAX, view.at_least(offset)).await;
            // At the log's end there is nothing to wait for: no answer ever named that offset.
            if state.is_err() && view.confirm().await?.offset() < offset {
                let rule = "is above the catalogue's end: name the offset that an answer told";
                return Err(Problem::field(Code::InvalidArgument, "catalog_offset", rule));
            }
            state.ok().transpose()?;
        }
        match when.as_of {
            None => Ok(Seen { value: view.state(), is_final: false }),
            Some(time) if time > view.clock().now() => {
                Err(Problem::field(Code::InvalidArgument, "as_of", "must not be in the future"))
            }
            Some(time) => Ok(view.as_of(time).await?),
        }
    }

    /// The key that the page before ended with.
    fn cursor(&self, part: &Part<'_>) -> Result<Option<String>, Problem> {
        part.token.map(|token| self.page_key.open(part.query, token)).transpose()
    }

    /// Cuts a page off what comes after the cursor.
    fn page<K: ToString, T>(
        &self,
        part: &Part<'_>,
        state: &State,
        mut rest: impl Iterator<Item = (K, T)>,
    ) -> Page<T> {
        let page: Vec<(K, T)> = rest.by_ref().take(part.size.unwrap_or_default().items()).collect();
        let last = rest.next().and_then(|_| page.last()).map(|(key, _)| key.to_string());
        Page {
            items: page.into_iter().map(|(_, item)| item).collect(),
            meta: CatalogMeta { catalog_offset: Count(state.offset()) },
            next_page_token: last.map(|key| self.page_key.sign(part.query, &key)),
        }
    }
}

impl<T> Seen<T> {
    fn with<U>(&self, value: U) -> Seen<U> {
        Seen { value, is_final: self.is_final }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::View(error) => error.into(),
            CatalogError::UnknownOutcome(_) => Self::new(Code::Unavailable, error.to_string()),
        }
    }
}

impl From<ViewError> for Problem {
    fn from(error: ViewError) -> Self {
        match error {
            ViewError::Log(error) => error.into(),
            ViewError::Halted(_) | ViewError::Short { .. } | ViewError::Empty => {
                Self::new(Code::NotReady, error.to_string())
            }
        }
    }
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
            Refusal::KeyReused => {
                let rule = "was used for another request within 24 hours: choose another key";
                Self::field(Code::IdempotencyKeyReused, "Idempotency-Key", rule)
            }
            Refusal::NotFound | Refusal::InUse(_) => problem,
        }
    }
}
