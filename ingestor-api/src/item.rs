//! What became of one pulse, as REST tells it.

use crate::outcome::Outcome;
use domain::dead_letter::DeadLetterId;
use serde::Serialize;
use utoipa::ToSchema;

/// What became of one pulse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Item {
    /// Its place in the answer, from 0.
    pub index: usize,
    /// Its id.
    #[schema(example = "018f4e2a-0000-7000-8000-00000000abcd")]
    pub id: String,
    /// Whether it counts.
    pub status: ItemStatus,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "UNKNOWN_SKU")]
    pub reason: Option<String>,
    /// The field at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "sku")]
    pub field: Option<String>,
    /// For people; names field and rule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where it is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "20260131-1-3-12801")]
    pub dead_letter_id: Option<String>,
}

/// Whether a pulse counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ItemStatus {
    /// Durable now.
    Accepted,
    /// Known with the same content: as good as accepted.
    Duplicate,
    /// It will not be counted as it is.
    Rejected,
}

impl Item {
    /// What became of that pulse, which is kept there.
    pub(crate) fn new(index: usize, id: String, outcome: &Outcome, kept: Option<DeadLetterId>) -> Self {
        let reject = outcome.rejection().map(|rejection| &rejection.reject);
        Self {
            index,
            id,
            status: match outcome {
                Outcome::Accepted => ItemStatus::Accepted,
                Outcome::Duplicate => ItemStatus::Duplicate,
                Outcome::Rejected(_) => ItemStatus::Rejected,
            },
            reason: reject.map(|reject| reject.reason.name().to_owned()),
            field: reject.map(|reject| reject.field.clone()),
            message: reject.map(|reject| reject.message.clone()),
            dead_letter_id: kept.map(|id| id.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Rejection;
    use domain::reject::{Reject, RejectReason};
    use serde_json::{Value, json};

    fn told(outcome: &Outcome, kept: Option<&str>) -> Value {
        let kept = kept.and_then(DeadLetterId::parse);
        serde_json::to_value(Item::new(3, "a-1".into(), outcome, kept)).unwrap()
    }

    #[test]
    fn an_item_says_what_it_has_and_leaves_out_the_rest() {
        assert_eq!(told(&Outcome::Accepted, None), json!({"index": 3, "id": "a-1", "status": "accepted"}));
        let kept = "20260131-1-3-12801";
        let expected = json!({"index": 3, "id": "a-1", "status": "duplicate", "dead_letter_id": kept});
        assert_eq!(told(&Outcome::Duplicate, Some(kept)), expected);
    }

    #[test]
    fn a_rejected_one_says_why() {
        let reject = Reject::new(RejectReason::UnknownSku, "sku", "names no SKU");
        let rejected = Outcome::Rejected(Box::new(Rejection { reject, dead_letter: None }));
        let expected = json!({
            "index": 3, "id": "a-1", "status": "rejected",
            "reason": "UNKNOWN_SKU", "field": "sku", "message": "sku names no SKU",
        });
        assert_eq!(told(&rejected, None), expected);
    }
}
