//! What the keyspace and its tables must be: stated here once, checked at every start, mended by `apply`.

mod declared;
mod seen;

use super::{OpenError, ScyllaOptions, connection};
use scylla::client::session::Session;
use scylla::statement::unprepared::Statement;
use std::fmt;
use std::time::Duration;

/// Making a table may wait for all nodes of a cluster.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The keyspace, or the table within it.
    pub place: String,
    /// Which of its settings.
    pub setting: &'static str,
    /// What it is.
    pub is: String,
    /// What it must be.
    pub must_be: String,
    /// What makes it so.
    pub mend: Mend,
}

/// What makes a setting right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mend {
    /// A statement, and nothing else.
    Statement(String),
    /// Something that a person must decide on or see through.
    ByHand(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, setting, is, must_be, mend } = self;
        write!(f, "{place}: {setting} is {is}, must be {must_be}; {mend}")
    }
}

impl fmt::Display for Mend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Statement(statement) => write!(f, "run {statement}"),
            Self::ByHand(what) => f.write_str(what),
        }
    }
}

/// Everything that is not as it must be.
pub async fn check(options: &ScyllaOptions) -> Result<Vec<Finding>, OpenError> {
    findings(&connection::connect(options).await?, options).await
}

/// Mends what a statement can mend, and answers what that was; an error where something is left for a person.
pub async fn apply(options: &ScyllaOptions) -> Result<Vec<Finding>, OpenError> {
    let session = connection::connect(options).await?;
    let mut applied = Vec::new();
    for finding in findings(&session, options).await? {
        if let Mend::Statement(text) = &finding.mend {
            let mut statement = Statement::new(text);
            statement.set_request_timeout(Some(CHANGE_TIMEOUT));
            let changed = session.query_unpaged(statement, ()).await;
            changed.map_err(|error| OpenError::refused(text, &error))?;
            applied.push(finding);
        }
    }
    match findings(&session, options).await? {
        left if left.is_empty() => Ok(applied),
        left => Err(OpenError::Schema(left)),
    }
}

/// What is wrong, as a session sees it.
pub(super) async fn findings(session: &Session, options: &ScyllaOptions) -> Result<Vec<Finding>, OpenError> {
    let seen = seen::see(session, &options.keyspace).await?;
    Ok(declared::findings(&seen, options))
}
