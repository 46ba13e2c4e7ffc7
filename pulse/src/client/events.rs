//! Server-sent events of our servers, which end lines with LF alone and have their data on one line.

use anyhow::Context;
use serde_json::Value;

/// The type of an answer in events.
pub const CONTENT_TYPE: &str = "text/event-stream";
const END: &[u8] = b"\n\n";

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it tells.
    pub name: String,
    /// Its JSON.
    pub data: Value,
}

/// Takes pieces of an answer, and gives events as they are whole.
#[derive(Debug, Default)]
pub struct Events(Vec<u8>);

impl Events {
    /// Takes the next piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
    }

    /// The next event that is whole; comments are passed over.
    pub fn take(&mut self) -> anyhow::Result<Option<Event>> {
        while let Some(end) = self.0.windows(END.len()).position(|pair| pair == END) {
            let bytes: Vec<u8> = self.0.drain(..end + END.len()).collect();
            let text = str::from_utf8(&bytes).context("reading an event as text")?;
            let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
            if let Some(data) = field("data: ") {
                let data = serde_json::from_str(data).context("reading an event as JSON")?;
                return Ok(Some(Event { name: field("event: ").unwrap_or_default().to_owned(), data }));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_the_same_however_the_answer_is_cut() {
        let answer =
            "event: a\ndata: {\"é\":1}\n\n: heartbeat\n\nid: 7\nevent: b\ndata: [2]\n\nevent: c\ndata: 3";
        let event = |name: &str, data| Event { name: name.to_owned(), data };
        for cut in 0..=answer.len() {
            let (mut events, mut seen) = (Events::default(), Vec::new());
            for piece in [&answer.as_bytes()[..cut], &answer.as_bytes()[cut..]] {
                events.push(piece);
                while let Some(event) = events.take().unwrap() {
                    seen.push(event);
                }
            }
            assert_eq!(seen, [event("a", json!({"é": 1})), event("b", json!([2]))], "cut at {cut}");
        }
    }

    #[test]
    fn what_is_no_json_is_told() {
        let mut events = Events::default();
        events.push(b"event: a\ndata: {\n\n");
        assert_eq!(events.take().unwrap_err().to_string(), "reading an event as JSON");
    }
}
