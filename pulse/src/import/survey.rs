//! The first pass over a file: its hash, how many rows it has and the newest of their times.

use super::mapping::Mapping;
use super::rows::Rows;
use super::source::{Format, Hashed};
use crate::exit::Failure;
use domain::time::Timestamp;
use std::io::{BufRead, BufReader};

/// What the first pass found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// SHA-256 of the decompressed bytes.
    pub hash: [u8; 32],
    /// How many rows there are.
    pub rows: u64,
    /// The newest event time of a row that has one.
    pub newest: Option<Timestamp>,
}

impl Survey {
    /// Reads everything. A column that the file does not have is the caller's fault and found here.
    pub fn of(format: Format, reader: impl BufRead, mapping: &Mapping) -> anyhow::Result<Self> {
        let mut rows = Rows::new(format, BufReader::new(Hashed::new(reader)))?;
        if let Some(header) = rows.header() {
            let missing = mapping.columns().find(|column| !header.iter().any(|name| name == *column));
            if let Some(column) = missing {
                let names = header.iter().collect::<Vec<_>>().join(", ");
                return Err(Failure::usage(format!("the file has no column {column}; it has {names}")).into());
            }
        }
        let (mut count, mut newest) = (0, None);
        for row in &mut rows {
            count += 1;
            newest = newest.max(mapping.find_time(&row?));
        }
        Ok(Self { hash: rows.into_inner().into_inner().finish()?, rows: count, newest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn mapping(time: &str, metric: &str) -> Mapping {
        let metrics = vec![metric.parse().unwrap()];
        Mapping { tenant: "acme".into(), source: String::new(), time_column: time.into(), metrics }
    }

    /// The hash is `printf 't,n\r\n…' | sha256sum`'s.
    #[test]
    fn the_newest_row_need_not_be_the_last() {
        let text = b"t,n\r\n2026-01-03 00:00:00,1\r\n2026-01-01 00:00:00,2\r\nnever,3";
        let survey = Survey::of(Format::Csv, text.as_slice(), &mapping("t", "n=sku:item")).unwrap();
        assert_eq!((survey.rows, survey.newest.unwrap().to_string().as_str()), (3, "2026-01-03T00:00:00Z"));
        assert_eq!(survey.hash[..4], [0x66, 0x3b, 0x88, 0x85]);
    }

    #[test]
    fn a_column_that_is_not_there_is_a_wrong_argument() {
        for mapping in [mapping("time", "n=sku:item"), mapping("t", "count=sku:item")] {
            let error = Survey::of(Format::Csv, b"t,n\n".as_slice(), &mapping).unwrap_err();
            assert_eq!(Exit::of(&error), Exit::Usage);
            assert!(error.to_string().ends_with("it has t, n"), "{error}");
        }
    }
}
