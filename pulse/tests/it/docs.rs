//! What is written for people holds: commands run, addresses answer, links lead somewhere, and the pages on keys and
//! metrics say what the code says.

mod commands;
mod outgrow;
mod page;
mod reference;

use super::server::{Home, Server, repository};
use domain::port::Clock;
use page::{Page, pages};
use pulse::system_clock::SystemClock;
use std::fs;
use std::process::Command;

/// A server with the example's catalogue and usage, as `make run` leaves it.
fn house(home: &Home) -> Server {
    let server = home.start().with_catalog();
    let usage = home.path("usage.csv");
    let yesterday = SystemClock.now().plus_seconds(-86_400).to_string();
    let rows = fs::read_to_string(repository("examples/llm-usage.csv")).unwrap();
    fs::write(&usage, rows.replace("2023-11-16", &yesterday[..10])).unwrap();
    let import = ["import", usage.to_str().unwrap(), "--tenant", "acme", "--time", "TIMESTAMP"];
    let metric = ["--metric", "ContextTokens=llm.input:token"];
    assert!(server.run(&[&import as &[&str], &metric].concat()).status.success());
    server
}

/// Runs a line as somebody would who pastes it, against this server.
fn paste(server: &Server, home: &Home, line: &str) {
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_pulse")).parent().unwrap();
    let line = line.replace("127.0.0.1:8080", &server.ready.http.to_string());
    let path = format!("{}:{}", binary.display(), std::env::var_os("PATH").unwrap().to_str().unwrap());
    let mut shell = server.command_of(Command::new("sh"));
    let output = shell.args(["-c", &line]).current_dir(home.path(".")).env("PATH", path).output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {talk}");
    assert!(!output.stdout.is_empty() || !talk.is_empty(), "{line} says nothing");
}

#[test]
fn every_command_can_be_pasted() {
    let home = Home::new();
    let server = house(&home);
    let lines: Vec<String> = pages().iter().flat_map(Page::commands).collect();
    let here = |line: &&String| line.starts_with("pulse ") || (line.starts_with("curl ") && has_curl());
    let run: Vec<&String> = lines.iter().filter(here).filter(|line| !line.contains("FILE")).collect();
    assert!(run.len() >= 8, "{run:?}");
    for line in run {
        paste(&server, &home, line);
    }
}

fn has_curl() -> bool {
    Command::new("curl").arg("--version").output().is_ok_and(|output| output.status.success())
}

#[test]
fn every_make_target_that_is_named_is_there() {
    let makefile = fs::read_to_string(repository("Makefile")).unwrap();
    let named: Vec<String> = pages().iter().flat_map(Page::make_targets).collect();
    assert!(named.iter().any(|target| target == "run"), "{named:?}");
    for target in named {
        assert!(makefile.contains(&format!("\n{target}:")), "make {target}");
    }
}

#[test]
fn every_address_of_the_first_screen_answers() {
    let home = Home::new();
    let server = house(&home);
    let readme = Page::read("README.md");
    let paths = readme.tree();
    assert!(paths.len() >= 6, "{paths:?}");
    for path in paths {
        let (status, body) = server.get(&path);
        assert_eq!(status, 200, "{path}: {body}");
    }
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        for link in page.links() {
            assert!(page.folder().join(&link).exists(), "{} links to {link}", page.name);
        }
    }
}
