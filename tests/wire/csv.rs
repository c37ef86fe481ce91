//! Data as CSV: the same as rows and columns, and every fault with row and column.

use gradd::api::{evaluate, fit, gradient, train};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, untimed};

const FLOWERS: &str = "a,b,kind\n0,0.5,rose\n1, 2,iris\n0.1,0.4,rose\n\"0.9\",1.5,iris\n";

fn flowers() -> Value {
    json!({
        "mlp": {"inputs": 2, "layers": [{"units": 3, "activation": "tanh"}, {"units": 2}], "loss": "cross_entropy"},
        "data": {"csv": FLOWERS, "target": "kind"},
        "optimizer": {"adam": {"learning_rate": 0.1}}, "steps": 40
    })
}

fn with(mut body: Value, data: Value) -> Value {
    body["data"] = data;
    body
}

#[test]
fn a_table_trains_like_its_rows() {
    let mut expected = untimed(answer(
        train::answer,
        &with(flowers(), json!({"x": [[0, 0.5], [1, 2], [0.1, 0.4], [0.9, 1.5]], "y": [1, 0, 1, 0]})),
    ));
    let found = untimed(answer(train::answer, &flowers()));
    expected["classes"] = json!(["iris", "rose"]);
    assert_eq!(found, expected);
    assert_eq!(found["metrics"]["confusion_matrix"], json!([[2, 0], [0, 2]]));
}

#[test]
fn features_choose_and_order_the_inputs() {
    let rows = json!({"x": [[0.5, 0], [2, 1], [0.4, 0.1], [1.5, 0.9]], "y": [1, 0, 1, 0]});
    let csv = json!({"features": ["b", "a"], "target": "kind", "csv": FLOWERS.replace('\n', "\r\n").replace("kind", "kind,id").replace("rose", "rose,x").replace("iris", "iris,y")});
    let body = |data| {
        let mut body = with(flowers(), data);
        body.as_object_mut().unwrap().retain(|name, _| name == "mlp" || name == "data");
        body
    };
    for operation in [evaluate::answer, gradient::answer] {
        assert_eq!(answer(operation, &body(csv.clone())), answer(operation, &body(rows.clone())));
    }
}

#[test]
fn classes_go_by_the_names_that_training_answers() {
    let mut body = flowers();
    let trained = answer(train::answer, &body);
    body = json!({"mlp": body["mlp"], "data": {"csv": "a,b,kind\n0,0.5,rose\n", "target": "kind"}});
    assert_invalid(&problem(evaluate::answer, &body), &["/data/csv"], &["1 classes (`rose`)", "mlp.classes"]);
    body["mlp"]["parameters"] = trained["parameters"].clone();
    body["mlp"]["classes"] = trained["classes"].clone();
    let found = answer(evaluate::answer, &body);
    // Taken for class 0, the loss would be above ln 2.
    assert!(found["loss"].as_f64().unwrap() < 0.5, "{found}");
    body["data"]["csv"] = json!("a,b,kind\n0,0.5,rosa\n");
    let words = ["Row 1 (line 2), column `kind`: `rosa` is none of the classes `iris`, `rose`."];
    assert_invalid(&problem(evaluate::answer, &body), &["/data/csv"], &words);
    for (classes, place) in [(json!(["a"]), "/mlp/classes"), (json!(["a", "a"]), "/mlp/classes/1")] {
        body["mlp"]["classes"] = classes;
        assert_invalid(&problem(evaluate::answer, &body), &[place], &[]);
    }
    body["mlp"]["loss"] = json!("mse");
    assert_invalid(&problem(evaluate::answer, &body), &["/mlp/classes"], &["compares numbers"]);
}

#[test]
fn two_classes_fit_one_output() {
    for (loss, targets) in [("bce_with_logits", [0, 1]), ("hinge", [-1, 1])] {
        let mut body = flowers();
        body["mlp"]["loss"] = json!(loss);
        body["mlp"]["layers"][1]["units"] = json!(1);
        let [iris, rose] = targets;
        let mut rows = body.clone();
        rows["data"] = json!({
            "x": [[0, 0.5], [1, 2], [0.1, 0.4], [0.9, 1.5]],
            "y": [[rose], [iris], [rose], [iris]]
        });
        let found = answer(train::answer, &body);
        assert_eq!(found["parameters"], answer(train::answer, &rows)["parameters"], "{loss}");
        assert_eq!(found["classes"], json!(["iris", "rose"]));
    }
}

#[test]
fn numbers_are_targets_as_they_are() {
    let mut body = with(flowers(), json!({"csv": "x,y\n0,1\n1,0\n2,1\n", "target": "y"}));
    body["mlp"]["inputs"] = json!(1);
    let classes = json!({"x": [[0], [1], [2]], "y": [1, 0, 1]});
    let expected = untimed(answer(train::answer, &with(body.clone(), classes)));
    assert_eq!(untimed(answer(train::answer, &body)), expected);
    body["mlp"]["layers"][1]["units"] = json!(1);
    body["mlp"]["loss"] = json!("mse");
    let numbers = json!({"x": [[0], [1], [2]], "y": [[1], [0], [1]]});
    let expected = untimed(answer(train::answer, &with(body.clone(), numbers)));
    assert_eq!(untimed(answer(train::answer, &body)), expected);
}

#[test]
fn validation_takes_the_columns_of_the_data() {
    let mut body = flowers();
    body["data"]["features"] = json!(["b", "a"]);
    body["validation"] = json!({"csv": "kind,a,b,more\nrose,0,0.4,x\n"});
    let found = answer(train::answer, &body);
    assert_eq!(found["validation"]["metrics"]["confusion_matrix"], json!([[0, 0], [0, 1]]));
    body["validation"] = json!({"csv": "kind,a,b\nrose,0,0.4\nrose,0\n"});
    let words = ["Row 2 (line 3) has 2 cells, but the header has 3;"];
    assert_invalid(&problem(train::answer, &body), &["/validation/csv"], &words);
}

#[test]
fn columns_of_an_expression_come_by_name() {
    let columns = json!({"t": [0, 1, 2], "y": [2, 1.2, 0.7]});
    let csv = json!({"csv": "y,t\n2,0\n1.2,1\n0.7,2\n"});
    let mut body = json!({
        "expression": "(a*exp(-b*t) - y)^2", "parameters": {"a": 1, "b": 0.1},
        "optimizer": {"sgd": {"learning_rate": 0.1}}, "steps": 20, "validation": columns, "data": columns
    });
    let expected = untimed(answer(train::answer, &body));
    body["data"] = csv.clone();
    body["validation"] = csv.clone();
    assert_eq!(untimed(answer(train::answer, &body)), expected);
    let measured = json!({"expression": "a*exp(-b*t)", "target": "y", "parameters": {"a": 1, "b": 0.1}, "data": columns});
    assert_eq!(answer(fit::answer, &with(measured.clone(), csv)), answer(fit::answer, &measured));
    for (data, places, word) in [
        (json!({"csv": "y,t,id\n2,0,7\n"}), &["/data/csv"][..], "no input `id`; `features` chooses"),
        (json!({"csv": "y,t,id\n2,0,7\n", "features": ["y"]}), &[""], "`t` has no value"),
        (json!({"csv": "y,t\n2,0\n", "target": "y"}), &["/data/target"], "for an MLP"),
        (json!({"csv": "y,t\n2,?\n"}), &["/data/csv"], "column `t`: `?` is not a finite number"),
    ] {
        assert_invalid(&problem(train::answer, &with(body.clone(), data)), places, &[word]);
    }
}

#[test]
fn inputs_may_be_called_like_the_members_of_a_csv() {
    let body = json!({
        "expression": "(csv*k + features - target)^2", "parameters": {"k": 1},
        "data": {"csv": [1, 2], "features": [1, "NaN"], "target": 3},
        "optimizer": {"sgd": {"learning_rate": 0.1}}, "steps": 1, "batch_size": 1
    });
    // The first row alone: (1 + 1 - 3)² falls by 2 · 0.1 on k, then the second is not a number.
    assert!(problem(train::answer, &body).detail.contains("NaN"));
    let mut finite = body.clone();
    finite["data"]["features"] = json!([1, 2]);
    let found = answer(train::answer, &finite);
    assert_eq!(found["parameters"]["k"], json!(1.2));
}

#[test]
fn every_fault_of_a_table_is_told_with_its_row_and_column() {
    let csv = |text: &str| json!({"csv": text, "target": "kind"});
    let at = |member: &str| format!("/data/{member}");
    for (data, places, words) in [
        (csv("a,b,kind\n1,2\n"), vec![at("csv")], vec!["Row 1 (line 2) has 2 cells, but the header has 3;"]),
        (
            csv("a,b,kind\n1,,rose\n\n2,x,iris\n3,4,\n"),
            vec![at("csv"); 3],
            vec![
                "Row 1 (line 2), column `b`: the cell is empty; fill it, or leave out the row.",
                "Row 2 (line 4), column `b`: `x` is not a finite number; correct it, or leave out the row, or the column by `features`.",
                "Row 3 (line 5), column `kind`: the cell is empty; fill it, or leave out the row.",
            ],
        ),
        (csv("a,b,kind\n1,nan,rose\n"), vec![at("csv")], vec!["`nan` is not a finite number"]),
        (csv(""), vec![at("csv")], vec!["The CSV is empty"]),
        (csv("a,b,kind\n"), vec![at("csv")], vec!["no rows below its header"]),
        (csv("a,a,kind\n1,2,rose\n"), vec![at("csv")], vec!["names the column `a` twice"]),
        (csv("a,,kind\n1,2,rose\n"), vec![at("csv")], vec!["Column 2 of the header has no name"]),
        (csv("a,b,kinds\n1,2,rose\n"), vec![at("target")], vec!["no column `kind`; did you mean `kinds`?"]),
        (
            json!({"csv": FLOWERS, "target": "kind", "features": ["a", "c", "a", "kind"]}),
            vec![at("features/1"), at("features/1"), at("features/2")],
            vec!["no column `c`", "`a` is taken twice", "`kind` is taken twice"],
        ),
        (
            csv("a,b,c,kind\n1,2,3,rose\n"),
            vec![at("csv")],
            vec!["3 columns of inputs (`a`, `b`, `c`)", "2 inputs"],
        ),
        (
            csv("a,b,kind\n1,2,rose\n3,4,iris\n5,6,lily\n"),
            vec![at("csv")],
            vec!["3 classes (`iris`, `lily`, `rose`)"],
        ),
        (
            csv("a,b,kind\n1,2,0\n3,4,2\n5,6,0.5\n"),
            vec![at("csv"); 2],
            vec!["Row 2 (line 3), column `kind`: `2` is not a class", "whole number from 0 to 1", "`0.5`"],
        ),
        (
            json!({"csv": FLOWERS, "features": ["a", "b"]}),
            vec!["/data".to_owned()],
            vec!["`target` is missing"],
        ),
        (json!({"csv": FLOWERS, "targets": "kind"}), vec!["/data/targets".to_owned()], vec![]),
        (json!({"csv": FLOWERS, "x": [[1]]}), vec!["/data".to_owned()], vec!["no field `x`"]),
        (json!({"csv": FLOWERS, "target": 3}), vec!["/data".to_owned()], vec!["name of a column"]),
        (json!({"target": "kind", "x": [[1]]}), vec!["/data".to_owned()], vec!["text goes with a `csv`"]),
    ] {
        let places: Vec<&str> = places.iter().map(String::as_str).collect();
        assert_invalid(&problem(train::answer, &with(flowers(), data)), &places, &words);
    }
    let mut body = flowers();
    body["mlp"]["loss"] = json!("mse");
    assert_invalid(&problem(train::answer, &body), &["/data/csv"], &["one target per row", "2 outputs"]);
    body["mlp"]["layers"][1]["units"] = json!(1);
    let words = ["Row 1 (line 2), column `kind`: `rose` is not a finite number."];
    assert_invalid(&problem(train::answer, &body), &["/data/csv"; 4], &words);
    let many = format!("a,b,kind\n{}", "1,,rose\n".repeat(50));
    let found = problem(train::answer, &with(flowers(), csv(&many)));
    assert_eq!(found.errors.len(), 20);
    assert!(found.detail.contains("50 faults"), "{}", found.detail);
}

#[test]
fn faults_of_a_table_point_to_its_text() {
    let measured = |csv: &str| {
        json!({
            "expression": "a*x", "target": "y", "sigma": "s", "parameters": {"a": 1}, "data": {"csv": csv}
        })
    };
    answer(fit::answer, &measured("x,y,s\n1,2,1\n2,4,0.5\n3,5,1\n"));
    let words = ["Row 2 (line 4), column `s`: A standard deviation is 0.0", "above 0"];
    let found = problem(fit::answer, &measured("x,y,s\n1,2,1\n\n2,4,0\n3,5,1\n"));
    assert_invalid(&found, &["/data/csv"], &words);
    for (csv, word) in [
        ("x,y,s\n1,one,1\n2,4,1\n", "Row 1 (line 2), column `y`: `one` is not a finite number"),
        ("x,y,s\n1,2,1\n2,,1\n", "Row 2 (line 3), column `y`: the cell is empty"),
        ("x,y,s,t\n1,2,1,1\n2,3,1,1\n", "no input `t`; `features` chooses"),
        ("x,y,s,a\n1,2,1,1\n2,3,1,1\n", "`a` is given twice"),
        ("x,y,y\n1,2,1\n", "names the column `y` twice"),
    ] {
        assert_invalid(&problem(fit::answer, &measured(csv)), &["/data/csv"], &[word]);
    }
    // Without a table, the same are members of the data.
    let mut arrays = measured("");
    arrays["data"] = json!({"x": [1, 2], "y": [2, 4], "s": [1, 0]});
    assert_invalid(&problem(fit::answer, &arrays), &["/data/s/1"], &["A standard deviation is 0.0"]);
    // What an MLP makes of a table, and what single precision cannot hold of it.
    let mut body = json!({
        "mlp": {"inputs": 1, "layers": [{"units": 1}], "parameters": [{"weight": [[1e300]], "bias": [0]}]},
        "data": {"csv": "x,y\n1e200,1\n", "target": "y"}
    });
    let place = |body: &Value| problem(gradient::answer, body).errors[0].pointer.clone();
    assert_eq!(place(&body).as_deref(), Some("/data/csv"));
    body["mlp"]["parameters"][0]["weight"] = json!([[1]]);
    assert_eq!(place(&body).as_deref(), Some("/data/csv"), "the loss");
    body["mlp"]["dtype"] = json!("f32");
    assert_eq!(place(&body).as_deref(), Some("/data/csv"), "the rounding");
}
