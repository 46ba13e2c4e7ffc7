//! How a record lies in its row: headers packed, and a check over all of it and its place.

use bytes::{Buf, BufMut, Bytes};
use domain::port::Header;
use domain::time::Timestamp;

/// Headers one after the other: length and bytes of the name, length and bytes of the value.
pub fn pack_headers(headers: &[Header]) -> Vec<u8> {
    let mut packed = Vec::new();
    for header in headers {
        for field in [header.name.as_bytes(), &header.value] {
            packed.put_u32_le(u32::try_from(field.len()).expect("a record is far below 4 GiB"));
            packed.put_slice(field);
        }
    }
    packed
}

/// Reads what [`pack_headers`] wrote. `None`: it is something else.
pub fn parse_headers(mut packed: Bytes) -> Option<Vec<Header>> {
    let mut headers = Vec::new();
    while packed.has_remaining() {
        let name = String::from_utf8(take(&mut packed)?.into()).ok()?;
        headers.push(Header { name, value: take(&mut packed)? });
    }
    Some(headers)
}

fn take(packed: &mut Bytes) -> Option<Bytes> {
    let length = usize::try_from(packed.try_get_u32_le().ok()?).ok()?;
    (length <= packed.remaining()).then(|| packed.split_to(length))
}

/// The check of a row; it covers the row's number, so that a record in another's place fails too.
pub fn check(row: i64, timestamp: Timestamp, headers: &[u8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&row.to_le_bytes());
    hasher.update(&timestamp.nanos().to_le_bytes());
    hasher.update(&headers.len().to_le_bytes());
    hasher.update(headers);
    hasher.update(value);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn headers_come_back(pairs in prop::collection::vec((".{0,9}", any::<Vec<u8>>()), 0..5)) {
            let headers: Vec<Header> = pairs.into_iter().map(|(name, value)| Header { name, value: value.into() }).collect();
            prop_assert_eq!(parse_headers(pack_headers(&headers).into()), Some(headers));
        }

        #[test]
        fn no_bytes_panic(packed in any::<Vec<u8>>()) {
            let _ = parse_headers(packed.into());
        }
    }

    #[test]
    fn the_check_covers_place_time_headers_and_value() {
        let original = check(7, Timestamp::EPOCH, b"ab", b"c");
        assert_ne!(check(8, Timestamp::EPOCH, b"ab", b"c"), original);
        assert_ne!(check(7, Timestamp::from_nanos(1), b"ab", b"c"), original);
        assert_ne!(check(7, Timestamp::EPOCH, b"a", b"bc"), original);
        assert_ne!(check(7, Timestamp::EPOCH, b"ab", b"d"), original);
    }
}
