//! What is refused is kept, and billed once after the catalogue was mended.

use super::server::{Home, Server};
use serde_json::Value;
use std::fs;

const CATALOG: &str = "kind: tenant\nid: acme\nname: Acme\nstatus: active\n---\nkind: sku\nid: late.sku\nunit: item\naggregation: sum\n";

fn usage(server: &Server) -> Vec<(String, String)> {
    server.settle();
    let answer =
        server.json(0, &["query", "usage", "--tenant", "acme", "--group-by", "sku", "--from", "-24h"]);
    let text = |item: &Value, field: &str| item[field].as_str().unwrap().to_owned();
    answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (text(item, "quantity"), text(item, "count")))
        .collect()
}

#[test]
fn an_unknown_sku_is_kept_and_billed_once_after_it_was_put() {
    let home = Home::new();
    let server = home.start();
    let (tenant, sku) = CATALOG.split_once("---\n").unwrap();
    let file = home.path("catalog.yaml");
    let apply = |text: &str| {
        fs::write(&file, text).unwrap();
        server.json(0, &["catalog", "apply", file.to_str().unwrap()]);
    };
    apply(tenant);
    let sent = server
        .json(3, &["send", "--tenant", "acme", "--sku", "late.sku", "--quantity", "2.5", "--unit", "item"]);
    assert_eq!(sent["rejections"][0]["reason"], "UNKNOWN_SKU");
    assert_eq!(usage(&server), []);
    let kept = server.json(0, &["dlq", "ls"]);
    let letter = &kept["items"][0];
    assert_eq!((letter["reason"].as_str(), letter["status"].as_str()), (Some("UNKNOWN_SKU"), Some("open")));
    let id = letter["id"].as_str().unwrap();
    assert_eq!(server.json(0, &["dlq", "show", id])["id"], id);
    apply(sku);
    let replayed = server.json(0, &["dlq", "replay", "--reason", "UNKNOWN_SKU"]);
    assert_eq!(replayed["items"][0]["status"], "accepted");
    let billed = [("2.5".to_owned(), "1".to_owned())];
    assert_eq!(usage(&server), billed);
    server.json(0, &["dlq", "replay", "--reason", "UNKNOWN_SKU"]);
    server.json(0, &["dlq", "replay", id]);
    assert_eq!(usage(&server), billed, "replayed again: no change");
}
