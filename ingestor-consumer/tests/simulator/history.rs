//! What was really appended and acknowledged, kept apart from the code under test.

use bytes::Bytes;
use domain::port::{Entry, Header};
use domain::pulse::{Pulse, StampedPulse};
use domain::time::Timestamp;
use proto::record::{Control, Envelope, RefusedPulse, pack, pack_control, to_log};
use std::collections::BTreeMap;

/// A generation and a partition of it.
pub type Spot = (u32, u32);

/// One record, as its author knows it.
pub enum Content {
    Pulses(Vec<StampedPulse>, Vec<RefusedPulse>),
    Control(Control),
    Foreign,
}

/// A record of the log beside what it means.
pub struct Appended {
    pub entry: Entry,
    pub content: Content,
    pub arrival: Timestamp,
}

/// An acknowledgement: when, and the record that made it true.
pub struct Acknowledged {
    pub pulse: Pulse,
    pub time: Timestamp,
    pub spot: Spot,
    pub offset: u64,
}

/// The log, and what clients were told.
#[derive(Default)]
pub struct History {
    pub logs: BTreeMap<Spot, Vec<Appended>>,
    pub acknowledged: Vec<Acknowledged>,
    /// By generation, where it is not the first.
    pub incarnations: BTreeMap<u32, u32>,
}

impl History {
    /// Appends a record and returns its offset.
    pub fn append(&mut self, spot: Spot, arrival: Timestamp, content: Content) -> u64 {
        let incarnation = self.incarnations.get(&spot.0).copied().unwrap_or(1);
        let envelope = Envelope { generation: spot.0, incarnation, arrival };
        let (value, ours) = match &content {
            Content::Pulses(pulses, refused) => (pack(&envelope, pulses, refused), true),
            Content::Control(control) => (pack_control(&envelope, control), true),
            Content::Foreign => (Bytes::from_static(b"not one of ours"), false),
        };
        let headers: Vec<Header> = if ours { to_log(value.clone()).headers } else { Vec::new() };
        let log = self.logs.entry(spot).or_default();
        let offset = log.len() as u64;
        log.push(Appended { entry: Entry { offset, timestamp: arrival, headers, value }, content, arrival });
        offset
    }

    pub fn high(&self, spot: Spot) -> u64 {
        self.logs.get(&spot).map_or(0, |log| log.len() as u64)
    }

    pub fn entry(&self, spot: Spot, offset: u64) -> Option<&Entry> {
        let log = self.logs.get(&spot)?;
        log.get(usize::try_from(offset).unwrap()).map(|appended| &appended.entry)
    }
}
