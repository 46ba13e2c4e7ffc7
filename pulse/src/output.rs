//! Data for standard output: as a table, as JSON or as CSV. Talk goes to standard error.

use anyhow::Context;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Map, Value, json};
use std::io::{self, Write};

/// How data is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns for people.
    #[default]
    Table,
    /// The answer as it is.
    Json,
    /// Comma-separated values with a header.
    Csv,
}

/// Objects of one kind, and the columns they are shown in.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing<'a> {
    /// The columns that come first, in this order; CSV has them whatever the objects say, a table only where one fills
    /// them. Others follow where their values are, lists in CSV only.
    pub columns: &'a [&'a str],
    /// The objects.
    pub items: &'a [Value],
    /// What JSON output shows.
    pub whole: &'a Value,
}

impl Format {
    /// The text of a listing, with a line end.
    pub fn render(self, listing: &Listing<'_>) -> anyhow::Result<String> {
        match self {
            Self::Json => Ok(format!("{}\n", serde_json::to_string_pretty(listing.whole)?)),
            Self::Csv => csv_text(&Grid::stable(listing)),
            Self::Table if listing.items.is_empty() => Ok(String::new()),
            Self::Table => Ok(table(&Grid::filled(listing))),
        }
    }

    /// Writes a listing to standard output; an empty table says so beside it.
    pub fn print(self, listing: &Listing<'_>) -> anyhow::Result<()> {
        if self == Self::Table && listing.items.is_empty() {
            eprintln!("nothing found");
        }
        print(&self.render(listing)?)
    }
}

/// Writes to standard output; a reader that has gone is no failure.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.context("writing to standard output"),
    }
}

/// Talk, on standard error.
pub fn say(line: impl AsRef<str>) {
    eprintln!("{}", line.as_ref());
}

/// Writes one object field by field: a row each in tables and CSV.
pub fn print_fields(format: Format, object: &Value) -> anyhow::Result<()> {
    let row = |(name, value): (&String, &Value)| json!({"field": name, "value": text(value)});
    let items: Vec<Value> = flatten(object, &|_| false).iter().map(row).collect();
    format.print(&Listing { columns: &["field", "value"], items: &items, whole: object })
}

/// A bar on standard error that shows `counts` (a template of `indicatif`); it hides where that is no terminal.
pub fn progress(length: u64, verb: &'static str, counts: &str) -> ProgressBar {
    styled(ProgressBar::new(length).with_message(verb), &format!("{{msg}} {{wide_bar}} {counts} {{eta}}"))
}

/// The same for what has no known end: how much there is by now.
pub fn counter(verb: &'static str) -> ProgressBar {
    styled(ProgressBar::no_length().with_message(verb), "{spinner} {msg} {human_pos}")
}

fn styled(bar: ProgressBar, template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template);
    style.map_or(bar.clone(), |style| bar.with_style(style))
}

/// Flattened objects in columns.
struct Grid {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Grid {
    /// For programs: all columns that are named, an object whole where a column has its name.
    fn stable(listing: &Listing<'_>) -> Self {
        let named = |name: &str| listing.columns.contains(&name);
        let flat: Vec<_> = listing.items.iter().map(|item| flatten(item, &named)).collect();
        let header = listing.columns.iter().map(ToString::to_string).collect();
        Self::new(header, &flat, |_| true)
    }

    /// For people: the columns that say something, without lists.
    fn filled(listing: &Listing<'_>) -> Self {
        let flat: Vec<_> = listing.items.iter().map(|item| flatten(item, &|_| false)).collect();
        let filled = |name: &&&str| flat.iter().any(|row| row.contains_key(**name));
        let header = listing.columns.iter().filter(filled).map(ToString::to_string).collect();
        Self::new(header, &flat, |value| !value.is_array())
    }

    /// A column nobody named is shown where its value is.
    fn new(mut header: Vec<String>, flat: &[Map<String, Value>], is_shown: fn(&Value) -> bool) -> Self {
        for (name, value) in flat.iter().flatten() {
            if !header.contains(name) && is_shown(value) {
                header.push(name.clone());
            }
        }
        let cells = |row: &Map<String, Value>| {
            header.iter().map(|name| row.get(name).map(text).unwrap_or_default()).collect()
        };
        let rows = flat.iter().map(cells).collect();
        Self { header, rows }
    }
}

/// An object whose nested objects' fields are named `outer.inner`, but for those that stay whole.
fn flatten(item: &Value, stays_whole: &dyn Fn(&str) -> bool) -> Map<String, Value> {
    let mut flat = Map::new();
    for (name, value) in item.as_object().into_iter().flatten() {
        match value {
            Value::Object(_) if !stays_whole(name) => {
                let inner = flatten(value, &|_| false).into_iter();
                flat.extend(inner.map(|(inner, value)| (format!("{name}.{inner}"), value)));
            }
            Value::Null => {}
            _ => drop(flat.insert(name.clone(), value.clone())),
        }
    }
    flat
}

/// A value as people read it: texts without quotes.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Columns apart by two spaces, without lines: easy on the eye and on `awk`.
fn table(grid: &Grid) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(&grid.header).add_rows(&grid.rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    format!("{}\n", table.trim_fmt())
}

fn csv_text(grid: &Grid) -> anyhow::Result<String> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&grid.header)?;
    for row in &grid.rows {
        writer.write_record(row)?;
    }
    let bytes = writer.into_inner().context("writing CSV in memory")?;
    String::from_utf8(bytes).context("writing CSV as UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(format: Format) -> String {
        let items = [
            json!({"quantity": "1.5", "group": {"sku": "llm.input"}, "count": "2", "amount": null, "reported": []}),
            json!({"quantity": "7", "group": {"sku": "a,b"}, "other": true}),
        ];
        let whole = json!({"items": items});
        format
            .render(&Listing { columns: &["group.sku", "missing", "quantity"], items: &items, whole: &whole })
            .unwrap()
    }

    #[test]
    fn csv_flattens_and_orders_columns_and_quotes_commas() {
        assert_eq!(
            render(Format::Csv),
            "group.sku,missing,quantity,count,reported,other\nllm.input,,1.5,2,[],\n\"a,b\",,7,,,true\n"
        );
    }

    #[test]
    fn csv_has_the_same_columns_whatever_there_is() {
        let columns = ["id", "payload", "replayed_time"];
        let head = |items: &[Value]| {
            let csv = Format::Csv.render(&Listing { columns: &columns, items, whole: &Value::Null }).unwrap();
            csv.lines().next().unwrap().to_owned()
        };
        let letters =
            [json!({"id": "a", "payload": {"sku": "x"}}), json!({"id": "b", "payload": {"unit": "y"}})];
        for items in [&[][..], &letters[..1], &letters] {
            assert_eq!(head(items), "id,payload,replayed_time");
        }
    }

    #[test]
    fn json_is_the_answer_as_it_is() {
        let value: Value = serde_json::from_str(&render(Format::Json)).unwrap();
        assert_eq!(value["items"][0]["group"]["sku"], "llm.input");
        assert_eq!(value["items"][0]["amount"], Value::Null);
    }

    #[test]
    fn a_table_shows_every_cell() {
        let table = render(Format::Table);
        for cell in ["group.sku", "llm.input", "1.5", "a,b", "true"] {
            assert!(table.contains(cell), "{table}");
        }
        assert!(!table.contains("missing") && !table.contains("reported"), "{table}");
    }
}
