//! A small TCP proxy with seeded faults, to stand between a role and an engine: answers swallowed, connections reset,
//! bytes held back, frames cut in the middle. What a caller asked may have been done each time, and it cannot know.

use pulse::dice::Dice;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

/// How long a swallowed answer keeps its connection open, and the longest that bytes are held back.
const SILENCE: Duration = Duration::from_millis(150);

/// What is done to an answer on its way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Nothing of it arrives, and later the connection ends.
    Swallow,
    /// The connection is reset.
    Reset,
    /// Half of it arrives, then the connection ends.
    Cut,
    /// It arrives late.
    Delay,
}

const FAULTS: [Fault; 4] = [Fault::Swallow, Fault::Reset, Fault::Cut, Fault::Delay];

/// A proxy in front of one address; it ends when this goes.
pub struct FaultProxy {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    _runtime: Runtime,
}

struct Shared {
    /// Not known yet where the address of the proxy is needed to start what is behind it.
    upstream: OnceLock<SocketAddr>,
    /// Faults in a million answers; 0 lets everything through.
    per_million: AtomicU32,
    dice: Mutex<Dice>,
    injected: [AtomicU64; FAULTS.len()],
}

impl FaultProxy {
    /// A proxy that leads nowhere yet, and lets everything through until it is told otherwise.
    pub fn start(seed: u64) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            upstream: OnceLock::new(),
            per_million: AtomicU32::new(0),
            dice: Mutex::new(Dice::new(seed)),
            injected: Default::default(),
        });
        runtime.spawn(accept(listener, Arc::clone(&shared), TaskTracker::new()));
        Self { address, shared, _runtime: runtime }
    }

    /// What it is before.
    pub fn lead_to(&self, upstream: SocketAddr) {
        self.shared.upstream.set(upstream).expect("it leads to one address");
    }

    /// From now on so many answers in a million meet a fault.
    pub fn set_rate(&self, per_million: u32) {
        self.shared.per_million.store(per_million, Ordering::Relaxed);
    }

    /// Requests that were passed on and whose answer did not arrive whole.
    pub fn unknown_outcomes(&self) -> u64 {
        FAULTS
            .iter()
            .zip(&self.shared.injected)
            .filter(|(fault, _)| **fault != Fault::Delay)
            .map(|(_, count)| count.load(Ordering::Relaxed))
            .sum()
    }

    /// What was injected, for people.
    pub fn report(&self) -> String {
        let counts = FAULTS.iter().zip(&self.shared.injected);
        counts
            .map(|(fault, count)| format!("{fault:?} {}", count.load(Ordering::Relaxed)))
            .collect::<Vec<_>>()
            .join(", ")
    }
}

impl Shared {
    fn throw(&self) -> Option<Fault> {
        let mut dice = self.dice.lock().unwrap();
        if !dice.hits(self.per_million.load(Ordering::Relaxed)) {
            return None;
        }
        let index = usize::try_from(dice.below(FAULTS.len() as u64)).unwrap();
        self.injected[index].fetch_add(1, Ordering::Relaxed);
        Some(FAULTS[index])
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, connections: TaskTracker) {
    loop {
        // Out of descriptors for a moment, or the caller has gone: the next one may be served.
        let Ok((client, _)) = listener.accept().await else { continue };
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            // The end of a connection is the caller's to notice, whatever the reason.
            let _ = carry(client, &shared).await;
        });
    }
}

async fn carry(client: TcpStream, shared: &Shared) -> io::Result<()> {
    let upstream = shared.upstream.get().ok_or(io::ErrorKind::NotConnected)?;
    let server = TcpStream::connect(upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        ended = pass_on(from_client, to_server) => ended,
        ended = answer(from_server, to_client, shared) => ended,
    }
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer).await? {
            0 => return Ok(()),
            count => to.write_all(&buffer[..count]).await?,
        }
    }
}

async fn answer(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, shared: &Shared) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        match shared.throw() {
            None => {}
            Some(Fault::Delay) => tokio::time::sleep(SILENCE).await,
            Some(Fault::Swallow) => {
                tokio::time::sleep(SILENCE).await;
                return Ok(());
            }
            Some(Fault::Cut) => return to.write_all(&buffer[..count / 2]).await,
            Some(Fault::Reset) => return to.as_ref().set_zero_linger(),
        }
        to.write_all(&buffer[..count]).await?;
    }
}

/// A server that answers every line with itself, and keeps count.
fn echo(runtime: &Runtime) -> (SocketAddr, Arc<AtomicU64>) {
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&asked);
    runtime.spawn(async move {
        let connections = TaskTracker::new();
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let counted = Arc::clone(&counted);
            connections.spawn(async move {
                let mut byte = [0; 8];
                while socket.read_exact(&mut byte).await.is_ok() {
                    counted.fetch_add(1, Ordering::Relaxed);
                    if socket.write_all(&byte).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (address, asked)
}

/// One question over a connection of its own; whether the whole answer came.
async fn ask(proxy: SocketAddr) -> bool {
    let mut socket = TcpStream::connect(proxy).await.unwrap();
    let mut answer = [0; 8];
    socket.write_all(b"question").await.is_ok()
        && socket.read_exact(&mut answer).await.is_ok()
        && &answer == b"question"
}

#[test]
fn every_question_is_asked_and_the_answers_that_fail_are_those_that_were_counted() {
    let runtime = Runtime::new().unwrap();
    let (upstream, asked) = echo(&runtime);
    let proxy = FaultProxy::start(3);
    proxy.lead_to(upstream);
    assert!(runtime.block_on(ask(proxy.address)), "nothing is injected unasked");
    proxy.set_rate(500_000);
    let ask_all = async {
        let mut failed = 0;
        for _ in 0..60 {
            failed += u64::from(!ask(proxy.address).await);
        }
        failed
    };
    let failed = runtime.block_on(ask_all);
    assert_eq!(asked.load(Ordering::Relaxed), 61, "no question was held back");
    assert_eq!(failed, proxy.unknown_outcomes(), "{}", proxy.report());
    let kinds = proxy.shared.injected.iter().filter(|count| count.load(Ordering::Relaxed) > 0).count();
    assert_eq!(kinds, FAULTS.len(), "{}", proxy.report());
    proxy.set_rate(0);
    assert!(runtime.block_on(ask(proxy.address)), "the weather clears");
}
