//! Clients and edges: pulses, re-sends, refusals, replays, closings and foreign bytes go into the log.

use crate::history::{Acknowledged, Content, History, Spot};
use crate::random::Random;
use domain::calendar::{Calendar, Period};
use domain::dead_letter::{DeadLetterEvent, DeadLetterId, DecidedIdentity};
use domain::generation::Registry;
use domain::id::PulseId;
use domain::position::{PULSES_PER_RECORD_MAX, Position};
use domain::pulse::{Pulse, RawPulse, RawTime, StampedPulse, Stamps};
use domain::reject::RejectReason;
use domain::time::Timestamp;
use prost::Message;
use proto::record::{Control, RefusedPulse};
use std::collections::BTreeMap;

const TENANTS: [&str; 3] = ["acme", "globex", "hot"];
const SKUS: [&str; 2] = ["llm.input", "vm"];
const DAY: i64 = 86_400;

/// Everything outside the consumer that writes to the log.
#[derive(Default)]
pub struct Clients {
    /// Sent without an answer: the client sends them again.
    in_doubt: Vec<Pulse>,
    /// Every accepted pulse: any of them may be sent again for no reason.
    sent: Vec<Pulse>,
    /// Refused ones, which a replay sends again under their own identity.
    refused: Vec<(Pulse, DeadLetterId)>,
    minted: u64,
    closings: u64,
}

impl Clients {
    /// One thing that clients, edges or operators do.
    pub fn step(&mut self, random: &mut Random, registry: &Registry, now: Timestamp, history: &mut History) {
        match random.below(100) {
            0..64 => self.report(random, registry, now, history),
            64..76 => self.refuse(random, registry, now, history),
            76..84 => self.replay(random, registry, now, history),
            84..90 => self.mark(random, registry, now, history),
            90..92 => self.state(random, now, history),
            92..94 => {
                let spot = any_spot(random, registry);
                history.append(spot, now, Content::Foreign);
            }
            _ => self.send_far_too_late(random, registry, now, history),
        }
    }

    /// A batch of new pulses and re-sends, appended or not, answered or not.
    fn report(&mut self, random: &mut Random, registry: &Registry, now: Timestamp, history: &mut History) {
        let mut batch = vec![self.choose(random, now)];
        for _ in 0..random.below(4) {
            let alike = random.chance(50).then(|| self.another_like(random, &batch[batch.len() - 1]));
            let pulse = alike.unwrap_or_else(|| self.choose(random, now));
            batch.push(pulse);
        }
        if random.chance(10) {
            self.in_doubt.extend(batch);
            return;
        }
        let answered = random.chance(80);
        let mut records: BTreeMap<Spot, Vec<StampedPulse>> = BTreeMap::new();
        for pulse in batch {
            records.entry(route(registry, &pulse)).or_default().push(stamp(random, pulse));
        }
        for (spot, pulses) in records {
            let kept: Vec<Pulse> = pulses.iter().map(|stamped| stamped.pulse.clone()).collect();
            let offset = history.append(spot, now, Content::Pulses(pulses, Vec::new()));
            self.sent.extend(kept.iter().cloned());
            if answered {
                let told = |pulse| Acknowledged { pulse, time: now, spot, offset };
                history.acknowledged.extend(kept.into_iter().map(told));
            } else {
                self.in_doubt.extend(kept);
            }
        }
    }

    fn choose(&mut self, random: &mut Random, now: Timestamp) -> Pulse {
        if !self.in_doubt.is_empty() && random.chance(50) {
            let index = random.below(self.in_doubt.len());
            return self.in_doubt.swap_remove(index);
        }
        if !self.sent.is_empty() && random.chance(30) {
            let since = if random.chance(50) { self.sent.len().saturating_sub(5) } else { 0 };
            let mut again = random.pick(&self.sent[since..]).clone();
            if random.chance(15) {
                again.quantity = domain::quantity::Quantity::from_integer(777).unwrap();
            }
            return again;
        }
        self.new_pulse(random, now)
    }

    fn new_pulse(&mut self, random: &mut Random, now: Timestamp) -> Pulse {
        self.minted += 1;
        let lateness = if random.chance(40) { random.below(20 * 86_400) } else { random.below(900) };
        let lateness = i64::try_from(lateness).unwrap();
        let reported = now.plus_seconds(60 - lateness);
        let event_time = if random.chance(50) { reported.quarter().start() } else { reported };
        let whole = i64::try_from(random.below(2_000)).unwrap() - 500;
        RawPulse {
            id: format!("p-{}", self.minted),
            source: random.pick(&["", "meter-1"]).to_string(),
            tenant: random.pick(&TENANTS).to_string(),
            sku: random.pick(&SKUS).to_string(),
            quantity: format!("{whole}.25"),
            unit: "token".to_owned(),
            event_time: Some(RawTime::from(event_time)),
            ..RawPulse::default()
        }
        .parse()
        .unwrap()
    }

    /// A meter reports again in the same minute.
    fn another_like(&mut self, random: &mut Random, pulse: &Pulse) -> Pulse {
        self.minted += 1;
        let id = PulseId::parse(&format!("p-{}", self.minted), "id").unwrap();
        let whole = i64::try_from(random.below(50)).unwrap();
        let quantity = domain::quantity::Quantity::from_integer(whole).unwrap();
        Pulse { id, quantity, ..pulse.clone() }
    }

    /// The edge refuses a pulse and keeps it.
    fn refuse(&mut self, random: &mut Random, registry: &Registry, now: Timestamp, history: &mut History) {
        let pulse = self.new_pulse(random, now);
        let payload = proto::pulse::to_wire(&RawPulse::from(&pulse)).encode_to_vec();
        let generation = registry.valid_at(now);
        let spot = (generation.number, generation.partition_of_payload(&payload));
        let refused = RefusedPulse {
            tenant: pulse.tenant.to_string(),
            reason: RejectReason::UnknownSku,
            field: "sku".to_owned(),
            message: "sku is unknown".to_owned(),
            payload: payload.into(),
        };
        let beside: Vec<StampedPulse> = Vec::new();
        let offset = history.append(spot, now, Content::Pulses(beside, vec![refused]));
        let position = Position::new(offset, 0);
        let id = DeadLetterId { day: now.day(), generation: spot.0, partition: spot.1, position };
        self.refused.push((pulse, id));
    }

    /// A refused pulse is sent again under its own identity, and its fate is noted in its own partition.
    fn replay(&mut self, random: &mut Random, registry: &Registry, now: Timestamp, history: &mut History) {
        if self.refused.is_empty() {
            return;
        }
        let (pulse, id) = random.pick(&self.refused).clone();
        let spot = route(registry, &pulse);
        let offset =
            history.append(spot, now, Content::Pulses(vec![stamp(random, pulse.clone())], Vec::new()));
        history.acknowledged.push(Acknowledged { pulse: pulse.clone(), time: now, spot, offset });
        self.sent.push(pulse);
        if random.chance(80) {
            let event =
                if random.chance(70) { DeadLetterEvent::Replayed } else { DeadLetterEvent::RefusedAgain };
            let control = Content::Control(Control::DeadLetter { id, event });
            history.append((id.generation, id.partition), now, control);
        }
    }

    /// Somebody decides about a dead letter or purges it, now and then one that there is not.
    fn state(&mut self, random: &mut Random, now: Timestamp, history: &mut History) {
        if self.refused.is_empty() {
            return;
        }
        let (pulse, mut id) = random.pick(&self.refused).clone();
        if random.chance(10) {
            id.day -= 1;
        }
        let decided = || DecidedIdentity {
            tenant: pulse.tenant.to_string(),
            source: pulse.source.to_string(),
            id: format!("decided-{}", self.minted),
            event_time: pulse.event_time,
        };
        let event =
            if random.chance(30) { DeadLetterEvent::Decided(decided()) } else { DeadLetterEvent::Purged };
        let control = Content::Control(Control::DeadLetter { id, event });
        history.append((id.generation, id.partition), now, control);
    }

    /// A period that has ended is closed, or opened again, in every partition.
    fn mark(&mut self, random: &mut Random, registry: &Registry, now: Timestamp, history: &mut History) {
        let calendar = Calendar::parse(if random.chance(60) { "UTC" } else { "Asia/Kolkata" }).unwrap();
        let ended: Vec<Period> =
            (1..=3).map(|back| calendar.period_of(now.plus_seconds(-28 * DAY * back))).collect();
        let period = *random.pick(&ended);
        if calendar.window_of(period).end() > now {
            return;
        }
        self.closings += 1;
        let closed = random.chance(80);
        for generation in registry.generations() {
            for partition in 0..generation.partitions {
                let marker = Control::Marker {
                    number: self.closings,
                    calendar: calendar.name().into(),
                    period,
                    closed,
                };
                history.append((generation.number, partition), now, Content::Control(marker));
            }
        }
    }

    /// An edge with a wrong clock accepts what is far beyond the horizon, or close to where it ends for the consumer.
    fn send_far_too_late(
        &mut self,
        random: &mut Random,
        registry: &Registry,
        now: Timestamp,
        history: &mut History,
    ) {
        let close = 36 * DAY - i64::try_from(random.below(1_800)).unwrap();
        let age = if random.chance(50) { close } else { 60 * DAY };
        let pulse = self.new_pulse(random, now.plus_seconds(-age));
        history.append(route(registry, &pulse), now, Content::Pulses(vec![stamp(random, pulse)], Vec::new()));
    }

    /// Everything still in doubt is sent once more and answered; and everything ever accepted, to ask the whole ledger.
    pub fn finish(
        &mut self,
        random: &mut Random,
        registry: &Registry,
        now: Timestamp,
        history: &mut History,
    ) {
        for pulse in std::mem::take(&mut self.in_doubt) {
            let spot = route(registry, &pulse);
            let offset =
                history.append(spot, now, Content::Pulses(vec![stamp(random, pulse.clone())], Vec::new()));
            history.acknowledged.push(Acknowledged { pulse, time: now, spot, offset });
        }
        let mut again: BTreeMap<Spot, Vec<StampedPulse>> = BTreeMap::new();
        for pulse in std::mem::take(&mut self.sent) {
            again.entry(route(registry, &pulse)).or_default().push(stamp(random, pulse));
        }
        for (spot, pulses) in again {
            for record in pulses.chunks(PULSES_PER_RECORD_MAX) {
                history.append(spot, now, Content::Pulses(record.to_vec(), Vec::new()));
            }
        }
    }
}

fn any_spot(random: &mut Random, registry: &Registry) -> Spot {
    let generations: Vec<_> = registry.generations().collect();
    let generation = random.pick(&generations);
    (generation.number, u32::try_from(random.below(generation.partitions as usize)).unwrap())
}

fn route(registry: &Registry, pulse: &Pulse) -> Spot {
    let route = registry.route(&pulse.identity(), pulse.event_time);
    (route.generation.number, route.partition)
}

/// Two edges may stamp re-sends of one pulse by different calendars: a tenant's first contract may lie between them.
fn stamp(random: &mut Random, pulse: Pulse) -> StampedPulse {
    let calendar = Calendar::parse(if random.chance(80) { "UTC" } else { "Asia/Kolkata" }).unwrap();
    let stamps = Stamps {
        group: pulse.dimensions.group([]),
        period: calendar.period_of(pulse.event_time),
        calendar: calendar.name().into(),
        catalog_offset: 7,
    };
    StampedPulse { pulse, stamps }
}
