//! What the tenants of the demonstration use: a function of seed, stream and hour, so that the same seed tells the same
//! past whenever it is asked.

use crate::dice::Dice;
use domain::pulse::RawPulse;
use domain::time::Timestamp;
use uuid::{Builder, Uuid};

const SECONDS_PER_HOUR: u64 = 3_600;
/// Between two reports of the past: few enough that thirty days are counted in a second.
const HOURS_BETWEEN: u64 = 3;
/// How busy an hour of the day is, in percent of the busiest.
const DAY: [u64; 24] =
    [22, 18, 15, 14, 16, 24, 38, 55, 74, 88, 95, 98, 92, 96, 100, 97, 90, 84, 78, 70, 58, 46, 36, 28];

struct Sku {
    id: &'static str,
    unit: &'static str,
    /// Thousandths used in a busy hour by a tenant of size 1.
    busy_hour: u64,
    /// The least amount that is reported, in thousandths.
    step: u64,
    /// A declared dimension and its values.
    dimension: Option<(&'static str, &'static [&'static str])>,
}

const REGIONS: Option<(&str, &[&str])> = Some(("region", &["us-1", "eu-1", "asia-1"]));
const CLASSES: Option<(&str, &[&str])> = Some(("class", &["hot", "hot", "cold"]));

const fn sku(id: &'static str, unit: &'static str, busy_hour: u64, step: u64) -> Sku {
    Sku { id, unit, busy_hour, step, dimension: None }
}

const SKUS: [Sku; 9] = [
    sku("llm.input", "token", 90_000_000, 1_000),
    sku("llm.output", "token", 21_000_000, 1_000),
    Sku { dimension: REGIONS, ..sku("compute.cpu", "s", 14_400_000, 1_000) },
    Sku { dimension: REGIONS, ..sku("compute.gpu", "min", 48_000, 500) },
    Sku { dimension: CLASSES, ..sku("storage.object", "GB.h", 640_000, 1) },
    sku("database.capacity", "GiB.h", 96_000, 1),
    sku("network.egress", "GB", 3_200, 1),
    sku("api.requests", "request", 52_000_000, 1_000),
    sku("mail.messages", "item", 110_000, 1_000),
];

struct Tenant {
    id: &'static str,
    size: u64,
    skus: &'static [usize],
}

const fn tenant(id: &'static str, size: u64, skus: &'static [usize]) -> Tenant {
    Tenant { id, size, skus }
}

/// All but the suspended one.
const TENANTS: [Tenant; 11] = [
    tenant("aperture", 5, &[0, 1, 2, 3, 4, 6, 7]),
    tenant("cyberdyne", 9, &[0, 1, 3, 4, 6]),
    tenant("globex", 7, &[2, 4, 5, 6, 7, 8]),
    tenant("hooli", 12, &[0, 1, 2, 4, 7]),
    tenant("initech", 2, &[2, 5, 7, 8]),
    tenant("monarch", 3, &[3, 4, 6]),
    tenant("nakatomi", 4, &[0, 1, 2, 6, 7]),
    tenant("soylent", 2, &[4, 5, 8]),
    tenant("tyrell", 8, &[0, 1, 3, 4]),
    tenant("vandelay", 1, &[6, 8]),
    tenant("wonka", 6, &[0, 1, 2, 4, 5, 8]),
];

/// One tenant's use of one SKU.
#[derive(Clone, Copy)]
pub struct Stream {
    number: u64,
    tenant: &'static Tenant,
    sku: &'static Sku,
}

/// Everything that is used by anybody.
pub fn streams() -> impl Iterator<Item = Stream> {
    let uses = TENANTS.iter().flat_map(|tenant| tenant.skus.iter().map(move |sku| (tenant, &SKUS[*sku])));
    uses.zip(0..).map(|((tenant, sku), number)| Stream { number, tenant, sku })
}

impl Stream {
    /// Whether anything was reported in that hour since the epoch: each stream reports every third.
    pub fn reports_in(&self, hour: u64) -> bool {
        (hour + self.number).is_multiple_of(HOURS_BETWEEN)
    }

    /// What was used in that hour.
    pub fn of_hour(&self, seed: u64, hour: u64) -> RawPulse {
        let mut dice = Dice::of(seed, hour * 1_024 + self.number);
        let id = id(&mut dice);
        let second = hour * SECONDS_PER_HOUR + dice.below(SECONDS_PER_HOUR);
        let time = Timestamp::from_seconds(i64::try_from(second).unwrap_or(i64::MAX));
        self.pulse(id, time, self.busy(hour), &mut dice)
    }

    /// What is used in a moment of now.
    pub fn of_moment(&self, now: Timestamp, dice: &mut Dice) -> RawPulse {
        let hour = u64::try_from(now.hour()).unwrap_or_default();
        self.pulse(Uuid::now_v7(), now, self.busy(hour) / 60, dice)
    }

    /// Thousandths in an hour as busy as that one.
    fn busy(&self, hour: u64) -> u64 {
        let of_day = usize::try_from(hour % 24).expect("a day has 24 hours");
        self.sku.busy_hour * self.tenant.size * DAY[of_day] / 100
    }

    /// Between half and one and a half times the usual.
    fn pulse(&self, id: Uuid, time: Timestamp, usual: u64, dice: &mut Dice) -> RawPulse {
        let thousandths = usual / 2 + dice.below(usual + 1);
        let steps = (thousandths / self.sku.step).max(1);
        let dimension = self.sku.dimension.map(|(key, values)| {
            let any = dice.below(values.len() as u64);
            (key.to_owned(), values[usize::try_from(any).unwrap_or_default()].to_owned())
        });
        RawPulse {
            id: id.to_string(),
            source: "demo".to_owned(),
            tenant: self.tenant.id.to_owned(),
            sku: self.sku.id.to_owned(),
            quantity: decimal(steps * self.sku.step),
            unit: self.sku.unit.to_owned(),
            event_time: Some(time.into()),
            dimensions: dimension.into_iter().collect(),
            ..RawPulse::default()
        }
    }
}

fn id(dice: &mut Dice) -> Uuid {
    let bytes = Uuid::from_u64_pair(dice.next(), dice.next()).into_bytes();
    Builder::from_random_bytes(bytes).into_uuid()
}

/// Thousandths as a decimal.
fn decimal(thousandths: u64) -> String {
    format!("{}.{:03}", thousandths / 1_000, thousandths % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn hour_of(seed: u64, hour: u64) -> Vec<RawPulse> {
        streams().map(|stream| stream.of_hour(seed, hour)).collect()
    }

    #[test]
    fn the_same_seed_tells_the_same_hour() {
        assert_eq!(hour_of(1, 490_000), hour_of(1, 490_000));
        assert_ne!(hour_of(1, 490_000), hour_of(2, 490_000));
    }

    #[test]
    fn eleven_tenants_use_nine_skus_in_valid_pulses_of_their_hour() {
        let pulses: Vec<_> = hour_of(3, 490_001).iter().map(|raw| raw.parse().unwrap()).collect();
        let tenants: BTreeSet<_> = pulses.iter().map(|pulse| pulse.tenant.clone()).collect();
        let skus: BTreeSet<_> = pulses.iter().map(|pulse| pulse.sku.clone()).collect();
        assert_eq!((tenants.len(), skus.len()), (11, 9));
        assert!(pulses.iter().all(|pulse| pulse.event_time.hour() == 490_001));
    }

    #[test]
    fn every_stream_reports_every_third_hour() {
        for stream in streams() {
            let hours: Vec<u64> = (490_000..490_012).filter(|hour| stream.reports_in(*hour)).collect();
            assert_eq!(hours.len(), 4);
            assert!(hours.windows(2).all(|pair| pair[1] - pair[0] == 3), "{hours:?}");
        }
    }

    #[test]
    fn no_two_pulses_share_an_id() {
        let days = (490_000..490_024).flat_map(|hour| hour_of(1, hour));
        let ids: Vec<String> = days.map(|pulse| pulse.id).collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }

    #[test]
    fn countables_are_whole_and_nights_are_quiet() {
        let tokens = |hour: u64| -> u128 {
            let pulses = (0..50).flat_map(|day| hour_of(1, 490_032 + 24 * day + hour));
            let whole = |text: &str| {
                let (whole, rest) = text.split_once('.').unwrap();
                assert_eq!(rest, "000", "a token is whole");
                whole.parse::<u128>().unwrap()
            };
            pulses.filter(|pulse| pulse.unit == "token").map(|pulse| whole(&pulse.quantity)).sum()
        };
        assert_eq!(490_032 % 24, 0, "the first hour is midnight");
        assert!(tokens(3) * 5 < tokens(14), "{} at night, {} by day", tokens(3), tokens(14));
    }

    #[test]
    fn what_is_used_now_has_the_time_of_now_and_a_new_id() {
        let now = Timestamp::from_seconds(1_764_000_000);
        let stream = streams().next().unwrap();
        let mut dice = Dice::new(1);
        let (first, second) = (stream.of_moment(now, &mut dice), stream.of_moment(now, &mut dice));
        assert_ne!(first.id, second.id);
        assert_eq!(first.parse().unwrap().event_time, now);
    }

    #[test]
    fn thousandths_are_printed_with_their_places() {
        assert_eq!([decimal(0), decimal(7), decimal(1_500)], ["0.000", "0.007", "1.500"]);
    }
}
