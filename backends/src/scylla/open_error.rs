//! Why a keyspace is refused, and what to do about it.

use super::schema::Finding;
use scylla::errors::{NewSessionError, PrepareError};

/// A keyspace is never made or mended silently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// An option cannot work.
    #[error("{0}")]
    Option(String),
    /// No node answers, or none lets us in.
    #[error("no node of {nodes} can be used: {detail}")]
    Unreachable {
        /// The nodes asked.
        nodes: String,
        /// What the last of them said.
        detail: String,
    },
    /// The schema is not what it must be.
    #[error("the schema is not as it must be; run `pulse schema apply`, or mend it by hand:{}", lines(.0))]
    Schema(Vec<Finding>),
    /// The cluster refused a statement.
    #[error("the cluster refused {statement}: {detail}")]
    Refused {
        /// What was asked of it.
        statement: String,
        /// Why.
        detail: String,
    },
}

impl OpenError {
    pub(super) fn unreachable(nodes: &[String], error: &NewSessionError) -> Self {
        Self::Unreachable { nodes: nodes.join(", "), detail: error.to_string() }
    }

    pub(super) fn refused(statement: &str, error: &dyn std::error::Error) -> Self {
        Self::Refused { statement: statement.to_owned(), detail: error.to_string() }
    }

    pub(super) fn unprepared(statement: &str) -> impl FnOnce(PrepareError) -> Self {
        move |error| Self::refused(statement, &error)
    }
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().fold(String::new(), |lines, finding| lines + "\n- " + &finding.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scylla::schema::Mend;

    #[test]
    fn every_finding_has_a_line_that_says_what_mends_it() {
        let finding = |place: &str, mend| Finding {
            place: place.to_owned(),
            setting: "comment",
            is: "a".to_owned(),
            must_be: "b".to_owned(),
            mend,
        };
        let findings = vec![
            finding("charge", Mend::Statement("ALTER".to_owned())),
            finding("page", Mend::ByHand("think".to_owned())),
        ];
        assert_eq!(
            OpenError::Schema(findings).to_string(),
            "the schema is not as it must be; run `pulse schema apply`, or mend it by hand:\n\
             - charge: comment is a, must be b; run ALTER\n\
             - page: comment is a, must be b; think"
        );
    }
}
