//! Imports that are interrupted, against a server that answers by a script.

use super::*;
use crate::cli::{Cli, Command};
use crate::client::delivery::scripted::{Move, Scripted};
use clap::Parser;
use std::collections::BTreeSet;
use std::fs;
use tempfile::TempDir;

/// A CSV file of so many rows in a directory of its own.
fn file(rows: usize) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let lines = (0..rows).map(|row| format!("2026-01-05 10:00:00,{row}\n"));
    fs::write(home.path().join("usage.csv"), format!("at,n\n{}", lines.collect::<String>())).unwrap();
    home
}

fn import(home: &TempDir, more: &[&str]) -> Import {
    let path = home.path().join("usage.csv");
    let flags = ["--tenant", "acme", "--time", "at", "--metric", "n=llm.input:token"];
    let words = ["pulse", "import", path.to_str().unwrap()].into_iter().chain(flags);
    let Command::Import(import) = Cli::try_parse_from(words.chain(more.iter().copied())).unwrap().command
    else {
        panic!("it is import")
    };
    import
}

/// What came of an import.
struct Outcome {
    result: anyhow::Result<Imported>,
    /// The ids that the server was sent, batch by batch.
    batches: Vec<Vec<String>>,
}

impl Outcome {
    fn ids(&self) -> BTreeSet<&str> {
        self.batches.iter().flatten().map(String::as_str).collect()
    }

    fn after(&self) -> u64 {
        self.result.as_ref().unwrap().after
    }
}

async fn deliver(import: Import, log: Option<&str>, moves: &[Move]) -> Outcome {
    let scripted = Scripted::new(moves);
    let log = log.map(str::to_owned);
    let result = scripted.serve(async |server| import.deliver(server, log).await).await;
    let ids = |pulses: Vec<proto::v1::Pulse>| pulses.into_iter().map(|pulse| pulse.id).collect();
    Outcome { result, batches: scripted.seen().into_iter().map(|request| ids(request.pulses)).collect() }
}

/// Two of four batches are acknowledged; the third ends the import.
async fn interrupt(home: &TempDir) -> Outcome {
    let moves = [Move::Accept, Move::Accept, Move::NotTaken("NOT_ALLOWED", None)];
    let outcome = deliver(import(home, &[]), Some("log-1"), &moves).await;
    assert_eq!(Exit::of(outcome.result.as_ref().err().unwrap()), Exit::NotAllowed);
    outcome
}

#[tokio::test]
async fn what_was_interrupted_goes_on_after_what_was_acknowledged() {
    let home = file(3_500);
    let first = interrupt(&home).await;
    let second = deliver(import(&home, &[]), Some("log-1"), &[]).await;
    // The row at which the second batch ended may have gone on in a third that was not handed on yet.
    assert!((1_999..=2_000).contains(&second.after()), "{}", second.after());
    assert_eq!(second.ids().len() as u64, 3_500 - second.after());
    let acknowledged = first.batches[..2].iter().flatten().map(String::as_str);
    assert_eq!(acknowledged.chain(second.ids()).collect::<BTreeSet<_>>().len(), 3_500, "no row is left out");
}

#[tokio::test]
async fn a_finished_import_is_repeated_whole() {
    let home = file(1_500);
    let first = deliver(import(&home, &[]), Some("log-1"), &[]).await;
    let mut report = first.result.unwrap().report;
    assert_eq!(report.finish().unwrap(), Exit::Done);
    assert!(!home.path().join("usage.csv.progress.json").exists());
    let second = deliver(import(&home, &[]), Some("log-1"), &[]).await;
    assert_eq!((second.after(), second.ids().len()), (0, 1_500));
}

#[tokio::test]
async fn only_the_same_file_mapping_and_log_go_on() {
    let home = file(3_500);
    for (log, more) in [
        (Some("log-2"), &[][..]),
        (None, &[]),
        (Some("log-1"), &["--from-start"]),
        (Some("log-1"), &["--source", "other"]),
        (Some("log-1"), &["--shift-to", "2026-01-06"]),
    ] {
        interrupt(&home).await;
        let other = deliver(import(&home, more), log, &[]).await;
        assert_eq!((other.after(), other.ids().len()), (0, 3_500), "{log:?} {more:?}");
        let _ = fs::remove_file(home.path().join("usage.csv.progress.json"));
    }
    interrupt(&home).await;
    let mut text = fs::read_to_string(home.path().join("usage.csv")).unwrap();
    text.push_str("2026-01-05 10:00:00,7\n");
    fs::write(home.path().join("usage.csv"), text).unwrap();
    let longer = deliver(import(&home, &[]), Some("log-1"), &[]).await;
    assert_eq!((longer.after(), longer.ids().len()), (0, 3_501), "a file that grew is another file");
}

#[tokio::test]
async fn a_second_interruption_goes_on_from_the_second_place() {
    let home = file(3_500);
    interrupt(&home).await;
    let moves = [Move::Accept, Move::NotTaken("NOT_ALLOWED", None)];
    deliver(import(&home, &[]), Some("log-1"), &moves).await.result.err().unwrap();
    let third = deliver(import(&home, &[]), Some("log-1"), &[]).await;
    // 2,000 rows and a batch of 1,000; each interruption may leave the last row in doubt.
    assert!((2_998..=3_000).contains(&third.after()), "{}", third.after());
}

#[tokio::test]
async fn rejected_rows_of_before_stay_in_the_side_file() {
    let home = file(0);
    let path = home.path().join("usage.csv");
    let good = "2026-01-05 10:00:00,5\n".repeat(3_000);
    fs::write(&path, format!("at,n\nnever,1\n{good}soon,2\n")).unwrap();
    interrupt(&home).await;
    deliver(import(&home, &[]), Some("log-1"), &[]).await.result.unwrap().report.finish().unwrap();
    let side = fs::read_to_string(home.path().join("usage.csv.rejected.csv")).unwrap();
    let rows: BTreeSet<&str> = side.lines().map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(rows, ["at", "never", "soon"].into());
    assert_eq!(side.lines().filter(|line| line.starts_with("at,")).count(), 1, "one header");
    assert_eq!(side.lines().filter(|line| line.starts_with("never,")).count(), 1, "it was not sent again");
}
