//! `pulse explain`: a charge down to the pulses it is for.

use super::Context;
use super::asking::Asking;
use crate::client::rest::{Request, Rest};
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing};
use clap::Args;
use serde_json::{Value, json};

const CHARGE_COLUMNS: [&str; 11] = [
    "id",
    "tenant",
    "period",
    "plan",
    "plan_version",
    "price",
    "quantity",
    "unit",
    "amount_unrounded",
    "amount",
    "currency",
];
const LINE_COLUMNS: [&str; 4] = ["description", "quantity", "price", "amount_unrounded"];
const PULSE_COLUMNS: [&str; 9] = [
    "pulse.event_time",
    "pulse.id",
    "pulse.sku",
    "pulse.quantity",
    "pulse.unit",
    "record.partition",
    "record.offset",
    "record.index",
    "record.received_time",
];

/// Explain a charge: its steps, the usage it is rated from, and the pulses of that usage.
#[derive(Args, Clone, Debug)]
pub struct Explain {
    /// The charge's id, as costs and charges name it
    #[arg(required_unless_present = "tenant")]
    charge_id: Option<String>,
    /// In place of an id: whose charge
    #[arg(long, requires = "sku", conflicts_with = "charge_id")]
    tenant: Option<String>,
    /// For which SKU
    #[arg(long, requires = "tenant")]
    sku: Option<String>,
    /// Of which month: 2026-01, month or last-month
    #[arg(long, requires = "tenant", default_value = "month")]
    period: String,
    /// Show so many pulses
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pulses: u16,
    /// Show all pulses
    #[arg(long, conflicts_with = "pulses")]
    all: bool,
    #[command(flatten)]
    asking: Asking,
}

impl Explain {
    /// Finds the charge, asks, and prints the answer.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let id = match &self.charge_id {
            Some(id) => id.clone(),
            None => find(context, &self.search()).await?,
        };
        let request = self.request(&id);
        let whole = if self.all || self.asking.curl {
            self.asking.ask(context, &request).await?
        } else {
            Some(Rest::new(context.find_server()?).send(&request).await?.body)
        };
        whole.map_or(Ok(()), |whole| print(context.format, &whole))?;
        Ok(Exit::Done)
    }

    fn search(&self) -> Request {
        Request::get(&["costs"])
            .with("tenant", self.tenant.as_deref())
            .with("sku", self.sku.as_deref())
            .with("period", Some(&self.period))
    }

    fn request(&self, id: &str) -> Request {
        let count = if self.all { 1_000 } else { self.pulses };
        Request::get(&["charges", id, "explanation"]).with("page_size", Some(&count.to_string()))
    }
}

/// The one charge that those costs are.
async fn find(context: &Context, search: &Request) -> anyhow::Result<String> {
    let costs = Rest::new(context.find_server()?).list(search).await?;
    Ok(only_charge(&costs)?)
}

fn only_charge(costs: &Value) -> Result<String, Failure> {
    let items = || costs["items"].as_array().into_iter().flatten();
    let texts = |field: &str| -> Vec<&str> { items().filter_map(|item| item[field].as_str()).collect() };
    let message = match (&texts("charge_id")[..], &texts("unpriced")[..]) {
        ([id], _) => return Ok((*id).to_owned()),
        _ if items().next().is_none() => "there is no such usage: see GET /v1/usage".to_owned(),
        ([], [reason, ..]) => format!("this usage has no price: {reason}"),
        _ => "these costs are not one charge: name its id, which GET /v1/charges lists with its price"
            .to_owned(),
    };
    Err(Failure { exit: Exit::Failed, message })
}

/// A table for each part; CSV is the pulses alone.
fn print(format: Format, whole: &Value) -> anyhow::Result<()> {
    let pulses = list(whole, "items");
    if format != Format::Table {
        return format.print(&Listing { columns: &PULSE_COLUMNS, items: &pulses, whole });
    }
    let charge = [whole["charge"].clone()];
    let lines = list(&whole["charge"], "lines");
    for (title, columns, items) in [
        ("Charge", CHARGE_COLUMNS.as_slice(), charge.as_slice()),
        ("Steps", &LINE_COLUMNS, &lines),
        ("Usage", &["quantity", "unit", "count"], &list(whole, "usage")),
        ("Pulses", &PULSE_COLUMNS, &pulses),
    ] {
        output::print(&format!("{title}\n"))?;
        format.print(&Listing { columns, items, whole: &json!(null) })?;
        output::print("\n")?;
    }
    for line in talk(whole) {
        eprintln!("{line}");
    }
    Ok(())
}

/// What the tables do not show.
fn talk(whole: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if whole["agrees"] == false {
        lines.push("newer usage waits to be rated: these sums are ahead of the charge".to_owned());
    }
    if whole["next_page_token"].is_string() {
        lines.push("there are more pulses: --all shows them".to_owned());
    }
    for gone in list(whole, "gone") {
        let [partition, start, end] =
            ["partition", "start_offset", "end_offset"].map(|name| output::text(&gone[name]));
        lines.push(format!("records of partition {partition} from {start} to {end} are gone"));
    }
    lines
}

fn list(whole: &Value, field: &str) -> Vec<Value> {
    whole[field].as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Command};
    use clap::Parser;

    fn parsed(flags: &[&str]) -> Result<Explain, clap::Error> {
        let cli = Cli::try_parse_from(["pulse", "explain"].iter().chain(flags))?;
        let Command::Explain(explain) = cli.command else { panic!("it is explain") };
        Ok(explain)
    }

    #[test]
    fn a_charge_is_named_by_its_id_or_by_tenant_and_sku() {
        let by_id = parsed(&["abc", "--pulses", "5"]).unwrap();
        let expected = Request::get(&["charges", "abc", "explanation"]).with("page_size", Some("5"));
        assert_eq!(by_id.request("abc"), expected);
        let by_name = parsed(&["--tenant", "acme", "--sku", "llm.input", "--period", "2026-01"]).unwrap();
        let expected = Request::get(&["costs"])
            .with("tenant", Some("acme"))
            .with("sku", Some("llm.input"))
            .with("period", Some("2026-01"));
        assert_eq!(by_name.search(), expected);
        for wrong in [
            &[] as &[&str],
            &["--tenant", "acme"],
            &["abc", "--tenant", "acme", "--sku", "s"],
            &["--sku", "s"],
            &["abc", "--pulses", "0"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn costs_of_one_charge_lead_to_it_and_others_do_not() {
        let costs = |ids: &[&str]| {
            let items: Vec<Value> =
                ids.iter().map(|id| json!({"charge_id": id})).chain([json!({})]).collect();
            json!({"items": items})
        };
        assert_eq!(only_charge(&costs(&["a"])).unwrap(), "a");
        let refusal = |costs: &Value| only_charge(costs).unwrap_err().message;
        assert!(refusal(&costs(&[])).contains("not one charge"));
        assert!(refusal(&json!({"items": []})).contains("no such usage"));
        assert!(refusal(&costs(&["a", "b"])).contains("/v1/charges"));
        let unpriced = json!({"items": [{"quantity": "1", "unpriced": "NO_CONTRACT"}]});
        assert_eq!(refusal(&unpriced), "this usage has no price: NO_CONTRACT");
    }

    #[test]
    fn what_is_missing_is_told() {
        let whole = json!({"agrees": false, "next_page_token": "x",
            "gone": [{"partition": 3, "start_offset": "7", "end_offset": "9"}]});
        assert_eq!(talk(&whole).len(), 3);
        assert_eq!(talk(&whole)[2], "records of partition 3 from 7 to 9 are gone");
        assert_eq!(talk(&json!({"agrees": true, "gone": []})), Vec::<String>::new());
    }
}
