//! Asking until the answer holds everything that was acknowledged before a moment.

use super::rest::{Request, Rest};
use crate::exit::{Exit, Failure};
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
        let watermark = watermark(&whole["meta"]);
        if watermark.is_some_and(|watermark| watermark >= moment) {
            return Ok(whole);
        }
        if watermark.is_none() && has_no_tenant(rest).await? {
            let message = "the catalogue has no tenant, so there is nothing to wait for: `pulse catalog apply FILE` first";
            return Err(Failure { exit: Exit::Failed, message: message.to_owned() }.into());
        }
        if begun.elapsed() > patience {
            let seconds = patience.as_secs();
            let message = format!("what was acknowledged before {moment} is not counted after {seconds} s");
            return Err(Failure::not_ready(message).into());
        }
        tokio::time::sleep(STEP).await;
    }
}

/// What nobody pays for has no watermark, however long it is waited for.
async fn has_no_tenant(rest: &Rest) -> anyhow::Result<bool> {
    let first = rest.send(&Request::get(&["tenants"]).with("page_size", Some("1"))).await?;
    Ok(first.body["items"].as_array().is_some_and(Vec::is_empty))
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
