//! What holds for every page token.

use super::PageKey;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

proptest! {
    #[test]
    fn a_token_leads_back_to_its_cursor(key in any::<[u8; 16]>(), query in ".{0,40}", cursor in ".{0,40}") {
        let token = PageKey::new(key).sign(&query, &cursor);
        prop_assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{}", token);
        prop_assert_eq!(PageKey::new(key).open(&query, &token), Ok(cursor));
    }

    #[test]
    fn no_byte_of_a_token_can_be_another(key in any::<[u8; 16]>(), cursor in "[a-z]{1,20}", place in any::<prop::sample::Index>(), flip in 1_u8..=255) {
        let key = PageKey::new(key);
        let mut bytes = URL_SAFE_NO_PAD.decode(key.sign("/v1/usage?", &cursor)).unwrap();
        let place = place.index(bytes.len());
        bytes[place] ^= flip;
        let forged = URL_SAFE_NO_PAD.encode(bytes);
        prop_assert_eq!(key.open("/v1/usage?", &forged).unwrap_err().kind().name(), "INVALID_PAGE_TOKEN");
    }

    #[test]
    fn what_stands_in_the_query_cannot_be_moved_to_the_cursor(key in any::<[u8; 16]>(), query in "[a-z]{2,9}", cut in 1_usize..8) {
        let key = PageKey::new(key);
        let cut = cut.min(query.len() - 1);
        let (head, tail) = query.split_at(cut);
        prop_assert_ne!(key.sign(head, tail), key.sign(&query, ""));
        prop_assert!(key.open(&query, &key.sign(head, tail)).is_err());
    }

    #[test]
    fn any_text_is_a_refusal_and_no_panic(text in ".{0,80}") {
        let problem = PageKey::new([3; 16]).open("/v1/usage?", &text).unwrap_err();
        prop_assert_eq!(&problem.errors()[0].field, "page_token");
    }
}

#[test]
fn a_token_shorter_than_its_seal_is_refused() {
    let key = PageKey::new([3; 16]);
    for bytes in [0, 1, 15] {
        let short = URL_SAFE_NO_PAD.encode(vec![0; bytes]);
        assert!(key.open("/v1/usage?", &short).is_err(), "{bytes}");
    }
    let seal_alone = URL_SAFE_NO_PAD.encode([0; 16]);
    assert!(key.open("/v1/usage?", &seal_alone).is_err());
    let mut no_text = URL_SAFE_NO_PAD.decode(key.sign("/v1/usage?", "x")).unwrap();
    *no_text.last_mut().unwrap() = 0xff;
    assert!(key.open("/v1/usage?", &URL_SAFE_NO_PAD.encode(no_text)).is_err());
}
