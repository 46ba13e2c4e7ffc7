//! Which way dependencies point between the crates.

use super::{CRATES, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

/// Who may name whom. Rooms name ports, never backends; they do not call each other, except that `query-api` uses
/// `catalog`, because rating and explaining live in one place.
const ARROWS: [(&str, &[&str]); 9] = [
    ("domain", &[]),
    ("proto", &["domain"]),
    ("rest", &["domain"]),
    ("backends", &["domain"]),
    ("ingestor-api", &["rest", "proto", "domain"]),
    ("catalog", &["rest", "proto", "domain"]),
    ("ingestor-consumer", &["proto", "domain"]),
    ("query-api", &["catalog", "rest", "proto", "domain"]),
    (
        "pulse",
        &["ingestor-api", "ingestor-consumer", "catalog", "query-api", "backends", "rest", "proto", "domain"],
    ),
];

fn dependencies(name: &str, section: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join(name).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&text).unwrap();
    let listed = manifest
        .get(section)
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|table| table.keys().cloned());
    listed.filter(|dependency| CRATES.contains(&dependency.as_str())).collect()
}

#[test]
fn dependencies_point_the_way_of_the_map() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.into();
    for name in CRATES {
        for dependency in dependencies(name, "dependencies") {
            assert!(allowed[name].contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
    assert_eq!(ARROWS.iter().map(|(_, to)| to.len()).sum::<usize>(), 23);
}

#[test]
fn every_folder_with_a_manifest_is_on_the_map() {
    let entries = fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let crates = entries.filter(|path| path.join("Cargo.toml").is_file());
    let mut names: BTreeSet<String> =
        crates.map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert!(
        names.remove("fuzz"),
        "the fuzz targets are a workspace of their own: they need another compiler"
    );
    assert_eq!(names, CRATES.iter().map(ToString::to_string).collect());
}

#[test]
fn the_longest_way_through_the_house_is_four_steps() {
    fn depth(name: &str) -> usize {
        dependencies(name, "dependencies").iter().map(|dependency| 1 + depth(dependency)).max().unwrap_or(0)
    }
    assert!(depth("pulse") <= 4, "{}", depth("pulse"));
}

#[test]
fn tests_of_a_room_use_backends_and_nothing_above() {
    for name in CRATES.iter().filter(|name| **name != "pulse") {
        let used = dependencies(name, "dev-dependencies");
        assert!(used.iter().all(|dependency| dependency == "backends"), "{name} uses {used:?} in its tests");
    }
}
