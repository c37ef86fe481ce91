//! All nonlinear regression problems of the NIST Statistical Reference Datasets, from both published starts.

use std::fs;
use std::path::{Path, PathBuf};

use gradd::api::fit;
use serde_json::{Map, Value, json};

use super::answer;

/// Least digits of the certified parameters.
const PARAMETER_DIGITS: f64 = 6.0;
/// Least digits of the certified standard errors.
const ERROR_DIGITS: f64 = 4.0;

/// The certified numbers have eleven digits.
const MOST_DIGITS: f64 = 11.0;

/// Lanczos1 alone has errors of fewer digits. Its data are a sum of exponentials near 1, rounded to 13 digits: the residuals
/// are about 8e-14, of which the rounding of data and model to doubles, about 1e-16 each, is one in a thousand.
const LANCZOS1: (&str, f64) = ("Lanczos1", 3.0);

struct Problem {
    name: String,
    expression: String,
    /// By start, then by parameter.
    starts: [Vec<f64>; 2],
    parameters: Vec<f64>,
    errors: Vec<f64>,
    residual_sum_of_squares: f64,
    residual_standard_deviation: f64,
    data: Map<String, Value>,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/nist-strd")
}

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().map(|word| word.parse().expect("a number")).collect()
}

fn read(name: &str, expression: &str) -> Problem {
    let text = fs::read_to_string(folder().join(format!("{name}.dat"))).expect("the file is there");
    let (head, data) = text.rsplit_once("Data:").expect("the data follow the header");
    let table: Vec<Vec<f64>> = head
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once('=')?;
            left.trim().strip_prefix('b')?.parse::<usize>().ok()?;
            Some(numbers(right))
        })
        .collect();
    let value = |label: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(label)).expect("the label is there");
        line.trim().parse::<f64>().expect("a number")
    };
    let column = |k: usize| -> Vec<f64> { table.iter().map(|row| row[k]).collect() };
    let rows: Vec<Vec<f64>> =
        data.lines().skip(1).filter(|line| !line.trim().is_empty()).map(numbers).collect();
    let names: &[&str] = if rows[0].len() == 2 { &["y", "x"] } else { &["y", "x1", "x2"] };
    let transform = |name: &str, x: f64| if (name, expression) == ("y", NELSON) { x.ln() } else { x };
    let data = names.iter().enumerate().map(|(k, name)| {
        (
            (*name).to_owned(),
            rows.iter().map(|row| Value::from(transform(name, row[k]))).collect::<Vec<_>>().into(),
        )
    });
    Problem {
        name: name.to_owned(),
        expression: expression.to_owned(),
        starts: [column(0), column(1)],
        parameters: column(2),
        errors: column(3),
        residual_sum_of_squares: value("Residual Sum of Squares:"),
        residual_standard_deviation: value("Residual Standard Deviation:"),
        data: data.collect(),
    }
}

/// The model whose response is a logarithm.
const NELSON: &str = "b1 - b2*x1*exp(-b3*x2)";

fn problems() -> Vec<Problem> {
    let text = fs::read_to_string(folder().join("models.json")).expect("the file is there");
    let models: Map<String, Value> = serde_json::from_str(&text).expect("JSON");
    models.iter().map(|(name, expression)| read(name, expression.as_str().expect("text"))).collect()
}

/// The log relative error: digits that two numbers have in common.
fn digits(found: f64, certified: f64) -> f64 {
    (-((found - certified) / certified).abs().log10()).clamp(0.0, MOST_DIGITS)
}

fn least_digits(found: &Value, certified: &[f64]) -> f64 {
    let digits_of = |(k, certified): (usize, &f64)| {
        digits(found[format!("b{}", k + 1)].as_f64().expect("a number"), *certified)
    };
    certified.iter().enumerate().map(digits_of).fold(MOST_DIGITS, f64::min)
}

#[test]
fn certified_parameters_and_errors_are_found_from_both_starts() {
    let problems = problems();
    assert_eq!(problems.len(), 27);
    println!("| problem | start | parameters | errors | sum of squares | evaluations | reason |");
    println!("|---|---|---|---|---|---|---|");
    for problem in &problems {
        for (k, start) in problem.starts.iter().enumerate() {
            let parameters: Map<String, Value> =
                start.iter().enumerate().map(|(j, x)| (format!("b{}", j + 1), json!(x))).collect();
            let body = json!({
                "expression": problem.expression, "target": "y", "data": problem.data, "parameters": parameters
            });
            check(problem, k + 1, &answer(fit::answer, &body));
        }
    }
}

fn check(problem: &Problem, start: usize, found: &Value) {
    let number = |member: &str| found[member].as_f64().expect("a number");
    let of_parameters = least_digits(&found["parameters"], &problem.parameters);
    let of_errors = least_digits(&found["standard_errors"], &problem.errors);
    let of_sum = digits(number("residual_sum_of_squares"), problem.residual_sum_of_squares);
    let of_deviation = digits(number("residual_standard_deviation"), problem.residual_standard_deviation);
    let name = &problem.name;
    let reason = found["reason"].as_str().expect("a word");
    let evaluations = &found["evaluations"];
    println!(
        "| {name} | {start} | {of_parameters:.1} | {of_errors:.1} | {of_sum:.1} | {evaluations} | {reason} |"
    );
    let least = if *name == LANCZOS1.0 { LANCZOS1.1 } else { ERROR_DIGITS };
    assert!(of_parameters >= PARAMETER_DIGITS, "{name} from start {start}: {found}");
    assert!(of_errors >= least && of_deviation >= least, "{name} from start {start}: {found}");
    assert_eq!(found["converged"], true);
}
