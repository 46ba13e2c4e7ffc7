//! `pulse simulate`: the bill is verified, repeats itself, and a server that counts wrongly is found out.

use super::server::{Home, Server};
use serde_json::Value;

const FLAGS: [&str; 14] = [
    "simulate",
    "--seed",
    "42",
    "--pulses",
    "600",
    "--rate",
    "3000",
    "--duplicates",
    "5",
    "--bad",
    "2",
    "--late",
    "10",
    "--verify",
];

fn simulate(server: &Server, more: &[&str]) -> Value {
    server.json(0, &[&FLAGS[..], more].concat())
}

#[test]
fn the_same_seed_is_the_same_bill_on_two_servers_and_nothing_new_on_one() {
    let (first_home, second_home) = (Home::new(), Home::new());
    let (first, second) = (first_home.start(), second_home.start());
    let bill = simulate(&first, &["--profile", "burst"]);
    assert_eq!((bill["verified"].as_bool(), bill["pulses"].as_str()), (Some(true), Some("600")));
    assert!(bill["bill"].as_array().unwrap().len() > 10, "{bill}");
    assert_eq!(simulate(&second, &["--profile", "burst"])["bill"], bill["bill"]);
    let again = simulate(&first, &["--profile", "burst"]);
    assert_eq!(again["bill"], bill["bill"], "what is sent again counts once");
    assert_eq!(again["accepted"], "0");
    let other = simulate(&first, &["--profile", "burst", "--tenants", "5"]);
    assert_eq!(
        other["duplicates"].as_str().map(|count| count.len() < 3),
        Some(true),
        "another shape, other pulses"
    );
}

#[test]
fn a_pulse_that_nobody_sent_is_found_out() {
    let home = Home::new();
    let server = home.start();
    let bill = simulate(&server, &[]);
    let row = &bill["bill"][0];
    let text = |field: &str| row[field].as_str().unwrap();
    let midnight =
        server.json(0, &["query", "usage", "--tenant", text("tenant"), "--window", "P1D", "--from", "-72h"]);
    let time = midnight["items"][0]["start_time"].as_str().unwrap();
    let unit = midnight["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|item| item["group"]["sku"] == text("sku"))
        .unwrap();
    let planted = [
        "send",
        "--tenant",
        text("tenant"),
        "--sku",
        text("sku"),
        "--quantity",
        "0.001",
        "--event-time",
        time,
    ];
    server.json(0, &[&planted[..], &["--unit", unit["unit"].as_str().unwrap(), "--id", "planted"]].concat());
    server.settle();
    let output = server.run(&[&FLAGS[..], &["--verify-within", "2"]].concat());
    assert_eq!(output.status.code(), Some(1));
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    let difference = format!("usage of {} by {} from {time}: expected ", text("sku"), text("tenant"));
    assert!(talk.contains(&difference), "{talk}");
}
