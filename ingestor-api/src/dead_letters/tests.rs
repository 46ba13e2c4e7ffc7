//! Replays, with a small consumer in the background that keeps the books of dead letters.

use super::purge::PurgeRequest;
use super::replay::ReplayRequest;
use super::*;
use crate::edge::Ids;
use crate::intake::Report;
use crate::item::ItemStatus;
use crate::testing::{House, Kept, NOW, raw, report};
use axum::body::Body;
use axum::http::Request;
use backends::memory::{AppendFault, MemoryStore};
use domain::checkpoint::watermark_key;
use domain::dead_letter::{DeadLetter, DeadLetterEvent, DeadLetterId, DeadLetterState, PayloadKind, Status};
use domain::port::{CellStore, Clock, Query, read_all};
use domain::pulse::RawPulse;
use domain::reject::{Reject, RejectReason};
use domain::table::{Cell, CellKey};
use domain::time::Timestamp;
use proto::blob::Blob;
use proto::record::Control;
use rest::Problem;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// The most dead letters of one request.
const ITEMS_MAX: usize = 1_000;

/// Writes the cells that follow from the log, as the consumer would.
async fn count(house: &House) {
    let watermark = house.clock.now();
    for (partition, position, kept) in house.kept().await {
        match kept {
            Kept::Accepted(_) => {}
            Kept::Refused(refused) => {
                let id = DeadLetterId { day: NOW.day(), generation: 1, partition, position };
                let letter = DeadLetter {
                    id,
                    reason: refused.reason,
                    field: refused.field,
                    message: refused.message,
                    received_time: NOW,
                    kind: PayloadKind::Pulse,
                    payload: refused.payload,
                };
                put(&house.store, id.cell_key(), position.raw(), &letter).await;
            }
            Kept::Control(Control::DeadLetter { id, event }) => {
                assert_eq!(id.partition, partition, "a dead letter's books lie in its own partition");
                let mut state = state_of(house, id).await;
                if state.apply(position, NOW, &event) {
                    put(&house.store, id.state_key(), position.raw(), &state).await;
                }
            }
            Kept::Control(other) => panic!("{other:?}"),
        }
    }
    for partition in 0..4 {
        put(&house.store, watermark_key(1, partition), watermark.nanos(), &watermark).await;
    }
}

async fn put<T: Blob>(store: &MemoryStore, key: CellKey, timestamp: i64, value: &T) {
    store.write(vec![Cell { key, timestamp, value: value.to_blob() }]).await.unwrap();
}

async fn state_of(house: &House, id: DeadLetterId) -> DeadLetterState {
    let cells = read_all(&*house.store, Query::one(&id.state_key())).await.unwrap();
    cells
        .first()
        .map_or_else(DeadLetterState::default, |cell| DeadLetterState::from_blob(&cell.value).unwrap())
}

/// Refuses these pulses, and returns where they are kept.
async fn refuse(
    house: &House,
    replay: &DeadLetters,
    raws: impl IntoIterator<Item = RawPulse>,
) -> Vec<DeadLetterId> {
    let taken = replay.edge.take(raws.into_iter().map(report).collect(), Ids::Required).await.unwrap();
    let ids =
        taken.outcomes.iter().map(|outcome| outcome.rejection().unwrap().dead_letter.unwrap()).collect();
    count(house).await;
    ids
}

fn replay_of(house: &House) -> DeadLetters {
    let (ports, tracker) = (house.ports(), house.tracker.clone());
    DeadLetters { edge: Arc::new(house.edge()), answers: Answers::new(&ports, tracker), ports }
}

fn unknown_sku(id: &str) -> RawPulse {
    RawPulse { sku: "new.sku".into(), ..raw(id) }
}

/// Runs a replay beside a consumer that counts all the time.
async fn run(house: &House, letters: &DeadLetters, body: Value) -> Result<DeadLetterItems, Problem> {
    let request: ReplayRequest = serde_json::from_value(body).unwrap();
    beside_consumer(house, letters.replay(&request)).await
}

/// Runs a purge beside it.
async fn purge(house: &House, letters: &DeadLetters, body: Value) -> Result<DeadLetterItems, Problem> {
    let request: PurgeRequest = serde_json::from_value(body).unwrap();
    beside_consumer(house, letters.purge(&request)).await
}

async fn beside_consumer<T>(house: &House, work: impl Future<Output = T>) -> T {
    let consume = async {
        loop {
            house.clock.advance(1);
            count(house).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let answer = tokio::select! { answer = work => answer, () = consume => unreachable!() };
    count(house).await;
    answer
}

fn statuses(answer: &DeadLetterItems) -> Vec<(&str, ItemStatus, Option<&str>)> {
    answer.items.iter().map(|item| (item.id.as_str(), item.status, item.reason.as_deref())).collect()
}

#[tokio::test]
async fn a_mended_catalogue_bills_a_dead_letter_once() {
    let house = House::new();
    let replay = replay_of(&house);
    let ids = refuse(&house, &replay, [unknown_sku("a-1")]).await;
    let answer = run(&house, &replay, json!({})).await.unwrap();
    assert_eq!(statuses(&answer), [("a-1", ItemStatus::Rejected, Some("UNKNOWN_SKU"))]);
    assert_eq!(answer.items[0].dead_letter_id, Some(ids[0].to_string()));
    assert_eq!((state_of(&house, ids[0]).await.attempts, house.kept().await.len()), (1, 2));

    house.catalog.put_sku("new.sku");
    let answer = run(&house, &replay, json!({ "reason": "UNKNOWN_SKU" })).await.unwrap();
    assert_eq!(statuses(&answer), [("a-1", ItemStatus::Accepted, None)]);
    let state = state_of(&house, ids[0]).await;
    assert_eq!((state.status, state.attempts), (Status::Replayed, 2));
    assert_eq!(house.accepted_ids().await, ["a-1"]);

    let answer = run(&house, &replay, json!({})).await.unwrap();
    assert_eq!(answer, DeadLetterItems { items: Vec::new(), next_page_token: None });
}

#[tokio::test]
async fn a_replay_of_unknown_outcome_may_be_repeated() {
    let house = House::new();
    let replay = replay_of(&house);
    refuse(&house, &replay, [unknown_sku("a-1")]).await;
    house.catalog.put_sku("new.sku");
    house.log.memory.script_appends([Some(AppendFault::UnknownStored)]);
    assert_eq!(run(&house, &replay, json!({})).await.unwrap_err().kind().name(), "UNAVAILABLE");
    run(&house, &replay, json!({})).await.unwrap();
    assert_eq!(house.accepted_ids().await, ["a-1", "a-1"], "one identity: the ledger counts it once");
}

#[tokio::test]
async fn what_was_billed_is_told_before_the_next_batch_may_fail() {
    let house = House::new();
    let replay = replay_of(&house);
    let ids = refuse(&house, &replay, [unknown_sku("a-1"), unknown_sku("a-2")]).await;
    house.catalog.put_sku("new.sku");
    house.log.memory.script_appends([None, None, Some(AppendFault::UnknownNotStored)]);
    let body = json!({ "ids": ids.iter().map(ToString::to_string).collect::<Vec<_>>(), "rate": 1 });
    assert!(run(&house, &replay, body).await.is_err());
    let mut replayed = 0;
    for id in ids {
        replayed += usize::from(state_of(&house, id).await.status == Status::Replayed);
    }
    assert_eq!((replayed, house.accepted_ids().await.len()), (1, 1));
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let house = House::new();
    let replay = replay_of(&house);
    refuse(&house, &replay, [unknown_sku("a-1"), RawPulse { sku: "other".into(), ..raw("a-2") }]).await;
    house.catalog.put_sku("new.sku");
    let before = house.kept().await;
    let answer = run(&house, &replay, json!({ "dry_run": true })).await.unwrap();
    let mut told = statuses(&answer);
    told.sort_by_key(|(id, ..)| *id);
    assert_eq!(
        told,
        [("a-1", ItemStatus::Accepted, None), ("a-2", ItemStatus::Rejected, Some("UNKNOWN_SKU"))]
    );
    assert_eq!(house.kept().await, before);
}

#[tokio::test]
async fn filters_and_ids_choose() {
    let house = House::new();
    let replay = replay_of(&house);
    let sent = [unknown_sku("a-1"), RawPulse { tenant: "globex".into(), ..unknown_sku("b-1") }];
    let ids = refuse(&house, &replay, sent).await;
    house.catalog.put_sku("new.sku");
    let answer = run(&house, &replay, json!({ "tenant": "globex", "dry_run": true })).await.unwrap();
    assert_eq!(statuses(&answer), [("b-1", ItemStatus::Accepted, None)]);
    let answer = run(&house, &replay, json!({ "reason": "TOO_LATE" })).await.unwrap();
    assert!(answer.items.is_empty());
    let id = ids[0].to_string();
    let answer = run(&house, &replay, json!({ "ids": [id, id] })).await.unwrap();
    assert_eq!(statuses(&answer), [("a-1", ItemStatus::Accepted, None)]);
    for (body, code) in [
        (json!({ "ids": ["x"] }), "INVALID_ARGUMENT"),
        (json!({ "ids": ["20260131-1-3-99999"] }), "NOT_FOUND"),
        (json!({ "reason": "NO_SUCH" }), "INVALID_ARGUMENT"),
        (json!({ "set": { "id": "x" } }), "INVALID_ARGUMENT"),
        (json!({ "page_token": "x" }), "INVALID_PAGE_TOKEN"),
    ] {
        assert_eq!(run(&house, &replay, body).await.unwrap_err().kind().name(), code);
    }
}

#[tokio::test]
async fn a_wrong_tenant_is_set_once_and_for_ever() {
    let house = House::new();
    let replay = replay_of(&house);
    let ids = refuse(&house, &replay, [RawPulse { tenant: "nobody".into(), ..raw("a-1") }]).await;
    run(&house, &replay, json!({})).await.unwrap();
    assert_eq!(state_of(&house, ids[0]).await.decided, None, "what is refused again decides nothing");

    house.log.memory.script_appends([None, Some(AppendFault::UnknownStored)]);
    let set = |tenant: &str| json!({ "set": { "tenant": tenant } });
    assert!(run(&house, &replay, set("acme")).await.is_err());
    assert_eq!(state_of(&house, ids[0]).await.decided.unwrap().tenant, "acme");
    let answer = run(&house, &replay, set("globex")).await.unwrap();
    assert_eq!(answer.items[0].message.as_deref(), Some("tenant was decided by an earlier replay and stays"));
    let answer = run(&house, &replay, json!({})).await.unwrap();
    assert_eq!(statuses(&answer), [("a-1", ItemStatus::Accepted, None)]);
    let tenants = house.kept().await.into_iter().filter_map(|(_, _, kept)| match kept {
        Kept::Accepted(raw) => Some(raw.tenant),
        _ => None,
    });
    assert_eq!(tenants.collect::<Vec<_>>(), ["acme", "acme"]);
}

#[tokio::test]
async fn conflicts_and_missing_ids_get_an_id_of_where_they_are_kept() {
    let house = House::new();
    let replay = replay_of(&house);
    replay.edge.take(vec![report(raw("a-1"))], Ids::Required).await.unwrap();
    let conflict = RawPulse { quantity: "2".into(), ..raw("a-1") };
    let ids = refuse(&house, &replay, [conflict, raw("")]).await;
    let answer = run(&house, &replay, json!({ "tenant": "acme", "dry_run": true })).await.unwrap();
    assert_eq!(answer.items.len(), 1, "a conflict is counted already, so nobody bills it in passing");
    let named =
        run(&house, &replay, json!({ "reason": "DUPLICATE_CONFLICT", "dry_run": true })).await.unwrap();
    assert_eq!(named.items[0].dead_letter_id, Some(ids[0].to_string()));
    let all: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let answer = run(&house, &replay, json!({ "ids": all })).await.unwrap();
    assert!(answer.items.iter().all(|item| item.status == ItemStatus::Accepted), "{answer:?}");
    for id in ids {
        let name = format!("1-{}-{}", id.partition, id.position.raw());
        let own = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
        assert!(house.accepted_ids().await.contains(&own));
        assert_eq!(state_of(&house, id).await.decided.unwrap().id, own);
    }
}

#[tokio::test]
async fn too_late_stays_too_late() {
    let house = House::new();
    let replay = replay_of(&house);
    let late = Timestamp::from_seconds(NOW.seconds() - 36 * 86_400);
    refuse(&house, &replay, [RawPulse { event_time: Some(late.into()), ..raw("a-1") }]).await;
    let answer = run(&house, &replay, json!({})).await.unwrap();
    assert_eq!(statuses(&answer), [("a-1", ItemStatus::Rejected, Some("TOO_LATE"))]);
    assert!(house.accepted_ids().await.is_empty());
}

#[tokio::test]
async fn more_than_one_page_is_replayed_by_its_token() {
    let house = House::new();
    let replay = replay_of(&house);
    let raws: Vec<RawPulse> = (0..ITEMS_MAX + 7).map(|number| unknown_sku(&format!("a-{number}"))).collect();
    refuse(&house, &replay, raws).await;
    house.store.set_chunk_cells(100);
    let first = run(&house, &replay, json!({ "dry_run": true })).await.unwrap();
    let token = first.next_page_token.unwrap();
    let second = run(&house, &replay, json!({ "dry_run": true, "page_token": token })).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next_page_token), (ITEMS_MAX, 7, None));
    let mut ids: Vec<_> = first.items.iter().chain(&second.items).map(|item| &item.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), ITEMS_MAX + 7);
}

#[tokio::test]
async fn replayed_and_purged_ones_are_left_alone() {
    let house = House::new();
    let replay = replay_of(&house);
    let ids = refuse(&house, &replay, [unknown_sku("a-1")]).await;
    let mut state = DeadLetterState::default();
    state.apply(domain::position::Position::new(1_000, 0), NOW, &DeadLetterEvent::Purged);
    put(&house.store, ids[0].state_key(), state.position.raw(), &state).await;
    house.catalog.put_sku("new.sku");
    let answer = run(&house, &replay, json!({ "ids": [ids[0].to_string()] })).await.unwrap();
    assert!(answer.items.is_empty());
}

#[tokio::test]
async fn over_http_the_answer_is_a_list_of_items_and_an_unknown_field_is_refused() {
    let house = House::new();
    let api = crate::build(
        crate::Config::default(),
        house.ports(),
        CancellationToken::new(),
        house.tracker.clone(),
    );
    let (router, openapi) = api.http().split_for_parts();
    assert!(openapi.paths.paths.contains_key("/v1/dead-letters:replay"));
    house.clock.set(NOW.plus_seconds(-1));
    count(&house).await;
    house.clock.set(NOW.plus_seconds(-2));
    for (body, status, text) in [("{}", 207, "{\"items\":[]}"), ("{\"tenants\": 1}", 400, "tenants")] {
        let request = Request::post("/v1/dead-letters:replay").header("content-type", "application/json");
        let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        assert_eq!(response.status().as_u16(), status);
        let bytes = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        assert!(std::str::from_utf8(&bytes).unwrap().contains(text), "{bytes:?}");
    }
}

#[tokio::test]
async fn a_purge_gives_up_what_is_selected_and_it_is_replayed_no_more() {
    let house = House::new();
    let letters = replay_of(&house);
    let late = RawPulse { tenant: "globex".into(), ..unknown_sku("b-1") };
    let ids = refuse(&house, &letters, [unknown_sku("a-1"), unknown_sku("a-2"), late]).await;
    let before = house.kept().await.len();
    let told = purge(&house, &letters, json!({ "tenant": "acme", "dry_run": true })).await.unwrap();
    assert_eq!((told.items.len(), house.kept().await.len()), (2, before));

    let purged = purge(&house, &letters, json!({ "tenant": "acme" })).await.unwrap();
    assert_eq!(purged, told);
    let mut named: Vec<_> = statuses(&purged);
    named.sort_unstable_by_key(|(id, ..)| *id);
    assert_eq!(named, [("a-1", ItemStatus::Accepted, None), ("a-2", ItemStatus::Accepted, None)]);
    for (id, status) in ids.iter().zip([Status::Purged, Status::Purged, Status::Open]) {
        assert_eq!(state_of(&house, *id).await.status, status);
    }
    assert!(purge(&house, &letters, json!({ "tenant": "acme" })).await.unwrap().items.is_empty());
    house.catalog.put_sku("new.sku");
    let replayed = run(&house, &letters, json!({})).await.unwrap();
    assert_eq!(statuses(&replayed), [("b-1", ItemStatus::Accepted, None)]);
}

#[tokio::test]
async fn a_purge_of_everything_must_say_so() {
    let house = House::new();
    let letters = replay_of(&house);
    refuse(&house, &letters, [unknown_sku("a-1"), unknown_sku("a-2")]).await;
    for body in [json!({}), json!({"rate": 5}), json!({"all": false})] {
        let refusal = purge(&house, &letters, body.clone()).await.unwrap_err();
        assert_eq!((refusal.kind().name(), refusal.errors()[0].field.as_str()), ("INVALID_ARGUMENT", "body"));
        for word in ["reason", "tenant", "ids"] {
            assert!(refusal.detail().contains(word), "{}", refusal.detail());
        }
    }
    let open = purge(&house, &letters, json!({"dry_run": true})).await.unwrap();
    assert_eq!(open.items.len(), 2);
    assert_eq!(purge(&house, &letters, json!({"all": true})).await.unwrap(), open);
    assert!(purge(&house, &letters, json!({"all": true})).await.unwrap().items.is_empty());
}

#[tokio::test]
async fn a_purge_refuses_what_a_replay_refuses_and_is_retried_after_doubt() {
    let house = House::new();
    let letters = replay_of(&house);
    let ids = refuse(&house, &letters, [unknown_sku("a-1")]).await;
    let many = vec!["20260131-1-0-1"; ITEMS_MAX + 1];
    for (body, code) in [
        (json!({ "ids": ["x"] }), "INVALID_ARGUMENT"),
        (json!({ "ids": ["20260131-1-3-99999"] }), "NOT_FOUND"),
        (json!({ "ids": many }), "TOO_LARGE"),
        (json!({ "reason": "NO_SUCH" }), "INVALID_ARGUMENT"),
        (json!({ "all": true, "page_token": "x" }), "INVALID_PAGE_TOKEN"),
    ] {
        assert_eq!(purge(&house, &letters, body).await.unwrap_err().kind().name(), code);
    }
    house.log.memory.script_appends([Some(AppendFault::UnknownStored)]);
    let body = json!({ "ids": [ids[0].to_string()] });
    assert_eq!(purge(&house, &letters, body.clone()).await.unwrap_err().kind().name(), "UNAVAILABLE");
    assert!(purge(&house, &letters, body).await.unwrap().items.is_empty(), "it was stored: nothing is left");
    assert_eq!(state_of(&house, ids[0]).await.status, Status::Purged);
}

#[tokio::test(start_paused = true)]
async fn a_rate_bounds_what_one_request_takes_on_and_its_pages_meet_each_once() {
    let house = House::new();
    let letters = replay_of(&house);
    let raws: Vec<RawPulse> = (0..12).map(|number| unknown_sku(&format!("a-{number}"))).collect();
    let ids = refuse(&house, &letters, raws).await;
    let too_many = json!({ "ids": ids[..11].iter().map(ToString::to_string).collect::<Vec<_>>(), "rate": 1 });
    for refusal in [run(&house, &letters, too_many.clone()).await, purge(&house, &letters, too_many).await] {
        assert_eq!(
            refusal.unwrap_err().detail(),
            "ids must hold at most 10 ids, ten times the rate where there is one"
        );
    }
    // Refused again, they stay open: only the token goes past them.
    let first = run(&house, &letters, json!({ "rate": 1 })).await.unwrap();
    let token = first.next_page_token.unwrap();
    let second = run(&house, &letters, json!({ "rate": 1, "page_token": token })).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next_page_token), (10, 2, None));
    count(&house).await;
    for id in &ids {
        assert_eq!(state_of(&house, *id).await.attempts, 1);
    }
    let begun = tokio::time::Instant::now();
    let given_up = purge(&house, &letters, json!({ "all": true, "rate": 5 })).await.unwrap();
    assert_eq!((given_up.items.len(), given_up.next_page_token), (12, None));
    assert!(begun.elapsed().as_secs() >= 2, "five, five and two");
}

#[tokio::test]
async fn a_page_of_a_replay_is_none_of_a_purge() {
    let house = House::new();
    let letters = replay_of(&house);
    let raws: Vec<RawPulse> = (0..=ITEMS_MAX).map(|number| unknown_sku(&format!("a-{number}"))).collect();
    refuse(&house, &letters, raws).await;
    let first = run(&house, &letters, json!({ "dry_run": true })).await.unwrap();
    let body = json!({ "page_token": first.next_page_token.unwrap(), "dry_run": true });
    assert_eq!(purge(&house, &letters, body).await.unwrap_err().kind().name(), "INVALID_PAGE_TOKEN");
}

#[tokio::test]
async fn what_is_not_counted_in_time_must_wait() {
    tokio::time::pause();
    let house = House::new();
    let letters = replay_of(&house);
    let refusal = letters.purge(&PurgeRequest { all: true, ..PurgeRequest::default() }).await.unwrap_err();
    assert_eq!(refusal.kind().name(), "UNAVAILABLE");
}

#[tokio::test]
async fn text_that_is_no_pulse_is_billed_once_its_fields_are_set() {
    let house = House::new();
    let letters = replay_of(&house);
    let text = Report {
        bytes: 9,
        fault: Some(Reject::new(RejectReason::InvalidField, "pulse", "must be a JSON object")),
        untouched: Some("{\"id\": 1".into()),
        ..Report::default()
    };
    let taken = letters.edge.take(vec![text], Ids::Minted).await.unwrap();
    let id = taken.outcomes[0].rejection().unwrap().dead_letter.unwrap();
    count(&house).await;
    let answer = run(&house, &letters, json!({})).await.unwrap();
    assert_eq!(statuses(&answer), [("", ItemStatus::Rejected, Some("UNDECODABLE"))]);
    let set = json!({
        "tenant": "acme", "sku": "llm.input", "quantity": "5", "unit": "token",
        "event_time": NOW.to_string(),
    });
    for _ in 0..2 {
        run(&house, &letters, json!({ "ids": [id.to_string()], "set": set })).await.unwrap();
    }
    let name = format!("1-{}-{}", id.partition, id.position.raw());
    let own = uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, name.as_bytes()).to_string();
    assert_eq!(house.accepted_ids().await, [own]);
    assert_eq!(state_of(&house, id).await.status, Status::Replayed);
}

#[tokio::test]
async fn over_http_a_key_makes_a_repeat_an_echo() {
    let house = House::new();
    let api = crate::build(
        crate::Config::default(),
        house.ports(),
        CancellationToken::new(),
        house.tracker.clone(),
    );
    let router: axum::Router = api.http().into();
    count(&house).await;
    house.clock.set(NOW.plus_seconds(-2));
    let ask = async |path: &str, body: &'static str| {
        let request =
            Request::post(path).header("content-type", "application/json").header("idempotency-key", "k-1");
        let response = router.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
        (response.status().as_u16(), response.headers().contains_key("idempotent-replayed"))
    };
    for (path, first, same) in [
        ("/v1/dead-letters:replay", "{}", "{\"dry_run\": false}"),
        ("/v1/dead-letters:purge", "{\"all\": true}", "{\"dry_run\": false, \"all\": true}"),
    ] {
        assert_eq!(ask(path, first).await, (207, false), "{path}");
        assert_eq!(ask(path, same).await, (207, true), "the same request in other words");
        assert_eq!(ask(path, "{\"dry_run\": true}").await, (422, false), "{path}");
    }
    let request = Request::post("/v1/dead-letters:purge?x=1").header("content-type", "application/json");
    let response = router.oneshot(request.body(Body::from("{}")).unwrap()).await.unwrap();
    assert_eq!(response.status().as_u16(), 400);
}
