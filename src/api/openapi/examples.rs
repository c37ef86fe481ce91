//! Requests to try, each with the answer that it gets.
//!
//! Each file holds `summary`, `request` and `response`, and `media_type` where the answer is a picture. A test posts every request and compares the answer;
//! `UPDATE_EXAMPLES=1` makes it write the answers into the files.

use serde_json::Value;
use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::{Content, OpenApi, RefOr};

use crate::api::ops;

/// An example of an operation.
#[derive(Clone, Copy, Debug)]
pub struct File {
    /// The operation's path.
    pub path: &'static str,
    /// The example's name.
    pub name: &'static str,
    /// Where the file lies, from the package's root.
    pub source: &'static str,
    /// Its content.
    pub text: &'static str,
}

macro_rules! examples {
    ($($operation:literal $name:literal),* $(,)?) => {
        &[$(File {
            path: concat!("/v1/", $operation),
            name: $name,
            source: concat!("src/api/openapi/examples/", $operation, "/", $name, ".json"),
            text: include_str!(concat!("examples/", $operation, "/", $name, ".json")),
        }),*]
    };
}

/// All examples, in the order of the document.
pub const FILES: &[File] = examples![
    "models" "neuron",
    "evaluate" "neuron",
    "evaluate" "batch",
    "evaluate" "graph",
    "evaluate" "mlp",
    "evaluate" "non_finite",
    "gradient" "neuron",
    "gradient" "decomposed_neuron",
    "gradient" "graph",
    "gradient" "batch",
    "gradient" "momentum",
    "gradient" "explained",
    "gradient" "functions",
    "gradient" "mlp",
    "gradient" "prepared",
    "jacobian" "polar",
    "jacobian" "batch",
    "hessian" "rosenbrock",
    "hessian" "sparse",
    "hessian" "graph",
    "jvp" "neuron",
    "vjp" "weights",
    "hvp" "rosenbrock",
    "train" "expression",
    "train" "continued",
    "train" "mlp",
    "train" "recipe",
    "fit" "decay",
    "fit" "bounded",
    "convert" "to_safetensors",
    "convert" "from_safetensors",
    "draw" "neuron",
    "draw" "graphviz",
];

impl File {
    /// The file as JSON.
    ///
    /// # Panics
    /// If the file is not JSON; the tests read every one.
    pub fn json(&self) -> Value {
        serde_json::from_str(self.text).unwrap_or_else(|error| panic!("{}: {error}", self.source))
    }
}

/// Adds the examples to the operations' requests and answers.
pub(super) fn add(document: &mut OpenApi) {
    add_ops(document);
    for file in FILES {
        let item = document.paths.paths.get_mut(file.path).expect("the path of an example is an operation's");
        let operation = item.post.as_mut().expect("operations with examples are posted to");
        let content = file.json();
        let example = |member: &str| -> RefOr<Example> {
            let summary = content["summary"].as_str().unwrap_or_default();
            RefOr::T(ExampleBuilder::new().summary(summary).value(Some(content[member].clone())).build())
        };
        if let Some(RefOr::T(request)) = &mut operation.request_body {
            attach(request.content.values_mut(), file.name, &example("request"));
        }
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
            let of_type = content["media_type"].as_str();
            let contents =
                response.content.iter_mut().filter(|(name, _)| of_type.is_none_or(|of| *name == of));
            attach(contents.map(|(_, content)| content), file.name, &example("response"));
        }
    }
}

/// The op table is its own example.
fn add_ops(document: &mut OpenApi) {
    let table = serde_json::from_slice(&ops::answer().body).ok();
    let example = RefOr::T(ExampleBuilder::new().summary("The whole table").value(table).build());
    let operation = document.paths.paths.get_mut("/v1/ops").and_then(|item| item.get.as_mut());
    let response = operation.and_then(|operation| operation.responses.responses.get_mut("200"));
    if let Some(RefOr::T(response)) = response {
        attach(response.content.values_mut(), "table", &example);
    }
}

fn attach<'c>(contents: impl Iterator<Item = &'c mut RefOr<Content>>, name: &str, example: &RefOr<Example>) {
    for content in contents {
        if let RefOr::T(content) = content {
            content.examples.insert(name.to_owned(), example.clone());
        }
    }
}
