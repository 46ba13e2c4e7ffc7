//! Sends a workload when it is due, over several streams, and notes what comes back.

use super::tally::Tally;
use super::workload::Workload;
use crate::client::delivery::{Answered, Batch, Delivery, Filling, sendable};
use crate::server::Server;
use anyhow::Context;
use futures::future::try_join_all;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// Batches that wait for a stream: little, so that what is late is late in sending.
const WAITING_MAX: usize = 2;

/// How a workload is sent.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where to.
    pub server: Server,
    /// Over how many streams.
    pub streams: usize,
    /// How long sending is to take.
    pub duration: Duration,
}

impl Load {
    /// Sends everything; `progress` is told how many pulses were answered. The tally comes back when all are.
    pub async fn run(
        &self,
        workload: &Workload,
        progress: impl Fn(u64) + Clone,
    ) -> anyhow::Result<(Tally, Duration)> {
        let nanos = u64::try_from(self.duration.as_nanos()).context("sending takes too long")?;
        let tally = Arc::new(Mutex::new(Tally::new(workload.clone(), nanos)));
        let begun = Instant::now();
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..self.streams.max(1)).map(|_| mpsc::channel::<Batch<u64>>(WAITING_MAX)).unzip();
        let deliveries = receivers.into_iter().map(|receiver| {
            let (tally, progress) = (Arc::clone(&tally), progress.clone());
            let note = move |answered: Answered<u64>| {
                tally.lock().expect("no holder of the tally panics").note(&answered, begun.elapsed());
                progress(answered.batch.tags.len() as u64);
                Ok(())
            };
            Delivery::new(self.server.clone(), note).run(receiver)
        });
        let feeding = feed(workload, nanos, begun, senders);
        tokio::try_join!(try_join_all(deliveries), feeding)?;
        let took = begun.elapsed();
        let tally = Arc::into_inner(tally).context("a stream still holds the tally")?;
        Ok((tally.into_inner().expect("no holder of the tally panics"), took))
    }
}

/// Hands each pulse on when it is due. Where nobody takes it in time, those that are due meanwhile go together.
async fn feed(
    workload: &Workload,
    nanos: u64,
    begun: Instant,
    senders: Vec<mpsc::Sender<Batch<u64>>>,
) -> anyhow::Result<()> {
    let mut turns = senders.iter().cycle();
    let mut filling = Filling::default();
    for index in 0..workload.shape().pulses {
        let due = begun + Duration::from_nanos(workload.due(index, nanos));
        if due > Instant::now() {
            hand_on(&mut turns, filling.take()).await?;
            sleep_until(due).await;
        }
        let (raw, _) = workload.pulse(index);
        hand_on(&mut turns, filling.push(sendable(&raw)?, index)).await?;
    }
    hand_on(&mut turns, filling.take()).await
}

async fn hand_on<'a>(
    turns: &mut impl Iterator<Item = &'a mpsc::Sender<Batch<u64>>>,
    batch: Option<Batch<u64>>,
) -> anyhow::Result<()> {
    if let (Some(batch), Some(sender)) = (batch, turns.next()) {
        sender.send(batch).await.context("the delivery has ended")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::workload::tests::shape;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn every_pulse_is_handed_on_once_in_turn_and_not_before_it_is_due() {
        let workload = Workload::new(shape());
        let begun = Instant::now();
        let (senders, mut receivers): (Vec<_>, Vec<_>) = (0..3).map(|_| mpsc::channel(2_000)).unzip();
        let nanos = 10_000_000_000;
        feed(&workload, nanos, begun, senders).await.unwrap();
        assert!((9_900..10_000).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
        let mut all = Vec::new();
        let mut shares = Vec::new();
        for receiver in &mut receivers {
            let mut share = 0_u32;
            while let Some(batch) = receiver.recv().await {
                share += 1;
                all.extend(batch.tags);
            }
            shares.push(share);
        }
        all.sort_unstable();
        assert_eq!(all, (0..1_000).collect::<Vec<_>>());
        assert!(shares.iter().all(|share| share.abs_diff(shares[0]) <= 1), "{shares:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_has_ended_ends_the_feeding() {
        let (sender, receiver) = mpsc::channel(1);
        drop(receiver);
        let ended = feed(&Workload::new(shape()), 0, Instant::now(), vec![sender]).await;
        assert_eq!(ended.unwrap_err().to_string(), "the delivery has ended");
    }
}
