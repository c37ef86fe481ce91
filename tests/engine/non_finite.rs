//! Infinities and NaN: refused with the node that made them, unless nothing uses it.

use gradd::engine::{
    Binding, Column, CompileOptions, Gradient, GradientOptions, Interrupt, NonFinite, NonFinitePolicy, Op,
    ParseLimits, Role, SweepError, Tape, parse,
};

const LIMITS: ParseLimits = ParseLimits { max_nodes: 10_000, max_nesting: 100 };

fn gradient(
    source: &str,
    inputs: &[(&str, Binding<'_>)],
    non_finite: NonFinitePolicy,
) -> (Result<Gradient, SweepError>, gradd::engine::Graph) {
    let program = parse(source, [], LIMITS).expect("a valid expression");
    let bindings: Vec<Binding<'_>> = program
        .graph
        .inputs()
        .iter()
        .map(|(name, _)| inputs.iter().find(|(n, _)| **n == **name).expect("bound").1)
        .collect();
    let roles: Vec<Role> = bindings
        .iter()
        .map(|b| if matches!(b, Binding::Samples(_)) { Role::SAMPLES } else { Role::NUMBER })
        .collect();
    let tape = Tape::compile(&program.graph, &[program.output.1], &roles, CompileOptions::default());
    let options = GradientOptions { non_finite, ..GradientOptions::default() };
    (tape.gradient(&bindings, options, &Interrupt::never()), program.graph)
}

fn refused(source: &str, inputs: &[(&str, Binding<'_>)]) -> (NonFinite, Option<String>) {
    let (result, graph) = gradient(source, inputs, NonFinitePolicy::Refuse);
    match result {
        Err(SweepError::NonFinite(found)) => {
            let label = graph.label(found.node).map(str::to_owned);
            (*found, label)
        }
        other => panic!("{source}: {other:?}"),
    }
}

fn allowed(source: &str, inputs: &[(&str, Binding<'_>)]) -> Gradient {
    gradient(source, inputs, NonFinitePolicy::Refuse).0.unwrap_or_else(|e| panic!("{source}: {e}"))
}

#[test]
fn the_first_node_that_made_one_is_named() {
    let (found, label) = refused("a = log(x); b = a * 2; b + 1", &[("x", Binding::Number(-1.0))]);
    assert_eq!((found.op, label.as_deref()), (Some(Op::Log), Some("a")));
    assert_eq!((found.operands, found.sample), (vec![-1.0], None));
    assert!(found.value.is_nan());
    let (found, _) = refused("1 / exp(x)", &[("x", Binding::Number(1000.0))]);
    assert_eq!((found.op, found.value), (Some(Op::Exp), f64::INFINITY));
    let (found, _) = refused("e = exp(2*x); (e - 1)/(e + 1)", &[("x", Binding::Number(400.0))]);
    assert_eq!(found.op, Some(Op::Exp));
}

#[test]
fn the_sample_is_named() {
    let mut samples = vec![1.0; 1000];
    samples[777] = -4.0;
    let (found, _) =
        refused("y = sqrt(x) * w; y", &[("x", Binding::Samples(&samples)), ("w", Binding::Number(2.0))]);
    assert_eq!((found.op, found.sample, found.operands), (Some(Op::Sqrt), Some(777), vec![-4.0]));
}

#[test]
fn a_derivative_that_is_not_finite_is_refused_too() {
    let (found, _) = refused("sqrt(x) + 1", &[("x", Binding::Number(0.0))]);
    assert_eq!((found.op, found.value), (Some(Op::Sqrt), f64::INFINITY));
    let samples = [1.0, 0.0];
    let (found, _) =
        refused("sqrt(x * w)", &[("x", Binding::Samples(&samples)), ("w", Binding::Number(1.0))]);
    assert_eq!((found.op, found.sample), (Some(Op::Sqrt), Some(1)));
}

#[test]
fn constants_that_overflow_are_found_though_constants_fold() {
    let (found, _) = refused("x + exp(1000)", &[("x", Binding::Number(1.0))]);
    assert_eq!(found.op, Some(Op::Exp));
}

#[test]
fn the_branch_not_taken_does_not_count() {
    let gradient = allowed("where(x > 0, log(x), x * 2)", &[("x", Binding::Number(-1.0))]);
    assert_eq!(gradient.outputs, [Column::Number(-2.0)]);
    assert_eq!(gradient.gradients, [Some(Column::Number(2.0))]);
    let gradient = allowed("if(x == 0, 1, sin(x)/x)", &[("x", Binding::Number(0.0))]);
    assert_eq!(gradient.gradients, [Some(Column::Number(0.0))]);
    let samples = [-1.0, 0.0, 1.0];
    let gradient = allowed(
        "where(x > 0, x * log(x), w)",
        &[("x", Binding::Samples(&samples)), ("w", Binding::Number(3.0))],
    );
    assert_eq!(gradient.outputs, [Column::Samples(vec![3.0, 3.0, 0.0])]);
    assert_eq!(gradient.gradients, [Some(Column::Samples(vec![0.0, 0.0, 1.0])), Some(Column::Number(2.0))]);
    // The same with a number in the branch that no sample takes.
    let gradient = allowed(
        "where(x > 5, log(w), x)",
        &[("x", Binding::Samples(&samples)), ("w", Binding::Number(-1.0))],
    );
    assert_eq!(gradient.gradients[1], Some(Column::Number(0.0)));
    let (found, _) = refused(
        "where(x > 0, log(w), x)",
        &[("x", Binding::Samples(&samples)), ("w", Binding::Number(-1.0))],
    );
    assert_eq!(found.op, Some(Op::Log));
}

#[test]
fn an_infinite_input_is_the_callers_but_an_infinite_output_is_refused() {
    let gradient = allowed("min(x, 3)", &[("x", Binding::Number(f64::INFINITY))]);
    assert_eq!(gradient.outputs, [Column::Number(3.0)]);
    let gradient = allowed("min(x, 3, x, 3)", &[("x", Binding::Number(f64::INFINITY))]);
    assert_eq!(gradient.gradients, [Some(Column::Number(0.0))]);
    let (found, _) = refused("x + 1", &[("x", Binding::Number(f64::INFINITY))]);
    assert_eq!((found.op, found.value), (Some(Op::Add), f64::INFINITY));
}

/// NaN is not overlooked by a comparison: it is the largest and the smallest, wherever it stands.
#[test]
fn nan_is_the_extreme_of_all() {
    for source in
        ["max(log(a), b, c)", "min(b, log(a), c)", "max(b, c, log(a))", "max(b, log(a))", "max(log(a))"]
    {
        let at = [("a", Binding::Number(-1.0)), ("b", Binding::Number(2.0)), ("c", Binding::Number(2.0))];
        let (found, _) = refused(source, &at);
        assert_eq!((found.op, found.operands), (Some(Op::Log), vec![-1.0]), "{source}");
        let found = gradient(source, &at, NonFinitePolicy::Allow).0.expect("allowed");
        assert!(matches!(found.outputs[0], Column::Number(x) if x.is_nan()), "{source}: {found:?}");
        for derivative in found.gradients.iter().flatten() {
            assert!(matches!(derivative, Column::Number(x) if x.is_nan()), "{source}: {found:?}");
        }
    }
    let samples = [1.0, -1.0, 3.0];
    let at = [("a", Binding::Samples(&samples)), ("b", Binding::Number(0.5))];
    let (found, _) = refused("max(b, log(a), b)", &at);
    assert_eq!((found.op, found.sample), (Some(Op::Log), Some(1)));
}

#[test]
fn they_travel_where_they_are_allowed() {
    let (result, _) = gradient("log(x)", &[("x", Binding::Number(0.0))], NonFinitePolicy::Allow);
    let gradient = result.expect("allowed");
    assert_eq!(gradient.outputs, [Column::Number(f64::NEG_INFINITY)]);
    assert_eq!(gradient.gradients, [Some(Column::Number(f64::INFINITY))]);
}
