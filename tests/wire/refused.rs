//! Training that cannot be meant: each with its place and what to do about it.

use gradd::api::{fit, train};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem};

fn line() -> Value {
    json!({
        "expression": "(a*x + b - y)^2", "parameters": {"a": 0, "b": 0},
        "data": {"x": [0, 1, 2, 3], "y": [1, 3, 5, 7]}, "optimizer": {"sgd": {"learning_rate": 0.1}}, "steps": 5
    })
}

/// A network of two inputs and one output, whose data are a table.
fn table(loss: &str, csv: &str) -> Value {
    json!({
        "mlp": {"inputs": 2, "layers": [{"units": 3, "activation": "tanh"}, {"units": 1}], "loss": loss},
        "data": {"csv": csv, "target": "y"}, "optimizer": {"adam": {}}, "steps": 5
    })
}

fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

#[track_caller]
fn refused(body: &Value, place: &str, words: &[&str]) {
    assert_invalid(&problem(train::answer, body), &[place], words);
}

#[test]
fn a_learning_rate_that_leads_nowhere() {
    for name in ["sgd", "adam", "adamw", "rmsprop", "adagrad", "lbfgs"] {
        let place = format!("/optimizer/{name}/learning_rate");
        for rate in [json!(0), json!(-0.1), json!("NaN"), json!("Infinity")] {
            let body = with(line(), "optimizer", json!({name: {"learning_rate": rate}}));
            let word = if rate.is_string() { "Expected a number" } else { "must be finite and above 0" };
            refused(&body, &place, &[word]);
        }
    }
    let cycle = json!({"one_cycle": {"total_steps": 50, "max_lr": 0}});
    refused(&with(line(), "schedule", cycle), "/schedule/one_cycle/max_lr", &["must be finite and above 0"]);
}

#[test]
fn a_batch_larger_than_the_data() {
    let words = ["lower it, or leave it out"];
    refused(&with(line(), "batch_size", json!(5)), "/batch_size", &words);
    let body = with(table("mse", "a,b,y\n1,2,3\n4,5,6\n7,8,9\n"), "validation", json!({"fraction": 0.3}));
    answer(train::answer, &with(body.clone(), "batch_size", json!(2)));
    refused(&with(body, "batch_size", json!(3)), "/batch_size", &["there are 2 rows to train on", words[0]]);
}

#[test]
fn a_validation_that_leaves_nothing() {
    let remedy = "Lower the fraction, or send more rows.";
    let one = with(line(), "data", json!({"x": [1], "y": [3]}));
    refused(&with(one, "validation", json!({"fraction": 0.01})), "/validation/fraction", &[remedy]);
    let one = with(table("mse", "a,b,y\n1,2,3\n"), "validation", json!({"fraction": 0.5}));
    refused(&one, "/validation/fraction", &["1 of 1 rows", remedy]);
    // Nor are there rows of its own that hold nothing.
    let none = json!({"x": [], "y": []});
    let body = with(table("mse", "a,b,y\n1,2,3\n"), "validation", none);
    refused(&body, "/validation/x", &["at least one row"]);
    let body = with(table("mse", "a,b,y\n1,2,3\n"), "validation", json!({"csv": "a,b,y\n"}));
    refused(&body, "/validation/csv", &["no rows below its header"]);
}

#[test]
fn constant_columns_where_inputs_are_standardized() {
    let words = ["leave out what is constant", "`mlp.standardize`"];
    let body = with(table("mse", "a,b,y\n1,7,3\n2,7,6\n"), "standardize", json!(true));
    refused(&body, "/data/csv", &["The column `b` is the same in every row", words[0], words[1]]);
    // A row that is held back does not count.
    let body = with(body, "validation", json!({"csv": "a,b,y\n1,8,3\n"}));
    refused(&body, "/data/csv", &words);
}

#[test]
fn one_class_only() {
    let words = ["send rows of another class"];
    refused(&table("bce_with_logits", "a,b,y\n1,7,0\n2,7,0\n"), "/data/csv", &["of class 0", words[0]]);
    refused(&table("hinge", "a,b,y\n1,7,1\n2,7,1\n"), "/data/csv", &["of class 1", words[0]]);
    let names = "a,b,y\n1,7,rose\n2,7,rose\n";
    refused(&table("hinge", names), "/data/csv", &["1 classes (`rose`)", "name all in `mlp.classes`"]);
    let mut named = table("hinge", names);
    named["mlp"]["classes"] = json!(["iris", "rose"]);
    refused(&named, "/data/csv", &["of class `rose`", words[0]]);
    let mut plain = table("bce_with_logits", "");
    plain["data"] = json!({"x": [[1, 2], [3, 4]], "y": [1, 1]});
    refused(&plain, "/data/y", &words);
}

#[test]
fn targets_out_of_range() {
    let cell = |row: u32, value: &str| format!("Row {row} (line {}), column `y`: `{value}` is not", row + 1);
    let probability = table("bce_with_logits", "a,b,y\n1,7,0\n2,7,1\n2,7,1.5\n");
    refused(&probability, "/data/csv", &[&cell(3, "1.5"), "a number from 0 to 1"]);
    let sign = table("hinge", "a,b,y\n1,7,-1\n2,7,0\n2,7,1\n");
    refused(&sign, "/data/csv", &[&cell(2, "0"), "-1 or 1"]);
    let mut class = table("cross_entropy", "a,b,y\n1,7,0\n2,7,2\n");
    class["mlp"]["layers"][1]["units"] = json!(2);
    refused(&class, "/data/csv", &[&cell(2, "2"), "a whole number from 0 to 1"]);
    let held_back = json!({"csv": "a,b,y\n1,7,-1\n"});
    let body = with(table("bce_with_logits", "a,b,y\n1,7,0\n2,7,1\n"), "validation", held_back);
    refused(&body, "/validation/csv", &[&cell(1, "-1")]);
}

#[test]
fn bounds_that_cross() {
    let hold = "To hold a parameter fixed, give it as a number in `data`.";
    for bounds in [
        json!({"lower": 1, "upper": -1}),
        json!({"lower": 0, "upper": 0}),
        json!({"lower": "NaN"}),
        json!({"lower": "Infinity"}),
    ] {
        refused(&with(line(), "bounds", json!({"a": bounds})), "/bounds/a", &[hold]);
    }
    let outside = with(line(), "bounds", json!({"b": {"upper": -1}}));
    refused(&outside, "/parameters/b", &["`b` starts from 0.0", "start within, or widen them"]);
}

#[test]
fn tables_with_ragged_rows_and_missing_or_text_cells() {
    let bodies = |csv: &str| {
        let named = json!({"csv": csv, "features": ["x", "y"]});
        let columns = with(line(), "data", named.clone());
        let mut rows = table("mse", csv);
        rows["mlp"]["inputs"] = json!(1);
        rows["data"]["features"] = json!(["x"]);
        [columns, rows].into_iter().flat_map(|body| {
            // Where a table is the data, and where it is held back from good data.
            let mut held_back = body.clone();
            held_back["validation"] = body["data"].clone();
            held_back["data"]["csv"] = json!("x,y,note\n1,2,ok\n2,3,ok\n");
            [(body, "/data/csv"), (held_back, "/validation/csv")]
        })
    };
    for (csv, words) in [
        ("x,y,note\n1,2,ok\n2,3\n", ["Row 2 (line 3) has 2 cells, but the header has 3", "in quotes"]),
        ("x,y,note\n1,2,a, b\n", ["Row 1 (line 2) has 4 cells", "in quotes"]),
        ("x,y,note\n1,2,ok\n,3,ok\n", ["Row 2 (line 3), column `x`: the cell is empty", "leave out the row"]),
        (
            "x,y,note\n\n1,2,ok\n2,,ok\n",
            ["Row 2 (line 4), column `y`: the cell is empty", "leave out the row"],
        ),
        (
            "x,y,note\nnone,3,ok\n",
            ["Row 1 (line 2), column `x`: `none` is not a finite number", "`features`"],
        ),
    ] {
        for (body, place) in bodies(csv) {
            refused(&body, place, &words);
        }
        let data = json!({"csv": csv, "features": ["x", "y"]});
        let body = json!({"expression": "a*x", "target": "y", "parameters": {"a": 1}, "data": data});
        assert_invalid(&problem(fit::answer, &body), &["/data/csv"], &words);
    }
}
