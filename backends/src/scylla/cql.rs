//! The CQL of a table, made from its declaration.

use domain::port::Query;
use domain::table::{Column, ColumnType, KeyValue, Table};

/// The name of a table within its keyspace, as statements say it.
pub fn qualified(keyspace: &str, table: &Table) -> String {
    format!("{keyspace}.\"{}\"", table.name)
}

/// A row for each cell, in the order of its key.
pub fn create(keyspace: &str, table: &Table, options: &str) -> String {
    let columns = listed(keys(table).map(|column| format!("\"{}\" {}", column.name, kind(column.kind))));
    let key = match table.clustering {
        [] => format!("({})", names(table.partition)),
        clustering => format!("({}), {}", names(table.partition), names(clustering)),
    };
    let name = qualified(keyspace, table);
    format!(
        "CREATE TABLE IF NOT EXISTS {name} ({columns}, \"value\" blob, PRIMARY KEY ({key})) WITH {options}"
    )
}

/// Writes a cell. To be bound: key, value, timestamp. The timestamp stands in the text, because one that is set on a
/// statement within a batch is ignored.
pub fn insert(keyspace: &str, table: &Table) -> String {
    let (name, columns) = (qualified(keyspace, table), names(keys(table)));
    let marks = listed(keys(table).map(|_| "?".to_owned()));
    format!("INSERT INTO {name} ({columns}, \"value\") VALUES ({marks}, ?) USING TIMESTAMP ?")
}

/// The shape of a read: what its text depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Shape {
    prefix: usize,
    from: bool,
    to: bool,
}

impl Shape {
    /// The shape of a query. Where the prefix is the whole key, there is nothing left to bound.
    pub fn of(query: &Query) -> Self {
        let range = &query.range;
        let is_whole = range.prefix.len() == query.table.clustering.len();
        Self {
            prefix: range.prefix.len(),
            from: range.from.is_some() && !is_whole,
            to: range.to.is_some() && !is_whole,
        }
    }

    /// What a query of this shape binds: partition key, prefix, bounds.
    pub fn values(self, query: &Query) -> impl Iterator<Item = &KeyValue> {
        let range = &query.range;
        let bounds = [range.from.as_ref().filter(|_| self.from), range.to.as_ref().filter(|_| self.to)];
        query.partition.iter().chain(&range.prefix).chain(bounds.into_iter().flatten())
    }

    /// All shapes of a table's reads.
    pub fn all(table: &Table) -> impl Iterator<Item = Self> {
        let columns = table.clustering.len();
        let bounds = [(false, false), (true, false), (false, true), (true, true)];
        (0..=columns).flat_map(move |prefix| {
            let bounds = bounds.into_iter().take(if prefix == columns { 1 } else { bounds.len() });
            bounds.map(move |(from, to)| Self { prefix, from, to })
        })
    }
}

/// Reads cells: their clustering columns, then timestamp and value. To be bound: [`Shape::values`].
pub fn select(keyspace: &str, table: &Table, shape: Shape) -> String {
    let selected = table.clustering.iter().map(quoted);
    let selected = listed(selected.chain(["WRITETIME(\"value\")".to_owned(), "\"value\"".to_owned()]));
    let (fixed, free) = table.clustering.split_at(shape.prefix);
    let equal = table.partition.iter().chain(fixed).map(|column| format!("{} = ?", quoted(column)));
    let bound = |is_there: bool, operator: &str| {
        free.first().filter(|_| is_there).map(|column| format!("{} {operator} ?", quoted(column)))
    };
    let conditions: Vec<String> = equal.chain(bound(shape.from, ">=")).chain(bound(shape.to, "<")).collect();
    format!("SELECT {selected} FROM {} WHERE {}", qualified(keyspace, table), conditions.join(" AND "))
}

/// The name of a type.
pub fn kind(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Int => "bigint",
        ColumnType::Timestamp => "timestamp",
        ColumnType::Blob => "blob",
    }
}

fn keys(table: &Table) -> impl Iterator<Item = &Column> {
    table.partition.iter().chain(table.clustering)
}

fn names<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    listed(columns.into_iter().map(quoted))
}

fn quoted(column: &Column) -> String {
    format!("\"{}\"", column.name)
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}
