//! The ports: what the rooms need of the world outside, called per batch.

mod admission;
mod cell_store;
mod clock;
mod log;
mod topics;

pub use admission::{Admission, AdmissionError, Admitted, RegistryView};
pub use cell_store::{CellStore, Chunk, ClusteringRange, PageState, Query, StoreError, read_all};
pub use clock::Clock;
pub use log::{
    Assignment, AssignmentChange, Entry, Header, Log, LogError, NewRecord, ReadLimit, TopicPartition,
    Watermarks,
};
pub use topics::{TopicError, Topics};
