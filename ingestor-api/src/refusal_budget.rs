//! How many refused pulses are kept: so many a second of each tenant, and as many of all that the catalogue does not
//! know together. A tenant that goes wrong fills neither the log nor the room of others.

use crate::decide::Refused;
use crate::not_taken::NotTaken;
use domain::time::Timestamp;
use rest::problem::RateLimit;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

const NANOS: i64 = 1_000_000_000;
/// How many seconds' worth may come at once.
const BURST_SECONDS: i64 = 60;
/// Budgets past which those that are whole again are forgotten.
const BUDGETS: usize = 10_000;

/// The budgets. `None` is who the catalogue does not know.
pub(crate) struct RefusalBudget {
    nanos_per_pulse: i64,
    /// When each is whole again; absent: it is.
    whole_at: Mutex<HashMap<Option<Arc<str>>, Timestamp>>,
}

impl RefusalBudget {
    /// Budgets of that many pulses a second.
    pub fn new(pulses_per_second_max: u32) -> Self {
        let nanos_per_pulse = NANOS / i64::from(pulses_per_second_max.max(1));
        Self { nanos_per_pulse, whole_at: Mutex::default() }
    }

    /// Takes what is to be kept from the budgets, all of it or nothing.
    pub fn charge(&self, refused: &[Refused], now: Timestamp) -> Result<(), NotTaken> {
        let kept = refused.iter().filter(|refused| refused.reject.reason.is_kept());
        let mut costs: HashMap<&Option<Arc<str>>, i64> = HashMap::new();
        for refused in kept {
            *costs.entry(&refused.tenant).or_default() += self.nanos_per_pulse;
        }
        if costs.is_empty() {
            return Ok(());
        }
        let mut whole_at = self.whole_at.lock().unwrap_or_else(PoisonError::into_inner);
        let before = |tenant: &Option<Arc<str>>| whole_at.get(tenant).copied().unwrap_or_default().max(now);
        let after = |(tenant, cost): (&&Option<Arc<str>>, &i64)| {
            ((*tenant).clone(), Timestamp::from_nanos(before(tenant).nanos().saturating_add(*cost)))
        };
        let charged: Vec<_> = costs.iter().map(after).collect();
        let bound = now.plus_seconds(BURST_SECONDS);
        if let Some((tenant, whole)) = charged.iter().find(|(_, whole)| *whole > bound) {
            let left = bound.nanos().saturating_sub(before(tenant).nanos());
            let missing = whole.nanos().saturating_sub(bound.nanos());
            return Err(over(tenant.as_deref(), self.limit(left, missing)));
        }
        if whole_at.len() + charged.len() > BUDGETS {
            whole_at.retain(|_, whole| *whole > now);
        }
        whole_at.extend(charged);
        Ok(())
    }

    /// A budget of which so many nanoseconds are left, and so many more were needed.
    fn limit(&self, left: i64, missing: i64) -> RateLimit {
        let pulses = |nanos: i64| u64::try_from(nanos / self.nanos_per_pulse).unwrap_or_default();
        let seconds = |seconds: i64| u32::try_from(seconds).unwrap_or_default();
        RateLimit {
            name: "refused-pulses",
            quota: pulses(BURST_SECONDS * NANOS),
            window_seconds: seconds(BURST_SECONDS),
            remaining: pulses(left),
            reset_seconds: seconds(((missing - 1) / NANOS + 1).min(BURST_SECONDS)),
        }
    }
}

fn over(tenant: Option<&str>, limit: RateLimit) -> NotTaken {
    let whose = tenant.map_or("tenants that are not known".to_owned(), |tenant| format!("tenant {tenant}"));
    let message = format!("more refused pulses of {whose} came than are kept: mend them, or send slower");
    NotTaken::quota_exceeded(message, limit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::code::Code;
    use domain::reject::{Reject, RejectReason};

    const NOW: Timestamp = Timestamp::from_seconds(1_769_850_000);

    fn refused(tenant: Option<&str>, reason: RejectReason, count: usize) -> Vec<Refused> {
        let reject = Reject::new(reason, "sku", "names no SKU");
        (0..count)
            .map(|index| Refused { index, tenant: tenant.map(Arc::from), reject: reject.clone() })
            .collect()
    }

    fn of(tenant: &str, count: usize) -> Vec<Refused> {
        refused(Some(tenant), RejectReason::UnknownSku, count)
    }

    fn code(charged: Result<(), NotTaken>) -> Option<Code> {
        charged.err().map(|error| error.code)
    }

    #[test]
    fn a_minutes_worth_may_come_at_once_and_each_second_brings_more() {
        let budget = RefusalBudget::new(10);
        assert_eq!(budget.charge(&of("acme", 600), NOW), Ok(()));
        assert_eq!(code(budget.charge(&of("acme", 1), NOW)), Some(Code::QuotaExceeded));
        assert_eq!(code(budget.charge(&of("acme", 11), NOW.plus_seconds(1))), Some(Code::QuotaExceeded));
        assert_eq!(budget.charge(&of("acme", 10), NOW.plus_seconds(1)), Ok(()));
        assert_eq!(code(budget.charge(&of("acme", 601), NOW.plus_seconds(900))), Some(Code::QuotaExceeded));
        assert_eq!(budget.charge(&of("acme", 600), NOW.plus_seconds(900)), Ok(()));
    }

    #[test]
    fn who_is_over_is_told_what_is_left_and_when_the_same_fits() {
        let budget = RefusalBudget::new(10);
        budget.charge(&of("acme", 590), NOW).unwrap();
        let limit = |count, now| budget.charge(&of("acme", count), now).unwrap_err().limit.unwrap();
        let met = limit(35, NOW);
        assert_eq!((met.quota, met.window_seconds, met.remaining, met.reset_seconds), (600, 60, 10, 3));
        assert!(budget.charge(&of("acme", 35), NOW.plus_seconds(2)).is_err());
        assert_eq!(budget.charge(&of("acme", 35), NOW.plus_seconds(3)), Ok(()));
        let met = limit(405, NOW.plus_seconds(3));
        assert_eq!((met.remaining, met.reset_seconds), (5, 40));
        assert_eq!(limit(5_000, NOW.plus_seconds(3)).reset_seconds, 60, "what never fits waits no longer");
    }

    #[test]
    fn tenants_do_not_take_from_each_other_and_the_unknown_share_one() {
        let budget = RefusalBudget::new(1);
        let unknown = |count| refused(None, RejectReason::UnknownTenant, count);
        assert_eq!(budget.charge(&of("acme", 60), NOW), Ok(()));
        assert_eq!(budget.charge(&of("globex", 60), NOW), Ok(()));
        assert_eq!(budget.charge(&unknown(60), NOW), Ok(()));
        let error = budget.charge(&unknown(1), NOW).unwrap_err();
        assert!(
            error.message.contains("tenants that are not known") && error.retry_delay().is_some(),
            "{error}"
        );
        let error = budget.charge(&of("acme", 1), NOW).unwrap_err();
        assert!(error.message.contains("tenant acme"), "{error}");
    }

    #[test]
    fn what_is_over_takes_nothing() {
        let budget = RefusalBudget::new(1);
        let both = [of("acme", 61), of("globex", 1)].concat();
        assert!(budget.charge(&both, NOW).is_err());
        assert_eq!(budget.charge(&of("globex", 60), NOW), Ok(()));
        assert_eq!(budget.charge(&of("acme", 60), NOW), Ok(()));
    }

    #[test]
    fn what_is_not_kept_costs_nothing() {
        let budget = RefusalBudget::new(1);
        assert_eq!(budget.charge(&refused(Some("acme"), RejectReason::TooLarge, 1_000), NOW), Ok(()));
        assert_eq!(budget.charge(&[], NOW), Ok(()));
        assert!(budget.whole_at.lock().unwrap().is_empty());
    }

    #[test]
    fn whole_budgets_are_forgotten_when_there_are_many() {
        let budget = RefusalBudget::new(1);
        for number in 0..BUDGETS {
            budget.charge(&of(&format!("tenant-{number}"), 1), NOW).unwrap();
        }
        budget.charge(&of("acme", 60), NOW.plus_seconds(1)).unwrap();
        assert_eq!(budget.whole_at.lock().unwrap().len(), 1);
        assert!(budget.charge(&of("acme", 1), NOW.plus_seconds(1)).is_err());
    }
}
