//! Rule 1: an assignment starts at the stored checkpoint, verified against the log, whatever anybody else has committed.

use super::cache::Cache;
use super::ids::Ids;
use super::state::{Fresh, State};
use super::{Facts, Place, Stop};
use crate::alarm::Alarm;
use domain::checkpoint::Checkpoint;
use domain::generation::Incarnation;
use domain::hash::fingerprint;
use domain::time::Timestamp;
use std::collections::{HashMap, VecDeque};

impl State {
    /// A fresh state at the checkpoint, or the alarm that says why not.
    pub(super) fn assigned(place: &Place, facts: &Facts) -> Result<Self, Stop> {
        let reached = verify(place, facts)?;
        let replay_seconds = place.generation.horizon.replay_seconds();
        Ok(Self {
            last: None,
            durable: reached.next,
            books: reached.totals,
            incarnation: facts.incarnation.number,
            replay_from: Some(facts.now.plus_seconds(-replay_seconds)),
            history: reached.arrival,
            rows: Cache::new(),
            letters: Cache::new(),
            ids: Ids::new(place.limits.print_bits),
            fresh: Fresh::default(),
            waiting: VecDeque::new(),
            batch: None,
            loads: HashMap::new(),
            flush: None,
            flush_due: false,
            age: 0,
            halted: None,
            probe: None,
            watermark: Timestamp::from_nanos(i64::MIN),
            reached,
        })
    }
}

fn verify(place: &Place, facts: &Facts) -> Result<Checkpoint, Alarm> {
    let incarnation = &facts.incarnation;
    verify_incarnation(facts)?;
    let first = incarnation.first_offsets.get(place.partition as usize).copied().unwrap_or(0);
    let checkpoint = facts.checkpoint.clone().unwrap_or_else(|| Checkpoint {
        incarnation: incarnation.number,
        next: first_of_all(place, facts),
        ..Checkpoint::default()
    });
    let checkpoint = if is_lost_below(first, &checkpoint, facts) {
        Checkpoint { incarnation: incarnation.number, next: first, ..checkpoint }
    } else {
        checkpoint
    };
    let (next, low, high) = (checkpoint.next, facts.watermarks.low, facts.watermarks.high);
    if checkpoint.incarnation != incarnation.number && next != first {
        return Err(Alarm::IncarnationMismatch {
            expected: format!("{} up to offset {next}", checkpoint.incarnation),
            found: format!("{} from offset {first}", incarnation.number),
        });
    }
    if next > high {
        return Err(Alarm::LogTooShort { next, high });
    }
    if next < low {
        return Err(Alarm::RetentionPassed { next, low });
    }
    if next > low && next > first {
        verify_fingerprint(&checkpoint, facts)?;
    }
    Ok(checkpoint)
}

/// Whether what lies between a checkpoint and the incarnation's first offset was declared lost: nothing else lets a
/// partition go on above what it counted.
fn is_lost_below(first: u64, checkpoint: &Checkpoint, facts: &Facts) -> bool {
    let counted = facts.checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.incarnation);
    let since = counted + 1..=facts.incarnation.number;
    checkpoint.next < first && facts.losses.iter().any(|incarnation| since.contains(incarnation))
}

fn verify_incarnation(facts: &Facts) -> Result<(), Alarm> {
    let newest = facts.known.last();
    if newest.is_some_and(|known| {
        (known.number, &known.log_id) == (facts.incarnation.number, &facts.incarnation.log_id)
    }) {
        return Ok(());
    }
    let name = |incarnation: &Incarnation| format!("{} ({})", incarnation.number, incarnation.log_id);
    Err(Alarm::IncarnationMismatch {
        expected: newest.map_or_else(|| "none".to_owned(), name),
        found: name(&facts.incarnation),
    })
}

/// Where a partition without a checkpoint begins: at the first offset of its first incarnation.
fn first_of_all(place: &Place, facts: &Facts) -> u64 {
    let offsets = facts.known.first().map(|known| known.first_offsets.as_slice());
    offsets.and_then(|offsets| offsets.get(place.partition as usize)).copied().unwrap_or(0)
}

fn verify_fingerprint(checkpoint: &Checkpoint, facts: &Facts) -> Result<(), Alarm> {
    let offset = checkpoint.next - 1;
    let same = |entry: &domain::port::Entry| {
        entry.offset == offset && fingerprint(&entry.value) == checkpoint.fingerprint
    };
    if facts.previous.as_ref().is_some_and(same) {
        return Ok(());
    }
    Err(Alarm::FingerprintMismatch { offset })
}
