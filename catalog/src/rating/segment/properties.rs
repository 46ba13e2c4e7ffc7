//! Segments against a look at every quarter of an hour on its own.

use super::super::fixture::{at, version_from};
use super::*;
use proptest::prelude::*;

const PRICES: &str = "- {id: disk, sku: disk, unit: GB, model: per_unit, price: \"1\"}";
const FIRST: &str = "2026-02-01T00:00:00Z";

fn quarter(number: i64) -> Timestamp {
    at(FIRST).plus_seconds(number * 900)
}

/// Which version is in effect in a quarter: of those that took effect, the one that did last, and of several at once the
/// one published last.
fn in_effect(versions: &[(u32, i64)], number: i64) -> Option<u32> {
    let effective = versions.iter().filter(|(_, from)| *from <= number);
    effective.max_by_key(|(version, from)| (*from, *version)).map(|(version, _)| *version)
}

fn contract(plan_version: Option<u32>, start: i64, end: Option<i64>) -> ContractTerms {
    ContractTerms {
        id: ContractId::parse("c").unwrap(),
        plan: PlanId::parse("test").unwrap(),
        plan_version,
        start: quarter(start),
        end: end.map(quarter),
    }
}

fn published(versions: &[(u32, i64)]) -> Vec<Arc<PlanVersion>> {
    versions.iter().map(|(number, from)| version_from(*number, &quarter(*from).to_string(), PRICES)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_quarter_of_a_term_has_one_segment_with_the_version_in_effect(
        froms in prop::collection::vec(-5_i64..40, 0..6),
        start in 0_i64..30,
        length in 1_i64..30,
        turn in any::<prop::sample::Index>(),
    ) {
        let mut versions: Vec<(u32, i64)> = (1..).zip(froms).collect();
        if !versions.is_empty() {
            let by = turn.index(versions.len());
            versions.rotate_left(by);
        }
        let segments = segments(&contract(None, start, Some(start + length)), &published(&versions));
        for number in -2..70 {
            let holding: Vec<&Segment> = segments.iter().filter(|segment| segment.window.contains(quarter(number))).collect();
            let within = (start..start + length).contains(&number);
            prop_assert_eq!(holding.len(), usize::from(within), "quarter {}", number);
            if let Some(segment) = holding.first() {
                let version = segment.version.as_ref().map(|version| version.number);
                prop_assert_eq!(version, in_effect(&versions, number), "quarter {}", number);
            }
        }
        prop_assert!(segments.windows(2).all(|pair| pair[0].window.end() == pair[1].window.start()));
    }

    #[test]
    fn a_pinned_version_is_the_only_segment(froms in prop::collection::vec(-5_i64..40, 1..6), pinned in 1_u32..8, start in 0_i64..30, length in 1_i64..30) {
        let versions: Vec<(u32, i64)> = (1..).zip(froms).collect();
        let segments = segments(&contract(Some(pinned), start, Some(start + length)), &published(&versions));
        let known = versions.iter().any(|(number, _)| *number == pinned).then_some(pinned);
        prop_assert_eq!(segments.len(), 1);
        prop_assert_eq!((segments[0].window.start(), segments[0].window.end()), (quarter(start), quarter(start + length)));
        prop_assert_eq!(segments[0].version.as_ref().map(|version| version.number), known);
    }
}
