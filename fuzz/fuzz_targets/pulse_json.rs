//! The JSON spelling: whatever is read can be written, and reads as the same again.
#![no_main]

use domain::pulse::RawPulse;
use libfuzzer_sys::fuzz_target;
use proto::json;

fuzz_target!(|text: &str| {
    let mut raw = RawPulse::default();
    let Ok(None) = json::read(&mut raw, text) else { return };
    let mut again = RawPulse::default();
    let read = json::read(&mut again, &json::to_json(&raw).to_string());
    assert!(matches!(read, Ok(None)), "what was read cannot be written: {raw:?}");
    assert_eq!(raw.parse().ok(), again.parse().ok());
});
