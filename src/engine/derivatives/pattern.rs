//! The pattern of a matrix: which entries are other than zero somewhere, as far as the graph tells.

use crate::engine::interrupt::Poll;
use crate::engine::{Interrupt, Interrupted};

/// The structural nonzeros of a matrix, row by row. Columns ascend within a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    rows: Vec<Vec<u32>>,
    columns: usize,
}

impl Pattern {
    /// All zero.
    pub(super) fn new(rows: usize, columns: usize) -> Self {
        Self { rows: vec![Vec::new(); rows], columns }
    }

    /// Adds entries of `row`: the columns from `first` on whose bits are set, after all that it has. Tells how many.
    pub(super) fn push(&mut self, row: usize, first: usize, mut bits: u64) -> usize {
        let count = bits.count_ones() as usize;
        while bits != 0 {
            self.rows[row].push(first as u32 + bits.trailing_zeros());
            bits &= bits - 1;
        }
        count
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows.len()
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The columns of the entries of a row, ascending.
    pub fn row(&self, row: usize) -> &[u32] {
        &self.rows[row]
    }

    /// How many entries there are.
    pub fn nonzeros(&self) -> usize {
        self.rows.iter().map(Vec::len).sum()
    }

    /// The place of `column` among the entries of `row`.
    pub fn position(&self, row: usize, column: usize) -> Option<usize> {
        self.rows[row].binary_search(&(column as u32)).ok()
    }

    /// Rows for columns.
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut transposed = Self::new(self.columns, self.rows.len());
        for (row, columns) in self.rows.iter().enumerate() {
            columns.iter().for_each(|&column| transposed.rows[column as usize].push(row as u32));
        }
        transposed
    }

    /// Groups of columns of which no two have an entry in the same row, so that a sweep can tell them all at once (Curtis,
    /// Powell and Reid, 1974): each column goes to the first group that it fits. Empty columns are left out.
    pub(super) fn groups(&self, interrupt: &Interrupt) -> Result<Vec<Vec<u32>>, Interrupted> {
        let mut poll = Poll::new(interrupt);
        let mut groups: Vec<Vec<u32>> = Vec::new();
        // For each row the groups that have an entry there, 64 in a word.
        let mut taken: Vec<Vec<u64>> = vec![Vec::new(); self.rows.len()];
        for (column, rows) in self.transposed().rows.iter().enumerate().filter(|(_, rows)| !rows.is_empty()) {
            let words = groups.len().div_ceil(64) + 1;
            let free = (0..words).find_map(|word| {
                let used = rows
                    .iter()
                    .fold(0, |used, &row| used | taken[row as usize].get(word).copied().unwrap_or(0));
                (used != u64::MAX).then(|| word * 64 + used.trailing_ones() as usize)
            });
            let group = free.expect("the last word is free");
            if group == groups.len() {
                groups.push(Vec::new());
            }
            groups[group].push(column as u32);
            for &row in rows {
                let words = &mut taken[row as usize];
                words.resize(words.len().max(group / 64 + 1), 0);
                words[group / 64] |= 1 << (group % 64);
            }
            poll.after(rows.len() * words)?;
        }
        Ok(groups)
    }
}
