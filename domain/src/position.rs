//! Where a pulse stands in its partition: the stamp of everything that follows from it.

/// `offset × 256 + index in the record + 1`: it orders all pulses of a partition and stamps the writes they cause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(i64);

/// The most pulses one record may hold.
pub const PULSES_PER_RECORD_MAX: usize = 256;
/// The most bytes one record may hold.
pub const RECORD_BYTES_MAX: usize = 512 * 1024;

impl Position {
    /// Before everything.
    pub const START: Self = Self(0);

    /// The position of the pulse at `index` of the record at `offset`.
    pub fn new(offset: u64, index: usize) -> Self {
        debug_assert!(index < PULSES_PER_RECORD_MAX);
        Self(Self::before(offset).0 + i64::try_from(index).unwrap_or(255) + 1)
    }

    /// The position that everything below `offset` is at or below, and everything from it on above: `offset × 256`.
    pub fn before(offset: u64) -> Self {
        Self(i64::try_from(offset).map_or(i64::MAX, |offset| offset.saturating_mul(256)))
    }

    /// From a stored number.
    pub const fn from_raw(raw: i64) -> Self {
        Self(raw)
    }

    /// The number itself, which is a write timestamp.
    pub const fn raw(self) -> i64 {
        self.0
    }

    /// The offset of the record it lies in.
    pub fn offset(self) -> u64 {
        u64::try_from((self.0 - 1).max(0) / 256).unwrap_or(0)
    }

    /// The index within that record.
    pub fn index(self) -> usize {
        usize::try_from((self.0 - 1).max(0) % 256).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_order_pulses_and_name_their_record() {
        assert_eq!(Position::new(0, 0).raw(), 1);
        assert_eq!(Position::new(2, 255).raw(), 768);
        assert!(Position::new(2, 255) <= Position::before(3) && Position::before(3) < Position::new(3, 0));
        let position = Position::new(7, 41);
        assert_eq!((position.offset(), position.index()), (7, 41));
    }
}
