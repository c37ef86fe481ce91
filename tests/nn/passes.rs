//! What a pass promises beside its numbers: bits, selections, errors, interrupts.

use std::time::{Duration, Instant};

use gradd::engine::{Interrupt, Interrupted};
use gradd::nn::{
    Activation, Error, Examples, Init, Loss, Matrix, Mlp, Pass, Reduction, Rows, Targets, Workspace,
};

use crate::naive::noise;
use crate::support::{gradient, mlp, outputs};

fn model() -> Mlp {
    mlp(4, &[(20, Activation::Silu), (20, Activation::Tanh), (3, Activation::Linear)], Loss::Mse)
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn the_same_call_gives_the_same_bits() {
    let wide = mlp(100, &[(150, Activation::Tanh), (120, Activation::Linear)], Loss::Mse);
    for (model, rows) in [(model(), 3000), (wide, 333)] {
        let (x, y) = (noise(rows * model.inputs(), 0.0), noise(rows * model.outputs(), 0.5));
        let parameters: Vec<f64> = Init::KaimingNormal.draw(&model, 1);
        let matrix = Matrix::new(&x, rows, model.inputs()).unwrap();
        let examples = Examples::new(&model, matrix, Targets::Values(&y)).unwrap();
        let (value, slopes) = gradient(&model, &parameters, &examples, Rows::All, Reduction::Mean).unwrap();

        // A workspace that other shapes have used.
        let (mut workspace, interrupt) = (Workspace::new(), Interrupt::never());
        let mut reused = vec![7.0; slopes.len()];
        for rows in [Rows::Range(5..6), Rows::Range(0..100), Rows::All] {
            let pass = Pass {
                mlp: &model,
                parameters: &parameters,
                rows,
                workspace: &mut workspace,
                interrupt: &interrupt,
            };
            let again = pass.loss_and_gradient(&examples, Reduction::Mean, &mut reused, None).unwrap();
            if reused.len() == slopes.len() && again == value {
                assert_eq!(bits(&reused), bits(&slopes));
            }
        }
        assert_eq!(bits(&reused), bits(&slopes));

        // Several threads at once.
        std::thread::scope(|scope| {
            let run = || gradient(&model, &parameters, &examples, Rows::All, Reduction::Mean).unwrap();
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
            for thread in threads {
                let (other, others) = thread.join().unwrap();
                assert_eq!((other.to_bits(), bits(&others)), (value.to_bits(), bits(&slopes)));
            }
        });

        // The same rows, named one by one.
        let indices: Vec<u32> = (0..rows as u32).collect();
        let (other, others) =
            gradient(&model, &parameters, &examples, Rows::Indices(&indices), Reduction::Mean).unwrap();
        assert_eq!((other.to_bits(), bits(&others)), (value.to_bits(), bits(&slopes)));
    }
}

#[test]
fn a_selection_is_as_good_as_a_copy() {
    let model = model();
    let (x, y) = (noise(50 * 4, 0.0), noise(50 * 3, 0.5));
    let parameters: Vec<f64> = Init::Linear.draw(&model, 1);
    let examples = Examples::new(&model, Matrix::new(&x, 50, 4).unwrap(), Targets::Values(&y)).unwrap();
    let chosen = [40u32, 3, 3, 17, 49, 0];
    let row = |values: &[f64], width: usize| -> Vec<f64> {
        chosen.iter().flat_map(|&i| values[i as usize * width..][..width].to_vec()).collect()
    };
    let (cx, cy) = (row(&x, 4), row(&y, 3));
    let copy = Examples::new(&model, Matrix::new(&cx, 6, 4).unwrap(), Targets::Values(&cy)).unwrap();
    let selected = gradient(&model, &parameters, &examples, Rows::Indices(&chosen), Reduction::Mean).unwrap();
    let copied = gradient(&model, &parameters, &copy, Rows::All, Reduction::Mean).unwrap();
    assert_eq!(selected, copied);
    assert_eq!(
        outputs(&model, &parameters, examples.x(), Rows::Indices(&chosen)),
        outputs(&model, &parameters, copy.x(), Rows::All)
    );
}

#[test]
fn outputs_come_with_the_gradient() {
    let model = model();
    let (x, y) = (noise(700 * 4, 0.0), noise(700 * 3, 0.5));
    let parameters: Vec<f64> = Init::Linear.draw(&model, 1);
    let examples = Examples::new(&model, Matrix::new(&x, 700, 4).unwrap(), Targets::Values(&y)).unwrap();
    let (mut workspace, interrupt) = (Workspace::new(), Interrupt::never());
    let (mut slopes, mut seen) = (vec![0.0; model.parameters()], vec![9.0; 3]);
    let rows = Rows::All;
    let pass =
        Pass { mlp: &model, parameters: &parameters, rows, workspace: &mut workspace, interrupt: &interrupt };
    pass.loss_and_gradient(&examples, Reduction::Sum, &mut slopes, Some(&mut seen)).unwrap();
    assert_eq!(seen, outputs(&model, &parameters, examples.x(), Rows::All));
}

/// Lanes that only pad a block must not spoil a gradient: here a row of zeros would overflow, the real rows do not.
#[test]
fn padding_never_shows() {
    let model = mlp(1, &[(1, Activation::Linear), (1, Activation::Linear)], Loss::Mae);
    let parameters = [-1e308, 1e308, 1e10, 0.0];
    let x = [1.0; 3];
    let y = [1.0; 3];
    let examples = Examples::new(&model, Matrix::new(&x, 3, 1).unwrap(), Targets::Values(&y)).unwrap();
    let (value, slopes) = gradient(&model, &parameters, &examples, Rows::All, Reduction::Mean).unwrap();
    assert_eq!(value, 1.0);
    assert_eq!(slopes, [-1e10, -1e10, 0.0, -1.0]);
}

#[test]
fn non_finite_numbers_travel() {
    for (_, activation) in Activation::ALL {
        let model = mlp(1, &[(2, activation), (1, Activation::Linear)], Loss::Mse);
        let parameters: Vec<f64> = Init::Linear.draw(&model, 1);
        let x = [1.0, f64::NAN, 2.0];
        let seen = outputs(&model, &parameters, Matrix::new(&x, 3, 1).unwrap(), Rows::All);
        assert!(seen[0].is_finite() && seen[1].is_nan() && seen[2].is_finite(), "{activation:?} {seen:?}");
    }
}

#[test]
fn a_class_without_weight_adds_nothing() {
    let model = mlp(1, &[(2, Activation::Linear)], Loss::CrossEntropy);
    let x = [1.0];
    let parameters = [0.0, f64::NEG_INFINITY, 0.0, 0.0];
    let examples =
        Examples::new(&model, Matrix::new(&x, 1, 1).unwrap(), Targets::Values(&[1.0, 0.0])).unwrap();
    let (value, slopes) = gradient(&model, &parameters, &examples, Rows::All, Reduction::Mean).unwrap();
    assert_eq!((value, slopes), (0.0, vec![0.0; 4]));
}

#[test]
fn wrong_calls_are_errors() {
    let model = model();
    let (x, y) = (noise(10 * 4, 0.0), noise(10 * 3, 0.5));
    let parameters: Vec<f64> = Init::Linear.draw(&model, 1);
    let examples = Examples::new(&model, Matrix::new(&x, 10, 4).unwrap(), Targets::Values(&y)).unwrap();
    let run = |model: &Mlp, parameters: &[f64], rows: Rows<'_>| {
        gradient(model, parameters, &examples, rows, Reduction::Mean).unwrap_err()
    };
    let expected = model.parameters();
    assert_eq!(
        run(&model, &parameters[1..], Rows::All),
        Error::Parameters { expected, actual: expected - 1 }
    );
    assert_eq!(run(&model, &parameters, Rows::Range(3..3)), Error::NoRows);
    assert_eq!(run(&model, &parameters, Rows::Range(3..11)), Error::RowOutOfRange { row: 10, rows: 10 });
    assert_eq!(run(&model, &parameters, Rows::Indices(&[0, 12])), Error::RowOutOfRange { row: 12, rows: 10 });
    let other = mlp(4, &[(20, Activation::Silu), (20, Activation::Tanh), (3, Activation::Linear)], Loss::Mae);
    assert_eq!(run(&other, &parameters, Rows::All), Error::Data { inputs: 4, outputs: 3 });
}

#[test]
fn an_interrupt_stops_a_long_pass_soon() {
    let model = mlp(500, &[(1000, Activation::Linear), (500, Activation::Linear)], Loss::Mse);
    let rows = 4000;
    let (x, y) = (noise(rows * 500, 0.0), noise(rows * 500, 0.5));
    let parameters: Vec<f64> = Init::Linear.draw(&model, 1);
    let examples = Examples::new(&model, Matrix::new(&x, rows, 500).unwrap(), Targets::Values(&y)).unwrap();
    let mut slopes = vec![0.0; model.parameters()];
    let mut workspace = Workspace::new();
    let interrupt = Interrupt::at(Instant::now() + Duration::from_millis(5));
    let rows = Rows::All;
    let pass =
        Pass { mlp: &model, parameters: &parameters, rows, workspace: &mut workspace, interrupt: &interrupt };
    let error = pass.loss_and_gradient(&examples, Reduction::Mean, &mut slopes, None).unwrap_err();
    assert_eq!(error, Error::Interrupted(Interrupted::DeadlineExceeded));
}
