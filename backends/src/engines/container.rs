//! The engines in containers that live as long as this process.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use testcontainers_modules::testcontainers::core::client::docker_client_instance;
use testcontainers_modules::testcontainers::core::{Healthcheck, IntoContainerPort, WaitFor};
use testcontainers_modules::testcontainers::runners::AsyncRunner;
use testcontainers_modules::testcontainers::{ContainerAsync, ContainerRequest, GenericImage, ImageExt};

/// Kafka, of the version that `make engines` starts.
pub const KAFKA_IMAGE: &str = "apache/kafka:4.3.1";
/// ScyllaDB.
pub const SCYLLA_IMAGE: &str = "scylladb/scylla:2026.1.8";
/// The settings of a broker that `make engines` starts; variables add where it listens.
const SERVER_PROPERTIES: &[u8] = include_bytes!("../../../deploy/engines/kafka/server.properties");
/// One core, and a write is answered when it is on disk.
pub const SCYLLA_ARGUMENTS: [&str; 8] =
    ["--smp", "1", "--memory", "1G", "--overprovisioned", "1", "--commitlog-sync", "batch"];
const START_TIMEOUT: Duration = Duration::from_secs(180);

/// Why an engine does not run in a container.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("no docker daemon answers")]
    NoDaemon,
    #[error("{0}")]
    Failed(String),
}

impl StartError {
    #[expect(clippy::needless_pass_by_value, reason = "an error is mapped by the function's name")]
    fn of(error: impl ToString) -> Self {
        Self::Failed(error.to_string())
    }
}

pub async fn kafka() -> Result<String, StartError> {
    let port = free_port().map_err(StartError::of)?;
    let started = WaitFor::message_on_stdout("Kafka Server started");
    let request = image(KAFKA_IMAGE)
        .with_wait_for(started)
        .with_mapped_port(port, 9092.tcp())
        .with_copy_to("/mnt/shared/config/server.properties", SERVER_PROPERTIES.to_vec())
        .with_env_var("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093")
        .with_env_var("KAFKA_ADVERTISED_LISTENERS", format!("PLAINTEXT://127.0.0.1:{port}"))
        .with_env_var("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093")
        .with_env_var("KAFKA_LOG_DIRS", "/var/lib/kafka/data");
    run(request).await?;
    Ok(format!("127.0.0.1:{port}"))
}

/// Drivers ask a node for its port for single cores and go there themselves: it has the same number on both sides.
pub async fn scylla() -> Result<String, StartError> {
    let (port, cores) = (free_port().map_err(StartError::of)?, free_port().map_err(StartError::of)?);
    let serves = Healthcheck::cmd_shell("cqlsh -e 'SELECT now() FROM system.local'");
    let shard_aware = ["--native-shard-aware-transport-port".to_owned(), cores.to_string()];
    let request = image(SCYLLA_IMAGE)
        .with_wait_for(WaitFor::healthcheck())
        .with_mapped_port(port, 9042.tcp())
        .with_mapped_port(cores, cores.tcp())
        .with_health_check(serves.with_interval(Duration::from_secs(2)).with_retries(90))
        .with_cmd(SCYLLA_ARGUMENTS.map(str::to_owned).into_iter().chain(shard_aware));
    run(request).await?;
    Ok(format!("127.0.0.1:{port}"))
}

fn image(name: &str) -> GenericImage {
    let (name, tag) = name.split_once(':').expect("images here are pinned by a tag");
    GenericImage::new(name, tag)
}

/// Nobody else is likely to take it before the container does.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Statics are never dropped, so what is kept here lasts until the process ends.
static KEPT: Mutex<Vec<(ContainerAsync<GenericImage>, Child)>> = Mutex::new(Vec::new());

async fn run(request: ContainerRequest<GenericImage>) -> Result<(), StartError> {
    let daemon = docker_client_instance().await.map_err(|_| StartError::NoDaemon)?;
    daemon.ping().await.map_err(|_| StartError::NoDaemon)?;
    let container = request.with_startup_timeout(START_TIMEOUT).start().await.map_err(StartError::of)?;
    let remover =
        at_the_end(&["docker", "rm", "--force", "--volumes", container.id()]).map_err(StartError::of)?;
    KEPT.lock().map_err(StartError::of)?.push((container, remover));
    Ok(())
}

/// Runs a command when this process has ended, however that happens: its end closes the pipe that a shell waits on,
/// apart from the terminal's interrupt.
pub fn at_the_end(command: &[&str]) -> io::Result<Child> {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"read -r _; exec "$@""#, "sh"]).args(command);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).process_group(0).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_for_the_end_is_done_when_the_pipe_closes() {
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("it's done");
        let mut child = at_the_end(&["touch", mark.to_str().unwrap()]).unwrap();
        assert_eq!(child.try_wait().unwrap(), None);
        assert!(!mark.exists());
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
        assert!(mark.exists());
    }

    #[test]
    fn a_free_port_can_be_listened_on() {
        // Somebody else may take one of them first.
        let can_listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, free_port().unwrap())).is_ok();
        assert!((0..20).any(|_| can_listen()));
    }

    #[test]
    fn a_container_has_the_settings_of_make_engines_and_adds_only_where_it_listens() {
        let settings = std::str::from_utf8(SERVER_PROPERTIES).unwrap();
        for line in ["process.roles=broker,controller", "node.id=1", "auto.create.topics.enable=false"] {
            assert!(settings.lines().any(|setting| setting == line), "{line}");
        }
        for name in ["listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"] {
            let prefix = format!("{name}=");
            assert!(!settings.lines().any(|setting| setting.starts_with(&prefix)), "{name}");
        }
    }
}
