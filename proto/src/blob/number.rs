//! Numbers as bytes: little-endian two's complement without the bytes that only repeat the sign.

use bytes::Bytes;

/// The bytes that say something; zero has none.
pub fn shorten(bytes: &[u8]) -> Bytes {
    let sign = bytes.last().map_or(0, |last| sign_of(*last));
    let repeats = |len: usize| bytes[len - 1] == sign && (len == 1 || sign_of(bytes[len - 2]) == sign);
    let mut len = bytes.len();
    while len > 1 && repeats(len) {
        len -= 1;
    }
    let zero = bytes[..len].iter().all(|byte| *byte == 0);
    Bytes::copy_from_slice(if zero { &[] } else { &bytes[..len] })
}

/// All `N` bytes. `None`: there are more.
pub fn widen<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut wide = [bytes.last().map_or(0, |last| sign_of(*last)); N];
    wide.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(wide)
}

const fn sign_of(byte: u8) -> u8 {
    if byte & 0x80 == 0 { 0 } else { 0xff }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_the_sign_is_left_out() {
        let short = |value: i128| shorten(&value.to_le_bytes()).to_vec();
        assert!(short(0).is_empty());
        assert_eq!(short(1), [1]);
        assert_eq!(short(-1), [0xff]);
        assert_eq!(short(127), [0x7f]);
        assert_eq!(short(128), [0x80, 0]);
        assert_eq!(short(-128), [0x80]);
        assert_eq!(short(256), [0, 1]);
        assert_eq!(short(-256), [0, 0xff]);
        assert_eq!(widen::<16>(&[0; 17]), None);
    }

    proptest! {
        #[test]
        fn every_number_comes_back(value in any::<i128>(), shift in 0_u32..128) {
            let bytes = (value >> shift).to_le_bytes();
            prop_assert_eq!(widen::<16>(&shorten(&bytes)), Some(bytes));
            prop_assert_eq!(widen::<32>(&shorten(&bytes)).map(|wide| wide[..16].to_vec()), Some(bytes.to_vec()));
        }
    }
}
