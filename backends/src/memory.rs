//! The ports in plain memory, with scripted faults: for unit tests and the simulator.

mod assignments;
mod clock;
mod log;
mod replicas;
mod store;

pub use clock::ManualClock;
pub use log::{AppendFault, MemoryLog};
pub use replicas::Replicas;
pub use store::{Level, MemoryStore, ReadFault, WriteFault};
