//! Values that PyTorch computed in float64; `tests/fixtures/nn/generate.py` made them.

use gradd::engine::Interrupt;
use gradd::nn::{Activation, Examples, Loss, Matrix, Mlp, Reduction, Rows, Targets};
use gradd::train::{Length, MlpObjective, Optimizer, Plan, Sgd, Trainer};
use serde_json::Value;

use crate::support::{assert_close, fixture, flat, gradient, layers, loss, mlp, named, outputs};

#[test]
fn activations_and_their_slopes() {
    let fixture = fixture("activations.json");
    let points = flat(&fixture["points"]);
    for (name, activation) in Activation::ALL {
        let expected = &fixture["functions"][name];
        let mut values = points.clone();
        activation.apply(&mut values);
        // gelu and silu cancel digits far below 0, in PyTorch as here: hence the floor.
        assert_close(&values, &flat(&expected["value"]), 1e-14, 0.1, &format!("{name} value"));
        let (mut again, mut slopes) = (points.clone(), vec![0.0; points.len()]);
        activation.apply_with_slopes(&mut again, &mut slopes);
        assert_eq!(values, again, "{name}");
        assert_close(&slopes, &flat(&expected["slope"]), 1e-14, 0.1, &format!("{name} slope"));
    }
}

/// A model whose outputs are its inputs: weight 1 on the diagonal, bias 0; its weight gradient holds the loss's.
#[test]
fn losses_and_their_slopes() {
    for case in fixture("losses.json").as_array().unwrap() {
        let kind = named(&Loss::ALL, &case["loss"]);
        let rows = case["z"].as_array().unwrap();
        let width = rows[0].as_array().unwrap().len();
        for (name, reduction) in [("mean", Reduction::Mean), ("sum", Reduction::Sum)] {
            let what = format!("{:?} {name}", case["loss"]);
            let model = mlp(1, &[(width, Activation::Linear)], kind);
            // One row at a time, as biases over the input 0, whose gradient is the loss's by the outputs.
            let terms = if kind == Loss::CrossEntropy { rows.len() } else { rows.len() * width };
            let scale = if name == "mean" && kind == Loss::CrossEntropy {
                1.0 / terms as f64
            } else if name == "mean" {
                width as f64 / terms as f64
            } else {
                1.0
            };
            let (mut value, mut slopes) = (0.0, Vec::new());
            for (row, z) in rows.iter().enumerate() {
                let mut parameters = vec![0.0; width];
                parameters.extend(flat(z));
                let (values, classes) = targets(&case["t"][row]);
                let x = Matrix::new(&[0.0], 1, 1).unwrap();
                let examples = Examples::new(&model, x, pick(&values, &classes)).unwrap();
                let (row_value, row_gradient) =
                    gradient(&model, &parameters, &examples, Rows::All, reduction).unwrap();
                value += row_value * scale;
                slopes.extend(row_gradient[width..].iter().map(|slope| slope * scale));
            }
            assert_close(&[value], &flat(&case[name]["value"]), 1e-14, 1e-2, &what);
            assert_close(&slopes, &flat(&case[name]["gradient"]), 1e-14, 1e-2, &what);
        }
    }
}

/// Targets as numbers or, where they are integers, as classes.
fn targets(value: &Value) -> (Vec<f64>, Vec<u32>) {
    let first = value.get(0).unwrap_or(value);
    let first = first.get(0).unwrap_or(first);
    if first.is_u64() {
        (Vec::new(), flat(value).iter().map(|&class| class as u32).collect())
    } else {
        (flat(value), Vec::new())
    }
}

fn pick<'a>(values: &'a [f64], classes: &'a [u32]) -> Targets<'a, f64> {
    if classes.is_empty() { Targets::Values(values) } else { Targets::Classes(classes) }
}

struct Case {
    mlp: Mlp,
    rows: usize,
    x: Vec<f64>,
    values: Vec<f64>,
    classes: Vec<u32>,
}

impl Case {
    fn read(value: &Value) -> Self {
        let inputs = value["inputs"].as_u64().unwrap() as usize;
        let kind = named(&Loss::ALL, &value["loss"]);
        let (values, classes) = targets(&value["y"]);
        Self {
            mlp: Mlp::new(inputs, &layers(&value["layers"]), kind, usize::MAX).unwrap(),
            rows: value["x"].as_array().unwrap().len(),
            x: flat(&value["x"]),
            values,
            classes,
        }
    }

    fn x(&self) -> Matrix<'_, f64> {
        Matrix::new(&self.x, self.rows, self.mlp.inputs()).unwrap()
    }

    fn examples(&self) -> Examples<'_, f64> {
        Examples::new(&self.mlp, self.x(), pick(&self.values, &self.classes)).unwrap()
    }
}

#[test]
fn outputs_loss_and_gradient_of_whole_models() {
    for (index, case) in fixture("mlp.json").as_array().unwrap().iter().enumerate() {
        let what = |part: &str| format!("case {index} {part}");
        let model = Case::read(case);
        let parameters = flat(&case["parameters"]);
        let actual = outputs(&model.mlp, &parameters, model.x(), Rows::All);
        assert_close(&actual, &flat(&case["outputs"]), 1e-13, 0.1, &what("outputs"));
        let (value, actual) =
            gradient(&model.mlp, &parameters, &model.examples(), Rows::All, Reduction::Mean).unwrap();
        assert_close(&[value], &flat(&case["value"]), 1e-13, 0.1, &what("loss"));
        assert_close(&actual, &flat(&case["gradient"]), 1e-12, 1e-2, &what("gradient"));
        assert_eq!(value, loss(&model.mlp, &parameters, &model.examples(), Reduction::Mean));
    }
}

fn sgd(settings: &Value) -> Sgd {
    let number = |name: &str| settings.get(name).map_or(0.0, |value| value.as_f64().unwrap());
    let nesterov = settings.get("nesterov").is_some_and(|value| value.as_bool().unwrap());
    Sgd::with(number("lr"), number("momentum"), number("dampening"), number("weight_decay"), nesterov)
        .unwrap()
}

#[test]
fn a_hundred_sgd_steps() {
    let fixture = fixture("sgd.json");
    let case = Case::read(&fixture);
    let runs = fixture["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 5);
    for run in runs {
        let what = |part: &str| format!("{} {part}", run["settings"]);
        let mut model = MlpObjective::new(&case.mlp, case.examples(), Reduction::Mean);
        let plan = Plan::new(case.rows, Length::Epochs(100), None, None).unwrap();
        let optimizer = Optimizer::Sgd(sgd(&run["settings"]));
        let trainer = Trainer::new(&mut model, optimizer, plan, flat(&fixture["start"]), None).unwrap();
        let report = trainer.run(&Interrupt::never()).unwrap();
        assert_close(&report.parameters, &flat(&run["parameters"]), 1e-10, 1e-3, &what("parameters"));
        assert_close(&report.history.loss, &flat(&run["losses"]), 1e-10, 1e-3, &what("losses"));
        assert_close(&[report.loss], &flat(&run["loss"]), 1e-10, 1e-3, &what("loss"));
        let buffers = report.state.optimizer.buffers.concat();
        assert_close(&buffers, &flat(&run["momentum_buffer"]), 1e-10, 1e-3, &what("momentum"));
    }
}

#[test]
fn sgd_formulas_agree_to_the_last_bit() {
    let fixture = fixture("sgd.json");
    let formulas = &fixture["formulas"];
    for (run, expected) in
        fixture["runs"].as_array().unwrap().iter().zip(formulas["runs"].as_array().unwrap())
    {
        let sgd = sgd(&run["settings"]);
        let (mut state, mut parameters) = (Optimizer::Sgd(sgd).start(), flat(&formulas["start"]));
        for gradient in formulas["gradients"].as_array().unwrap() {
            sgd.step_once(&mut state, &mut parameters, &flat(gradient));
        }
        assert_eq!(parameters, flat(expected), "{}", run["settings"]);
    }
}
