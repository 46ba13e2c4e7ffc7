//! How far a file is answered: every pulse of every row up to there.

use super::report::Place;
use std::collections::BTreeSet;

/// Where a batch begins: the row, and which of its pulses.
type Start = (u64, usize);

/// What is on its way, and the last row that was answered. Batches are handed on in the order of their rows, and
/// answered in any.
#[derive(Debug, Default)]
pub struct Frontier {
    on_the_way: BTreeSet<Start>,
    last_answered: u64,
}

impl Frontier {
    /// A batch of these pulses is handed on.
    pub fn hand_on(&mut self, places: &[Place]) {
        self.on_the_way.extend(start(places));
    }

    /// That batch is answered. Returns the last row of which, and of all before it, nothing is in doubt.
    pub fn answer(&mut self, places: &[Place]) -> u64 {
        if let Some(start) = start(places) {
            self.on_the_way.remove(&start);
        }
        self.last_answered = self.last_answered.max(places.last().map_or(0, |place| place.row.number));
        let in_doubt = self.on_the_way.first().map_or(self.last_answered, |(row, _)| *row);
        in_doubt.saturating_sub(1)
    }
}

fn start(places: &[Place]) -> Option<Start> {
    places.first().map(|place| (place.row.number, place.index))
}

#[cfg(test)]
mod tests {
    use super::super::rows::{Content, Row};
    use super::*;
    use std::sync::Arc;

    /// The pulses of whole rows, two each.
    fn places(rows: std::ops::RangeInclusive<u64>) -> Vec<Place> {
        let pulses = rows.flat_map(|number| [(number, 0), (number, 1)]);
        let row = |number| Arc::new(Row { number, content: Content::Object(serde_json::Map::new()) });
        pulses.map(|(number, index)| Place { row: row(number), index }).collect()
    }

    fn handed_on(batches: &[&[Place]]) -> Frontier {
        let mut frontier = Frontier::default();
        for batch in batches {
            frontier.hand_on(batch);
        }
        frontier
    }

    #[test]
    fn answers_in_order_move_it_batch_by_batch() {
        let (first, second) = (places(1..=3), places(4..=6));
        let mut frontier = handed_on(&[&first, &second]);
        assert_eq!(frontier.answer(&first), 3);
        assert_eq!(
            frontier.answer(&second),
            5,
            "the last row may go on in a batch that is not handed on yet"
        );
    }

    #[test]
    fn an_answer_ahead_of_its_turn_moves_nothing() {
        let (first, second, third) = (places(1..=3), places(4..=6), places(7..=9));
        let mut frontier = handed_on(&[&first, &second, &third]);
        assert_eq!(frontier.answer(&third), 0);
        assert_eq!(frontier.answer(&first), 3);
        assert_eq!(frontier.answer(&second), 8);
    }

    #[test]
    fn a_row_that_two_batches_share_is_in_doubt_until_both_are_answered() {
        let all = places(1..=3);
        let (first, second) = all.split_at(3);
        let mut frontier = handed_on(&[first, second]);
        assert_eq!(frontier.answer(first), 1, "half of row 2 is on its way");
        assert_eq!(frontier.answer(second), 2);
    }

    #[test]
    fn two_batches_that_begin_in_one_row_are_told_apart() {
        let all = places(1..=1);
        let (first, second) = all.split_at(1);
        let mut frontier = handed_on(&[first, second]);
        assert_eq!(frontier.answer(second), 0, "the first half of row 1 is on its way");
        assert_eq!(frontier.on_the_way.len(), 1);
    }

    #[test]
    fn nothing_answered_is_no_row() {
        assert_eq!(Frontier::default().answer(&[]), 0);
    }
}
