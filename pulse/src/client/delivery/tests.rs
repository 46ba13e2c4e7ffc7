//! Delivery against a server that answers by a script.

use super::scripted::{Move, Scripted};
use super::*;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tonic::Code;
use v1::StreamPulsesRequest;

/// What came of a delivery.
struct Delivered {
    result: anyhow::Result<()>,
    /// The tags of answered batches, in the order of the answers.
    answered: Vec<usize>,
    /// What the server saw.
    seen: Vec<StreamPulsesRequest>,
}

fn batch(tag: usize) -> Batch<usize> {
    Batch { pulses: vec![v1::Pulse { id: format!("pulse-{tag}"), ..v1::Pulse::default() }], tags: vec![tag] }
}

async fn deliver(moves: &[Move], count: usize) -> Delivered {
    let scripted = Scripted::new(moves);
    let (sender, receiver) = mpsc::channel(count.max(1));
    for tag in 0..count {
        sender.send(batch(tag)).await.unwrap();
    }
    drop(sender);
    let answered = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&answered);
    let note = move |one: Answered<usize>| {
        noted.lock().unwrap().extend(one.batch.tags);
        Ok(())
    };
    let result = scripted.serve(|server| Delivery::new(server, note).run(receiver)).await;
    let answered = answered.lock().unwrap().clone();
    Delivered { result, answered, seen: scripted.seen() }
}

fn exit(delivered: &Delivered) -> (Exit, String) {
    let error = delivered.result.as_ref().unwrap_err();
    (Exit::of(error), error.to_string())
}

#[tokio::test]
async fn more_batches_than_may_be_in_flight_are_all_answered_once() {
    let delivered = deliver(&[], 3 * IN_FLIGHT_MAX).await;
    delivered.result.unwrap();
    assert_eq!(delivered.answered, (0..3 * IN_FLIGHT_MAX).collect::<Vec<_>>());
    assert_eq!(delivered.seen.len(), 3 * IN_FLIGHT_MAX);
    assert!(delivered.seen.windows(2).all(|pair| pair[0].batch_sequence < pair[1].batch_sequence));
}

#[tokio::test]
async fn what_a_broken_stream_left_unanswered_is_sent_again_unchanged() {
    let delivered = deliver(&[Move::Accept, Move::End(Code::Unavailable)], 4).await;
    delivered.result.unwrap();
    let mut answered = delivered.answered.clone();
    answered.sort_unstable();
    assert_eq!(answered, [0, 1, 2, 3], "each is answered once");
    let second: Vec<_> = delivered.seen.iter().filter(|batch| batch.pulses[0].id == "pulse-1").collect();
    assert_eq!(second.len(), 2);
    assert_eq!(second[0].pulses, second[1].pulses);
    let first = delivered.seen.iter().filter(|batch| batch.pulses[0].id == "pulse-0");
    assert!(
        first.count() <= 2,
        "what was answered is sent again only where its answer was lost with the stream"
    );
}

#[tokio::test]
async fn a_batch_that_was_not_taken_comes_again_after_the_delay() {
    let delivered = deliver(&[Move::NotTaken("OVERLOADED", Some(20))], 1).await;
    delivered.result.unwrap();
    assert_eq!(delivered.answered, [0]);
    let [first, second] = &delivered.seen[..] else { panic!("it is sent twice") };
    assert_eq!(first.pulses, second.pulses);
    assert!(first.batch_sequence < second.batch_sequence, "under a number of its own");
}

#[tokio::test]
async fn who_waits_is_told_why_and_once() {
    let scripted =
        Scripted::new(&[Move::NotTaken("QUOTA_EXCEEDED", Some(1)), Move::NotTaken("OVERLOADED", Some(1))]);
    let (sender, receiver) = mpsc::channel(1);
    sender.send(batch(0)).await.unwrap();
    drop(sender);
    let told = Arc::new(Mutex::new(Vec::new()));
    let telling = Arc::clone(&told);
    let tell = move |line| telling.lock().unwrap().push(line);
    let run = |server| Delivery::new(server, |_: Answered<usize>| Ok(())).telling(tell).run(receiver);
    scripted.serve(run).await.unwrap();
    assert_eq!(scripted.seen().len(), 3);
    let line =
        "the server takes no more for now (QUOTA_EXCEEDED: by the script); waiting, then sending it again";
    assert_eq!(*told.lock().unwrap(), [line]);
}

#[tokio::test]
async fn a_batch_that_would_fail_again_ends_the_delivery() {
    for (code, expected) in [
        ("TOO_LARGE", Exit::Failed),
        ("NOT_ALLOWED", Exit::NotAllowed),
        ("UNAUTHENTICATED", Exit::NotAllowed),
    ] {
        let delivered = deliver(&[Move::NotTaken(code, None)], 1).await;
        assert_eq!(exit(&delivered), (expected, format!("{code}: by the script")));
        assert_eq!((delivered.answered.len(), delivered.seen.len()), (0, 1));
    }
}

#[tokio::test]
async fn a_stream_that_ends_for_a_reason_of_ours_is_not_tried_again() {
    for (code, expected) in [(Code::InvalidArgument, Exit::Usage), (Code::PermissionDenied, Exit::NotAllowed)]
    {
        let delivered = deliver(&[Move::End(code)], 1).await;
        assert_eq!(exit(&delivered).0, expected);
        assert_eq!(delivered.seen.len(), 1);
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_not_waited_for() {
    let (sender, receiver) = mpsc::channel(1);
    drop(sender);
    let nowhere = Server { grpc: "not an address".to_owned(), ..Server::default() };
    let result = Delivery::new(nowhere, |_: Answered<usize>| Ok(())).run(receiver).await;
    assert_eq!(Exit::of(&result.unwrap_err()), Exit::Usage);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_never_there_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let grpc = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (sender, receiver) = mpsc::channel(1);
    sender.send(batch(0)).await.unwrap();
    let nowhere = Server { grpc, ..Server::default() };
    let result = Delivery::new(nowhere, |_: Answered<usize>| Ok(())).run(receiver).await;
    let error = result.unwrap_err();
    assert_eq!(Exit::of(&error), Exit::NotReady);
    assert!(error.to_string().contains("is `pulse up` running?"), "{error}");
}
