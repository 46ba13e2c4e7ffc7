//! Which partitions a process owns, as a test says.

use domain::generation::Generation;
use domain::port::{Assignment, AssignmentChange};
use futures::stream::{self, BoxStream, StreamExt};
use std::sync::Arc;
use tokio::sync::broadcast;

const CHANGES_MAX: usize = 1024;

/// Tells every stream of a generation what it is given and what is taken.
#[derive(Debug)]
pub struct Assignments {
    changes: broadcast::Sender<AssignmentChange>,
    gives_all: bool,
}

impl Assignments {
    /// Every stream begins with all partitions.
    pub fn all() -> Self {
        Self { changes: broadcast::Sender::new(CHANGES_MAX), gives_all: true }
    }

    /// Every stream begins with nothing.
    pub fn none() -> Self {
        Self { gives_all: false, ..Self::all() }
    }

    /// Tells all streams there are.
    pub fn send(&self, change: AssignmentChange) {
        // Nobody listens: nobody owns anything.
        let _ = self.changes.send(change);
    }

    /// The changes of one generation from now on.
    pub fn stream(&self, generation: Arc<Generation>) -> BoxStream<'static, AssignmentChange> {
        let number = generation.number;
        let partitions = (0..generation.partitions).collect();
        let all = AssignmentChange::Assigned(Assignment { generation, partitions });
        let later = stream::unfold(self.changes.subscribe(), move |mut changes| async move {
            let change = changes.recv().await.expect("a test reads its changes before there are too many");
            Some((change, changes))
        });
        let later = later.filter(move |change| futures::future::ready(generation_of(change) == number));
        stream::iter(self.gives_all.then_some(all)).chain(later).boxed()
    }
}

fn generation_of(change: &AssignmentChange) -> u32 {
    let (AssignmentChange::Assigned(assignment) | AssignmentChange::Revoked(assignment)) = change;
    assignment.generation.number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_tells_the_changes_of_its_own_generation() {
        let first = Arc::new(Generation::first([0; 16], 2));
        let second = Arc::new(Generation { number: 2, ..Generation::first([0; 16], 2) });
        let one = |generation: &Arc<Generation>| Assignment {
            generation: Arc::clone(generation),
            partitions: vec![1],
        };
        let assignments = Assignments::all();
        let mut stream = assignments.stream(Arc::clone(&first));
        assignments.send(AssignmentChange::Assigned(one(&second)));
        assignments.send(AssignmentChange::Revoked(one(&first)));
        let all = Assignment { generation: Arc::clone(&first), partitions: vec![0, 1] };
        assert_eq!(stream.next().await, Some(AssignmentChange::Assigned(all)));
        assert_eq!(stream.next().await, Some(AssignmentChange::Revoked(one(&first))));
    }

    #[tokio::test]
    async fn a_stream_may_begin_with_nothing() {
        let generation = Arc::new(Generation::first([0; 16], 2));
        let assignments = Assignments::none();
        let mut stream = assignments.stream(Arc::clone(&generation));
        let given = AssignmentChange::Assigned(Assignment { generation, partitions: vec![0] });
        assignments.send(given.clone());
        assert_eq!(stream.next().await, Some(given));
    }
}
