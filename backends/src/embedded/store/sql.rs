//! The SQL of a table, made from its declaration.

use domain::port::Query;
use domain::table::{Column, ColumnType, KeyValue, TABLES, Table};
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, ValueRef};

/// The store's own table, and one for each that is declared.
pub fn schema() -> String {
    let counted =
        "CREATE TABLE counted (generation INTEGER, partition_number INTEGER, position INTEGER NOT NULL,
        PRIMARY KEY (generation, partition_number)) WITHOUT ROWID;\n";
    counted.to_owned() + &tables()
}

/// The declared tables, where they are not there yet: a file of an older build has fewer.
pub fn tables() -> String {
    TABLES.iter().map(|table| create(table)).collect()
}

/// A row per cell, in the order of its key.
fn create(table: &Table) -> String {
    let (name, key) = (table.name, names(keys(table)));
    let columns = listed(keys(table).map(|column| format!("{} {} NOT NULL", quoted(column), kind(column))));
    let (expiry, index) = if table.ttl_seconds.is_some() {
        (
            "expires_at INTEGER NOT NULL,",
            format!("CREATE INDEX IF NOT EXISTS \"{name}_expiry\" ON \"{name}\" (expires_at);\n"),
        )
    } else {
        ("", String::new())
    };
    format!(
        "CREATE TABLE IF NOT EXISTS \"{name}\" ({columns}, write_timestamp INTEGER NOT NULL, value BLOB NOT NULL,
         crc INTEGER NOT NULL, {expiry} PRIMARY KEY ({key})) WITHOUT ROWID;\n{index}"
    )
}

/// Writes a cell where it wins. To be bound: key, timestamp, value, check; where rows expire also the expiry and now,
/// because a row that has expired is as good as gone.
pub fn upsert(table: &Table) -> String {
    let (name, key, count) = (table.name, names(keys(table)), keys(table).count());
    let wins = format!(
        "(excluded.write_timestamp, excluded.value) >= (\"{name}\".write_timestamp, \"{name}\".value)"
    );
    let set = "write_timestamp = excluded.write_timestamp, value = excluded.value, crc = excluded.crc";
    let (columns, marks, set, wins) = if table.ttl_seconds.is_some() {
        let gone = format!("\"{name}\".expires_at <= ?{}", count + 5);
        let set = format!("{set}, expires_at = excluded.expires_at");
        (
            format!("{key}, write_timestamp, value, crc, expires_at"),
            marks(1, count + 4),
            set,
            format!("{gone} OR {wins}"),
        )
    } else {
        (format!("{key}, write_timestamp, value, crc"), marks(1, count + 3), set.into(), wins)
    };
    format!(
        "INSERT INTO \"{name}\" ({columns}) VALUES ({marks}) ON CONFLICT ({key}) DO UPDATE SET {set} WHERE {wins}"
    )
}

/// Raises the highest position that a partition's cells are stamped with.
pub const COUNT: &str = "INSERT INTO counted VALUES (?1, ?2, ?3) ON CONFLICT (generation, partition_number)
    DO UPDATE SET position = excluded.position WHERE excluded.position > counted.position";

/// Removes a step's worth of rows that expired at or before ?1.
pub fn sweep(table: &Table, rows_max: usize) -> String {
    let (name, key) = (table.name, names(keys(table)));
    format!(
        "DELETE FROM \"{name}\" WHERE ({key}) IN
         (SELECT {key} FROM \"{name}\" WHERE expires_at <= ?1 LIMIT {rows_max})"
    )
}

/// A read: its text depends on the shape of the query alone, so that its statement is found again.
pub struct Select {
    /// The text.
    pub sql: String,
    /// For its marks, in their order.
    pub values: Vec<KeyValue>,
}

impl Select {
    /// The cells of a query that come after a key and are alive at `now_ms`.
    pub fn new(query: &Query, after: Option<&[KeyValue]>, now_ms: i64) -> Self {
        let table = query.table.0;
        let selected =
            ["write_timestamp, value, crc".into()].into_iter().chain(table.clustering.iter().map(quoted));
        let sql = format!("SELECT {} FROM \"{}\" WHERE TRUE", listed(selected), table.name);
        let mut select = Self { sql, values: Vec::new() };
        let (fixed, free) = table.clustering.split_at(query.range.prefix.len().min(table.clustering.len()));
        let equal =
            table.partition.iter().zip(&*query.partition).chain(fixed.iter().zip(&query.range.prefix));
        equal.for_each(|(column, value)| select.and(column, "=", value));
        match after {
            Some(after) => select.and_after(free, after.get(fixed.len()..).unwrap_or_default()),
            None => select.and_bound(free, ">=", query.range.from.as_ref()),
        }
        select.and_bound(free, "<", query.range.to.as_ref());
        if table.ttl_seconds.is_some() {
            select.values.push(KeyValue::Timestamp(now_ms));
            // The plus keeps the engine from reading by expiry instead of by key.
            select.push(&format!(" AND +expires_at > ?{}", select.values.len()));
        }
        if !table.clustering.is_empty() {
            select.push(&format!(" ORDER BY {}", names(table.clustering)));
        }
        select
    }

    fn and(&mut self, column: &Column, operator: &str, value: &KeyValue) {
        self.values.push(value.clone());
        self.push(&format!(" AND {} {operator} ?{}", quoted(column), self.values.len()));
    }

    fn and_bound(&mut self, free: &[Column], operator: &str, bound: Option<&KeyValue>) {
        if let (Some(column), Some(bound)) = (free.first(), bound) {
            self.and(column, operator, bound);
        }
    }

    fn and_after(&mut self, free: &[Column], after: &[KeyValue]) {
        if free.is_empty() {
            self.push(" AND FALSE");
            return;
        }
        let marks = marks(self.values.len() + 1, free.len());
        self.values.extend_from_slice(after);
        self.push(&format!(" AND ({}) > ({marks})", names(free)));
    }

    fn push(&mut self, text: &str) {
        self.sql.push_str(text);
    }
}

/// The partition keys of a table in their order, those after the one that is bound.
pub fn partitions_after(table: &Table, is_bound: bool, keys_max: usize) -> String {
    let (name, key, marks) = (table.name, names(table.partition), marks(1, table.partition.len()));
    let after = if is_bound { format!("WHERE ({key}) > ({marks})") } else { String::new() };
    format!("SELECT DISTINCT {key} FROM \"{name}\" {after} ORDER BY {key} LIMIT {keys_max}")
}

/// A key value as the engine takes it.
pub struct Bound<'a>(pub &'a KeyValue);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            KeyValue::Text(text) => ValueRef::Text(text.as_bytes()),
            KeyValue::Int(number) | KeyValue::Timestamp(number) => ValueRef::Integer(*number),
            KeyValue::Blob(blob) => ValueRef::Blob(blob),
        }))
    }
}

fn keys(table: &Table) -> impl Iterator<Item = &Column> {
    table.partition.iter().chain(table.clustering)
}

fn kind(column: &Column) -> &'static str {
    match column.kind {
        ColumnType::Text => "TEXT",
        ColumnType::Int | ColumnType::Timestamp => "INTEGER",
        ColumnType::Blob => "BLOB",
    }
}

fn names<'a>(columns: impl IntoIterator<Item = &'a Column>) -> String {
    listed(columns.into_iter().map(quoted))
}

fn quoted(column: &Column) -> String {
    format!("\"{}\"", column.name)
}

fn marks(first: usize, count: usize) -> String {
    listed((first..first + count).map(|index| format!("?{index}")))
}

fn listed(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::embedded::file;
    use domain::port::ClusteringRange;
    use domain::table::{AGGREGATE, LEDGER};
    use rusqlite::{Connection, StatementStatus};

    #[test]
    fn a_table_that_is_declared_later_is_made_in_an_older_file_and_the_others_stay() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&schema()).unwrap();
        let older = "DROP TABLE catalog_head; DROP TABLE ledger;
            INSERT INTO worker_checkpoint VALUES ('w', 't', 0, 1, x'00', 0);";
        connection.execute_batch(older).unwrap();
        let count = |table: &str| {
            let sql = format!("SELECT count(*) FROM {table}");
            connection.query_row(&sql, (), |row| row.get::<_, i64>(0)).ok()
        };
        assert_eq!(count("catalog_head"), None);
        for _ in 0..2 {
            connection.execute_batch(&tables()).unwrap();
            let counts = [count("catalog_head"), count("ledger"), count("worker_checkpoint")];
            assert_eq!(counts, [Some(0), Some(0), Some(1)]);
        }
    }

    /// How the engine would carry a read out.
    fn plan(select: &Select) -> String {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(&schema()).unwrap();
        let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {}", select.sql)).unwrap();
        let values = rusqlite::params_from_iter(select.values.iter().map(Bound));
        let steps = explain.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        steps.collect::<rusqlite::Result<Vec<_>>>().unwrap().join("; ")
    }

    #[test]
    fn a_read_goes_by_key_and_sorts_nothing_also_when_it_resumes() {
        let ledger = Query::all(&LEDGER, [1, 2, 3, 4].map(KeyValue::Int));
        let first = plan(&Select::new(&ledger, None, 0));
        assert_eq!(
            first,
            "SEARCH ledger USING PRIMARY KEY (generation=? AND partition_number=? AND bucket=? AND slice=?)"
        );
        let resumed = plan(&Select::new(&ledger, Some(&[KeyValue::Int(9)]), 0));
        assert_eq!(resumed, first.replace("slice=?", "slice=? AND block>?"));
    }

    #[test]
    fn a_read_is_prepared_once_whatever_it_asks() {
        let connection = Connection::open_in_memory().unwrap();
        file::keep_statements(&connection).unwrap();
        connection.execute_batch(&schema()).unwrap();
        for prepared_again in ["acme", "globex", "initech"].map(|tenant| {
            let query = Query::all(&AGGREGATE, [tenant, "2026-01-01"].map(KeyValue::text));
            let select = Select::new(&query, None, 0);
            let mut statement = connection.prepare_cached(&select.sql).unwrap();
            let values = rusqlite::params_from_iter(select.values.iter().map(Bound));
            assert!(!statement.exists(values).unwrap());
            statement.get_status(StatementStatus::RePrepare)
        }) {
            assert_eq!(prepared_again, 0);
        }
    }

    #[test]
    fn a_read_within_a_prefix_resumes_within_it() {
        let prefix = ["tokens", "token"].map(KeyValue::text).to_vec();
        let range = ClusteringRange { prefix, ..ClusteringRange::default() };
        let query = Query::all(&AGGREGATE, ["acme", "2026-01-01"].map(KeyValue::text).to_vec()).within(range);
        let mut after = ["tokens", "token", "group"].map(KeyValue::text).to_vec();
        after.extend([KeyValue::Timestamp(0), KeyValue::text(""), KeyValue::Int(1), KeyValue::Int(0)]);
        let plan = plan(&Select::new(&query, Some(&after), 0));
        assert!(
            plan.starts_with(
                "SEARCH aggregate USING PRIMARY KEY (tenant=? AND day=? AND sku=? AND unit=? AND ("
            ),
            "{plan}"
        );
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}
