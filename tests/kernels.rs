//! The elementary functions against golden values (`tests/fixtures/kernels/generate.py`), at every level the machine has.

use gradd::engine::kernels::slice::{Pointwise, Unary, apply, map};
use gradd::engine::kernels::{Level, Real, scalar};
use std::path::{Path, PathBuf};

fn golden(name: &str) -> Vec<Vec<f64>> {
    // A wider set of points, made by the same script, may be named for a search by hand.
    let directory = std::env::var_os("GRADD_KERNEL_FIXTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kernels"), PathBuf::from);
    let path = directory.join(format!("{name}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let parse = |bits: &str| f64::from_bits(u64::from_str_radix(bits, 16).expect("hexadecimal bits"));
    text.lines().map(|line| line.split(' ').map(parse).collect()).collect()
}

/// How many floats apart; 0 for two NaNs, `u64::MAX` for one, and for zeros of different sign.
fn ulps(a: f64, b: f64) -> u64 {
    if a.is_nan() || b.is_nan() {
        return if a.is_nan() && b.is_nan() { 0 } else { u64::MAX };
    }
    if a == 0.0 && b == 0.0 {
        return if a.to_bits() == b.to_bits() { 0 } else { u64::MAX };
    }
    let ordered =
        |x: f64| if x.is_sign_negative() { i64::MIN - x.to_bits() as i64 } else { x.to_bits() as i64 };
    ordered(a).abs_diff(ordered(b))
}

fn allowed(function: Unary) -> u64 {
    if matches!(function, Unary::Tanh | Unary::Sigmoid) { 4 } else { 2 }
}

/// Whether the machine has AVX-512 or not must show in the log.
fn levels() -> Vec<Level> {
    let levels = Level::available();
    for name in &Level::NAMES[levels.len()..] {
        println!("{name}: skipped, this machine lacks it");
    }
    levels
}

#[test]
fn unary_functions_are_within_their_bounds() {
    let mut faults = Vec::new();
    for level in levels() {
        for &function in Unary::ALL {
            let rows = golden(function.name());
            let x: Vec<f64> = rows.iter().map(|row| row[0]).collect();
            let mut y = vec![0.0; x.len()];
            apply(level, function, &x, &mut y);
            let (worst, at) =
                rows.iter().zip(&y).map(|(row, y)| (ulps(row[1], *y), row)).max_by_key(|w| w.0).unwrap();
            let inexact = rows.iter().zip(&y).filter(|(row, y)| ulps(row[1], **y) > 0).count();
            println!(
                "{level:?} {:<10} {:>5} points, {:>4.1} % not correctly rounded, worst {worst} ulp at {:e}",
                function.name(),
                rows.len(),
                100.0 * inexact as f64 / rows.len() as f64,
                at[0]
            );
            if worst > allowed(function) {
                faults.extend(
                    rows.iter().zip(&y).filter(|(row, y)| ulps(row[1], **y) > allowed(function)).take(5).map(
                        |(row, y)| {
                            format!("{level:?} {}({:e}) = {y:e}, not {:e}", function.name(), row[0], row[1])
                        },
                    ),
                );
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn check_binary(name: &str, function: fn(f64, f64) -> f64) {
    let rows = golden(name);
    let (worst, at) =
        rows.iter().map(|row| (ulps(row[2], function(row[0], row[1])), row)).max_by_key(|w| w.0).unwrap();
    println!("{name:<10} {:>5} points, worst {worst} ulp at {:e}, {:e}", rows.len(), at[0], at[1]);
    assert!(worst <= 2, "{name}({:e}, {:e}) is {worst} ulp off", at[0], at[1]);
}

#[test]
fn binary_functions_are_within_their_bounds() {
    check_binary("pow", scalar::pow);
    check_binary("atan2", scalar::atan2);
    check_binary("hypot", scalar::hypot);
}

/// Any bits, and numbers of everyday size.
fn random_arguments(count: usize) -> Vec<f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        // splitmix64
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    (0..count)
        .map(|i| {
            let bits = next();
            let unit = (bits >> 11) as f64 / (1_u64 << 53) as f64;
            match i % 4 {
                0 => f64::from_bits(bits),
                1 => (unit - 0.5) * 4.0,
                2 => (unit - 0.5) * 100.0,
                _ => (unit - 0.5) * 1600.0,
            }
        })
        .collect()
}

#[test]
fn all_levels_give_the_same_bits() {
    // An odd length, so that the vector loops' remainders take part.
    let x = random_arguments(40_003);
    let levels = levels();
    for &function in Unary::ALL {
        let scalar: Vec<f64> = x.iter().map(|x| function.value(*x)).collect();
        for &level in &levels {
            let mut y = vec![0.0; x.len()];
            apply(level, function, &x, &mut y);
            for ((x, y), expected) in x.iter().zip(&y).zip(&scalar) {
                // Which of its many NaNs an instruction gives is nobody's business.
                let same = y.to_bits() == expected.to_bits() || (y.is_nan() && expected.is_nan());
                assert!(same, "{level:?} {}({x:e}) = {y:e}, but {expected:e} at one point", function.name());
            }
        }
    }
}

#[test]
fn extremes_neither_overflow_nor_lose_digits() {
    let at = |function: Unary, x: f64| function.value(x);
    assert_eq!(at(Unary::Tanh, 1000.0), 1.0);
    assert_eq!(at(Unary::Sigmoid, 1000.0), 1.0);
    assert_eq!(at(Unary::Sigmoid, -1000.0), 0.0);
    assert!(ulps(at(Unary::Sigmoid, -700.0), 9.859_676_543_759_77e-305) <= 4);
    assert_eq!(at(Unary::Softplus, -800.0), 0.0);
    assert_eq!(at(Unary::Softplus, 1e300), 1e300);
    assert_eq!(at(Unary::ExpM1, 1e-20), 1e-20);
    assert_eq!(at(Unary::Ln1p, 1e-20), 1e-20);
    for k in 0..=22 {
        assert_eq!(at(Unary::Log10, 10f64.powi(k)), f64::from(k));
    }
    for k in -1074..=1023 {
        assert_eq!(at(Unary::Log2, libm::ldexp(1.0, k)), f64::from(k));
    }
}

#[test]
fn small_powers_are_products() {
    for x in random_arguments(1000) {
        let same =
            |a: f64, b: f64| assert!(a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()), "{x:e}");
        same(scalar::pow(x, 2.0), x * x);
        same(scalar::pow(x, 3.0), x * x * x);
        same(scalar::pow(x, 1.0), x);
        same(scalar::pow(x, -1.0), 1.0 / x);
    }
}

/// Single precision against double precision, rounded: the reference is some 2²⁸ times finer.
#[test]
fn single_precision_is_within_its_bounds() {
    // Every n-th float, n odd and far from a power of two; 1 takes them all.
    let stride = std::env::var("GRADD_KERNEL_STRIDE").map_or(20_011, |s| s.parse().expect("a number"));
    let levels = levels();
    let x: Vec<f32> =
        (0..=u32::MAX).step_by(stride).map(f32::from_bits).chain([0.0, -0.0, 1.0, -1.0]).collect();
    let mut y = vec![0.0; x.len()];
    let mut at_baseline = vec![0.0; x.len()];
    let mut faults = Vec::new();
    macro_rules! check {
        ($($name:ident),+) => {
            $(for &level in &levels {
                #[derive(Clone, Copy)]
                struct Function;
                impl Pointwise<f32> for Function {
                    #[inline(always)]
                    fn at(self, x: f32) -> f32 {
                        Real::$name(x)
                    }
                }
                let bound = if matches!(stringify!($name), "tanh" | "sigmoid") { 4 } else { 2 };
                map(level, &x, &mut y, Function);
                let distance = |x: f32, y: f32| single_ulps(Real::$name(f64::from(x)) as f32, y);
                let (worst, at) = x.iter().zip(&y).map(|(x, y)| (distance(*x, *y), *x)).max_by_key(|w| w.0).unwrap();
                println!("{level:?} f32 {:<10} {:>7} points, worst {worst} ulp at {at:e}", stringify!($name), x.len());
                if worst > bound {
                    faults.push(format!("{level:?} {}({at:e}) is {worst} ulp off", stringify!($name)));
                }
                if level == levels[0] {
                    at_baseline.copy_from_slice(&y);
                }
                let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                assert!(y.iter().zip(&at_baseline).all(|(a, b)| same(*a, *b)), "{level:?} {}", stringify!($name));
            })+
        };
    }
    check!(exp, exp_m1, ln, ln_1p, tanh, sigmoid, softplus, sin, cos, erf, normal_cdf, normal_pdf, gelu);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn single_ulps(a: f32, b: f32) -> u32 {
    if a.is_nan() || b.is_nan() {
        return if a.is_nan() && b.is_nan() { 0 } else { u32::MAX };
    }
    if a == 0.0 && b == 0.0 {
        return if a.to_bits() == b.to_bits() { 0 } else { u32::MAX };
    }
    let ordered =
        |x: f32| if x.is_sign_negative() { i32::MIN - x.to_bits() as i32 } else { x.to_bits() as i32 };
    ordered(a).abs_diff(ordered(b))
}
