//! The first service, `UsageService.Consume`: one pulse a call, used at the time of receipt.

use crate::edge::{Edge, Ids};
use crate::intake::Report;
use crate::outcome::Outcome;
use prost::Message;
use proto::usage::UsageInfoRequest;
use tonic::Status;

/// Takes the one pulse of a call. A refusal is kept like any other, and answered as an error.
pub(crate) async fn consume(edge: &Edge, request: UsageInfoRequest) -> Result<(), Status> {
    let bytes = request.encoded_len();
    let report = Report { raw: proto::pulse::from_usage(request), bytes, ..Report::default() };
    let taken = edge.take(vec![report], Ids::Minted).await?;
    match taken.outcomes.into_iter().next() {
        Some(Outcome::Rejected(rejection)) => Err(Status::from(*rejection)),
        _ => Ok(()),
    }
}
