//! The portable generator behind initial parameters and shuffles.
//!
//! A stream is named by `(seed, domain, index)`, three 64-bit numbers. Let `mix(x, n)` be the n-th output (from 1) of
//! `SplitMix64` (Steele, Lea, Flood 2014; Vigna's constants) started at state `x`. Then
//!
//! ```text
//! a = mix(seed, 1);  b = mix(a ^ domain, 1);  (w1, w2, w3, w4) = mix(b ^ index, 1..4)
//! state  = w1 * 2^64 + w2        stream = w3 * 2^64 + w4
//! ```
//!
//! seed PCG64 (XSL RR 128/64, O'Neill 2014) as its reference code's `pcg_setseq_128_srandom(state, stream)` does: the
//! increment is `2 * stream + 1` modulo 2^128, the state starts at 0, is stepped, has `state` added, and is stepped
//! again. Every output steps first. `NumPy`'s `PCG64` yields the same numbers when its `state` and `inc` are set so.
//!
//! - uniform on [0, 1): `(u64 >> 11) * 2^-53`;
//! - standard normals in pairs by Box and Muller: from uniforms `u` then `v`, `r = sqrt(-2 ln(1 - u))`, first
//!   `r cos(2 pi v)`, then `r sin(2 pi v)`, with `ln`, `cos` and `sin` of the crate `libm` (musl's), so that they do not
//!   depend on the platform;
//! - an integer below `n`: the upper 64 bits of the 128-bit product `u64 * n` (Lemire's multiplication without the
//!   rejection; the bias is below `n / 2^64`).

use rand_pcg::Pcg64;
use rand_pcg::rand_core::Rng;

/// What a stream is for, so that different uses of one seed do not share numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Initial parameters (number 1); the index is the layer's.
    Parameters,
    /// The order of rows (number 2); the index is the epoch's.
    Shuffle,
    /// Which rows are held back for validation (number 3); the index is 0.
    Split,
}

impl Domain {
    fn number(self) -> u64 {
        match self {
            Domain::Parameters => 1,
            Domain::Shuffle => 2,
            Domain::Split => 3,
        }
    }
}

/// One reproducible stream of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    generator: Pcg64,
    spare_normal: Option<f64>,
}

impl Stream {
    /// The stream named `(seed, domain, index)`.
    pub fn new(seed: u64, domain: Domain, index: u64) -> Self {
        let mut state = seed;
        let mut state = split_mix(&mut state) ^ domain.number();
        let mut state = split_mix(&mut state) ^ index;
        let mut word = || u128::from(split_mix(&mut state));
        let (w1, w2, w3, w4) = (word(), word(), word(), word());
        Self { generator: Pcg64::new(w1 << 64 | w2, w3 << 64 | w4), spare_normal: None }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Uniform on [0, 1), a multiple of 2^-53.
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Standard normal.
    pub fn normal(&mut self) -> f64 {
        if let Some(second) = self.spare_normal.take() {
            return second;
        }
        let radius = (-2.0 * libm::log(1.0 - self.uniform())).sqrt();
        let angle = std::f64::consts::TAU * self.uniform();
        self.spare_normal = Some(radius * libm::sin(angle));
        radius * libm::cos(angle)
    }

    /// Permutes `values`: for i from the last position down to 1, swaps i with an integer below `i + 1` (Fisher and
    /// Yates; Durstenfeld 1964).
    pub fn shuffle<T>(&mut self, values: &mut [T]) {
        for i in (1..values.len()).rev() {
            values.swap(i, self.below(i as u64 + 1) as usize);
        }
    }

    /// Uniform on 0..n.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }
}

/// `SplitMix64`: advances `state` and returns the next output.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
