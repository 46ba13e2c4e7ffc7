//! `pulse catalog`: documents into the catalogue and out of it, and the log's layout.

mod add_incarnation;
mod layout;

use super::Context;
use crate::client::catalog::{self, yaml};
use crate::client::layout::Question;
use crate::client::rest::Rest;
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Listing};
use ::catalog::export::{Export, LeftOut};
use add_incarnation::AddIncarnation;
use anyhow::Context as _;
use clap::Subcommand;
use layout::{AddGeneration, SplitTenant};
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};

/// Read or change the catalogue.
#[derive(Debug, Subcommand)]
pub enum Catalog {
    /// Put the documents of a file (YAML or JSON) into the catalogue; unchanged ones append nothing
    Apply {
        /// Documents with `kind: unit|sku|tenant|plan|contract`, `id` and the REST body
        file: PathBuf,
    },
    /// Write the whole catalogue as documents that `apply` reads
    Export {
        /// Where to: `.json` for JSON, else YAML; `-` for standard output
        file: PathBuf,
    },
    /// Show the log's layout: its generations and the tenants that are spread over several partitions
    Layout,
    /// Give the log another number of partitions from an event time on, by a generation with a topic of its own
    AddGeneration(AddGeneration),
    /// Spread a busy tenant over several partitions from an event time on
    SplitTenant(SplitTenant),
    /// Go on with a topic that is gone for good: its records that were not counted are declared lost
    AddIncarnation(AddIncarnation),
}

impl Catalog {
    /// Does it.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        match self {
            Self::Apply { file } => apply(context, &file).await,
            Self::Export { file } => export(context, &file).await,
            Self::Layout => layout::run(context, Question::Show).await,
            Self::AddGeneration(flags) => layout::run(context, flags.into()).await,
            Self::SplitTenant(flags) => layout::run(context, flags.into()).await,
            Self::AddIncarnation(command) => command.run(context).await,
        }
    }
}

/// Prints what each document became.
async fn apply(context: &Context, file: &Path) -> anyhow::Result<Exit> {
    let name = file.display().to_string();
    let requests = catalog::read(&name, &text(file)?)?;
    let items = catalog::apply(&Rest::new(context.find_server()?), &name, &requests).await?;
    let whole = json!({"items": items});
    context.format.print(&Listing {
        columns: &["kind", "id", "catalog_offset"],
        items: &items,
        whole: &whole,
    })?;
    Ok(Exit::Done)
}

/// Says what could not be a document.
async fn export(context: &Context, file: &Path) -> anyhow::Result<Exit> {
    let Export { documents, left_out } = catalog::export(&Rest::new(context.find_server()?)).await?;
    let is_json = file.extension().is_some_and(|extension| extension == "json");
    let is_json = is_json || (file == Path::new("-") && context.format == Format::Json);
    let text = if is_json {
        format!("{}\n", serde_json::to_string_pretty(&documents)?)
    } else {
        documents.iter().map(yaml::document).collect::<Vec<_>>().join("---\n")
    };
    if file == Path::new("-") {
        output::print(&text)?;
    } else {
        fs::write(file, text).with_context(|| format!("writing {}", file.display()))?;
        eprintln!("{} documents are in {}", documents.len(), file.display());
    }
    for LeftOut { kind, id, reason } in &left_out {
        eprintln!("left out: {} {id}: {reason}", kind.name());
    }
    Ok(Exit::Done)
}

/// The text of a file that the caller named.
fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}
