//! The processes of a house, each started again whenever it is gone, as a supervisor would.

use super::super::acknowledged::{self, Client, Tally};
use super::super::house::House;
use super::super::server::{Process, Server, eventually_within, get};
use domain::port::Clock;
use pulse::dice::Dice;
use pulse::ready_file::Ready;
use pulse::system_clock::SystemClock;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long everything may take to be well again: engines that were killed are slow to come back, and machines busy.
const PATIENCE: Duration = Duration::from_secs(300);
/// Before one that could not start, for want of engines, is started again.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a point may take to be reached: a consumer is given partitions when its killed one's session has ended.
const POINT_PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at who is gone.
const LOOK: Duration = Duration::from_millis(20);

/// The name of the catalogue's process.
pub const CATALOG: &str = "catalog-0";
/// Between two batches of the client.
const PAUSE_MS: u64 = 20;

/// How many seconds ahead the clock of a process is, by its name.
pub type Ahead = fn(&str) -> i64;

/// Where a role ends itself, at the n-th call of that name.
const EDGE_POINTS: [&str; 3] = [
    "before-append-resource-consumption.g1:9",
    "mid-append-resource-consumption.g1:15",
    "after-append-resource-consumption.g1:20",
];
const CONSUMER_POINTS: [&str; 14] = [
    "after-read-checkpoint:3",
    "before-read-ledger:9",
    "after-read-ledger:5",
    "after-read-aggregate:2",
    "before-write-aggregate:3",
    "mid-write-aggregate:2",
    "after-write-aggregate:4",
    "mid-write-ledger:3",
    "after-write-page:2",
    "before-append-processor-storage-consumption:3",
    "after-append-processor-storage-consumption:2",
    "before-write-checkpoint:3",
    "after-write-checkpoint:2",
    "after-write-watermark:1",
];
const CATALOG_POINTS: [&str; 2] = ["before-write-charge:1", "after-write-charge:1"];

/// Who can be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Edge,
    Consumer,
    Catalog,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Edge => "ingestor-api",
            Self::Consumer => "ingestor-consumer",
            Self::Catalog => "catalog",
        }
    }

    fn points(self) -> &'static [&'static str] {
        match self {
            Self::Edge => &EDGE_POINTS,
            Self::Consumer => &CONSUMER_POINTS,
            Self::Catalog => &CATALOG_POINTS,
        }
    }
}

/// One process, or the next under its name.
struct Actor {
    role: Role,
    name: &'static str,
    process: Process,
    file: PathBuf,
    /// It may end by itself there.
    point: Option<&'static str>,
    was_ready: bool,
}

/// The processes of a house, and a client that sends to its edges.
pub struct Cast<'a> {
    house: &'a House,
    actors: Vec<Actor>,
    client: Option<Client>,
    dice: Dice,
    ahead: Ahead,
    /// How often each was killed.
    pub kills: BTreeMap<String, u64>,
}

impl<'a> Cast<'a> {
    /// Two edges, two consumers and a catalogue, all ready, and a client that sends to both edges.
    pub fn begin(house: &'a House, seed: u64) -> Self {
        Self::begin_ahead(house, seed, |_| 0)
    }

    /// The same, with clocks that are wrong.
    pub fn begin_ahead(house: &'a House, seed: u64, ahead: Ahead) -> Self {
        let mut cast = Self {
            house,
            actors: Vec::new(),
            client: None,
            dice: Dice::new(seed),
            ahead,
            kills: BTreeMap::new(),
        };
        drop(acknowledged::with_catalog(cast.catalog(), house.directory()));
        for (role, name) in [
            (Role::Catalog, CATALOG),
            (Role::Edge, "edge-0"),
            (Role::Edge, "edge-1"),
            (Role::Consumer, "consumer-0"),
            (Role::Consumer, "consumer-1"),
        ] {
            let actor = cast.start(role, name, None);
            cast.actors.push(actor);
        }
        cast.ready();
        let edges: Vec<PathBuf> = cast.of(Role::Edge).map(|edge| cast.actors[edge].file.clone()).collect();
        let told = house.directory().join("acknowledged.csv");
        cast.client = Some(Client::start(&edges, told, seed, PAUSE_MS));
        cast
    }

    fn of(&self, role: Role) -> impl Iterator<Item = usize> {
        let is_one = move |(index, actor): (usize, &Actor)| (actor.role == role).then_some(index);
        self.actors.iter().enumerate().filter_map(is_one)
    }

    /// One of a role's processes.
    pub fn pick(&mut self, role: Role) -> usize {
        let all: Vec<usize> = self.of(role).collect();
        all[usize::try_from(self.dice.below(all.len() as u64)).unwrap()]
    }

    /// The other one of its role.
    pub fn other(&self, index: usize) -> usize {
        let role = self.actors[index].role;
        self.of(role).find(|other| *other != index).expect("there are two")
    }

    /// Somewhere between.
    pub fn moment(&mut self, least_ms: u64, most_ms: u64) -> Duration {
        Duration::from_millis(least_ms + self.dice.below(most_ms - least_ms))
    }

    fn start(&self, role: Role, name: &'static str, point: Option<&'static str>) -> Actor {
        let (mut command, file) = self.house.role(role.name(), name);
        let log = self.log(name);
        command.stderr(File::options().create(true).append(true).open(log).unwrap());
        command.env("PULSE_CLOCK_AHEAD_SECONDS", (self.ahead)(name).to_string());
        if let Some(point) = point {
            command.env("PULSE_CRASH_POINT", point);
        }
        Actor { role, name, process: Process::spawn(&mut command), file, point, was_ready: false }
    }

    /// A catalogue of the house that goes when it is dropped.
    fn catalog(&self) -> Server {
        let Actor { process, file, .. } = self.start(Role::Catalog, CATALOG, None);
        Server::find_ready(process, &file).expect("the catalogue ended before it was ready")
    }

    /// What a command answers that speaks to a role over gRPC.
    pub fn ask(&self, index: usize, arguments: &[&str]) -> Value {
        let grpc = self.grpc(index).to_string();
        let mut command = self.house.command();
        let output = command.args(["--grpc", &grpc, "--output", "json"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.house.directory().join(format!("{name}.log"))
    }

    /// Kills one as it stands; the next one may have a point to end at.
    pub fn kill(&mut self, index: usize, point: Option<&'static str>) {
        let Actor { role, name, process, .. } = &mut self.actors[index];
        let (role, name) = (*role, *name);
        if process.is_running() {
            process.signal("KILL");
            process.exit_code();
            self.count(role.name());
        }
        self.actors[index] = self.start(role, name, point);
    }

    /// The same, and waits a while for the next one to end at a point of its role.
    pub fn kill_and_arm(&mut self, role: Role) {
        let (index, points) = (self.pick(role), role.points());
        let point = points[usize::try_from(self.dice.below(points.len() as u64)).unwrap()];
        self.kill(index, Some(point));
        let until = Instant::now() + POINT_PATIENCE;
        while self.actors[index].point.is_some() && Instant::now() < until {
            self.look();
            std::thread::sleep(LOOK);
        }
    }

    /// Notes a kill.
    pub fn count(&mut self, victim: &str) {
        *self.kills.entry(victim.to_owned()).or_default() += 1;
    }

    /// All kills by now.
    pub fn killed(&self) -> u64 {
        self.kills.values().sum()
    }

    /// Lets one stand still, or go on.
    pub fn signal(&self, index: usize, name: &str) {
        self.actors[index].process.signal(name);
    }

    /// For so long: whoever ended at its point or could not start is started again.
    pub fn tend(&mut self, for_long: Duration) {
        let until = Instant::now() + for_long;
        while Instant::now() < until {
            self.look();
            std::thread::sleep(LOOK);
        }
    }

    fn look(&mut self) {
        for index in 0..self.actors.len() {
            let actor = &mut self.actors[index];
            if actor.process.is_running() {
                actor.was_ready |= is_ready(actor);
                continue;
            }
            let (role, name, point, was_ready) = (actor.role, actor.name, actor.point, actor.was_ready);
            let code = actor.process.exit_code();
            match point {
                // Ended by a signal: it was its own.
                Some(_) if code.is_none() => self.count(&format!("{} at a point", role.name())),
                _ if !was_ready => std::thread::sleep(PAUSE),
                _ => panic!("{name} ended by itself with {code:?}"),
            }
            self.actors[index] = self.start(role, name, None);
        }
    }

    /// Waits until all are ready.
    pub fn ready(&mut self) {
        eventually_within(PATIENCE, "a house that is ready", || {
            self.look();
            self.actors.iter().all(is_ready).then_some(())
        });
    }

    /// How many pulses the client was told are taken, by now.
    pub fn acknowledged(&self) -> u64 {
        self.client.as_ref().map_or(0, Client::lines)
    }

    /// The same, until something holds.
    pub fn tend_until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        eventually_within(PATIENCE, what, || {
            self.look();
            holds(self).then_some(())
        });
    }

    /// Where an edge takes pulses.
    pub fn grpc(&self, index: usize) -> SocketAddr {
        Ready::find(&self.actors[index].file).unwrap().expect("it is ready").grpc
    }

    /// What a process holds.
    pub fn resident_bytes(&self, index: usize) -> u64 {
        let pid = self.actors[index].process.id();
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1_024
    }

    /// The values of all series of a metric of the consumers.
    pub fn of_consumers(&self, metric: &str) -> Vec<i64> {
        let metric = format!("pulse_ingestor_consumer_{metric}");
        self.of(Role::Consumer).flat_map(|consumer| self.series(consumer, &metric)).collect()
    }

    /// The whole parts of all series of a metric that a process shows.
    fn series(&self, index: usize, metric: &str) -> Vec<i64> {
        let ready = Ready::find(&self.actors[index].file).unwrap().expect("it is ready");
        let (_, text) = get(ready.http, "/metrics");
        let lines = text.lines().filter(|line| line.strip_prefix(metric).is_some_and(is_series));
        let value = |line: &str| line.rsplit_once(' ')?.1.split('.').next()?.parse().ok();
        lines.map(|line| value(line).unwrap_or_else(|| panic!("{line}"))).collect()
    }

    /// Waits until a consumer has counted what was acknowledged by now in each of the four partitions.
    pub fn takes_over(&self, consumer: usize) {
        let now = SystemClock.now().seconds();
        eventually_within(PATIENCE, "a consumer of all partitions", || {
            let watermarks = self.series(consumer, "pulse_ingestor_consumer_watermark_timestamp_seconds");
            (watermarks.len() == 4 && watermarks.iter().all(|time| *time > now)).then_some(())
        });
    }

    /// No more faults: everything is acknowledged and counted. Answers who tells, and what the client was told.
    pub fn settle(&mut self) -> (Server, PathBuf) {
        for index in 0..self.actors.len() {
            if self.actors[index].point.is_some() {
                self.kill(index, None);
            }
        }
        self.ready();
        let told = self.client.take().expect("it settles once").finish(PATIENCE);
        let query = self.house.begin("query-api", "query-0").ready();
        eventually_within(PATIENCE, "books without anything in flight", || {
            self.look();
            let output = query.run(&["reconcile", "--output", "json"]);
            let books: Value = serde_json::from_slice(&output.stdout).ok()?;
            (books["in_flight"] == "0").then_some(())
        });
        (query, told)
    }

    /// Settles, and holds what is counted to what was acknowledged.
    pub fn verify(&mut self) -> Tally {
        let (query, told) = self.settle();
        acknowledged::check(&query, &told).unwrap_or_else(|fault| panic!("{fault}"))
    }
}

fn is_ready(actor: &Actor) -> bool {
    Ready::find(&actor.file).unwrap().is_some_and(|ready| ready.pid == actor.process.id())
}

/// What follows the name of a metric.
fn is_series(rest: &str) -> bool {
    rest.starts_with(['{', ' '])
}

/// What the processes said is in a directory that goes.
impl Drop for Cast<'_> {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for name in self.actors.iter().map(|actor| actor.name).chain(["query-0"]) {
            eprintln!("the end of what {name} said:\n{}", tail(&self.log(name)));
        }
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
