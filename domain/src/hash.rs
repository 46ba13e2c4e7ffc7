//! Keyed and fixed hashes: SipHash-2-4 of 128 bits over length-prefixed fields, little-endian.

use siphasher::sip128::{Hasher128, SipHasher24};
use std::hash::Hasher;

/// The key of a generation's hashes.
pub type HashKey = [u8; 16];
/// The key of hashes that never change: routing by tenant, fingerprints.
pub const FIXED_KEY: HashKey = [0; 16];

/// Feeds fields to the hash, each prefixed by its length as eight little-endian bytes. They go word by word, as they lie
/// in memory: a quarter of the time that the same bytes take as a slice.
pub struct FieldHasher(SipHasher24);

impl FieldHasher {
    /// An empty hash under `key`.
    #[inline]
    pub fn new(key: &HashKey) -> Self {
        Self(SipHasher24::new_with_key(key))
    }

    /// Adds a field of bytes.
    #[must_use]
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "called, it takes the hash's state through memory for each field"
    )]
    pub fn bytes(mut self, field: &[u8]) -> Self {
        self.0.write_u64((field.len() as u64).to_le());
        let (words, mut rest) = field.as_chunks();
        for word in words {
            self.0.write_u64(u64::from_ne_bytes(*word));
        }
        if let Some((four, behind)) = rest.split_first_chunk() {
            self.0.write_u32(u32::from_ne_bytes(*four));
            rest = behind;
        }
        if let Some((two, behind)) = rest.split_first_chunk() {
            self.0.write_u16(u16::from_ne_bytes(*two));
            rest = behind;
        }
        if let [one] = rest {
            self.0.write_u8(*one);
        }
        self
    }

    /// Adds a number as a field of sixteen bytes.
    #[must_use]
    #[inline]
    pub fn number(self, field: i128) -> Self {
        self.bytes(&field.to_le_bytes())
    }

    /// All 128 bits.
    #[inline]
    pub fn finish128(self) -> u128 {
        let hash = self.0.finish128();
        u128::from(hash.h2) << 64 | u128::from(hash.h1)
    }

    /// The low 64 bits.
    pub fn finish64(self) -> u64 {
        low64(self.finish128())
    }
}

/// The low half, which routing and slices use.
pub fn low64(hash: u128) -> u64 {
    u64::try_from(hash & u128::from(u64::MAX)).expect("the high half is masked away")
}

/// The hash that never changes, of one field.
pub fn fixed_hash(bytes: &[u8]) -> u64 {
    FieldHasher::new(&FIXED_KEY).bytes(bytes).finish64()
}

/// The fingerprint of a record's value: it tells whether a log is the one a checkpoint speaks of.
pub fn fingerprint(value: &[u8]) -> u128 {
    FieldHasher::new(&FIXED_KEY).bytes(value).finish128()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed apart by a SipHash-2-4-128 written in Python and checked against the reference vectors.
    #[test]
    fn golden_vectors() {
        assert_eq!(FieldHasher::new(&FIXED_KEY).finish128(), 0xf4f2_ced4_47ab_0242_7de0_a380_47d7_4950);
        assert_eq!(fingerprint(b"acme"), 0x3cc6_edc5_862d_5449_1cb1_0b54_2ecc_8f8c);
        assert_eq!(fixed_hash(b"acme"), 0x1cb1_0b54_2ecc_8f8c);
    }

    /// All lengths up to three words, and some of many, beside the same bytes hashed one by one.
    #[test]
    fn words_hash_as_their_bytes() {
        let key: HashKey = std::array::from_fn(|index| u8::try_from(index * 7).unwrap());
        let text: Vec<u8> = (0..600_u32).map(|index| u8::try_from(index % 251).unwrap()).collect();
        let short = (0..=24).flat_map(|first| (0..=24).map(move |second| (first, second)));
        for (first, second) in short.chain([(1, 240), (247, 1), (249, 600), (600, 3)]) {
            let mut plain = SipHasher24::new_with_key(&key);
            for field in [&text[..first], &text[..second], b"end"] {
                let prefix = (field.len() as u64).to_le_bytes();
                prefix.iter().chain(field).for_each(|byte| plain.write(&[*byte]));
            }
            let expected = plain.finish128();
            let expected = u128::from(expected.h2) << 64 | u128::from(expected.h1);
            let hashed = FieldHasher::new(&key).bytes(&text[..first]).bytes(&text[..second]).bytes(b"end");
            assert_eq!(hashed.finish128(), expected, "{first} and {second}");
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        let joined = FieldHasher::new(&FIXED_KEY).bytes(b"ab").bytes(b"c").finish128();
        let other = FieldHasher::new(&FIXED_KEY).bytes(b"a").bytes(b"bc").finish128();
        assert_ne!(joined, other);
    }
}
