//! Runtime choice of the instruction set.
#![allow(unsafe_code)]

use std::sync::LazyLock;

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What every machine of the target has.
    Baseline,
    /// AVX2 with FMA: four f64 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 F, VL, DQ and BW: eight f64 lanes.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// Work to be compiled once per [`Level`]. `run` must be `#[inline(always)]`, so that its loops are vectorised with the
/// features of the function they are inlined into. Nothing in it may stay outside: closures and small functions whose
/// bodies are long are compiled for the baseline, a hundred times slower, unless they are `#[inline(always)]` too.
pub trait Kernel {
    /// What the work returns.
    type Output;
    /// Does the work.
    fn run(self) -> Self::Output;
}

static BEST: LazyLock<Level> =
    LazyLock::new(|| *Level::available().last().expect("the baseline is always available"));

impl Level {
    /// The levels this machine can run, slowest first.
    pub fn available() -> Vec<Level> {
        #[allow(unused_mut)]
        let mut levels = vec![Level::Baseline];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                levels.push(Level::Avx2);
                if is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512vl")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512bw")
                {
                    levels.push(Level::Avx512);
                }
            }
        }
        levels
    }

    /// The fastest level this machine can run.
    pub fn best() -> Level {
        *BEST
    }

    /// Runs `kernel` compiled for this level, or for the best that this machine has, if that is less: the bits agree.
    #[inline]
    pub fn run<K: Kernel>(self, kernel: K) -> K::Output {
        match self.min(Level::best()) {
            Level::Baseline => kernel.run(),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the level is at most `best`, whose features, and those of the levels below it, `available` has checked.
            Level::Avx2 => unsafe { avx2(kernel) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: as above.
            Level::Avx512 => unsafe { avx512(kernel) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,fma")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
