//! The CRC-32 that a message of the log carries as its last field, number 30, over all bytes before it.

use bytes::{BufMut, Bytes, BytesMut};

/// Key and wire type of field 30, a fixed32.
const KEY: [u8; 2] = [0xf5, 0x01];
const FIELD_BYTES: usize = KEY.len() + 4;

/// Adds the field to the bytes of a message.
pub fn seal(mut message: BytesMut) -> Bytes {
    let crc = crc32fast::hash(&message);
    message.put_slice(&KEY);
    message.put_u32_le(crc);
    message.freeze()
}

/// Whether the field is there and right.
pub fn holds(value: &[u8]) -> bool {
    let Some(start) = value.len().checked_sub(FIELD_BYTES) else { return false };
    let (body, field) = value.split_at(start);
    field.starts_with(&KEY) && field[KEY.len()..] == crc32fast::hash(body).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log;
    use prost::Message;

    #[test]
    fn the_field_is_a_field_of_the_message() {
        let sealed = seal(BytesMut::new());
        // The CRC-32 of nothing is zero.
        assert_eq!(&sealed[..], [0xf5, 0x01, 0, 0, 0, 0]);
        assert_eq!(log::Record::decode(sealed.clone()).unwrap().crc, Some(0));
        assert!(holds(&sealed));
        assert!(!holds(&sealed[..5]) && !holds(b"") && !holds(b"\xf5\x01\0\0\0\x01"));
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let sealed = seal(BytesMut::from(&b"some columns"[..]));
        for bit in 0..sealed.len() * 8 {
            let mut damaged = sealed.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(!holds(&damaged), "bit {bit}");
        }
    }
}
