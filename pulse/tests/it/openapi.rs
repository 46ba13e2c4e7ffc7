//! The description of the REST interface is checked in; changing the interface is a change of that file.

use super::server::{Home, repository};
use serde_json::Value;
use std::fs;

/// Set to write the file anew.
const UPDATE: &str = "PULSE_UPDATE_OPENAPI";

#[test]
fn the_description_is_the_one_that_is_checked_in() {
    let home = Home::new();
    let (status, text) = home.start().get("/openapi.json");
    assert_eq!(status, 200);
    let served: Value = serde_json::from_str(&text).unwrap();
    let path = repository("pulse/openapi.json");
    let pretty = format!("{}\n", serde_json::to_string_pretty(&served).unwrap());
    if std::env::var_os(UPDATE).is_some() {
        fs::write(&path, &pretty).unwrap();
    }
    let checked_in = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        checked_in == pretty,
        "pulse/openapi.json is not what is served; write it anew with {UPDATE}=1 and look at the difference"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let text = fs::read_to_string(repository("pulse/openapi.json")).unwrap();
    let described: Value = serde_json::from_str(&text).unwrap();
    let operations =
        described["paths"].as_object().unwrap().values().flat_map(|path| path.as_object().unwrap().values());
    let mut names: Vec<&str> = operations.filter_map(|operation| operation["operationId"].as_str()).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert!(count > 0 && names.len() == count, "{names:?}");
    assert_eq!(described["openapi"], "3.1.0");
}
