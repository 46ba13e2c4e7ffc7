//! The demonstration: a catalogue, a past, refused pulses, and a present that goes on. Everything comes in through the
//! doors, as anybody's usage would.

mod letters;
mod usage;

use crate::client::catalog;
use crate::client::delivery::{Batch, Delivery, Filling, sendable};
use crate::client::rest::{Request, Rest};
use crate::dice::Dice;
use crate::server::Server;
use anyhow::Context;
use domain::generation::Registry;
use domain::port::{Clock, Log, NewRecord, TopicPartition};
use domain::pulse::RawPulse;
use domain::reject::RejectReason;
use domain::time::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

const CATALOG: &str = include_str!("../../examples/demo.yaml");
const DAYS_BEHIND: i64 = 30;
const HOURS_PER_DAY: i64 = 24;
/// Between two live pulses.
const PACE: Duration = Duration::from_secs(1);
/// Hours of the past that are told before the demonstration is ready.
const HOURS_AT_FIRST: i64 = 24;
/// SKUs with money that the first answer about costs shows.
const SKUS_AT_FIRST: usize = 5;
/// How long that answer is waited for before the demonstration is ready anyway.
const SHOWN_WITHIN: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(20);

/// What is shown, to whom.
pub struct Demo {
    /// Which past: the same seed tells the same.
    pub seed: u64,
    /// The server, by its own doors.
    pub server: Server,
    /// Tells what now is.
    pub clock: Arc<dyn Clock>,
}

impl Demo {
    /// Catalogue, the last day, and a dead letter for every reason; there is money to see when this returns. The log
    /// takes the bytes that no client can send.
    pub async fn fill(&self, log: &dyn Log, registry: &Registry) -> anyhow::Result<()> {
        let rest = Rest::new(self.server.clone());
        let requests = catalog::read("the demonstration's catalogue", CATALOG)?;
        catalog::apply(&rest, "the demonstration's catalogue", &requests).await?;
        let now = self.clock.now();
        let mut first: Vec<RawPulse> = self.last_day(now).chain(self.moment(now)).collect();
        if self.has_no_letters(&rest).await? {
            first.extend(RejectReason::ALL.iter().flat_map(|reason| letters::refused(*reason, now)));
            for generation in registry.generations().take(1) {
                let pulses = TopicPartition::new(Arc::clone(&generation.topic), 0);
                log.append(&pulses, vec![foreign()]).await.context("appending foreign bytes")?;
            }
        }
        self.deliver(first.into_iter()).await.context("sending the last day")?;
        if tokio::time::timeout(SHOWN_WITHIN, shown(&rest)).await.is_err() {
            tracing::warn!("the demonstration is still being counted");
        }
        Ok(())
    }

    /// Tells the rest of the past, then goes on for ever.
    pub async fn run(self) {
        if let Err(error) = self.go_on().await {
            tracing::warn!(%error, "the demonstration has ended");
        }
    }

    async fn go_on(&self) -> anyhow::Result<()> {
        self.deliver(self.days_before(self.clock.now())).await.context("sending the past")?;
        tracing::info!("the demonstration's past is told");
        self.live().await
    }

    async fn live(&self) -> anyhow::Result<()> {
        let (sender, receiver) = mpsc::channel(1);
        let delivery = Delivery::new(self.server.clone(), |_| Ok(())).run(receiver);
        tokio::try_join!(delivery, self.tick(sender)).map(|((), ())| ())
    }

    /// A pulse of any stream, at a gentle pace.
    async fn tick(&self, sender: mpsc::Sender<Batch<()>>) -> anyhow::Result<()> {
        let streams: Vec<_> = usage::streams().collect();
        let mut dice = Dice::of(self.seed, u64::MAX);
        let mut ticks = interval(PACE);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            ticks.tick().await;
            let any = usize::try_from(dice.below(streams.len() as u64)).unwrap_or_default();
            let pulse = streams[any].of_moment(self.clock.now(), &mut dice);
            for batch in batches(std::iter::once(pulse))? {
                sender.send(batch).await.context("the delivery has ended")?;
            }
        }
    }

    /// What every stream reported in the hours before now that the first look shows.
    fn last_day(&self, now: Timestamp) -> impl Iterator<Item = RawPulse> {
        let is_past =
            move |pulse: &RawPulse| pulse.event_time.is_some_and(|time| time.seconds <= now.seconds());
        self.hours(now.hour() - HOURS_AT_FIRST..now.hour() + 1).filter(is_past)
    }

    /// What came before that, from midnight thirty days ago.
    fn days_before(&self, now: Timestamp) -> impl Iterator<Item = RawPulse> {
        self.hours((now.day() - DAYS_BEHIND) * HOURS_PER_DAY..now.hour() - HOURS_AT_FIRST)
    }

    fn hours(&self, hours: Range<i64>) -> impl Iterator<Item = RawPulse> {
        let seed = self.seed;
        hours.filter_map(|hour| u64::try_from(hour).ok()).flat_map(move |hour| {
            let reporting = usage::streams().filter(move |stream| stream.reports_in(hour));
            reporting.map(move |stream| stream.of_hour(seed, hour))
        })
    }

    /// A pulse of every stream now, so that also a month that has just begun has costs.
    fn moment(&self, now: Timestamp) -> impl Iterator<Item = RawPulse> {
        let mut dice = Dice::of(self.seed, u64::MAX - 1);
        usage::streams().map(move |stream| stream.of_moment(now, &mut dice))
    }

    async fn deliver(&self, pulses: impl Iterator<Item = RawPulse>) -> anyhow::Result<()> {
        let (sender, receiver) = mpsc::channel(1);
        let delivery = Delivery::new(self.server.clone(), |_| Ok(())).run(receiver);
        let feed = async {
            for batch in batches(pulses)? {
                sender.send(batch).await.context("the delivery has ended")?;
            }
            drop(sender);
            Ok(())
        };
        tokio::try_join!(delivery, feed).map(|((), ())| ())
    }

    /// A demonstration on a directory that had one keeps the letters it has.
    async fn has_no_letters(&self, rest: &Rest) -> anyhow::Result<bool> {
        let page = rest.send(&Request::get(&["dead-letters"]).with("page_size", Some("1"))).await?.body;
        Ok(page["items"].as_array().is_none_or(Vec::is_empty))
    }
}

/// Asks what everything costs until the answer is worth a look.
async fn shown(rest: &Rest) {
    let costs = Request::get(&["costs"]);
    while rest.send(&costs).await.map_or(0, |answer| skus_with_money(&answer.body)) < SKUS_AT_FIRST {
        tokio::time::sleep(STEP).await;
    }
}

fn skus_with_money(costs: &Value) -> usize {
    let items = costs["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let paid = items.iter().filter(|item| item["amount_unrounded"].as_str().is_some_and(|text| text != "0"));
    paid.filter_map(|item| item["group"]["sku"].as_str()).collect::<BTreeSet<_>>().len()
}

fn batches(pulses: impl Iterator<Item = RawPulse>) -> anyhow::Result<Vec<Batch<()>>> {
    let mut filling = Filling::default();
    let mut full = Vec::new();
    for raw in pulses {
        full.extend(filling.push(sendable(&raw)?, ()));
    }
    full.extend(filling.take());
    Ok(full)
}

/// Bytes in the log of pulses that are no record of ours.
fn foreign() -> NewRecord {
    NewRecord { headers: Vec::new(), value: "tenant=initech;sku=llm.input;amount=1500".into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system_clock::SystemClock;
    use serde_json::json;

    fn demo(seed: u64) -> Demo {
        let server = Server::default();
        Demo { seed, server, clock: Arc::new(SystemClock) }
    }

    #[test]
    fn its_catalogue_has_nine_skus_twelve_tenants_and_every_price_model() {
        let requests = catalog::read("demo.yaml", CATALOG).unwrap();
        let count = |kind: &str| requests.iter().filter(|request| request.kind.name() == kind).count();
        assert_eq!([count("sku"), count("tenant"), count("plan"), count("contract")], [9, 12, 3, 11]);
        for word in ["per_unit", "graduated", "volume", "package", "free:", "minimum:", "match:"] {
            assert!(CATALOG.contains(word), "{word}");
        }
        let zones = CATALOG.lines().filter_map(|line| line.strip_prefix("time_zone: "));
        assert_eq!(zones.collect::<BTreeSet<_>>().len(), 10);
    }

    fn past(seed: u64, now: Timestamp) -> Vec<RawPulse> {
        let demo = demo(seed);
        demo.days_before(now).chain(demo.last_day(now)).collect()
    }

    #[test]
    fn the_past_is_thirty_days_and_ends_now() {
        let now = Timestamp::parse("2026-03-31T14:30:00Z").unwrap();
        let times: Vec<i64> = past(1, now).iter().map(|pulse| pulse.event_time.unwrap().seconds).collect();
        let first = Timestamp::parse("2026-03-01T00:00:00Z").unwrap().seconds();
        assert!(times.iter().all(|time| (first..=now.seconds()).contains(time)));
        // 734 whole hours, a third of the streams in each; of the hour that has begun, what came until now.
        let third = usage::streams().count() / 3;
        assert!((734 * third..735 * (third + 1)).contains(&times.len()), "{}", times.len());
    }

    #[test]
    fn what_is_told_before_it_is_ready_is_a_day_and_small() {
        let now = Timestamp::parse("2026-03-31T14:30:00Z").unwrap();
        let first = Timestamp::parse("2026-03-30T14:00:00Z").unwrap().seconds();
        let last_day: Vec<RawPulse> = demo(1).last_day(now).collect();
        assert!(last_day.iter().all(|pulse| pulse.event_time.unwrap().seconds >= first));
        assert!(demo(1).days_before(now).all(|pulse| pulse.event_time.unwrap().seconds < first));
        assert_eq!(batches(last_day.into_iter()).unwrap().len(), 1);
    }

    #[test]
    fn a_later_now_only_adds_to_the_past() {
        let at = |text: &str| past(9, Timestamp::parse(text).unwrap());
        let (early, late) = (at("2026-03-31T10:00:00Z"), at("2026-03-31T12:00:00Z"));
        assert!(early.len() < late.len());
        let ids: BTreeSet<&str> = late.iter().map(|pulse| pulse.id.as_str()).collect();
        assert!(early.iter().all(|pulse| ids.contains(pulse.id.as_str())));
    }

    #[test]
    fn a_look_is_worth_what_it_shows_of_money() {
        let cost = |sku: &str, amount: &str| json!({"group": {"sku": sku}, "amount_unrounded": amount});
        let unpriced = json!({"group": {"sku": "c"}, "unpriced": "NO_CONTRACT"});
        let items = [cost("a", "0.5"), cost("a", "7"), cost("b", "0"), unpriced, cost("d", "-1")];
        assert_eq!(skus_with_money(&json!({ "items": items })), 2);
        assert_eq!(skus_with_money(&json!({})), 0);
    }

    #[test]
    fn every_stream_is_used_now() {
        let now = Timestamp::parse("2026-04-01T00:00:05Z").unwrap();
        let batches = batches(demo(1).moment(now)).unwrap();
        let count: usize = batches.iter().map(|batch| batch.pulses.len()).sum();
        assert_eq!(count, usage::streams().count());
    }
}
