//! Data that do not fit a model are refused with the place of the fault.

use gradd::nn::{Activation, DataError, Examples, Loss, Matrix, Targets};

use crate::support::mlp;

fn refused(loss: Loss, targets: Targets<'_, f64>) -> DataError {
    let model = mlp(2, &[(3, Activation::Linear)], loss);
    let x = [0.0; 4];
    Examples::new(&model, Matrix::new(&x, 2, 2).unwrap(), targets).unwrap_err()
}

#[test]
fn shapes() {
    let x = [0.0; 6];
    assert_eq!(Matrix::new(&x, 0, 2).unwrap_err(), DataError::Empty);
    assert_eq!(Matrix::new(&x, 2, 2).unwrap_err(), DataError::Length { rows: 2, columns: 2, actual: 6 });
    let length = DataError::Length { rows: 1 << 20, columns: usize::MAX, actual: 6 };
    assert_eq!(Matrix::new(&x, 1 << 20, usize::MAX).unwrap_err(), length);
    let model = mlp(2, &[(1, Activation::Linear)], Loss::Mse);
    let wide = Matrix::new(&x, 2, 3).unwrap();
    assert_eq!(
        Examples::new(&model, wide, Targets::Values(&[0.0; 2])).unwrap_err(),
        DataError::Inputs { expected: 2, actual: 3 }
    );
    assert_eq!(
        refused(Loss::Mse, Targets::Values(&[0.0; 5])),
        DataError::Targets { rows: 2, outputs: 3, actual: 5 }
    );
}

#[test]
fn classes() {
    assert_eq!(
        refused(Loss::Mse, Targets::Classes(&[0, 1])),
        DataError::ClassesNeedCrossEntropy { outputs: 3 }
    );
    assert_eq!(
        refused(Loss::CrossEntropy, Targets::Classes(&[0])),
        DataError::Classes { rows: 2, actual: 1 }
    );
    let error = refused(Loss::CrossEntropy, Targets::Classes(&[2, 3]));
    assert_eq!(error, DataError::ClassOutOfRange { row: 1, class: 3, classes: 3 });
    assert_eq!(error.to_string(), "row 1 of y is class 3, but the model has 3 outputs: classes are 0 to 2");
}

#[test]
fn probabilities() {
    let values = [0.0, 1.0, 0.0, 0.5, 0.5, 1.5];
    for loss in [Loss::CrossEntropy, Loss::BceWithLogits] {
        let error = refused(loss, Targets::Values(&values));
        assert_eq!(error, DataError::NotProbability { row: 1, column: 2, value: 1.5 });
    }
    let error = refused(Loss::CrossEntropy, Targets::Values(&[0.0, 1.0, 0.0, 0.5, 0.25, 0.0]));
    assert_eq!(error, DataError::NotDistribution { row: 1, sum: 0.75 });
    let nan = [0.0, f64::NAN, 0.0, 0.0, 0.0, 0.0];
    let error = refused(Loss::CrossEntropy, Targets::Values(&nan));
    assert!(matches!(error, DataError::NotProbability { row: 0, column: 1, value } if value.is_nan()));
}

#[test]
fn signs() {
    let error = refused(Loss::Hinge, Targets::Values(&[1.0, -1.0, 1.0, 0.0, 1.0, 1.0]));
    assert_eq!(error, DataError::NotSign { row: 1, column: 0, value: 0.0 });
}
