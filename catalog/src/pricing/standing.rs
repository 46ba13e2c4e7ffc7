//! What keeps the worker from going on until somebody acts, for those who ask whether this process is ready.

use super::PricingError;
use crate::view::ViewError;
use domain::port::{LogError, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the worker does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Task {
    /// Learns which partitions are its own.
    Assignments,
    /// Takes the triggers of a partition.
    Triggers(u32),
    /// Turns changes of the catalogue into triggers of a partition.
    Changes(u32),
}

/// What stands still, and why; a clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Standing(Arc<Mutex<BTreeMap<Task, String>>>);

impl Standing {
    /// Everything that stands still now, each with the reason.
    pub fn told(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    /// Remembers a failure that trying again does not mend.
    pub(super) fn failed(&self, task: Task, error: &PricingError) {
        if needs_somebody(error) {
            self.stands(task, error.to_string());
        }
    }

    pub(super) fn stands(&self, task: Task, reason: String) {
        let text = match task {
            Task::Assignments => reason,
            Task::Triggers(number) => format!("the triggers of partition {number}: {reason}"),
            Task::Changes(number) => format!("the catalogue's changes for partition {number}: {reason}"),
        };
        self.lock().insert(task, text);
    }

    pub(super) fn goes_on(&self, task: Task) {
        self.lock().remove(&task);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Task, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn needs_somebody(error: &PricingError) -> bool {
    match error {
        PricingError::Log(error) | PricingError::View(ViewError::Log(error)) => matches!(
            error,
            LogError::OutOfRange { .. }
                | LogError::UnknownPartition(_)
                | LogError::Damaged { .. }
                | LogError::TooLarge { .. }
        ),
        PricingError::Store(error) => {
            matches!(error, StoreError::Damaged { .. } | StoreError::TooLarge { .. })
        }
        PricingError::View(_) | PricingError::Trigger { .. } => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_by_itself_is_not_told_and_what_goes_on_is_not_any_more() {
        let standing = Standing::default();
        let away = PricingError::Log(LogError::Unavailable("no leader".to_owned()));
        standing.failed(Task::Triggers(3), &away);
        assert_eq!(standing.told(), [""; 0]);
        let outside = PricingError::Log(LogError::OutOfRange { asked: 7, low: 0, high: 2 });
        standing.failed(Task::Triggers(3), &outside);
        standing.clone().failed(Task::Changes(0), &PricingError::View(ViewError::Empty));
        let triggers = "the triggers of partition 3: offset 7 is outside 0 to 2";
        let changes =
            "the catalogue's changes for partition 0: the catalogue's log holds no registry of generations";
        assert_eq!(standing.told(), [triggers, changes]);
        standing.goes_on(Task::Triggers(3));
        assert_eq!(standing.told(), [changes]);
    }
}
