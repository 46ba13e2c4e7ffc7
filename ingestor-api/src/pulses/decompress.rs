//! Compressed bodies: read up to the bound of a body and no further.

use super::body::{breaks_rule, too_large};
use super::media::Encoding;
use crate::batch::BATCH_BYTES_MAX;
use crate::not_taken::NotTaken;
use bytes::{BufMut, BytesMut};
use domain::code::Code;
use flate2::read::MultiGzDecoder;
use std::io::{self, Read};
use zstd::stream::read::Decoder;

/// The largest window a zstd body may ask for, as RFC 9659 has it for HTTP: 8 MiB.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// The bytes that were compressed.
pub(super) fn decompress(encoding: Encoding, bytes: &[u8]) -> Result<BytesMut, NotTaken> {
    let text = match encoding {
        Encoding::Identity => read(bytes),
        Encoding::Gzip => read(MultiGzDecoder::new(bytes)),
        Encoding::Zstd => zstd_reader(bytes).and_then(read),
    };
    let broken = |error| breaks_rule(Code::InvalidArgument, format_args!("cannot be decompressed: {error}"));
    let text = text.map_err(broken)?;
    if text.len() > BATCH_BYTES_MAX { Err(too_large()) } else { Ok(text) }
}

fn zstd_reader(bytes: &[u8]) -> io::Result<impl Read> {
    let mut decoder = Decoder::with_buffer(bytes)?;
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
    Ok(decoder)
}

/// Reads to the end, or to one byte past the bound.
fn read(reader: impl Read) -> io::Result<BytesMut> {
    let mut text = BytesMut::new().writer();
    io::copy(&mut reader.take(BATCH_BYTES_MAX as u64 + 1), &mut text)?;
    Ok(text.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;
    use std::io::Write;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 1).unwrap()
    }

    fn code(encoding: Encoding, bytes: &[u8]) -> Code {
        decompress(encoding, bytes).unwrap_err().code
    }

    #[test]
    fn a_bomb_is_refused_at_the_bound() {
        let most = vec![b' '; BATCH_BYTES_MAX];
        let bomb = vec![b' '; 64 * BATCH_BYTES_MAX];
        for (encoding, compress) in
            [(Encoding::Gzip, gzip as fn(&[u8]) -> Vec<u8>), (Encoding::Zstd, zstd as fn(&[u8]) -> Vec<u8>)]
        {
            assert_eq!(decompress(encoding, &compress(&most)).unwrap().len(), BATCH_BYTES_MAX);
            let bomb = compress(&bomb);
            assert!(bomb.len() < BATCH_BYTES_MAX);
            assert_eq!(code(encoding, &bomb), Code::TooLarge);
        }
    }

    #[test]
    fn a_body_that_asks_for_a_large_window_is_refused() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(24).unwrap();
        encoder.write_all(b"{}").unwrap();
        assert_eq!(code(Encoding::Zstd, &encoder.finish().unwrap()), Code::InvalidArgument);
    }

    #[test]
    fn what_is_cut_or_of_another_compression_is_refused() {
        for (encoding, whole) in
            [(Encoding::Gzip, gzip(b"{\"a\": 1}")), (Encoding::Zstd, zstd(b"{\"a\": 1}"))]
        {
            assert_eq!(code(encoding, &whole[..whole.len() - 1]), Code::InvalidArgument);
            assert_eq!(code(encoding, b"{}"), Code::InvalidArgument);
        }
        assert_eq!(code(Encoding::Gzip, &zstd(b"{}")), Code::InvalidArgument);
    }

    #[test]
    fn members_of_one_body_are_read_one_after_the_other() {
        let two = [gzip(b"{\"a\""), gzip(b": 1}")].concat();
        assert_eq!(decompress(Encoding::Gzip, &two).unwrap(), b"{\"a\": 1}"[..]);
        let two = [zstd(b"{\"a\""), zstd(b": 1}")].concat();
        assert_eq!(decompress(Encoding::Zstd, &two).unwrap(), b"{\"a\": 1}"[..]);
        assert_eq!(decompress(Encoding::Identity, b"{}").unwrap(), b"{}"[..]);
    }

    proptest! {
        #[test]
        fn what_was_compressed_comes_back_and_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..2_000)) {
            prop_assert_eq!(&decompress(Encoding::Gzip, &gzip(&bytes)).unwrap()[..], &bytes[..]);
            prop_assert_eq!(&decompress(Encoding::Zstd, &zstd(&bytes)).unwrap()[..], &bytes[..]);
            let _ = (decompress(Encoding::Gzip, &bytes), decompress(Encoding::Zstd, &bytes));
        }
    }
}
