//! What is wrong with a plan document, and where.

use serde_saphyr::Location;
use std::fmt;

/// A rule that a plan document breaks, with the place in its text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct PlanError {
    /// From 1; 0 where the text ends before it says anything.
    pub line: u64,
    /// From 1, in characters.
    pub column: u64,
    /// The field at fault: `prices[0].tiers[1].up_to`.
    pub field: String,
    /// Names field and rule.
    pub message: String,
}

/// Everything that is wrong with a plan document, in the order of its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanErrors(pub Vec<PlanError>);

impl std::error::Error for PlanErrors {}

impl fmt::Display for PlanErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

/// Gathers faults while a document is read, so that an author sees all of them at once.
#[derive(Default)]
pub(crate) struct Faults(Vec<PlanError>);

impl Faults {
    /// Notes a broken rule; the message reads "`field` `rule`".
    pub(crate) fn add(&mut self, field: &str, place: Location, rule: impl fmt::Display) {
        let message = format!("{field} {rule}");
        self.0.push(PlanError {
            line: place.line(),
            column: place.column(),
            field: field.to_owned(),
            message,
        });
    }

    /// What was found, in the order of lines.
    pub(crate) fn into_errors(mut self) -> PlanErrors {
        self.0.sort_by_key(|error| (error.line, error.column));
        PlanErrors(self.0)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
