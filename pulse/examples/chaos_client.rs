//! A client for the tests that kill the server: it streams pulses, writes down every one that was acknowledged, and
//! sends again what was not, until its standard input ends and everything is acknowledged.
//!
//! `chaos_client READY_FILE,… ACKNOWLEDGED_FILE SEED PAUSE_MS`: each connection goes to one of the servers that announce
//! themselves, new batches come that far apart, and each line of the second file is
//! `tenant,sku,event_seconds,id,quantity`.

use anyhow::{Context, bail};
use domain::port::Clock;
use proto::v1::ingest_service_client::IngestServiceClient;
use proto::v1::stream_pulses_response::Outcome;
use proto::v1::{Pulse, StreamPulsesRequest, StreamPulsesResponse};
use pulse::ready_file::Ready;
use pulse::system_clock::SystemClock;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{LineWriter, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

const TENANTS: [&str; 2] = ["acme", "globex"];
const SKUS: [&str; 2] = ["llm.input", "llm.output"];
const IN_FLIGHT_MAX: usize = 8;
const BATCH_MAX: usize = 60;
/// Half of the pulses are late, by so much at most.
const LATENESS_SECONDS_MAX: usize = 3 * 3_600;
/// Of a hundred pulses so many are one that was sent before.
const AGAIN_PERCENT: usize = 30;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = "usage: chaos_client READY_FILE,… ACKNOWLEDGED_FILE SEED PAUSE_MS";
    let mut next = || arguments.next().context(usage);
    let (ready_files, acknowledged, seed) = (next()?, next()?, next()?.parse()?);
    let pause = Duration::from_millis(next()?.parse()?);
    let finishing = Arc::new(AtomicBool::new(false));
    let noticed = Arc::clone(&finishing);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        noticed.store(true, Ordering::SeqCst);
    });
    let mut client = Client {
        ready_files: ready_files.split(',').map(PathBuf::from).collect(),
        pause,
        acknowledged: LineWriter::new(File::create(acknowledged)?),
        finishing,
        random: seed,
        minted: 0,
        sequence: 0,
        recent: Vec::new(),
        in_doubt: BTreeMap::new(),
        again: Vec::new(),
    };
    while !client.is_done() {
        if let Err(error) = client.stream().await {
            eprintln!("the stream ended: {error:#}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    Ok(())
}

struct Client {
    ready_files: Vec<PathBuf>,
    /// Between new batches.
    pause: Duration,
    acknowledged: LineWriter<File>,
    finishing: Arc<AtomicBool>,
    random: u64,
    minted: u64,
    sequence: i64,
    /// Some that were sent, to be sent again.
    recent: Vec<Pulse>,
    /// Batches without an answer.
    in_doubt: BTreeMap<i64, Vec<Pulse>>,
    /// Those of earlier connections, to be sent again unchanged.
    again: Vec<Vec<Pulse>>,
}

impl Client {
    fn is_done(&self) -> bool {
        self.finishing.load(Ordering::SeqCst) && self.in_doubt.is_empty() && self.again.is_empty()
    }

    /// One connection: what is in doubt first, then new batches, until it breaks or everything is done.
    async fn stream(&mut self) -> anyhow::Result<()> {
        let chosen = self.below(self.ready_files.len());
        let ready = Ready::find(&self.ready_files[chosen])?.context("no server is ready")?;
        let mut service = IngestServiceClient::connect(format!("http://{}", ready.grpc)).await?;
        let (requests, receiver) = mpsc::channel(IN_FLIGHT_MAX);
        self.again.extend(std::mem::take(&mut self.in_doubt).into_values());
        let mut answers = service.stream_pulses(ReceiverStream::new(receiver)).await?.into_inner();
        while !self.is_done() {
            while self.in_doubt.len() < IN_FLIGHT_MAX && self.has_more() {
                self.send(&requests).await?;
            }
            let answer = tokio::time::timeout(Duration::from_secs(20), answers.message());
            let answer = answer.await.context("no answer within 20 seconds")??;
            self.answered(answer.context("the server ended the stream")?)?;
        }
        Ok(())
    }

    fn has_more(&self) -> bool {
        !self.again.is_empty() || !self.finishing.load(Ordering::SeqCst)
    }

    async fn send(&mut self, requests: &mpsc::Sender<StreamPulsesRequest>) -> anyhow::Result<()> {
        let pulses = if let Some(pulses) = self.again.pop() {
            pulses
        } else {
            tokio::time::sleep(self.pause).await;
            self.batch()
        };
        self.sequence += 1;
        self.in_doubt.insert(self.sequence, pulses.clone());
        let request = StreamPulsesRequest { batch_sequence: self.sequence, pulses };
        requests.send(request).await.context("the connection is gone")
    }

    fn answered(&mut self, answer: StreamPulsesResponse) -> anyhow::Result<()> {
        match answer.outcome {
            Some(Outcome::Result(result)) if result.rejections.is_empty() => {
                let pulses = self.in_doubt.remove(&answer.batch_sequence).context("an answer to no batch")?;
                for pulse in &pulses {
                    let seconds = pulse.event_time.as_ref().map_or(0, |time| time.seconds);
                    let Pulse { tenant, sku, id, quantity, .. } = pulse;
                    writeln!(self.acknowledged, "{tenant},{sku},{seconds},{id},{quantity}")?;
                }
                Ok(())
            }
            Some(Outcome::Result(result)) => {
                eprintln!("rejected: {:?}", result.rejections);
                std::process::exit(2);
            }
            Some(Outcome::NotTaken(not_taken)) => bail!("not taken: {}", not_taken.message),
            None => Ok(()),
        }
    }

    fn batch(&mut self) -> Vec<Pulse> {
        (0..=self.below(BATCH_MAX)).map(|_| self.pulse()).collect()
    }

    fn pulse(&mut self) -> Pulse {
        if !self.recent.is_empty() && self.below(100) < AGAIN_PERCENT {
            let index = self.below(self.recent.len());
            return self.recent[index].clone();
        }
        self.minted += 1;
        let sign = if self.below(10) == 0 { "-" } else { "" };
        let late = if self.below(2) == 0 { 0 } else { self.below(LATENESS_SECONDS_MAX) };
        let late = i64::try_from(late).unwrap_or(0);
        let now = SystemClock.now().seconds();
        let pulse = Pulse {
            id: format!("chaos-{}", self.minted),
            tenant: TENANTS[self.below(2)].to_owned(),
            sku: SKUS[self.below(2)].to_owned(),
            quantity: format!("{sign}{}.{:03}", self.below(5_000), self.below(1_000)),
            unit: "token".to_owned(),
            event_time: Some(prost_types::Timestamp { seconds: now - late, nanos: 0 }),
            ..Pulse::default()
        };
        if self.recent.len() < 500 {
            self.recent.push(pulse.clone());
        } else {
            let index = self.below(500);
            self.recent[index] = pulse.clone();
        }
        pulse
    }

    /// SplitMix64, below a bound.
    fn below(&mut self, bound: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).expect("it is below a bound that fits")
    }
}
