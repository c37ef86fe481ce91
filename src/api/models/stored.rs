//! A model as it is kept: parsed, checked, with everything that does not depend on a request.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::engine::text::UNNAMED_OUTPUT;
use crate::engine::{CompileOptions, Graph, Node, Role};

use super::definition::ModelDefinition;
use super::description::{ModelDescription, ModelForm, ModelSize};
use super::tapes::{self, Tapes};
use crate::api::computation::{Computation, resolve_outputs};
use crate::api::context::Context;
use crate::api::cost::Cost;
use crate::api::faults::{Faults, quote};
use crate::api::mlp::Mlp;
use crate::api::model::{Forms, Model, refuse};
use crate::api::names::Names;
use crate::api::pointer;
use crate::api::problem::{Kind, Problem};
use crate::api::suggest;
use crate::api::text::Text;
use crate::api::value::Value;
use crate::api::values::Values;

/// Bytes that are kept of a node in the graph, its name not counted, and in each tape.
const NODE: usize = 64;
const TAPE_NODE: usize = 64;

/// A model that requests name.
#[derive(Debug)]
pub struct Stored {
    /// `sha256:` and 64 digits.
    hash: String,
    description: Option<String>,
    /// Bytes of its definition.
    written: usize,
    pub(in crate::api) form: Form,
}

/// What can be done with it.
#[derive(Clone, Debug)]
pub(in crate::api) enum Form {
    Scalar(Arc<Prepared>),
    Mlp(Arc<Mlp>, ModelSize),
}

/// An expression or a graph that is kept.
#[derive(Debug)]
pub(in crate::api) struct Prepared {
    /// With the outputs that count where a request names no others.
    computation: Computation<'static>,
    form: ModelForm,
    /// Positions of the inputs in the order in which protocols without names give them.
    pub inputs: Vec<usize>,
    /// By position among the graph's inputs.
    pub defaults: Vec<Option<f64>>,
    pub tapes: Tapes,
}

impl Stored {
    /// The model that `body` defines.
    ///
    /// # Errors
    /// All its faults, each with its place in `body`.
    pub fn new(body: &[u8], context: &Context) -> Result<Self, Problem> {
        let hash = hash(body);
        let ModelDefinition { expression, graph, mlp, inputs, defaults, outputs, description } =
            context.decode(body)?;
        let form = if expression.is_some() { ModelForm::Expression } else { ModelForm::Graph };
        let form = match Model::one_of(Forms { expression, graph, mlp, model: None }, context)? {
            Model::Scalar(scalar) => {
                let defaults = defaults.unwrap_or_default();
                let names = inputs.iter().flatten().map(|name| &**name).chain(defaults.names());
                let computation = scalar.resolve(names, outputs.as_deref(), context)?;
                Form::Scalar(Arc::new(Prepared::new(computation, form, inputs.as_deref(), &defaults)?))
            }
            Model::Mlp(mlp) => {
                let detail = "The inputs and outputs of an MLP have no names.";
                refuse(&[
                    ("/inputs", inputs.is_some(), detail),
                    ("/defaults", defaults.is_some(), detail),
                    ("/outputs", outputs.is_some(), detail),
                ])?;
                let (spec, _) = mlp.resolve(&context.limits)?;
                mlp.preparation(&spec)?;
                let size = ModelSize {
                    inputs: spec.inputs(),
                    outputs: spec.outputs(),
                    nodes: None,
                    parameters: Some(spec.parameters()),
                };
                Form::Mlp(mlp, size)
            }
        };
        let description = description.map(|text| text.0.into_owned());
        Ok(Self { hash, description, written: body.len(), form })
    }

    /// Compiles what is asked for most: outputs and all gradients at one point.
    pub(super) fn compile(&self, context: &Context) -> Result<(), Problem> {
        let Form::Scalar(prepared) = &self.form else { return Ok(()) };
        let computation = prepared.computation(None)?;
        context.admit(Cost::of_values(&computation.graph, 1))?;
        for role in [Role { sampled: false, wanted: false }, Role::NUMBER] {
            let roles = vec![role; prepared.defaults.len()];
            computation.compile(&roles, CompileOptions::default(), context)?;
        }
        Ok(())
    }

    /// `sha256:` and the hash of its definition.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The model, where it can be differentiated; `detail` says to whom has an MLP what it can do.
    pub(in crate::api) fn differentiable(
        &self,
        detail: impl FnOnce() -> String,
    ) -> Result<&Arc<Prepared>, Problem> {
        match &self.form {
            Form::Scalar(prepared) => Ok(prepared),
            Form::Mlp(..) => Err(Problem::new(Kind::UNSUPPORTED_ACTION, detail())),
        }
    }

    /// Bytes that it takes in memory, about, with as many tapes as are kept.
    pub(super) fn bytes(&self) -> usize {
        let kept = match &self.form {
            Form::Scalar(prepared) => {
                let graph = &prepared.computation.graph;
                (graph.len() + graph.operand_count()) * (NODE + tapes::MOST * TAPE_NODE)
            }
            Form::Mlp(_, size) => size.parameters.unwrap_or(0) * size_of::<f64>(),
        };
        self.written + kept
    }

    /// What it is; `name` is that under which the server has it.
    pub fn describe(&self, name: Option<&str>) -> ModelDescription {
        let described = |form, size| ModelDescription {
            name: name.map(str::to_owned),
            model: self.hash.clone(),
            form,
            description: self.description.clone(),
            inputs: Vec::new(),
            defaults: None,
            outputs: Vec::new(),
            size,
            ops: BTreeMap::new(),
        };
        match &self.form {
            Form::Mlp(_, size) => described(ModelForm::Mlp, *size),
            Form::Scalar(prepared) => {
                let (inputs, outputs) = (prepared.input_names(), prepared.output_names());
                let graph = &prepared.computation.graph;
                let size = ModelSize {
                    inputs: graph.inputs().len(),
                    outputs: outputs.len(),
                    nodes: Some(graph.len()),
                    parameters: None,
                };
                let own = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
                ModelDescription {
                    inputs: own(inputs),
                    defaults: prepared.default_values(),
                    outputs: own(outputs),
                    ops: prepared.ops(),
                    ..described(prepared.form, size)
                }
            }
        }
    }
}

/// The name by content of a definition.
pub(super) fn hash(body: &[u8]) -> String {
    let mut hash = "sha256:".to_owned();
    for byte in Sha256::digest(body) {
        write!(hash, "{byte:02x}").expect("a string takes everything");
    }
    hash
}

impl Prepared {
    fn new(
        mut computation: Computation<'_>,
        form: ModelForm,
        inputs: Option<&[Text<'_>]>,
        defaults: &Values<'_>,
    ) -> Result<Self, Problem> {
        let mut faults = Faults::default();
        let inline = std::mem::take(&mut computation.inline);
        let graph = &computation.graph;
        let by_name: HashMap<&str, usize> =
            graph.inputs().iter().enumerate().map(|(i, (name, _))| (&**name, i)).collect();
        let unknown = |name: &str| {
            format!(
                "The model has no input {}{}",
                quote(name),
                suggest::ending(name, by_name.keys().copied())
            )
        };
        let mut numbers: Vec<Option<f64>> = vec![None; by_name.len()];
        let mut take = |input: usize, place: &dyn Fn() -> String, value: &Value, faults: &mut Faults| {
            let detail = match value {
                Value::Samples(_) => "The default of an input is one number; arrays come with a request.",
                Value::Number(x) if numbers[input].replace(*x).is_some() => {
                    "The input has a default already."
                }
                Value::Number(_) => return,
            };
            faults.add(place, || detail.to_owned());
        };
        for inline in &inline {
            let place = || format!("/graph/nodes/{}/value", inline.position);
            take(inline.input, &place, &inline.value, &mut faults);
        }
        for (name, value) in &defaults.0 {
            let place = || pointer::join("/defaults", &**name);
            match by_name.get(&**name) {
                Some(&input) => take(input, &place, value, &mut faults),
                None => faults.add(place, || unknown(name)),
            }
        }
        let mut order = Vec::with_capacity(by_name.len());
        let mut is_named = vec![false; by_name.len()];
        for (i, name) in inputs.unwrap_or_default().iter().enumerate() {
            let place = || pointer::join("/inputs", i);
            match by_name.get(&**name) {
                Some(&input) if is_named[input] => {
                    faults.add(place, || format!("{} is already named.", quote(name)));
                }
                Some(&input) => {
                    is_named[input] = true;
                    order.push(input);
                }
                None => faults.add(place, || unknown(name)),
            }
        }
        let has_no_default = |input: &usize| numbers[*input].is_none();
        match inputs {
            None => {
                order.extend((0..numbers.len()).filter(has_no_default));
                if order.is_empty() {
                    order.extend(0..numbers.len());
                }
            }
            Some(_) => {
                let forgotten = (0..numbers.len()).filter(has_no_default).filter(|input| !is_named[*input]);
                for input in forgotten {
                    let name = &graph.inputs()[input].0;
                    faults.add(
                        || "/inputs".to_owned(),
                        || format!("The input {} is not named here and has no default.", quote(name)),
                    );
                }
            }
        }
        faults.into_result()?;
        let Computation { graph, outputs, names, .. } = computation;
        let names = Arc::try_unwrap(names).map(Names::into_owned).expect("nobody else has the names yet");
        let outputs = outputs.into_iter().map(|(name, node)| (name.into_owned().into(), node)).collect();
        Ok(Self {
            computation: Computation {
                graph,
                outputs,
                names: Arc::new(names),
                inline: Vec::new(),
                prepared: None,
            },
            form,
            inputs: order,
            defaults: numbers,
            tapes: Tapes::default(),
        })
    }

    /// The computation, with the outputs that a request names or else its own.
    pub(in crate::api) fn computation<'a>(
        self: &Arc<Self>,
        outputs: Option<&[Text<'a>]>,
    ) -> Result<Computation<'a>, Problem> {
        let mut computation = self.computation.clone();
        computation.prepared = Some(Arc::clone(self));
        if let Some(asked) = outputs {
            let names = &*self.computation.names;
            let found = names.find_all(asked.iter().map(|name| &**name));
            let mut faults = Faults::default();
            // The output of an expression whose last statement has no name is none of its names.
            let unnamed = self.computation.outputs.iter().find(|(own, _)| **own == *UNNAMED_OUTPUT);
            let unnamed = |name: &str| unnamed.filter(|_| name == UNNAMED_OUTPUT).map(|(_, node)| *node);
            let node = |name: &str| found.get(name).copied().or_else(|| unnamed(name));
            computation.outputs = resolve_outputs(asked, node, || names.all(), &mut faults);
            faults.into_result()?;
        }
        Ok(computation)
    }

    /// Its graph.
    pub fn graph(&self) -> &Graph {
        &self.computation.graph
    }

    /// Names of the inputs, in the order in which protocols without names give them.
    pub fn input_names(&self) -> Vec<&str> {
        self.inputs.iter().map(|&input| &*self.computation.graph.inputs()[input].0).collect()
    }

    /// Names of the outputs, in order.
    pub fn output_names(&self) -> Vec<&str> {
        self.computation.outputs.iter().map(|(name, _)| &**name).collect()
    }

    /// How many outputs there are.
    pub fn outputs(&self) -> usize {
        self.computation.outputs.len()
    }

    fn default_values(&self) -> Option<Values<'static>> {
        let mut values = Values::default();
        for ((name, _), default) in self.computation.graph.inputs().iter().zip(&self.defaults) {
            if let Some(x) = default {
                values.push(name.to_string(), Value::Number(*x));
            }
        }
        (!values.0.is_empty()).then_some(values)
    }

    fn ops(&self) -> BTreeMap<&'static str, usize> {
        let graph = &self.computation.graph;
        let mut ops = BTreeMap::new();
        for node in graph.nodes() {
            if let Node::Apply(op, _) = graph.node(node) {
                *ops.entry(op.name()).or_default() += 1;
            }
        }
        ops
    }
}
