//! Which dead letters a request is about.

use super::books::Books;
use super::pace::Pace;
use super::search::{Filter, Found, find, places, search};
use domain::code::Code;
use domain::dead_letter::{DeadLetterId, Status};
use domain::port::CellStore;
use domain::reject::RejectReason;
use rest::Problem;
use rest::page::PageKey;
use std::collections::BTreeSet;

/// The fields of a request that choose.
pub(super) struct Selection<'a> {
    /// What is done with them: page tokens of one operation are none of another.
    pub operation: &'static str,
    /// Refused for that reason.
    pub reason: Option<&'a str>,
    /// Reported for that tenant.
    pub tenant: Option<&'a str>,
    /// These, and no search.
    pub ids: Option<&'a [String]>,
    /// How fast it is done.
    pub pace: Pace,
    /// Goes on where the answer before ended.
    pub page_token: Option<&'a str>,
}

impl Selection<'_> {
    /// The open dead letters that are meant, once the books show all of them, and the token that leads to the next.
    pub async fn find(
        &self,
        books: &Books<'_>,
        key: &PageKey,
    ) -> Result<(Vec<Found>, Option<String>), Problem> {
        let filter = self.filter()?;
        books.wait_until_counted().await?;
        if let Some(ids) = self.ids {
            return Ok((self.by_ids(books.store, ids, filter).await?, None));
        }
        let query = self.canonical();
        let after = self.page_token.map(|token| key.open(&query, token)).transpose()?;
        let after = after.as_deref().and_then(DeadLetterId::parse);
        let places = places(&books.registry, books.clock.now());
        let page = search(books.store, places, filter, (after, self.pace.request())).await?;
        Ok((page.found, page.last.map(|last| key.sign(&query, &last.to_string()))))
    }

    fn filter(&self) -> Result<Filter<'_>, Problem> {
        let refuse =
            || Problem::field(Code::InvalidArgument, "reason", "must be a reason of rejected pulses");
        let reason = self.reason.map(|name| RejectReason::find(name).ok_or_else(refuse)).transpose()?;
        Ok(Filter { reason, tenant: self.tenant })
    }

    /// What a page token is bound to.
    fn canonical(&self) -> String {
        let Self { operation, reason, tenant, .. } = self;
        format!("{operation} {reason:?} {tenant:?}")
    }

    async fn by_ids(
        &self,
        store: &dyn CellStore,
        ids: &[String],
        filter: Filter<'_>,
    ) -> Result<Vec<Found>, Problem> {
        let ids_max = self.pace.request();
        if ids.len() > ids_max {
            let rule = format_args!("must hold at most {ids_max} ids, ten times the rate where there is one");
            return Err(Problem::field(Code::TooLarge, "ids", rule));
        }
        let mut all = Vec::with_capacity(ids.len());
        for text in ids.iter().collect::<BTreeSet<_>>() {
            let refuse = || {
                Problem::field(Code::InvalidArgument, "ids", format_args!("hold {text:?}, which is no id"))
            };
            let id = DeadLetterId::parse(text).ok_or_else(refuse)?;
            let found = find(store, id).await?;
            all.push(found.ok_or_else(|| Problem::not_found(format_args!("dead letter {text}")))?);
        }
        all.retain(|found| found.state.status == Status::Open && filter.matches(&found.letter));
        Ok(all)
    }
}
