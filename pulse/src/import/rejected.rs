//! The side file of rejected rows: each as it was, and why.

use super::rows::{Content, Row};
use super::source::Format;
use anyhow::Context;
use serde_json::{Map, Value, json};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Columns that follow the row's own.
const COLUMNS: [&str; 6] = ["reason", "field", "message", "metric", "id", "dead_letter_id"];

/// Why a pulse of a row was rejected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejection {
    /// The stable reason.
    pub reason: String,
    /// The field at fault.
    pub field: String,
    /// For people.
    pub message: String,
    /// The column that was counted; empty where the row was a pulse.
    pub metric: String,
    /// The pulse's id; empty where it was not sent.
    pub id: String,
    /// Where the server keeps it; empty: not kept.
    pub dead_letter_id: String,
}

impl Rejection {
    fn fields(&self) -> [&str; 6] {
        [&self.reason, &self.field, &self.message, &self.metric, &self.id, &self.dead_letter_id]
    }
}

/// The side file; it appears with the first rejected row.
pub struct SideFile {
    path: PathBuf,
    format: Format,
    is_continued: bool,
    file: Option<BufWriter<File>>,
}

impl SideFile {
    /// A file that is not there yet.
    pub fn new(path: PathBuf, format: Format) -> Self {
        Self { path, format, is_continued: false, file: None }
    }

    /// The same, after the rows of an import that goes on here.
    #[must_use]
    pub fn continued(self) -> Self {
        Self { is_continued: true, ..self }
    }

    /// Where it is, if there was a row for it.
    pub fn find_path(&self) -> Option<&Path> {
        self.file.as_ref().map(|_| self.path.as_path())
    }

    /// Adds a row.
    pub fn add(&mut self, row: &Row, rejection: &Rejection) -> anyhow::Result<()> {
        let text = match self.format {
            Format::Csv => csv_lines(row, rejection, self.is_empty())?,
            Format::Ndjson => format!("{}\n", object(row, rejection)).into_bytes(),
        };
        self.write(&text).with_context(|| format!("writing {}", self.path.display()))
    }

    fn is_empty(&self) -> bool {
        let has_rows = || fs::metadata(&self.path).is_ok_and(|about| about.len() > 0);
        self.file.is_none() && !(self.is_continued && has_rows())
    }

    /// Writes what is still in memory.
    pub fn flush(&mut self) -> anyhow::Result<()> {
        let flushed = self.file.as_mut().map_or(Ok(()), Write::flush);
        flushed.with_context(|| format!("writing {}", self.path.display()))
    }

    fn write(&mut self, text: &[u8]) -> std::io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            absent => {
                let mut options = File::options();
                options.create(true).write(true).append(self.is_continued).truncate(!self.is_continued);
                absent.insert(BufWriter::new(options.open(&self.path)?))
            }
        };
        file.write_all(text)
    }
}

fn csv_lines(row: &Row, rejection: &Rejection, with_header: bool) -> anyhow::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
    let (header, fields): (Vec<&str>, Vec<&str>) = match &row.content {
        Content::Record { header, fields } => {
            let padded = fields.iter().chain(std::iter::repeat("")).take(header.len());
            (header.iter().collect(), padded.collect())
        }
        Content::Broken { text, .. } => (vec!["row"], vec![text]),
        Content::Object(_) => (Vec::new(), Vec::new()),
    };
    if with_header {
        writer.write_record(header.into_iter().chain(COLUMNS))?;
    }
    writer.write_record(fields.into_iter().chain(rejection.fields()))?;
    writer.into_inner().context("writing CSV in memory")
}

fn object(row: &Row, rejection: &Rejection) -> Value {
    let mut object = match &row.content {
        Content::Object(object) => object.clone(),
        Content::Broken { text, .. } => Map::from_iter([("row".to_owned(), json!(text))]),
        Content::Record { .. } => Map::new(),
    };
    let named = COLUMNS.iter().zip(rejection.fields()).filter(|(_, value)| !value.is_empty());
    let why: Map<String, Value> = named.map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    object.insert("rejected".to_owned(), Value::Object(why));
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::super::rows::Rows;
    use super::*;

    fn rejection() -> Rejection {
        let message = "quantity must be an exact decimal".to_owned();
        Rejection {
            reason: "INVALID_QUANTITY".into(),
            field: "quantity".into(),
            message,
            metric: "n".into(),
            ..Rejection::default()
        }
    }

    fn side_text(format: Format, input: &[u8]) -> String {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("side");
        let mut side = SideFile::new(path.clone(), format);
        assert_eq!(side.find_path(), None);
        for row in Rows::new(format, input).unwrap() {
            side.add(&row.unwrap(), &rejection()).unwrap();
        }
        side.flush().unwrap();
        assert_eq!(side.find_path(), Some(path.as_path()));
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_csv_row_keeps_its_columns_and_gains_the_reason() {
        let text = side_text(Format::Csv, b"t,n\r\n2026-01-01 00:00:00,1e3\r\nshort\r\n");
        let expected = "t,n,reason,field,message,metric,id,dead_letter_id\n\
            2026-01-01 00:00:00,1e3,INVALID_QUANTITY,quantity,quantity must be an exact decimal,n,,\n\
            short,,INVALID_QUANTITY,quantity,quantity must be an exact decimal,n,,\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn an_import_that_goes_on_keeps_the_rows_of_before_and_one_that_begins_does_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("side.csv");
        let new = || SideFile::new(path.clone(), Format::Csv);
        let add = |mut side: SideFile, value: &str| {
            let text = format!("n\n{value}\n");
            let row = Rows::new(Format::Csv, text.as_bytes()).unwrap().next().unwrap().unwrap();
            side.add(&row, &rejection()).unwrap();
            side.flush().unwrap();
        };
        let values = || -> Vec<String> {
            let text = fs::read_to_string(&path).unwrap();
            text.lines().map(|line| line.split(',').next().unwrap().to_owned()).collect()
        };
        add(new().continued(), "1");
        assert_eq!(values(), ["n", "1"], "there was none before: it gets its header");
        add(new().continued(), "2");
        assert_eq!(values(), ["n", "1", "2"]);
        add(new(), "3");
        assert_eq!(values(), ["n", "3"]);
    }

    #[test]
    fn a_json_row_gains_an_object_and_a_broken_line_is_kept_as_text() {
        let text = side_text(Format::Ndjson, b"{\"n\": 1.50}\nnot json\n");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines[0]["n"].to_string(), "1.50");
        assert_eq!(lines[0]["rejected"]["reason"], "INVALID_QUANTITY");
        assert_eq!(lines[1]["row"], "not json");
        assert_eq!(lines[1]["rejected"].get("id"), None);
    }
}
