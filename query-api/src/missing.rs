//! Parts of an answer that cannot be read: named, while the rest is answered.

use rest::Problem;
use serde::Serialize;
use utoipa::ToSchema;

/// A part that is not in the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Missing {
    /// Which field of the answer.
    #[schema(example = "costs")]
    pub part: String,
    /// Why, as in problem documents.
    #[schema(example = "UNAVAILABLE")]
    pub code: String,
    /// For people.
    #[schema(example = "the store is unavailable: no answer")]
    pub detail: String,
}

/// Collects what is missing.
#[derive(Clone, Debug, Default)]
pub struct Gaps(pub Vec<Missing>);

impl Gaps {
    /// The part, where it can be read; otherwise it is noted.
    pub fn note<T>(&mut self, part: &str, read: Result<T, impl Into<Problem>>) -> Option<T> {
        read.map_err(|error| self.add(part, &error.into())).ok()
    }

    /// Notes a part.
    pub fn add(&mut self, part: &str, problem: &Problem) {
        let (code, detail) = (problem.kind().name().to_owned(), problem.detail().to_owned());
        self.0.push(Missing { part: part.to_owned(), code, detail });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::port::StoreError;

    #[test]
    fn what_can_be_read_is_answered_and_the_rest_is_named() {
        let mut gaps = Gaps::default();
        assert_eq!(gaps.note("usage", Ok::<_, StoreError>(5)), Some(5));
        assert_eq!(gaps.note::<u8>("costs", Err(StoreError::Unavailable("down".into()))), None);
        let damaged = StoreError::Damaged { table: "aggregate", key: "secret".into() };
        assert_eq!(gaps.note::<u8>("dead_letters", Err(damaged)), None);
        let shown: Vec<_> = gaps.0.iter().map(|gap| (gap.part.as_str(), gap.code.as_str())).collect();
        assert_eq!(shown, [("costs", "UNAVAILABLE"), ("dead_letters", "INTERNAL")]);
        assert!(gaps.0[0].detail.ends_with("down") && !gaps.0[1].detail.contains("secret"));
    }
}
