//! How messages of our services are read: as prost reads them, once they are known to take little room.
//!
//! Two bytes make an empty pulse, which takes three hundred in memory: four megabytes of them would take six hundred.

use bytes::Buf;
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{Codec, DecodeBuf, Decoder};
use tonic_prost::{ProstCodec, ProstEncoder};

/// The most fields of a message, each element of a list counted: many times what any of ours has.
pub const FIELDS_MAX: usize = 16 * 1024;

/// Protobuf whose messages have at most [`FIELDS_MAX`] fields.
#[derive(Debug)]
pub struct BoundedCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for BoundedCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for BoundedCodec<T, U>
where
    T: Message + 'static,
    U: Message + Default + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = BoundedDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstCodec::<T, U>::default().encoder()
    }

    fn decoder(&mut self) -> Self::Decoder {
        BoundedDecoder(PhantomData)
    }
}

/// Reads messages of at most [`FIELDS_MAX`] fields.
#[derive(Debug)]
pub struct BoundedDecoder<U>(PhantomData<U>);

impl<U: Message + Default> Decoder for BoundedDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        decode(buf).map(Some)
    }
}

fn decode<U: Message + Default>(mut buf: impl Buf) -> Result<U, Status> {
    let message = buf.copy_to_bytes(buf.remaining());
    let unreadable = |error: prost::DecodeError| Status::internal(error.to_string());
    let mut rest = &message[..];
    for _ in 0..FIELDS_MAX {
        if rest.is_empty() {
            break;
        }
        let (tag, wire_type) = decode_key(&mut rest).map_err(unreadable)?;
        skip_field(wire_type, tag, &mut rest, DecodeContext::default()).map_err(unreadable)?;
    }
    if !rest.is_empty() {
        return Err(Status::out_of_range(format!("a message must have at most {FIELDS_MAX} fields")));
    }
    U::decode(message).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v1::{Pulse, WritePulsesRequest};
    use proptest::prelude::*;
    use tonic::Code;

    fn pulses(count: usize) -> Vec<u8> {
        WritePulsesRequest { pulses: vec![Pulse::default(); count] }.encode_to_vec()
    }

    #[test]
    fn a_message_of_very_many_elements_is_refused_before_it_is_built() {
        let most: WritePulsesRequest = decode(&pulses(FIELDS_MAX)[..]).unwrap();
        assert_eq!(most.pulses.len(), FIELDS_MAX);
        let status = decode::<WritePulsesRequest>(&pulses(FIELDS_MAX + 1)[..]).unwrap_err();
        assert_eq!(
            (status.code(), status.message()),
            (Code::OutOfRange, "a message must have at most 16384 fields")
        );
    }

    #[test]
    fn what_is_no_message_says_why() {
        let not_utf8 = [10, 3, 10, 1, 255];
        for (bytes, why) in [(&not_utf8[..], "UTF-8"), (&[10, 127, 10], "underflow"), (&[255; 11], "varint")]
        {
            let status = decode::<WritePulsesRequest>(bytes).unwrap_err();
            assert_eq!(status.code(), Code::Internal);
            assert!(status.message().contains(why), "{status}");
        }
    }

    proptest! {
        #[test]
        fn bytes_are_read_as_prost_reads_them(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(decode::<Pulse>(&bytes[..]).ok(), Pulse::decode(&bytes[..]).ok());
        }
    }
}
