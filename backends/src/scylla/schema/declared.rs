//! What must be, and what of it is not.

use super::seen::{Keyspace, Parameters, Seen, Table as SeenTable};
use super::{Finding, Mend};
use crate::scylla::{ScyllaOptions, cql};
use domain::table::{TABLES, Table};

/// The strategy that knows datacentres.
const STRATEGY: &str = "NetworkTopologyStrategy";
/// Where nothing expires, only people delete: the engines' own ten days to bring a deletion everywhere.
const GC_GRACE_SECONDS: i64 = 864_000;
/// What expires does so on every replica by itself. A day is longer than any hint is kept for a node that was away.
const GC_GRACE_SECONDS_EXPIRING: i64 = 86_400;
/// For people who open the table in a shell.
const COMMENT: &str =
    "cells of pulse: never write one without USING TIMESTAMP, it would outlive what is counted";

/// A setting of a table.
struct Setting {
    name: &'static str,
    /// As a statement sets it.
    literal: String,
    /// As the cluster shows it: any of these is right, the first is ours.
    accepted: Vec<String>,
    /// As it is shown.
    shown: fn(&SeenTable) -> String,
}

/// The settings of a table. Time-window compaction is none of them: it sorts by write timestamps, and ours are no times.
fn settings(table: &Table) -> [Setting; 5] {
    let expires = table.ttl_seconds.is_some();
    let grace = if expires { GC_GRACE_SECONDS_EXPIRING } else { GC_GRACE_SECONDS };
    let number = |name, value: i64, shown| Setting {
        name,
        literal: value.to_string(),
        accepted: vec![value.to_string()],
        shown,
    };
    [
        Setting {
            name: "compaction",
            literal: "{'class': 'SizeTieredCompactionStrategy'}".to_owned(),
            accepted: ["SizeTieredCompactionStrategy", "IncrementalCompactionStrategy"]
                .map(str::to_owned)
                .to_vec(),
            shown: |table| class(&table.compaction),
        },
        Setting {
            name: "compression",
            literal: "{'sstable_compression': 'LZ4Compressor'}".to_owned(),
            accepted: [
                "LZ4Compressor",
                "LZ4WithDictsCompressor",
                "ZstdCompressor",
                "ZstdWithDictsCompressor",
            ]
            .map(str::to_owned)
            .to_vec(),
            shown: |table| class(&table.compression),
        },
        number("default_time_to_live", table.ttl_seconds.unwrap_or(0), |table| {
            table.default_time_to_live.to_string()
        }),
        number("gc_grace_seconds", grace, |table| table.gc_grace_seconds.to_string()),
        Setting {
            name: "comment",
            literal: format!("'{COMMENT}'"),
            accepted: vec![COMMENT.to_owned()],
            shown: |table| table.comment.clone(),
        },
    ]
}

/// The class among parameters, without its package.
fn class(parameters: &Parameters) -> String {
    let class = parameters.get("class").or_else(|| parameters.get("sstable_compression"));
    class
        .and_then(|class| class.rsplit('.').next())
        .filter(|class| !class.is_empty())
        .unwrap_or("none")
        .to_owned()
}

/// Everything that is not as it must be, the keyspace first.
pub fn findings(seen: &Seen, options: &ScyllaOptions) -> Vec<Finding> {
    let of_tables = TABLES.iter().flat_map(|table| match seen.tables.get(table.name) {
        Some(seen) => of_table(table, seen, &options.keyspace),
        None => vec![absent(table.name.to_owned(), create(&options.keyspace, table))],
    });
    of_keyspace(seen.keyspace.as_ref(), options).into_iter().chain(of_tables).collect()
}

fn absent(place: String, statement: String) -> Finding {
    let (is, must_be) = ("absent".to_owned(), "there".to_owned());
    Finding { place, setting: "existence", is, must_be, mend: Mend::Statement(statement) }
}

fn create(keyspace: &str, table: &Table) -> String {
    let options = settings(table).map(|setting| format!("{} = {}", setting.name, setting.literal));
    cql::create(keyspace, table, &options.join(" AND "))
}

fn of_keyspace(seen: Option<&Keyspace>, options: &ScyllaOptions) -> Vec<Finding> {
    let ScyllaOptions { keyspace: name, replication: factor, .. } = options;
    let replication = format!("replication = {{'class': '{STRATEGY}', 'replication_factor': {factor}}}");
    let Some(seen) = seen else {
        let statement =
            format!("CREATE KEYSPACE IF NOT EXISTS {name} WITH {replication} AND durable_writes = true");
        return vec![absent(format!("keyspace {name}"), statement)];
    };
    let finding = |setting, is: String, must_be: String, mend| Finding {
        place: format!("keyspace {name}"),
        setting,
        is,
        must_be,
        mend,
    };
    let factors = || seen.replication.iter().filter(|(name, _)| *name != "class");
    let is_enough = |shown: &str| shown.parse::<u32>().is_ok_and(|shown| shown >= *factor);
    let is_replicated = class(&seen.replication) == STRATEGY
        && factors().count() > 0
        && factors().all(|(_, shown)| is_enough(shown));
    let mut findings = Vec::new();
    if !is_replicated {
        let shown: Vec<String> =
            seen.replication.iter().map(|(name, value)| format!("{name} {value}")).collect();
        findings.push(finding(
            "replication",
            shown.join(", "),
            format!("{STRATEGY} with a factor of at least {factor} in every datacentre"),
            Mend::ByHand(format!(
                "run ALTER KEYSPACE {name} WITH {replication}, then `nodetool repair {name}`"
            )),
        ));
    }
    if !seen.durable_writes {
        let statement = format!("ALTER KEYSPACE {name} WITH durable_writes = true");
        findings.push(finding("durable_writes", "false".into(), "true".into(), Mend::Statement(statement)));
    }
    findings
}

fn of_table(table: &Table, seen: &SeenTable, keyspace: &str) -> Vec<Finding> {
    let finding = |setting, is: String, must_be: String, mend| Finding {
        place: table.name.to_owned(),
        setting,
        is,
        must_be,
        mend,
    };
    let columns = columns(table);
    let altered = (seen.columns != columns).then(|| {
        let mend = "the columns of a table never change: name another keyspace".to_owned();
        finding("columns", seen.columns.clone(), columns, Mend::ByHand(mend))
    });
    let wrong = settings(table).into_iter().filter_map(|setting| {
        let is = (setting.shown)(seen);
        let name = cql::qualified(keyspace, table);
        let statement = format!("ALTER TABLE {name} WITH {} = {}", setting.name, setting.literal);
        let must_be = setting.accepted.join(" or ");
        (!setting.accepted.contains(&is))
            .then(|| finding(setting.name, is, must_be, Mend::Statement(statement)))
    });
    altered.into_iter().chain(wrong).collect()
}

/// The columns of a declaration, in the words of what is seen.
fn columns(table: &Table) -> String {
    let keys = [("partition_key", table.partition), ("clustering", table.clustering)];
    let keys = keys.into_iter().flat_map(|(kind, columns)| {
        columns.iter().map(move |column| format!("{kind} {} {}", column.name, cql::kind(column.kind)))
    });
    keys.chain(["regular value blob".to_owned()]).collect::<Vec<_>>().join(", ")
}
