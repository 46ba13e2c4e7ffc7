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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::*;
    use domain::calendar::Calendar;
    use domain::port::NewRecord;
    use proto::published::{Revision, rerate_record, to_record};

    fn entry(offset: u64, record: NewRecord) -> Entry {
        Entry { offset, timestamp: Timestamp::EPOCH, headers: record.headers, value: record.value }
    }

    fn revision(hour: &str, posted: Option<&str>) -> NewRecord {
        let (mut key, row) = tokens("acme", hour, 1);
        key.posted = posted.and_then(Period::parse);
        to_record(&Revision { key, row })
    }

    fn shown(triggers: &Triggers, state: &State) -> Vec<(String, u64)> {
        triggers.months(state).into_iter().map(|((_, period), offset)| (period.to_string(), offset)).collect()
    }

    #[test]
    fn a_month_is_named_once_with_its_newest_trigger() {
        let mut triggers = Triggers::default();
        let acme = TenantId::parse("acme").unwrap();
        triggers.take(&entry(3, revision("2026-03-01T00:00:00Z", None))).unwrap();
        triggers.take(&entry(4, revision("2026-03-09T00:00:00Z", None))).unwrap();
        triggers.take(&entry(5, rerate_record(&acme, Period::parse("2026-02").unwrap(), 17))).unwrap();
        triggers.take(&entry(6, revision("2026-01-31T00:00:00Z", Some("2026-02")))).unwrap();
        let foreign = Entry { headers: Vec::new(), ..entry(7, NewRecord::default()) };
        triggers.take(&foreign).unwrap();
        assert_eq!(
            shown(&triggers, &begun()),
            [("2026-01".to_owned(), 6), ("2026-02".to_owned(), 6), ("2026-03".to_owned(), 4)]
        );
        assert_eq!((triggers.next(), triggers.catalog_offset()), (Some(8), 17));
    }

    #[test]
    fn an_hour_in_which_a_month_begins_touches_both() {
        let mut state = begun();
        let mut kolkata = contract("c", "acme", "2026-01-01T00:00:00Z", None);
        kolkata.1.calendar = Calendar::parse("Asia/Kolkata").unwrap();
        state.apply(&command(put(kolkata))).unwrap().unwrap();
        let mut triggers = Triggers::default();
        triggers.take(&entry(0, revision("2026-02-28T18:00:00Z", None))).unwrap();
        assert_eq!(shown(&triggers, &state), [("2026-02".to_owned(), 0), ("2026-03".to_owned(), 0)]);
    }

    #[test]
    fn a_damaged_trigger_is_not_passed_over() {
        let mut damaged = entry(0, revision("2026-03-01T00:00:00Z", None));
        damaged.value = b"\xff".as_slice().into();
        assert_eq!(Triggers::default().take(&damaged), Err(RecordError::Damaged));
    }
}
