//! Which rows of a data set a pass sees.

use std::ops::Range;

/// A selection of rows, in the order in which they are used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rows<'a> {
    /// Every row, in order.
    All,
    /// Consecutive rows.
    Range(Range<usize>),
    /// The rows named, in this order; a row may come more than once.
    Indices(&'a [u32]),
}

impl Rows<'_> {
    /// How many rows are selected from a data set of `total` rows.
    pub fn len(&self, total: usize) -> usize {
        match self {
            Rows::All => total,
            Rows::Range(range) => range.len(),
            Rows::Indices(indices) => indices.len(),
        }
    }

    /// Whether nothing is selected from a data set of `total` rows.
    pub fn is_empty(&self, total: usize) -> bool {
        self.len(total) == 0
    }

    /// The first selected row that a data set of `total` rows does not have.
    pub fn out_of_range(&self, total: usize) -> Option<usize> {
        match self {
            Rows::All => None,
            Rows::Range(range) => (!range.is_empty() && range.end > total).then(|| range.start.max(total)),
            Rows::Indices(indices) => indices.iter().map(|&i| i as usize).find(|&i| i >= total),
        }
    }

    /// The data set's row at `position` of the selection.
    #[inline]
    pub fn get(&self, position: usize) -> usize {
        match self {
            Rows::All => position,
            Rows::Range(range) => range.start + position,
            Rows::Indices(indices) => indices[position] as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Rows;

    #[test]
    fn rows_outside_the_data_are_found() {
        assert_eq!(Rows::All.out_of_range(3), None);
        assert_eq!(Rows::Range(1..3).out_of_range(3), None);
        assert_eq!(Rows::Range(1..4).out_of_range(3), Some(3));
        assert_eq!(Rows::Range(7..9).out_of_range(3), Some(7));
        assert_eq!(Rows::Indices(&[2, 0, 5, 9]).out_of_range(3), Some(5));
        assert_eq!(Rows::Indices(&[2, 0]).out_of_range(3), None);
    }

    #[test]
    fn positions_resolve_to_rows() {
        assert_eq!(Rows::All.get(2), 2);
        assert_eq!(Rows::Range(4..9).get(2), 6);
        assert_eq!(Rows::Indices(&[7, 3, 3]).get(1), 3);
        assert_eq!(Rows::Range(4..9).len(100), 5);
        assert!(Rows::Indices(&[]).is_empty(100));
    }
}
