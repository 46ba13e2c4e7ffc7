//! `pulse trace`: what became of one pulse.

use super::Context;
use super::asking::Asking;
use crate::client::rest::Request;
use crate::exit::Exit;
use crate::output;
use clap::Args;

/// Follow one pulse to its record, the sum it is in and the charge it is part of.
#[derive(Args, Clone, Debug)]
pub struct Trace {
    /// Its id within the source
    pulse_id: String,
    /// Who pays
    #[arg(long)]
    tenant: String,
    /// Who reported [default: nobody named]
    #[arg(long)]
    source: Option<String>,
    /// When, exact to the minute [default: the time of a UUIDv7]
    #[arg(long, value_name = "TIME")]
    event_time: Option<String>,
    #[command(flatten)]
    asking: Asking,
}

impl Trace {
    /// Asks, and prints the answer field by field.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        if let Some(trace) = self.asking.ask(context, &self.request()).await? {
            output::print_fields(context.format, &trace)?;
        }
        Ok(Exit::Done)
    }

    fn request(&self) -> Request {
        Request::get(&["pulses", &self.pulse_id])
            .with("tenant", Some(&self.tenant))
            .with("source", self.source.as_deref())
            .with("event_time", self.event_time.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pulse_is_named_by_its_whole_identity() {
        let trace = Trace {
            pulse_id: "a/1".to_owned(),
            tenant: "acme".to_owned(),
            source: None,
            event_time: Some("2026-01-31T10:15:00Z".to_owned()),
            asking: Asking::default(),
        };
        let expected = Request::get(&["pulses", "a/1"])
            .with("tenant", Some("acme"))
            .with("event_time", Some("2026-01-31T10:15:00Z"));
        assert_eq!(trace.request(), expected);
    }
}
