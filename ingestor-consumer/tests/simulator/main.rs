//! Seeded random schedules of crash, replay, rebalance, zombie, lost acknowledgement, dropped write, duplicate, late
//! pulse and period close drive the real accounting core; a recount that shares no code with it is the judge.

#![expect(clippy::unwrap_used, reason = "what a test cannot go on without, it may insist on")]

mod checker;
mod clients;
mod generations;
mod history;
mod offers;
mod process;
mod random;
mod world;

use domain::aggregate::Row;
use domain::quantity::Quantity;
use domain::table::AGGREGATE;
use proto::blob::Blob;
use std::sync::atomic::{AtomicU64, Ordering};
use world::World;

const SCHEDULES: u64 = 10_000;
const STEPS: usize = 150;

fn run(seed: u64) -> World {
    let mut world = World::new(seed);
    world.run(STEPS);
    world
}

/// Runs the schedules on all cores. Prints the first bad seed, and how many schedules it took.
#[test]
fn every_schedule_counts_every_pulse_exactly_once() {
    let next = AtomicU64::new(0);
    let first_bad = AtomicU64::new(u64::MAX);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= SCHEDULES || first_bad.load(Ordering::SeqCst) != u64::MAX {
                        return;
                    }
                    let verdict = std::panic::catch_unwind(|| checker::check(&run(seed)));
                    let complaint = match verdict {
                        Ok(Ok(())) => continue,
                        Ok(Err(complaint)) => complaint,
                        Err(_) => "the schedule panicked".to_owned(),
                    };
                    first_bad.fetch_min(seed, Ordering::SeqCst);
                    eprintln!("seed {seed}, schedules until killed: {}: {complaint}", seed + 1);
                }
            });
        }
    });
    let bad = first_bad.load(Ordering::SeqCst);
    assert_eq!(bad, u64::MAX, "schedule of seed {bad} breaks an invariant");
}

/// The schedules are worth something only if they meet what they are about.
#[test]
fn schedules_meet_every_outcome() {
    let mut totals = domain::checkpoint::Totals::default();
    let mut adjustments = 0;
    let mut with_block_reads = 0;
    for seed in 0..50 {
        let world = run(seed);
        with_block_reads += usize::from(world.processes.iter().any(|process| process.block_reads > 0));
        for cell in world.store.all() {
            if cell.key.table.name == domain::table::CHECKPOINT.name {
                totals += domain::checkpoint::Checkpoint::from_blob(&cell.value).unwrap().totals;
            }
            let posted = domain::aggregate::RowKey::from_cell_key(&cell.key).and_then(|key| key.posted);
            adjustments += usize::from(cell.key.table.name == AGGREGATE.name && posted.is_some());
        }
    }
    let parts = [
        totals.applied,
        totals.duplicate,
        totals.conflict,
        totals.refused,
        totals.foreign,
        totals.too_late,
        totals.control,
    ];
    assert!(parts.iter().all(|part| *part > 20), "{totals:?}");
    assert!(adjustments > 20, "{adjustments}");
    assert!(with_block_reads > 25, "most schedules settle a fingerprint by its block: {with_block_reads}");
}

/// The checker itself: one pulse lost or doubled behind the consumer's back is found.
#[test]
fn a_planted_loss_and_a_planted_double_are_found() {
    for change in ["lost", "doubled"] {
        let mut world = run(1);
        assert_eq!(checker::check(&world), Ok(()));
        let cells = world.store.all();
        let mut cell = cells.into_iter().find(|cell| cell.key.table.name == AGGREGATE.name).unwrap();
        let mut row = Row::from_blob(&cell.value).unwrap();
        let quarter = row.quarters.iter_mut().find(|quarter| quarter.count > 0).unwrap();
        let one = Quantity::from_integer(1).unwrap();
        if change == "lost" {
            quarter.count -= 1;
            quarter.sum += one.negated();
        } else {
            quarter.count += 1;
            quarter.sum += one;
        }
        let all = [true; 3];
        cell.value = row.to_blob();
        let mut tampered = backends::memory::Replicas::new();
        for other in world.store.all() {
            let replaced = if other.key == cell.key { &cell } else { &other };
            tampered.write(replaced, all);
        }
        world.store = tampered;
        let complaint = checker::check(&world).unwrap_err();
        assert!(complaint.starts_with("I1 row"), "{change}: {complaint}");
    }
}
