//! A recount told as it goes on, by server-sent events: it may take longer than a request does.

use super::{Reconciliation, reconcile};
use crate::QueryApi;
use crate::recount::Books;
use crate::seats::Seat;
use axum::response::sse::{Event, Sse};
use futures::future::BoxFuture;
use futures::{FutureExt, Stream, stream};
use rest::door::TraceId;
use rest::{Count, Problem};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// How often it tells how far it is.
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// How far a recount is.
#[derive(Serialize)]
struct Counting {
    /// What was found so far.
    counted: Count,
    /// What the books said when it began.
    expected: Count,
}

/// A recount under way, and the place of who follows it.
struct Following {
    recount: BoxFuture<'static, Result<Reconciliation, Problem>>,
    trace_id: Option<TraceId>,
    counted: Arc<AtomicU64>,
    expected: u64,
    shutdown: CancellationToken,
    _seat: Seat,
}

/// Begins a recount that lasts as long as somebody follows it. The last event is its outcome; there is none where the
/// service ends before.
pub(super) async fn follow(
    query: QueryApi,
    trace_id: Option<TraceId>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>> + Send + 'static>, Problem> {
    let seat = query.recount_seats().take()?;
    let (counted, shutdown) = (Arc::new(AtomicU64::default()), query.shutdown().clone());
    let registry = query.registry();
    let books = Books { store: query.store(), log: query.log(), registry: &registry };
    let expected = books.read().await?;
    let telling = Arc::clone(&counted);
    let recount = async move { reconcile(&query, &telling).await };
    let recount = recount.in_current_span().boxed();
    let following = Following { recount, trace_id, counted, expected, shutdown, _seat: seat };
    Ok(Sse::new(stream::unfold(Some(following), |following| async move {
        let mut following = following?;
        let (event, is_last) = following.next().await?;
        Some((Ok(event), Some(following).filter(|_| !is_last)))
    })))
}

impl Following {
    /// What is told next, and whether it is the last; `None`: the service ends.
    async fn next(&mut self) -> Option<(Event, bool)> {
        let outcome = timeout(TELL_AGAIN, &mut self.recount);
        let counting = match self.shutdown.run_until_cancelled(outcome).await? {
            Ok(Ok(books)) => return Some((event("reconciliation", &books), true)),
            Ok(Err(problem)) => return Some((event("problem", &problem.told(self.trace_id)), true)),
            Err(_) => {
                let counted = Count(self.counted.load(Ordering::Relaxed));
                Counting { counted, expected: Count(self.expected) }
            }
        };
        Some((event("counting", &counting), false))
    }
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).expect("what is told is JSON"))
}
