//! Inputs brought to mean 0 and standard deviation 1, column by column.

/// What each column of inputs is shifted and divided by: (x - mean) / scale.
#[derive(Clone, Debug, PartialEq)]
pub struct Standardize {
    mean: Vec<f64>,
    scale: Vec<f64>,
}

/// Why columns cannot be standardized. Columns count from 0.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StandardizeError {
    /// These columns hold the same number in every row.
    #[error("the columns {0:?} are constant")]
    Constant(Vec<usize>),
    /// Mean or deviation of a column are not finite.
    #[error("column {0} has no finite mean and standard deviation")]
    NotFinite(usize),
    /// There is not one mean and one scale per column.
    #[error("there are {mean} means and {scale} scales")]
    Lengths {
        /// Means.
        mean: usize,
        /// Scales.
        scale: usize,
    },
    /// A scale that does not divide.
    #[error("scale {0} is not a finite number above 0")]
    Scale(usize),
}

impl Standardize {
    /// The mean and the standard deviation of each column of `values`, row-major `[rows, columns]`. The deviation is that of
    /// the rows themselves, divided by their number, as scikit-learn's `StandardScaler` has it. Sums go row by row, so that
    /// the same rows give the same bits.
    pub fn new(values: &[f64], columns: usize) -> Result<Self, StandardizeError> {
        let rows = || values.chunks_exact(columns);
        let count = rows().len() as f64;
        let first = &values[..columns];
        let is_constant = |column: &usize| rows().all(|row| row[*column] == first[*column]);
        let constant: Vec<usize> = (0..columns).filter(is_constant).collect();
        if !constant.is_empty() {
            return Err(StandardizeError::Constant(constant));
        }
        let mut mean = vec![0.0; columns];
        for row in rows() {
            mean.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
        }
        mean.iter_mut().for_each(|sum| *sum /= count);
        let mut scale = vec![0.0; columns];
        for row in rows() {
            for ((sum, x), mean) in scale.iter_mut().zip(row).zip(&mean) {
                *sum += (x - mean) * (x - mean);
            }
        }
        scale.iter_mut().for_each(|sum| *sum = (*sum / count).sqrt());
        match (0..columns).find(|&i| !(mean[i].is_finite() && scale[i].is_finite() && scale[i] > 0.0)) {
            Some(column) => Err(StandardizeError::NotFinite(column)),
            None => Ok(Self { mean, scale }),
        }
    }

    /// A transform that is known.
    pub fn from_parts(mean: Vec<f64>, scale: Vec<f64>) -> Result<Self, StandardizeError> {
        if mean.len() != scale.len() {
            return Err(StandardizeError::Lengths { mean: mean.len(), scale: scale.len() });
        }
        if let Some(column) = mean.iter().position(|x| !x.is_finite()) {
            return Err(StandardizeError::NotFinite(column));
        }
        match scale.iter().position(|x| !(*x > 0.0 && x.is_finite())) {
            Some(column) => Err(StandardizeError::Scale(column)),
            None => Ok(Self { mean, scale }),
        }
    }

    /// What columns are shifted by.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// What columns are divided by.
    pub fn scale(&self) -> &[f64] {
        &self.scale
    }

    /// Transforms `values`, row-major with as many columns as there are means.
    pub fn apply(&self, values: &mut [f64]) {
        for row in values.chunks_exact_mut(self.mean.len()) {
            for ((x, mean), scale) in row.iter_mut().zip(&self.mean).zip(&self.scale) {
                *x = (*x - mean) / scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_come_to_mean_0_and_deviation_1() {
        let mut values = [1.0, 10.0, 3.0, 20.0, 5.0, 60.0];
        let transform = Standardize::new(&values, 2).unwrap();
        assert_eq!(transform.mean(), [3.0, 30.0]);
        // Σ(x - mean)² / 3 = 8/3 and 1400/3
        assert_eq!(transform.scale(), [(8.0f64 / 3.0).sqrt(), (1400.0f64 / 3.0).sqrt()]);
        transform.apply(&mut values);
        for column in 0..2 {
            let column: Vec<f64> = values.iter().skip(column).step_by(2).copied().collect();
            let square = column.iter().map(|x| x * x).sum::<f64>() / 3.0;
            assert!(column.iter().sum::<f64>().abs() < 1e-15 && (square - 1.0).abs() < 1e-15);
        }
    }

    #[test]
    fn columns_that_do_not_vary_are_named() {
        let constant = Standardize::new(&[0.1, 1.0, 7.0, 0.1, 2.0, 7.0], 3);
        assert_eq!(constant, Err(StandardizeError::Constant(vec![0, 2])));
        let far = Standardize::new(&[1e308, -1e308, 1e308], 1);
        assert_eq!(far, Err(StandardizeError::NotFinite(0)));
    }
}
