//! What this process knows of identities: which are on their way to the log, and which it lately saw become durable.
//!
//! A courtesy to clients that send again, never the promise: only the consumer's ledger makes a pulse count once. So it
//! may forget, but it never calls a pulse known that is not durable as accepted.

use crate::not_taken::NotTaken;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

mod memory;

pub(crate) use memory::Low64;
use memory::{Keyed, Memory};

/// A pulse as it is told apart: the hashes of its identity and its content under its generation's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// Of its identity.
    pub identity: u128,
    /// Of its content.
    pub content: u64,
}

/// How a pulse stands to those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Not known.
    New,
    /// Known with the same content.
    Same,
    /// Known with other content.
    Other,
}

/// The pulses on their way, and the memory of those that landed.
pub(crate) struct Recent(Mutex<Inner>);

struct Inner {
    landed: Memory,
    flying: Keyed<Flying>,
    /// By number; a flight has ended when its sender is gone.
    flights: HashMap<u64, watch::Receiver<()>>,
    next_flight: u64,
}

struct Flying {
    content: u64,
    flight: u64,
}

/// What a first look tells of a pulse.
enum Sight {
    Known(Standing),
    OnItsWay { flight: u64 },
}

/// The new pulses of one call. While it lives, whoever sends one of them again waits.
pub(crate) struct Flight {
    recent: Arc<Recent>,
    number: u64,
    marks: Vec<Mark>,
    _ended: watch::Sender<()>,
}

impl Recent {
    /// Remembers the last `pulses_max` landed pulses or a little less.
    pub fn new(pulses_max: usize) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner {
            landed: Memory::new(pulses_max),
            flying: Keyed::default(),
            flights: HashMap::new(),
            next_flight: 0,
        })))
    }

    /// How each pulse stands, once no earlier send of any of them is under way; the new ones take off.
    pub async fn take_off(self: &Arc<Self>, marks: &[Mark]) -> Result<(Vec<Standing>, Flight), NotTaken> {
        let (sights, flight, others) = self.look(marks);
        for mut other in others {
            let ended = other.changed().await;
            debug_assert!(ended.is_err(), "a flight sends nothing, it only ends");
        }
        let inner = self.lock();
        let settle = |(sight, mark): (Sight, &Mark)| match sight {
            Sight::Known(standing) => Ok(standing),
            Sight::OnItsWay { .. } => match inner.landed.standing(*mark) {
                Standing::New => Err(NotTaken::unavailable("an earlier send of the same pulse is in doubt")),
                known => Ok(known),
            },
        };
        let standings: Result<Vec<_>, NotTaken> = sights.into_iter().zip(marks).map(settle).collect();
        drop(inner);
        Ok((standings?, flight))
    }

    /// One look at all of them at once, so that two calls never wait for each other.
    fn look(self: &Arc<Self>, marks: &[Mark]) -> (Vec<Sight>, Flight, Vec<watch::Receiver<()>>) {
        let (ended, end) = watch::channel(());
        let mut inner = self.lock();
        let number = inner.next_flight;
        inner.next_flight += 1;
        inner.flights.insert(number, end);
        let sights: Vec<Sight> = marks.iter().map(|mark| inner.see(*mark, number)).collect();
        let new = sights.iter().zip(marks).filter(|(sight, _)| matches!(sight, Sight::Known(Standing::New)));
        let new = new.map(|(_, mark)| *mark).collect();
        let mut others: Vec<u64> = sights.iter().filter_map(Sight::flight).collect();
        others.sort_unstable();
        others.dedup();
        let others = others.iter().map(|other| inner.flights[other].clone()).collect();
        drop(inner);
        (sights, Flight { recent: Arc::clone(self), number, marks: new, _ended: ended }, others)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn see(&mut self, mark: Mark, flight: u64) -> Sight {
        match self.flying.get(&mark.identity) {
            Some(twin) if twin.flight == flight => Sight::Known(mark.compare(twin.content)),
            Some(other) => Sight::OnItsWay { flight: other.flight },
            None => {
                let standing = self.landed.standing(mark);
                if standing == Standing::New {
                    self.flying.insert(mark.identity, Flying { content: mark.content, flight });
                }
                Sight::Known(standing)
            }
        }
    }
}

impl Sight {
    fn flight(&self) -> Option<u64> {
        match self {
            Self::Known(_) => None,
            Self::OnItsWay { flight } => Some(*flight),
        }
    }
}

impl Mark {
    fn compare(self, content: u64) -> Standing {
        if content == self.content { Standing::Same } else { Standing::Other }
    }
}

impl Flight {
    /// Remembers these pulses of it: they were seen durably appended as accepted.
    pub fn landed(&self, marks: &[Mark]) {
        let mut inner = self.recent.lock();
        for mark in marks {
            inner.landed.insert(*mark);
        }
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut inner = self.recent.lock();
        for mark in &self.marks {
            inner.flying.remove(&mark.identity);
        }
        inner.flights.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn mark(identity: u128, content: u64) -> Mark {
        Mark { identity, content }
    }

    /// What `take_off` answers at once; `None` where it waits.
    fn now(recent: &Arc<Recent>, marks: &[Mark]) -> Option<(Vec<Standing>, Flight)> {
        recent.take_off(marks).now_or_never().map(Result::unwrap)
    }

    #[test]
    fn only_what_landed_is_known_afterwards() {
        let recent = Recent::new(100);
        let (standings, flight) = now(&recent, &[mark(1, 1), mark(2, 2)]).unwrap();
        assert_eq!(standings, [Standing::New, Standing::New]);
        flight.landed(&[mark(1, 1)]);
        drop(flight);
        let (standings, _flight) = now(&recent, &[mark(1, 1), mark(2, 2)]).unwrap();
        assert_eq!(standings, [Standing::Same, Standing::New]);
        assert_eq!(now(&recent, &[mark(1, 9)]).unwrap().0, [Standing::Other]);
    }

    #[test]
    fn twins_in_one_call_are_told_apart_by_content() {
        let recent = Recent::new(100);
        let (standings, _flight) = now(&recent, &[mark(1, 1), mark(1, 1), mark(1, 2)]).unwrap();
        assert_eq!(standings, [Standing::New, Standing::Same, Standing::Other]);
    }

    #[tokio::test]
    async fn a_second_send_waits_for_the_outcome_of_the_first() {
        let recent = Recent::new(100);
        let (_, first) = now(&recent, &[mark(1, 1)]).unwrap();
        let (marks, others) = ([mark(1, 1)], [mark(1, 2)]);
        let mut again = Box::pin(recent.take_off(&marks));
        let mut other = Box::pin(recent.take_off(&others));
        assert!(again.as_mut().now_or_never().is_none() && other.as_mut().now_or_never().is_none());
        first.landed(&[mark(1, 1)]);
        drop(first);
        assert_eq!(again.await.unwrap().0, [Standing::Same]);
        assert_eq!(other.await.unwrap().0, [Standing::Other]);
    }

    #[tokio::test]
    async fn a_second_send_of_one_that_failed_is_in_doubt_and_the_third_is_new() {
        let recent = Recent::new(100);
        let (_, first) = now(&recent, &[mark(1, 1)]).unwrap();
        let marks = [mark(1, 1)];
        let mut again = Box::pin(recent.take_off(&marks));
        assert!(again.as_mut().now_or_never().is_none());
        drop(first);
        assert!(again.await.is_err());
        assert_eq!(now(&recent, &marks).unwrap().0, [Standing::New]);
    }

    #[tokio::test]
    async fn calls_that_share_pulses_crosswise_do_not_block_each_other() {
        let recent = Recent::new(100);
        let (_, first) = now(&recent, &[mark(1, 1), mark(2, 2)]).unwrap();
        let marks = [mark(2, 2), mark(3, 3), mark(1, 1)];
        let mut second = Box::pin(recent.take_off(&marks));
        assert!(second.as_mut().now_or_never().is_none());
        first.landed(&[mark(1, 1), mark(2, 2)]);
        drop(first);
        assert_eq!(second.await.unwrap().0, [Standing::Same, Standing::New, Standing::Same]);
        let inner = recent.lock();
        assert!(inner.flying.is_empty() && inner.flights.is_empty());
    }
}
