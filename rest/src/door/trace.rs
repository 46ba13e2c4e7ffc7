//! Trace ids: the caller's own, or one made here.

use axum::http::HeaderMap;
use domain::hash::{FieldHasher, HashKey};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names one request in logs and traces (W3C trace context).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceId(u128);

impl TraceId {
    /// The id in `traceparent`, if there is a valid one.
    pub fn of_headers(headers: &HeaderMap) -> Option<Self> {
        let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
        let (_version, id) = (parts.next()?, parts.next()?);
        let shaped = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = u128::from_str_radix(id, 16).ok().filter(|id| shaped && *id != 0)?;
        Some(Self(id))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Makes trace ids from a random seed.
#[derive(Clone, Debug)]
pub struct TraceIds {
    seed: HashKey,
    made: Arc<AtomicU64>,
}

impl TraceIds {
    /// A source of ids; two processes must not share a seed.
    pub fn new(seed: HashKey) -> Self {
        Self { seed, made: Arc::default() }
    }

    pub(super) fn next(&self) -> TraceId {
        let made = self.made.fetch_add(1, Ordering::Relaxed);
        TraceId(FieldHasher::new(&self.seed).number(i128::from(made)).finish128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parent(text: &str) -> Option<TraceId> {
        TraceId::of_headers(&HeaderMap::from_iter([("traceparent".parse().unwrap(), text.parse().unwrap())]))
    }

    #[test]
    fn only_valid_ids_are_taken() {
        let id = parent("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
        assert_eq!(id.to_string(), "0af7651916cd43dd8448eb211c80319c");
        for bad in [
            "",
            "00",
            "00-xyz-1-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-1-1",
        ] {
            assert_eq!(parent(bad), None, "{bad}");
        }
    }

    #[test]
    fn made_ids_differ() {
        let ids = TraceIds::new([3; 16]);
        assert_ne!(ids.next(), ids.next());
    }
}
