//! JSON that is broken, or not what was expected.

use gradd::api::{Context, evaluate, gradient, train};
use serde_json::json;

use super::{assert_invalid, problem, problem_of_bytes, slug};

#[test]
fn an_empty_body_says_how_to_post() {
    for body in ["", " \n\t"] {
        let problem = problem_of_bytes(gradient::answer, body.as_bytes());
        assert_eq!((slug(&problem), problem.status), ("malformed-body", 400));
        assert!(problem.detail.contains("curl --json"), "{}", problem.detail);
    }
}

#[test]
fn broken_json_has_a_line_and_a_column() {
    for (body, line, column) in [
        (&b"{\"expression\": \"x"[..], 1, 17),
        (b"{\"expression\": \"x\",\n \"inputs\": {\"x\": 1}", 2, 19),
        (b"{\"expression\": \"x\",\n \"inputs\": {\"x\": 01}}", 2, 19),
        (b"{\"expression\": \"x\", \"inputs\": {\"x\": NaN}}", 1, 37),
        (b"{\"expression\": \"x\",}", 1, 20),
        (b"{\"expression\": \"x\", \"inputs\": {\"x\": 1}} true", 1, 41),
        // Columns count characters, not bytes.
        ("{\"expression\": \"é\", ?}".as_bytes(), 1, 21),
    ] {
        let problem = problem_of_bytes(evaluate::answer, body);
        assert_eq!((slug(&problem), problem.status), ("malformed-body", 400), "{problem:#?}");
        let fault = &problem.errors[0];
        let text = String::from_utf8_lossy(body);
        assert_eq!((fault.line, fault.column), (Some(line), Some(column)), "{text}: {}", fault.detail);
    }
}

#[test]
fn invalid_utf8_is_malformed_json() {
    for body in [&b"{\"expression\": \"\xff\"}"[..], b"{\"expression\": \"x\"}\xc3", b"\xef\xbb\xbf{}"] {
        let problem = problem_of_bytes(evaluate::answer, body);
        assert_eq!((slug(&problem), problem.status), ("malformed-body", 400));
    }
    let problem = problem_of_bytes(evaluate::answer, b"{\n\"expression\": \"\xff\"}");
    assert_eq!((problem.errors[0].line, problem.errors[0].column), (Some(2), Some(16)));
    assert!(problem.detail.contains("UTF-8"));
}

#[test]
fn unknown_members_are_named_with_what_was_meant() {
    let found = problem(evaluate::answer, &json!({"expresion": "x"}));
    assert_invalid(&found, &["/expresion"], &["did you mean `expression`"]);
    let found = problem(evaluate::answer, &json!({"expression": "x", "inputs": {"x": 1}, "sgd": null}));
    assert_invalid(&found, &["/sgd"], &["`sgd`", "non_finite"]);
    let found = problem(gradient::answer, &json!({"expression": "x", "sgd": {"learning_rat": 1}}));
    assert_invalid(&found, &["/sgd/learning_rat"], &["did you mean `learning_rate`"]);
    let found =
        problem(gradient::answer, &json!({"graph": {"nodes": [{"id": "a", "op": "input", "lable": "x"}]}}));
    assert_invalid(&found, &["/graph/nodes/0/lable"], &["did you mean `label`"]);
    let found = problem(train::answer, &json!({"optimizer": {"adamax": {}}}));
    assert_invalid(&found, &["/optimizer/adamax"], &["`adamax`", "did you mean `adamw`?", "`sgd`"]);
}

#[test]
fn unknown_words_are_named_with_what_was_meant() {
    let found = problem(evaluate::answer, &json!({"expression": "1", "non_finite": "allowed"}));
    assert_invalid(&found, &["/non_finite"], &["did you mean `allow`"]);
    let mlp = json!({"inputs": 1, "layers": [{"units": 1, "activation": "tahn"}]});
    let found = problem(evaluate::answer, &json!({"mlp": mlp}));
    assert_invalid(&found, &["/mlp/layers/0/activation"], &["did you mean `tanh`", "`softplus`"]);
    let found = problem(gradient::answer, &json!({"expression": "1", "reduction": {"sum": null}}));
    assert_invalid(&found, &["/reduction"], &["`mean`"]);
}

#[test]
fn wrong_types_are_named_with_what_was_expected() {
    for (body, place, word) in [
        (json!({"expression": 1}), "/expression", "a string"),
        (json!({"expression": "x", "inputs": []}), "/inputs", "object"),
        (json!({"expression": "x", "inputs": {"x": "1"}}), "/inputs/x", "a number"),
        (json!({"expression": "x", "inputs": {"x": true}}), "/inputs/x", "a number"),
        (json!({"expression": "x", "inputs": {"x": [1, [2]]}}), "/inputs/x/1", "a number"),
        (json!({"expression": "x", "inputs": {"x": [1, null]}}), "/inputs/x/1", "a number"),
        (json!({"expression": "x", "inputs": {"a/b~c": {}}}), "/inputs/a~1b~0c", "a number"),
        (json!({"expression": "x", "outputs": "x"}), "/outputs", "Expected an array, found string"),
        (json!({"graph": {"nodes": {}}}), "/graph/nodes", "an array of nodes"),
        (json!({"graph": {"nodes": [["a", "input"]]}}), "/graph/nodes/0", "a node"),
        (json!({"graph": {"nodes": [{"id": 1, "op": "input"}]}}), "/graph/nodes/0/id", "a string"),
        (
            json!({"graph": {"nodes": [{"id": "a", "op": "neg", "inputs": [null]}]}}),
            "/graph/nodes/0/inputs/0",
            "the id of a node or a number",
        ),
        (json!({"mlp": {"inputs": 1.5, "layers": []}}), "/mlp/inputs", "a whole number"),
        (json!({"mlp": {"inputs": -1, "layers": []}}), "/mlp/inputs", "a whole number"),
        (json!({"mlp": {"inputs": 1, "layers": [[1]]}}), "/mlp/layers/0", "an object"),
        (json!({"mlp": [1, []]}), "/mlp", "an object"),
        (json!({"mlp": {"layers": []}}), "/mlp", "`inputs`"),
        (json!({"data": {"x": [[1, 2], [3]]}}), "/data/x/1", "Row 1 holds 1 numbers"),
        (json!({"data": {"x": [[1], 2]}}), "/data/x/1", "array"),
        (json!({"data": {"x": "no"}}), "/data/x", "array"),
    ] {
        let found = problem(evaluate::answer, &body);
        assert_invalid(&found, &[place], &[word]);
    }
}

#[test]
fn an_array_is_no_object() {
    let found = problem_of_bytes(evaluate::answer, br#"["x", null, null, {"x": 1}, null, null, null]"#);
    assert_invalid(&found, &[""], &["an object"]);
    let found = problem(gradient::answer, &json!({"expression": "x", "inputs": {"x": 1}, "sgd": [0.1]}));
    assert_invalid(&found, &["/sgd"], &["an object"]);
}

#[test]
fn a_member_that_comes_twice_is_refused() {
    let found = problem_of_bytes(evaluate::answer, br#"{"expression": "x", "expression": "y"}"#);
    assert_invalid(&found, &["/expression"], &["twice"]);
    let found = problem_of_bytes(evaluate::answer, br#"{"expression": "x", "inputs": {"x": 1, "x": 2}}"#);
    assert_invalid(&found, &["/inputs/x"], &["twice"]);
    let body = br#"{"graph": {"nodes": [{"id": "a", "op": "input", "op": "const"}]}}"#;
    assert_invalid(&problem_of_bytes(evaluate::answer, body), &["/graph/nodes/0/op"], &["twice"]);
}

#[test]
fn numbers_beyond_double_precision_are_named() {
    let found = problem_of_bytes(evaluate::answer, br#"{"expression": "x", "inputs": {"x": [1, 1e999]}}"#);
    assert_invalid(&found, &["/inputs/x/1"], &["too large"]);
}

#[test]
fn deep_json_needs_no_stack() {
    let deep = format!(r#"{{"expression": "x", "inputs": {{"x": {}"#, "[".repeat(1_000_000));
    let found = problem_of_bytes(evaluate::answer, deep.as_bytes());
    // The first bracket opens an array of numbers, the second is no number.
    assert_invalid(&found, &["/inputs/x/0"], &["a number"]);
    for member in ["/a", "/graph/b", "/mlp/c", "/data/x/0/0"] {
        let keys: Vec<&str> = member[1..].split('/').collect();
        let open: String = keys
            .iter()
            .map(|key| if *key == "0" { "[".to_owned() } else { format!("{{\"{key}\": ") })
            .collect();
        let found = problem_of_bytes(evaluate::answer, format!("{open}{}", "[".repeat(1_000_000)).as_bytes());
        assert_invalid(&found, &[member], &[]);
    }
}

/// What comes after the first few thousand elements is broken, but is no longer looked at.
#[test]
fn an_interrupt_stops_the_reading() {
    let many = |element: &str| vec![element; 5000].join(",");
    let names: Vec<String> = (0..5000).map(|i| format!(r#""v{i}":1"#)).collect();
    let bodies = [
        format!(r#"{{"expression":"x","inputs":{{"x":[{}"#, many("1")),
        format!(r#"{{"expression":"x","inputs":{{{}"#, names.join(",")),
        format!(r#"{{"graph":{{"nodes":[{}"#, many(r#"{"id":"a","op":"input"}"#)),
        format!(r#"{{"mlp":{{"inputs":1,"layers":[{{"units":1}}]}},"data":{{"x":[{}"#, many("[1]")),
    ];
    for body in bodies {
        assert_eq!(slug(&problem_of_bytes(evaluate::answer, body.as_bytes())), "malformed-body");
        let context = Context::default();
        context.interrupt.cancel();
        assert_eq!(
            slug(&evaluate::answer(body.as_bytes(), &context).unwrap_err()),
            "draining",
            "{}",
            &body[..60]
        );
    }
}

/// The end of this text is wrong, too.
#[test]
fn an_interrupt_stops_the_parser() {
    let body = json!({"expression": format!("{}+(", vec!["x"; 100_000].join("+"))}).to_string();
    assert_eq!(slug(&problem_of_bytes(evaluate::answer, body.as_bytes())), "syntax");
    let context = Context::default();
    context.interrupt.cancel();
    assert_eq!(slug(&evaluate::answer(body.as_bytes(), &context).unwrap_err()), "draining");
}
