//! The books counted again from the records themselves, by code that the consumer does not have.

use domain::generation::Horizon;
use domain::port::Entry;
use proto::record::{Body, RecordError, unpack};
use std::collections::BTreeSet;
use std::ops::AddAssign;
use std::sync::Arc;

mod partition;
mod rows;
#[cfg(test)]
mod tests;

pub use partition::{Books, PartitionBooks, recount};

/// What records hold, counted one by one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pulses within the horizon: each is applied, a duplicate or a conflict.
    pub data: u64,
    /// Pulses the edge refused.
    pub refused: u64,
    /// Records that are none of ours.
    pub foreign: u64,
    /// Accepted pulses outside the horizon.
    pub too_late: u64,
    /// Control records.
    pub control: u64,
    /// Records of ours that cannot be read here.
    pub unreadable: u64,
}

impl Tally {
    /// What one record holds.
    pub fn of(entry: &Entry, horizon: &Horizon) -> Self {
        match unpack(entry) {
            Err(RecordError::Foreign) => Self { foreign: 1, ..Self::default() },
            Err(_) => Self { unreadable: 1, ..Self::default() },
            Ok(record) => match record.body {
                Body::Control(_) => Self { control: 1, ..Self::default() },
                Body::Pulses(pulses) => {
                    let arrival = record.envelope.arrival;
                    let timely = |time| horizon.holds_with_slack(time, arrival);
                    let data = pulses.accepted().filter(|pulse| timely(pulse.event_time)).count() as u64;
                    let too_late = pulses.accepted_len() as u64 - data;
                    Self { data, too_late, refused: pulses.refused().len() as u64, ..Self::default() }
                }
            },
        }
    }

    /// Everything read: a control or foreign record counts as one.
    pub fn received(&self) -> u64 {
        self.data + self.refused + self.foreign + self.too_late + self.control + self.unreadable
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.data += other.data;
        self.refused += other.refused;
        self.foreign += other.foreign;
        self.too_late += other.too_late;
        self.control += other.control;
        self.unreadable += other.unreadable;
    }
}

/// The tenants and days whose rows a record's pulses may be in: far fewer than pulses.
pub type Days = BTreeSet<(Arc<str>, i64)>;

/// Notes where the pulses of a record are counted.
fn note_days(days: &mut Days, entry: &Entry) {
    let Ok(record) = unpack(entry) else { return };
    let Body::Pulses(pulses) = record.body else { return };
    let mut last: Option<(Arc<str>, i64)> = None;
    for pulse in pulses.accepted() {
        let day = pulse.event_time.day();
        let tenant = pulse.names.tenant.as_str();
        let same = last.as_ref().is_some_and(|(known, known_day)| **known == *tenant && *known_day == day);
        if !same {
            let place = (Arc::from(tenant), day);
            days.insert(place.clone());
            last = Some(place);
        }
    }
}
