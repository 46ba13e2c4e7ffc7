//! What the cluster says that a keyspace is.

use crate::scylla::OpenError;
use scylla::client::session::Session;
use scylla::deserialize::row::DeserializeRow;
use std::collections::BTreeMap;

/// Parameters of a setting, by name.
pub type Parameters = BTreeMap<String, String>;

/// A keyspace, as it is.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its own settings; nothing where it is not there.
    pub keyspace: Option<Keyspace>,
    /// Its tables, by name.
    pub tables: BTreeMap<String, Table>,
}

/// The settings of a keyspace.
#[derive(Clone, Debug)]
pub struct Keyspace {
    /// The strategy's class and its parameters.
    pub replication: Parameters,
    /// Whether its writes go through the commit log.
    pub durable_writes: bool,
}

/// A table, as it is.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Its columns, in words: see [`columns`].
    pub columns: String,
    /// The strategy's class and its parameters.
    pub compaction: Parameters,
    /// The compressor and its parameters.
    pub compression: Parameters,
    /// Seconds after which a row goes; 0 is never.
    pub default_time_to_live: i32,
    /// Seconds for which the mark of what is gone is kept.
    pub gc_grace_seconds: i32,
    /// What it says to people.
    pub comment: String,
}

/// A column: its kind, its place among those of its kind, then name, type and order.
type Column = (String, i32, String, String, String);

/// Looks at a keyspace.
pub async fn see(session: &Session, name: &str) -> Result<Seen, OpenError> {
    let keyspaces: Vec<(Parameters, bool)> =
        rows(session, "replication, durable_writes FROM system_schema.keyspaces", name).await?;
    let found: Vec<(String, String, i32, String, String, String)> = rows(
        session,
        "table_name, kind, position, column_name, type, clustering_order FROM system_schema.columns",
        name,
    )
    .await?;
    let mut of_table: BTreeMap<String, Vec<Column>> = BTreeMap::new();
    for (table, kind, position, column, cql_type, order) in found {
        of_table.entry(table).or_default().push((kind, position, column, cql_type, order));
    }
    let found: Vec<(String, Parameters, Parameters, i32, i32, String)> = rows(
        session,
        "table_name, compaction, compression, default_time_to_live, gc_grace_seconds, comment \
         FROM system_schema.tables",
        name,
    )
    .await?;
    let table = |(name, compaction, compression, default_time_to_live, gc_grace_seconds, comment)| {
        let columns = columns(of_table.remove(&name).unwrap_or_default());
        let table =
            Table { columns, compaction, compression, default_time_to_live, gc_grace_seconds, comment };
        (name, table)
    };
    let tables = found.into_iter().map(table).collect();
    let keyspace = keyspaces.into_iter().next();
    let keyspace = keyspace.map(|(replication, durable_writes)| Keyspace { replication, durable_writes });
    Ok(Seen { keyspace, tables })
}

async fn rows<R>(session: &Session, selected: &str, keyspace: &str) -> Result<Vec<R>, OpenError>
where
    R: for<'frame, 'metadata> DeserializeRow<'frame, 'metadata>,
{
    let statement = format!("SELECT {selected} WHERE keyspace_name = ?");
    let answer = session.query_unpaged(statement.as_str(), (keyspace,)).await;
    let result = answer.map_err(|error| OpenError::refused(&statement, &error))?.into_rows_result();
    let result = result.map_err(|error| OpenError::refused(&statement, &error))?;
    let rows = result.rows::<R>().map_err(|error| OpenError::refused(&statement, &error))?;
    rows.map(|row| row.map_err(|error| OpenError::refused(&statement, &error))).collect()
}

/// The columns of a table in words: `partition_key tenant text, clustering period text, regular value blob`. An order
/// that is not ascending follows its type.
fn columns(mut columns: Vec<Column>) -> String {
    let rank = |kind: &str| {
        ["partition_key", "clustering", "static", "regular"].iter().position(|name| *name == kind)
    };
    columns.sort_by_key(|(kind, position, name, ..)| (rank(kind), *position, name.clone()));
    let column = |(kind, _, name, cql_type, order): Column| {
        let order = if order == "desc" { " desc" } else { "" };
        format!("{kind} {name} {cql_type}{order}")
    };
    columns.into_iter().map(column).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_told_by_kind_and_place_whatever_order_they_come_in() {
        let column = |kind: &str, position, name: &str, cql_type: &str, order: &str| -> Column {
            (kind.to_owned(), position, name.to_owned(), cql_type.to_owned(), order.to_owned())
        };
        let told = columns(vec![
            column("regular", -1, "value", "blob", "none"),
            column("clustering", 1, "hour", "timestamp", "desc"),
            column("partition_key", 1, "day", "text", "none"),
            column("clustering", 0, "sku", "text", "asc"),
            column("partition_key", 0, "tenant", "text", "none"),
        ]);
        let expected = "partition_key tenant text, partition_key day text, clustering sku text, \
                        clustering hour timestamp desc, regular value blob";
        assert_eq!(told, expected);
    }
}
