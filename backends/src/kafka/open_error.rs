//! Why the log on Kafka cannot be used.

use super::settings;
use std::fmt;
use std::sync::Arc;

/// The setting that is no setting: how many partitions there are.
pub(super) const PARTITIONS: &str = "partitions";

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

impl Finding {
    /// Partitions that were added: no record of ours goes there, and every other lies where it did.
    pub fn is_growth(&self) -> bool {
        let [found, wanted] = [&self.found, &self.wanted].map(|count| count.parse::<u32>());
        self.setting == PARTITIONS && matches!((found, wanted), (Ok(found), Ok(wanted)) if found > wanted)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setting, found, wanted, mend } = self;
        write!(f, "{setting} is {found} and must be {wanted}; mend it by: {mend}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_partitions_are_growth() {
        let of = |setting: &str, found: &str, wanted: &str| Finding {
            setting: setting.to_owned(),
            found: found.to_owned(),
            wanted: wanted.to_owned(),
            mend: String::new(),
        };
        assert!(of("partitions", "10", "9").is_growth());
        assert!(!of("partitions", "9", "10").is_growth());
        assert!(!of("retention.ms", "10", "9").is_growth());
        assert!(!of("partitions", "many", "9").is_growth());
    }

    #[test]
    fn each_error_says_what_is_wrong_and_where() {
        let finding = |setting: &str, found: &str, wanted: &str| Finding {
            setting: setting.to_owned(),
            found: found.to_owned(),
            wanted: wanted.to_owned(),
            mend: format!("set {setting}"),
        };
        let findings = vec![finding("a", "1", "2"), finding("b", "x", "y")];
        let brokers = "one:9092".to_owned();
        for (error, told) in [
            (OpenError::Client("no".to_owned()), "no kafka client can be made: no"),
            (
                OpenError::Unreachable { brokers, reason: "timed out".to_owned() },
                "the brokers one:9092 do not answer: timed out",
            ),
            (
                OpenError::Create { topic: "catalog".to_owned(), reason: "not allowed".to_owned() },
                "topic catalog cannot be created: not allowed",
            ),
            (
                OpenError::Settings { topic: "catalog".to_owned(), findings },
                "topic catalog is not as it must be: a is 1 and must be 2; mend it by: set a\n\
                 b is x and must be y; mend it by: set b",
            ),
        ] {
            assert_eq!(error.to_string(), told);
        }
    }
}
