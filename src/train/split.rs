//! Holding rows back for validation.

use crate::nn::random::{Domain, Stream};

/// Why rows cannot be split.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum SplitError {
    /// Not a part of the rows.
    #[error("the fraction is {0}: it must be above 0 and below 1")]
    Fraction(f64),
    /// One of the parts would be empty.
    #[error("{validation} of {rows} rows would be held back, which leaves none to train on")]
    Nothing {
        /// Rows there are.
        rows: usize,
        /// Rows that would be held back.
        validation: usize,
    },
}

/// Which rows are trained on and which are held back, each in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// To train on.
    pub training: Vec<usize>,
    /// Held back.
    pub validation: Vec<usize>,
}

impl Split {
    /// Holds `⌈fraction rows⌉` rows back: those that come first in the permutation of all rows that a run of this `seed`
    /// would shuffle them to in epoch 0, but from the stream `(seed, Split, 0)` of [`random`](crate::nn::random).
    pub fn new(rows: usize, fraction: f64, seed: u64) -> Result<Self, SplitError> {
        if !(fraction > 0.0 && fraction < 1.0) {
            return Err(SplitError::Fraction(fraction));
        }
        let validation = (fraction * rows as f64).ceil() as usize;
        if validation >= rows {
            return Err(SplitError::Nothing { rows, validation });
        }
        let mut order: Vec<u32> = (0..rows as u32).collect();
        Stream::new(seed, Domain::Split, 0).shuffle(&mut order);
        let mut held_back = vec![false; rows];
        order[..validation].iter().for_each(|&row| held_back[row as usize] = true);
        let (validation, training) = (0..rows).partition(|&row| held_back[row]);
        Ok(Self { training, validation })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_in_one_part_and_the_seed_decides() {
        let split = Split::new(101, 0.2, 3).unwrap();
        assert_eq!((split.training.len(), split.validation.len()), (80, 21));
        let mut all = [split.training.clone(), split.validation.clone()].concat();
        assert!(split.training.is_sorted() && split.validation.is_sorted());
        all.sort_unstable();
        assert!(all.into_iter().eq(0..101));
        assert_eq!(Split::new(101, 0.2, 3).unwrap(), split);
        assert_ne!(Split::new(101, 0.2, 4).unwrap(), split);
    }

    #[test]
    fn a_split_leaves_rows_on_both_sides() {
        for fraction in [0.0, 1.0, -0.5, f64::NAN] {
            assert!(matches!(Split::new(10, fraction, 0), Err(SplitError::Fraction(_))));
        }
        assert_eq!(Split::new(1, 0.5, 0), Err(SplitError::Nothing { rows: 1, validation: 1 }));
        assert_eq!(Split::new(4, 0.9, 0), Err(SplitError::Nothing { rows: 4, validation: 4 }));
        assert_eq!(Split::new(2, 0.1, 0).unwrap().validation.len(), 1);
    }
}
