//! What clients were told is taken, against what is counted: per tenant, SKU and hour, and by the books.

use super::server::{Server, eventually_within};
use domain::aggregate::{Row, partition_key};
use domain::port::{CellStore, Clock, Query, read_all};
use domain::table::{AGGREGATE, Cell};
use proto::blob::Blob;
use pulse::system_clock::SystemClock;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Whom the client reports for.
pub const TENANTS: [&str; 2] = ["acme", "globex"];

/// A tenant, a SKU and an hour.
type Place = (String, String, i64);
/// Usage of each: thousandths, and pulses.
type Hours = BTreeMap<Place, (i128, u64)>;

/// Gives a server a catalogue of what the client reports: the examples' know one tenant, it reports for two.
pub fn with_catalog(server: Server, directory: &Path) -> Server {
    let server = server.with_catalog();
    let (path, tenant) = (directory.join("tenant.yaml"), TENANTS[1]);
    std::fs::write(&path, format!("kind: tenant\nid: {tenant}\nname: {tenant}\nstatus: active\n")).unwrap();
    server.json(0, &["catalog", "apply", path.to_str().unwrap()]);
    server
}

/// A client in a process of its own that streams pulses and writes down every one that was acknowledged.
pub struct Client {
    process: Child,
    acknowledged: PathBuf,
}

impl Client {
    /// Sends to any of the servers that announce themselves there, `pause_ms` between batches of up to 60 pulses.
    pub fn start(ready_files: &[PathBuf], acknowledged: PathBuf, seed: u64, pause_ms: u64) -> Self {
        let examples = Path::new(env!("CARGO_BIN_EXE_pulse")).parent().unwrap().join("examples");
        let client = examples.join("chaos_client");
        assert!(client.exists(), "build the client first: cargo build -p pulse --example chaos_client");
        let ready_files: Vec<&str> = ready_files.iter().map(|file| file.to_str().unwrap()).collect();
        let mut command = Command::new(client);
        command.arg(ready_files.join(",")).arg(&acknowledged);
        command.args([seed.to_string(), pause_ms.to_string()]).stdin(Stdio::piped()).stderr(Stdio::null());
        Self { process: command.spawn().unwrap(), acknowledged }
    }

    /// How many pulses were acknowledged by now, those that were sent again counted again.
    pub fn lines(&self) -> u64 {
        std::fs::read(&self.acknowledged).map_or(0, |text| {
            let lines = text.iter().filter(|byte| **byte == b'\n');
            lines.count() as u64
        })
    }

    /// Lets it send what is in doubt until all is acknowledged; answers where it wrote that down.
    pub fn finish(mut self, patience: Duration) -> PathBuf {
        drop(self.process.stdin.take());
        let ended = || self.process.try_wait().unwrap();
        let status = eventually_within(patience, "the acknowledgement of everything", ended);
        assert!(status.success(), "the client ends with {status}");
        std::mem::take(&mut self.acknowledged)
    }
}

/// A test that fails leaves no client behind.
impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What an end that balances looks like.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Acknowledgements, those of pulses that were sent again among them.
    pub acknowledged: u64,
    /// Pulses that were acknowledged, each once.
    pub distinct: u64,
    /// Pulses in the log.
    pub received: u64,
    /// Those that count.
    pub applied: u64,
    /// Those that were there before.
    pub duplicate: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.distinct += other.distinct;
        self.received += other.received;
        self.applied += other.applied;
        self.duplicate += other.duplicate;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { acknowledged, distinct, received, applied, duplicate } = self;
        write!(
            f,
            "{acknowledged} acknowledgements of {distinct} pulses; {received} received, {applied} applied, {duplicate} duplicates"
        )
    }
}

/// Holds the usage that a server tells and its books to what clients were told; what differs, where anything does.
pub fn check(server: &Server, acknowledged: &Path) -> Result<Tally, String> {
    let (told, lines, distinct) = read_acknowledged(acknowledged);
    let differences = differences(&told, &read_usage(server));
    let output = server.run(&["reconcile", "--output", "json"]);
    let books: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let count = |name: &str| books[name].as_str().unwrap().parse::<u64>().unwrap();
    let [received, applied, duplicate] = ["received", "applied", "duplicate"].map(count);
    let tally = Tally { acknowledged: lines, distinct, received, applied, duplicate };
    let mut faults = differences;
    if output.status.code() != Some(0) {
        faults.push(format!("reconcile: {}", String::from_utf8_lossy(&output.stderr)));
    }
    if applied != distinct || received != applied + duplicate {
        faults.push(format!("the books: {tally}"));
    }
    if faults.is_empty() { Ok(tally) } else { Err(faults.join("\n")) }
}

/// Each place where the two are not the same.
fn differences(told: &Hours, counted: &Hours) -> Vec<String> {
    let places: BTreeSet<&Place> = told.keys().chain(counted.keys()).collect();
    let differs = places.into_iter().filter(|place| told.get(*place) != counted.get(*place));
    differs
        .map(|place| {
            format!("usage of {place:?}: told {:?}, counted {:?}", told.get(place), counted.get(place))
        })
        .collect()
}

fn read_acknowledged(path: &Path) -> (Hours, u64, u64) {
    let mut seen = BTreeSet::new();
    let mut hours = Hours::new();
    let text = std::fs::read_to_string(path).unwrap();
    for line in text.lines() {
        let [tenant, sku, seconds, id, quantity] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
        if seen.insert((tenant, id)) {
            let hour = seconds.parse::<i64>().unwrap() / 3_600;
            add(&mut hours, (tenant, sku, hour), (thousandths(quantity), 1));
        }
    }
    (hours, text.lines().count() as u64, seen.len() as u64)
}

fn read_usage(server: &Server) -> Hours {
    let path = "/v1/usage?from=-8h&window=PT1H&group_by=tenant,sku&page_size=1000";
    let (status, body) = server.get(path);
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(answer["next_page_token"], Value::Null);
    let mut hours = Hours::new();
    for item in answer["items"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let start: jiff::Timestamp = text(&item["start_time"]).parse().unwrap();
        let (tenant, sku) = (text(&item["group"]["tenant"]), text(&item["group"]["sku"]));
        let count = text(&item["count"]).parse().unwrap();
        add(
            &mut hours,
            (&tenant, &sku, start.as_second() / 3_600),
            (thousandths(&text(&item["quantity"])), count),
        );
    }
    hours
}

fn add(hours: &mut Hours, (tenant, sku, hour): (&str, &str, i64), (quantity, count): (i128, u64)) {
    let sum = hours.entry((tenant.to_owned(), sku.to_owned(), hour)).or_default();
    sum.0 += quantity;
    sum.1 += count;
}

fn thousandths(text: &str) -> i128 {
    let (integer, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= 3, "{text}");
    format!("{integer}{fraction:0<3}").parse().unwrap()
}

/// A fault that a consumer could have.
#[derive(Clone, Copy, Debug)]
pub enum Plant {
    Lost,
    Doubled,
}

/// Makes a row of the store wrong by one pulse, as a later write of it would.
pub async fn plant(store: &dyn CellStore, plant: Plant) {
    let today = SystemClock.now().day();
    let mut cells = Vec::new();
    for day in [today - 1, today] {
        let day = Query::all(&AGGREGATE, partition_key(TENANTS[0], day));
        cells.extend(read_all(store, day).await.unwrap());
    }
    let cell = cells.first().expect("the client sends for today, some of it late");
    let mut row = Row::from_blob(&cell.value).unwrap();
    let quarter = row.quarters.iter_mut().find(|quarter| quarter.count > 0).unwrap();
    match plant {
        Plant::Lost => {
            quarter.sum += quarter.max.negated();
            quarter.count -= 1;
        }
        Plant::Doubled => {
            quarter.sum += quarter.max;
            quarter.count += 1;
        }
    }
    let wrong = Cell { timestamp: cell.timestamp + 1, value: row.to_blob(), ..cell.clone() };
    store.write(vec![wrong]).await.unwrap();
}

#[test]
fn whatever_differs_is_named() {
    let place = |tenant: &str| (tenant.to_owned(), "sku".to_owned(), 7);
    let told = Hours::from([(place("a"), (1_500, 2)), (place("b"), (10, 1))]);
    assert_eq!(differences(&told, &told.clone()), [""; 0]);
    for (tenant, usage) in [("a", (1_500, 3)), ("a", (1_499, 2)), ("c", (1, 1))] {
        let mut counted = told.clone();
        counted.insert(place(tenant), usage);
        let found = differences(&told, &counted);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains(tenant), "{found:?}");
    }
    let one = Hours::from([(place("a"), (1_500, 2))]);
    assert_eq!(differences(&told, &one).len(), 1, "all of a place is lost");
}
