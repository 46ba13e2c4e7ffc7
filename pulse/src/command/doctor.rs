//! `pulse doctor`: what is wrong here, and what to do about it.

mod engines;
mod readiness;

use super::Context;
use super::up::ServeFlags;
use crate::client::rest::{Request, Rest};
use crate::config::Config;
use crate::exit::Exit;
use crate::output::Listing;
use crate::server::Server;
use crate::system_clock::SystemClock;
use backends::embedded::free_bytes;
use clap::Args;
use domain::code::Code;
use domain::generation::Horizon;
use domain::port::Clock;
use domain::time::Timestamp;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;

const FREE_BYTES_MIN: u64 = 1 << 30;
const SKEW_SECONDS_MAX: u64 = 60;

/// Look for what is wrong: configuration, data directory and disk or Kafka and ScyllaDB, server, clock, books.
#[derive(Args, Clone, Debug)]
pub struct Doctor {
    #[command(flatten)]
    serve: ServeFlags,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    check: &'static str,
    is_well: bool,
    found: String,
    /// What to do; empty where all is well.
    advice: String,
}

impl Finding {
    fn well(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, is_well: true, found: found.into(), advice: String::new() }
    }

    fn ill(check: &'static str, found: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, is_well: false, found: found.into(), advice: advice.into() }
    }
}

impl Doctor {
    /// Looks at everything, and prints what it found.
    pub async fn run(self, context: &Context) -> anyhow::Result<Exit> {
        let mut findings = vec![Finding::well("version", env!("CARGO_PKG_VERSION"))];
        match self.serve.load(&context.environment) {
            Ok(loaded) => {
                findings.extend(here(&loaded.config));
                findings.extend(engines::look(&loaded.config, Arc::new(SystemClock)).await);
            }
            Err(error) => {
                findings.push(Finding::ill(
                    "configuration",
                    format!("{error:#}"),
                    "mend it; `pulse config print` shows where values come from",
                ));
            }
        }
        let server = context.find_server()?;
        findings.extend(there(&server).await);
        let items: Vec<Value> = findings.iter().map(item).collect();
        let columns = ["check", "status", "found", "advice"];
        context.format.print(&Listing {
            columns: &columns,
            items: &items,
            whole: &json!({"items": items}),
        })?;
        let is_well = findings.iter().all(|finding| finding.is_well);
        Ok(if is_well { Exit::Done } else { Exit::Failed })
    }
}

fn item(finding: &Finding) -> Value {
    let status = if finding.is_well { "ok" } else { "wrong" };
    json!({"check": finding.check, "status": status, "found": finding.found, "advice": finding.advice})
}

/// What this machine shows.
fn here(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::well("configuration", "valid")];
    if config.is_on_engines() {
        findings.push(retention(config.kafka.retention_hours));
        return findings;
    }
    if config.ephemeral {
        findings.push(Finding::well("data directory", "none: the data is kept in memory"));
        return findings;
    }
    findings.push(directory(&config.data_dir));
    findings.extend(disk(&config.data_dir));
    findings
}

/// Records may wait for their owner no longer than the ledger knows the ids that they could repeat.
fn retention(hours: u32) -> Finding {
    let replayed = Horizon::default().replay_seconds() / 3_600;
    let found = format!("kafka.retention_hours is {hours}");
    if i64::from(hours) <= replayed {
        Finding::well("retention", found)
    } else {
        let advice =
            format!("set it to {replayed} at most: what waits longer is REPLAY_TOO_OLD when it is read");
        Finding::ill("retention", found, advice)
    }
}

fn directory(path: &Path) -> Finding {
    let shown = path.display().to_string();
    match fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Finding::well("data directory", format!("{shown} is not there yet: `pulse up` makes it"))
        }
        Err(error) => {
            Finding::ill("data directory", format!("{shown}: {error}"), "give this user access to it")
        }
        Ok(about) if !about.is_dir() => {
            Finding::ill("data directory", format!("{shown} is no directory"), "name another with --data-dir")
        }
        Ok(about) if about.permissions().readonly() => Finding::ill(
            "data directory",
            format!("{shown} cannot be written"),
            "give this user access to it",
        ),
        Ok(_) => Finding::well("data directory", shown),
    }
}

/// Room where the directory is, or will be.
fn disk(path: &Path) -> Option<Finding> {
    let there = path.ancestors().map(|path| if path.as_os_str().is_empty() { Path::new(".") } else { path });
    let free = there.filter(|path| path.exists()).find_map(|path| free_bytes(path).ok())?;
    let found = format!("{} MiB free", free >> 20);
    Some(if free >= FREE_BYTES_MIN {
        Finding::well("disk space", found)
    } else {
        Finding::ill(
            "disk space",
            found,
            "make room, or shorten log_retention_hours: a full disk refuses pulses",
        )
    })
}

/// What the server shows.
async fn there(server: &Server) -> Vec<Finding> {
    let rest = Rest::new(server.clone());
    let ready = match rest.readiness().await {
        Ok(answer) => answer,
        Err(error) => {
            return vec![Finding::ill(
                "server",
                format!("{error:#}"),
                "start one with `pulse up`, or name it with --http",
            )];
        }
    };
    let mut findings = vec![Finding::well("server", server.http.clone())];
    findings.extend(readiness::look(&ready));
    match rest.send(&Request::get(&["pipeline"])).await.map(|answer| answer.body) {
        Ok(pipeline) => {
            findings.extend([clock(&pipeline, SystemClock.now()), books(&pipeline), lag(&pipeline)]);
        }
        // A role of another kind keeps no books.
        Err(error) if error.to_string().starts_with(Code::NotFound.name()) => {}
        Err(error) => findings.push(Finding::ill("books", format!("{error:#}"), "look at the server's log")),
    }
    findings
}

fn clock(pipeline: &Value, now: Timestamp) -> Finding {
    let Some(theirs) = pipeline["time"].as_str().and_then(|text| Timestamp::parse(text).ok()) else {
        return Finding::ill("clock", "the server tells no time", "use one version of pulse on both sides");
    };
    let skew = theirs.seconds().abs_diff(now.seconds());
    let found = format!("{skew} s apart from the server's");
    if skew <= SKEW_SECONDS_MAX {
        Finding::well("clock", found)
    } else {
        Finding::ill("clock", found, "synchronise both clocks: pulses from the future are refused")
    }
}

fn books(pipeline: &Value) -> Finding {
    let books = &pipeline["books"];
    let read = books["read"].as_str().unwrap_or("nothing");
    if books["balanced"] == true {
        Finding::well("books", format!("balanced over {read} read"))
    } else {
        Finding::ill(
            "books",
            format!("do not balance over {read} read"),
            "run `pulse reconcile`, keep the data directory as it is",
        )
    }
}

fn lag(pipeline: &Value) -> Finding {
    let seconds: u64 =
        pipeline["lag_seconds"].as_str().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX);
    if seconds <= SKEW_SECONDS_MAX {
        Finding::well("lag", format!("{seconds} s"))
    } else {
        Finding::ill(
            "lag",
            "counting is a minute or more behind",
            "look at /readyz and the server's log: a partition may stand still",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipeline(balanced: bool, lag: &str) -> Value {
        json!({"time": "2026-03-02T15:00:00Z", "lag_seconds": lag, "books": {"read": "9", "balanced": balanced}})
    }

    /// Eight days less five minutes, in whole hours.
    #[test]
    fn records_wait_no_longer_than_their_ids_are_known() {
        assert!(
            retention(191).is_well
                && retention(crate::config::Config::default().kafka.retention_hours).is_well
        );
        let long = retention(192);
        assert_eq!((long.is_well, long.found.as_str()), (false, "kafka.retention_hours is 192"));
    }

    #[test]
    fn clocks_may_be_a_minute_apart() {
        let now = |text: &str| clock(&pipeline(true, "1"), Timestamp::parse(text).unwrap());
        assert!(now("2026-03-02T15:01:00Z").is_well && now("2026-03-02T14:59:00Z").is_well);
        let ahead = now("2026-03-02T15:01:01Z");
        assert_eq!((ahead.is_well, ahead.found.as_str()), (false, "61 s apart from the server's"));
        assert!(!clock(&json!({}), Timestamp::EPOCH).is_well);
    }

    #[test]
    fn books_and_lag_are_told_with_what_to_do() {
        assert!(books(&pipeline(true, "1")).is_well && lag(&pipeline(true, "60")).is_well);
        for finding in [books(&pipeline(false, "1")), lag(&pipeline(true, "61")), lag(&json!({}))] {
            assert!(!finding.is_well && !finding.advice.is_empty(), "{finding:?}");
        }
    }

    #[test]
    fn a_directory_is_there_or_will_be_and_a_file_is_none() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("file");
        fs::write(&file, "x").unwrap();
        assert!(directory(home.path()).is_well);
        assert!(directory(&home.path().join("new")).found.contains("not there yet"));
        assert_eq!(directory(&file).advice, "name another with --data-dir");
        assert!(
            disk(&home.path().join("new/deeper")).is_some(),
            "the nearest directory that exists is asked"
        );
    }

    #[test]
    fn what_is_well_needs_no_advice() {
        let shown = item(&Finding::well("disk space", "2048 MiB free"));
        assert_eq!(
            shown,
            json!({"check": "disk space", "status": "ok", "found": "2048 MiB free", "advice": ""})
        );
        assert_eq!(item(&Finding::ill("books", "x", "y"))["status"], "wrong");
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_one_finding() {
        let nowhere = Server { http: "http://127.0.0.1:9".into(), ..Server::default() };
        let findings = there(&nowhere).await;
        assert_eq!((findings.len(), findings[0].check, findings[0].is_well), (1, "server", false));
    }
}
