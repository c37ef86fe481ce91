//! A hint to the memory.
#![allow(unsafe_code)]

/// Has `numbers` brought into the cache meanwhile, where the target has an instruction for that. Changes nothing else.
#[inline]
pub fn prefetch(numbers: &[f64]) {
    #[cfg(target_arch = "x86_64")]
    // Where the last line is not whole, its rest is left out: counting it would cost more than the hint.
    for line in numbers.as_chunks::<8>().0 {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: the instruction is part of every x86-64; it is only a hint, which cannot fail, and the address is valid.
        unsafe { _mm_prefetch(line.as_ptr().cast::<i8>(), _MM_HINT_T0) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}
