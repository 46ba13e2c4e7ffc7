//! The generations of a world, and when edges learn of the second.

use domain::generation::{Generation, Incarnation, Registry, Split};
use domain::time::Timestamp;

/// 2026-03-10T08:00:00Z.
pub const START_SECONDS: i64 = 1_773_129_600;
/// When the catalogue learns of the second generation, how long before it holds that must be, and how old an edge's
/// view of the catalogue may be.
pub const ANNOUNCED_SECONDS: i64 = START_SECONDS + 1_800;
const NOTICE_SECONDS: i64 = 15 * 60;
pub const EDGE_STALE_SECONDS_MAX: i64 = 5 * 60;

/// Two generations of different width, the second announced and valid within the schedule, and a tenant that is split
/// from a day before on. First what is known before the announcement.
pub fn registries() -> (Registry, Registry) {
    let incarnation = |partitions: usize| Incarnation {
        number: 1,
        log_id: "simulated".into(),
        first_offsets: vec![0; partitions],
    };
    let first = Generation { slices: 2, ..Generation::first([1; 16], 1) };
    let second = Generation {
        number: 2,
        topic: "resource-consumption.g2".into(),
        slices: 2,
        valid_from: Timestamp::from_seconds(ANNOUNCED_SECONDS + NOTICE_SECONDS),
        ..Generation::first([2; 16], 2)
    };
    let split = Split {
        tenant: "hot".into(),
        shards: 2,
        valid_from: Timestamp::from_seconds(START_SECONDS - 86_400),
    };
    let early = Registry::new(first, incarnation(1)).with_split(split);
    (early.clone(), early.with_generation(second, incarnation(2)))
}
