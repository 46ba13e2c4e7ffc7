//! `pulse dlq ls|show|replay`: what was refused and kept.

use super::Context;
use crate::client::rest::{Request, Rest};
use crate::exit::{Exit, Failure};
use crate::output::Listing;
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value};

const LETTER_COLUMNS: [&str; 9] =
    ["id", "status", "reason", "field", "message", "tenant", "received_time", "replay_until", "attempts"];
const OUTCOME_COLUMNS: [&str; 6] = ["index", "id", "status", "reason", "field", "message"];

/// Look at what was refused and kept, and send it again.
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// List dead letters
    Ls(Filter),
    /// Show one dead letter whole
    Show {
        /// Its id
        id: String,
    },
    /// Send kept pulses through the edge again, under their own identity
    Replay(Replay),
}

/// Which dead letters.
#[derive(Args, Clone, Debug, Default)]
pub struct Filter {
    /// Refused for this reason; may be repeated
    #[arg(long)]
    reason: Vec<String>,
    /// Of this tenant; may be repeated
    #[arg(long)]
    tenant: Vec<String>,
    /// In this state: open, replayed or purged [default: open]
    #[arg(long)]
    status: Option<String>,
}

/// Which dead letters to send again, and how.
#[derive(Args, Clone, Debug, Default)]
pub struct Replay {
    /// These only
    ids: Vec<String>,
    /// Those refused for this reason
    #[arg(long)]
    reason: Option<String>,
    /// Those of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Mend a field first
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Say what would happen and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Replay without ids, reason or tenant: everything that is open
    #[arg(long)]
    yes: bool,
    /// At most this many a second
    #[arg(long, value_name = "COUNT")]
    rate: Option<u32>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    let (field, value) = text.split_once('=').ok_or("must be FIELD=VALUE")?;
    Ok((field.to_owned(), value.to_owned()))
}

impl Filter {
    fn request(&self) -> Request {
        let request = Request::get(&["dead-letters"])
            .with_each("reason", &self.reason)
            .with_each("tenant", &self.tenant);
        request.with("status", self.status.as_deref())
    }
}

impl Replay {
    fn request(&self) -> Result<Request, Failure> {
        let chosen = !self.ids.is_empty() || self.reason.is_some() || self.tenant.is_some();
        if !(chosen || self.yes || self.dry_run) {
            return Err(Failure::usage(
                "name ids, --reason or --tenant, or say --yes to replay everything that is open",
            ));
        }
        let mut body = Map::new();
        let mut put =
            |name: &str, value: Option<Value>| body.extend(value.map(|value| (name.to_owned(), value)));
        put("ids", (!self.ids.is_empty()).then(|| self.ids.clone().into()));
        put("reason", self.reason.clone().map(Value::from));
        put("tenant", self.tenant.clone().map(Value::from));
        let set: Map<String, Value> =
            self.set.iter().map(|(field, value)| (field.clone(), Value::from(value.clone()))).collect();
        put("set", (!set.is_empty()).then_some(Value::Object(set)));
        put("dry_run", self.dry_run.then_some(Value::from(true)));
        put("rate", self.rate.map(Value::from));
        Ok(Request::new(Method::POST, &["dead-letters:replay"]).with_body(Value::Object(body)))
    }
}

impl Dlq {
    /// Asks, and prints the answer.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Ls(filter) => {
                print(context, &LETTER_COLUMNS, &rest(context)?.list(&filter.request()).await?)
            }
            Self::Show { id } => show(context, &id).await,
            Self::Replay(replay) => {
                let request = replay.request()?;
                let outcomes = rest(context)?.send(&request).await?.body;
                print(context, &OUTCOME_COLUMNS, &outcomes)?;
                Ok(if any_rejected(&outcomes) { Exit::Partial } else { Exit::Done })
            }
        }
    }
}

fn rest(context: &Context) -> anyhow::Result<Rest> {
    Ok(Rest::new(context.find_server()?))
}

fn print(context: &Context, columns: &[&str], whole: &Value) -> anyhow::Result<Exit> {
    let items = whole["items"].as_array().cloned().unwrap_or_default();
    context.format.print(&Listing { columns, items: &items, whole })?;
    Ok(Exit::Done)
}

async fn show(context: &Context, id: &str) -> anyhow::Result<Exit> {
    let letter = rest(context)?.send(&Request::get(&["dead-letters", id])).await?.body;
    context.format.print(&Listing {
        columns: &LETTER_COLUMNS,
        items: std::slice::from_ref(&letter),
        whole: &letter,
    })?;
    Ok(Exit::Done)
}

fn any_rejected(outcomes: &Value) -> bool {
    outcomes["items"].as_array().into_iter().flatten().any(|item| item["status"] == "rejected")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_replay_of_everything_must_be_meant() {
        assert!(Replay::default().request().is_err());
        let meant = Replay { yes: true, ..Replay::default() }.request().unwrap();
        assert_eq!(meant, Request::new(Method::POST, &["dead-letters:replay"]).with_body(json!({})));
    }

    #[test]
    fn a_replay_becomes_its_request() {
        let replay = Replay {
            reason: Some("UNKNOWN_SKU".to_owned()),
            set: vec![assignment("sku=llm.input").unwrap()],
            rate: Some(100),
            ..Replay::default()
        };
        let body = json!({"reason": "UNKNOWN_SKU", "set": {"sku": "llm.input"}, "rate": 100});
        assert_eq!(
            replay.request().unwrap(),
            Request::new(Method::POST, &["dead-letters:replay"]).with_body(body)
        );
        assert!(assignment("sku").is_err());
    }

    #[test]
    fn one_rejected_pulse_makes_it_partial() {
        assert!(any_rejected(&json!({"items": [{"status": "accepted"}, {"status": "rejected"}]})));
        assert!(!any_rejected(&json!({"items": [{"status": "duplicate"}]})));
    }
}
