//! Requests under an idempotency key: done once, and answered the same for a day.
//!
//! What is done under a key is on the way before it begins, in a cell, and its answer follows. So a repeat in this
//! process or another finds one of them. Two processes that get the same key within the time of one write both do it:
//! what stands behind this must bear that.

use crate::Ports;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::code::Code;
use domain::hash::fingerprint;
use domain::port::{CellStore, Clock, Query, StoreError, read_all};
use domain::table::{Cell, CellKey, IDEMPOTENCY, KeyValue};
use domain::time::Timestamp;
use proto::blob::{Blob, IdempotentRequest, KeptAnswer};
use rest::Problem;
use rest::idempotency::{IdempotencyKey, replayed};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;
use tracing::warn;

/// How long an answer is given again.
const REMEMBERED_SECONDS: i64 = 86_400;
/// How long a request may be on the way before it is taken to have ended with its process: longer than the slowest.
const UNDER_WAY_SECONDS_MAX: i64 = 1_800;

/// Under a key that no request holds.
const FREE: IdempotentRequest = IdempotentRequest { request: 0, begun: Timestamp::EPOCH, answer: None };

/// What was answered.
#[derive(Clone)]
pub(crate) struct Answers {
    store: Arc<dyn CellStore>,
    clock: Arc<dyn Clock>,
    tracker: TaskTracker,
    /// Held while a request begins, so that of two in this process one finds the other.
    beginning: Arc<Mutex<()>>,
}

/// A request under its key, begun.
struct Begun {
    key: CellKey,
    timestamp: i64,
    request: IdempotentRequest,
}

impl Answers {
    pub fn new(ports: &Ports, tracker: TaskTracker) -> Self {
        let (store, clock) = (Arc::clone(&ports.store), Arc::clone(&ports.clock));
        Self { store, clock, tracker, beginning: Arc::default() }
    }

    /// Does what a request asks, and answers 207; under a key once, and to its end though the client is gone.
    pub async fn once<T: Serialize>(
        &self,
        (operation, key): (&str, Option<IdempotencyKey>),
        request: &impl Serialize,
        work: impl Future<Output = Result<T, Problem>> + Send + 'static,
    ) -> Result<Response, Problem> {
        let work = async { answer(&work.await?) };
        let Some(key) = key else { return work.await.map(respond) };
        let cell = vec![KeyValue::text(operation), KeyValue::text(key.as_str())];
        let begun = match self.begin(CellKey::new(&IDEMPOTENCY, cell, Vec::new()), hash(request)?).await? {
            Ok(begun) => begun,
            Err(answer) => return Ok(replayed(respond(answer))),
        };
        let answers = self.clone();
        let done = self.tracker.spawn(async move { answers.finish(begun, work).await });
        done.await.map_err(Problem::internal)?.map(respond)
    }

    /// Begins a request, or finds its answer.
    async fn begin(&self, key: CellKey, hash: u128) -> Result<Result<Begun, KeptAnswer>, Problem> {
        let _alone = self.beginning.lock().await;
        let now = self.clock.now();
        let cells = read_all(&*self.store, Query::one(&key)).await?;
        if let Some(request) = cells.first().map(open).transpose()?
            && let Some(answer) = judge(request, hash, now)?
        {
            return Ok(Err(answer));
        }
        let before = cells.first().map_or(0, |cell| cell.timestamp);
        let request = IdempotentRequest { request: hash, begun: now, answer: None };
        let begun = Begun { key, timestamp: now.micros().max(before + 1), request };
        self.write(&begun).await?;
        Ok(Ok(begun))
    }

    /// Does the work and remembers its answer. A failure is none: the key is free for the next try, and for another request
    /// where this one was the client's mistake.
    async fn finish(
        &self,
        mut begun: Begun,
        work: impl Future<Output = Result<KeptAnswer, Problem>>,
    ) -> Result<KeptAnswer, Problem> {
        let done = work.await;
        begun.timestamp = self.clock.now().micros().max(begun.timestamp + 1);
        match &done {
            Ok(answer) => begun.request.answer = Some(answer.clone()),
            Err(problem) if matches!(problem.kind().status(), 400 | 404 | 413) => begun.request = FREE,
            Err(_) => begun.request.begun = FREE.begun,
        }
        if let Err(error) = self.write(&begun).await {
            warn!(%error, "an answer under an idempotency key is not remembered");
        }
        done
    }

    async fn write(&self, begun: &Begun) -> Result<(), StoreError> {
        let Begun { key, timestamp, request } = begun;
        self.store
            .write(vec![Cell { key: key.clone(), timestamp: *timestamp, value: request.to_blob() }])
            .await
    }
}

/// What an earlier request under the same key means for this one: its answer, a refusal, or nothing any more.
fn judge(earlier: IdempotentRequest, hash: u128, now: Timestamp) -> Result<Option<KeptAnswer>, Problem> {
    let is_old = earlier.begun.plus_seconds(REMEMBERED_SECONDS) <= now && earlier.begun != FREE.begun;
    if is_old || earlier == FREE {
        return Ok(None);
    }
    if earlier.request != hash {
        let rule = "was used for another request within 24 hours: choose another key";
        return Err(Problem::field(Code::IdempotencyKeyReused, "Idempotency-Key", rule));
    }
    if earlier.answer.is_none() && now < earlier.begun.plus_seconds(UNDER_WAY_SECONDS_MAX) {
        return Err(Problem::new(Code::IdempotencyInProgress, "the same request is under way"));
    }
    Ok(earlier.answer)
}

fn hash(request: &impl Serialize) -> Result<u128, Problem> {
    serde_json::to_vec(request).map(|bytes| fingerprint(&bytes)).map_err(Problem::internal)
}

fn open(cell: &Cell) -> Result<IdempotentRequest, StoreError> {
    let damaged =
        |_| StoreError::Damaged { table: cell.key.table.name, key: format!("{:?}", cell.key.partition) };
    IdempotentRequest::from_blob(&cell.value).map_err(damaged)
}

fn answer(body: &impl Serialize) -> Result<KeptAnswer, Problem> {
    let body = serde_json::to_vec(body).map_err(Problem::internal)?;
    Ok(KeptAnswer { status: StatusCode::MULTI_STATUS.as_u16(), body: body.into() })
}

fn respond(answer: KeptAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "application/json")], answer.body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::House;
    use axum::body::to_bytes;
    use axum::extract::OptionalFromRequestParts;
    use axum::http::Request;
    use backends::memory::WriteFault;
    use futures::FutureExt;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::sync::oneshot;

    /// A door behind which every work is counted.
    struct Counter {
        house: House,
        answers: Answers,
        done: Arc<AtomicUsize>,
    }

    /// Status, `Idempotent-Replayed`, body; or the code of the refusal.
    type Told = Result<(u16, bool, String), &'static str>;

    impl Counter {
        fn new() -> Self {
            let house = House::new();
            let answers = Answers::new(&house.ports(), house.tracker.clone());
            Self { house, answers, done: Arc::default() }
        }

        async fn ask(&self, key: Option<&str>, request: &str) -> Told {
            let done = Arc::clone(&self.done);
            self.ask_for(key, request, async move { Ok(done.fetch_add(1, Ordering::Relaxed)) }).await
        }

        async fn ask_for<W>(&self, key: Option<&str>, request: &str, work: W) -> Told
        where
            W: Future<Output = Result<usize, Problem>> + Send + 'static,
        {
            let key = match key {
                Some(key) => key_of(key).await,
                None => None,
            };
            let response = self.answers.once(("count", key), &request, work).await;
            let response = response.map_err(|problem| problem.kind().name())?;
            let is_replayed = response.headers().contains_key("idempotent-replayed");
            let status = response.status().as_u16();
            let body = to_bytes(response.into_body(), 1_000).await.unwrap();
            Ok((status, is_replayed, String::from_utf8(body.to_vec()).unwrap()))
        }
    }

    async fn key_of(text: &str) -> Option<IdempotencyKey> {
        let mut parts = Request::get("/").header("idempotency-key", text).body(()).unwrap().into_parts().0;
        IdempotencyKey::from_request_parts(&mut parts, &()).await.unwrap()
    }

    fn first(body: &str) -> (u16, bool, String) {
        (207, false, body.to_owned())
    }

    fn again(body: &str) -> (u16, bool, String) {
        (207, true, body.to_owned())
    }

    #[tokio::test]
    async fn without_a_key_everything_is_done() {
        let counter = Counter::new();
        assert_eq!(counter.ask(None, "a").await, Ok(first("0")));
        assert_eq!(counter.ask(None, "a").await, Ok(first("1")));
    }

    #[tokio::test]
    async fn under_a_key_it_is_done_once_a_day() {
        let counter = Counter::new();
        assert_eq!(counter.ask(Some("k-1"), "a").await, Ok(first("0")));
        counter.house.clock.advance(86_399);
        assert_eq!(counter.ask(Some("k-1"), "a").await, Ok(again("0")));
        assert_eq!(counter.ask(Some("k-1"), "b").await, Err("IDEMPOTENCY_KEY_REUSED"));
        assert_eq!(counter.ask(Some("k-2"), "a").await, Ok(first("1")));
        counter.house.clock.advance(1);
        assert_eq!(counter.ask(Some("k-1"), "b").await, Ok(first("2")));
        assert_eq!(counter.ask(Some("k-1"), "b").await, Ok(again("2")));
    }

    #[tokio::test]
    async fn another_process_gives_the_same_answer() {
        let counter = Counter::new();
        assert_eq!(counter.ask(Some("k-1"), "a").await, Ok(first("0")));
        let answers = Answers::new(&counter.house.ports(), counter.house.tracker.clone());
        let other = Counter { answers, ..counter };
        assert_eq!(other.ask(Some("k-1"), "a").await, Ok(again("0")));
    }

    #[tokio::test]
    async fn a_repeat_while_it_is_under_way_must_wait_and_the_work_outlives_its_client() {
        let counter = Counter::new();
        let (go, gate) = oneshot::channel::<usize>();
        let work = async move { Ok(gate.await.unwrap()) };
        let mut slow = Box::pin(counter.ask_for(Some("k-1"), "a", work));
        assert!(slow.as_mut().now_or_never().is_none());
        assert_eq!(counter.ask(Some("k-1"), "a").await, Err("IDEMPOTENCY_IN_PROGRESS"));
        assert_eq!(counter.ask(Some("k-1"), "b").await, Err("IDEMPOTENCY_KEY_REUSED"));
        drop(slow);
        go.send(7).unwrap();
        counter.house.tracker.close();
        counter.house.tracker.wait().await;
        assert_eq!(counter.ask(Some("k-1"), "a").await, Ok(again("7")));
        assert_eq!(counter.done.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn what_failed_may_be_tried_again_as_it_was() {
        let counter = Counter::new();
        let fails = async { Err(Problem::new(Code::Unavailable, "later")) };
        assert_eq!(counter.ask_for(Some("k-1"), "a", fails).await, Err("UNAVAILABLE"));
        assert_eq!(counter.ask(Some("k-1"), "b").await, Err("IDEMPOTENCY_KEY_REUSED"));
        assert_eq!(counter.ask(Some("k-1"), "a").await, Ok(first("0")));
        assert_eq!(counter.ask(Some("k-1"), "a").await, Ok(again("0")));
    }

    #[tokio::test]
    async fn what_the_client_got_wrong_may_be_mended_under_the_same_key() {
        let counter = Counter::new();
        let fails = async { Err(Problem::field(Code::InvalidArgument, "set", "names no field")) };
        assert_eq!(counter.ask_for(Some("k-1"), "a", fails).await, Err("INVALID_ARGUMENT"));
        assert_eq!(counter.ask(Some("k-1"), "b").await, Ok(first("0")));
        assert_eq!(counter.ask(Some("k-1"), "a").await, Err("IDEMPOTENCY_KEY_REUSED"));
        assert_eq!(counter.ask(Some("k-1"), "b").await, Ok(again("0")));
    }

    #[tokio::test]
    async fn what_ended_with_its_process_is_free_after_a_while() {
        let counter = Counter::new();
        let never = futures::future::pending::<Result<usize, Problem>>();
        assert!(counter.ask_for(Some("k-1"), "a", never).now_or_never().is_none());
        counter.house.clock.advance(UNDER_WAY_SECONDS_MAX - 1);
        assert_eq!(counter.ask(Some("k-1"), "a").await, Err("IDEMPOTENCY_IN_PROGRESS"));
        counter.house.clock.advance(1);
        assert_eq!(counter.ask(Some("k-1"), "a").await, Ok(first("0")));
    }

    #[tokio::test]
    async fn nothing_is_done_that_cannot_be_remembered_first() {
        let counter = Counter::new();
        counter.house.store.script_writes([Some(WriteFault::Overloaded)]);
        assert_eq!(counter.ask(Some("k-1"), "a").await, Err("OVERLOADED"));
        assert_eq!(counter.done.load(Ordering::Relaxed), 0);
        // The answer is given though it cannot be kept; the key stays taken.
        counter.house.store.script_writes([None, Some(WriteFault::Overloaded)]);
        assert_eq!(counter.ask(Some("k-1"), "a").await, Ok(first("0")));
        assert_eq!(counter.ask(Some("k-1"), "a").await, Err("IDEMPOTENCY_IN_PROGRESS"));
    }
}
