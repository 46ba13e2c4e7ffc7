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
        let prefix = range.prefix.len().min(query.table.clustering.len());
        let is_whole = prefix == query.table.clustering.len();
        Self { prefix, from: range.from.is_some() && !is_whole, to: range.to.is_some() && !is_whole }
    }

    /// What a query of this shape binds: partition key, prefix, bounds.
    pub fn values(self, query: &Query) -> impl Iterator<Item = &KeyValue> {
        let range = &query.range;
        let bounds = [range.from.as_ref().filter(|_| self.from), range.to.as_ref().filter(|_| self.to)];
        query.partition.iter().chain(&range.prefix[..self.prefix]).chain(bounds.into_iter().flatten())
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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::port::ClusteringRange;
    use domain::table::{CHARGE, CHECKPOINT, PAGE, TABLES};
    use std::collections::HashSet;

    const SELECT: &str = "SELECT \"record_offset\", \"part\", WRITETIME(\"value\"), \"value\" FROM ks.\"page\" \
        WHERE \"generation\" = ? AND \"partition_number\" = ? AND \"page\" = ?";

    /// The text of a read of pages, and what it binds.
    fn read(range: ClusteringRange) -> (String, Vec<i64>) {
        let query = Query::all(&PAGE, vec![1_i64.into(), 2_i64.into(), 3_i64.into()]).within(range);
        let shape = Shape::of(&query);
        let bound = shape.values(&query).filter_map(KeyValue::as_int).collect();
        (select("ks", &PAGE, shape).replace(SELECT, "…"), bound)
    }

    fn range(prefix: &[i64], from: Option<i64>, to: Option<i64>) -> ClusteringRange {
        let prefix = prefix.iter().map(|number| KeyValue::Int(*number)).collect();
        ClusteringRange { prefix, from: from.map(KeyValue::Int), to: to.map(KeyValue::Int) }
    }

    #[test]
    fn a_table_has_its_partition_key_in_brackets_and_one_value() {
        assert_eq!(
            create("ks", &CHARGE, "gc_grace_seconds = 1"),
            "CREATE TABLE IF NOT EXISTS ks.\"charge\" (\"tenant\" text, \"period\" text, \"value\" blob, \
             PRIMARY KEY ((\"tenant\"), \"period\")) WITH gc_grace_seconds = 1"
        );
        let alone = create("ks", &CHECKPOINT, "");
        assert!(alone.contains("PRIMARY KEY ((\"generation\", \"partition_number\"))"), "{alone}");
    }

    #[test]
    fn every_insert_says_its_timestamp_last() {
        assert_eq!(
            insert("ks", &CHARGE),
            "INSERT INTO ks.\"charge\" (\"tenant\", \"period\", \"value\") VALUES (?, ?, ?) USING TIMESTAMP ?"
        );
        for table in TABLES {
            let text = insert("ks", table);
            let marks = text.matches('?').count();
            assert_eq!(marks, table.partition.len() + table.clustering.len() + 2, "{text}");
            assert!(text.ends_with(" USING TIMESTAMP ?"), "{text}");
        }
    }

    #[test]
    fn a_read_binds_the_partition_key_the_prefix_and_the_bounds_of_the_column_after_it() {
        assert_eq!(read(range(&[], None, None)), ("…".to_owned(), vec![1, 2, 3]));
        let (text, bound) = read(range(&[], Some(4), Some(5)));
        assert_eq!(text, "… AND \"record_offset\" >= ? AND \"record_offset\" < ?");
        assert_eq!(bound, [1, 2, 3, 4, 5]);
        let (text, bound) = read(range(&[4], None, Some(6)));
        assert_eq!(text, "… AND \"record_offset\" = ? AND \"part\" < ?");
        assert_eq!(bound, [1, 2, 3, 4, 6]);
    }

    #[test]
    fn nothing_is_bounded_after_the_whole_key() {
        let (text, bound) = read(range(&[4, 5], Some(6), Some(7)));
        assert_eq!(text, "… AND \"record_offset\" = ? AND \"part\" = ?");
        assert_eq!(bound, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn every_shape_a_query_can_have_is_among_those_of_its_table() {
        for table in TABLES {
            let shapes: HashSet<Shape> = Shape::all(table).collect();
            let mut asked = HashSet::new();
            for prefix in 0..=table.clustering.len() {
                for bounds in 0..4 {
                    let bound = |is_there: bool| is_there.then_some(9);
                    let range = range(&vec![0; prefix], bound(bounds & 1 > 0), bound(bounds & 2 > 0));
                    asked.insert(Shape::of(&Query::all(table, Vec::new()).within(range)));
                }
            }
            assert_eq!(asked, shapes, "{}", table.name);
            assert_eq!(shapes.len(), 4 * table.clustering.len() + 1, "{}", table.name);
        }
    }
}
