//! One pulse a request at 50 kept connections, beside a server that only answers; by `wrk` where the machine has it, else
//! by a client of ours.

use crate::Settings;
use crate::closed_loop::{self, Run};
use crate::echo::Echo;
use crate::process::{processor_row, processor_time};
use crate::pulses::{Pulses, TENANTS, catalog};
use crate::server::{Home, settle};
use crate::table::Row;
use crate::wrk;
use anyhow::{Context, bail};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CONNECTIONS: u16 = 50;
const HEAD_END: &[u8] = b"\r\n\r\n";

/// Lets so many connections ask until the end.
type Drive = fn(SocketAddr, u16, Duration) -> anyhow::Result<Run>;

/// The rows.
pub fn rows(settings: &Settings) -> anyhow::Result<Vec<Row>> {
    let duration = Duration::from_secs(settings.seconds);
    let (client, drive): (&str, Drive) =
        if wrk::is_there() { ("wrk", wrk::drive) } else { ("our client", drive) };
    let echo = Echo::start()?;
    let echoed = drive(echo.http, CONNECTIONS, duration)?;
    drop(echo);
    let home = Home::new()?;
    let server = home.start()?;
    server.apply(&catalog(TENANTS))?;
    drive(server.ready.http, CONNECTIONS, duration / 10)?;
    let before = processor_time(server.pid())?;
    let ours = drive(server.ready.http, CONNECTIONS, duration)?;
    let cost = processor_row(("HTTP call", ours.calls), server.pid(), before)?;
    settle(&server)?;
    let books = server.pipeline()?["books"].take();
    if books["applied"] != books["read"] {
        bail!("not every pulse was new and accepted: {books}");
    }
    let what = format!("HTTP one-pulse calls/s, 50 connections, {client}");
    let row = ours.row(&what, ("axum echo", &echoed));
    let met = ours.rate * 10 >= echoed.rate * 6 && ours.rate >= 50_000;
    Ok(vec![row.aiming("≥ 0.60 of the echo and ≥ 50,000", met), cost])
}

fn drive(address: SocketAddr, connections: u16, duration: Duration) -> anyhow::Result<Run> {
    closed_loop::drive(connections, duration, |pulses, end| call(address, pulses, end))
}

/// One connection that asks again as soon as it is answered.
async fn call(address: SocketAddr, mut pulses: Pulses, end: Instant) -> anyhow::Result<Vec<Duration>> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = Vec::new();
    while Instant::now() < end {
        let request = post(&mut pulses);
        let started = Instant::now();
        let answer = connection.ask(&request).await?;
        latencies.push(started.elapsed());
        if !answer.starts_with("HTTP/1.1 207 ") || answer.contains("rejected") {
            bail!("a pulse was not accepted: {answer}");
        }
    }
    Ok(latencies)
}

fn post(pulses: &mut Pulses) -> String {
    let pulse = pulses.batch(1).remove(0);
    let body = format!(
        r#"{{"id":"{}","source":"{}","tenant":"{}","sku":"{}","quantity":"{}","unit":"{}"}}"#,
        pulse.id, pulse.source, pulse.tenant, pulse.sku, pulse.quantity, pulse.unit
    );
    let head = "POST /v1/pulses HTTP/1.1\r\nhost: bench\r\ncontent-type: application/json\r\n";
    format!("{head}content-length: {}\r\n\r\n{body}", body.len())
}

/// A kept connection, with nothing between it and the socket.
pub struct Connection {
    socket: TcpStream,
    answer: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        Ok(Self { socket, answer: Vec::new() })
    }

    /// The body of a resource.
    pub async fn read(&mut self, path: &str) -> anyhow::Result<&str> {
        let answer = self.ask(&format!("GET {path} HTTP/1.1\r\nhost: bench\r\n\r\n")).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("a head ends")?;
        if !head.starts_with("HTTP/1.1 200 ") {
            bail!("{path}: {answer}");
        }
        Ok(body)
    }

    async fn ask(&mut self, request: &str) -> anyhow::Result<&str> {
        self.socket.write_all(request.as_bytes()).await?;
        self.answer.clear();
        while !is_whole(&self.answer)? {
            if self.socket.read_buf(&mut self.answer).await? == 0 {
                bail!("the server closed the connection");
            }
        }
        std::str::from_utf8(&self.answer).context("an answer is text")
    }
}

fn is_whole(answer: &[u8]) -> anyhow::Result<bool> {
    let Some(head) = answer.windows(HEAD_END.len()).position(|window| window == HEAD_END) else {
        return Ok(false);
    };
    let text = std::str::from_utf8(&answer[..head])?.to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.context("an answer tells its length")?.trim().parse()?;
    Ok(answer.len() >= head + HEAD_END.len() + length)
}
