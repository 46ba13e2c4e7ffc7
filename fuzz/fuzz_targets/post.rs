//! What is written over HTTP, in every spelling and packed or not: any body gets an answer or a problem that is the
//! client's, never ours.
#![no_main]

use axum::body::Body;
use axum::http::Request;
use flate2::Compression;
use flate2::write::GzEncoder;
use fuzz::{Bytes, House};
use libfuzzer_sys::fuzz_target;
use std::cell::RefCell;
use std::io::Write;

/// What was acknowledged is kept in memory: a house serves so many requests.
const REQUESTS_MAX: u32 = 20_000;

thread_local! {
    static HOUSE: RefCell<(House, u32)> = RefCell::new((House::open(), 0));
}

const KINDS: [(&str, &str); 8] = [
    ("/v1/pulses", "application/json"),
    ("/v1/pulses", "application/x-ndjson"),
    ("/v1/pulses", "application/cloudevents+json"),
    ("/v1/pulses", "application/cloudevents-batch+json"),
    ("/v1/dead-letters:replay", "application/json"),
    ("/v1/dead-letters:purge", "application/json"),
    ("/v1/plans/llm/versions", "application/json"),
    ("/v1/plans/llm/versions", "application/yaml"),
];

fuzz_target!(|data: &[u8]| {
    let mut bytes = Bytes(data);
    let (kind, packing) = (bytes.byte(), bytes.byte());
    let (path, content_type) = KINDS[usize::from(kind) % KINDS.len()];
    // A body that only says that it is packed, one that is, and one that is plain.
    let (encoding, body) = match packing % 5 {
        0 => ("gzip", bytes.0.to_vec()),
        1 => ("gzip", gzip(bytes.0)),
        2 => ("zstd", bytes.0.to_vec()),
        3 => ("zstd", zstd::bulk::compress(bytes.0, 1).expect("it fits in memory")),
        _ => ("identity", bytes.0.to_vec()),
    };
    let request = Request::post(path).header("content-type", content_type).header("content-encoding", encoding);
    let request = request.body(Body::from(body)).expect("it is a request");
    HOUSE.with_borrow_mut(|(house, requests)| {
        *requests += 1;
        if *requests > REQUESTS_MAX {
            (*house, *requests) = (House::open(), 0);
        }
        let status = house.ask(request).status();
        assert!(!status.is_server_error(), "{status} for {content_type} to {path}");
    });
});

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory takes it")
}
