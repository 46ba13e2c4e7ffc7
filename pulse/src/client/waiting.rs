//! Asking until the answer holds everything that was acknowledged before a moment.

use super::rest::{Request, Rest};
use crate::exit::Failure;
use domain::time::Timestamp;
use serde_json::Value;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(50);

/// The answer whose watermark has passed `moment`; a failure where none has within `patience`.
pub async fn counted(
    rest: &Rest,
    request: &Request,
    moment: Timestamp,
    patience: Duration,
) -> anyhow::Result<Value> {
    let begun = Instant::now();
    loop {
        let whole = rest.list(request).await?;
        if watermark(&whole["meta"]).is_some_and(|watermark| watermark >= moment) {
            return Ok(whole);
        }
        if begun.elapsed() > patience {
            let seconds = patience.as_secs();
            let message = format!("what was acknowledged before {moment} is not counted after {seconds} s");
            return Err(Failure::not_ready(message).into());
        }
        tokio::time::sleep(STEP).await;
    }
}

fn watermark(meta: &Value) -> Option<Timestamp> {
    Timestamp::parse(meta["watermark"].as_str()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_answer_without_a_watermark_is_asked_for_again() {
        let meta = json!({"watermark": "2026-01-01T00:00:00Z"});
        assert_eq!(watermark(&meta), Timestamp::parse("2026-01-01T00:00:00Z").ok());
        assert_eq!((watermark(&json!({})), watermark(&Value::Null)), (None, None));
    }
}
