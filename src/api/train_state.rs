//! The state of a training run on the wire, from which any server goes on bit for bit.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Schema};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::train::{Best, OptimizerState, PlateauState, Recipe, State, Watch};

use super::faults::{Faults, quote};
use super::fingerprint::Fingerprint;
use super::number::Number;
use super::problem::Problem;
use super::tensors::{Shape, Tensors};
use super::text::Text;
use super::{count, object, pointer, suggest};

/// The version of the format. A state of another one would be continued with other bits, or not at all.
const VERSION: u64 = 1;

/// Everything that a run needs, beside the request, to be continued bit for bit by any server.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrainState<'a> {
    /// The version of the format: 1. A state of another version is refused.
    #[serde(deserialize_with = "version")]
    #[schema(minimum = 1, maximum = 1)]
    pub version: u64,
    /// Which runs it belongs to.
    #[serde(deserialize_with = "object::required")]
    pub fingerprint: Fingerprint,
    /// Steps done.
    #[serde(deserialize_with = "count::required")]
    pub step: u64,
    /// The parameters after them.
    #[serde(borrow)]
    pub parameters: Tensors<'a>,
    /// What the optimizer remembers.
    #[serde(borrow)]
    pub optimizer: TrainedOptimizer<'a>,
    /// What is remembered of epochs, where the request lets their loss decide anything.
    #[serde(borrow, default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub watch: Option<Watched<'a>>,
}

/// What an optimizer remembers between steps: under its name, buffers by the names that PyTorch gives them, each like the
/// parameters. Before the first step there are none.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainedOptimizer<'a>(Members<'a, Members<'a, Tensors<'a>>>);

/// What is remembered of epochs.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Watched<'a> {
    /// Sum of the losses of the steps since the last epoch that was judged.
    pub sum: Number,
    /// Number of those steps.
    #[serde(deserialize_with = "count::required")]
    pub steps: u64,
    /// The loss of the last epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Number>,
    /// Of the schedule `reduce_on_plateau`.
    #[serde(default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub plateau: Option<WatchedPlateau>,
    /// Of early stopping.
    #[serde(borrow, default, deserialize_with = "object::optional", skip_serializing_if = "Option::is_none")]
    pub best: Option<BestEpoch<'a>>,
}

/// What the schedule `reduce_on_plateau` remembers.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchedPlateau {
    /// The rate that it has come down to.
    pub learning_rate: Number,
    /// The lowest loss of an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best: Option<Number>,
    /// Epochs without improvement since.
    #[serde(deserialize_with = "count::required")]
    pub bad_epochs: u64,
    /// Epochs in which nothing is counted yet.
    #[serde(deserialize_with = "count::required")]
    pub cooldown: u64,
}

/// The best epoch so far.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BestEpoch<'a> {
    /// Its loss.
    pub loss: Number,
    /// The step that ended it.
    #[serde(deserialize_with = "count::required")]
    pub step: u64,
    /// Epochs without improvement since.
    #[serde(deserialize_with = "count::required")]
    pub bad_epochs: u64,
    /// The parameters after it, where they are to be restored.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Tensors<'a>>,
}

/// Members of an object, in order.
#[derive(Clone, Debug, PartialEq)]
struct Members<'a, V>(Vec<(Text<'a>, V)>);

struct MembersVisitor<V>(PhantomData<V>);

impl<'de, V: Deserialize<'de>> Visitor<'de> for MembersVisitor<V> {
    type Value = Members<'de, V>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key()? {
            members.push((name, map.next_value()?));
        }
        Ok(Members(members))
    }
}

impl<'de: 'a, 'a, V: Deserialize<'de>> Deserialize<'de> for Members<'a, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor(PhantomData))
    }
}

impl<V: Serialize> Serialize for Members<'_, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (&**name, value)))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for TrainedOptimizer<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Members::deserialize(deserializer).map(Self)
    }
}

impl Serialize for TrainedOptimizer<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl PartialSchema for TrainedOptimizer<'_> {
    fn schema() -> RefOr<Schema> {
        let buffers =
            ObjectBuilder::new().additional_properties(Some(Ref::from_schema_name(Tensors::name())));
        ObjectBuilder::new()
            .additional_properties(Some(buffers))
            .min_properties(Some(1))
            .max_properties(Some(1))
            .description(Some(
                "What an optimizer remembers between steps: under its name, buffers by the names that PyTorch gives \
                 them, each like the parameters. Before the first step there are none.",
            ))
            .into()
    }
}

impl ToSchema for TrainedOptimizer<'_> {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Tensors::name().into_owned(), Tensors::schema()));
        Tensors::schemas(schemas);
    }
}

/// Written first, it is judged before members that this version does not know.
fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match count::required(deserializer)? {
        VERSION => Ok(VERSION),
        other => Err(D::Error::custom(format_args!(
            "the state is of version {other}, but this server goes on from version {VERSION}; go on with the server that made \
             it, or leave `state` out and start from its parameters"
        ))),
    }
}

impl TrainState<'_> {
    /// The parameters and the state, for a run by `recipe`; or what of the state does not belong to such a run.
    pub(super) fn restore(
        self,
        recipe: &Recipe,
        shape: &Shape<'_>,
    ) -> Result<(Vec<f64>, State<f64>), Problem> {
        let parameters = shape.flatten(self.parameters, "/state/parameters")?;
        let optimizer = OptimizerState { buffers: buffers(self.optimizer, self.step, recipe, shape)? };
        let watch = self.watch.map_or_else(|| Ok(Watch::default()), |watch| watch.restore(shape))?;
        Ok((parameters, State { step: self.step, optimizer, watch }))
    }
}

impl TrainState<'static> {
    /// `parameters` and `state` of a run by `recipe`, as the answer writes them.
    pub(super) fn new(
        fingerprint: Fingerprint,
        parameters: Tensors<'static>,
        state: &State<f64>,
        recipe: &Recipe,
        shape: &Shape<'_>,
    ) -> Self {
        let optimizer = recipe.first_optimizer();
        let buffers = &state.optimizer.buffers;
        let named = optimizer.buffers(buffers.len()).into_iter().zip(buffers);
        let buffers = named.map(|(name, buffer)| (Text(name), shape.restore(buffer))).collect();
        Self {
            version: VERSION,
            fingerprint,
            step: state.step,
            parameters,
            optimizer: TrainedOptimizer(Members(vec![(
                Text(Cow::Borrowed(optimizer.name())),
                Members(buffers),
            )])),
            watch: (state.watch != Watch::default()).then(|| Watched::new(&state.watch, shape)),
        }
    }
}

/// The buffers of the optimizer in its own order.
fn buffers(
    optimizer: TrainedOptimizer<'_>,
    step: u64,
    recipe: &Recipe,
    shape: &Shape<'_>,
) -> Result<Vec<Vec<f64>>, Problem> {
    const PLACE: &str = "/state/optimizer";
    let own = recipe.first_optimizer();
    let [(name, Members(given))]: [_; 1] = optimizer.0.0.try_into().map_err(|members: Vec<_>| {
        Problem::at(
            PLACE,
            format!("The state is of {} optimizers; it is of one, under its name.", members.len()),
        )
    })?;
    if &*name != own.name() {
        let detail = format!(
            "The state is of the optimizer {}, but the request trains with `{}`; go on with the same one, or leave \
             `state` out and start from its parameters.",
            quote(&name),
            own.name()
        );
        return Err(Problem::at(pointer::join(PLACE, &*name), detail));
    }
    let names = if step == 0 { Vec::new() } else { own.buffers(given.len()) };
    let place = format!("{PLACE}/{}", own.name());
    let mut faults = Faults::default();
    let mut found: Vec<Option<Tensors<'_>>> = vec![None; names.len()];
    for (name, buffer) in given {
        let at = || pointer::join(&place, &*name);
        match names.iter().position(|own| **own == *name) {
            None => faults.add(at, || {
                let kept = match step {
                    0 => "before the first step none are kept.".to_owned(),
                    _ => format!(
                        "with these settings none is kept under this name{}",
                        suggest::ending(&name, names.iter().map(|name| &**name))
                    ),
                };
                format!("There is a {}, but {kept}", quote(&name))
            }),
            Some(position) => {
                if found[position].replace(buffer).is_some() {
                    faults.add(at, || format!("{} is given twice.", quote(&name)));
                }
            }
        }
    }
    for (name, _) in names.iter().zip(&found).filter(|(_, buffer)| buffer.is_none()) {
        faults.add(
            || place.clone(),
            || format!("The `{name}` is missing, which these settings keep after the first step."),
        );
    }
    faults.into_result()?;
    let named = names.iter().zip(found.into_iter().flatten());
    named.map(|(name, buffer)| shape.flatten(buffer, &format!("{place}/{name}"))).collect()
}

impl Watched<'_> {
    fn restore(self, shape: &Shape<'_>) -> Result<Watch<f64>, Problem> {
        let plateau = self.plateau.map(|plateau| PlateauState {
            learning_rate: plateau.learning_rate.0,
            best: plateau.best.map(|Number(loss)| loss),
            bad_epochs: plateau.bad_epochs,
            cooldown: plateau.cooldown,
        });
        let best = |best: BestEpoch<'_>| {
            let parameters =
                best.parameters.map(|parameters| shape.flatten(parameters, "/state/watch/best/parameters"));
            Ok::<_, Problem>(Best {
                loss: best.loss.0,
                step: best.step,
                bad_epochs: best.bad_epochs,
                parameters: parameters.transpose()?.unwrap_or_default(),
            })
        };
        Ok(Watch {
            sum: self.sum.0,
            steps: self.steps,
            last: self.last.map(|Number(loss)| loss),
            plateau,
            best: self.best.map(best).transpose()?,
        })
    }
}

impl Watched<'static> {
    fn new(watch: &Watch<f64>, shape: &Shape<'_>) -> Self {
        let plateau = watch.plateau.map(|plateau| WatchedPlateau {
            learning_rate: Number(plateau.learning_rate),
            best: plateau.best.map(Number),
            bad_epochs: plateau.bad_epochs,
            cooldown: plateau.cooldown,
        });
        let best = watch.best.as_ref().map(|best| BestEpoch {
            loss: Number(best.loss),
            step: best.step,
            bad_epochs: best.bad_epochs,
            parameters: (!best.parameters.is_empty()).then(|| shape.restore(&best.parameters)),
        });
        Self { sum: Number(watch.sum), steps: watch.steps, last: watch.last.map(Number), plateau, best }
    }
}
