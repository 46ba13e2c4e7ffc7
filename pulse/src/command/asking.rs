//! Reads: asked of the server, or shown as a line for `curl`.

use super::Context;
use crate::client::rest::{Request, Rest};
use crate::output;
use clap::Args;
use serde_json::Value;

/// How a read is asked.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Asking {
    /// Print the request for curl and send nothing
    #[arg(long)]
    pub curl: bool,
}

impl Asking {
    /// The answer, a list to its last page; `None`: the request was printed instead.
    pub async fn ask(self, context: &Context, request: &Request) -> anyhow::Result<Option<Value>> {
        let server = context.find_server()?;
        if self.curl {
            output::print(&format!("{}\n", request.curl(&server)?))?;
            return Ok(None);
        }
        Rest::new(server).list(request).await.map(Some)
    }
}
