//! Bounded fits against every choice of active bounds.

use proptest::prelude::*;

use super::{Bounds, Curve, Fit, Options, Sigma, fit};
use crate::engine::{Interrupt, ParseLimits, parse};
use crate::train::expression::Source;

const ROWS: usize = 8;
const NAMES: [&str; 6] = ["a", "b", "c", "u", "v", "w"];

/// A linear problem, whose bounded minimum is unique.
#[derive(Clone, Debug)]
struct Linear {
    columns: [Vec<f64>; 3],
    target: Vec<f64>,
    bounds: [Bounds; 3],
    start: Vec<f64>,
}

fn column() -> impl Strategy<Value = Vec<f64>> {
    proptest::collection::vec(-1.0..1.0, ROWS)
}

/// Bounds, of which either may be missing, and a start that is often on one of them.
fn bounded() -> impl Strategy<Value = (Bounds, f64)> {
    (-0.5..0.5, 0.01..0.6, 0.0..1.0, 0..4_u32, 0..3_usize).prop_map(
        |(lower, width, share, ends, start): (f64, f64, f64, u32, usize)| {
            let upper: f64 = lower + width;
            let start: f64 = [lower, lower + share * width, upper][start];
            let bounds = Bounds {
                lower: if ends % 2 == 0 { lower } else { f64::NEG_INFINITY },
                upper: if ends < 2 { upper } else { f64::INFINITY },
            };
            (bounds, start.clamp(lower, upper))
        },
    )
}

fn linear() -> impl Strategy<Value = Linear> {
    let bounds = (bounded(), bounded(), bounded());
    ((column(), column(), column()), column(), bounds).prop_map(|((u, v, w), target, (a, b, c))| Linear {
        columns: [u, v, w],
        target,
        bounds: [a.0, b.0, c.0],
        start: vec![a.1, b.1, c.1],
    })
}

fn solve_by_fit(problem: &Linear) -> Fit {
    let program = parse("a*u + b*v + c*w", NAMES, ParseLimits { max_nodes: 100, max_nesting: 10 })
        .expect("a valid expression");
    let source = |name: &str| match NAMES.iter().position(|known| *known == name) {
        Some(parameter @ 0..3) => Source::Parameter(parameter),
        Some(column) => Source::Column(&problem.columns[column - 3]),
        None => unreachable!("all names are known"),
    };
    let sources = program.graph.inputs().iter().map(|(name, _)| source(name)).collect();
    let sigma = Sigma::Number(1.0);
    let never = Interrupt::never();
    let mut curve = Curve::new(&program.graph, program.output.1, sources, &problem.target, sigma, &never)
        .expect("equal lengths");
    fit(&mut curve, problem.start.clone(), &problem.bounds, Options::default(), &never)
        .expect("a finite start")
}

fn sum_of_squares(problem: &Linear, parameters: &[f64]) -> f64 {
    let residual = |row: usize| {
        let model: f64 = (0..3).map(|j| parameters[j] * problem.columns[j][row]).sum();
        model - problem.target[row]
    };
    (0..ROWS).map(|row| residual(row).powi(2)).sum()
}

/// The minimum with the parameters in `fixed` at their values, by elimination in the normal equations.
fn solve_normal(problem: &Linear, fixed: [Option<f64>; 3]) -> Vec<f64> {
    let product = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| x * y).sum() };
    let mut equations = [[0.0; 4]; 3];
    for j in 0..3 {
        for k in 0..3 {
            equations[j][k] = product(&problem.columns[j], &problem.columns[k]);
        }
        equations[j][3] = product(&problem.columns[j], &problem.target);
        if let Some(value) = fixed[j] {
            equations[j] = [0.0; 4];
            equations[j][j] = 1.0;
            equations[j][3] = value;
        }
    }
    for pivot in 0..3 {
        for row in (0..3).filter(|row| *row != pivot) {
            let factor = equations[row][pivot] / equations[pivot][pivot];
            (0..4).for_each(|k| equations[row][k] -= factor * equations[pivot][k]);
        }
    }
    (0..3).map(|j| equations[j][3] / equations[j][j]).collect()
}

/// The best of all feasible minima, over every choice of parameters on their bounds.
fn solve_by_enumeration(problem: &Linear) -> Vec<f64> {
    let choices = |j: usize| {
        let Bounds { lower, upper } = problem.bounds[j];
        [None, Some(lower), Some(upper)].into_iter().filter(|x| x.is_none_or(f64::is_finite))
    };
    let mut best = (f64::INFINITY, Vec::new());
    for a in choices(0) {
        for b in choices(1) {
            for c in choices(2) {
                let found = solve_normal(problem, [a, b, c]);
                let is_within =
                    found.iter().zip(&problem.bounds).all(|(x, b)| (b.lower..=b.upper).contains(x));
                let sum = sum_of_squares(problem, &found);
                if is_within && sum < best.0 {
                    best = (sum, found);
                }
            }
        }
    }
    best.1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn bounded_fits_find_the_best_choice_of_bounds(problem in linear()) {
        let expected = solve_by_enumeration(&problem);
        let found = solve_by_fit(&problem);
        prop_assert!(found.reason.is_convergence(), "{:?} after {}", found.reason, found.evaluations);
        for ((x, expected), bounds) in found.parameters.iter().zip(&expected).zip(&problem.bounds) {
            prop_assert!((x - expected).abs() < 1e-5, "{:?} instead of {expected:?}", found.parameters);
            prop_assert!((bounds.lower..=bounds.upper).contains(x));
        }
        for j in 0..3 {
            let Bounds { lower, upper } = problem.bounds[j];
            prop_assert!(!found.at_bound[j] || [lower, upper].contains(&found.parameters[j]));
        }
    }
}
