//! Page tokens: only what was signed for a query opens, and only for that query.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rest::page::PageKey;

fuzz_target!(|input: (&str, &str, &str)| {
    let (query, cursor, other) = input;
    let (ours, theirs) = (PageKey::new([1; 16]), PageKey::new([2; 16]));
    let token = ours.sign(query, cursor);
    assert_eq!(ours.open(query, &token).ok().as_deref(), Some(cursor));
    assert!(theirs.open(query, &token).is_err(), "another key opens it");
    assert!(query == other || ours.open(other, &token).is_err(), "another query opens it");
    // The fuzzer learns tokens from the comparisons it sees, so some do open: each is the one that was signed.
    if let Ok(cursor) = ours.open(query, other) {
        assert_eq!(ours.sign(query, &cursor), other);
    }
});
