//! Records of the log of pulses: up to 256 pulses as columns, or one control statement.

mod column;
mod control;
mod dictionary;
mod ids;
mod pack;
mod pulses;
mod quantities;
mod size;
mod times;
mod unpack;

pub use crate::header::{FORMAT, FORMAT_HEADER, RecordError};
pub use control::Control;
pub(crate) use control::{identity_from_wire, identity_to_wire};
pub use ids::IdView;
pub use pack::{pack, pack_control};
pub use pulses::{PulseView, Pulses, RowNames, RowRef};
pub use size::{RECORD_OVERHEAD, refused_size_hint, size_hint};
pub use unpack::unpack;

use crate::header;
use bytes::Bytes;
use domain::port::NewRecord;
use domain::reject::RejectReason;
use domain::time::Timestamp;

/// The version of the rules by which this build decides about pulses.
pub const RULES: u32 = 1;

const MESSAGE: &str = "pulse.log.v1.Record";

/// What a record says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The generation it was written for.
    pub generation: u32,
    /// The incarnation of that generation.
    pub incarnation: u32,
    /// When the edge appended it: the only now of every rule behind it.
    pub arrival: Timestamp,
}

/// A pulse that was refused at the edge and is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedPulse {
    /// Who would have paid, as far as known.
    pub tenant: String,
    /// Why.
    pub reason: RejectReason,
    /// The field at fault.
    pub field: String,
    /// For people.
    pub message: String,
    /// The bytes of a `pulse.v1.Pulse` with id and event time filled in.
    pub payload: Bytes,
}

/// A record that was read.
#[derive(Debug)]
pub struct Unpacked {
    /// What it says about itself.
    pub envelope: Envelope,
    /// What it holds.
    pub body: Body,
}

/// What a record holds.
#[derive(Debug)]
pub enum Body {
    /// Pulses, accepted and refused.
    Pulses(Box<Pulses>),
    /// A statement.
    Control(Control),
}

/// The record to append for a packed value: it becomes ours by its headers.
pub fn to_log(value: Bytes) -> NewRecord {
    header::message_record(MESSAGE, value)
}
