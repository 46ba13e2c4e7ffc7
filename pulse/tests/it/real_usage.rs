//! Real usage in, exact money out: two published traces of language-model calls, imported with our own command.
//!
//! The expected hours and amounts are computed here from the files, with whole numbers and no code of ours.

use super::server::{Home, Server, eventually, repository};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

const TRILLION: u128 = 1_000_000_000_000;

/// A file's calls by UTC hour: (hour of the day) → (rows, input tokens, output tokens).
type Hours = BTreeMap<u8, [u128; 3]>;

/// The published files, or the extract in the examples where they are not at hand.
pub fn files() -> Vec<PathBuf> {
    let published = ["azure-llm-2023-conv.csv", "azure-llm-2023-code.csv"]
        .map(|name| repository("../shared/data").join(name));
    if published.iter().all(|path| path.is_file()) {
        return published.to_vec();
    }
    eprintln!("the published traces are not at hand: this run uses the extract in examples/ instead");
    vec![repository("examples/llm-usage.csv")]
}

fn hours(files: &[PathBuf]) -> Hours {
    let mut hours = Hours::new();
    for path in files {
        let text = fs::read_to_string(path).unwrap();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split(',').collect();
            let sums = hours.entry(fields[0][11..13].parse().unwrap()).or_default();
            let more = [1, fields[1].parse().unwrap(), fields[2].parse().unwrap()];
            sums.iter_mut().zip(more).for_each(|(sum, more): (&mut u128, u128)| *sum += more);
        }
    }
    hours
}

/// A graduated price in trillionths of a dollar: `prices` are cents a million tokens, the first holds up to `first`.
fn graduated(tokens: u128, first: u128, prices: [u128; 2]) -> u128 {
    let within = tokens.min(first);
    (within * prices[0] + (tokens - within) * prices[1]) * TRILLION / 100 / 1_000_000
}

fn input_cost(tokens: u128) -> u128 {
    graduated(tokens, 10_000_000, [300, 250])
}

fn output_cost(tokens: u128) -> u128 {
    graduated(tokens, 1_000_000, [1_500, 1_200])
}

/// Trillionths of a dollar as the shortest decimal text.
fn dollars(trillionths: u128) -> String {
    let text = format!("{}.{:012}", trillionths / TRILLION, trillionths % TRILLION);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Rounded half-even to cents, as text with two places.
fn cents(trillionths: u128) -> String {
    let (whole, rest, half) =
        (trillionths / (TRILLION / 100), trillionths % (TRILLION / 100), TRILLION / 200);
    let up = rest > half || (rest == half && whole % 2 == 1);
    let cents = whole + u128::from(up);
    format!("{}.{:02}", cents / 100, cents % 100)
}

fn import(server: &Server, path: &std::path::Path) -> Value {
    let source = path.file_stem().unwrap().to_str().unwrap();
    let arguments =
        ["import", path.to_str().unwrap(), "--tenant", "acme", "--source", source, "--time", "TIMESTAMP"];
    let metrics =
        ["--metric", "ContextTokens=llm.input:token", "--metric", "GeneratedTokens=llm.output:token"];
    server.json(0, &[&arguments as &[&str], &metrics, &["--shift-to", "yesterday"]].concat())
}

fn ask(server: &Server, what: &str, more: &[&str]) -> Vec<Value> {
    let whole = server.json(0, &[&["query", what, "--tenant", "acme", "--group-by", "sku"], more].concat());
    whole["items"].as_array().unwrap().clone()
}

/// Items by (hour of the day, SKU).
fn by_hour(items: &[Value]) -> BTreeMap<(u8, String), Value> {
    let hour = |item: &Value| item["start_time"].as_str().unwrap()[11..13].parse().unwrap();
    items
        .iter()
        .map(|item| ((hour(item), item["group"]["sku"].as_str().unwrap().to_owned()), item.clone()))
        .collect()
}

/// The day an item lies in as a range of times, and its month.
fn day_and_month(item: &Value) -> ([String; 4], String) {
    let day = item["start_time"].as_str().unwrap()[..10].to_owned();
    let next = day.parse::<jiff::civil::Date>().unwrap().tomorrow().unwrap();
    let range =
        ["--from".to_owned(), format!("{day}T00:00:00Z"), "--to".to_owned(), format!("{next}T00:00:00Z")];
    (range, day[..7].to_owned())
}

#[test]
fn published_traces_are_counted_and_priced_to_the_last_digit() {
    let files = files();
    let hours = hours(&files);
    let home = Home::new();
    let server = home.start().with_catalog();
    for path in &files {
        assert_eq!(import(&server, path)["rejected"], "0");
    }
    server.settle();
    let around = ["--from", "-72h", "--window", "PT1H"];
    let usage = ask(&server, "usage", &around);
    check_usage(&usage, &hours);
    check_published_totals(&hours, files.len());

    let (range, month) = day_and_month(&usage[0]);
    let range: Vec<&str> = range.iter().map(String::as_str).collect();
    let windows = || ask(&server, "cost", &[range.as_slice(), &["--window", "PT1H"]].concat());
    check_cost_of_hours(&windows(), &hours);
    check_cost_of_month(&ask(&server, "cost", &["--period", &month]), &hours);

    let costs = windows();
    for path in &files {
        import(&server, path);
    }
    server.settle();
    assert_eq!(ask(&server, "usage", &around), usage, "imported twice: the usage is unchanged");
    assert_eq!(windows(), costs, "imported twice: the costs are unchanged");
}

fn check_usage(items: &[Value], hours: &Hours) {
    let found = by_hour(items);
    assert_eq!(found.len(), hours.len() * 2);
    for (hour, [rows, input, output]) in hours {
        for (sku, quantity) in [("llm.input", input), ("llm.output", output)] {
            let item = &found[&(*hour, sku.to_owned())];
            assert_eq!(
                (item["quantity"].as_str(), item["count"].as_str()),
                (Some(&*quantity.to_string()), Some(&*rows.to_string()))
            );
        }
    }
}

/// The sums published with the files, where those are at hand.
fn check_published_totals(hours: &Hours, files: usize) {
    let Ok(text) = fs::read_to_string(repository("../shared/data/expected-totals.csv")) else { return };
    let both = text.lines().filter_map(|line| line.strip_prefix("both,utc_hour,")).filter(|_| files == 2);
    for line in both {
        let fields: Vec<&str> = line.split(',').collect();
        let sums = hours[&fields[0][11..13].parse().unwrap()];
        assert_eq!(fields[1..], sums.map(|sum| sum.to_string()));
    }
}

/// An hour costs the difference of the running totals at its two ends.
fn check_cost_of_hours(items: &[Value], hours: &Hours) {
    let found = by_hour(items);
    let (mut input_before, mut output_before) = (0, 0);
    for (hour, [_, input, output]) in hours {
        let input_delta = input_cost(input_before + input) - input_cost(input_before);
        let output_delta = output_cost(output_before + output) - output_cost(output_before);
        (input_before, output_before) = (input_before + input, output_before + output);
        for (sku, delta) in [("llm.input", input_delta), ("llm.output", output_delta)] {
            let item = &found[&(*hour, sku.to_owned())];
            assert_eq!(item["amount_unrounded"], dollars(delta), "{hour} {sku}");
            assert_eq!(item["currency"], "USD");
        }
    }
}

fn check_cost_of_month(items: &[Value], hours: &Hours) {
    let total = |index: usize| hours.values().map(|sums| sums[index]).sum::<u128>();
    for (sku, cost) in [("llm.input", input_cost(total(1))), ("llm.output", output_cost(total(2)))] {
        let item = items.iter().find(|item| item["group"]["sku"] == sku).unwrap();
        assert_eq!(
            (item["amount_unrounded"].as_str(), item["amount"].as_str()),
            (Some(&*dollars(cost)), Some(&*cents(cost))),
            "{item}"
        );
    }
}

/// The whole of both files, by hand: 10,000,000 × 3.00 and 30,421,844 × 2.50 a million, 1,000,000 × 15.00 and
/// 3,334,561 × 12.00 a million.
#[test]
fn the_arithmetic_of_this_test_agrees_with_a_bill_worked_by_hand() {
    assert_eq!(dollars(input_cost(40_421_844)), "106.05461");
    assert_eq!(dollars(output_cost(4_334_561)), "55.014732");
    assert_eq!(
        (cents(106_054_610_000_000), cents(55_014_732_000_000)),
        ("106.05".to_owned(), "55.01".to_owned())
    );
    assert_eq!((cents(5_000_000_000), cents(15_000_000_000)), ("0.00".to_owned(), "0.02".to_owned()));
}

#[test]
fn charges_are_written_by_the_pricing_worker() {
    let home = Home::new();
    let server = home.start().with_catalog();
    let file = repository("examples/llm-usage.csv");
    import(&server, &file);
    server.settle();
    let charges = eventually("charges of both prices", || {
        let (status, text) = server.get("/v1/charges?tenant=acme");
        let answer: Value = serde_json::from_str(&text).unwrap();
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        (status == 200 && items.len() == 2).then_some(items)
    });
    let sums = hours(&[file]);
    let total = |index: usize| sums.values().map(|sums| sums[index]).sum::<u128>();
    for (price, cost) in [("input", input_cost(total(1))), ("output", output_cost(total(2)))] {
        let charge = charges.iter().find(|charge| charge["price"] == price).unwrap();
        assert_eq!(
            (charge["amount"].as_str(), charge["amount_unrounded"].as_str()),
            (Some(&*cents(cost)), Some(&*dollars(cost)))
        );
    }
}

/// The charge of a price, once it holds so much.
fn charge_of(server: &Server, price: &str, quantity: u128) -> Value {
    eventually("the charge of the whole file", || {
        let answer: Value = serde_json::from_str(&server.get("/v1/charges?tenant=acme").1).unwrap();
        let charge = answer["items"].as_array()?.iter().find(|charge| charge["price"] == price)?;
        (charge["quantity"] == quantity.to_string()).then(|| charge.clone())
    })
}

fn sum<'a>(pulses: impl IntoIterator<Item = &'a Value>) -> u128 {
    let quantity = |item: &Value| item["pulse"]["quantity"].as_str().unwrap().parse::<u128>().unwrap();
    pulses.into_iter().map(quantity).sum()
}

#[test]
fn a_charge_is_explained_down_to_its_pulses_and_a_pulse_is_traced_up_to_its_charge() {
    let file = files().pop().unwrap();
    let home = Home::new();
    let server = home.start().with_catalog();
    import(&server, &file);
    server.settle();
    let [rows, input, _] = hours(&[file]).into_values().fold([0; 3], |mut total: [u128; 3], sums| {
        total.iter_mut().zip(sums).for_each(|(total, sum)| *total += sum);
        total
    });
    let charge = charge_of(&server, "input", input);
    let whole = server.json(0, &["explain", charge["id"].as_str().unwrap(), "--all"]);
    let pulses = whole["items"].as_array().unwrap();
    assert_eq!(
        (whole["charge"]["id"].as_str(), whole["agrees"].as_bool()),
        (charge["id"].as_str(), Some(true))
    );
    assert_eq!((sum(pulses), pulses.len() as u128), (input, rows));
    let ids: BTreeSet<&str> = pulses.iter().map(|item| item["pulse"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), pulses.len(), "each pulse is listed once");
    check_trace(&server, &pulses[pulses.len() / 2], pulses, &charge);
}

/// Record, row and charge of one of the pulses, each with its times.
fn check_trace(server: &Server, one: &Value, pulses: &[Value], charge: &Value) {
    let of = |field: &str| one["pulse"][field].as_str().unwrap();
    let arguments =
        ["trace", of("id"), "--tenant", "acme", "--source", of("source"), "--event-time", of("event_time")];
    let trace = server.json(0, &arguments);
    assert_eq!(
        (trace["outcome"].as_str(), &trace["pulse"], &trace["record"]),
        (Some("counted"), &one["pulse"], &one["record"])
    );
    let time = |text: &Value| text.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    let (start, end) = (time(&trace["counted_in"]["start_time"]), time(&trace["counted_in"]["end_time"]));
    assert_eq!(end.as_second() - start.as_second(), 900);
    assert!((start..end).contains(&time(&one["pulse"]["event_time"])));
    assert!(
        time(&trace["record"]["received_time"]) < time(&trace["watermark"]),
        "what is counted was received before"
    );
    // A row is a quarter of an hour of one partition.
    let beside: Vec<&Value> = pulses
        .iter()
        .filter(|item| (start..end).contains(&time(&item["pulse"]["event_time"])))
        .filter(|item| item["record"]["partition"] == one["record"]["partition"])
        .collect();
    assert_eq!(trace["counted_in"]["quantity"], sum(beside.iter().copied()).to_string());
    assert_eq!(trace["counted_in"]["count"], beside.len().to_string());
    assert_eq!((&trace["charge_id"], &trace["charge"]["amount"]), (&charge["id"], &charge["amount"]));
}
