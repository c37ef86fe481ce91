//! One number per parameter, as a request writes them and as one flat vector.

use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::nn;

use super::faults::{Faults, quote};
use super::mlp::{LayerParameters, flatten, unflatten};
use super::mlp_checks::parameter_name;
use super::object::Object;
use super::problem::Problem;
use super::value::Value;
use super::values::Values;
use super::{pointer, suggest};

/// One number per parameter: values by name, or for an MLP weights and biases by layer.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Tensors<'a> {
    /// Of an expression or a graph.
    #[schema(title = "ByName")]
    Named(Values<'a>),
    /// Of an MLP.
    #[schema(title = "ByLayer")]
    Layers(Vec<LayerParameters>),
}

struct TensorsVisitor;

impl<'de> Visitor<'de> for TensorsVisitor {
    type Value = Tensors<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "an object of values by name, or for an MLP an array with the weight and bias of each layer",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Values::deserialize(serde::de::value::MapAccessDeserializer::new(map)).map(Tensors::Named)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut layers = Vec::new();
        while let Some(Object(layer)) = seq.next_element()? {
            layers.push(layer);
        }
        Ok(Tensors::Layers(layers))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Tensors<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TensorsVisitor)
    }
}

/// How a flat vector is cut into tensors.
#[derive(Debug)]
pub(super) enum Shape<'m> {
    /// By name; one number, or as many as there are samples.
    Named(Vec<(String, Option<usize>)>),
    /// By layer.
    Layers(&'m nn::Mlp),
}

impl Shape<'_> {
    /// `tensors` of the request at `place` as a flat vector, or everything that does not match.
    pub(super) fn flatten(&self, tensors: Tensors<'_>, place: &str) -> Result<Vec<f64>, Problem> {
        match (self, tensors) {
            (Shape::Named(shape), Tensors::Named(values)) => flatten_named(shape, values, place),
            (Shape::Layers(mlp), Tensors::Layers(layers)) => flatten(mlp, &layers, place),
            (Shape::Named(_), Tensors::Layers(_)) => {
                Err(Problem::at(place, "For an expression or a graph, this is an object of values by name."))
            }
            (Shape::Layers(_), Tensors::Named(_)) => Err(Problem::at(
                place,
                "For an MLP, this is an array with the weight and bias of each layer.",
            )),
        }
    }

    /// A flat vector as the answer writes it.
    pub(super) fn restore(&self, flat: &[f64]) -> Tensors<'static> {
        let shape = match self {
            Shape::Layers(mlp) => return Tensors::Layers(unflatten(mlp, flat)),
            Shape::Named(shape) => shape,
        };
        let mut rest = flat;
        let mut values = Values::default();
        for (name, length) in shape {
            let (own, others) = rest.split_at(length.unwrap_or(1));
            rest = others;
            let value = length.map_or(Value::Number(own[0]), |_| Value::Samples(own.to_vec()));
            values.push(name.clone(), value);
        }
        Tensors::Named(values)
    }

    /// What the number at `index` of the flat vector belongs to.
    pub(super) fn describe(&self, index: usize) -> String {
        match self {
            Shape::Layers(mlp) => parameter_name(mlp, index),
            Shape::Named(shape) => {
                let mut start = 0;
                for (name, length) in shape {
                    match length {
                        None if index == start => return quote(name),
                        Some(length) if index < start + length => {
                            return format!("{}[{}]", quote(name), index - start);
                        }
                        _ => start += length.unwrap_or(1),
                    }
                }
                format!("number {index}")
            }
        }
    }
}

fn flatten_named(
    shape: &[(String, Option<usize>)],
    values: Values<'_>,
    place: &str,
) -> Result<Vec<f64>, Problem> {
    let mut faults = Faults::default();
    let known: HashMap<&str, usize> =
        shape.iter().enumerate().map(|(i, (name, _))| (name.as_str(), i)).collect();
    let mut given: Vec<Option<Value>> = vec![None; shape.len()];
    for (name, value) in values.0 {
        let at = || pointer::join(place, &*name);
        let Some(&position) = known.get(&*name) else {
            let names = || shape.iter().map(|(name, _)| name.as_str());
            faults.add(at, || {
                format!("{} does not belong here{}", quote(&name), suggest::ending(&name, names()))
            });
            continue;
        };
        let expected = shape[position].1;
        let fits = match &value {
            Value::Number(_) => expected.is_none(),
            Value::Samples(samples) => expected == Some(samples.len()),
        };
        if !fits {
            let expected =
                expected.map_or("a number".to_owned(), |length| format!("an array of {length} numbers"));
            faults.add(at, || format!("{} is {expected} here.", quote(&name)));
        }
        if given[position].replace(value).is_some() {
            faults.add(at, || format!("{} is given twice.", quote(&name)));
        }
    }
    let missing = shape.iter().zip(&given).filter(|(_, given)| given.is_none());
    for ((name, _), _) in missing {
        faults.add(|| place.to_owned(), || format!("{} is missing.", quote(name)));
    }
    faults.into_result()?;
    Ok(given.into_iter().flatten().flat_map(|value| value.numbers().to_vec()).collect())
}
