//! Which months are to be rated: gathered from triggers, each month once, with the newest trigger that named it.

use crate::state::State;
use domain::calendar::Period;
use domain::id::TenantId;
use domain::port::Entry;
use domain::time::{Quarter, Timestamp};
use proto::header::RecordError;
use proto::published::{Published, from_entry};
use std::collections::BTreeMap;

/// Triggers that were taken, still without a calendar.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    touched: BTreeMap<(TenantId, Span), u64>,
    catalog_offset: u64,
    next: Option<u64>,
}

/// What a trigger is about.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Span {
    /// The months an hour of UTC lies in: two, where a zone's month begins within it.
    Hour(i64),
    /// That month.
    Month(Period),
}

impl Triggers {
    /// Takes one more record; a record that is none of ours is passed over.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<(), RecordError> {
        match from_entry(entry) {
            Ok(Published::Revision(revision)) => {
                let tenant = revision.key.tenant;
                if let Some(posted) = revision.key.posted {
                    self.touch(tenant.clone(), Span::Month(posted), entry.offset);
                }
                self.touch(tenant, Span::Hour(revision.key.hour), entry.offset);
            }
            Ok(Published::Rerate { tenant, period, catalog_offset }) => {
                self.catalog_offset = self.catalog_offset.max(catalog_offset);
                self.touch(tenant, Span::Month(period), entry.offset);
            }
            Err(RecordError::Foreign) => {}
            Err(error) => return Err(error),
        }
        self.next = Some(entry.offset + 1);
        Ok(())
    }

    /// The offset after the last record taken; `None`: there was none.
    pub(super) const fn next(&self) -> Option<u64> {
        self.next
    }

    /// The catalogue offset that must be folded before rating.
    pub(super) const fn catalog_offset(&self) -> u64 {
        self.catalog_offset
    }

    /// How many different spans are waiting.
    pub(super) fn len(&self) -> usize {
        self.touched.len()
    }

    /// The months to rate in the tenants' calendars, each with the newest offset that named it.
    pub(super) fn months(&self, state: &State) -> BTreeMap<(TenantId, Period), u64> {
        let mut months = BTreeMap::new();
        for ((tenant, span), offset) in &self.touched {
            for period in span.periods(state, tenant) {
                let newest = months.entry((tenant.clone(), period)).or_insert(*offset);
                *newest = (*newest).max(*offset);
            }
        }
        months
    }

    fn touch(&mut self, tenant: TenantId, span: Span, offset: u64) {
        self.touched.insert((tenant, span), offset);
    }
}

impl Span {
    fn periods(&self, state: &State, tenant: &TenantId) -> Vec<Period> {
        match self {
            Self::Month(period) => vec![*period],
            Self::Hour(hour) => {
                let calendar = state.calendar_of(tenant);
                let quarter = |index: usize| -> Timestamp { Quarter::of_hour(*hour, index).start() };
                let mut periods = vec![calendar.period_of(quarter(0)), calendar.period_of(quarter(3))];
                periods.dedup();
                periods
            }
        }
    }
}
