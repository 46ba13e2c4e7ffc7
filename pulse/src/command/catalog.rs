//! `pulse catalog apply|export`: documents into the catalogue and out of it.

use super::Context;
use crate::client::catalog;
use crate::client::rest::Rest;
use crate::exit::{Exit, Failure};
use crate::output::Listing;
use clap::Subcommand;
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
}

impl Catalog {
    /// Applies the file, and prints what each document became.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let Self::Apply { file } = self;
        let name = file.display().to_string();
        let requests = catalog::read(&name, &text(&file)?)?;
        let items = catalog::apply(&Rest::new(context.find_server()?), &name, &requests).await?;
        let whole = json!({"items": items});
        context.format.print(&Listing {
            columns: &["kind", "id", "catalog_offset"],
            items: &items,
            whole: &whole,
        })?;
        Ok(Exit::Done)
    }
}

/// The text of a file that the caller named.
fn text(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
}
