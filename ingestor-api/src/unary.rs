//! `WritePulses`: a batch in one call.

use crate::batch;
use crate::edge::{Edge, Ids};
use crate::not_taken::NotTaken;
use proto::v1::{WritePulsesRequest, WritePulsesResponse};

/// Takes the batch of a call; pulses without id get one.
pub(crate) async fn write_pulses(
    edge: &Edge,
    request: WritePulsesRequest,
) -> Result<WritePulsesResponse, NotTaken> {
    let reports = batch::reports(request.pulses)?;
    let taken = edge.take(reports, Ids::Minted).await?;
    Ok(WritePulsesResponse { result: Some(batch::result(taken)) })
}
