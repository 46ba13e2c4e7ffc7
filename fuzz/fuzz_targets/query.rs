//! Query strings of the query API: any gets an answer or a problem that is the client's, never ours.
#![no_main]

use fuzz::House;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static HOUSE: House = House::with_usage();
}

const PATHS: [&str; 8] = [
    "/v1/usage",
    "/v1/costs",
    "/v1/charges",
    "/v1/dead-letters",
    "/v1/reconciliation",
    "/v1/pulses/a-1",
    "/v1/tenants/acme/overview",
    "/v1/pipeline",
];

fuzz_target!(|data: &[u8]| {
    let Some((path, query)) = data.split_first() else { return };
    let path = PATHS[usize::from(*path) % PATHS.len()];
    let query = String::from_utf8_lossy(query);
    let target = format!("{path}?{query}");
    if let Some(status) = HOUSE.with(|house| house.get(&target)) {
        assert!(!status.is_server_error(), "{status} for {target}");
    }
});
