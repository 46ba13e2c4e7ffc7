//! Columns: one element a pulse, or a single element that stands for all.

/// Leaves one element where all are equal.
pub fn collapse<T: PartialEq>(mut elements: Vec<T>) -> Vec<T> {
    if elements.windows(2).all(|pair| pair[0] == pair[1]) {
        elements.truncate(1);
    }
    elements
}

/// A column that was read.
#[derive(Debug)]
pub struct Column<T>(Vec<T>);

impl<T> Column<T> {
    /// The column of `len` elements. `None`: they are neither `len` nor one for all.
    pub fn read(elements: Vec<T>, len: usize) -> Option<Self> {
        let fits = elements.len() == len || (elements.len() == 1 && len > 0);
        fits.then_some(Self(elements))
    }

    /// The element of that pulse.
    pub fn at(&self, index: usize) -> &T {
        match self.0.as_slice() {
            [one] => one,
            all => &all[index],
        }
    }
}

/// The places where there is something, rising; empty where it is everywhere or nowhere.
pub fn places(present: impl ExactSizeIterator<Item = bool>) -> Vec<u8> {
    let len = present.len();
    let places: Vec<u8> =
        (0..=u8::MAX).zip(present).filter_map(|(place, present)| present.then_some(place)).collect();
    if places.len() == len { Vec::new() } else { places }
}

/// For each of `len` pulses the index of its element in a column of those that have one.
#[derive(Debug)]
pub struct Sparse(Vec<Option<usize>>);

impl Sparse {
    /// Reads [`places`] of a column that is empty or not. `None`: a place is out of range or out of order.
    pub fn read(places: &[u8], len: usize, empty: bool) -> Option<Self> {
        match (places, empty) {
            ([], true) => Some(Self(vec![None; len])),
            ([], false) => Some(Self((0..len).map(Some).collect())),
            (places, _) => {
                let rising = places.windows(2).all(|pair| pair[0] < pair[1]);
                let mut slots = vec![None; len];
                for (index, place) in places.iter().enumerate() {
                    *slots.get_mut(usize::from(*place))? = Some(index);
                }
                rising.then_some(Self(slots))
            }
        }
    }

    /// How many have one.
    pub fn present(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// The index of that pulse's element.
    pub fn find(&self, index: usize) -> Option<usize> {
        self.0[index]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_element_stands_for_all() {
        assert_eq!(collapse(vec![7, 7, 7]), [7]);
        assert_eq!(collapse(vec![7, 8]), [7, 8]);
        assert!(collapse(Vec::<u8>::new()).is_empty());
        let column = Column::read(vec![7], 3).unwrap();
        assert_eq!((column.at(0), column.at(2)), (&7, &7));
        assert!(Column::read(vec![7, 8], 3).is_none());
        assert!(Column::read(vec![7], 0).is_none());
        assert!(Column::<u8>::read(Vec::new(), 1).is_none());
    }

    #[test]
    fn places_are_named_only_where_some_have_one() {
        assert_eq!(places([false, true, true].into_iter()), [1, 2]);
        assert!(places([true, true].into_iter()).is_empty());
        assert!(places([false, false].into_iter()).is_empty());
        let some = Sparse::read(&[1, 2], 3, false).unwrap();
        assert_eq!((some.find(0), some.find(1), some.find(2), some.present()), (None, Some(0), Some(1), 2));
        assert_eq!(Sparse::read(&[], 2, false).unwrap().present(), 2);
        assert_eq!(Sparse::read(&[], 2, true).unwrap().present(), 0);
    }

    #[test]
    fn places_out_of_range_or_order_are_refused() {
        assert!(Sparse::read(&[3], 3, false).is_none());
        assert!(Sparse::read(&[1, 1], 3, false).is_none());
        assert!(Sparse::read(&[2, 1], 3, false).is_none());
    }
}
