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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::table::{CellKey, PAGE};

    #[test]
    fn an_insert_binds_the_key_in_its_order_then_the_value_then_the_stamp() {
        let key =
            CellKey::new(&PAGE, [1_i64, 2, 3].map(Into::into).to_vec(), [4_i64, 5].map(Into::into).to_vec());
        let cell = Cell { key, timestamp: 6, value: "v".into() };
        let bound: Vec<String> = stamped(&cell).iter().map(|bound| format!("{bound:?}")).collect();
        let mut expected: Vec<String> = (1..=5).map(|number| format!("Key(Int({number}))")).collect();
        expected.extend(["Value([118])".to_owned(), "Timestamp(6)".to_owned()]);
        assert_eq!(bound, expected);
    }

    #[test]
    fn columns_of_a_row_are_values_of_their_types_and_null_is_none() {
        assert_eq!(key(Some(CqlValue::Text("é".to_owned()))), Some(KeyValue::text("é")));
        assert_eq!(key(Some(CqlValue::BigInt(-1))), Some(KeyValue::Int(-1)));
        assert_eq!(key(Some(CqlValue::Timestamp(CqlTimestamp(-2)))), Some(KeyValue::Timestamp(-2)));
        assert_eq!(key(Some(CqlValue::Blob(vec![3]))), Some(KeyValue::Blob(Bytes::from_static(&[3]))));
        assert_eq!(key(Some(CqlValue::Boolean(true))), None);
        assert_eq!((key(None), timestamp(None), bytes(None)), (None, None, None));
        assert_eq!(timestamp(Some(CqlValue::BigInt(4))), Some(4));
        assert_eq!(timestamp(Some(CqlValue::Int(4))), None);
        assert_eq!(bytes(Some(CqlValue::Blob(Vec::new()))), Some(Bytes::new()), "empty is not null");
    }
}
