//! Where the brokers are and how to talk to them.

use super::OpenError;
use super::control::Control;
use rdkafka::ClientConfig;
use std::path::PathBuf;
use std::time::Duration;

/// The most bytes of a batch of records on the wire; topics must take as much.
pub const BATCH_BYTES_MAX: usize = 1_000_000;
/// The most bytes a cursor fetches ahead of its reader.
const AHEAD_KBYTES: &str = "4096";

/// Where the brokers are and how to talk to them.
#[derive(Clone, Debug)]
pub struct KafkaOptions {
    /// `HOST:PORT,HOST:PORT`: enough of them that one answers.
    pub brokers: String,
    /// Begins the name of every topic and group.
    pub topic_prefix: String,
    /// Begins the name of the consumer groups: one for each topic that is shared out.
    pub group: String,
    /// Copies of each partition.
    pub replication: i32,
    /// Copies that must have a record before it is acknowledged.
    pub min_insync_replicas: i32,
    /// How long brokers keep records; those of the catalogue are kept for ever.
    pub retention: Duration,
    /// How records are compressed on the wire and on the brokers' disks.
    pub compression: Compression,
    /// How long a record may take to be stored; its outcome is unknown then. Below the deadline of who waits for it.
    pub append_timeout: Duration,
    /// How long a question to the brokers may take.
    pub request_timeout: Duration,
    /// How long a record waits for others to travel with.
    pub linger: Duration,
    /// The most bytes that wait to be stored; more are refused.
    pub queue_bytes: usize,
    /// Encryption and login. Absent: plain text.
    pub security: Option<Security>,
}

/// How records are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: they are packed already.
    #[default]
    None,
    /// Smaller on disk, for time of the edge.
    Zstd,
}

/// Encryption and login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    /// Whether connections are encrypted.
    pub tls: bool,
    /// Certificates in PEM that the brokers' own must descend from. Absent: those of the system.
    pub ca_file: Option<PathBuf>,
    /// Who logs in.
    pub sasl: Option<Sasl>,
}

/// Who logs in.
#[derive(Clone, PartialEq, Eq)]
pub struct Sasl {
    /// `PLAIN`, `SCRAM-SHA-256` or `SCRAM-SHA-512`.
    pub mechanism: String,
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Sasl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { mechanism, username, .. } = self;
        write!(f, "Sasl {{ mechanism: {mechanism:?}, username: {username:?}, password: *** }}")
    }
}

/// A single broker on this machine.
impl Default for KafkaOptions {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".to_owned(),
            topic_prefix: String::new(),
            group: "pulse".to_owned(),
            replication: 1,
            min_insync_replicas: 1,
            retention: Duration::from_secs(7 * 86_400),
            compression: Compression::default(),
            append_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(5),
            linger: Duration::from_millis(1),
            queue_bytes: 64 * 1024 * 1024,
            security: None,
        }
    }
}

impl KafkaOptions {
    /// A topic's name on the brokers.
    pub(super) fn topic(&self, topic: &str) -> String {
        format!("{}{topic}", self.topic_prefix)
    }

    /// The group that shares a topic out.
    pub(super) fn group(&self, topic: &str) -> String {
        format!("{}{}.{topic}", self.topic_prefix, self.group)
    }

    /// Whether a client can be made of them, without asking any broker.
    pub fn check(&self) -> Result<(), OpenError> {
        self.check_build()?;
        Control::new(self).map(drop)
    }

    /// Security that this build does not have is refused, not left out.
    pub(super) fn check_build(&self) -> Result<(), OpenError> {
        match self.security {
            Some(_) if !cfg!(feature = "kafka-tls") => Err(OpenError::NoTls),
            _ => Ok(()),
        }
    }

    /// What stores records; a measurement beside ours writes with the same.
    pub fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        let compression = match self.compression {
            Compression::None => "none",
            Compression::Zstd => "zstd",
        };
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("message.timeout.ms", millis(self.append_timeout))
            .set("request.timeout.ms", millis(self.append_timeout))
            .set("linger.ms", millis(self.linger))
            .set("message.max.bytes", BATCH_BYTES_MAX.to_string())
            .set("batch.size", BATCH_BYTES_MAX.to_string())
            .set("queue.buffering.max.kbytes", (self.queue_bytes / 1024).max(1).to_string())
            .set("compression.type", compression);
        config
    }

    /// What asks about topics and belongs to no group.
    pub(super) fn control(&self) -> ClientConfig {
        let mut config = self.client();
        config.set("allow.auto.create.topics", "false");
        config
    }

    /// What reads one partition from an offset of ours. The group is named because the library wants one, not joined.
    pub(super) fn cursor(&self) -> ClientConfig {
        let mut config = self.consumer();
        config
            .set("group.id", format!("{}{}", self.topic_prefix, self.group))
            .set("check.crcs", "true")
            .set("queued.max.messages.kbytes", AHEAD_KBYTES)
            .set("fetch.queue.backoff.ms", "2")
            .set("fetch.error.backoff.ms", "100");
        config
    }

    /// What is a member of the group of a topic.
    pub(super) fn member(&self, topic: &str) -> ClientConfig {
        let mut config = self.consumer();
        config.set("group.id", self.group(topic)).set("group.protocol", "consumer");
        config
    }

    fn consumer(&self) -> ClientConfig {
        let mut config = self.control();
        config
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            // A reader that waits for transactions would stand still, or meet gaps, where somebody else began one.
            .set("isolation.level", "read_uncommitted");
        config
    }

    fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "pulse")
            .set("socket.nagle.disable", "true")
            .set("reconnect.backoff.max.ms", "1000")
            .set("log.connection.close", "false");
        if let Some(security) = &self.security {
            security.set(&mut config);
        }
        config
    }
}

impl Security {
    fn set(&self, config: &mut ClientConfig) {
        let protocol = match (self.tls, &self.sasl) {
            (true, Some(_)) => "sasl_ssl",
            (true, None) => "ssl",
            (false, Some(_)) => "sasl_plaintext",
            (false, None) => "plaintext",
        };
        config.set("security.protocol", protocol);
        if let Some(file) = &self.ca_file {
            config.set("ssl.ca.location", file.to_string_lossy());
        }
        if let Some(Sasl { mechanism, username, password }) = &self.sasl {
            config.set("sasl.mechanisms", mechanism);
            config.set("sasl.username", username).set("sasl.password", password);
        }
    }
}

fn millis(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secured() -> KafkaOptions {
        let password = "hush".to_owned();
        let sasl = Sasl { mechanism: "SCRAM-SHA-512".to_owned(), username: "pulse".to_owned(), password };
        let security = Security { tls: true, ca_file: Some("/etc/ca.pem".into()), sasl: Some(sasl) };
        KafkaOptions { security: Some(security), ..KafkaOptions::default() }
    }

    #[test]
    fn no_client_acknowledges_early_commits_or_resets() {
        let options = KafkaOptions { append_timeout: Duration::from_secs(3), ..KafkaOptions::default() };
        let producer = options.producer();
        for (key, value) in [("enable.idempotence", "true"), ("acks", "all"), ("message.timeout.ms", "3000")]
        {
            assert_eq!(producer.get(key), Some(value), "{key}");
        }
        for consumer in [options.cursor(), options.member("topic")] {
            for (key, value) in [
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("auto.offset.reset", "error"),
                ("isolation.level", "read_uncommitted"),
                ("allow.auto.create.topics", "false"),
            ] {
                assert_eq!(consumer.get(key), Some(value), "{key}");
            }
        }
    }

    #[test]
    fn houses_on_the_same_brokers_share_neither_topics_nor_groups() {
        let options = KafkaOptions { topic_prefix: "north.".to_owned(), ..KafkaOptions::default() };
        assert_eq!(options.topic("catalog"), "north.catalog");
        assert_eq!(options.group("catalog"), "north.pulse.catalog");
        assert_eq!(options.member("catalog").get("group.id"), Some("north.pulse.catalog"));
        assert_eq!(options.cursor().get("group.id"), Some("north.pulse"));
    }

    #[test]
    fn encryption_and_login_reach_every_client_and_the_password_no_page() {
        let options = secured();
        for config in [options.producer(), options.control(), options.cursor(), options.member("topic")] {
            for (key, value) in [
                ("security.protocol", "sasl_ssl"),
                ("ssl.ca.location", "/etc/ca.pem"),
                ("sasl.mechanisms", "SCRAM-SHA-512"),
                ("sasl.username", "pulse"),
                ("sasl.password", "hush"),
            ] {
                assert_eq!(config.get(key), Some(value), "{key}");
            }
        }
        let shown = format!("{options:?}");
        assert!(shown.contains("***") && !shown.contains("hush"), "{shown}");
        assert_eq!(KafkaOptions::default().control().get("security.protocol"), None);
    }

    #[cfg(not(feature = "kafka-tls"))]
    #[test]
    fn security_that_was_not_built_in_is_refused() {
        let refused = secured().check().unwrap_err().to_string();
        assert_eq!(refused, "encryption and login need a build with the feature kafka-tls");
        assert!(KafkaOptions::default().check().is_ok());
    }

    #[cfg(feature = "kafka-tls")]
    #[test]
    fn security_that_was_built_in_is_taken_and_its_faults_are_told() {
        let with = |change: fn(&mut Security)| {
            let mut security = secured().security.unwrap();
            security.ca_file = None;
            change(&mut security);
            KafkaOptions { security: Some(security), ..KafkaOptions::default() }.check()
        };
        assert_eq!(with(|_| {}), Ok(()));
        let told = with(|security| security.ca_file = Some("/no/such.pem".into())).unwrap_err().to_string();
        assert!(told.contains("ssl.ca.location"), "{told}");
        let mechanism =
            |security: &mut Security| security.sasl.as_mut().unwrap().mechanism = "NONE".to_owned();
        let told = with(mechanism).unwrap_err().to_string();
        assert!(told.starts_with("no kafka client can be made: "), "{told}");
    }
}
