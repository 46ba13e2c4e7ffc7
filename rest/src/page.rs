//! Pages of a list: how many items, and opaque signed tokens that only their own query accepts.

use crate::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::code::Code;
use domain::hash::{FieldHasher, HashKey};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Items of a page where nothing is asked.
pub const PAGE_SIZE_DEFAULT: usize = 100;
/// The most items of a page.
pub const PAGE_SIZE_MAX: usize = 1_000;
const SEAL_BYTES: usize = 16;

/// How many items a page holds: 1 to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(NonZeroUsize);

impl PageSize {
    /// That many, if it is allowed.
    pub fn new(items: usize) -> Option<Self> {
        NonZeroUsize::new(items).filter(|items| items.get() <= PAGE_SIZE_MAX).map(Self)
    }

    /// How many.
    pub fn items(self) -> usize {
        self.0.get()
    }
}

impl Default for PageSize {
    fn default() -> Self {
        Self::new(PAGE_SIZE_DEFAULT).expect("the default is allowed")
    }
}

impl<'de> Deserialize<'de> for PageSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let rule = "must be 1 to 1000";
        let items = usize::try_from(u64::deserialize(deserializer)?).ok();
        items.and_then(Self::new).ok_or_else(|| serde::de::Error::custom(rule))
    }
}

/// The key that all replicas sign page tokens with. It can be replaced while they run; every clone sees that.
#[derive(Clone)]
pub struct PageKey(Arc<RwLock<Keys>>);

struct Keys {
    current: HashKey,
    /// What the current one came after.
    previous: Option<HashKey>,
}

impl PageKey {
    /// A key of 16 secret bytes.
    pub fn new(key: HashKey) -> Self {
        Self(Arc::new(RwLock::new(Keys { current: key, previous: None })))
    }

    /// Signs with another key from now on. Tokens of the one before are taken until this one is replaced in its turn, so
    /// that who is reading a list reads it to its end, and replicas need not change at the same moment.
    pub fn replace(&self, key: HashKey) {
        let mut keys = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if key != keys.current {
            *keys = Keys { current: key, previous: Some(keys.current) };
        }
    }

    /// The token that leads to what comes after `cursor` in the answer to `query`, its canonical form.
    pub fn sign(&self, query: &str, cursor: &str) -> String {
        let mut bytes = seal(&self.read().current, query, cursor).to_vec();
        bytes.extend_from_slice(cursor.as_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The cursor within a token of this very query.
    pub fn open(&self, query: &str, token: &str) -> Result<String, Problem> {
        let refuse = || {
            Problem::field(
                Code::InvalidPageToken,
                "page_token",
                "must be the next_page_token of the same query",
            )
        };
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| refuse())?;
        let (seal, cursor) = bytes.split_at_checked(SEAL_BYTES).ok_or_else(refuse)?;
        let cursor = std::str::from_utf8(cursor).map_err(|_| refuse())?;
        let keys = self.read();
        let is_ours = |key: &HashKey| self::seal(key, query, cursor) == seal;
        let ours = [Some(&keys.current), keys.previous.as_ref()].into_iter().flatten().any(is_ours);
        if ours { Ok(cursor.to_owned()) } else { Err(refuse()) }
    }

    fn read(&self) -> RwLockReadGuard<'_, Keys> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn seal(key: &HashKey, query: &str, cursor: &str) -> [u8; SEAL_BYTES] {
    FieldHasher::new(key).bytes(query.as_bytes()).bytes(cursor.as_bytes()).finish128().to_le_bytes()
}

impl fmt::Debug for PageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_leads_back_to_its_cursor_in_its_own_query_only() {
        let key = PageKey::new([7; 16]);
        let token = key.sign("/v1/usage?tenant=acme", "2026-01-01 café");
        assert_eq!(key.open("/v1/usage?tenant=acme", &token).unwrap(), "2026-01-01 café");
        for (query, other) in [
            ("/v1/usage?tenant=globex", token.clone()),
            ("/v1/costs?tenant=acme", token.clone()),
            ("/v1/usage?tenant=acme", format!("{token}A")),
            ("/v1/usage?tenant=acme", PageKey::new([8; 16]).sign("/v1/usage?tenant=acme", "2026-01-01 café")),
            ("/v1/usage?tenant=acme", String::new()),
            ("/v1/usage?tenant=acme", "not base64!".to_owned()),
        ] {
            let problem = key.open(query, &other).unwrap_err();
            assert_eq!(problem.kind().name(), "INVALID_PAGE_TOKEN", "{query} {other}");
        }
        assert_eq!(format!("{key:?}"), "***");
    }

    #[test]
    fn a_replaced_key_opens_until_its_successor_is_replaced() {
        let (key, query) = (PageKey::new([1; 16]), "/v1/usage?");
        let (replica, first) = (key.clone(), key.sign(query, "cursor"));
        replica.replace([2; 16]);
        let second = key.sign(query, "cursor");
        assert_eq!(second, PageKey::new([2; 16]).sign(query, "cursor"), "what is signed now is signed anew");
        assert_eq!(key.open(query, &first).unwrap(), "cursor");
        key.replace([2; 16]);
        assert_eq!(key.open(query, &first).unwrap(), "cursor", "the same key again replaces nothing");
        key.replace([3; 16]);
        assert_eq!(key.open(query, &first).unwrap_err().kind().name(), "INVALID_PAGE_TOKEN");
        assert_eq!(key.open(query, &second).unwrap(), "cursor");
    }

    #[test]
    fn a_page_holds_one_to_a_thousand_items() {
        assert_eq!(PageSize::default().items(), 100);
        for (items, allowed) in [(0, false), (1, true), (1_000, true), (1_001, false)] {
            assert_eq!(PageSize::new(items).is_some(), allowed, "{items}");
            assert_eq!(serde_json::from_str::<PageSize>(&items.to_string()).is_ok(), allowed, "{items}");
        }
    }
}
