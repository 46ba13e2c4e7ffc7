//! The ready file: where a running server is found. It appears whole when everything answers, and goes at exit.

use anyhow::Context;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::{fs, io, path};

/// The name of the file in the data directory.
pub const NAME: &str = "ready.json";

/// What the file says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ready {
    /// Where HTTP is served.
    pub http: SocketAddr,
    /// Where gRPC is served.
    pub grpc: SocketAddr,
    /// The server's process.
    pub pid: u32,
    /// Its data directory, absolute: who reads this may stand elsewhere. Empty without one.
    pub data_dir: PathBuf,
}

impl Ready {
    /// What this process says of itself.
    pub fn here(http: SocketAddr, grpc: SocketAddr, data_dir: Option<&Path>) -> anyhow::Result<Self> {
        let data_dir = data_dir.map(path::absolute).transpose().context("finding the data directory")?;
        Ok(Self { http, grpc, pid: std::process::id(), data_dir: data_dir.unwrap_or_default() })
    }

    /// Reads a file; `None`: there is none.
    pub fn find(path: &Path) -> anyhow::Result<Option<Self>> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        serde_json::from_str(&text).map(Some).with_context(|| format!("reading {}", path.display()))
    }

    /// Puts the file there, whole: it is written beside and renamed.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let beside = path.with_extension(format!("{}.tmp", self.pid));
        let text = format!("{}\n", serde_json::to_string(self)?);
        let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
        written.with_context(|| format!("writing {}", path.display()))
    }
}

/// Takes the file away; a file that is gone already is fine.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_reads_back_and_goes() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(NAME);
        let ready = Ready {
            http: "127.0.0.1:8080".parse().unwrap(),
            grpc: "127.0.0.1:50051".parse().unwrap(),
            pid: 1234,
            data_dir: "/data".into(),
        };
        ready.write(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "{\"http\":\"127.0.0.1:8080\",\"grpc\":\"127.0.0.1:50051\",\"pid\":1234,\"data_dir\":\"/data\"}\n"
        );
        assert_eq!(Ready::find(&path).unwrap(), Some(ready));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(Ready::find(&path).unwrap(), None);
    }

    #[test]
    fn the_data_directory_is_told_from_the_root_on() {
        let here = |data_dir: Option<&str>| {
            let address = "127.0.0.1:1".parse().unwrap();
            Ready::here(address, address, data_dir.map(Path::new)).unwrap().data_dir
        };
        let current = std::env::current_dir().unwrap();
        assert_eq!(here(Some("./pulse-data")), current.join("pulse-data"));
        assert_eq!(here(Some("/var/pulse")), Path::new("/var/pulse"));
        assert_eq!(here(None), Path::new(""));
    }

    #[test]
    fn a_file_that_is_no_ready_file_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(NAME);
        fs::write(&path, "{}").unwrap();
        assert!(format!("{:#}", Ready::find(&path).unwrap_err()).contains("ready.json"));
    }
}
