//! Runtime choice of the instruction set.
#![allow(unsafe_code)]

#[cfg(target_arch = "x86_64")]
use super::registers::{Avx2, Avx512};
use std::sync::atomic::{AtomicU8, Ordering};

/// An instruction set that kernels are compiled for, and that this machine has: only [`available`](Level::available) and
/// [`best`](Level::best) give one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Level(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Set {
    Baseline,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl std::fmt::Debug for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Work to be compiled once per [`Level`]. `run` must be `#[inline(always)]`, so that its loops are vectorised with the
/// features of the function they are inlined into. Nothing in it may stay outside: closures and small functions whose
/// bodies are long are compiled for the baseline, a hundred times slower, unless they are `#[inline(always)]` too.
pub trait Kernel {
    /// What the work returns.
    type Output;
    /// Does the work.
    fn run(self) -> Self::Output;

    /// Does it at `avx2`: for work that uses registers by name. The same as [`run`](Kernel::run) unless told, and of the same
    /// bits.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn run_avx2(self, _: Avx2) -> Self::Output
    where
        Self: Sized,
    {
        self.run()
    }

    /// Does it at `avx512`, likewise.
    #[cfg(target_arch = "x86_64")]
    #[inline(always)]
    fn run_avx512(self, _: Avx512) -> Self::Output
    where
        Self: Sized,
    {
        self.run()
    }
}

/// One more than the level in use; 0 before the first look.
static IN_USE: AtomicU8 = AtomicU8::new(0);

impl Level {
    /// Every name that [`name`](Level::name) can give on this target, slowest first.
    pub const NAMES: &'static [&'static str] = &[
        "baseline",
        #[cfg(target_arch = "x86_64")]
        "avx2",
        #[cfg(target_arch = "x86_64")]
        "avx512",
    ];

    /// The levels this machine can run, slowest first.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level(Set::Baseline)];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Level(Set::Avx2));
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                {
                    levels.push(Level(Set::Avx512));
                }
            }
        }
        levels
    }

    /// The level that everything runs at: the fastest of this machine, unless another was [chosen](Level::choose).
    #[inline]
    pub fn best() -> Level {
        match IN_USE.load(Ordering::Relaxed) {
            1 => Level(Set::Baseline),
            #[cfg(target_arch = "x86_64")]
            2 => Level(Set::Avx2),
            #[cfg(target_arch = "x86_64")]
            3 => Level(Set::Avx512),
            _ => Level::find_best(),
        }
    }

    #[cold]
    fn find_best() -> Level {
        let best = *Level::available().last().expect("the baseline is always available");
        best.choose();
        best
    }

    /// Has everything run at this level from now on: for tests and measurements, since the bits are the same.
    pub fn choose(self) {
        IN_USE.store(self.0 as u8 + 1, Ordering::Relaxed);
    }

    /// `baseline`: what every machine of the target has; `avx2`: four f64 lanes, with FMA; `avx512` (F, VL, DQ, BW): eight.
    pub fn name(self) -> &'static str {
        Self::NAMES[self.0 as usize]
    }

    /// Runs `kernel` compiled for this level.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.0 {
            Set::Baseline => baseline(kernel),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a level is only made by `available`, after it has found the features.
            Set::Avx2 => unsafe { avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Set::Avx512 => unsafe { avx512(kernel) },
        }
    }
}

// Never inlined, as the others cannot be: a caller with a kernel per op would carry all of them in one frame.
#[inline(never)]
fn baseline<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: whoever calls this has found AVX2 and FMA.
    kernel.run_avx2(unsafe { Avx2::new() })
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    // SAFETY: whoever calls this has found AVX-512 F and DQ.
    kernel.run_avx512(unsafe { Avx512::new() })
}
