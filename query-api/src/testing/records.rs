//! Records taken in as the consumer takes them, by code of its own: page, ids, rows.

use super::{House, at};
use backends::memory::MemoryStore;
use bytes::Bytes;
use domain::aggregate::{Row, RowKey};
use domain::calendar::Period;
use domain::dimension::Group;
use domain::generation::Generation;
use domain::ledger::{Block, Seen, SliceKey};
use domain::port::{CellStore, Entry, Log, ReadLimit, TopicPartition, read_all};
use domain::position::Position;
use domain::pulse::{RawPulse, StampedPulse, Stamps};
use domain::reject::RejectReason;
use domain::table::{Cell, LEDGER};
use domain::time::Timestamp;
use proto::blob::Blob;
use proto::page::{page_key, split};
use proto::record::{Body, Envelope, RefusedPulse, pack, to_log, unpack};
use std::time::Duration;

/// When records of tests arrive.
pub const ARRIVAL: &str = "2026-03-10T14:00:00Z";

/// A report of acme's: id, time, quantity; of `llm.input` in tokens.
pub fn raw(id: &str, time: &str, quantity: &str) -> RawPulse {
    RawPulse {
        id: id.into(),
        tenant: "acme".into(),
        sku: "llm.input".into(),
        quantity: quantity.into(),
        unit: "token".into(),
        event_time: Some(at(time).into()),
        ..RawPulse::default()
    }
}

/// As the edge stamps it: the group is the region that was sent.
pub fn stamped(raw: &RawPulse) -> StampedPulse {
    let pulse = raw.clone().parse().unwrap();
    let time = pulse.event_time;
    let stamps = Stamps {
        group: pulse.dimensions.group(["region"]),
        calendar: "UTC".into(),
        period: domain::calendar::Calendar::utc().period_of(time),
        catalog_offset: 2,
    };
    StampedPulse { pulse, stamps }
}

pub fn envelope() -> Envelope {
    Envelope { generation: 1, incarnation: 1, arrival: at(ARRIVAL) }
}

/// A pulse of acme's that the edge refused.
pub fn refused() -> RefusedPulse {
    RefusedPulse {
        tenant: "acme".into(),
        reason: RejectReason::UnknownSku,
        field: "sku".into(),
        message: "sku is not in the catalogue".into(),
        payload: Bytes::from_static(b"x"),
    }
}

/// Keeps a record in its page.
pub async fn keep_page(store: &MemoryStore, partition: u32, entry: &Entry) {
    for (part, value) in (0..).zip(split(entry)) {
        let cell = Cell { key: page_key(1, partition, entry.offset, part), timestamp: 1, value };
        store.write(vec![cell]).await.unwrap();
    }
}

impl House {
    /// The partition of a tenant's pulses.
    pub fn partition_of(&self, tenant: &str) -> u32 {
        self.view.state().registry().unwrap().partitions_of(tenant)[0].1
    }

    /// Appends a record of accepted and refused pulses, and counts the accepted ones that were never seen. Its offset.
    pub async fn take_in(&self, raws: &[RawPulse], refused: &[RefusedPulse]) -> u64 {
        self.take_in_as(raws, refused, None).await
    }

    /// The same, as adjustments that are billed in that period.
    pub async fn take_in_as(
        &self,
        raws: &[RawPulse],
        refused: &[RefusedPulse],
        posted: Option<Period>,
    ) -> u64 {
        let partition = self.partition_of("acme");
        let log = TopicPartition::new("resource-consumption.g1", partition);
        let pulses: Vec<StampedPulse> = raws.iter().map(stamped).collect();
        let record = to_log(pack(&envelope(), &pulses, refused));
        let offset = self.log.append(&log, vec![record]).await.unwrap()[0];
        let limit = ReadLimit { bytes: 1, wait: Duration::ZERO };
        let entry = self.log.read(&log, offset, limit).await.unwrap().remove(0);
        keep_page(&self.store, partition, &entry).await;
        let Body::Pulses(kept) = unpack(&entry).unwrap().body else { panic!("pulses were packed") };
        // The record may hold its pulses in another order than they were given in.
        let order = kept.accepted().map(|pulse| pulse.id.to_id());
        for (index, id) in order.enumerate() {
            let stamped = pulses.iter().find(|one| one.pulse.id == id).unwrap();
            self.count_once(stamped, Position::new(offset, index), partition, posted).await;
        }
        offset
    }

    async fn count_once(
        &self,
        stamped: &StampedPulse,
        position: Position,
        partition: u32,
        posted: Option<Period>,
    ) {
        let StampedPulse { pulse, stamps } = stamped;
        let generation = self.view.state().registry().unwrap().find(1).unwrap().clone();
        let hash = pulse.identity().hash(&generation.hash_key);
        let (bucket, slice) = (generation.bucket(pulse.event_time.minute()), generation.slice(hash));
        let key = SliceKey { generation: 1, partition, bucket, slice };
        let query = domain::port::Query::all(&LEDGER, key.partition_key());
        let blocks = read_all(&*self.store, query).await.unwrap();
        let known = blocks.iter().flat_map(|cell| Block::from_blob(&cell.value).unwrap().0);
        if known.into_iter().any(|seen| seen.identity == hash) {
            return;
        }
        let seen = Seen { position, identity: hash, content: 1 };
        self.put(key.cell_key(position.raw()), position.raw(), &Block(vec![seen])).await;
        let key = RowKey {
            tenant: pulse.tenant.clone(),
            sku: pulse.sku.clone(),
            unit: pulse.unit.clone(),
            group: Group::from_canonical(stamps.group.as_str()),
            hour: pulse.event_time.hour(),
            posted,
            generation: 1,
            partition,
        };
        self.add(key, position, pulse.event_time, pulse.quantity).await;
    }

    /// Forgets every page of a record.
    pub async fn spoil_page(&self, offset: u64) {
        let key = page_key(1, self.partition_of("acme"), offset, 0);
        let cell = Cell { key, timestamp: 2, value: b"?".as_slice().into() };
        self.store.write(vec![cell]).await.unwrap();
    }

    /// Writes over the ids of a minute with none of them, as if its time to live had passed.
    pub async fn forget(&self, generation: &Generation, id: &str, time: Timestamp) {
        let pulse = stamped(&raw(id, &time.to_string(), "1")).pulse;
        let hash = pulse.identity().hash(&generation.hash_key);
        let (bucket, slice) = (generation.bucket(time.minute()), generation.slice(hash));
        let key = SliceKey { generation: 1, partition: self.partition_of("acme"), bucket, slice };
        let query = domain::port::Query::all(&LEDGER, key.partition_key());
        for cell in read_all(&*self.store, query).await.unwrap() {
            self.put(cell.key, i64::MAX, &Block::default()).await;
        }
    }

    pub async fn add(
        &self,
        key: RowKey,
        position: Position,
        time: Timestamp,
        quantity: domain::quantity::Quantity,
    ) {
        let query = domain::port::Query::one(&key.cell_key());
        let stored = read_all(&*self.store, query).await.unwrap();
        let mut row = stored.first().map_or_else(Row::default, |cell| Row::from_blob(&cell.value).unwrap());
        row.apply(position, time.quarter(), quantity);
        self.put(key.cell_key(), row.position.raw(), &row).await;
    }
}
