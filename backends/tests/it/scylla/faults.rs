//! Answers that never come: what was written nobody knows, and writing it again is right.

use super::keyspace;
use super::{block, ledger};
use backends::conformance::store::cell;
use backends::scylla::{ScyllaOptions, ScyllaStore};
use domain::port::{CellStore, Query, StoreError, read_all};
use domain::table::{Cell, LEDGER};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What becomes of the answers of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answers {
    Pass,
    /// They are swallowed, and so are all later ones of the same connection.
    Swallowed,
}

/// Stands between a store and its server, and passes on everything that is asked.
struct Proxy {
    address: String,
    answers: watch::Sender<Answers>,
    end: CancellationToken,
}

impl Proxy {
    async fn before(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (answers, _) = watch::channel(Answers::Pass);
        let end = CancellationToken::new();
        let (connections, sender) = (TaskTracker::new(), answers.clone());
        let accept = async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                connections.spawn(ask(from_client, to_server));
                connections.spawn(answer(from_server, to_client, sender.subscribe()));
            }
        };
        TaskTracker::new().spawn(end.clone().run_until_cancelled_owned(accept));
        Self { address, answers, end }
    }

    fn swallow(&self) {
        self.answers.send_replace(Answers::Swallowed);
    }

    /// Ends the connections that swallowed something; new ones pass everything.
    fn heal(&self) {
        self.answers.send_replace(Answers::Pass);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.end.cancel();
    }
}

async fn ask(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<u64> {
    tokio::io::copy(&mut from, &mut to).await
}

async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut answers: watch::Receiver<Answers>,
) -> io::Result<()> {
    let mut bytes = vec![0; 64 * 1024];
    let mut has_lost = false;
    loop {
        let passes = *answers.borrow_and_update() == Answers::Pass;
        if passes && has_lost {
            return Ok(());
        }
        tokio::select! {
            _ = answers.changed() => {}
            count = from.read(&mut bytes) => match count? {
                0 => return Ok(()),
                count if passes => to.write_all(&bytes[..count]).await?,
                _ => has_lost = true,
            }
        }
    }
}

/// What a caller does after an unknown outcome, also while nobody is there.
async fn write_until_done(store: &ScyllaStore, cells: &[Cell]) {
    while let Err(error) = store.write(cells.to_vec()).await {
        assert!(matches!(error, StoreError::UnknownOutcome(_) | StoreError::Unavailable(_)), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swallowed_answer_is_an_unknown_outcome_and_the_same_write_again_changes_nothing() {
    keyspace::with_schema(async |keyspace| {
        let direct = keyspace.open().await;
        let proxy = Proxy::before(keyspace.options.nodes[0].clone()).await;
        let options = ScyllaOptions {
            nodes: vec![proxy.address.clone()],
            request_timeout: Duration::from_secs(1),
            ..keyspace.options.clone()
        };
        let store = ScyllaStore::open(options, crate::clock()).await.unwrap();
        unknown_and_yet_stored(&store, &direct, &proxy).await;
        a_read_without_answer_is_no_answer(&store).await;
        proxy.heal();
        again_and_nothing_changes(&store, &direct).await;
    })
    .await;
}

fn cells() -> Vec<Cell> {
    (0..200)
        .map(|number| cell(block(number % 3, number), number + 1, number.to_le_bytes().to_vec()))
        .collect()
}

/// Waits until all that was sent without an answer is stored.
async fn until_stored(store: &Arc<ScyllaStore>, count: usize) {
    let all = async {
        while stored(store).await < count {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all).await.expect("it is stored at last");
}

async fn stored(store: &Arc<ScyllaStore>) -> usize {
    let mut count = 0;
    for bucket in [0, 1, 2, 9] {
        count += read_all(&**store, Query::all(&LEDGER, ledger(bucket))).await.unwrap().len();
    }
    count
}

async fn unknown_and_yet_stored(store: &ScyllaStore, direct: &Arc<ScyllaStore>, proxy: &Proxy) {
    proxy.swallow();
    let single = store.write(vec![cell(block(9, 1), 1, "v")]).await;
    assert!(matches!(single, Err(StoreError::UnknownOutcome(_))), "{single:?}");
    until_stored(direct, 1).await;
    let many = store.write(cells()).await;
    assert!(matches!(many, Err(StoreError::UnknownOutcome(_))), "{many:?}");
    until_stored(direct, 201).await;
}

async fn a_read_without_answer_is_no_answer(store: &ScyllaStore) {
    let read = store.read(&Query::all(&LEDGER, ledger(9))).await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
}

async fn again_and_nothing_changes(store: &ScyllaStore, direct: &Arc<ScyllaStore>) {
    write_until_done(store, &cells()).await;
    assert_eq!(stored(direct).await, 201);
    for (bucket, number) in [(0, 0), (1, 1), (2, 197)] {
        let found = read_all(&**direct, Query::one(&block(bucket, number))).await.unwrap();
        assert_eq!(found, [cell(block(bucket, number), number + 1, number.to_le_bytes().to_vec())]);
    }
}
