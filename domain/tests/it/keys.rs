//! Keys of the ledger and hashes: what must stay as it is, because stored data hangs on it.

use domain::hash::{FIXED_KEY, FieldHasher, HashKey, fingerprint, fixed_hash, low64};
use domain::id::TenantId;
use domain::ledger::{BLOCK_IDS, Block, Seen, SliceKey};
use domain::position::Position;
use domain::table::KeyValue;
use domain::topic::{CATALOG, DEAD_LETTERS, REVISIONS, partition_of_tenant};
use proptest::prelude::*;
use siphasher::sip128::{Hasher128, SipHasher24};
use std::collections::BTreeSet;
use std::hash::Hasher;

/// The rule in its own words: each field behind its length in eight bytes, the least first.
fn by_hand(key: &HashKey, fields: &[Vec<u8>]) -> u128 {
    let mut bytes = Vec::new();
    for field in fields {
        bytes.extend(u64::try_from(field.len()).unwrap().to_le_bytes());
        bytes.extend(field);
    }
    let mut hasher = SipHasher24::new_with_key(key);
    hasher.write(&bytes);
    u128::from_le_bytes(hasher.finish128().as_bytes())
}

#[test]
fn a_number_is_a_field_of_sixteen_bytes() {
    for number in [0_i128, 1, -1, i128::MAX, i128::MIN] {
        let bytes = FieldHasher::new(&FIXED_KEY).bytes(&number.to_le_bytes()).finish128();
        assert_eq!(FieldHasher::new(&FIXED_KEY).number(number).finish128(), bytes, "{number}");
    }
}

#[test]
fn the_low_half_is_the_low_half() {
    for (hash, low) in [(0, 0), (u128::from(u64::MAX), u64::MAX), (1 << 64, 0), (u128::MAX, u64::MAX)] {
        assert_eq!(low64(hash), low);
    }
}

#[test]
fn a_slice_of_the_ledger_has_a_key_of_its_own_and_blocks_in_order() {
    let key = SliceKey { generation: 2, partition: 3, bucket: -5, slice: 15 };
    assert_eq!(key.partition_key(), [2_i64, 3, -5, 15].map(KeyValue::Int));
    let cell = key.cell_key(9);
    assert_eq!((cell.table.name, &cell.partition), ("ledger", &key.partition_key().into()));
    assert_eq!(
        (cell.clustering.as_slice(), cell.stamped_by()),
        ([KeyValue::Int(9)].as_slice(), Some((2, 3)))
    );
    assert!(key.cell_key(9).clustering < key.cell_key(10).clustering);
    assert_eq!(BLOCK_IDS, 1_024, "a part of the ledger's layout");
}

#[test]
fn a_block_is_stamped_by_its_last_id() {
    let seen = |offset| Seen { position: Position::new(offset, 0), identity: 1, content: 2 };
    assert_eq!(Block::default().position(), Position::START);
    assert_eq!(Block(vec![seen(3), seen(8)]).position(), Position::new(8, 0));
    assert!(seen(3) < seen(8), "ids rise by position");
}

#[test]
fn topics_keep_the_names_others_read_them_by() {
    assert_eq!(
        [CATALOG, REVISIONS, DEAD_LETTERS],
        ["catalog", "processor-storage-consumption", "resource-consumption-dlq"]
    );
}

#[test]
fn tenants_spread_over_the_partitions_of_a_topic() {
    let tenants: Vec<TenantId> =
        (0..100).map(|number| TenantId::parse(&format!("tenant-{number}")).unwrap()).collect();
    let places: BTreeSet<u32> = tenants.iter().map(|tenant| partition_of_tenant(tenant, 8)).collect();
    assert_eq!(places, (0..8).collect());
    assert!(tenants.iter().all(|tenant| partition_of_tenant(tenant, 1) == 0));
    assert!(
        tenants.iter().all(|tenant| partition_of_tenant(tenant, 0) == 0),
        "no partition is taken for one"
    );
}

proptest! {
    #[test]
    fn a_hash_is_of_its_fields_behind_their_lengths(key in any::<[u8; 16]>(), fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..6)) {
        let hasher = fields.iter().fold(FieldHasher::new(&key), |hasher, field| hasher.bytes(field));
        prop_assert_eq!(hasher.finish128(), by_hand(&key, &fields));
        let hasher = fields.iter().fold(FieldHasher::new(&key), |hasher, field| hasher.bytes(field));
        prop_assert_eq!(u128::from(hasher.finish64()), by_hand(&key, &fields) & u128::from(u64::MAX));
    }

    #[test]
    fn fixed_hashes_have_the_key_of_zeros(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let whole = by_hand(&[0; 16], std::slice::from_ref(&bytes));
        prop_assert_eq!(fingerprint(&bytes), whole);
        prop_assert_eq!(u128::from(fixed_hash(&bytes)), whole & u128::from(u64::MAX));
    }

    #[test]
    fn a_tenants_partition_is_its_hash_modulo(tenant in "[ -~]{1,40}", partitions in 1_u32..1_000) {
        let tenant = TenantId::parse(&tenant).unwrap();
        let wanted = fixed_hash(tenant.as_str().as_bytes()) % u64::from(partitions);
        prop_assert_eq!(u64::from(partition_of_tenant(&tenant, partitions)), wanted);
    }
}
