//! The inputs for which a request wants derivatives: `wrt`.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::engine::Column;

use super::bind::Bound;
use super::computation::Computation;
use super::faults::{Faults, quote};
use super::inputs::Inputs;
use super::problem::Problem;
use super::text::Text;
use super::values::Values;
use super::{pointer, suggest};

/// The name of an input, which outlives the computation: so does the answer.
pub(super) fn name<'a>(computation: &Computation<'a>, input: usize) -> Cow<'a, str> {
    let (name, node) = &computation.graph.inputs()[input];
    computation.names.id(*node).cloned().unwrap_or_else(|| Cow::Owned(name.to_string()))
}

/// Positions of the inputs in `wrt`; without it all, in the order of the request.
pub(super) fn wanted(
    computation: &Computation<'_>,
    bound: &Bound,
    wrt: Option<&[Text<'_>]>,
) -> Result<Vec<usize>, Problem> {
    let Some(names) = wrt else { return Ok(bound.order.clone()) };
    let mut faults = Faults::default();
    if names.is_empty() {
        let detail = "`wrt` is empty; name at least one input, or leave it out for all.";
        faults.add(|| "/wrt".to_owned(), || detail.to_owned());
    }
    let mut inputs = Inputs::new(&computation.graph);
    let mut wanted = Vec::with_capacity(names.len());
    let mut seen = HashMap::new();
    for (i, name) in names.iter().enumerate() {
        let place = || pointer::join("/wrt", i);
        if let Some(first) = seen.insert(&**name, i) {
            faults.add(place, || format!("{} is already named at /wrt/{first}.", quote(name)));
        } else if let Some(input) = inputs.find(name) {
            wanted.push(input);
        } else {
            faults.add(place, || {
                let known = computation.graph.inputs().iter().map(|(name, _)| &**name);
                format!("The model has no input {}{}", quote(name), suggest::ending(name, known))
            });
        }
    }
    faults.into_result()?;
    Ok(wanted)
}

/// The derivatives of the wanted inputs, out of those by position, under the inputs' names.
pub(super) fn named<'a>(
    computation: &Computation<'a>,
    wanted: &[usize],
    mut columns: Vec<Option<Column>>,
) -> Values<'a> {
    let mut values = Values(Vec::with_capacity(wanted.len()));
    for &input in wanted {
        let column = columns[input].take().expect("a derivative of a wanted input");
        values.push(name(computation, input), column.into());
    }
    values
}

/// The names of the wanted inputs.
pub(super) fn names(computation: &Computation<'_>, wanted: &[usize]) -> Vec<String> {
    wanted.iter().map(|&input| name(computation, input).into_owned()).collect()
}
