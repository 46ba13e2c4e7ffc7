//! `StreamPulses`: batches in, an answer to each, in any order.
//!
//! One task drives a stream: it reads while there is room for another answer, and answers what is durable. When it stops
//! reading, for whatever reason, it answers everything it has read and then ends as the reason says.

use crate::batch;
use crate::edge::{Edge, Ids};
use crate::not_taken::NotTaken;
use crate::status::find_refusal;
use domain::code::Code;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use proto::v1::stream_pulses_response::Outcome;
use proto::v1::{StreamLimits, StreamPulsesRequest, StreamPulsesResponse};
use std::pin::{Pin, pin};
use tokio::sync::mpsc;
use tonic::Status;
use tracing::{Instrument, debug_span};

/// An answer, or the status a stream ends with.
pub(crate) type Answer = Result<StreamPulsesResponse, Status>;

/// The room for an answer, taken before its batch is read: so no answer ever waits for a client that does not listen.
type Room = mpsc::OwnedPermit<Answer>;

/// What a stream reads from and answers to.
pub(crate) struct Wires<R, S> {
    /// The batches.
    pub requests: R,
    /// From [`answers`].
    pub answers: mpsc::Sender<Answer>,
    /// Resolves when no more is to be read, and tells why.
    pub stop: S,
}

/// A way back with room for that many answers and the status at the end.
pub(crate) fn answers(batches_in_flight_max: usize) -> (mpsc::Sender<Answer>, mpsc::Receiver<Answer>) {
    mpsc::channel(batches_in_flight_max + 1)
}

/// Answers every batch of a stream, of which at most as many are unanswered as [`answers`] has room for.
pub(crate) async fn drive<R, S>(edge: &Edge, wires: Wires<R, S>)
where
    R: Stream<Item = Result<StreamPulsesRequest, Status>>,
    S: Future<Output = NotTaken>,
{
    let _open = edge.stream();
    let Wires { requests, answers, stop } = wires;
    let (mut requests, mut stop) = (pin!(requests), pin!(stop));
    let mut limits = Some(limits(answers.max_capacity() - 1));
    let Ok(last) = answers.clone().reserve_owned().await else { return };
    let mut in_flight = FuturesUnordered::new();
    let mut sequence = Sequence(0);
    let mut end = None;
    loop {
        tokio::select! {
            reason = &mut stop, if end.is_none() => end = Some(End::Status(reason.into())),
            read = read(&mut requests, &answers), if end.is_none() => {
                match read.and_then(|(request, room)| Ok((sequence.check(request)?, room))) {
                    Ok((request, room)) => in_flight.push(async { (answer(edge, request).await, room) }),
                    Err(reason) => end = Some(reason),
                }
            }
            Some((answer, room)) = in_flight.next() => {
                // A client that is gone needs no answer, but what was read is appended all the same.
                room.send(Ok(StreamPulsesResponse { limits: limits.take(), ..answer }));
            }
            else => break,
        }
    }
    if let Some(End::Status(status)) = end {
        last.send(Err(status));
    }
}

/// Why a stream is read no further.
enum End {
    /// The client closed its half, or is gone.
    Closed,
    /// Anything else.
    Status(Status),
}

/// The next batch, once there is room for its answer.
async fn read<R>(
    requests: &mut Pin<&mut R>,
    answers: &mpsc::Sender<Answer>,
) -> Result<(StreamPulsesRequest, Room), End>
where
    R: Stream<Item = Result<StreamPulsesRequest, Status>>,
{
    let room = answers.clone().reserve_owned().await.map_err(|_| End::Closed)?;
    let request = requests.next().await.ok_or(End::Closed)?;
    let request = request.map_err(|status| End::Status(find_refusal(&status).unwrap_or(status)))?;
    Ok((request, room))
}

/// The last batch number of a stream.
struct Sequence(i64);

impl Sequence {
    fn check(&mut self, request: StreamPulsesRequest) -> Result<StreamPulsesRequest, End> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{House, raw};
    use futures::FutureExt;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;

    fn batch(batch_sequence: i64) -> StreamPulsesRequest {
        let pulses = vec![proto::pulse::to_wire(&raw(&format!("a-{batch_sequence}")))];
        StreamPulsesRequest { batch_sequence, pulses }
    }

    #[tokio::test]
    async fn a_client_that_does_not_listen_is_read_up_to_the_limit_and_holds_up_nothing() {
        let house = House::new();
        let edge = house.edge();
        let (answers, mut answered) = answers(2);
        let enough = CancellationToken::new();
        let stop = enough.cancelled().map(|()| NotTaken::unavailable("enough"));
        let requests = futures::stream::iter((1..=5).map(|number| Ok(batch(number))));
        let requests = requests.chain(futures::stream::pending());
        let look = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert_eq!(house.accepted_ids().await, ["a-1", "a-2"]);
            enough.cancel();
        };
        let driven = drive(&edge, Wires { requests, answers, stop });
        let both = async { tokio::join!(driven, look) };
        tokio::time::timeout(Duration::from_secs(5), both).await.expect("it ends though nobody listens");
        let mut end = Vec::new();
        while let Some(answer) = answered.recv().await {
            end.push(answer.map(|answer| answer.batch_sequence).map_err(|status| status.code()));
        }
        assert_eq!(end, [Ok(1), Ok(2), Err(tonic::Code::Unavailable)]);
    }
}
