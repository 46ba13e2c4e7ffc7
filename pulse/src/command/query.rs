//! `pulse query usage|cost`: the two questions everybody asks.

use super::Context;
use crate::client::rest::{Request, Rest};
use crate::client::waiting;
use crate::exit::Exit;
use crate::output::{self, Listing};
use crate::system_clock::SystemClock;
use clap::{Args, Subcommand};
use domain::port::Clock;
use serde_json::Value;
use std::time::Duration;

/// The longest `--wait` waits.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What rows are told apart by where nothing is asked.
const GROUP_BY_DEFAULT: &str = "sku";
const USAGE_COLUMNS: [&str; 4] = ["other", "quantity", "unit", "count"];
const COST_COLUMNS: [&str; 10] = [
    "other",
    "quantity",
    "unit",
    "reported",
    "amount",
    "amount_unrounded",
    "currency",
    "charge_id",
    "plan_version",
    "unpriced",
];

/// Ask for usage or costs.
#[derive(Debug, Subcommand)]
pub enum Query {
    /// How much was used
    Usage(Question),
    /// What it costs
    Cost(Question),
}

/// What is asked, in the words of the REST parameters.
#[derive(Args, Clone, Debug, Default)]
pub struct Question {
    /// Whose; may be repeated
    #[arg(long)]
    tenant: Vec<String>,
    /// Of which SKU; may be repeated
    #[arg(long)]
    sku: Vec<String>,
    /// With which dimension, key:value; may be repeated
    #[arg(long, value_name = "KEY:VALUE")]
    dimension: Vec<String>,
    /// From this time on, inclusive; -24h is a day ago [default: the month's start]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// Up to this time, exclusive [default: now, rounded up to the quarter]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// In place of from and to: 2026-01, month or last-month
    #[arg(long, conflicts_with_all = ["from", "to"])]
    period: Option<String>,
    /// One row per window of this length: PT15M, PT1H, P1D or P1M
    #[arg(long)]
    window: Option<String>,
    /// Where windows are aligned: an IANA name [default: the tenants' billing zone where they share one, else UTC]
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// One row per value of these: tenant,sku,dim.region
    #[arg(long, value_name = "NAMES")]
    group_by: Option<String>,
    /// Keep the largest rows and fold the rest into one
    #[arg(long, value_name = "COUNT")]
    top: Option<u32>,
    /// Ask again until everything acknowledged before now is counted
    #[arg(long)]
    wait: bool,
    /// Print the request for curl and send nothing
    #[arg(long)]
    curl: bool,
}

impl Question {
    /// The window, what the rows are told apart by, and the rest.
    fn columns(&self, rest: &[&str]) -> Vec<String> {
        let names = self.group_by.as_deref().unwrap_or(GROUP_BY_DEFAULT).split(',');
        let groups = names.filter(|name| !name.is_empty()).map(|name| format!("group.{name}"));
        let own = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        own(&["start_time", "end_time"]).into_iter().chain(groups).chain(own(rest)).collect()
    }

    fn request(&self, resource: &str) -> Request {
        let top = self.top.map(|top| top.to_string());
        Request::get(&[resource])
            .with_each("tenant", &self.tenant)
            .with_each("sku", &self.sku)
            .with_each("dimension", &self.dimension)
            .with("from", self.from.as_deref())
            .with("to", self.to.as_deref())
            .with("period", self.period.as_deref())
            .with("window", self.window.as_deref())
            .with("time_zone", self.time_zone.as_deref())
            .with("group_by", self.group_by.as_deref())
            .with("top", top.as_deref())
    }
}

impl Query {
    /// Asks, and prints the answer.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let (question, request, columns) = match &self {
            Self::Usage(question) => (question, question.request("usage"), question.columns(&USAGE_COLUMNS)),
            Self::Cost(question) => (question, question.request("costs"), question.columns(&COST_COLUMNS)),
        };
        let server = context.find_server()?;
        if question.curl {
            output::print(&format!("{}\n", request.curl(&server)?))?;
            return Ok(Exit::Done);
        }
        let rest = Rest::new(server);
        let whole = if question.wait {
            waiting::counted(&rest, &request, SystemClock.now(), WAIT_MAX).await?
        } else {
            rest.list(&request).await?
        };
        let items = whole["items"].as_array().cloned().unwrap_or_default();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        context.format.print(&Listing { columns: &columns, items: &items, whole: &whole })?;
        eprintln!("{}", completeness(&whole["meta"]));
        Ok(Exit::Done)
    }
}

/// What `meta` says, for people.
fn completeness(meta: &Value) -> String {
    let watermark = meta["watermark"].as_str().unwrap_or("not yet known");
    let state = match (meta["final"].as_bool(), meta["complete"].as_bool()) {
        (Some(true), _) => "final",
        (_, Some(true)) => "complete",
        _ => "still coming in",
    };
    format!("{state}; everything acknowledged before {watermark} is counted")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_question_becomes_its_request() {
        let question = Question {
            tenant: vec!["acme".to_owned()],
            from: Some("-24h".to_owned()),
            window: Some("PT1H".to_owned()),
            top: Some(9),
            ..Question::default()
        };
        let expected = Request::get(&["usage"])
            .with("tenant", Some("acme"))
            .with("from", Some("-24h"))
            .with("window", Some("PT1H"))
            .with("top", Some("9"));
        assert_eq!(question.request("usage"), expected);
    }

    #[test]
    fn the_columns_follow_from_the_question() {
        let columns = |group_by: Option<&str>| {
            let question = Question { group_by: group_by.map(str::to_owned), ..Question::default() };
            question.columns(&USAGE_COLUMNS).join(" ")
        };
        assert_eq!(columns(None), "start_time end_time group.sku other quantity unit count");
        let expected = "start_time end_time group.tenant group.dim.region other quantity unit count";
        assert_eq!(columns(Some("tenant,dim.region")), expected);
        assert_eq!(columns(Some("")), "start_time end_time other quantity unit count");
    }

    #[test]
    fn people_are_told_how_complete_an_answer_is() {
        let meta = json!({"watermark": "2026-01-01T00:00:00Z", "complete": true, "final": false});
        assert_eq!(
            completeness(&meta),
            "complete; everything acknowledged before 2026-01-01T00:00:00Z is counted"
        );
        assert!(completeness(&Value::Null).starts_with("still coming in"));
    }
}
