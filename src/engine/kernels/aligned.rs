//! Buffers that start at a cache line.

use std::fmt;
use std::ops::{Deref, DerefMut};

/// Bytes of a cache line, and of the widest vector register.
const LINE: usize = 64;

/// Numbers of which the first lies at the start of a cache line. Rows of whole lines then start there, too, and no vector
/// that is read or written crosses from one line to the next, which would take twice as long.
pub struct Aligned<T> {
    /// The numbers, behind as many that are not used as it takes.
    room: Vec<T>,
    start: usize,
}

impl<T: Copy + Default> Aligned<T> {
    /// So many zeros.
    pub fn zeros(length: usize) -> Self {
        let mut numbers = Self::default();
        numbers.grow(length);
        numbers
    }

    /// Makes room for so many numbers, if there is less; their values are not kept.
    pub fn grow(&mut self, length: usize) {
        if self.len() < length {
            // A new one, since a longer one may start elsewhere in a line.
            self.room = vec![T::default(); length + LINE / size_of::<T>()];
            // No more than a line's numbers away; where the start is not told, alignment is lost and nothing else.
            self.start = self.room.as_ptr().align_offset(LINE).min(LINE / size_of::<T>());
            self.room.truncate(self.start + length);
        }
    }
}

impl<T> Default for Aligned<T> {
    fn default() -> Self {
        Self { room: Vec::new(), start: 0 }
    }
}

impl<T: Copy + Default> Clone for Aligned<T> {
    fn clone(&self) -> Self {
        let mut numbers = Self::zeros(self.len());
        numbers.copy_from_slice(self);
        numbers
    }
}

impl<T> Deref for Aligned<T> {
    type Target = [T];
    #[inline]
    fn deref(&self) -> &[T] {
        &self.room[self.start..]
    }
}

impl<T> DerefMut for Aligned<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.room[self.start..]
    }
}

impl<T: fmt::Debug> fmt::Debug for Aligned<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&**self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_start_at_a_line_and_clones_do_too() {
        for length in [1, 3, 64, 1000] {
            let mut numbers = Aligned::<f32>::zeros(length);
            numbers[length - 1] = 7.0;
            let clone = numbers.clone();
            for numbers in [&numbers, &clone] {
                assert_eq!((numbers.len(), numbers[length - 1]), (length, 7.0));
                assert_eq!(numbers.as_ptr().addr() % LINE, 0);
            }
        }
    }

    #[test]
    fn growing_never_shrinks() {
        let mut numbers = Aligned::<f64>::zeros(10);
        numbers.grow(5);
        assert_eq!(numbers.len(), 10);
        numbers.grow(20);
        assert_eq!((numbers.len(), numbers.as_ptr().addr() % LINE), (20, 0));
        assert!(Aligned::<f64>::default().is_empty());
    }
}
