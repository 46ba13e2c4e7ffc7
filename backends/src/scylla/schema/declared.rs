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
    /// As a statement sets it; none where the engines differ in how, and their own default is right.
    literal: Option<String>,
    /// As the cluster shows it: any of these is right, the first is ours.
    accepted: Vec<String>,
    /// As it is shown.
    shown: fn(&SeenTable) -> String,
}

impl Setting {
    fn assignment(&self) -> Option<String> {
        self.literal.as_ref().map(|literal| format!("{} = {literal}", self.name))
    }

    fn mend(&self, table: &str) -> Mend {
        match self.assignment() {
            Some(assignment) => Mend::Statement(format!("ALTER TABLE {table} WITH {assignment}")),
            None => Mend::ByHand(format!(
                "run ALTER TABLE {table} WITH {} = {{'class': '{}'}}, where ScyllaDB says 'sstable_{}' for 'class'",
                self.name, self.accepted[0], self.name
            )),
        }
    }
}

/// The settings of a table. Time-window compaction is none of them: it sorts by write timestamps, and ours are no times.
fn settings(table: &Table) -> [Setting; 5] {
    let expires = table.ttl_seconds.is_some();
    let grace = if expires { GC_GRACE_SECONDS_EXPIRING } else { GC_GRACE_SECONDS };
    let number = |name, value: i64, shown| Setting {
        name,
        literal: Some(value.to_string()),
        accepted: vec![value.to_string()],
        shown,
    };
    [
        Setting {
            name: "compaction",
            literal: Some("{'class': 'SizeTieredCompactionStrategy'}".to_owned()),
            accepted: ["SizeTieredCompactionStrategy", "IncrementalCompactionStrategy"]
                .map(str::to_owned)
                .to_vec(),
            shown: |table| class(&table.compaction),
        },
        Setting {
            name: "compression",
            literal: None,
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
            literal: Some(format!("'{COMMENT}'")),
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
    let options = settings(table).into_iter().filter_map(|setting| setting.assignment());
    cql::create(keyspace, table, &options.collect::<Vec<_>>().join(" AND "))
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
    let name = cql::qualified(keyspace, table);
    let wrong = settings(table).into_iter().filter_map(|setting| {
        let is = (setting.shown)(seen);
        let is_right = setting.accepted.contains(&is);
        let mend = setting.mend(&name);
        (!is_right).then(|| finding(setting.name, is, setting.accepted.join(" or "), mend))
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

#[cfg(test)]
mod tests {
    use super::*;
    use domain::table::{CHARGE, LEDGER};

    fn parameters(pairs: &[(&str, &str)]) -> Parameters {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    fn replicated(pairs: &[(&str, &str)]) -> Keyspace {
        Keyspace { replication: parameters(pairs), durable_writes: true }
    }

    /// A keyspace as it must be, in the words of Cassandra.
    fn right() -> Seen {
        let package = "org.apache.cassandra";
        let strategy = format!("{package}.locator.{STRATEGY}");
        let table = |table: &&Table| SeenTable {
            columns: columns(table),
            compaction: parameters(&[(
                "class",
                &format!("{package}.db.compaction.SizeTieredCompactionStrategy"),
            )]),
            compression: parameters(&[("class", &format!("{package}.io.compress.LZ4Compressor"))]),
            default_time_to_live: i32::try_from(table.ttl_seconds.unwrap_or(0)).unwrap(),
            gc_grace_seconds: if table.ttl_seconds.is_some() { 86_400 } else { 864_000 },
            comment: COMMENT.to_owned(),
        };
        Seen {
            keyspace: Some(replicated(&[("class", &strategy), ("here", "3"), ("there", "3")])),
            tables: TABLES.iter().map(|declared| (declared.name.to_owned(), table(declared))).collect(),
        }
    }

    fn found(seen: &Seen) -> Vec<Finding> {
        findings(
            seen,
            &ScyllaOptions { keyspace: "ks".to_owned(), replication: 3, ..ScyllaOptions::default() },
        )
    }

    /// The one finding after a table was changed, as people read it.
    fn after(table: &Table, change: impl FnOnce(&mut SeenTable)) -> String {
        let mut seen = right();
        change(seen.tables.get_mut(table.name).unwrap());
        let found = found(&seen);
        assert_eq!(found.len(), 1, "{found:?}");
        found[0].to_string()
    }

    #[test]
    fn what_is_right_has_no_finding() {
        assert_eq!(found(&right()), []);
    }

    #[test]
    fn in_an_empty_cluster_everything_is_absent_and_one_statement_each_makes_it() {
        let found = found(&Seen::default());
        assert_eq!(found.len(), 1 + TABLES.len());
        assert_eq!(
            found[0].to_string(),
            "keyspace ks: existence is absent, must be there; run CREATE KEYSPACE IF NOT EXISTS ks WITH \
             replication = {'class': 'NetworkTopologyStrategy', 'replication_factor': 3} AND durable_writes = true"
        );
        assert!(found.iter().all(|finding| matches!(finding.mend, Mend::Statement(_))));
        let ledger = found.iter().find(|finding| finding.place == "ledger").unwrap().to_string();
        assert!(ledger.contains("default_time_to_live = 3888000 AND gc_grace_seconds = 86400"), "{ledger}");
    }

    #[test]
    fn each_setting_of_a_table_is_named_with_the_statement_that_mends_it() {
        let windows = parameters(&[("class", "TimeWindowCompactionStrategy")]);
        assert_eq!(
            after(&CHARGE, |table| table.compaction = windows),
            "charge: compaction is TimeWindowCompactionStrategy, must be SizeTieredCompactionStrategy or \
             IncrementalCompactionStrategy; run ALTER TABLE ks.\"charge\" WITH compaction = \
             {'class': 'SizeTieredCompactionStrategy'}"
        );
        assert_eq!(
            after(&LEDGER, |table| table.default_time_to_live = 0),
            "ledger: default_time_to_live is 0, must be 3888000; run ALTER TABLE ks.\"ledger\" WITH \
             default_time_to_live = 3888000"
        );
        let expires = after(&CHARGE, |table| table.default_time_to_live = 60);
        assert!(expires.starts_with("charge: default_time_to_live is 60, must be 0;"), "{expires}");
        let grace = after(&LEDGER, |table| table.gc_grace_seconds = 0);
        assert!(grace.starts_with("ledger: gc_grace_seconds is 0, must be 86400;"), "{grace}");
        let plain = after(&CHARGE, |table| table.compression = parameters(&[("enabled", "false")]));
        assert!(plain.starts_with("charge: compression is none, must be LZ4Compressor or "), "{plain}");
        assert!(plain.contains("WITH compression = {'class': 'LZ4Compressor'}, where ScyllaDB"), "{plain}");
        let comment = after(&CHARGE, |table| table.comment.clear());
        assert!(comment.starts_with("charge: comment is , must be cells of pulse"), "{comment}");
    }

    #[test]
    fn other_columns_are_no_table_of_ours_and_no_statement_mends_them() {
        let other = after(&CHARGE, |table| table.columns = "partition_key tenant text".to_owned());
        assert_eq!(
            other,
            "charge: columns is partition_key tenant text, must be partition_key tenant text, clustering period \
             text, regular value blob; the columns of a table never change: name another keyspace"
        );
    }

    #[test]
    fn the_words_of_scylladb_are_understood() {
        let mut seen = right();
        let charge = seen.tables.get_mut("charge").unwrap();
        charge.compaction = parameters(&[("class", "IncrementalCompactionStrategy")]);
        charge.compression = parameters(&[("sstable_compression", "LZ4WithDictsCompressor")]);
        assert_eq!(found(&seen), []);
    }

    #[test]
    fn too_few_replicas_anywhere_are_found_and_left_to_a_person() {
        let strategy = ("class", STRATEGY);
        for replication in [
            &[strategy, ("here", "3"), ("there", "2")][..],
            &[strategy],
            &[strategy, ("here", "3/1")],
            &[("class", "SimpleStrategy"), ("replication_factor", "3")],
        ] {
            let seen = Seen { keyspace: Some(replicated(replication)), ..right() };
            let found = found(&seen);
            assert_eq!((found.len(), found[0].setting), (1, "replication"), "{replication:?}");
            assert!(found[0].mend.to_string().ends_with("then `nodetool repair ks`"), "{}", found[0]);
        }
        let more = replicated(&[strategy, ("here", "5")]);
        assert_eq!(found(&Seen { keyspace: Some(more), ..right() }), []);
    }

    #[test]
    fn a_keyspace_without_commit_log_is_mended() {
        let mut seen = right();
        seen.keyspace.as_mut().unwrap().durable_writes = false;
        let found = found(&seen);
        let statement = "ALTER KEYSPACE ks WITH durable_writes = true".to_owned();
        assert_eq!((found.len(), &found[0].mend), (1, &Mend::Statement(statement)));
    }
}
