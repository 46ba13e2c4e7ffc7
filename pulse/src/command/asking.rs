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

    /// The answer of a read that may take long, with a bar of what is `counted` of what is `expected`; `None`: the request
    /// was printed instead.
    pub async fn follow(
        self,
        context: &Context,
        request: &Request,
        verb: &'static str,
    ) -> anyhow::Result<Option<Value>> {
        if self.curl {
            return self.ask(context, request).await;
        }
        let bar = output::progress(0, verb, "{human_pos}/{human_len}");
        let number = |value: &Value| value.as_str().and_then(|text| text.parse().ok()).unwrap_or_default();
        let show = |counting: &Value| {
            bar.set_length(number(&counting["expected"]));
            bar.set_position(number(&counting["counted"]));
        };
        let answer = Rest::new(context.find_server()?).follow(request, show).await;
        bar.finish_and_clear();
        answer.map(Some)
    }
}
