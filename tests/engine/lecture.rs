//! micrograd's lecture and its own two tests, from their arithmetic.

use gradd::engine::{Scope, Value};

fn assert_close(actual: f64, expected: f64) {
    assert!((actual - expected).abs() <= 1e-12 * expected.abs().max(1.0), "{actual} is not {expected}");
}

fn neuron(scope: &Scope) -> ([Value<'_>; 5], Value<'_>) {
    let [x1, x2, w1, w2, b] = [2.0, 0.0, -3.0, 1.0, 6.881_373_587_019_543].map(|v| scope.value(v));
    ([x1, x2, w1, w2, b], x1 * w1 + x2 * w2 + b)
}

fn assert_neuron([x1, x2, w1, w2, b]: [Value<'_>; 5], o: Value<'_>) {
    o.backward();
    assert_close(o.data(), std::f64::consts::FRAC_1_SQRT_2);
    for (value, grad) in [(x1, -1.5), (w1, 1.0), (x2, 0.5), (w2, 0.0), (b, 0.5)] {
        assert_close(value.grad(), grad);
    }
}

#[test]
fn the_neuron_has_the_lectures_gradients() {
    let scope = Scope::new();
    let (leaves, n) = neuron(&scope);
    assert_neuron(leaves, n.tanh());
}

#[test]
fn the_decomposed_neuron_has_the_same_gradients() {
    let scope = Scope::new();
    let (leaves, n) = neuron(&scope);
    let e = (2.0 * n).exp();
    assert_neuron(leaves, (e - 1.0) / (e + 1.0));
}

#[test]
fn a_value_that_is_used_twice_accumulates_and_a_second_backward_does_not() {
    let scope = Scope::new();
    let a = scope.value(3.0);
    let b = a + a;
    b.backward();
    b.backward();
    assert_close(a.grad(), 2.0);
    let cube = a.pow(3.0);
    cube.backward();
    cube.backward();
    assert_close(a.grad(), 27.0);
}

#[test]
fn an_inner_value_that_is_used_twice_waits_for_both_contributions() {
    let scope = Scope::new();
    let a = scope.value(1.0);
    let b = a + a;
    let c = b + b;
    c.backward();
    assert_close(a.grad(), 4.0);
    assert_close(b.grad(), 2.0);
}

#[test]
fn plain_numbers_stand_on_either_side() {
    let scope = Scope::new();
    let a = scope.value(4.0);
    assert_close((a + 1.0).data(), 5.0);
    assert_close((1.0 + &a).data(), 5.0);
    assert_close((2.0 * a).data(), 8.0);
    assert_close((&a * 2.0).data(), 8.0);
    assert_close((1.0 - a).data(), -3.0);
    assert_close((a - 1.0).data(), 3.0);
    assert_close((2.0 / a).data(), 0.5);
    assert_close((-a).data(), -4.0);
    assert_close(a.pow(0.5).data(), 2.0);
    let quotient = 2.0 / a;
    quotient.backward();
    assert_close(a.grad(), -0.125);
}

#[test]
fn micrograds_sanity_check() {
    let scope = Scope::new();
    let x = scope.value(-4.0);
    let z = 2.0 * x + 2.0 + x;
    let q = z.relu() + z * x;
    let h = (z * z).relu();
    let y = h + q + q * x;
    y.backward();
    assert_close(y.data(), -20.0);
    assert_close(x.grad(), 46.0);
}

#[test]
fn micrograds_check_of_more_ops() {
    let scope = Scope::new();
    let a = scope.value(-4.0);
    let b = scope.value(2.0);
    let mut c = a + b;
    let mut d = a * b + b.pow(3.0);
    c = c + (c + 1.0);
    c = c + (1.0 + c + (-a));
    d = d + (d * 2.0 + (b + a).relu());
    d = d + (3.0 * d + (b - a).relu());
    let e = c - d;
    let f = e.pow(2.0);
    let mut g = f / 2.0;
    g = g + 10.0 / f;
    g.backward();
    // f = (c - d)^2 with c = -1, d = 6, from the arithmetic above.
    assert_close(e.data(), -7.0);
    assert_close(g.data(), 24.5 + 10.0 / 49.0);
    // dg/de = e - 20/e^3; de/da = dc/da - dd/da = 3 - (4 * 3 * 2 - 1), de/db = 4 - (4 * 3 * 8 + 1).
    let dg_de = -7.0 + 20.0 / 343.0;
    let (de_da, de_db) = (f64::from(3 - 23), f64::from(4 - 97));
    assert_close(a.grad(), dg_de * de_da);
    assert_close(b.grad(), dg_de * de_db);
}

#[test]
fn labels_stay_with_their_values() {
    let scope = Scope::new();
    let a = scope.value(2.0).label("a");
    let b = (a * 3.0).label("b");
    let graph = scope.graph();
    assert_eq!(graph.label(a.node()), Some("a"));
    assert_eq!(graph.label(b.node()), Some("b"));
}
