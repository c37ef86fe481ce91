//! JSON graphs: correct ones in any order, and every fault with its place.

use gradd::api::{Limits, evaluate, gradient};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, problem_within, slug};

fn graph(nodes: Value) -> Value {
    json!({"graph": {"nodes": nodes}})
}

#[test]
fn any_order_gives_the_same_bits() {
    let mut nodes = vec![
        json!({"id": "out", "op": "div", "inputs": ["s", "c"]}),
        json!({"id": "s", "op": "sin", "inputs": ["p"]}),
        json!({"id": "c", "op": "add", "inputs": ["q", 3]}),
        json!({"id": "q", "op": "exp", "inputs": ["b"]}),
        json!({"id": "p", "op": "mul", "inputs": ["a", "b"]}),
        json!({"id": "a", "op": "input", "value": 0.7}),
        json!({"id": "b", "op": "input", "value": -1.3}),
    ];
    let first = answer(gradient::answer, &graph(json!(nodes)));
    for _ in 0..nodes.len() {
        nodes.rotate_left(1);
        let mut again = answer(gradient::answer, &graph(json!(nodes)));
        assert_eq!(again, first);
        again["outputs"].take();
        nodes.swap(0, 3);
        assert_eq!(answer(gradient::answer, &graph(json!(nodes))), first);
    }
}

#[test]
fn operands_may_be_numbers_and_values_inline() {
    let nodes = json!([
        {"id": "a", "op": "input", "value": [1, 2]},
        {"id": "k", "op": "const", "value": 10},
        {"id": "y", "op": "add", "inputs": ["ak", 1]},
        {"id": "ak", "op": "mul", "inputs": ["a", "k"]}
    ]);
    let found = answer(gradient::answer, &graph(nodes));
    assert_eq!(found, json!({"outputs": {"y": [11.0, 21.0]}, "gradients": {"a": [10.0, 10.0]}}));
}

#[test]
fn ids_are_found_at_any_distance_and_are_unique_over_any() {
    let mut nodes = vec![json!({"id": "first", "op": "add", "inputs": ["n1900", "n0"]})];
    nodes.extend((0..2_000).map(|i| json!({"id": format!("n{i}"), "op": "input", "value": i})));
    nodes.push(json!({"id": "last", "op": "sum", "inputs": ["n0", "n500", "n1000", "n1999", "first"]}));
    let body = |nodes: &[Value]| json!({"graph": {"nodes": nodes}, "outputs": ["first", "last"]});
    let found = answer(evaluate::answer, &body(&nodes));
    assert_eq!(found, json!({"outputs": {"first": 1_900.0, "last": 5_399.0}}));
    for i in [1_301, 700, 1_300] {
        nodes[i]["id"] = json!("n3");
    }
    let found = problem(evaluate::answer, &body(&nodes));
    let places = ["/graph/nodes/700/id", "/graph/nodes/1300/id", "/graph/nodes/1301/id"];
    assert_invalid(&found, &places, &["The id `n3` is taken by"]);
}

#[test]
fn a_member_that_is_null_is_not_given() {
    let nodes = json!([
        {"id": "a", "op": "input", "inputs": null, "value": 3, "label": null},
        {"id": "y", "op": "neg", "inputs": ["a"], "value": null}
    ]);
    assert_eq!(answer(evaluate::answer, &graph(nodes)), json!({"outputs": {"y": -3.0}}));
}

#[test]
fn all_faults_are_told_at_once() {
    let nodes = json!([
        {"id": "a", "op": "input"},
        {"id": "a", "op": "input"},
        {"id": "b", "op": "tanhh", "inputs": ["a"]},
        {"id": "c", "op": "mul", "inputs": ["a"]},
        {"id": "d", "op": "neg"},
        {"id": "e", "op": "add", "inputs": ["a", "zz"]},
        {"id": "f", "op": "const"},
        {"id": "g", "op": "const", "value": [1, 2]},
        {"id": "h", "op": "input", "inputs": ["a"]},
        {"id": "i", "op": "neg", "inputs": ["a"], "value": 1}
    ]);
    let body = json!({"graph": {"nodes": nodes}, "outputs": ["i"], "inputs": {"a": 1, "h": 1}});
    let found = problem(evaluate::answer, &body);
    assert_invalid(
        &found,
        &[
            "/graph/nodes/1/id",
            "/graph/nodes/5/inputs/1",
            "/graph/nodes/2/op",
            "/graph/nodes/3/inputs",
            "/graph/nodes/4",
            "/graph/nodes/6",
            "/graph/nodes/7/value",
            "/graph/nodes/8/inputs",
            "/graph/nodes/9/value",
        ],
        &[
            "The id `a` is taken by /graph/nodes/0",
            "did you mean `tanh`",
            "`mul` takes 2 operands",
            "`neg` takes 1 operand",
            "no node `zz`",
            "The `const` node `f` has no `value`",
        ],
    );
    assert!(found.detail.contains("9 faults"), "{}", found.detail);
}

#[test]
fn faults_are_told_up_to_a_bound() {
    let nodes: Vec<Value> = (0..100).map(|i| json!({"id": i.to_string(), "op": "no"})).collect();
    let found = problem(evaluate::answer, &json!({"graph": {"nodes": nodes}, "outputs": ["0"]}));
    assert_eq!(found.errors.len(), 20);
    assert!(found.detail.contains("100 faults"), "{}", found.detail);
}

#[test]
fn a_cycle_is_told_with_its_nodes() {
    let nodes = json!([
        {"id": "x", "op": "input", "value": 1},
        {"id": "p", "op": "add", "inputs": ["x", "r"]},
        {"id": "q", "op": "neg", "inputs": ["p"]},
        {"id": "r", "op": "mul", "inputs": ["x", "q"]},
        {"id": "o", "op": "exp", "inputs": ["r"]}
    ]);
    let found = problem(gradient::answer, &graph(nodes));
    assert_invalid(&found, &["/graph/nodes/2/inputs/0"], &["cycle of 3 nodes", "`p`, `r`, `q`"]);
    let own = json!([{"id": "x", "op": "add", "inputs": ["x", 1]}]);
    let found = problem(gradient::answer, &graph(own));
    assert_invalid(&found, &["/graph/nodes/0/inputs/0"], &["`x` depends on itself"]);
}

#[test]
fn a_long_chain_and_a_long_cycle_need_no_stack() {
    let count = 300_000;
    let chain = move |first: &str| {
        let mut nodes = vec![json!({"id": "n0", "op": "add", "inputs": [first, 1]})];
        nodes.extend(
            (1..count)
                .map(|i| json!({"id": format!("n{i}"), "op": "add", "inputs": [format!("n{}", i - 1), 1]})),
        );
        nodes.push(json!({"id": "x", "op": "input", "value": 0}));
        nodes.reverse();
        graph(json!(nodes))
    };
    let run = move || {
        let found = answer(gradient::answer, &chain("x"));
        assert_eq!(found["outputs"]["n299999"], 300_000.0);
        assert_eq!(found["gradients"]["x"], 1.0);
        let last = format!("n{}", count - 1);
        let found = problem(gradient::answer, &chain(&last));
        assert!(found.detail.contains("cycle of 300000 nodes"), "{}", found.detail);
        assert!(found.detail.contains("and 299990 more"), "{}", found.detail);
    };
    std::thread::Builder::new().stack_size(512 * 1024).spawn(run).unwrap().join().unwrap();
}

#[test]
fn several_ends_need_outputs() {
    let nodes = json!([
        {"id": "x", "op": "input", "value": 2},
        {"id": "unused", "op": "input", "value": 5},
        {"id": "a", "op": "neg", "inputs": ["x"]},
        {"id": "b", "op": "exp", "inputs": [0]}
    ]);
    let found = problem(evaluate::answer, &graph(nodes.clone()));
    assert_invalid(&found, &["/graph"], &["2 nodes", "`a`, `b`", "`outputs`"]);
    let found = answer(evaluate::answer, &json!({"graph": {"nodes": nodes}, "outputs": ["b", "a"]}));
    assert_eq!(found, json!({"outputs": {"b": 1.0, "a": -2.0}}));
}

#[test]
fn values_go_to_inputs_alone() {
    let nodes = json!([
        {"id": "x", "op": "input"},
        {"id": "y", "op": "input", "value": 1},
        {"id": "k", "op": "const", "value": 1},
        {"id": "xy", "op": "mul", "inputs": ["x", "y"], "label": "product"},
        {"id": "o", "op": "add", "inputs": ["xy", "k"]}
    ]);
    let body = json!({"graph": {"nodes": nodes}, "inputs": {"y": 1, "k": 2, "xy": 3, "z": 4}});
    let found = problem(evaluate::answer, &body);
    assert_invalid(
        &found,
        &["/inputs/k", "/inputs/xy", "/inputs/z", "/graph/nodes/1/value", "/inputs"],
        &[
            "the `mul` node `xy` (labelled `product`)",
            "no input `z`",
            "`y` is given twice",
            "The input `x` has no value",
        ],
    );
}

#[test]
fn an_empty_graph_and_a_large_one_are_refused() {
    assert_invalid(&problem(evaluate::answer, &graph(json!([]))), &["/graph/nodes"], &["no nodes"]);
    let limits = Limits { max_nodes: 2, ..Limits::default() };
    let nodes = json!([
        {"id": "a", "op": "input", "value": 1},
        {"id": "b", "op": "neg", "inputs": ["a"]},
        {"id": "c", "op": "neg", "inputs": ["b"]}
    ]);
    let found = problem_within(limits, evaluate::answer, &graph(nodes));
    assert_eq!((slug(&found), found.limit, found.actual), ("limit-exceeded", Some(2), Some(3)));
    assert_eq!(found.setting.as_deref(), Some("max_nodes"));
}
