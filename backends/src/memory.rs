//! The ports in plain memory, with scripted faults: for unit tests and the simulator.

mod replicas;

pub use replicas::Replicas;
