//! One client's live answer: what it was told last, and what changed since.

use super::{LIFE_DAYS, SECONDS_PER_DAY};
use crate::QueryApi;
use crate::ask::Ask;
use crate::fold::{Slot, Used, late_count};
use crate::meta::Meta;
use crate::seats::Seat;
use crate::usage::{self, UsageItem, UsagePage};
use axum::response::sse::Event;
use domain::code::Code;
use domain::time::{Quarter, Timestamp, Window};
use futures::{Stream, stream};
use rest::Problem;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

/// How often a change is looked for: usage is flushed about that often.
const LOOK: Duration = Duration::from_secs(1);
/// Event times may lie so far ahead.
const AHEAD_SECONDS: i64 = 900;
/// The most items of an answer that is held in memory.
pub(super) const ITEMS_MAX: usize = 10_000;

/// A live answer.
pub struct Watch {
    query: QueryApi,
    ask: Ask,
    ends: Timestamp,
    told: BTreeMap<Slot, Used>,
    watermark: Option<Timestamp>,
    _seat: Seat,
}

/// What is told at once.
pub struct Told {
    name: &'static str,
    page: UsagePage,
}

impl Watch {
    /// Reads the first answer.
    pub async fn open(query: QueryApi, ask: Ask, seat: Seat) -> Result<(Self, Told), Problem> {
        let ends = query.now().plus_seconds(LIFE_DAYS * SECONDS_PER_DAY);
        let mut watch = Self { query, ask, ends, told: BTreeMap::new(), watermark: None, _seat: seat };
        let page = watch.look().await?;
        let page = page.unwrap_or_else(|meta| UsagePage { items: Vec::new(), meta, next_page_token: None });
        Ok((watch, Told { name: "snapshot", page }))
    }

    /// The events from the first answer on. They end with the service, with a fault, or when the answer is old.
    pub fn events(self, first: Told) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
        stream::unfold((self, Some(first)), |(mut watch, first)| async move {
            let told = match first {
                Some(first) => first,
                None => watch.next().await?,
            };
            Some((Ok(told.event()), (watch, None)))
        })
    }

    /// The next change; `None`: there are no more.
    async fn next(&mut self) -> Option<Told> {
        let shutdown = self.query.shutdown().clone();
        while self.query.now() < self.ends {
            shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await?;
            if let Ok(page) = self.look().await.ok()? {
                return Some(Told { name: "delta", page });
            }
        }
        None
    }

    /// Looks for changes, and remembers them as told; without one, how much is known.
    async fn look(&mut self) -> Result<Result<UsagePage, Meta>, Problem> {
        let progress = self.query.progress(&self.query.state(), &self.ask.tenants).await?;
        let known = progress.meta(self.ask.grid.range(), 0);
        if self.watermark.is_some() && progress.watermark() == self.watermark {
            return Ok(Err(known));
        }
        let now = usage::sum(self.query.store(), &self.ask, self.span()).await?;
        if now.len() > ITEMS_MAX {
            let rule = format!("gives more than {ITEMS_MAX} items: narrow it, or take longer windows");
            return Err(Problem::field(Code::InvalidArgument, "group_by", rule));
        }
        let changed = now.iter().filter(|(slot, used)| self.told.get(slot) != Some(used));
        let items: Vec<UsageItem> =
            changed.map(|(slot, used)| usage::item(&self.ask, slot.clone(), *used)).collect();
        let meta = progress.meta(self.ask.grid.range(), late_count(now.values()));
        (self.told, self.watermark) = (now, progress.watermark());
        if items.is_empty() {
            return Ok(Err(meta));
        }
        Ok(Ok(UsagePage { items, meta, next_page_token: None }))
    }

    /// What there can be usage of by now.
    fn span(&self) -> Window {
        let range = self.ask.grid.range();
        let end = Quarter(self.query.now().plus_seconds(AHEAD_SECONDS).quarter().0 + 1).start();
        Window::new(range.start(), end.min(range.end())).unwrap_or(*range)
    }
}

impl Told {
    fn event(&self) -> Event {
        let data = serde_json::to_string(&self.page).expect("an answer is JSON");
        let event = Event::default().event(self.name).data(data);
        match self.page.meta.watermark {
            Some(watermark) => event.id(watermark.0.to_string()),
            None => event,
        }
    }
}
