//! How much classes count in the loss of an MLP.

use crate::nn::{Loss, Mlp};

use super::faults::Faults;
use super::matrix::Vector;
use super::non_finite::show;
use super::problem::Problem;

/// The one weight per output that `mlp` takes, of those that the request gives.
pub(super) fn resolve(
    class_weights: Option<Vector>,
    pos_weight: Option<Vector>,
    mlp: &Mlp,
) -> Result<Option<Vec<f64>>, Problem> {
    let mut faults = Faults::default();
    let mut found = None;
    for (member, given, loss, name) in [
        ("class_weights", class_weights, Loss::CrossEntropy, "cross_entropy"),
        ("pos_weight", pos_weight, Loss::BceWithLogits, "bce_with_logits"),
    ] {
        let Some(Vector(weights)) = given else { continue };
        let place = || format!("/mlp/{member}");
        if mlp.loss() != loss {
            faults.add(place, || format!("`{member}` goes with the loss `{name}`."));
        } else if weights.len() != mlp.outputs() {
            faults.add(place, || {
                format!("There are {} weights, but the model has {} outputs.", weights.len(), mlp.outputs())
            });
        }
        // Without a weight above 0 a batch of that class alone would have no mean.
        for (i, weight) in
            weights.iter().enumerate().filter(|(_, x)| !(**x >= f64::MIN_POSITIVE && x.is_finite()))
        {
            faults.add(
                || format!("/mlp/{member}/{i}"),
                || format!("A weight is {}; weights are finite and above 0.", show(*weight)),
            );
        }
        found = Some(weights);
    }
    faults.into_result()?;
    Ok(found)
}
