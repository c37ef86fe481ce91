//! UM-Bridge: the protocol's actions as operations.

use gradd::api::models::Models;
use gradd::api::umbridge::{self, error};
use gradd::api::{Context, Kind, Operation, Problem};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{answer, answer_in, pointers, problem, slug, with_models};
use gradd::api::models::Stored;

/// The action of the lecture's neuron, at the lecture's numbers.
fn neuron(more: &Value) -> Value {
    let mut call = json!({"name": "expression", "input": [[2, 0, -3, 1, 6.881373587019543]], "config": {}});
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call
}

fn two(more: &Value) -> Value {
    let config =
        json!({"expression": "u = x^2*y; v = sin(x*y); v", "inputs": ["y", "x"], "outputs": ["u", "v"]});
    let mut call = json!({"name": "expression", "input": [[3, 2]], "config": config});
    call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call
}

#[test]
fn an_empty_config_is_the_neuron_of_the_lecture() {
    for config in [json!({}), Value::Null] {
        let call = json!({"name": "expression", "config": config});
        assert_eq!(answer(umbridge::input_sizes, &call), json!({"inputSizes": [5]}));
        assert_eq!(answer(umbridge::output_sizes, &call), json!({"outputSizes": [1]}));
    }
    let support = json!({"Evaluate": true, "Gradient": true, "ApplyJacobian": true, "ApplyHessian": true});
    assert_eq!(answer(umbridge::model_info, &json!({"name": "expression"})), json!({"support": support}));
    assert_eq!(
        answer(umbridge::evaluate, &neuron(&json!({}))),
        json!({"output": [[std::f64::consts::FRAC_1_SQRT_2]]})
    );
    let wrt = json!({"outWrt": 0, "inWrt": 0, "sens": [1], "vec": [1, 0, 0, 0, 0]});
    let gradient = [-1.4999999999999998, 0.49999999999999994, 0.9999999999999999, 0.0, 0.49999999999999994];
    assert_eq!(answer(umbridge::gradient, &neuron(&wrt)), json!({"output": gradient}));
    assert_eq!(answer(umbridge::apply_jacobian, &neuron(&wrt)), json!({"output": [-1.4999999999999998]}));
    let wrt = json!({"outWrt": 0, "inWrt1": 0, "inWrt2": 0, "sens": [2], "vec": [0, 0, 0, 0, 1]});
    // The second derivatives for b are -2 tanh (1 - tanh²) times the inner derivatives, which are w1, w2, x1, x2 and 1.
    let twice = -2.0 * std::f64::consts::FRAC_1_SQRT_2;
    let product = answer(umbridge::apply_hessian, &neuron(&wrt))["output"].clone();
    let product: Vec<f64> = serde_json::from_value(product).unwrap();
    for (found, inner) in product.iter().zip([-3.0, 1.0, 2.0, 0.0, 1.0]) {
        assert!((found - twice * inner).abs() < 1e-14, "{product:?}");
    }
}

#[test]
fn actions_are_products_with_the_jacobian_and_the_hessian() {
    // At x = 2, y = 3: u = x²y, v = sin(xy); inputs are y, x in this order.
    let (x, y) = (2.0_f64, 3.0_f64);
    let (sin, cos) = (x * y).sin_cos();
    let jacobian = [[x * x, 2.0 * x * y], [x * cos, y * cos]];
    let close = |found: &Value, expected: &[f64]| {
        let found: Vec<f64> = serde_json::from_value(found["output"].clone()).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "{found} {expected}");
        }
    };
    let evaluated = answer(umbridge::evaluate, &two(&json!({})))["output"][0].clone();
    close(&json!({"output": evaluated}), &[12.0, sin]);
    let (sens, vec) = ([0.5, -2.0], [1.5, 0.25]);
    let call = two(&json!({"outWrt": 0, "inWrt": 0, "inWrt1": 0, "inWrt2": 0, "sens": sens, "vec": vec}));
    let column = |j: usize| sens[0] * jacobian[0][j] + sens[1] * jacobian[1][j];
    close(&answer(umbridge::gradient, &call), &[column(0), column(1)]);
    let row = |i: usize| jacobian[i][0] * vec[0] + jacobian[i][1] * vec[1];
    close(&answer(umbridge::apply_jacobian, &call), &[row(0), row(1)]);
    let hessians = [
        [[0.0, 2.0 * x], [2.0 * x, 2.0 * y]],
        [[-x * x * sin, cos - x * y * sin], [cos - x * y * sin, -y * y * sin]],
    ];
    let product = |i: usize| -> f64 {
        (0..2).map(|o| sens[o] * (hessians[o][i][0] * vec[0] + hessians[o][i][1] * vec[1])).sum()
    };
    close(&answer(umbridge::apply_hessian, &call), &[product(0), product(1)]);
}

/// A context with these models, by name.
fn with_named(models: &[(&str, Value)]) -> Context {
    let context = with_models();
    let stored = |definition: &Value| {
        Arc::new(Stored::new(definition.to_string().as_bytes(), &Context::default()).expect("a model"))
    };
    let named: BTreeMap<String, Arc<Stored>> =
        models.iter().map(|(name, definition)| ((*name).to_owned(), stored(definition))).collect();
    context.models.name(named);
    context
}

#[test]
fn named_models_take_the_inputs_that_they_declare() {
    let decay = json!({"expression": "a*exp(-b*t)", "inputs": ["a", "t"], "defaults": {"b": 0, "a": 9}});
    let network = json!({"mlp": {"inputs": 2, "layers": [{"units": 3, "activation": "relu"}, {"units": 2}]}});
    let context = with_named(&[("decay", decay), ("net", network.clone())]);
    let info = serde_json::to_value(umbridge::info(&context.models)).unwrap();
    assert_eq!(info, json!({"protocolVersion": 1.0, "models": ["expression", "decay", "net"]}));
    assert_eq!(
        answer_in(&context, umbridge::input_sizes, &json!({"name": "decay"})),
        json!({"inputSizes": [2]})
    );
    let call =
        json!({"name": "decay", "input": [[4, 100]], "sens": [1], "outWrt": 0, "inWrt": 0, "config": {}});
    assert_eq!(answer_in(&context, umbridge::evaluate, &call), json!({"output": [[4.0]]}));
    let gradient = answer_in(&context, umbridge::gradient, &call);
    // The gradient of `b`, which callers do not give, is not asked for.
    assert_eq!(gradient, json!({"output": [1.0, 0.0]}));

    let support = answer_in(&context, umbridge::model_info, &json!({"name": "net"}))["support"].clone();
    assert_eq!((&support["Evaluate"], &support["Gradient"]), (&json!(true), &json!(false)));
    let sizes = answer_in(&context, umbridge::output_sizes, &json!({"name": "net"}));
    assert_eq!(sizes, json!({"outputSizes": [2]}));
    let call = json!({"name": "net", "input": [[0.5, -1]]});
    let mut request = network;
    request["data"] = json!({"x": [[0.5, -1]]});
    let outputs = answer(gradd::api::evaluate::answer, &request)["outputs"].clone();
    assert_eq!(answer_in(&context, umbridge::evaluate, &call)["output"], outputs);
}

fn told(problem: &Problem) -> (String, String) {
    let (status, body) = error(problem);
    assert_eq!(status, 400);
    let told: Value = serde_json::from_slice(&body).unwrap();
    let text = |member: &str| told["error"][member].as_str().expect("text").to_owned();
    (text("type"), text("message"))
}

#[test]
fn errors_name_what_was_expected() {
    let network = json!({"mlp": {"inputs": 1, "layers": [{"units": 1}]}});
    let context = with_named(&[("decay", json!({"expression": "exp(-t)"})), ("net", network)]);
    let gradient =
        |call: Value| umbridge::gradient(call.to_string().as_bytes(), &context).expect_err("an error");
    let call = |more: Value| {
        let mut call = json!({"name": "decay", "input": [[1]], "sens": [1], "outWrt": 0, "inWrt": 0});
        call.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        call
    };
    for (call, kind, words) in [
        (call(json!({"name": "dekay"})), "ModelNotFound", &["`dekay`", "`expression`, `decay`, `net`"][..]),
        (call(json!({"name": "net"})), "UnsupportedFeature", &["Evaluate but not Gradient"]),
        (call(json!({"input": [[1, 2]]})), "InvalidInput", &["2 numbers", "1 inputs (`t`)"]),
        (call(json!({"input": [[1], [2]]})), "InvalidInput", &["2 vectors", "1 input vector"]),
        (call(json!({"input": [1]})), "InvalidInput", &["an array"]),
        (call(json!({"sens": []})), "InvalidInput", &["`sens` has 0 numbers"]),
        (call(json!({"outWrt": 1})), "InvalidInput", &["0, not 1"]),
        (call(json!({"inWrt": -1})), "InvalidInput", &["-1"]),
        (call(json!({"config": {"expression": "t"}})), "InvalidInput", &["takes no `config`"]),
        (json!({"name": "decay"}), "InvalidInput", &["`input` is missing"]),
        (call(json!({"input": [[-1e3]]})), "InvalidOutput", &["Infinity"]),
        (call(json!({"name": "expression", "config": {"expression": "x +"}})), "InvalidInput", &["column 4"]),
        (
            call(json!({"name": "expression", "config": {"expression": "x*z", "inputs": ["x", "y"]}})),
            "InvalidInput",
            &["/config/inputs/1", "no input `y`", "`z` is not named"],
        ),
    ] {
        let (r#type, message) = told(&gradient(call.clone()));
        assert_eq!(r#type, kind, "{call} {message}");
        words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is not in {message:?}"));
    }
    assert_eq!(told(&Problem::new(Kind::DEADLINE_EXCEEDED, "late")).0, "DeadlineExceeded");
}

#[test]
fn a_config_is_prepared_once() {
    let context = with_models();
    let call = json!({"name": "expression", "input": [[2]], "config": {"expression": "x^2"}});
    assert_eq!(answer_in(&context, umbridge::evaluate, &call), json!({"output": [[4.0]]}));
    let hash =
        answer_in(&with_models(), gradd::api::models::answer, &json!({"expression": "x^2"}))["model"].clone();
    let named = json!({"model": hash, "inputs": {"x": 3}});
    assert_eq!(answer_in(&context, gradd::api::evaluate::answer, &named)["outputs"]["output"], 9.0);

    // A server that keeps nothing answers as well.
    let context = Context { models: Arc::new(Models::new(0)), ..Context::default() };
    assert_eq!(answer_in(&context, umbridge::evaluate, &call), json!({"output": [[4.0]]}));
    let operation: Operation = gradd::api::evaluate::answer;
    assert_eq!(slug(&operation(named.to_string().as_bytes(), &context).unwrap_err()), "unknown-model");
    assert_eq!(pointers(&problem(umbridge::evaluate, &json!({"name": 1, "input": []}))), ["/name"]);
    // Also after a config, which is kept as its text.
    let call = json!({"config": {"expression": "x^2"}, "name": "expression", "input": [[2], 1]});
    assert_eq!(pointers(&problem(umbridge::evaluate, &call)), ["/input/1"]);
}
