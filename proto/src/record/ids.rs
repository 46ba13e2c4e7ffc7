//! The column of ids: their canonical bytes one after the other.

use super::column::{Column, collapse};
use crate::log;
use bytes::Bytes;
use domain::id::PulseId;

const UUID_BYTES: usize = 16;

/// A pulse's id, borrowed from the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum IdView<'a> {
    /// A UUID.
    Uuid(&'a [u8; 16]),
    /// Any other text.
    Text(&'a str),
}

impl<'a> IdView<'a> {
    /// The canonical bytes, which identity compares.
    pub fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Uuid(bytes) => *bytes,
            Self::Text(text) => text.as_bytes(),
        }
    }

    /// The id itself.
    pub fn to_id(&self) -> PulseId {
        match self {
            Self::Uuid(bytes) => PulseId::Uuid(**bytes),
            Self::Text(text) => PulseId::Text((*text).into()),
        }
    }
}

/// The column of these ids.
pub fn write<'a>(ids: impl Iterator<Item = &'a PulseId>) -> log::Ids {
    let (mut bytes, mut lengths) = (Vec::new(), Vec::new());
    for id in ids {
        bytes.extend_from_slice(id.as_bytes());
        lengths.push(match id {
            PulseId::Uuid(_) => 0,
            PulseId::Text(text) => u8::try_from(text.len()).expect("an id is 1 to 64 bytes"),
        });
    }
    let mut lengths = collapse(lengths);
    if lengths == [0] {
        lengths.clear();
    }
    log::Ids { bytes: bytes.into(), lengths: lengths.into() }
}

/// A column that was read: every id is a UUID or UTF-8 text.
#[derive(Debug)]
pub enum Ids {
    /// All are UUIDs.
    Uuids(Bytes),
    /// Where each one ends, and whether it is a UUID.
    Mixed { bytes: Bytes, spans: Vec<Span> },
}

/// An id's place in the bytes.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    start: usize,
    length: usize,
    uuid: bool,
}

impl Ids {
    /// The column of `len` ids. `None`: lengths and bytes do not fit, or a text is none.
    pub fn read(column: Option<log::Ids>, len: usize) -> Option<Self> {
        let log::Ids { bytes, lengths } = column.unwrap_or_default();
        if lengths.is_empty() {
            return (bytes.len() == len * UUID_BYTES).then_some(Self::Uuids(bytes));
        }
        let lengths = Column::read(lengths.to_vec(), len)?;
        let mut start = 0;
        let mut spans = Vec::with_capacity(len);
        for index in 0..len {
            let (length, uuid) = match lengths.at(index) {
                0 => (UUID_BYTES, true),
                length => (usize::from(*length), false),
            };
            let text = bytes.get(start..start + length)?;
            if !uuid {
                std::str::from_utf8(text).ok()?;
            }
            spans.push(Span { start, length, uuid });
            start += length;
        }
        (start == bytes.len()).then_some(Self::Mixed { bytes, spans })
    }

    /// The id at that index.
    pub fn at(&self, index: usize) -> IdView<'_> {
        match self {
            Self::Uuids(bytes) => IdView::Uuid(uuid(&bytes[index * UUID_BYTES..])),
            Self::Mixed { bytes, spans } => {
                let Span { start, length, uuid: is_uuid } = spans[index];
                let id = &bytes[start..start + length];
                if is_uuid { IdView::Uuid(uuid(id)) } else { IdView::Text(text(id)) }
            }
        }
    }
}

fn uuid(bytes: &[u8]) -> &[u8; UUID_BYTES] {
    bytes.first_chunk().expect("lengths were checked when the column was read")
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("texts were checked when the column was read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> PulseId {
        PulseId::parse(text, "id").unwrap()
    }

    const UUID: &str = "018f4e2a-0000-7000-8000-00000000abcd";

    #[test]
    fn lengths_are_left_out_where_all_are_uuids() {
        let column = write([id(UUID), id(UUID)].iter());
        assert_eq!((column.bytes.len(), column.lengths.len()), (32, 0));
        let read = Ids::read(Some(column), 2).unwrap();
        assert_eq!(read.at(1).to_id(), id(UUID));
    }

    #[test]
    fn a_text_of_sixteen_bytes_is_no_uuid() {
        let ids = [id("sixteen-bytes-id"), id(UUID), id("é")];
        let column = write(ids.iter());
        assert_eq!(&column.lengths[..], [16, 0, 2]);
        let read = Ids::read(Some(column), 3).unwrap();
        let back: Vec<PulseId> = (0..3).map(|index| read.at(index).to_id()).collect();
        assert_eq!(back, ids);
        assert_eq!(read.at(2).bytes(), "é".as_bytes());
    }

    #[test]
    fn bytes_that_do_not_add_up_are_refused() {
        let column = |bytes: &'static [u8], lengths: &'static [u8]| {
            Some(log::Ids { bytes: Bytes::from_static(bytes), lengths: Bytes::from_static(lengths) })
        };
        assert!(Ids::read(column(b"abc", &[3]), 1).is_some());
        assert!(Ids::read(column(b"abc", &[2]), 1).is_none());
        assert!(Ids::read(column(b"abc", &[4]), 1).is_none());
        assert!(Ids::read(column(b"\xff", &[1]), 1).is_none());
        assert!(Ids::read(column(b"abc", &[]), 1).is_none());
        assert!(Ids::read(None, 1).is_none());
    }
}
