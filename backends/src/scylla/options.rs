//! How to reach a keyspace, as plain data.

use super::OpenError;
use std::fmt;
use std::time::Duration;

const KEYSPACE_BYTES_MAX: usize = 48;

/// How to reach a keyspace.
#[derive(Clone, PartialEq, Eq)]
pub struct ScyllaOptions {
    /// Some nodes of the cluster, `host:port` or `host`: the others are learnt from them.
    pub nodes: Vec<String>,
    /// The keyspace: lower-case letters, digits and underscores.
    pub keyspace: String,
    /// Who logs in, where the cluster asks for it.
    pub username: Option<String>,
    /// The password, together with the name.
    pub password: Option<String>,
    /// Encrypted connections.
    pub tls: Option<Tls>,
    /// The least number of replicas in every datacentre: 3 survives the loss of any one.
    pub replication: u32,
    /// How long a request may take; after that the outcome of a write is unknown.
    pub request_timeout: Duration,
    /// How many requests of one write are under way at once.
    pub write_requests_max: usize,
}

/// Encrypted connections. The certificates of the nodes name the addresses that clients connect to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The certificates, in PEM, that the nodes' own must descend from.
    pub ca_pem: Vec<u8>,
}

impl Default for ScyllaOptions {
    /// A node on this machine that asks for no password.
    fn default() -> Self {
        Self {
            nodes: vec!["127.0.0.1:9042".to_owned()],
            keyspace: "pulse".to_owned(),
            username: None,
            password: None,
            tls: None,
            replication: 1,
            request_timeout: Duration::from_secs(5),
            write_requests_max: 64,
        }
    }
}

impl fmt::Debug for ScyllaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScyllaOptions")
            .field("nodes", &self.nodes)
            .field("keyspace", &self.keyspace)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("tls", &self.tls.is_some())
            .field("replication", &self.replication)
            .field("request_timeout", &self.request_timeout)
            .field("write_requests_max", &self.write_requests_max)
            .finish()
    }
}

impl ScyllaOptions {
    /// Refuses what cannot work, naming the option.
    pub(super) fn check(&self) -> Result<(), OpenError> {
        let name = &self.keyspace;
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let rules = [
            (!self.nodes.is_empty(), "nodes names no node"),
            (
                name.as_bytes().first().is_some_and(u8::is_ascii_lowercase)
                    && name.len() <= KEYSPACE_BYTES_MAX
                    && name.bytes().all(is_name),
                "keyspace must be 1 to 48 lower-case letters, digits and underscores, a letter first",
            ),
            (
                self.username.is_some() == self.password.is_some(),
                "username and password are given together or not at all",
            ),
            (self.replication > 0, "replication must be at least 1"),
            (!self.request_timeout.is_zero(), "request_timeout must not be zero"),
            (self.write_requests_max > 0, "write_requests_max must be at least 1"),
        ];
        match rules.into_iter().find(|(is_kept, _)| !is_kept) {
            Some((_, rule)) => Err(OpenError::Option(rule.to_owned())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(change: impl FnOnce(&mut ScyllaOptions)) -> String {
        let mut options = ScyllaOptions::default();
        change(&mut options);
        options.check().map_or_else(|error| error.to_string(), |()| String::new())
    }

    #[test]
    fn each_option_is_refused_by_its_name() {
        assert_eq!(refusal(|_| ()), "");
        assert!(refusal(|options| options.nodes.clear()).starts_with("nodes "));
        assert!(refusal(|options| options.replication = 0).starts_with("replication "));
        assert!(refusal(|options| options.request_timeout = Duration::ZERO).starts_with("request_timeout "));
        assert!(refusal(|options| options.write_requests_max = 0).starts_with("write_requests_max "));
        assert!(refusal(|options| options.username = Some("u".into())).starts_with("username and password "));
        assert!(refusal(|options| options.password = Some("p".into())).starts_with("username and password "));
    }

    #[test]
    fn a_keyspace_is_a_name_that_needs_no_quotes() {
        let too_long = "a".repeat(KEYSPACE_BYTES_MAX + 1);
        for name in ["", "1a", "_a", "Pulse", "a b", "a\"; DROP", "é", &too_long] {
            assert!(refusal(|options| options.keyspace = name.into()).starts_with("keyspace "), "{name}");
        }
        for name in ["a", "pulse_2", &too_long[1..]] {
            assert_eq!(refusal(|options| options.keyspace = name.into()), "", "{name}");
        }
    }

    #[test]
    fn a_password_is_not_printed() {
        let options = ScyllaOptions { password: Some("hunter2".into()), ..ScyllaOptions::default() };
        let printed = format!("{options:?}");
        assert!(printed.contains("***") && !printed.contains("hunter2"), "{printed}");
    }
}
