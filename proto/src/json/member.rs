//! JSON taken apart without a tree: the members of an object and the elements of an array, each as its own text.
//!
//! Nothing is kept but slices of the text, so neither depth nor a multitude of members costs memory.

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Deserializer as Json, Error};
use std::borrow::Cow;
use std::fmt;

/// The text of one JSON value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<'a>(&'a str);

/// A value as a field takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scalar<'a> {
    /// `null`: the field is absent.
    Absent,
    /// A string.
    Text(Cow<'a, str>),
    /// A number, as its digits stand there.
    Number(&'a str),
    /// An object, an array, a truth value, or a string that is no text.
    Other,
}

impl<'a> Text<'a> {
    /// The text itself.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// Whether it is an object.
    pub fn is_object(self) -> bool {
        self.0.starts_with('{')
    }

    /// What a field takes of it.
    pub fn scalar(self) -> Scalar<'a> {
        match self.0.as_bytes() {
            [b'n', ..] => Scalar::Absent,
            [b'-' | b'0'..=b'9', ..] => Scalar::Number(self.0),
            [b'"', text @ .., b'"'] if !text.contains(&b'\\') => {
                Scalar::Text(Cow::Borrowed(&self.0[1..self.0.len() - 1]))
            }
            [b'"', ..] => {
                serde_json::from_str(self.0).map_or(Scalar::Other, |text| Scalar::Text(Cow::Owned(text)))
            }
            _ => Scalar::Other,
        }
    }
}

/// Hands over each member of the object that a text is, in their order.
pub fn members<'a>(text: &'a str, each: impl FnMut(&str, Text<'a>)) -> Result<(), Error> {
    let mut json = Json::from_str(text);
    json.deserialize_map(Members(each))?;
    json.end()
}

/// The first `count_max` elements of the array that a text is, and how many it has.
pub fn elements(text: &str, count_max: usize) -> Result<(Vec<Text<'_>>, usize), Error> {
    let mut json = Json::from_str(text);
    let elements = json.deserialize_seq(Elements { count_max })?;
    json.end()?;
    Ok(elements)
}

struct Members<F>(F);

impl<'a, F: FnMut(&str, Text<'a>)> Visitor<'a> for Members<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some((Name(name), value)) = map.next_entry::<Name<'a>, &'a RawValue>()? {
            (self.0)(&name, Text(value.get()));
        }
        Ok(())
    }
}

struct Elements {
    count_max: usize,
}

impl<'a> Visitor<'a> for Elements {
    type Value = (Vec<Text<'a>>, usize);

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut array: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while elements.len() < self.count_max {
            let Some(element) = array.next_element::<&'a RawValue>()? else { break };
            elements.push(Text(element.get()));
        }
        let mut count = elements.len();
        while array.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok((elements, count))
    }
}

/// A member's name, borrowed where it needs no unescaping.
#[derive(Deserialize)]
#[serde(transparent)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn taken_apart(text: &str) -> Result<Vec<(String, String)>, Error> {
        let mut all = Vec::new();
        members(text, |name, value| all.push((name.to_owned(), value.as_str().to_owned())))?;
        Ok(all)
    }

    #[test]
    fn members_come_in_order_with_their_own_text() {
        let text = r#" {"a": 1.50, "\u0062" : [ {"x": "]"} ],"a":"\"" , "c":null} "#;
        let expected = [("a", "1.50"), ("b", r#"[ {"x": "]"} ]"#), ("a", r#""\"""#), ("c", "null")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(taken_apart(text).unwrap(), expected);
        assert_eq!(taken_apart("{}").unwrap(), []);
    }

    #[test]
    fn what_is_no_object_or_goes_on_is_refused() {
        for text in
            ["", "[]", "5", "null", "{", r#"{"a"}"#, r#"{"a": 1,}"#, "{} {}", "{a: 1}", r#"{"a": 01}"#]
        {
            assert!(taken_apart(text).is_err(), "{text}");
        }
        for text in ["", "{}", "[1", "[1,]", "[1] 2", "[tru]"] {
            assert!(elements(text, 9).is_err(), "{text}");
        }
    }

    #[test]
    fn elements_past_the_bound_are_counted_and_not_kept() {
        let (kept, count) = elements(r#"[1, {"a": 2}, "x", null]"#, 2).unwrap();
        assert_eq!((kept, count), (vec![Text("1"), Text(r#"{"a": 2}"#)], 4));
        let many = format!("[{}1]", "1,".repeat(500_000));
        let (kept, count) = elements(&many, 10).unwrap();
        assert_eq!((kept.len(), count), (10, 500_001));
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!(r#"{{"a": {}{}}}"#, "[".repeat(500_000), "]".repeat(500_000));
        assert_eq!(taken_apart(&deep).unwrap().len(), 1);
        assert!(taken_apart(&deep[..deep.len() - 2]).is_err());
    }

    #[test]
    fn a_scalar_is_text_digits_or_nothing() {
        let text = |text: &'static str| Scalar::Text(Cow::Borrowed(text));
        for (json, expected) in [
            ("null", Scalar::Absent),
            (r#""""#, text("")),
            (r#""é a""#, text("é a")),
            (r#""\u00e9\n""#, text("é\n")),
            (r#""\ud83d\ude00""#, text("😀")),
            (r#""\ud83d""#, Scalar::Other),
            ("-0.10e5", Scalar::Number("-0.10e5")),
            ("true", Scalar::Other),
            ("[]", Scalar::Other),
            ("{}", Scalar::Other),
        ] {
            assert_eq!(Text(json).scalar(), expected, "{json}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_apart_is_what_a_tree_would_hold(text in r#"\{("[a-c]\\?[a-c]?":("x\\?n?"|-?[0-9]{1,3}|\[1,\{\}\]|null),?){0,4}\}"#) {
            let tree: Option<Value> = serde_json::from_str(&text).ok();
            let apart = taken_apart(&text).ok();
            // Where a name stands twice, a tree keeps the last.
            let apart = apart.map(|members| {
                let members = members.into_iter().map(|(name, text)| (name, serde_json::from_str(&text).unwrap()));
                Value::Object(members.collect())
            });
            prop_assert_eq!(apart, tree);
        }
    }
}
