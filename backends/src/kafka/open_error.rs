//! Why the log on Kafka cannot be used.

use super::settings;
use std::fmt;
use std::sync::Arc;

/// Why the log on Kafka cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// This build can neither encrypt nor log in.
    #[error("encryption and login need a build with the feature kafka-tls")]
    NoTls,
    /// The library refuses the options.
    #[error("no kafka client can be made: {0}")]
    Client(String),
    /// No broker answers in time.
    #[error("the brokers {brokers} do not answer: {reason}")]
    Unreachable {
        /// Which were asked.
        brokers: String,
        /// What became of it.
        reason: String,
    },
    /// A topic could not be made.
    #[error("topic {topic} cannot be created: {reason}")]
    Create {
        /// Its name on the brokers.
        topic: String,
        /// What the brokers said.
        reason: String,
    },
    /// A topic is not as it must be.
    #[error("topic {topic} is not as it must be: {}", settings::list(findings))]
    Settings {
        /// Its name on the brokers.
        topic: String,
        /// All there is to mend.
        findings: Vec<Finding>,
    },
    /// The catalogue says that the log lives elsewhere.
    #[error("the catalogue knows the log of topic {topic} as {known}, these brokers have {found}")]
    Elsewhere {
        /// The topic.
        topic: Arc<str>,
        /// What the catalogue says.
        known: Arc<str>,
        /// What is here.
        found: Arc<str>,
    },
}

/// A setting that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its name.
    pub setting: String,
    /// What it is.
    pub found: String,
    /// What it must be.
    pub wanted: String,
    /// What mends it.
    pub mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, found, wanted, mend } = self;
        write!(f, "{setting} is {found} and must be {wanted}; mend it by: {mend}")
    }
}
