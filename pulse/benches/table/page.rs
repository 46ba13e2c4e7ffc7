//! The page the tables are kept on: `docs/benchmarks.md`. Each table has its place and leaves the other alone.

use crate::machine;
use anyhow::Context;
use std::fs;
use std::path::Path;

/// The heading of the table of everything.
pub const TABLE: &str = "## The table";
/// The heading of the growth table.
pub const GROWTH: &str = "## Growth";
/// The heading of the table of Kafka and a CQL server.
pub const ENGINES: &str = "## On Kafka and a CQL server";
const NOTES: &str = "## What the rows mean";
const NEXT: &str = "\n## ";

/// Puts a table under its heading, with the machine it was measured on.
pub fn write(heading: &str, table: &str) -> anyhow::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md");
    let page = fs::read_to_string(&path).unwrap_or_else(|_| EMPTY.to_owned());
    let page = replaced(&page, heading, &format!("{}\n\n{table}", machine::describe()))?;
    let page = replaced(&page, NOTES, include_str!("notes.md"))?;
    fs::write(&path, page).with_context(|| format!("writing {}", path.display()))
}

fn replaced(page: &str, heading: &str, section: &str) -> anyhow::Result<String> {
    let (before, rest) = page.split_once(heading).with_context(|| format!("the page has no {heading:?}"))?;
    let after = rest.find(NEXT).map_or("", |end| &rest[end..]);
    Ok(format!("{before}{heading}\n{}\n{after}", section.trim_end()))
}

const EMPTY: &str = "# Benchmarks

`make bench` measures the table, `make bench-growth` the growth and `make bench-engines` the roles on engines, and all \
write this page: the release build, server \
and clients on one machine, raw limits measured in the same run beside ours. Only numbers of one run can be compared.

## The table

## Growth

## On Kafka and a CQL server

## What the rows mean
";
