//! Dead letters counted by reason.

use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const COLUMNS: [&str; 6] = ["reason", "status", "count", "tenants", "oldest", "newest"];

/// The letters of one reason and state.
#[derive(Default)]
struct Heap<'a> {
    count: u64,
    tenants: std::collections::BTreeSet<&'a str>,
    times: Vec<&'a str>,
}

/// A list of dead letters as a row for each reason and state, the largest first.
pub(super) fn of(letters: &Value) -> Value {
    let mut heaps: BTreeMap<(&str, &str), Heap<'_>> = BTreeMap::new();
    for letter in letters["items"].as_array().into_iter().flatten() {
        let text = |field: &str| letter[field].as_str().unwrap_or_default();
        let heap = heaps.entry((text("reason"), text("status"))).or_default();
        heap.count += 1;
        heap.tenants.extend(letter["tenant"].as_str());
        heap.times.extend(letter["received_time"].as_str());
    }
    let mut heaps: Vec<_> = heaps.into_iter().collect();
    heaps.sort_by_key(|(_, heap)| std::cmp::Reverse(heap.count));
    let row = |((reason, status), heap): &((&str, &str), Heap<'_>)| {
        json!({"reason": reason, "status": status, "count": heap.count.to_string(), "tenants": heap.tenants.len().to_string(),
            "oldest": heap.times.iter().min(), "newest": heap.times.iter().max()})
    };
    json!({"items": heaps.iter().map(row).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_counted_by_reason_and_state_the_largest_heap_first() {
        let letter = |reason: &str, status: &str, tenant: Option<&str>, time: &str| json!({"reason": reason, "status": status, "tenant": tenant, "received_time": time});
        let letters = json!({"items": [
            letter("TOO_LATE", "open", Some("a"), "2026-01-02T00:00:00Z"),
            letter("UNKNOWN_SKU", "open", Some("a"), "2026-01-03T00:00:00Z"),
            letter("UNKNOWN_SKU", "open", Some("b"), "2026-01-01T00:00:00Z"),
            letter("UNKNOWN_SKU", "open", Some("b"), "2026-01-02T00:00:00Z"),
            letter("UNKNOWN_SKU", "purged", None, "2026-01-09T00:00:00Z"),
        ]});
        let rows = of(&letters);
        let first = json!({"reason": "UNKNOWN_SKU", "status": "open", "count": "3", "tenants": "2",
            "oldest": "2026-01-01T00:00:00Z", "newest": "2026-01-03T00:00:00Z"});
        assert_eq!(rows["items"][0], first);
        let counts: Vec<&str> =
            rows["items"].as_array().unwrap().iter().map(|row| row["count"].as_str().unwrap()).collect();
        assert_eq!(counts, ["3", "1", "1"]);
        assert_eq!(rows["items"][2]["tenants"], "0");
    }

    #[test]
    fn no_letters_are_no_rows() {
        assert_eq!(of(&json!({"items": []})), json!({"items": []}));
    }
}
