//! `pulse catalog layout|add-generation|split-tenant`: over how many partitions the log lies.

use super::super::Context;
use crate::client::layout::{self, Question};
use crate::exit::Exit;
use crate::import::time;
use crate::output::Listing;
use crate::system_clock::SystemClock;
use clap::Args;
use domain::port::Clock;
use domain::time::Timestamp;
use serde_json::json;

/// A change holds from so much later on where no time is given: the notice that every edge needs, and a minute.
const NOTICE_SECONDS: i64 = 16 * 60;
const COLUMNS: [&str; 8] =
    ["kind", "number", "topic", "tenant", "partitions", "shards", "valid_from", "incarnation"];

/// A generation to be.
#[derive(Args, Debug)]
pub struct AddGeneration {
    /// How many partitions its topic has
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    partitions: u32,
    /// The first event time that goes there, at least 15 minutes from now [default: in 16 minutes]
    #[arg(long, value_name = "TIME", value_parser = time::of_flag)]
    valid_from: Option<Timestamp>,
}

/// A tenant to be spread.
#[derive(Args, Debug)]
pub struct SplitTenant {
    /// Who
    tenant: String,
    /// Over how many partitions; 1 puts the tenant together again
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    shards: u32,
    /// The first event time it holds for, at least 15 minutes from now [default: in 16 minutes]
    #[arg(long, value_name = "TIME", value_parser = time::of_flag)]
    valid_from: Option<Timestamp>,
}

/// Without a time, the start of a second, so that it reads well.
fn or_soon(valid_from: Option<Timestamp>) -> Timestamp {
    valid_from.unwrap_or_else(|| Timestamp::from_seconds(SystemClock.now().seconds() + NOTICE_SECONDS))
}

impl From<AddGeneration> for Question {
    fn from(flags: AddGeneration) -> Self {
        Self::AddGeneration { partitions: flags.partitions, valid_from: or_soon(flags.valid_from) }
    }
}

impl From<SplitTenant> for Question {
    fn from(flags: SplitTenant) -> Self {
        let SplitTenant { tenant, shards, valid_from } = flags;
        Self::SplitTenant { tenant, shards, valid_from: or_soon(valid_from) }
    }
}

/// Asks, and prints the layout that is the answer.
pub async fn run(context: &Context, question: Question) -> anyhow::Result<Exit> {
    let layout = layout::ask(&context.find_server()?, question).await?;
    let items = layout::items(&layout);
    let whole = json!({"items": items, "catalog_offset": layout.catalog_offset.to_string()});
    context.format.print(&Listing { columns: &COLUMNS, items: &items, whole: &whole })?;
    Ok(Exit::Done)
}
