//! Dictionaries: each distinct value once, and one byte a pulse that names it.

use super::column::collapse;
use bytes::Bytes;
use foldhash::{HashMap, HashMapExt};
use std::hash::Hash;

/// The distinct values in the order of their first use, and each one's place, for at most 256 values.
pub fn write<T: Copy + Eq + Hash>(values: impl Iterator<Item = T>) -> (Vec<T>, Bytes) {
    let mut entries = Entries { all: Vec::new(), places: HashMap::new() };
    let mut before = None;
    let indexes = values.map(|value| match before {
        Some((same, place)) if same == value => place,
        _ => {
            let place = entries.place(value);
            before = Some((value, place));
            place
        }
    });
    let indexes = collapse(indexes.collect());
    (entries.all, indexes.into())
}

/// The distinct values. Most columns have one, which needs no map.
struct Entries<T> {
    all: Vec<T>,
    places: HashMap<T, u8>,
}

impl<T: Copy + Eq + Hash> Entries<T> {
    fn place(&mut self, value: T) -> u8 {
        match self.all[..] {
            [] => {
                self.all.push(value);
                return 0;
            }
            [first] => drop(self.places.insert(first, 0)),
            _ => {}
        }
        *self.places.entry(value).or_insert_with(|| {
            self.all.push(value);
            u8::try_from(self.all.len() - 1).expect("a record holds at most 256 pulses")
        })
    }
}

/// [`write()`] for text.
pub fn write_texts<'a>(values: impl Iterator<Item = &'a str>) -> (Vec<String>, Bytes) {
    let (entries, indexes) = write(values);
    (entries.into_iter().map(str::to_owned).collect(), indexes)
}

/// A dictionary column that was read: every index names an entry.
#[derive(Debug)]
pub struct Dictionary<T> {
    entries: Vec<T>,
    indexes: Bytes,
}

impl<T> Dictionary<T> {
    /// The column of `len` pulses. `None`: an index is missing or names no entry.
    pub fn read(entries: Vec<T>, indexes: Bytes, len: usize) -> Option<Self> {
        let complete = indexes.len() == len || (indexes.len() == 1 && len > 0);
        let named = indexes.iter().all(|index| usize::from(*index) < entries.len());
        (complete && named).then_some(Self { entries, indexes })
    }

    /// Which entry that pulse has.
    pub fn index(&self, index: usize) -> u8 {
        match &self.indexes[..] {
            [one] => *one,
            all => all[index],
        }
    }

    /// The entry of that pulse.
    pub fn at(&self, index: usize) -> &T {
        &self.entries[usize::from(self.index(index))]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_stands_once_in_the_order_of_its_first_use() {
        let (entries, indexes) = write_texts(["b", "a", "b"].into_iter());
        assert_eq!(
            (entries.as_slice(), &indexes[..]),
            (&["b".to_owned(), "a".to_owned()][..], &[0, 1, 0][..])
        );
        let read = Dictionary::read(entries, indexes, 3).unwrap();
        assert_eq!((read.at(0).as_str(), read.at(1).as_str(), read.at(2).as_str()), ("b", "a", "b"));
    }

    #[test]
    fn two_hundred_and_fifty_six_distinct_values_fit() {
        let (entries, indexes) = write(0..256_u32);
        assert_eq!((entries.len(), indexes.len(), indexes[255]), (256, 256, 255));
    }

    #[test]
    fn indexes_that_name_nothing_are_refused() {
        assert!(Dictionary::read(vec!["a"], Bytes::from_static(&[1]), 1).is_none());
        assert!(Dictionary::read(vec!["a"], Bytes::from_static(&[0, 0]), 3).is_none());
        assert!(Dictionary::<&str>::read(Vec::new(), Bytes::from_static(&[0]), 1).is_none());
        assert!(Dictionary::<&str>::read(Vec::new(), Bytes::new(), 0).is_some());
    }
}
