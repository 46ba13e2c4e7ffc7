//! `StreamPulses`: batches in, an answer to each, in any order.
//!
//! One task drives a stream: it reads while fewer than the limit are unanswered, and answers what is durable. When it
//! stops reading, for whatever reason, it answers everything it has read and then ends as the reason says.

use crate::batch;
use crate::edge::{Edge, Ids};
use crate::not_taken::NotTaken;
use domain::code::Code;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use proto::v1::stream_pulses_response::Outcome;
use proto::v1::{StreamLimits, StreamPulsesRequest, StreamPulsesResponse};
use std::pin::pin;
use tokio::sync::mpsc;
use tonic::Status;
use tracing::{Instrument, debug_span};

/// An answer, or the status a stream ends with.
pub(crate) type Answer = Result<StreamPulsesResponse, Status>;

/// What a stream reads from and answers to.
pub(crate) struct Wires<R, S> {
    /// The batches.
    pub requests: R,
    /// Its capacity bounds the answers that the client has not taken.
    pub answers: mpsc::Sender<Answer>,
    /// Resolves when no more is to be read, and tells why.
    pub stop: S,
}

/// Answers every batch of a stream, of which at most that many are read and not answered.
pub(crate) async fn drive<R, S>(edge: &Edge, wires: Wires<R, S>, batches_in_flight_max: usize)
where
    R: Stream<Item = Result<StreamPulsesRequest, Status>>,
    S: Future<Output = NotTaken>,
{
    let Wires { requests, answers, stop } = wires;
    let (mut requests, mut stop) = (pin!(requests), pin!(stop));
    let mut in_flight = FuturesUnordered::new();
    let mut sequence = Sequence(0);
    let mut limits = Some(limits(batches_in_flight_max));
    let mut end = None;
    loop {
        let may_read = end.is_none() && in_flight.len() < batches_in_flight_max;
        tokio::select! {
            reason = &mut stop, if end.is_none() => end = Some(End::Status(reason.into())),
            request = requests.next(), if may_read => match sequence.read(request) {
                Ok(request) => in_flight.push(answer(edge, request)),
                Err(reason) => end = Some(reason),
            },
            Some(answer) = in_flight.next() => {
                // A client that is gone needs no answer, but what was read is appended all the same.
                let _ = answers.send(Ok(StreamPulsesResponse { limits: limits.take(), ..answer })).await;
            }
            else => break,
        }
    }
    if let Some(End::Status(status)) = end {
        let _ = answers.send(Err(status)).await;
    }
}

/// Why a stream is read no further.
enum End {
    /// The client closed its half.
    Closed,
    /// Anything else.
    Status(Status),
}

/// The last batch number of a stream.
struct Sequence(i64);

impl Sequence {
    fn read(
        &mut self,
        request: Option<Result<StreamPulsesRequest, Status>>,
    ) -> Result<StreamPulsesRequest, End> {
        let request = request.ok_or(End::Closed)?.map_err(End::Status)?;
        if request.batch_sequence <= self.0 {
            let rule = format!("must rise from 1, and {} came after {}", request.batch_sequence, self.0);
            let error = NotTaken::breaks_rule(Code::InvalidArgument, "batch_sequence", rule);
            return Err(End::Status(error.into()));
        }
        self.0 = request.batch_sequence;
        Ok(request)
    }
}

async fn answer(edge: &Edge, request: StreamPulsesRequest) -> StreamPulsesResponse {
    let StreamPulsesRequest { batch_sequence, pulses } = request;
    let span = debug_span!("batch", batch_sequence, pulses = pulses.len());
    let taken = async { edge.take(batch::reports(pulses)?, Ids::Required).await };
    let outcome = match taken.instrument(span).await {
        Ok(taken) => Outcome::Result(batch::result(taken)),
        Err(error) => Outcome::NotTaken(batch::not_taken(error)),
    };
    StreamPulsesResponse { batch_sequence, outcome: Some(outcome), limits: None }
}

fn limits(batches_in_flight_max: usize) -> StreamLimits {
    StreamLimits {
        max_batches_in_flight: i32::try_from(batches_in_flight_max).unwrap_or(i32::MAX),
        max_pulses_per_batch: batch::count(batch::BATCH_PULSES_MAX),
    }
}
