//! Rows of a file, one by one: CSV records or JSON objects.

use super::source::Format;
use anyhow::Context;
use csv::{ByteRecord, StringRecord};
use serde_json::{Map, Value};
use std::io::{BufRead, Read};
use std::sync::Arc;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// From 1, the header not counted.
    pub number: u64,
    /// What it holds.
    pub content: Content,
}

/// What a row holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A CSV record under its header.
    Record {
        /// The names of the columns.
        header: Arc<StringRecord>,
        /// The fields.
        fields: StringRecord,
    },
    /// A JSON object.
    Object(Map<String, Value>),
    /// Neither: the text, and the rule it breaks.
    Broken {
        /// As far as it is text.
        text: String,
        /// The rule.
        rule: String,
    },
}

impl Row {
    /// The value of a column as text; a JSON number is its digits.
    pub fn find(&self, column: &str) -> Option<String> {
        match &self.content {
            Content::Record { header, fields } => {
                let index = header.iter().position(|name| name == column)?;
                fields.get(index).map(|field| field.trim().to_owned())
            }
            Content::Object(object) => match object.get(column)? {
                Value::String(text) => Some(text.clone()),
                Value::Null => None,
                other => Some(other.to_string()),
            },
            Content::Broken { .. } => None,
        }
    }
}

/// Reads rows.
pub enum Rows<R> {
    /// Of CSV.
    Csv {
        /// The records.
        reader: Box<csv::Reader<R>>,
        /// The names of the columns.
        header: Arc<StringRecord>,
        /// Rows read.
        number: u64,
    },
    /// Of NDJSON.
    Ndjson {
        /// The lines.
        lines: R,
        /// Lines read.
        number: u64,
    },
}

impl<R: BufRead> Rows<R> {
    /// Rows of that format; a CSV header is read at once.
    pub fn new(format: Format, reader: R) -> anyhow::Result<Self> {
        if format == Format::Ndjson {
            return Ok(Self::Ndjson { lines: reader, number: 0 });
        }
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(reader);
        let header =
            Arc::new(reader.headers().context("reading the header")?.iter().map(str::trim).collect());
        Ok(Self::Csv { reader: Box::new(reader), header, number: 0 })
    }

    /// The names of the columns, where the format has them.
    pub fn header(&self) -> Option<&StringRecord> {
        match self {
            Self::Csv { header, .. } => Some(header),
            Self::Ndjson { .. } => None,
        }
    }

    /// What the rows were read from.
    pub fn into_inner(self) -> R {
        match self {
            Self::Csv { reader, .. } => reader.into_inner(),
            Self::Ndjson { lines, .. } => lines,
        }
    }
}

impl<R: BufRead> Iterator for Rows<R> {
    type Item = anyhow::Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Csv { reader, header, number } => {
                let content = next_record(reader, header).context("reading a record").transpose()?;
                *number += 1;
                Some(content.map(|content| Row { number: *number, content }))
            }
            Self::Ndjson { lines, number } => {
                let content = next_object(lines, number).context("reading a line").transpose()?;
                Some(content.map(|content| Row { number: *number, content }))
            }
        }
    }
}

fn next_record<R: Read>(
    reader: &mut csv::Reader<R>,
    header: &Arc<StringRecord>,
) -> csv::Result<Option<Content>> {
    let mut bytes = ByteRecord::new();
    if !reader.read_byte_record(&mut bytes)? {
        return Ok(None);
    }
    let content = StringRecord::from_byte_record(bytes).map_or_else(
        |error| {
            let fields: Vec<_> = error
                .into_byte_record()
                .iter()
                .map(|field| String::from_utf8_lossy(field).into_owned())
                .collect();
            Content::Broken { text: fields.join(","), rule: "must be UTF-8".to_owned() }
        },
        |fields| Content::Record { header: Arc::clone(header), fields },
    );
    Ok(Some(content))
}

/// The next line that is not blank.
fn next_object(lines: &mut impl BufRead, number: &mut u64) -> std::io::Result<Option<Content>> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        if lines.read_until(b'\n', &mut bytes)? == 0 {
            return Ok(None);
        }
        *number += 1;
        let line = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes).trim_ascii();
        if !line.is_empty() {
            return Ok(Some(object(line)));
        }
    }
}

fn object(line: &[u8]) -> Content {
    serde_json::from_slice(line).map_or_else(
        |error| Content::Broken {
            text: String::from_utf8_lossy(line).into_owned(),
            rule: format!("must be a JSON object: {error}"),
        },
        Content::Object,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(format: Format, text: &[u8]) -> Vec<Row> {
        Rows::new(format, text).unwrap().map(Result::unwrap).collect()
    }

    #[test]
    fn crlf_ends_and_a_last_row_without_end_are_read() {
        let rows = rows(
            Format::Csv,
            b"TIMESTAMP,Tokens\r\n2023-11-16 18:15:46.6805900,374\r\n2023-11-16 18:15:50,396",
        );
        assert_eq!(rows.len(), 2);
        assert_eq!(rows[0].find("TIMESTAMP").as_deref(), Some("2023-11-16 18:15:46.6805900"));
        assert_eq!((rows[1].number, rows[1].find("Tokens").as_deref()), (2, Some("396")));
        assert_eq!(rows[1].find("Missing"), None);
    }

    #[test]
    fn a_short_record_and_one_that_is_no_text_are_rows_too() {
        let rows = rows(Format::Csv, b"a,b\n1\n\xff,2\n3,4\n");
        assert_eq!(rows[0].find("b"), None);
        assert!(matches!(&rows[1].content, Content::Broken { rule, .. } if rule == "must be UTF-8"));
        assert_eq!(rows[2].find("b").as_deref(), Some("4"));
    }

    #[test]
    fn a_json_number_is_read_by_its_digits() {
        let rows = rows(
            Format::Ndjson,
            b"{\"n\": 0.1000000000000000055511151231257827, \"s\": \"x\", \"z\": null}\n\n[1]\n",
        );
        assert_eq!(rows[0].find("n").as_deref(), Some("0.1000000000000000055511151231257827"));
        assert_eq!(rows[0].find("s").as_deref(), Some("x"));
        assert_eq!(rows[0].find("z"), None);
        assert_eq!(rows[1].number, 3, "a row's number is its line's");
        assert!(matches!(&rows[1].content, Content::Broken { .. }));
    }
}
