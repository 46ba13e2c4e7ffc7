//! The column of quantities: whole numbers at one scale per record.

use super::column::{Column, collapse};
use bytes::Bytes;
use domain::quantity::Quantity;

const PLACES: u32 = 12;
const WIDE_BYTES: usize = 16;

/// The column as the record holds it; one of the two forms is empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Decimal places.
    pub scale: u32,
    /// In 64 bits.
    pub narrow: Vec<i64>,
    /// In 128 bits.
    pub wide: Bytes,
}

/// The column of these quantities, at the least scale that holds them exactly.
pub fn write(quantities: impl Iterator<Item = Quantity> + Clone) -> Written {
    let scale = quantities.clone().map(least_scale).max().unwrap_or(0);
    let step = step(scale);
    let scaled: Vec<i128> = collapse(quantities.map(|quantity| quantity.atoms() / step).collect());
    let narrow: Result<Vec<i64>, _> = scaled.iter().map(|value| i64::try_from(*value)).collect();
    match narrow {
        Ok(narrow) => Written { scale, narrow, wide: Bytes::new() },
        Err(_) => Written {
            scale,
            narrow: Vec::new(),
            wide: scaled.iter().flat_map(|value| value.to_le_bytes()).collect(),
        },
    }
}

/// The column of `len` quantities. `None`: it is not complete, or one is out of range.
pub fn read(written: Written, len: usize) -> Option<Column<Quantity>> {
    let Written { scale, narrow, wide } = written;
    if scale > PLACES || !(narrow.is_empty() || wide.is_empty()) {
        return None;
    }
    let (chunks, rest) = wide.as_chunks::<WIDE_BYTES>();
    let wide = chunks.iter().map(|bytes| i128::from_le_bytes(*bytes));
    let scaled = narrow.into_iter().map(i128::from).chain(wide);
    let exact = |value: i128| Quantity::from_atoms(value.checked_mul(step(scale))?);
    let quantities: Option<Vec<Quantity>> = scaled.map(exact).collect();
    if rest.is_empty() { Column::read(quantities?, len) } else { None }
}

/// Atoms in one step at that scale.
fn step(scale: u32) -> i128 {
    10_i128.pow(PLACES - scale)
}

fn least_scale(quantity: Quantity) -> u32 {
    let exact = |scale: &u32| quantity.atoms() % step(*scale) == 0;
    (0..=PLACES).find(exact).expect("every quantity is whole at twelve places")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn quantities(texts: &[&str]) -> Vec<Quantity> {
        texts.iter().map(|text| Quantity::parse(text).unwrap()).collect()
    }

    #[test]
    fn the_scale_is_the_least_that_holds_all() {
        let column = quantities(&["1.5", "-20", "0.125"]);
        let written = write(column.iter().copied());
        assert_eq!(written, Written { scale: 3, narrow: vec![1_500, -20_000, 125], wide: Bytes::new() });
    }

    #[test]
    fn what_passes_64_bits_goes_wide() {
        let column = quantities(&["999999999999999999.999999999999", "1"]);
        let written = write(column.iter().copied());
        assert_eq!((written.scale, written.narrow.len(), written.wide.len()), (12, 0, 32));
        let read = read(written, 2).unwrap();
        assert_eq!((*read.at(0), *read.at(1)), (column[0], column[1]));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        let narrow = |scale, narrow: &[i64]| Written { scale, narrow: narrow.to_vec(), wide: Bytes::new() };
        assert!(read(narrow(0, &[1]), 1).is_some());
        assert!(read(narrow(13, &[1]), 1).is_none());
        assert!(read(narrow(0, &[i64::MAX]), 1).is_none(), "nineteen digits before the point");
        assert!(read(Written { wide: vec![0; 15].into(), ..Written::default() }, 1).is_none());
        assert!(read(Written { wide: vec![0; 16].into(), ..narrow(0, &[1]) }, 2).is_none());
        assert!(read(Written { wide: vec![0x7f; 16].into(), ..Written::default() }, 1).is_none());
    }

    proptest! {
        #[test]
        fn every_quantity_comes_back(parts in prop::collection::vec((-10_i128.pow(29)..10_i128.pow(29), 0_u32..13), 1..20)) {
            let column: Vec<Quantity> =
                parts.iter().map(|(atoms, shift)| Quantity::from_atoms(atoms / 10_i128.pow(*shift) * 10_i128.pow(*shift)).unwrap()).collect();
            let read = read(write(column.iter().copied()), column.len()).unwrap();
            for (index, quantity) in column.iter().enumerate() {
                prop_assert_eq!(read.at(index), quantity);
            }
        }
    }
}
