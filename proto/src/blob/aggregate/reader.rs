//! Reads an `AggregateCell` as a row without the message between: a question about a month reads thousands of them.

use crate::blob::number::widen;
use domain::aggregate::{QuarterUsage, Row};
use domain::position::Position;
use domain::quantity::{Quantity, Sum};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// A field of a message, as it stands in the bytes.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The row of a message's bytes. `None`: they are none, or break a rule.
pub(super) fn row(mut bytes: &[u8]) -> Option<Row> {
    let mut position = 0;
    let mut quarters = [QuarterUsage::default(); 4];
    let mut count = 0;
    let mut ranges = Ranges::default();
    while !bytes.is_empty() {
        match next(&mut bytes)? {
            (1, Value::Number(number)) => position = number.cast_signed(),
            (2, Value::Bytes(message)) => {
                *quarters.get_mut(count)? = quarter(message)?;
                count += 1;
            }
            (3, Value::Number(step)) => ranges.step(step)?,
            (3, Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    ranges.step(decode_varint(&mut packed).ok()?)?;
                }
            }
            (1..=3, _) => return None,
            _ => {}
        }
    }
    let is_whole = count == quarters.len() && ranges.start.is_none();
    is_whole.then(|| Row { position: Position::from_raw(position), quarters, ranges: ranges.whole })
}

fn quarter(mut bytes: &[u8]) -> Option<QuarterUsage> {
    let quantity = |bytes: &[u8]| Quantity::from_atoms(i128::from_le_bytes(widen(bytes)?));
    let mut usage = QuarterUsage::default();
    while !bytes.is_empty() {
        match next(&mut bytes)? {
            (1, Value::Bytes(sum)) => usage.sum = Sum::from_le_bytes(widen(sum)?),
            (2, Value::Number(count)) => usage.count = count,
            (3, Value::Bytes(min)) => usage.min = quantity(min)?,
            (4, Value::Bytes(max)) => usage.max = quantity(max)?,
            (1..=4, _) => return None,
            _ => {}
        }
    }
    Some(usage)
}

/// The next field. `None`: it is none.
fn next<'a>(bytes: &mut &'a [u8]) -> Option<(u32, Value<'a>)> {
    let (field, wire) = decode_key(bytes).ok()?;
    let value = match wire {
        WireType::Varint => Value::Number(decode_varint(bytes).ok()?),
        WireType::LengthDelimited => {
            let length = usize::try_from(decode_varint(bytes).ok()?).ok()?;
            let (value, rest) = bytes.split_at_checked(length)?;
            *bytes = rest;
            Value::Bytes(value)
        }
        other => {
            skip_field(other, field, bytes, DecodeContext::default()).ok()?;
            Value::Other
        }
    };
    Some((field, value))
}

/// Offset ranges from their steps: start, length, gap, length, gap, …
#[derive(Default)]
struct Ranges {
    whole: Vec<(u64, u64)>,
    start: Option<u64>,
    edge: u64,
}

impl Ranges {
    fn step(&mut self, step: u64) -> Option<()> {
        self.edge = self.edge.checked_add(step)?;
        match self.start.take() {
            Some(start) => self.whole.push((start, self.edge)),
            None => self.start = Some(self.edge),
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use prost::Message;

    /// As the generated code decodes it.
    fn decoded(cell: &log::AggregateCell) -> Option<Row> {
        let quantity = |bytes: &[u8]| Quantity::from_atoms(i128::from_le_bytes(widen(bytes)?));
        let quarter = |cell: &log::QuarterCell| {
            let sum = Sum::from_le_bytes(widen(&cell.sum)?);
            Some(QuarterUsage {
                sum,
                count: cell.count,
                min: quantity(&cell.min)?,
                max: quantity(&cell.max)?,
            })
        };
        let quarters: Option<Vec<_>> = cell.quarters.iter().map(quarter).collect();
        let mut edges = Vec::new();
        for step in &cell.ranges {
            edges.push(edges.last().copied().unwrap_or(0_u64).checked_add(*step)?);
        }
        let (pairs, rest) = edges.as_chunks::<2>();
        let ranges = rest.is_empty().then(|| pairs.iter().map(|[start, end]| (*start, *end)).collect())?;
        let position = Position::from_raw(cell.position);
        Some(Row { position, quarters: quarters?.try_into().ok()?, ranges })
    }

    fn a_quarter() -> impl Strategy<Value = log::QuarterCell> {
        let bytes = || vec(any::<u8>(), 0..18);
        (vec(any::<u8>(), 0..34), any::<u64>(), bytes(), bytes()).prop_map(|(sum, count, min, max)| {
            log::QuarterCell { sum: sum.into(), count, min: min.into(), max: max.into() }
        })
    }

    proptest! {
        #[test]
        fn a_row_is_read_as_the_generated_code_reads_it(
            position in any::<i64>(),
            quarters in vec(a_quarter(), 3..=5),
            ranges in vec(0_u64..1 << 62, 0..7),
        ) {
            let cell = log::AggregateCell { position, quarters, ranges };
            prop_assert_eq!(row(&cell.encode_to_vec()), decoded(&cell));
        }

        #[test]
        fn any_bytes_are_a_row_only_where_the_generated_code_reads_one(bytes in vec(any::<u8>(), 0..40)) {
            if let Some(row) = row(&bytes) {
                let cell = log::AggregateCell::decode(&bytes[..]).unwrap();
                prop_assert_eq!(decoded(&cell), Some(row));
            }
        }
    }

    #[test]
    fn fields_of_a_later_build_and_numbers_that_are_not_packed_are_read_past() {
        let cell = log::AggregateCell {
            position: 7,
            quarters: vec![log::QuarterCell::default(); 4],
            ranges: Vec::new(),
        };
        let mut bytes = cell.encode_to_vec();
        // Field 3 twice as a single number, field 9 as 32 bits, field 10 as a number.
        bytes.extend([3 << 3, 5, 3 << 3, 2, 9 << 3 | 5, 0, 0, 0, 0, 10 << 3, 1]);
        assert_eq!(row(&bytes).unwrap().ranges, [(5, 7)]);
        bytes.extend([3 << 3, 1]);
        assert_eq!(row(&bytes), None, "a range without an end");
    }
}
