//! The elementary functions over slices of 1024, at every level, beside the standard library's one at a time.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gradd::engine::kernels::slice::{Pointwise, Unary, apply, map};
use gradd::engine::kernels::{Level, Real};
use std::hint::black_box;
use std::time::Duration;

const LENGTH: usize = 1024;

/// Even over (low, low + 10), in an order that no branch predictor learns.
fn arguments(low: f64) -> Vec<f64> {
    (0..LENGTH).map(|i| low + 10.0 * (i as f64 * 0.754_877_666_246_692_7).fract()).collect()
}

type Scalar = fn(f64) -> f64;

/// What a program would write without these kernels; `libm` where std has nothing.
fn reference(function: Unary) -> Option<Scalar> {
    Some(match function {
        Unary::Exp => f64::exp,
        Unary::ExpM1 => f64::exp_m1,
        Unary::Ln => f64::ln,
        Unary::Ln1p => f64::ln_1p,
        Unary::Log2 => f64::log2,
        Unary::Log10 => f64::log10,
        Unary::Sin => f64::sin,
        Unary::Cos => f64::cos,
        Unary::Tan => f64::tan,
        Unary::Tanh => f64::tanh,
        Unary::Sigmoid => |x| 1.0 / (1.0 + (-x).exp()),
        Unary::Softplus => |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
        Unary::Erf => libm::erf,
        Unary::Erfc => libm::erfc,
        Unary::NormalCdf => |x| 0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        Unary::Gelu => |x| 0.5 * x * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2),
        _ => return None,
    })
}

fn double(criterion: &mut Criterion) {
    for &function in Unary::ALL {
        let Some(reference) = reference(function) else { continue };
        let logarithm = matches!(function, Unary::Ln | Unary::Ln1p | Unary::Log2 | Unary::Log10);
        let x = arguments(if logarithm { 0.001 } else { -5.0 });
        let mut y = vec![0.0; LENGTH];
        let mut group = criterion.benchmark_group(format!("f64/{}", function.name()));
        group.throughput(Throughput::Elements(LENGTH as u64));
        for level in Level::available() {
            group.bench_function(format!("{level:?}"), |b| {
                b.iter(|| apply(level, function, black_box(&x), black_box(&mut y)));
            });
        }
        group.bench_function("std", |b| {
            b.iter(|| {
                for (y, x) in black_box(&mut y).iter_mut().zip(black_box(&x)) {
                    *y = reference(*x);
                }
            });
        });
        group.finish();
    }
}

macro_rules! single {
    ($criterion:ident; $(($name:ident, $low:literal, $reference:expr)),+) => {
        $({
            #[derive(Clone, Copy)]
            struct Function;
            impl Pointwise<f32> for Function {
                #[inline(always)]
                fn at(self, x: f32) -> f32 {
                    Real::$name(x)
                }
            }
            let reference: fn(f32) -> f32 = $reference;
            let x: Vec<f32> = arguments($low).into_iter().map(|x| x as f32).collect();
            let mut y = vec![0.0; LENGTH];
            let mut group = $criterion.benchmark_group(concat!("f32/", stringify!($name)));
            group.throughput(Throughput::Elements(LENGTH as u64));
            group.bench_function("best", |b| {
                b.iter(|| map(Level::best(), black_box(&x), black_box(&mut y), Function));
            });
            group.bench_function("std", |b| {
                b.iter(|| {
                    for (y, x) in black_box(&mut y).iter_mut().zip(black_box(&x)) {
                        *y = reference(*x);
                    }
                });
            });
            group.finish();
        })+
    };
}

fn single(criterion: &mut Criterion) {
    single!(criterion;
        (exp, -5.0, f32::exp),
        (ln, 0.001, f32::ln),
        (tanh, -5.0, f32::tanh),
        (sigmoid, -5.0, |x| 1.0 / (1.0 + (-x).exp())),
        (softplus, -5.0, |x| x.max(0.0) + (-x.abs()).exp().ln_1p()),
        (erf, -5.0, libm::erff)
    );
}

fn short() -> Criterion {
    Criterion::default().warm_up_time(Duration::from_millis(100)).measurement_time(Duration::from_millis(400))
}

criterion_group! {
    name = kernels;
    config = short();
    targets = double, single
}
criterion_main!(kernels);
