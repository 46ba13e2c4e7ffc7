//! `pulse top`: how the pipeline is doing, again and again.

use super::Context;
use super::asking::Asking;
use crate::client::rest::{Request, Rest};
use crate::exit::Exit;
use crate::output::{self, Format, Listing};
use clap::Args;
use serde_json::{Value, json};
use std::io::{self, IsTerminal};
use std::time::Duration;

const COLUMNS: [&str; 10] = [
    "partition",
    "pulses_per_second",
    "lag_records",
    "lag_seconds",
    "watermark",
    "counted",
    "duplicates",
    "dead_letters",
    "read",
    "balanced",
];
/// Puts the cursor home and clears what is below.
const REDRAW: &str = "\x1b[H\x1b[J";
const CLEAR: &str = "\x1b[2J";
/// Books whose entries are kept as dead letters.
const DEAD: [&str; 4] = ["conflict", "refused", "foreign", "too_late"];

/// Show rates, lag, watermark, books and dead letters, again and again.
#[derive(Args, Clone, Debug)]
pub struct Top {
    /// Show it once: a table, JSON or CSV for scripts
    #[arg(long)]
    once: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    interval: u64,
    #[command(flatten)]
    asking: Asking,
}

impl Top {
    /// Shows the pipeline once, or until it is interrupted.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let request = Request::get(&["pipeline"]);
        if self.once || self.asking.curl {
            if let Some(pipeline) = self.asking.ask(context, &request).await? {
                output::print(&text(context.format, &pipeline)?)?;
            }
            return Ok(Exit::Done);
        }
        let rest = Rest::new(context.find_server()?);
        let (clear, redraw) = if io::stdout().is_terminal() { (CLEAR, REDRAW) } else { ("", "") };
        output::print(clear)?;
        loop {
            let pipeline = rest.send(&request).await?.body;
            output::print(&format!("{redraw}{}", text(context.format, &pipeline)?))?;
            tokio::time::sleep(Duration::from_secs(self.interval)).await;
        }
    }
}

fn text(format: Format, pipeline: &Value) -> anyhow::Result<String> {
    let partitions = pipeline["partitions"].as_array().into_iter().flatten();
    let named = partitions.map(|partition| row(&partition["partition"], partition));
    let items: Vec<Value> = named.chain([row(&json!("all"), pipeline)]).collect();
    format.render(&Listing { columns: &COLUMNS, items: &items, whole: pipeline })
}

fn row(name: &Value, standing: &Value) -> Value {
    let books = &standing["books"];
    let dead: u128 = DEAD.iter().filter_map(|entry| books[entry].as_str()?.parse::<u128>().ok()).sum();
    json!({
        "partition": name,
        "pulses_per_second": standing["pulses_per_second"],
        "lag_records": standing["lag_records"],
        "lag_seconds": standing["lag_seconds"],
        "watermark": standing["watermark"],
        "counted": books["applied"],
        "duplicates": books["duplicate"],
        "dead_letters": dead.to_string(),
        "read": books["read"],
        "balanced": books["balanced"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline() -> Value {
        let books = |applied: &str| {
            json!({"read": "20", "applied": applied, "duplicate": "4", "conflict": "1", "refused": "2",
                "foreign": "3", "too_late": "0", "control": "0", "balanced": true})
        };
        json!({"time": "t", "watermark": "w", "lag_seconds": "1", "lag_records": "3", "pulses_per_second": "5.5",
            "books": books("10"),
            "partitions": [{"generation": 1, "partition": 0, "lag_records": "3", "books": books("10")}]})
    }

    #[test]
    fn every_partition_is_a_row_and_the_whole_is_the_last() {
        let csv = text(Format::Csv, &pipeline()).unwrap();
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines[0], COLUMNS.join(","));
        assert_eq!(lines[1], "0,,3,,,10,4,6,20,true");
        assert_eq!(lines[2], "all,5.5,3,1,w,10,4,6,20,true");
    }

    #[test]
    fn json_is_the_answer_as_it_is() {
        let shown: Value = serde_json::from_str(&text(Format::Json, &pipeline()).unwrap()).unwrap();
        assert_eq!(shown, pipeline());
    }
}
