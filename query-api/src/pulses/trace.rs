//! The way of one pulse: identity, ledger, record, row, charge.

use super::{Asked, CountedIn, Outcome, PulseTrace};
use crate::QueryApi;
use crate::charges::{ChargeItem, read_stamped};
use crate::dead_letters::{DeadLetterItem, Scan};
use crate::ledger::Ledger;
use crate::matching::Matching;
use crate::meta::{damaged, read_checkpoint};
use crate::missing::Gaps;
use crate::pages::Pages;
use crate::sight::{Names, Place, Sighted};
use catalog::charge::ChargeKey;
use catalog::rated_time;
use catalog::state::State;
use domain::aggregate::{Row, RowKey, partition_key};
use domain::code::Code;
use domain::generation::Route;
use domain::port::{ClusteringRange, Query, StoreError, read_all};
use domain::position::Position;
use domain::table::{AGGREGATE, KeyValue};
use domain::time::{Quarter, Timestamp, Window};
use proto::blob::Blob;
use rest::{Count, Decimal, Problem, Time};

/// Dead letters of a pulse arrived at most so long before its event time.
const EARLY_SECONDS: i64 = 86_400;

/// Follows one pulse.
pub struct Tracer<'a> {
    query: &'a QueryApi,
    state: &'a State,
    asked: &'a Asked,
    route: Route,
}

impl<'a> Tracer<'a> {
    /// Where that pulse belongs.
    pub fn new(query: &'a QueryApi, state: &'a State, asked: &'a Asked) -> Self {
        let route = query.registry().route(&asked.identity(), asked.event_time);
        Self { query, state, asked, route }
    }

    /// What became of it.
    pub async fn trace(&self) -> Result<PulseTrace, Problem> {
        let progress = self.query.progress(self.state, std::slice::from_ref(&self.asked.tenant)).await?;
        let place = (&*self.route.generation, self.route.partition);
        let seen = Ledger::new(self.query.store()).first_sight(place, &self.asked.identity()).await?;
        let mut trace = PulseTrace {
            outcome: if seen.is_some() { Outcome::Counted } else { Outcome::Refused },
            pulse: None,
            record: None,
            counted_in: None,
            charge_id: None,
            charge: None,
            rated_time: None,
            unpriced: None,
            dead_letters: self.dead_letters(seen.is_some()).await?,
            watermark: progress.watermark().map(Time),
            missing: Vec::new(),
        };
        match seen {
            Some(seen) => self.follow(seen.position, &mut trace).await?,
            None if trace.dead_letters.is_empty() => return Err(self.unknown(progress.watermark())),
            None => {}
        }
        Ok(trace)
    }

    /// From its record on.
    async fn follow(&self, position: Position, trace: &mut PulseTrace) -> Result<(), Problem> {
        let mut gaps = Gaps::default();
        let place = Place {
            topic: self.route.generation.topic.to_string(),
            generation: self.route.generation.number,
            partition: self.route.partition,
        };
        let sighted = gaps.note("pulse", self.read(position).await);
        trace.record = Some(place.record(position, sighted.as_ref().map(|sighted| sighted.received)));
        if let Some(sighted) = sighted {
            let row = gaps.note("counted_in", self.find_row(&sighted).await);
            if let Some((key, row)) = row {
                let quarter = sighted.event_time.quarter();
                trace.counted_in = Some(counted_in(&key, &row, quarter));
                self.price(&key, quarter, trace, &mut gaps).await;
            }
            trace.pulse = Some(sighted.item);
        }
        trace.missing = gaps.0;
        Ok(())
    }

    async fn read(&self, position: Position) -> Result<Sighted, Problem> {
        let pages = Pages {
            store: self.query.store(),
            generation: self.route.generation.number,
            partition: self.route.partition,
        };
        let mut found = Vec::new();
        let offset = position.offset();
        let take = |entry: &_| found = Sighted::all_of(entry, |pulse| pulse.index == position.index());
        pages.each(offset..offset + 1, take).await?;
        found.pop().ok_or_else(|| Problem::not_found(format_args!("the page of offset {offset}")))
    }

    /// The row that counted it: of those of its hour and names that drew from its record, the one of its period.
    async fn find_row(&self, sighted: &Sighted) -> Result<(RowKey, Row), Problem> {
        let place = (self.route.generation.number, self.route.partition);
        let (offset, hour) = (sighted.position.offset(), sighted.event_time.hour());
        let mut rows = self.rows_of(&sighted.names, hour).await?;
        let drew = |row: &Row| row.ranges.iter().any(|(start, end)| (*start..*end).contains(&offset));
        rows.retain(|(key, row)| (key.generation, key.partition) == place && drew(row));
        let closings = read_checkpoint(self.query.store(), place.0, place.1).await?.closings;
        let found = rows.into_iter().find(|(key, _)| sighted.fits(key.posted, &closings));
        found.ok_or_else(|| Problem::not_found("the row that counted it"))
    }

    async fn rows_of(&self, names: &Names, hour: i64) -> Result<Vec<(RowKey, Row)>, StoreError> {
        let hour_start = Timestamp::from_seconds(hour * 3_600);
        let prefix = vec![
            KeyValue::Text(names.sku.to_shared()),
            KeyValue::Text(names.unit.to_shared()),
            KeyValue::Text(names.group.to_shared()),
            KeyValue::time(hour_start),
        ];
        let day = partition_key(names.tenant.as_str(), hour.div_euclid(24));
        let range = ClusteringRange { prefix, ..ClusteringRange::default() };
        let cells = read_all(self.query.store(), Query::all(&AGGREGATE, day).within(range)).await?;
        let decode = |cell: &domain::table::Cell| {
            let row = Row::from_blob(&cell.value).ok();
            RowKey::from_cell_key(&cell.key).zip(row).ok_or_else(|| damaged(&cell.key))
        };
        cells.iter().map(decode).collect()
    }

    async fn price(&self, key: &RowKey, quarter: Quarter, trace: &mut PulseTrace, gaps: &mut Gaps) {
        match Matching::new(self.state, &key.tenant).charge_of(key, quarter) {
            Ok(charge) => {
                trace.charge_id = Some(charge.id());
                if let Some((item, stamp)) = gaps.note("charge", self.find_charge(&charge).await).flatten() {
                    let rated = rated_time(self.query.log(), &key.tenant, stamp).await;
                    trace.rated_time = gaps.note("rated_time", rated).flatten().map(Time);
                    trace.charge = Some(item);
                }
            }
            Err(reason) => trace.unpriced = Some(reason.name().to_owned()),
        }
    }

    /// The charge, with the timestamp of its cell.
    async fn find_charge(&self, key: &ChargeKey) -> Result<Option<(ChargeItem, i64)>, StoreError> {
        let month = read_stamped(self.query.store(), &key.tenant, key.period).await?;
        let Some((charges, stamp)) = month else { return Ok(None) };
        let found = charges.into_iter().find(|charge| charge.key == *key);
        Ok(found.map(|charge| (ChargeItem::from(charge), stamp)))
    }

    /// Of a pulse that was counted, only its own partition keeps refused repetitions: conflicts.
    async fn dead_letters(&self, counted: bool) -> Result<Vec<DeadLetterItem>, StoreError> {
        let Asked { event_time, .. } = self.asked;
        let registry = self.query.registry();
        let latest = event_time.plus_seconds(self.route.generation.horizon.ledger_seconds());
        let from = event_time.plus_seconds(-EARLY_SECONDS);
        let Some(range) = Window::new(from, latest.min(self.query.now().plus_seconds(1))) else {
            return Ok(Vec::new());
        };
        let mut scan = Scan::new(self.query.store(), &registry, &range, None);
        if counted {
            scan = scan.only(self.route.generation.number, self.route.partition);
        }
        let mut found = Vec::new();
        while let Some(chunk) = scan.next_chunk().await? {
            let ours = chunk.iter().filter(|kept| kept.is_of(&self.asked.identity()));
            found.extend(ours.map(|kept| kept.item(&registry)));
        }
        Ok(found)
    }

    fn unknown(&self, watermark: Option<Timestamp>) -> Problem {
        let days = self.route.generation.horizon.ledger_seconds() / 86_400;
        let forgotten = self.asked.event_time.plus_seconds(days * 86_400) < self.query.now();
        let known = watermark.map_or_else(|| "nothing".to_owned(), |time| format!("all before {time}"));
        let detail = if forgotten {
            format!("this pulse is outside the {days} days for which identities are remembered")
        } else {
            format!("no pulse of this tenant, source, id and minute was seen; {known} is counted")
        };
        Problem::new(Code::NotFound, detail)
    }
}

fn counted_in(key: &RowKey, row: &Row, quarter: Quarter) -> CountedIn {
    let usage = row.quarters[quarter.index()];
    CountedIn {
        start_time: Time(quarter.start()),
        end_time: Time(Quarter(quarter.0 + 1).start()),
        sku: key.sku.to_string(),
        group: key.group.pairs().into_iter().collect(),
        quantity: Decimal::of(&usage.sum),
        unit: key.unit.to_string(),
        count: Count(usage.count),
        posted: key.posted.map(|period| period.to_string()),
    }
}
