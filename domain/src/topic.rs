//! The log's topics beside those of the generations, and which partition a tenant has in them.

use crate::hash::fixed_hash;
use crate::id::TenantId;

/// The catalogue's commands, in one partition.
pub const CATALOG: &str = "catalog";
/// Revisions of aggregate rows, by tenant; what prices wait for.
pub const REVISIONS: &str = "processor-storage-consumption";
/// Mirrored dead letters of the pulses' topics.
pub const DEAD_LETTERS: &str = "resource-consumption-dlq";

/// Topics beside those of the generations whose logs may move. The catalogue's is copied record by record when it moves:
/// its offsets stay, so that it needs no incarnations.
pub const MOVABLE: [&str; 2] = [REVISIONS, DEAD_LETTERS];

/// The partition of a tenant in a topic that is kept by tenant.
pub fn partition_of_tenant(tenant: &TenantId, partitions: u32) -> u32 {
    let partition = fixed_hash(tenant.as_str().as_bytes()) % u64::from(partitions.max(1));
    u32::try_from(partition).expect("a remainder is below its 32-bit divisor")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed apart by a SipHash-2-4-128 written in Python.
    #[test]
    fn golden_partitions() {
        for (tenant, partition) in [("acme", 0), ("globex", 1)] {
            assert_eq!(partition_of_tenant(&TenantId::parse(tenant).unwrap(), 4), partition, "{tenant}");
        }
    }
}
