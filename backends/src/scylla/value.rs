//! Values on their way into statements and out of rows.

use bytes::Bytes;
use domain::table::{Cell, KeyValue};
use scylla::frame::response::result::ColumnType;
use scylla::serialize::SerializationError;
use scylla::serialize::value::SerializeValue;
use scylla::serialize::writers::{CellWriter, WrittenCellProof};
use scylla::value::{CqlTimestamp, CqlValue};

/// A value for a mark of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Bound<'a> {
    /// A key column.
    Key(&'a KeyValue),
    /// A cell's value.
    Value(&'a [u8]),
    /// A cell's write timestamp.
    Timestamp(i64),
}

impl SerializeValue for Bound<'_> {
    fn serialize<'b>(
        &self,
        kind: &ColumnType<'_>,
        writer: CellWriter<'b>,
    ) -> Result<WrittenCellProof<'b>, SerializationError> {
        match self {
            Self::Key(KeyValue::Text(text)) => text.as_ref().serialize(kind, writer),
            Self::Key(KeyValue::Int(number)) | Self::Timestamp(number) => number.serialize(kind, writer),
            Self::Key(KeyValue::Timestamp(millis)) => CqlTimestamp(*millis).serialize(kind, writer),
            Self::Key(KeyValue::Blob(blob)) => blob.as_ref().serialize(kind, writer),
            Self::Value(bytes) => bytes.serialize(kind, writer),
        }
    }
}

/// What an insert binds. There is no other way to one, and a cell has a timestamp: nothing is written unstamped.
pub fn stamped(cell: &Cell) -> Vec<Bound<'_>> {
    let key = cell.key.partition.iter().chain(&cell.key.clustering).map(Bound::Key);
    key.chain([Bound::Value(&cell.value), Bound::Timestamp(cell.timestamp)]).collect()
}

/// A key column of a row; nothing where it is null or of no type of ours.
pub fn key(value: Option<CqlValue>) -> Option<KeyValue> {
    Some(match value? {
        CqlValue::Text(text) => KeyValue::Text(text.into()),
        CqlValue::BigInt(number) => KeyValue::Int(number),
        CqlValue::Timestamp(CqlTimestamp(millis)) => KeyValue::Timestamp(millis),
        CqlValue::Blob(blob) => KeyValue::Blob(blob.into()),
        _ => return None,
    })
}

/// A cell's write timestamp.
pub fn timestamp(value: Option<CqlValue>) -> Option<i64> {
    value?.as_bigint()
}

/// A cell's value.
pub fn bytes(value: Option<CqlValue>) -> Option<Bytes> {
    value?.into_blob().map(Bytes::from)
}
