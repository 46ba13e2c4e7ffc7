//! The recount: what the log says the store must hold, computed without the consumer's code.

use crate::history::{Content, History, Spot};
use crate::world::World;
use domain::aggregate::{Row, RowKey};
use domain::calendar::Period;
use domain::checkpoint::{Checkpoint, Totals};
use domain::dead_letter::{DeadLetter, DeadLetterEvent, DeadLetterId, DeadLetterState, Status};
use domain::position::Position;
use domain::pulse::{Pulse, StampedPulse};
use domain::reject::RejectReason;
use domain::table::{AGGREGATE, CHECKPOINT, Cell, DEAD_LETTER, DEAD_LETTER_STATE, PAGE};
use domain::time::Timestamp;
use proto::blob::Blob;
use proto::record::Control;
use std::collections::{BTreeMap, HashMap};

type IdentityKey = (String, String, String, i64);

/// Whether a month of a calendar is closed.
type Closed = BTreeMap<(String, Period), bool>;

/// A quarter as a plain sum: atoms, count, least, most.
type Plain = (i128, u64, i128, i128);

/// What became of a dead letter: status, attempts, when it was billed, the decided id.
type State = (Status, u32, Option<Timestamp>, Option<String>);

/// What the log says.
#[derive(Default)]
struct Expected {
    rows: BTreeMap<RowKey, ([Plain; 4], i64)>,
    totals: BTreeMap<Spot, Totals>,
    /// Reason, and the write timestamp of the purge, if any.
    letters: BTreeMap<DeadLetterId, (RejectReason, Option<i64>)>,
    states: BTreeMap<DeadLetterId, State>,
    counted: HashMap<IdentityKey, u32>,
}

/// Finds the first disagreement between the log and the store.
pub fn check(world: &World) -> Result<(), String> {
    let expected = recount(&world.history);
    let cells = world.store.all();
    let of = |table: &str| cells.iter().filter(move |cell| cell.key.table.name == table).collect::<Vec<_>>();
    check_rows(&expected, &of(AGGREGATE.name))?;
    check_published(world, &of(AGGREGATE.name))?;
    check_totals(&expected, &of(CHECKPOINT.name))?;
    check_letters(&expected, &of(DEAD_LETTER.name))?;
    check_mirrored(world, &expected)?;
    check_states(&expected, &of(DEAD_LETTER_STATE.name))?;
    check_pages(&world.history, &of(PAGE.name))?;
    check_promises(world, &expected)
}

fn recount(history: &History) -> Expected {
    let mut expected = Expected::default();
    for (spot, log) in &history.logs {
        let mut seen: HashMap<IdentityKey, Pulse> = HashMap::new();
        let mut closed = Closed::new();
        let mut totals = Totals::default();
        for appended in log {
            let at = |index| Position::new(appended.entry.offset, index);
            let letter = |index| DeadLetterId {
                day: appended.arrival.day(),
                generation: spot.0,
                partition: spot.1,
                position: at(index),
            };
            match &appended.content {
                Content::Pulses(pulses, refused) => {
                    for (index, stamped) in pulses.iter().enumerate() {
                        totals.read += 1;
                        let fate = judge(&mut seen, stamped, appended.arrival);
                        match fate {
                            Fate::Counted => {
                                totals.applied += 1;
                                *expected.counted.entry(identity(&stamped.pulse)).or_default() += 1;
                                add(&mut expected.rows, &closed, *spot, (stamped, at(index)));
                            }
                            Fate::Duplicate => totals.duplicate += 1,
                            Fate::Conflict => {
                                totals.conflict += 1;
                                expected
                                    .letters
                                    .insert(letter(index), (RejectReason::DuplicateConflict, None));
                            }
                            Fate::TooLate => {
                                totals.too_late += 1;
                                expected.letters.insert(letter(index), (RejectReason::TooLate, None));
                            }
                        }
                    }
                    for (after, one) in refused.iter().enumerate() {
                        totals.read += 1;
                        totals.refused += 1;
                        expected.letters.insert(letter(pulses.len() + after), (one.reason, None));
                    }
                }
                Content::Control(control) => {
                    totals.read += 1;
                    totals.control += 1;
                    match control {
                        Control::Marker { calendar, period, closed: is_closed, .. } => {
                            closed.insert((calendar.to_string(), *period), *is_closed);
                        }
                        Control::DeadLetter { id, event } => {
                            note(expected.states.entry(*id).or_insert(UNTOUCHED), appended.arrival, event);
                            let letter = expected.letters.get_mut(id);
                            if let (DeadLetterEvent::Purged, Some(letter)) = (event, letter) {
                                letter.1 = Some(at(0).raw());
                            }
                        }
                    }
                }
                Content::Foreign => {
                    totals.read += 1;
                    totals.foreign += 1;
                    expected.letters.insert(letter(0), (RejectReason::Undecodable, None));
                }
            }
        }
        expected.totals.insert(*spot, totals);
    }
    expected
}

enum Fate {
    Counted,
    Duplicate,
    Conflict,
    TooLate,
}

fn judge(seen: &mut HashMap<IdentityKey, Pulse>, stamped: &StampedPulse, arrival: Timestamp) -> Fate {
    let age_seconds = (arrival.nanos() - stamped.pulse.event_time.nanos()) / 1_000_000_000;
    if age_seconds > 36 * 86_400 {
        return Fate::TooLate;
    }
    match seen.get(&identity(&stamped.pulse)) {
        Some(first) if *first == stamped.pulse => Fate::Duplicate,
        Some(_) => Fate::Conflict,
        None => {
            seen.insert(identity(&stamped.pulse), stamped.pulse.clone());
            Fate::Counted
        }
    }
}

fn identity(pulse: &Pulse) -> IdentityKey {
    let minute = pulse.event_time.nanos().div_euclid(60_000_000_000);
    (pulse.tenant.to_string(), pulse.source.to_string(), pulse.id.to_string(), minute)
}

fn add(
    rows: &mut BTreeMap<RowKey, ([Plain; 4], i64)>,
    closed: &Closed,
    spot: Spot,
    (stamped, position): (&StampedPulse, Position),
) {
    let calendar = stamped.stamps.calendar.to_string();
    let is_closed = |period: &Period| closed.get(&(calendar.clone(), *period)).copied().unwrap_or(false);
    let mut billed = stamped.stamps.period;
    while is_closed(&billed) {
        billed = billed.next();
    }
    let pulse = &stamped.pulse;
    let minutes = pulse.event_time.nanos().div_euclid(60_000_000_000);
    let key = RowKey {
        tenant: pulse.tenant.clone(),
        sku: pulse.sku.clone(),
        unit: pulse.unit.clone(),
        group: stamped.stamps.group.clone(),
        hour: minutes.div_euclid(60),
        posted: (billed != stamped.stamps.period).then_some(billed),
        generation: spot.0,
        partition: spot.1,
    };
    let (quarters, last) = rows.entry(key).or_default();
    let quarter = &mut quarters[usize::try_from(minutes.rem_euclid(60) / 15).unwrap()];
    let atoms = pulse.quantity.atoms();
    let first = quarter.1 == 0;
    quarter.0 += atoms;
    quarter.1 += 1;
    quarter.2 = if first { atoms } else { quarter.2.min(atoms) };
    quarter.3 = if first { atoms } else { quarter.3.max(atoms) };
    *last = position.raw();
}

const UNTOUCHED: State = (Status::Open, 0, None, None);

fn note((status, attempts, billed, decided): &mut State, time: Timestamp, event: &DeadLetterEvent) {
    match event {
        DeadLetterEvent::RefusedAgain => *attempts += 1,
        DeadLetterEvent::Replayed => {
            *attempts += 1;
            *status = Status::Replayed;
            *billed = Some(billed.unwrap_or(time));
        }
        DeadLetterEvent::Purged if *status == Status::Open => *status = Status::Purged,
        DeadLetterEvent::Decided(identity) if decided.is_none() => *decided = Some(identity.id.clone()),
        DeadLetterEvent::Purged | DeadLetterEvent::Decided(_) => {}
    }
}

fn check_rows(expected: &Expected, cells: &[&Cell]) -> Result<(), String> {
    let mut found = BTreeMap::new();
    for cell in cells {
        let key = RowKey::from_cell_key(&cell.key).ok_or("a row's key breaks a rule")?;
        let row = Row::from_blob(&cell.value).map_err(|error| format!("{key:?}: {error}"))?;
        same("I10 write timestamp and position", &cell.timestamp, &row.position.raw())?;
        let plain = row
            .quarters
            .map(|quarter| (atoms(&quarter), quarter.count, quarter.min.atoms(), quarter.max.atoms()));
        found.insert(key, (plain, row.position.raw()));
    }
    for (key, row) in &expected.rows {
        same(&format!("I1 row {key:?}"), &found.get(key), &Some(row))?;
    }
    same("I1 number of rows", &found.len(), &expected.rows.len())
}

fn atoms(quarter: &domain::aggregate::QuarterUsage) -> i128 {
    let bytes = quarter.sum.to_le_bytes();
    i128::from_le_bytes(bytes[..16].try_into().unwrap())
}

/// Readers keep the revision with the larger position: for every row that must be the row itself.
fn check_published(world: &World, cells: &[&Cell]) -> Result<(), String> {
    let mut newest: BTreeMap<&RowKey, &Row> = BTreeMap::new();
    for revision in &world.published {
        let kept = newest.entry(&revision.key).or_insert(&revision.row);
        if revision.row.position > kept.position {
            *kept = &revision.row;
        }
    }
    for cell in cells {
        let key = RowKey::from_cell_key(&cell.key).ok_or("a row's key breaks a rule")?;
        let row = Row::from_blob(&cell.value).map_err(|error| error.to_string())?;
        same(&format!("I8 published {key:?}"), &newest.get(&key).copied(), &Some(&row))?;
    }
    Ok(())
}

fn check_totals(expected: &Expected, cells: &[&Cell]) -> Result<(), String> {
    let mut found = BTreeMap::new();
    for cell in cells {
        let checkpoint = Checkpoint::from_blob(&cell.value).map_err(|error| error.to_string())?;
        same("I10 checkpoint", &cell.timestamp, &checkpoint.position().raw())?;
        let number = |index: usize| u32::try_from(cell.key.partition[index].as_int().unwrap()).unwrap();
        found.insert((number(0), number(1)), checkpoint.totals);
    }
    same("I8 books", &found, &expected.totals)
}

fn check_letters(expected: &Expected, cells: &[&Cell]) -> Result<(), String> {
    let mut found = BTreeMap::new();
    for cell in cells {
        let letter = DeadLetter::from_blob(&cell.value).map_err(|error| error.to_string())?;
        same("a dead letter's cell", &letter.id.cell_key(), &cell.key)?;
        let purge = (cell.timestamp != letter.id.position.raw()).then_some(cell.timestamp);
        same("a purged payload", &letter.payload.is_empty(), &purge.is_some())?;
        found.insert(letter.id, (letter.reason, purge));
    }
    same("dead letters", &found, &expected.letters)
}

/// Every dead letter was mirrored with its payload, whatever became of it since.
fn check_mirrored(world: &World, expected: &Expected) -> Result<(), String> {
    let reasons = expected.letters.iter().map(|(id, (reason, _))| (*id, *reason));
    let mirrored = world.mirrored.iter().filter(|(_, letter)| !letter.payload.is_empty());
    let mirrored: BTreeMap<_, _> = mirrored.map(|(id, letter)| (*id, letter.reason)).collect();
    same("mirrored dead letters", &mirrored, &reasons.collect())
}

fn check_states(expected: &Expected, cells: &[&Cell]) -> Result<(), String> {
    let mut found: BTreeMap<String, State> = BTreeMap::new();
    for cell in cells {
        let state = DeadLetterState::from_blob(&cell.value).map_err(|error| error.to_string())?;
        let decided = state.decided.map(|identity| identity.id);
        found.insert(format!("{:?}", cell.key), (state.status, state.attempts, state.replayed_time, decided));
    }
    let wanted =
        expected.states.iter().map(|(id, state)| (format!("{:?}", id.state_key()), state.clone())).collect();
    same("states of dead letters", &found, &wanted)
}

fn check_pages(history: &History, cells: &[&Cell]) -> Result<(), String> {
    let mut parts: BTreeMap<(i64, i64, i64), Vec<(i64, bytes::Bytes)>> = BTreeMap::new();
    for cell in cells {
        let number = |values: &[domain::table::KeyValue], index: usize| values[index].as_int().unwrap();
        let at =
            (number(&cell.key.partition, 0), number(&cell.key.partition, 1), number(&cell.key.clustering, 0));
        parts.entry(at).or_default().push((number(&cell.key.clustering, 1), cell.value.clone()));
    }
    let mut wanted = 0;
    for (spot, log) in &history.logs {
        for appended in log {
            wanted += 1;
            let offset = appended.entry.offset;
            let key = (i64::from(spot.0), i64::from(spot.1), i64::try_from(offset).unwrap());
            let mut found = parts.get(&key).cloned().ok_or(format!("I8 no page for {key:?}"))?;
            found.sort_by_key(|(part, _)| *part);
            let values: Vec<bytes::Bytes> = found.into_iter().map(|(_, value)| value).collect();
            let entry = proto::page::join(offset, &values).map_err(|error| error.to_string())?;
            same("I8 page", &entry, &appended.entry)?;
        }
    }
    same("I8 number of pages", &parts.len(), &wanted)
}

/// I9: what was acknowledged is counted, nothing is counted twice.
fn check_promises(world: &World, expected: &Expected) -> Result<(), String> {
    for told in &world.history.acknowledged {
        same(&format!("I9 {:?}", told.pulse.id), &expected.counted.get(&identity(&told.pulse)), &Some(&1))?;
    }
    match expected.counted.iter().find(|(_, count)| **count > 1) {
        Some((identity, count)) => Err(format!("I9 {identity:?} is counted {count} times")),
        None => Ok(()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: &T, wanted: &T) -> Result<(), String> {
    if found == wanted { Ok(()) } else { Err(format!("{what}: found {found:?}, the log says {wanted:?}")) }
}
