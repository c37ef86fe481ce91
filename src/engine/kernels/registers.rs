//! Vector registers by name, for the loops whose speed depends on what stays in which register.
//!
//! What the compiler makes of plain loops is good where every lane is read, worked on and written. Sums that must stay in
//! registers over a long loop are another matter: it keeps them in memory, or computes them lane by lane, when a tile
//! grows by a row. So the inner loops of matrix products, [`tile`](super::tile) and [`dots`](super::dots), use registers
//! by name, and nothing else does.
#![allow(unsafe_code)]

/// Lanes of a sum that is added up lane by lane, in as many registers as that takes.
pub const SUM_LANES: usize = 16;

/// A set of registers that this machine has. A value of it is the proof.
pub trait Registers: Copy {}

/// Plain numbers, in groups of 16 bytes, on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Registers for Plain {}

/// A number that the registers `M` hold several of.
pub trait Lanes<M: Registers>: Copy {
    /// A register.
    type Register: Copy;
    /// The numbers in it.
    const LANES: usize;
    /// The same number in all lanes.
    fn splat(registers: M, x: Self) -> Self::Register;
    /// `a * b + c` in each lane, rounded once.
    fn mul_add(registers: M, a: Self::Register, b: Self::Register, c: Self::Register) -> Self::Register;
    /// The sum of [`SUM_LANES`] lanes in the first registers of `lanes`: halves are added until one number is left.
    fn add_halves(registers: M, lanes: &[Self::Register]) -> Self;
    /// # Safety
    ///
    /// `LANES` numbers must lie at `from`.
    unsafe fn read(registers: M, from: *const Self) -> Self::Register;
    /// # Safety
    ///
    /// `LANES` numbers must lie at `to`.
    unsafe fn write(registers: M, to: *mut Self, register: Self::Register);
}

macro_rules! plain {
    ($t:ty, $lanes:literal) => {
        impl Lanes<Plain> for $t {
            type Register = [Self; $lanes];
            const LANES: usize = $lanes;
            #[inline(always)]
            fn splat(_: Plain, x: Self) -> Self::Register {
                [x; $lanes]
            }
            #[inline(always)]
            fn mul_add(
                _: Plain,
                a: Self::Register,
                b: Self::Register,
                mut c: Self::Register,
            ) -> Self::Register {
                for lane in 0..$lanes {
                    c[lane] = a[lane].mul_add(b[lane], c[lane]);
                }
                c
            }
            #[inline(always)]
            fn add_halves(_: Plain, lanes: &[Self::Register]) -> Self {
                let mut sums = [0.0; SUM_LANES];
                sums.copy_from_slice(&lanes.as_flattened()[..SUM_LANES]);
                let mut width = SUM_LANES / 2;
                while width > 0 {
                    for lane in 0..width {
                        sums[lane] += sums[lane + width];
                    }
                    width /= 2;
                }
                sums[0]
            }
            #[inline(always)]
            unsafe fn read(_: Plain, from: *const Self) -> Self::Register {
                // SAFETY: as the caller says; an array is aligned as its numbers are.
                unsafe { from.cast::<Self::Register>().read() }
            }
            #[inline(always)]
            unsafe fn write(_: Plain, to: *mut Self, register: Self::Register) {
                // SAFETY: as above.
                unsafe { to.cast::<Self::Register>().write(register) }
            }
        }
    };
}

plain!(f64, 2);
plain!(f32, 4);

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64 as arch;

    use super::{Lanes, Registers, SUM_LANES};

    /// The 16 registers of 32 bytes of AVX, with AVX2 and FMA.
    #[derive(Clone, Copy, Debug)]
    pub struct Avx2(());

    /// The 32 registers of 64 bytes of AVX-512 F, with DQ.
    #[derive(Clone, Copy, Debug)]
    pub struct Avx512(());

    impl Registers for Avx2 {}
    impl Registers for Avx512 {}

    impl Avx2 {
        /// # Safety
        ///
        /// The machine must have AVX2 and FMA.
        pub(in super::super) unsafe fn new() -> Self {
            Self(())
        }
    }

    impl Avx512 {
        /// # Safety
        ///
        /// The machine must have AVX-512 F and DQ.
        pub(in super::super) unsafe fn new() -> Self {
            Self(())
        }
    }

    macro_rules! lanes {
        ($m:ty, $t:ty, $lanes:literal, $register:ty, $splat:ident, $add_halves:ident, $mul_add:ident, $read:ident, $write:ident) => {
            impl Lanes<$m> for $t {
                type Register = $register;
                const LANES: usize = $lanes;
                #[inline(always)]
                fn splat(_: $m, x: Self) -> Self::Register {
                    // SAFETY: there is a proof that the machine has the instruction; also below.
                    unsafe { arch::$splat(x) }
                }
                #[inline(always)]
                fn mul_add(_: $m, a: Self::Register, b: Self::Register, c: Self::Register) -> Self::Register {
                    // SAFETY: as above.
                    unsafe { arch::$mul_add(a, b, c) }
                }
                #[inline(always)]
                fn add_halves(_: $m, lanes: &[Self::Register]) -> Self {
                    const REGISTERS: usize = SUM_LANES / $lanes;
                    let lanes: &[_; REGISTERS] = lanes.first_chunk().expect("the lanes of a sum");
                    // SAFETY: as above.
                    unsafe { $add_halves(lanes) }
                }
                #[inline(always)]
                unsafe fn read(_: $m, from: *const Self) -> Self::Register {
                    // SAFETY: as above, and as the caller says.
                    unsafe { arch::$read(from) }
                }
                #[inline(always)]
                unsafe fn write(_: $m, to: *mut Self, register: Self::Register) {
                    // SAFETY: as above, and as the caller says.
                    unsafe { arch::$write(to, register) }
                }
            }
        };
    }

    lanes!(
        Avx2,
        f64,
        4,
        arch::__m256d,
        _mm256_set1_pd,
        add_f64x4x4,
        _mm256_fmadd_pd,
        _mm256_loadu_pd,
        _mm256_storeu_pd
    );
    lanes!(
        Avx2,
        f32,
        8,
        arch::__m256,
        _mm256_set1_ps,
        add_f32x8x2,
        _mm256_fmadd_ps,
        _mm256_loadu_ps,
        _mm256_storeu_ps
    );
    lanes!(
        Avx512,
        f64,
        8,
        arch::__m512d,
        _mm512_set1_pd,
        add_f64x8x2,
        _mm512_fmadd_pd,
        _mm512_loadu_pd,
        _mm512_storeu_pd
    );
    lanes!(
        Avx512,
        f32,
        16,
        arch::__m512,
        _mm512_set1_ps,
        add_f32x16,
        _mm512_fmadd_ps,
        _mm512_loadu_ps,
        _mm512_storeu_ps
    );

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add_f64x4x4(sums: &[arch::__m256d; 4]) -> f64 {
        let low = arch::_mm256_add_pd(sums[0], sums[2]);
        let high = arch::_mm256_add_pd(sums[1], sums[3]);
        add_f64x4(arch::_mm256_add_pd(low, high))
    }

    #[inline]
    #[target_feature(enable = "avx512f")]
    fn add_f64x8x2(sums: &[arch::__m512d; 2]) -> f64 {
        let sum = arch::_mm512_add_pd(sums[0], sums[1]);
        let high = arch::_mm512_extractf64x4_pd::<1>(sum);
        add_f64x4(arch::_mm256_add_pd(arch::_mm512_castpd512_pd256(sum), high))
    }

    #[inline]
    #[target_feature(enable = "avx")]
    fn add_f64x4(sum: arch::__m256d) -> f64 {
        let sum = arch::_mm_add_pd(arch::_mm256_castpd256_pd128(sum), arch::_mm256_extractf128_pd::<1>(sum));
        arch::_mm_cvtsd_f64(arch::_mm_add_sd(sum, arch::_mm_unpackhi_pd(sum, sum)))
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn add_f32x8x2(sums: &[arch::__m256; 2]) -> f32 {
        add_f32x8(arch::_mm256_add_ps(sums[0], sums[1]))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn add_f32x16([sum]: &[arch::__m512; 1]) -> f32 {
        let high = arch::_mm512_extractf32x8_ps::<1>(*sum);
        add_f32x8(arch::_mm256_add_ps(arch::_mm512_castps512_ps256(*sum), high))
    }

    #[inline]
    #[target_feature(enable = "avx")]
    fn add_f32x8(sum: arch::__m256) -> f32 {
        let sum = arch::_mm_add_ps(arch::_mm256_castps256_ps128(sum), arch::_mm256_extractf128_ps::<1>(sum));
        let sum = arch::_mm_add_ps(sum, arch::_mm_movehl_ps(sum, sum));
        arch::_mm_cvtss_f32(arch::_mm_add_ss(sum, arch::_mm_shuffle_ps::<1>(sum, sum)))
    }
}
