//! What the consumer tells about itself. Each metric says how to read it; tenants and SKUs are never labels.

use crate::alarm::Alarm;
use crate::core::{Call, Flushed, Load, Memory};
use crate::shell::Spot;
use domain::time::Timestamp;
use metrics::{
    Gauge, Histogram, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use std::time::Duration;

/// Pulses that are durably counted or kept, by outcome: their rate is what the consumer achieves.
const PULSES: &str = "pulse_ingestor_consumer_pulses_total";
/// Dead letters written, by reason: which of them to look for.
const DEAD_LETTERS: &str = "pulse_ingestor_consumer_dead_letters_total";
/// Records that are in the log and not durably counted: it rises while the consumer is too slow.
const LAG: &str = "pulse_ingestor_consumer_lag_records";
/// Everything acknowledged before this instant is counted: now less this is how old answers are.
const WATERMARK: &str = "pulse_ingestor_consumer_watermark_timestamp_seconds";
/// What was read less what has an outcome: anything but zero is a bug, and somebody must act.
const BOOKS: &str = "pulse_ingestor_consumer_books_difference";
/// Time from a flush's first write to its checkpoint: it bounds how fast the watermark moves.
const FLUSH_SECONDS: &str = "pulse_ingestor_consumer_flush_seconds";
/// Cells of a flush.
const FLUSH_ROWS: &str = "pulse_ingestor_consumer_flush_rows";
/// Bytes of a flush's values.
const FLUSH_BYTES: &str = "pulse_ingestor_consumer_flush_bytes";
/// Ids held in memory, as fingerprints or whole: what limits how much one process can count.
const HOT_IDS: &str = "pulse_ingestor_consumer_hot_ids";
/// Bytes that hot ids take. Where the partitions together stand at `id_bytes_max` and loads of slices rise, that is too
/// little.
const HOT_ID_BYTES: &str = "pulse_ingestor_consumer_hot_ids_bytes";
/// Reads of the store before pulses can be counted, by what is read: a few in a thousand pulses while ids fit in memory.
const LOADS: &str = "pulse_ingestor_consumer_loads_total";
/// An estimate of what a partition holds in memory.
const MEMORY: &str = "pulse_ingestor_consumer_memory_bytes";
/// Calls that failed and are made again, by call: many of one kind tell which port is ill.
const RETRIES: &str = "pulse_ingestor_consumer_retries_total";
/// Partitions that stopped, by the alarm's name: anything but zero needs somebody.
const ALARMS: &str = "pulse_ingestor_consumer_alarms";

/// Describes them all to the recorder.
pub(crate) fn describe() {
    describe_counter!(PULSES, "pulses durably counted or kept, by outcome");
    describe_counter!(DEAD_LETTERS, "dead letters written, by reason");
    describe_gauge!(LAG, "records in the log that are not durably counted");
    describe_gauge!(WATERMARK, Unit::Seconds, "everything acknowledged before this instant is counted");
    describe_gauge!(BOOKS, "pulses read less pulses with an outcome; must be zero");
    describe_histogram!(FLUSH_SECONDS, Unit::Seconds, "time from a flush's first write to its checkpoint");
    describe_histogram!(FLUSH_ROWS, "cells of a flush");
    describe_histogram!(FLUSH_BYTES, Unit::Bytes, "bytes of a flush's values");
    describe_gauge!(HOT_IDS, "ids held in memory");
    describe_gauge!(HOT_ID_BYTES, Unit::Bytes, "bytes that the ids held in memory take");
    describe_counter!(LOADS, "reads of the store before pulses can be counted, by what is read");
    describe_gauge!(MEMORY, Unit::Bytes, "estimate of what a partition holds in memory");
    describe_counter!(RETRIES, "calls that failed and are made again, by call");
    describe_gauge!(ALARMS, "partitions that stopped until somebody acts, by alarm");
}

/// The gauges of one partition.
pub(crate) struct Meter {
    lag: Gauge,
    watermark: Gauge,
    books: Gauge,
    hot_ids: Gauge,
    hot_id_bytes: Gauge,
    memory: Gauge,
    flush_seconds: Histogram,
    flush_rows: Histogram,
    flush_bytes: Histogram,
}

impl Meter {
    pub fn new((generation, partition): Spot) -> Self {
        let labels = [("generation", generation.to_string()), ("partition", partition.to_string())];
        Self {
            lag: gauge!(LAG, &labels),
            watermark: gauge!(WATERMARK, &labels),
            books: gauge!(BOOKS, &labels),
            hot_ids: gauge!(HOT_IDS, &labels),
            hot_id_bytes: gauge!(HOT_ID_BYTES, &labels),
            memory: gauge!(MEMORY, &labels),
            flush_seconds: histogram!(FLUSH_SECONDS),
            flush_rows: histogram!(FLUSH_ROWS),
            flush_bytes: histogram!(FLUSH_BYTES),
        }
    }

    pub fn flushed(&self, flushed: &Flushed, took: Duration) {
        for (outcome, count) in flushed.counted.outcomes() {
            counter!(PULSES, "outcome" => outcome).increment(count);
        }
        for letter in &flushed.publication.dead_letters {
            counter!(DEAD_LETTERS, "reason" => letter.reason.name().to_ascii_lowercase()).increment(1);
        }
        // Beyond 31 bits, any number says the same: the books are wrong.
        self.books.set(f64::from(i32::try_from(flushed.books.difference()).unwrap_or(i32::MAX)));
        self.flush_seconds.record(took);
        self.flush_rows.record(number(flushed.cells));
        self.flush_bytes.record(number(flushed.bytes));
    }

    pub fn lags(&self, records: u64) {
        self.lag.set(number(records));
    }

    pub fn reached(&self, watermark: Timestamp) {
        self.watermark.set(number(watermark.seconds()));
    }

    pub fn holds(&self, memory: Memory) {
        self.hot_ids.set(number(memory.ids));
        self.hot_id_bytes.set(number(memory.id_bytes));
        self.memory.set(number(memory.bytes()));
    }
}

/// Something is read before a batch can be counted.
pub(crate) fn loads(load: &Load) {
    counter!(LOADS, "what" => load.name()).increment(1);
}

/// A call failed and is made again.
pub(crate) fn retried(call: &Call) {
    counter!(RETRIES, "call" => call.name()).increment(1);
}

/// A partition stopped.
pub(crate) fn raised(alarm: &Alarm) {
    gauge!(ALARMS, "alarm" => alarm.name().to_ascii_lowercase()).increment(1);
}

/// A partition that had stopped goes on or is somebody else's.
pub(crate) fn lowered(alarm: &Alarm) {
    gauge!(ALARMS, "alarm" => alarm.name().to_ascii_lowercase()).decrement(1);
}

/// As metrics count; from 2^32 on it stays there, which nobody takes for healthy.
fn number(value: impl TryInto<u32>) -> f64 {
    f64::from(value.try_into().unwrap_or(u32::MAX))
}
