//! `pulse price lint|diff`: price plans before they are published.

use super::Context;
use crate::client::rest::{Request, Rest};
use crate::exit::{Exit, Failure};
use crate::output::Listing;
use anyhow::Context as _;
use catalog::lint::{KnownSkus, SkuFacts, lint};
use catalog::plan::{PlanDocument, PlanErrors};
use clap::Subcommand;
use domain::id::{SkuId, UnitId};
use domain::unit::{Unit, Units, parse_factor};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Look at price plans before they are published.
#[derive(Debug, Subcommand)]
pub enum Price {
    /// Say what is wrong with a plan, and where; the SKUs it names are asked of the server
    Lint {
        /// A plan document, YAML or JSON
        file: PathBuf,
        /// Ask nobody: check the document alone
        #[arg(long)]
        offline: bool,
    },
    /// Say what is different between two plans
    Diff {
        /// The earlier plan
        before: PathBuf,
        /// The later plan
        after: PathBuf,
    },
}

impl Price {
    /// Reads the plans, and prints what is found.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Lint { file, offline } => {
                let document = match read(&file)? {
                    Ok(document) => document,
                    Err(errors) => return report(context, &file, &errors),
                };
                if offline {
                    return report(context, &file, &PlanErrors(Vec::new()));
                }
                let known = Known::ask(&Rest::new(context.find_server()?)).await?;
                let faults = lint(&document, &known, &known.units).err();
                report(context, &file, &faults.unwrap_or(PlanErrors(Vec::new())))
            }
            Self::Diff { before, after } => diff(context, &plan(&before)?, &plan(&after)?),
        }
    }
}

fn read(path: &Path) -> Result<Result<PlanDocument, PlanErrors>, Failure> {
    let text =
        fs::read_to_string(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
    Ok(PlanDocument::parse(&text))
}

fn plan(path: &Path) -> Result<PlanDocument, Failure> {
    read(path)?.map_err(|errors| Failure::usage(format!("{}: {errors}", path.display())))
}

fn report(context: &Context, file: &Path, errors: &PlanErrors) -> anyhow::Result<Exit> {
    let items: Vec<Value> = errors.0.iter().map(|error| {
        json!({"line": error.line, "column": error.column, "field": error.field, "message": error.message})
    }).collect();
    if items.is_empty() {
        eprintln!("{}: nothing is wrong", file.display());
        return Ok(Exit::Done);
    }
    context.format.print(&Listing {
        columns: &["line", "column", "field", "message"],
        items: &items,
        whole: &json!({"items": items}),
    })?;
    Ok(Exit::Failed)
}

fn diff(context: &Context, before: &PlanDocument, after: &PlanDocument) -> anyhow::Result<Exit> {
    let diff =
        serde_json::to_value(before.plan().diff(after.plan())).context("a difference is a document")?;
    let items = rows(&diff);
    if items.is_empty() {
        eprintln!("the plans say the same");
    }
    context.format.print(&Listing {
        columns: &["price", "change", "field", "before", "after"],
        items: &items,
        whole: &diff,
    })?;
    Ok(Exit::Done)
}

/// A row for each field that is different.
fn rows(diff: &Value) -> Vec<Value> {
    let of = |price: &Value, change: &Value, fields: &Value| -> Vec<Value> {
        let row = |field: &Value| json!({"price": price, "change": change, "field": field["field"], "before": field["before"], "after": field["after"]});
        fields.as_array().into_iter().flatten().map(row).collect()
    };
    let own = of(&json!("(plan)"), &json!("changed"), &diff["fields"]);
    let prices = diff["prices"].as_array().into_iter().flatten();
    own.into_iter()
        .chain(prices.flat_map(|price| of(&price["price"], &price["change"], &price["fields"])))
        .collect()
}

/// What a server's catalogue knows.
struct Known {
    skus: BTreeMap<SkuId, (UnitId, Vec<String>)>,
    units: Units,
}

impl Known {
    async fn ask(rest: &Rest) -> anyhow::Result<Self> {
        let skus = rest.list(&Request::get(&["skus"])).await?;
        let units = rest.list(&Request::get(&["units"])).await?;
        Self::read(&skus, &units)
    }

    fn read(skus: &Value, units: &Value) -> anyhow::Result<Self> {
        let mut known = Self { skus: BTreeMap::new(), units: Units::built_in() };
        for item in skus["items"].as_array().into_iter().flatten() {
            let dimensions = item["dimensions"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let facts = (UnitId::parse(text(item, "unit")?)?, dimensions.map(str::to_owned).collect());
            known.skus.insert(SkuId::parse(text(item, "id")?)?, facts);
        }
        for item in units["items"].as_array().into_iter().flatten() {
            let (dimension, factor) = (text(item, "dimension")?.into(), parse_factor(text(item, "factor")?)?);
            known.units.put(UnitId::parse(text(item, "id")?)?, Unit { dimension, factor });
        }
        Ok(known)
    }
}

fn text<'a>(item: &'a Value, field: &str) -> anyhow::Result<&'a str> {
    item[field].as_str().with_context(|| format!("the answer has no text in {field}"))
}

impl KnownSkus for Known {
    fn find_sku(&self, id: &SkuId) -> Option<SkuFacts<'_>> {
        self.skus.get(id).map(|(unit, dimensions)| SkuFacts { unit, dimensions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: &str = "plan: llm\ncurrency: USD\neffective_time: 2026-01-01T00:00:00Z\nprices:\n  - {id: in, sku: llm.input, unit: kilotoken, model: per_unit, price: \"3\"}\n  - {id: old, sku: llm.old, unit: token, model: per_unit, price: \"1\"}\n";

    fn known() -> Known {
        let skus = json!({"items": [{"id": "llm.input", "unit": "token", "dimensions": []}]});
        let units = json!({"items": [{"id": "kilotoken", "dimension": "token", "factor": "1000/1"}]});
        Known::read(&skus, &units).unwrap()
    }

    #[test]
    fn a_plan_is_checked_against_what_the_server_knows() {
        let document = PlanDocument::parse(PLAN).unwrap();
        let errors = lint(&document, &known(), &known().units).unwrap_err();
        assert_eq!(errors.0.len(), 1, "{errors}");
        assert_eq!((errors.0[0].line, errors.0[0].field.as_str()), (6, "prices[1].sku"));
    }

    #[test]
    fn a_difference_is_a_row_for_each_field() {
        let before = PlanDocument::parse(PLAN).unwrap();
        let after = PlanDocument::parse(&PLAN.replace("\"3\"", "\"2.5\"").replace("USD", "EUR")).unwrap();
        let rows = rows(&serde_json::to_value(before.plan().diff(after.plan())).unwrap());
        assert_eq!(
            rows[0],
            json!({"price": "(plan)", "change": "changed", "field": "currency", "before": "USD", "after": "EUR"})
        );
        assert_eq!(rows[1]["price"], "in");
        assert_eq!((rows[1]["before"].as_str(), rows[1]["after"].as_str()), (Some("3"), Some("2.5")));
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_file_that_is_not_there_is_the_callers_fault() {
        assert_eq!(plan(Path::new("/no/such/plan.yaml")).unwrap_err().exit, Exit::Usage);
    }
}
