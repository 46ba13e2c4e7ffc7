//! The load: pulses as agents send them, and the catalogue that knows them.

use domain::port::Clock;
use proto::v1;
use pulse::system_clock::SystemClock;
use std::fmt::Write;
use uuid::Builder;

/// SKUs of the catalogue.
pub const SKUS: u64 = 10;
/// Tenants of the catalogue where a row says nothing else.
pub const TENANTS: u64 = 100;

/// A catalogue with that many tenants, and ten times the SKUs that the load uses.
pub fn catalog(tenants: u64) -> String {
    let mut documents = String::new();
    for sku in 0..10 * SKUS {
        let _ = writeln!(documents, "kind: sku\nid: {}\nunit: token\n---", sku_id(sku));
    }
    for tenant in 0..tenants {
        let id = tenant_id(tenant);
        let _ = writeln!(documents, "kind: tenant\nid: {id}\nname: {id}\nstatus: active\n---");
    }
    documents.truncate(documents.len() - "---\n".len());
    documents
}

/// The id of a SKU.
pub fn sku_id(number: u64) -> String {
    format!("llm.model-{number}")
}

/// The id of a tenant.
pub fn tenant_id(number: u64) -> String {
    format!("tenant-{number:05}")
}

/// Makes pulses without end, each with an id of its own.
pub struct Pulses {
    tenants: u64,
    milliseconds: i64,
    made: u64,
    maker: u16,
    random: u64,
}

impl Pulses {
    /// The pulses of one maker; two makers make no id alike.
    pub fn new(maker: u16, tenants: u64) -> Self {
        let milliseconds = SystemClock.now().nanos() / 1_000_000;
        let random = u64::from(maker) + milliseconds.cast_unsigned();
        Self { tenants, milliseconds, made: 0, maker, random }
    }

    /// The next ones.
    pub fn batch(&mut self, count: usize) -> Vec<v1::Pulse> {
        self.milliseconds = SystemClock.now().nanos() / 1_000_000;
        (0..count).map(|_| self.pulse()).collect()
    }

    /// The next one.
    pub fn pulse(&mut self) -> v1::Pulse {
        let random = self.random();
        let milliseconds = self.milliseconds;
        v1::Pulse {
            id: self.id(),
            source: "bench".to_owned(),
            tenant: tenant_id(random % self.tenants),
            sku: sku_id((random >> 20) % SKUS),
            quantity: (1 + (random >> 40) % 5_000).to_string(),
            unit: "token".to_owned(),
            event_time: Some(prost_types::Timestamp { seconds: milliseconds / 1_000, nanos: 0 }),
            ..v1::Pulse::default()
        }
    }

    /// An id that no other pulse has.
    pub fn id(&mut self) -> String {
        self.made += 1;
        let mut counter = [0; 10];
        counter[..2].copy_from_slice(&self.maker.to_be_bytes());
        counter[2..].copy_from_slice(&self.made.to_be_bytes());
        Builder::from_unix_timestamp_millis(self.milliseconds.cast_unsigned(), &counter)
            .into_uuid()
            .to_string()
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.random;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
