//! Whatever is killed, put to sleep, cut off or told the wrong time, on real engines and under load with 30 % of the
//! pulses sent again: at the end each pulse that was acknowledged is counted once.
//!
//! Roles alone are killed on the engines that all tests share; engines that are killed or cut off are the tests' own.
//! `make crash-matrix` makes it long.

mod cast;
mod instance;
mod layout;
mod weather;

use super::acknowledged::{self, Plant, Tally};
use super::house::House;
use backends::scylla::{ScyllaOptions, ScyllaStore};
use cast::{Ahead, Cast, Role};
use instance::Instance;
use pulse::system_clock::SystemClock;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;

/// How much of it every test run does; `make crash-matrix` sets more.
const KILLS: u64 = 8;
const UNKNOWN_OUTCOMES: u64 = 100;
/// Kills before the books are held to what was acknowledged, and another house begins.
const KILLS_OF_A_HOUSE: u64 = 40;
/// Of a million answers so many meet a fault.
const LOG_FAULTS: u32 = 50_000;
const STORE_FAULTS: u32 = 200_000;
/// Longer than the session of a consumer.
const SLEEP: Duration = Duration::from_secs(5);

/// What happens to a house in turn.
#[derive(Clone, Copy)]
enum Turn {
    /// One process is killed.
    Kill(Role),
    /// One is killed, and the next ends at a point of its own.
    Arm(Role),
    /// One stands still for longer than its session lasts, and goes on.
    Sleep(Role),
    /// An engine is killed.
    Engine(&'static str),
    /// Both engines and some of each role are killed at the same time.
    Together,
}

const TURNS: [Turn; 10] = [
    Turn::Kill(Role::Edge),
    Turn::Arm(Role::Consumer),
    Turn::Together,
    Turn::Engine("kafka"),
    Turn::Arm(Role::Edge),
    Turn::Kill(Role::Consumer),
    Turn::Engine("cassandra"),
    Turn::Sleep(Role::Consumer),
    Turn::Arm(Role::Catalog),
    Turn::Arm(Role::Consumer),
];

fn number(name: &str, default: u64) -> u64 {
    std::env::var_os(name).map_or(default, |number| number.to_str().unwrap().parse().unwrap())
}

/// Each role at random moments and at points of its own.
#[test]
fn roles_that_are_killed_lose_and_double_nothing() {
    let Some(house) = House::find() else { return };
    let mut cast = Cast::begin(&house, 11);
    for role in [Role::Edge, Role::Consumer, Role::Edge, Role::Consumer] {
        take(Turn::Kill(role), &mut cast, None);
        take(Turn::Arm(role), &mut cast, None);
    }
    let tally = cast.verify();
    eprintln!("{}: {tally}", told(&cast.kills));
    assert!(tally.distinct > 1_000 && tally.duplicate > 0, "{tally}");
}

/// Longer than the session of a member of the group, so that another is given its partitions; then it goes on with what
/// it had in memory.
#[test]
fn a_consumer_that_slept_while_another_took_over_is_harmless() {
    let Some(house) = House::find() else { return };
    let mut cast = Cast::begin(&house, 12);
    let first = cast.pick(Role::Consumer);
    for sleeper in [first, cast.other(first)] {
        cast.tend(Duration::from_secs(2));
        cast.signal(sleeper, "STOP");
        cast.takes_over(cast.other(sleeper));
        cast.tend(Duration::from_secs(1));
        cast.signal(sleeper, "CONT");
        cast.tend(Duration::from_secs(2));
    }
    let tally = cast.verify();
    eprintln!("two consumers slept: {tally}");
    assert!(tally.distinct > 1_000, "{tally}");
}

/// An edge ten minutes ahead, which holds up neither the other nor a total; a consumer ten minutes behind and one ahead;
/// and only a consumer that is behind.
#[test]
fn clocks_that_are_ten_minutes_wrong_change_no_total() {
    let clocks: [Ahead; 2] = [
        |name| match name {
            "edge-1" | "consumer-1" => 600,
            "consumer-0" => -600,
            _ => 0,
        },
        |name| if name == "consumer-1" { -600 } else { 0 },
    ];
    for ahead in clocks {
        let Some(house) = House::find() else { return };
        let mut cast = Cast::begin_ahead(&house, 13, ahead);
        for turn in [Turn::Kill(Role::Consumer), Turn::Kill(Role::Edge)] {
            take(turn, &mut cast, None);
        }
        cast.tend_until("pulses through the edge that is right", |cast| cast.acknowledged() > 2_000);
        let tally = cast.verify();
        eprintln!("clocks that are wrong: {tally}");
        assert!(tally.distinct > 1_000, "{tally}");
    }
}

/// kill −9 of roles, the broker and the CQL server, in turn and together.
#[test]
fn engines_and_roles_that_are_killed_lose_and_double_nothing() {
    let Some(engines) = instance::lease() else { return };
    let (wanted, mut seed) = (number("CRASH_KILLS", KILLS), number("CRASH_SEED", 1));
    let (mut kills, mut sum) = (BTreeMap::<String, u64>::new(), Tally::default());
    while kills.values().sum::<u64>() < wanted {
        let house = engines.house();
        let mut cast = Cast::begin(&house, seed);
        let most = KILLS_OF_A_HOUSE.min(wanted - kills.values().sum::<u64>());
        for turn in TURNS.iter().cycle() {
            if cast.killed() >= most {
                break;
            }
            take(*turn, &mut cast, Some(&engines));
        }
        let (query, told_file) = cast.settle();
        let tally = acknowledged::check(&query, &told_file).unwrap_or_else(|fault| panic!("{fault}"));
        eprintln!("seed {seed}: {}: {tally}", told(&cast.kills));
        the_check_notices(&house, &|| acknowledged::check(&query, &told_file));
        for (victim, count) in &cast.kills {
            *kills.entry(victim.clone()).or_default() += count;
        }
        sum += tally;
        seed += 1;
    }
    eprintln!("{} kills, {}: {sum}", kills.values().sum::<u64>(), told(&kills));
}

/// A row that is wrong by one pulse either way.
fn the_check_notices(house: &House, check: &dyn Fn() -> Result<Tally, String>) {
    let options = ScyllaOptions {
        nodes: house.nodes().to_vec(),
        keyspace: house.keyspace().to_owned(),
        ..ScyllaOptions::default()
    };
    let runtime = Runtime::new().unwrap();
    let store = runtime.block_on(ScyllaStore::open(options, Arc::new(SystemClock))).unwrap();
    for (plant, is_noticed) in [(Plant::Lost, true), (Plant::Doubled, false), (Plant::Doubled, true)] {
        runtime.block_on(acknowledged::plant(&*store, plant));
        assert_eq!(check().is_err(), is_noticed, "{plant:?}");
    }
}

/// Answers of both engines that are swallowed, cut or reset: nobody knows whether what was asked was done.
#[test]
fn unknown_outcomes_lose_and_double_nothing() {
    let Some(engines) = instance::lease() else { return };
    let (wanted, seed) = (number("CRASH_UNKNOWN_OUTCOMES", UNKNOWN_OUTCOMES), number("CRASH_SEED", 1));
    let house = engines.house();
    let mut cast = Cast::begin(&house, seed);
    let (log, store) = (&engines.log, &engines.store);
    let before = [log.unknown_outcomes(), store.unknown_outcomes()];
    let injected = || [log.unknown_outcomes() - before[0], store.unknown_outcomes() - before[1]];
    log.set_rate(LOG_FAULTS);
    store.set_rate(STORE_FAULTS);
    let enough =
        |_: &Cast| injected().iter().sum::<u64>() >= wanted && injected().iter().all(|of| of * 4 >= wanted);
    cast.tend_until("as many unknown outcomes as were asked for", enough);
    log.set_rate(0);
    store.set_rate(0);
    let tally = cast.verify();
    let [of_log, of_store] = injected();
    eprintln!(
        "unknown outcomes: {of_log} of the broker ({}), {of_store} of the CQL server ({}): {tally}",
        log.report(),
        store.report()
    );
    assert!(tally.distinct > 1_000, "{tally}");
}

/// Lets something happen after a moment.
fn take(turn: Turn, cast: &mut Cast, engines: Option<&Instance>) {
    let moment = cast.moment(300, 1_500);
    cast.tend(moment);
    match turn {
        Turn::Kill(role) => {
            let victim = cast.pick(role);
            cast.kill(victim, None);
        }
        Turn::Arm(role) => cast.kill_and_arm(role),
        Turn::Sleep(role) => {
            let sleeper = cast.pick(role);
            cast.signal(sleeper, "STOP");
            cast.tend(SLEEP);
            cast.signal(sleeper, "CONT");
        }
        Turn::Engine(engine) => kill_engines(&[engine], cast, engines),
        Turn::Together => kill_engines(&["kafka", "cassandra"], cast, engines),
    }
}

/// Kills engines, and where it is both, some of each role with them; waits until they serve again.
fn kill_engines(names: &[&str], cast: &mut Cast, engines: Option<&Instance>) {
    let engines = engines.expect("only engines of the tests' own are killed");
    for name in names {
        engines.succeed(&["kill", name]);
        cast.count(name);
    }
    if names.len() > 1 {
        for role in [Role::Edge, Role::Consumer, Role::Catalog] {
            let victim = cast.pick(role);
            cast.kill(victim, None);
        }
    }
    let mut starting: Vec<_> = names.iter().map(|name| engines.begin(name)).collect();
    while starting.iter_mut().any(|start| start.try_wait().unwrap().is_none()) {
        cast.tend(Duration::from_millis(100));
    }
    assert!(starting.iter_mut().all(|start| start.wait().unwrap().success()), "{names:?} start again");
    cast.tend(Duration::from_secs(1));
}

/// Who was killed how often.
fn told(kills: &BTreeMap<String, u64>) -> String {
    let each: Vec<String> = kills.iter().map(|(victim, count)| format!("{count} {victim}")).collect();
    format!("killed {}", each.join(", "))
}
