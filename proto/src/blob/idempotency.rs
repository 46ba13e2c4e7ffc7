//! What was answered under an idempotency key, in cells.

use super::{Blob, BlobError, open, seal};
use crate::log;
use bytes::Bytes;
use domain::time::Timestamp;

const FORMAT: u8 = 1;
const COMPRESSION_LEVEL: i32 = 3;
/// The most bytes of an answer's body: several times what a thousand items take.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A request under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// The hash of the request.
    pub request: u128,
    /// When it was begun.
    pub begun: Timestamp,
    /// `None`: there is none yet.
    pub answer: Option<KeptAnswer>,
}

/// An answer that is given again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAnswer {
    /// The HTTP status, not 0.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

impl Blob for IdempotentRequest {
    fn to_blob(&self) -> Bytes {
        let (status, body) = match &self.answer {
            Some(KeptAnswer { status, body }) => (u32::from(*status), compress(body)),
            None => (0, Bytes::new()),
        };
        let request = Bytes::copy_from_slice(&self.request.to_le_bytes());
        seal(FORMAT, &log::IdempotentRequest { request, begun_nanos: self.begun.nanos(), status, body })
    }

    fn from_blob(bytes: &[u8]) -> Result<Self, BlobError> {
        read(&open(FORMAT, bytes)?).ok_or(BlobError::Damaged)
    }
}

fn read(cell: &log::IdempotentRequest) -> Option<IdempotentRequest> {
    let answer = match u16::try_from(cell.status).ok()? {
        0 => None,
        status => Some(KeptAnswer { status, body: decompress(&cell.body)? }),
    };
    let request = u128::from_le_bytes(*cell.request.first_chunk()?);
    Some(IdempotentRequest { request, begun: Timestamp::from_nanos(cell.begun_nanos), answer })
}

fn compress(body: &[u8]) -> Bytes {
    zstd::bulk::compress(body, COMPRESSION_LEVEL).expect("memory takes what is compressed").into()
}

fn decompress(body: &[u8]) -> Option<Bytes> {
    zstd::bulk::decompress(body, BODY_BYTES_MAX).ok().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(answer: Option<KeptAnswer>) -> IdempotentRequest {
        IdempotentRequest { request: u128::MAX - 5, begun: Timestamp::from_nanos(-7), answer }
    }

    #[test]
    fn a_request_without_answer_comes_back() {
        let begun = request(None);
        assert_eq!(IdempotentRequest::from_blob(&begun.to_blob()), Ok(begun));
    }

    #[test]
    fn an_answer_of_a_thousand_items_takes_little() {
        let item = r#"{"index":17,"id":"018f4e2a-0000-7000-8000-00000000abcd","status":"accepted"},"#;
        let long = request(Some(KeptAnswer { status: 207, body: item.repeat(1_000).into() }));
        assert!(long.to_blob().len() < 48 * 1024);
        assert_eq!(IdempotentRequest::from_blob(&long.to_blob()), Ok(long));
    }

    #[test]
    fn what_is_not_whole_is_damaged() {
        let cell = |request: &'static [u8], status, body: &'static [u8]| {
            let (request, body) = (Bytes::from_static(request), Bytes::from_static(body));
            seal(FORMAT, &log::IdempotentRequest { request, begun_nanos: 0, status, body })
        };
        for broken in [cell(&[0; 15], 0, &[]), cell(&[0; 16], 207, b"no zstd"), cell(&[0; 16], 70_000, &[])] {
            assert_eq!(IdempotentRequest::from_blob(&broken), Err(BlobError::Damaged));
        }
        assert!(IdempotentRequest::from_blob(&cell(&[0; 16], 0, &[])).is_ok());
    }

    proptest! {
        #[test]
        fn every_answer_comes_back(status in 1_u16.., body in prop::collection::vec(any::<u8>(), 0..500)) {
            let answered = request(Some(KeptAnswer { status, body: body.into() }));
            prop_assert_eq!(IdempotentRequest::from_blob(&answered.to_blob()), Ok(answered));
        }
    }
}
