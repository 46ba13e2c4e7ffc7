//! `pulse dlq ls|show|stats|replay|purge`: what was refused and kept.

mod stats;

use super::Context;
use super::asking::Asking;
use crate::client::rest::{Request, Rest};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing, print_fields};
use clap::{Args, Subcommand};
use reqwest::Method;
use serde_json::{Map, Value, json};

const LETTER_COLUMNS: [&str; 11] = [
    "id",
    "status",
    "reason",
    "field",
    "message",
    "tenant",
    "received_time",
    "replay_until",
    "attempts",
    "replayed_time",
    "payload",
];
/// Longer texts of a table's line are cut.
const CELL_CHARS_MAX: usize = 100;
const OUTCOME_COLUMNS: [&str; 7] = ["index", "id", "status", "reason", "field", "message", "dead_letter_id"];

/// Look at what was refused and kept, and send it again.
#[derive(Debug, Subcommand)]
pub enum Dlq {
    /// List dead letters
    Ls(Filter),
    /// Show one dead letter whole
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        #[expect(missing_docs, reason = "its text would stand in the help")]
        asking: Asking,
    },
    /// Count dead letters by reason
    Stats(Filter),
    /// Send kept pulses through the edge again, under their own identity
    Replay(Replay),
    /// Give dead letters up: their payloads go for ever, the rows stay
    Purge(Purge),
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
    #[command(flatten)]
    asking: Asking,
}

/// Which open dead letters something is done with, and how fast.
#[derive(Args, Clone, Debug, Default)]
pub struct Choice {
    /// These only
    ids: Vec<String>,
    /// Those refused for this reason
    #[arg(long)]
    reason: Option<String>,
    /// Those of this tenant
    #[arg(long)]
    tenant: Option<String>,
    /// Say what would happen and change nothing
    #[arg(long)]
    dry_run: bool,
    /// At most this many a second
    #[arg(long, value_name = "COUNT")]
    rate: Option<u32>,
}

/// Which dead letters to send again, and how.
#[derive(Args, Clone, Debug, Default)]
pub struct Replay {
    #[command(flatten)]
    choice: Choice,
    /// Mend a field first
    #[arg(long, value_name = "FIELD=VALUE", value_parser = assignment)]
    set: Vec<(String, String)>,
    /// Replay without ids, reason or tenant: everything that is open
    #[arg(long)]
    yes: bool,
}

/// Which dead letters to give up.
#[derive(Args, Clone, Debug, Default)]
pub struct Purge {
    #[command(flatten)]
    choice: Choice,
    /// Without ids, reason or tenant: everything that is open
    #[arg(long, conflicts_with_all = ["ids", "reason", "tenant"])]
    all: bool,
    /// Really do it: payloads do not come back
    #[arg(long)]
    yes: bool,
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

impl Choice {
    fn is_narrow(&self) -> bool {
        !self.ids.is_empty() || self.reason.is_some() || self.tenant.is_some()
    }

    fn body(&self) -> Map<String, Value> {
        let Self { ids, reason, tenant, dry_run, rate } = self;
        let fields = [
            ("ids", (!ids.is_empty()).then(|| json!(ids))),
            ("reason", reason.as_ref().map(|reason| json!(reason))),
            ("tenant", tenant.as_ref().map(|tenant| json!(tenant))),
            ("dry_run", dry_run.then_some(json!(true))),
            ("rate", rate.map(|rate| json!(rate))),
        ];
        fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

impl Replay {
    fn body(&self) -> Result<Map<String, Value>, Failure> {
        if !(self.choice.is_narrow() || self.yes || self.choice.dry_run) {
            return Err(Failure::usage(
                "name ids, --reason or --tenant, or say --yes to replay everything that is open",
            ));
        }
        let mut body = self.choice.body();
        let set: Map<String, Value> =
            self.set.iter().map(|(field, value)| (field.clone(), Value::from(value.clone()))).collect();
        if !set.is_empty() {
            body.insert("set".to_owned(), Value::Object(set));
        }
        Ok(body)
    }
}

impl Purge {
    fn body(&self) -> Result<Map<String, Value>, Failure> {
        if !(self.yes || self.choice.dry_run) {
            return Err(Failure::usage("payloads do not come back: look with --dry-run, then say --yes"));
        }
        if !(self.choice.is_narrow() || self.all || self.choice.dry_run) {
            return Err(Failure::usage(
                "name ids, --reason or --tenant, or say --all to give up everything that is open",
            ));
        }
        let mut body = self.choice.body();
        if self.all {
            body.insert("all".to_owned(), json!(true));
        }
        Ok(body)
    }
}

/// Sends a command to its last page: each dead letter is met once, also one that is refused again. One that was
/// interrupted is repeated as it was: what it has done is not open any more.
async fn command(rest: &Rest, verb: &'static str, mut body: Map<String, Value>) -> anyhow::Result<Value> {
    let counter = output::counter(verb);
    let mut items = Vec::new();
    loop {
        let request = Request::new(Method::POST, &[&format!("dead-letters:{verb}")])
            .with_body(Value::Object(body.clone()));
        let mut page = rest.send(&request).await?.body;
        if let Value::Array(more) = page["items"].take() {
            items.extend(more);
        }
        counter.set_position(items.len() as u64);
        match page["next_page_token"].take() {
            Value::String(token) => body.insert("page_token".to_owned(), token.into()),
            _ => break,
        };
    }
    counter.finish_and_clear();
    Ok(json!({"items": items}))
}

impl Dlq {
    /// Asks, and prints the answer.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Ls(filter) => {
                let letters = filter.asking.ask(context, &filter.request()).await?;
                letters.map_or(Ok(Exit::Done), |letters| print(context, &LETTER_COLUMNS, &letters))
            }
            Self::Show { id, asking } => {
                if let Some(letter) = asking.ask(context, &Request::get(&["dead-letters", &id])).await? {
                    print_fields(context.format, &letter)?;
                }
                Ok(Exit::Done)
            }
            Self::Stats(filter) => {
                let letters = filter.asking.ask(context, &filter.request()).await?;
                letters
                    .map_or(Ok(Exit::Done), |letters| print(context, &stats::COLUMNS, &stats::of(&letters)))
            }
            Self::Replay(replay) => {
                let outcomes = command(&rest(context)?, "replay", replay.body()?).await?;
                print(context, &OUTCOME_COLUMNS, &outcomes)?;
                Ok(if any_rejected(&outcomes) { Exit::Partial } else { Exit::Done })
            }
            Self::Purge(purge) => {
                let outcomes = command(&rest(context)?, "purge", purge.body()?).await?;
                print(context, &OUTCOME_COLUMNS, &outcomes)
            }
        }
    }
}

fn rest(context: &Context) -> anyhow::Result<Rest> {
    Ok(Rest::new(context.find_server()?))
}

fn print(context: &Context, columns: &[&str], whole: &Value) -> anyhow::Result<Exit> {
    let mut items = whole["items"].as_array().cloned().unwrap_or_default();
    if context.format == Format::Table {
        items.iter_mut().for_each(shorten);
    }
    context.format.print(&Listing { columns, items: &items, whole })?;
    Ok(Exit::Done)
}

/// Makes a letter a line that can be read: what was sent would be columns of its own, and what senders call an id may be
/// long. `show`, JSON and CSV have it all.
fn shorten(letter: &mut Value) {
    let Some(letter) = letter.as_object_mut() else { return };
    letter.remove("payload");
    for value in letter.values_mut() {
        if let Value::String(text) = value
            && let Some((end, _)) = text.char_indices().nth(CELL_CHARS_MAX)
        {
            text.truncate(end);
            text.push('…');
        }
    }
}

fn any_rejected(outcomes: &Value) -> bool {
    outcomes["items"].as_array().into_iter().flatten().any(|item| item["status"] == "rejected")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replay_of_everything_must_be_meant() {
        let failure = Replay::default().body().unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(Replay { yes: true, ..Replay::default() }.body().unwrap(), Map::new());
        let look = Choice { dry_run: true, ..Choice::default() };
        let looked = Replay { choice: look, ..Replay::default() }.body().unwrap();
        assert_eq!(Value::Object(looked), json!({"dry_run": true}));
    }

    #[test]
    fn a_replay_becomes_its_body() {
        let reason = Some("UNKNOWN_SKU".to_owned());
        let choice = Choice { reason, rate: Some(100), ..Choice::default() };
        let replay = Replay { choice, set: vec![assignment("sku=llm.input").unwrap()], yes: false };
        let body = json!({"reason": "UNKNOWN_SKU", "set": {"sku": "llm.input"}, "rate": 100});
        assert_eq!(Value::Object(replay.body().unwrap()), body);
        assert!(assignment("sku").is_err());
    }

    #[test]
    fn a_purge_must_be_meant_however_little_it_chooses() {
        let choice = Choice { ids: vec!["x".to_owned()], rate: Some(5), ..Choice::default() };
        let one = Purge { choice: choice.clone(), ..Purge::default() };
        assert_eq!(one.body().unwrap_err().exit, Exit::Usage);
        let choice = Choice { tenant: Some("acme".to_owned()), ..choice };
        let meant = Purge { choice, yes: true, ..Purge::default() };
        assert_eq!(Value::Object(meant.body().unwrap()), json!({"ids": ["x"], "tenant": "acme", "rate": 5}));
    }

    #[test]
    fn a_purge_of_everything_must_be_meant_twice() {
        let failure = Purge { yes: true, ..Purge::default() }.body().unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("--all"), "{}", failure.message);
        let unmeant = Purge { all: true, ..Purge::default() };
        assert_eq!(unmeant.body().unwrap_err().exit, Exit::Usage);
        let meant = Purge { yes: true, all: true, ..Purge::default() };
        assert_eq!(Value::Object(meant.body().unwrap()), json!({"all": true}));
        let looks = Purge { choice: Choice { dry_run: true, ..Choice::default() }, ..Purge::default() };
        assert_eq!(Value::Object(looks.body().unwrap()), json!({"dry_run": true}));
    }

    #[test]
    fn a_filter_becomes_its_question() {
        let filter = Filter {
            reason: vec!["TOO_LATE".to_owned(), "IN_FUTURE".to_owned()],
            status: Some("purged".to_owned()),
            ..Filter::default()
        };
        let expected = Request::get(&["dead-letters"])
            .with("reason", Some("TOO_LATE"))
            .with("reason", Some("IN_FUTURE"))
            .with("status", Some("purged"));
        assert_eq!(filter.request(), expected);
    }

    #[test]
    fn a_line_of_a_table_is_short() {
        let (long, whole) = ("é".repeat(101), "é".repeat(100));
        let mut letter = json!({"id": long, "field": whole, "attempts": 3, "payload": {"sku": "x"}});
        shorten(&mut letter);
        assert_eq!(letter, json!({"id": format!("{whole}…"), "field": whole, "attempts": 3}));
    }

    #[test]
    fn one_rejected_pulse_makes_it_partial() {
        assert!(any_rejected(&json!({"items": [{"status": "accepted"}, {"status": "rejected"}]})));
        assert!(!any_rejected(&json!({"items": [{"status": "duplicate"}]})));
    }
}
