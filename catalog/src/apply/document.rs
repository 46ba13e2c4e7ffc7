//! The documents of a file as JSON values: scalars keep their digits, so that no number is ever a float.

use super::ApplyError;
use serde_json::{Map, Number, Value};
use serde_saphyr::granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, StrInput};

/// Deeper than any document of the catalogue.
const DEPTH_MAX: usize = 16;

/// A mapping of the file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Document {
    /// Where it begins, from 1.
    pub(super) line: usize,
    /// What it says.
    pub(super) body: Map<String, Value>,
}

/// The documents in the order of the file; an array at the top counts as its elements.
pub(super) fn documents(text: &str) -> Result<Vec<Document>, ApplyError> {
    let mut reader = Reader { events: Parser::new_from_str(text) };
    let mut documents = Vec::new();
    while let Some((event, mark)) = reader.next()? {
        match event {
            Event::MappingStart(..) => documents.push(reader.document(mark)?),
            Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(..)
            | Event::DocumentEnd
            | Event::SequenceStart(..)
            | Event::SequenceEnd => {}
            // What stands between two `---` where nothing stands.
            Event::Scalar(text, ScalarStyle::Plain, ..) if plain(&text).is_null() => {}
            _ => return Err(error(mark, "must be a mapping with a kind")),
        }
    }
    Ok(documents)
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Option<(Event<'a>, Marker)>, ApplyError> {
        loop {
            let event = self
                .events
                .next_event()
                .transpose()
                .map_err(|fault: ScanError| error(*fault.marker(), fault.info()))?;
            if !matches!(event, Some((Event::Comment(..), _))) {
                return Ok(event.map(|(event, span)| (event, span.start)));
            }
        }
    }

    fn document(&mut self, mark: Marker) -> Result<Document, ApplyError> {
        Ok(Document { line: mark.line(), body: self.mapping(mark, DEPTH_MAX)? })
    }

    fn mapping(&mut self, start: Marker, depth: usize) -> Result<Map<String, Value>, ApplyError> {
        let depth = depth.checked_sub(1).ok_or_else(|| error(start, "is nested too deeply"))?;
        let mut mapping = Map::new();
        loop {
            let (event, mark) = self.inside(start)?;
            let key = match event {
                Event::MappingEnd => return Ok(mapping),
                Event::Scalar(key, ..) => key.into_owned(),
                _ => return Err(error(mark, "must have texts as keys")),
            };
            let value = self.inside(mark)?;
            let value = self.value(value, depth)?;
            if mapping.insert(key.clone(), value).is_some() {
                return Err(error(mark, format!("{key} is given twice")));
            }
        }
    }

    fn sequence(&mut self, start: Marker, depth: usize) -> Result<Vec<Value>, ApplyError> {
        let depth = depth.checked_sub(1).ok_or_else(|| error(start, "is nested too deeply"))?;
        let mut sequence = Vec::new();
        loop {
            match self.inside(start)? {
                (Event::SequenceEnd, _) => return Ok(sequence),
                item => sequence.push(self.value(item, depth)?),
            }
        }
    }

    fn value(&mut self, (event, mark): (Event<'a>, Marker), depth: usize) -> Result<Value, ApplyError> {
        match event {
            Event::Scalar(text, ScalarStyle::Plain, ..) => Ok(plain(&text)),
            Event::Scalar(text, ..) => Ok(Value::String(text.into_owned())),
            Event::MappingStart(..) => Ok(Value::Object(self.mapping(mark, depth)?)),
            Event::SequenceStart(..) => Ok(Value::Array(self.sequence(mark, depth)?)),
            _ => Err(error(mark, "must be spelled out: aliases are not read")),
        }
    }

    fn inside(&mut self, start: Marker) -> Result<(Event<'a>, Marker), ApplyError> {
        self.next()?.ok_or_else(|| error(start, "is not ended"))
    }
}

/// A scalar without quotes: null, a truth value, a number by its digits, or a text.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => text.parse::<Number>().map_or_else(|_| Value::String(text.to_owned()), Value::Number),
    }
}

fn error(mark: Marker, message: impl Into<String>) -> ApplyError {
    ApplyError { line: mark.line(), message: message.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &str) -> Value {
        Value::Object(documents(text).unwrap().remove(0).body)
    }

    #[test]
    fn numbers_keep_every_digit() {
        let body = body(
            "price: 0.12345678901234567890\nper: 100000000000000000000000\nname: 007\nwhen: 2026-01-01T00:00:00Z\n",
        );
        let text = serde_json::to_string(&body).unwrap();
        assert_eq!(
            text,
            r#"{"name":"007","per":100000000000000000000000,"price":0.12345678901234567890,"when":"2026-01-01T00:00:00Z"}"#
        );
    }

    #[test]
    fn quotes_make_texts_and_nothing_makes_null() {
        assert_eq!(
            body("a: '1'\nb: \"true\"\nc: true\nd:\n"),
            serde_json::json!({"a": "1", "b": "true", "c": true, "d": null})
        );
    }

    #[test]
    fn comments_say_nothing_wherever_they_stand() {
        let text =
            "# why\n\nkind: sku # what\n# where\nlist: # these\n  - a # first\n  # last\n  - b\n# end\n";
        let document = documents(text).unwrap().remove(0);
        assert_eq!((document.line, Value::Object(document.body)), (3, body("{kind: sku, list: [a, b]}")));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_line() {
        for (text, line, message) in [
            ("a: 1\na: 2\n", 2, "a is given twice"),
            ("---\n- 1\n", 2, "must be a mapping with a kind"),
            ("a: &x 1\nb: *x\n", 2, "must be spelled out: aliases are not read"),
            ("[a]: 1\n", 1, "must have texts as keys"),
        ] {
            assert_eq!(documents(text).unwrap_err(), ApplyError { line, message: message.into() }, "{text}");
        }
        assert_eq!(documents("kind: sku\n---\na: [1\n").unwrap_err().line, 3);
        let deep = format!("a: {}1{}", "[".repeat(17), "]".repeat(17));
        assert_eq!(documents(&deep).unwrap_err().message, "is nested too deeply");
        assert_eq!(documents("---\n---\n").unwrap(), []);
    }
}
