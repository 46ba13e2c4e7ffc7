//! Pages of an answer: cut by key, so that what is counted meanwhile moves nothing.

use domain::code::Code;
use domain::time::{Timestamp, Window};
use rest::Problem;
use rest::page::{PageKey, PageSize};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the next page goes on: the range, resolved once, and the last key that was shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor<K> {
    start: i64,
    end: i64,
    /// The last key that was shown.
    pub after: K,
}

impl<K> Cursor<K> {
    /// The range of the first page.
    pub fn range(&self) -> Option<Window> {
        Window::new(Timestamp::from_seconds(self.start), Timestamp::from_seconds(self.end))
    }
}

/// The token of the page after `after`.
pub fn token<K: Serialize>(key: &PageKey, query: &str, range: &Window, after: K) -> Result<String, Problem> {
    sign(key, query, &Cursor { start: range.start().seconds(), end: range.end().seconds(), after })
}

/// A token of this very query that says where it goes on.
pub fn sign<C: Serialize>(key: &PageKey, query: &str, cursor: &C) -> Result<String, Problem> {
    Ok(key.sign(query, &serde_json::to_string(cursor).map_err(Problem::internal)?))
}

/// Reads what a token says.
pub fn read<C: DeserializeOwned>(text: &str) -> Result<C, Problem> {
    let refuse = |_| {
        Problem::field(
            Code::InvalidPageToken,
            "page_token",
            "is of another version of this service: ask for the first page again",
        )
    };
    serde_json::from_str(text).map_err(refuse)
}

/// What a token of this very query says; `None` without one.
pub fn open<K: DeserializeOwned>(
    key: &PageKey,
    query: &str,
    token: Option<&str>,
) -> Result<Option<Cursor<K>>, Problem> {
    let Some(token) = token else { return Ok(None) };
    read(&key.open(query, token)?).map(Some)
}

/// The items after a key, as many as fit, and the last key where more follow.
pub fn cut<K: Ord + Clone, V>(
    all: BTreeMap<K, V>,
    after: Option<&K>,
    size: PageSize,
) -> (Vec<(K, V)>, Option<K>) {
    let mut rest = all.into_iter().filter(|(key, _)| after.is_none_or(|after| key > after));
    let items: Vec<(K, V)> = rest.by_ref().take(size.items()).collect();
    let more = rest.next().is_some();
    let last = items.last().map(|(key, _)| key.clone()).filter(|_| more);
    (items, last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_keeps_the_range_that_was_resolved_first() {
        let key = PageKey::new([1; 16]);
        let range = Window::new(Timestamp::from_seconds(900), Timestamp::from_seconds(1_800)).unwrap();
        let token = token(&key, "/v1/usage?", &range, (5, "x".to_owned())).unwrap();
        let cursor: Cursor<(i32, String)> = open(&key, "/v1/usage?", Some(&token)).unwrap().unwrap();
        assert_eq!((cursor.range(), cursor.after), (Some(range), (5, "x".to_owned())));
        assert_eq!(open::<i32>(&key, "/v1/usage?", None).unwrap(), None);
        assert_eq!(
            open::<bool>(&key, "/v1/usage?", Some(&token)).unwrap_err().kind().name(),
            "INVALID_PAGE_TOKEN"
        );
    }

    proptest! {
        #[test]
        fn pages_together_are_the_answer(keys in prop::collection::btree_set(0_u32..500, 0..60), size in 1_usize..20) {
            let all: BTreeMap<u32, u32> = keys.iter().map(|key| (*key, key + 1)).collect();
            let (mut seen, mut after) = (Vec::new(), None);
            loop {
                let (items, last) = cut(all.clone(), after.as_ref(), PageSize::new(size).unwrap());
                seen.extend(items.into_iter().map(|(key, _)| key));
                match last {
                    Some(last) => after = Some(last),
                    None => break,
                }
            }
            prop_assert_eq!(seen, keys.into_iter().collect::<Vec<_>>());
        }
    }
}
