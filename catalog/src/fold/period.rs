//! Closing and re-opening months: the command's offset is the close number.

use super::{At, Effect, Outcome, Settled};
use crate::resource::invalid;
use crate::state::State;
use domain::calendar::{Calendar, Period};
use domain::checkpoint::Closing;
use std::sync::Arc;

impl State {
    pub(super) fn close_period(&mut self, calendar: &Calendar, period: Period, at: At) -> Outcome {
        if calendar.window_of(period).end() > self.now {
            return Err(invalid("period", "must have ended before it is closed").into());
        }
        Ok(self.mark(calendar, period, Closing { number: at.revision, closed: true, offset: at.revision }))
    }

    pub(super) fn reopen_period(&mut self, calendar: &Calendar, period: Period, at: At) -> Outcome {
        if !self.closings.is_closed(&calendar.name().into(), period) {
            return Err(invalid("period", "must be closed to be re-opened").into());
        }
        Ok(self.mark(calendar, period, Closing { number: at.revision, closed: false, offset: at.revision }))
    }

    fn mark(&mut self, calendar: &Calendar, period: Period, closing: Closing) -> Settled {
        let key = (Arc::from(calendar.name()), period);
        match self.closings.0.get(&key) {
            Some(last) if last.closed == closing.closed => Settled::new(Effect::Unchanged, last.number),
            _ => {
                Arc::make_mut(&mut self.closings).0.insert(key, closing);
                Settled::new(Effect::Applied, closing.number)
            }
        }
    }
}
