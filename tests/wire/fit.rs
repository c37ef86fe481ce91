//! Fits: golden values, what is told about them, and what cannot be meant.

use gradd::api::{Context, Limits, fit};
use serde_json::{Value, json};

use super::{answer, assert_invalid, pointers, problem, problem_within, slug};

/// An exponential decay with some noise.
fn decay() -> Value {
    json!({
        "expression": "a*exp(-k*t)", "target": "y", "parameters": {"a": 1, "k": 1},
        "data": {"t": [0, 1, 2, 3, 4], "y": [2.1, 1.3, 0.8, 0.4, 0.3]}
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut body = decay();
    body[member] = value;
    body
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[track_caller]
fn assert_close(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((found - expected).abs() <= tolerance * expected.abs(), "{what}: {found} instead of {expected}");
}

#[test]
fn fits_are_those_of_scipy() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/fit/fits.json");
    let cases: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!(cases.as_array().unwrap().len(), 6);
    for case in cases.as_array().unwrap() {
        let (name, expected) = (case["name"].as_str().unwrap(), &case["expected"]);
        // scipy's trf approaches a bound from within and never arrives.
        let tolerance = if case["request"]["bounds"].is_null() { 1e-8 } else { 1e-6 };
        let found = answer(fit::answer, &case["request"]);
        let parameters = found["parameters"].as_object().unwrap();
        for (i, (parameter, value)) in parameters.iter().enumerate() {
            let what = format!("{name}: {parameter}");
            assert_close(number(value), number(&expected["parameters"][i]), tolerance, &what);
            let variance = number(&found["covariance"][i][i]);
            assert_close(number(&found["standard_errors"][parameter]), variance.sqrt(), 1e-15, &what);
            for j in 0..parameters.len() {
                let covariance = number(&found["covariance"][i][j]);
                assert_close(covariance, number(&expected["covariance"][i][j]), 10.0 * tolerance, &what);
                assert_eq!(covariance, number(&found["covariance"][j][i]), "{what}");
            }
        }
        let sum = number(&found["residual_sum_of_squares"]);
        assert_close(sum, number(&expected["residual_sum_of_squares"]), tolerance, name);
        assert_eq!(found["at_bounds"], expected["at_bounds"], "{name}");
        assert_eq!(found["converged"], true);
    }
}

#[test]
fn a_parameter_that_a_bound_holds_lies_on_it_exactly() {
    let mut body = decay();
    body["bounds"] = json!({"k": {"lower": 0.6, "upper": 5}});
    let found = answer(fit::answer, &body);
    assert_eq!((&found["parameters"]["k"], &found["at_bounds"]), (&json!(0.6), &json!(["k"])));
    // A start on a bound may leave it.
    body["bounds"] = json!({"k": {"upper": 1}});
    let found = answer(fit::answer, &body);
    assert_eq!(found["at_bounds"], json!([]));
    assert_close(
        number(&found["parameters"]["k"]),
        number(&answer(fit::answer, &decay())["parameters"]["k"]),
        1e-7,
        "k",
    );
}

/// Straight lines have closed formulas.
#[test]
fn a_line_has_the_statistics_of_the_textbook() {
    let body = json!({
        "expression": "a + b*x", "target": "y", "parameters": {"a": 0, "b": 0},
        "data": {"x": [1, 2, 3, 4], "y": [2, 4, 3, 6]}
    });
    let found = answer(fit::answer, &body);
    // Means 2.5 and 3.75, Sxx = 5, Sxy = 5.5, Syy = 8.75.
    let (slope, rss) = (1.1, 8.75 - 5.5 * 1.1);
    let s2 = rss / 2.0;
    assert_close(number(&found["parameters"]["b"]), slope, 1e-12, "b");
    assert_close(number(&found["parameters"]["a"]), 3.75 - slope * 2.5, 1e-12, "a");
    assert_close(number(&found["residual_sum_of_squares"]), rss, 1e-12, "the sum of squares");
    assert_close(number(&found["residual_standard_deviation"]), f64::sqrt(s2), 1e-12, "the deviation");
    assert_close(number(&found["r_squared"]), 1.0 - rss / 8.75, 1e-12, "r_squared");
    assert_close(number(&found["standard_errors"]["b"]), (s2 / 5.0).sqrt(), 1e-12, "the error of b");
    let error = (s2 * (0.25 + 2.5 * 2.5 / 5.0)).sqrt();
    assert_close(number(&found["standard_errors"]["a"]), error, 1e-12, "the error of a");
    assert_eq!(found["degrees_of_freedom"], 2);
    assert_eq!((&found["converged"], &found["reason"]), (&json!(true), &json!("relative_offset")));
}

#[test]
fn a_graph_is_fitted_like_its_expression() {
    let mut body = decay();
    let expected = answer(fit::answer, &body);
    body.as_object_mut().unwrap().remove("expression");
    body["graph"] = json!({"nodes": [
        {"id": "f", "op": "mul", "inputs": ["a", "e"]},
        {"id": "e", "op": "exp", "inputs": ["n"]},
        {"id": "n", "op": "mul", "inputs": ["m", "t"]},
        {"id": "m", "op": "neg", "inputs": ["k"]},
        {"id": "a", "op": "input"}, {"id": "k", "op": "input"}, {"id": "t", "op": "input"}
    ]});
    assert_eq!(answer(fit::answer, &body), expected);
}

#[test]
fn a_number_in_the_data_holds_a_parameter_fixed() {
    let mut body = decay();
    body["expression"] = json!("g = a*exp(-k*t) + c; h = 2*g");
    body["outputs"] = json!(["g"]);
    body["data"]["c"] = json!(0);
    assert_eq!(answer(fit::answer, &body)["parameters"], answer(fit::answer, &decay())["parameters"]);
}

#[test]
fn an_exact_fit_converges() {
    let body = json!({
        "expression": "a*x^p", "target": "y", "parameters": {"a": 1, "p": 1},
        "data": {"x": [1, 2, 3, 4], "y": [3, 12, 27, 48]}
    });
    let found = answer(fit::answer, &body);
    assert_close(number(&found["parameters"]["a"]), 3.0, 1e-13, "a");
    assert_close(number(&found["parameters"]["p"]), 2.0, 1e-13, "p");
    assert!(number(&found["residual_sum_of_squares"]) < 1e-24);
    assert_eq!(found["converged"], true);
}

#[test]
fn as_many_rows_as_parameters_leave_no_errors_unless_sigma_is_known() {
    let mut body = decay();
    body["data"] = json!({"t": [0, 1], "y": [2, 1]});
    let found = answer(fit::answer, &body);
    assert_close(number(&found["parameters"]["k"]), std::f64::consts::LN_2, 1e-12, "k");
    assert_eq!(found["degrees_of_freedom"], 0);
    for member in ["standard_errors", "covariance", "residual_standard_deviation"] {
        assert_eq!(found[member], Value::Null, "{member}");
    }
    body["sigma"] = json!(0.1);
    body["absolute_sigma"] = json!(true);
    // a is the first measurement itself.
    assert_close(number(&answer(fit::answer, &body)["standard_errors"]["a"]), 0.1, 1e-12, "the error of a");
}

#[test]
fn only_ratios_of_sigma_count_unless_it_is_absolute() {
    let mut body = decay();
    let expected = answer(fit::answer, &body);
    body["sigma"] = json!(8);
    let found = answer(fit::answer, &body);
    // Powers of two change no digit.
    assert_eq!(found["parameters"], expected["parameters"]);
    assert_eq!(found["covariance"], expected["covariance"]);
    // A column may be both what weighs and what the model takes.
    let mut relative = decay();
    relative["expression"] = json!("a*exp(-k*t) + 0*s");
    relative["data"]["s"] = json!([8, 8, 8, 8, 8]);
    relative["sigma"] = json!("s");
    assert_eq!(answer(fit::answer, &relative)["covariance"], expected["covariance"]);
}

#[test]
fn a_constant_target_has_no_r_squared() {
    let body = json!({
        "expression": "a + 0*x", "target": "y", "parameters": {"a": 0}, "data": {"x": [1, 2, 3], "y": [4, 4, 4]}
    });
    let found = answer(fit::answer, &body);
    assert_eq!((&found["parameters"]["a"], &found["r_squared"]), (&json!(4.0), &Value::Null));
}

#[test]
fn steps_out_of_the_domain_are_shortened() {
    // From k = 3 the full step leads to a negative k, where log(k) is NaN.
    let body = json!({
        "expression": "log(k)*x", "target": "y", "parameters": {"k": 30},
        "data": {"x": [1, 2, 3], "y": [-4.6, -9.2, -13.8]}
    });
    let found = answer(fit::answer, &body);
    assert_close(number(&found["parameters"]["k"]), f64::exp(-4.6), 1e-9, "k");
    assert!(found["evaluations"].as_u64() > found["iterations"].as_u64().map(|n| n + 1), "{found}");
}

#[test]
fn a_fit_that_does_not_converge_is_a_problem_or_says_so() {
    let mut body = with("max_evaluations", json!(3));
    let found = problem(fit::answer, &body);
    assert_eq!((slug(&found), found.status), ("not-converged", 422));
    for word in ["within 3 evaluations", "`a` = ", "`k` = ", "max_evaluations", "relative offset"] {
        assert!(found.detail.contains(word), "{word:?} is not in {:?}", found.detail);
    }
    body["not_converged"] = json!("allow");
    let found = answer(fit::answer, &body);
    assert_eq!(
        (&found["converged"], &found["reason"], &found["evaluations"]),
        (&json!(false), &json!("max_evaluations"), &json!(3))
    );
    // From where it came to, the fit goes on.
    body["parameters"] = found["parameters"].clone();
    body["max_evaluations"] = json!(100);
    assert_eq!(answer(fit::answer, &body)["converged"], true);
}

#[test]
fn a_kink_stalls_the_fit() {
    // The least value is at the kink, where the slope is 1 on either side.
    let mut body = json!({
        "expression": "abs(b - 3) + 0*x", "target": "y", "parameters": {"b": 10},
        "data": {"x": [1, 2], "y": [-1, -1]}
    });
    let found = problem(fit::answer, &body);
    assert_eq!(slug(&found), "not-converged");
    assert!(found.detail.contains("stalled") && found.detail.contains("kink"), "{}", found.detail);
    body["not_converged"] = json!("allow");
    let found = answer(fit::answer, &body);
    assert_eq!((&found["converged"], &found["reason"]), (&json!(false), &json!("stalled")));
    assert_close(number(&found["parameters"]["b"]), 3.0, 1e-6, "b");
}

#[test]
fn parameters_that_the_data_do_not_determine_are_named() {
    let mut body = decay();
    body["expression"] = json!("a*exp(-k*t) + 0*c");
    body["parameters"]["c"] = json!(1);
    let found = problem(fit::answer, &body);
    assert_eq!((slug(&found), found.status), ("not-identifiable", 422));
    assert_eq!(pointers(&found), ["/parameters/c"]);
    assert!(found.detail.contains("does not depend on `c`"), "{}", found.detail);

    body["expression"] = json!("a*c*exp(-k*t)");
    let found = problem(fit::answer, &body);
    assert_eq!(slug(&found), "not-identifiable");
    assert_eq!(pointers(&found), ["/parameters/a", "/parameters/c"]);
    assert!(found.detail.contains("`a`, `c` can change together"), "{}", found.detail);
}

#[test]
fn a_start_without_finite_values_names_the_node() {
    let mut body = decay();
    body["expression"] = json!("a*log(k)*t");
    body["parameters"]["k"] = json!(-1);
    let found = problem(fit::answer, &body);
    assert_eq!(slug(&found), "non-finite");
    assert!(found.detail.contains("`log`") && found.detail.contains("Start from"), "{}", found.detail);
    let found = problem(fit::answer, &with("parameters", json!({"a": 1e200, "k": 1})));
    assert_eq!(slug(&found), "non-finite");
    assert!(found.detail.contains("overflows at the parameters"), "{}", found.detail);
}

#[test]
fn what_cannot_be_meant_is_told_with_its_place() {
    let data = |t: Value, y: Value| with("data", json!({"t": t, "y": y}));
    let with_data = |name: &str, column: Value, member: &str, value: Value| {
        let mut body = with(member, value);
        body["data"][name] = column;
        body
    };
    let without = |member: &str| {
        let mut body = decay();
        body.as_object_mut().unwrap().remove(member);
        body
    };
    for (body, places, word) in [
        (data(json!([0]), json!([2.1])), &["/data"][..], "at least 2 rows; there are 1"),
        (with("target", json!("z")), &["/target"], "no column `z`"),
        (without("target"), &[""], "`target`"),
        (without("expression"), &[""], "exactly one of `expression`, `graph` and `model`"),
        (
            with("graph", json!({"nodes": [{"id": "a", "op": "input"}]})),
            &["/expression", "/graph"],
            "One of 2",
        ),
        (with("expression", json!("a*exp(-k*t) - y")), &["/target"], "not the difference"),
        (with("data", json!({"t": [0, 1, 2], "y": 3})), &["/data/y"], "an array with one number per row"),
        (
            data(json!([0, 1, 2]), json!([1, 2])),
            &["/data/y"],
            "has 2 rows, but the columns of the model have 3",
        ),
        (data(json!([0, 1, 2]), json!([1, "NaN", 2])), &["/data/y/1"], "`y` holds NaN"),
        (data(json!([0, "Infinity", 2]), json!([1, 3, 2])), &["/data/t/1"], "`t` holds Infinity"),
        (with("parameters", json!({})), &["/parameters"], "nothing to fit"),
        (with("parameters", json!({"a": 1, "k": [1, 2, 3, 4, 5]})), &["/parameters/k"], "one number"),
        (with("parameters", json!({"a": 1, "k": "NaN"})), &["/parameters/k"], "`k` is NaN"),
        (with("parameters", json!({"a": 1})), &[""], "`k` has no value"),
        (with("parameters", json!({"a": 1, "k": 1, "c": 1})), &["/parameters/c"], "no input `c`"),
        (with("parameters", json!({"a": 1, "k": 1, "t": 1})), &["/data/t"], "twice"),
        (with("parameters", json!({"a": 1, "k": 1, "y": 1})), &["/parameters/y"], "no input `y`"),
        (
            with("bounds", json!({"a": {"lower": 2}})),
            &["/parameters/a"],
            "starts from 1.0, outside its bounds",
        ),
        (with("bounds", json!({"a": {"lower": 2, "upper": 1}})), &["/bounds/a"], "not below its upper bound"),
        (with("bounds", json!({"a": {"lower": 1, "upper": 1}})), &["/bounds/a"], "hold a parameter fixed"),
        (with("bounds", json!({"a": {"lower": "NaN"}})), &["/bounds/a"], "NaN"),
        (with("bounds", json!({"b": {"lower": 0}})), &["/bounds/b"], "no parameter `b`"),
        (with("bounds", json!({"a": {"min": 0}})), &["/bounds/a/min"], "`min`"),
        (with("bounds", json!({"a": [0, 1]})), &["/bounds/a"], "an object"),
        (with("sigma", json!(0)), &["/sigma"], "above 0"),
        (with("sigma", json!(-1)), &["/sigma"], "above 0"),
        (with("sigma", json!("s")), &["/sigma"], "no column `s`"),
        (with("sigma", json!([1, 2])), &["/sigma"], "the name of a column"),
        (with_data("s", json!([1, 1, 0, 1, 1]), "sigma", json!("s")), &["/data/s/2"], "above 0"),
        (with_data("s", json!([1, 1, -2, 1, 1]), "sigma", json!("s")), &["/data/s/2"], "-2.0"),
        (
            with_data("s", json!([1, 1]), "sigma", json!("s")),
            &["/data/s"],
            "has 2 rows, but the target has 5",
        ),
        (with_data("s", json!([1, 1, 1, 1, 1]), "target", json!("y")), &["/data/s"], "no input `s`"),
        (with("absolute_sigma", json!(true)), &["/absolute_sigma"], "give it"),
        (with("tolerance", json!(-1e-3)), &["/tolerance"], "at least 0"),
        (with("tolerance", json!(1)), &["/tolerance"], "below 1"),
        (with("max_evaluations", json!(0)), &["/max_evaluations"], "at least 1"),
        (with("not_converged", json!("ignore")), &["/not_converged"], "`allow`"),
        (with("outputs", json!(["a", "k"])), &["/outputs/1"], "one output"),
        (with("mlp", json!({})), &["/mlp"], "`mlp`"),
    ] {
        assert_invalid(&problem(fit::answer, &body), places, &[word]);
    }
    let twice = decay().to_string().replace(r#""y":"#, r#""y":[1,2,3,4,5],"y":"#);
    let found = super::problem_of_bytes(fit::answer, twice.as_bytes());
    assert_invalid(&found, &["/data/y"], &["twice"]);
}

#[test]
fn sizes_have_limits() {
    let body = decay();
    for (limits, setting, limit, actual) in [
        (Limits { max_samples: 4, ..Limits::default() }, "max_samples", 4, 5),
        (Limits { max_samples: 9, ..Limits::default() }, "max_samples", 9, 10),
        (Limits { max_parameters: 1, ..Limits::default() }, "max_parameters", 1, 2),
    ] {
        let found = problem_within(limits, fit::answer, &body);
        assert_eq!(
            (found.setting.as_deref(), found.limit, found.actual),
            (Some(setting), Some(limit), Some(actual))
        );
    }
    let limits = Limits { max_steps: 3, ..Limits::default() };
    let found = problem_within(limits.clone(), fit::answer, &with("max_evaluations", json!(4)));
    assert_eq!((found.setting.as_deref(), found.actual), (Some("max_steps"), Some(4)));
    assert_eq!(slug(&problem_within(limits, fit::answer, &body)), "not-converged");
}

#[test]
fn an_interrupt_stops_the_fit() {
    let context = Context::default();
    context.interrupt.cancel();
    let found = fit::answer(decay().to_string().as_bytes(), &context).unwrap_err();
    assert_eq!(slug(&found), "draining");
}
