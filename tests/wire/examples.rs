//! The examples of the OpenAPI document are what the operations answer, and the document is well formed.

use gradd::api::openapi::{self, examples};
use gradd::api::{
    Operation, convert, draw, evaluate, fit, gradient, hessian, hvp, jacobian, jvp, models, train, vjp,
};
use serde_json::{Value, json};

use super::{answer_in, untimed, with_models};
use crate::draw::picture;

pub fn operation(path: &str) -> Operation {
    match path {
        "/v1/evaluate" => evaluate::answer,
        "/v1/gradient" => gradient::answer,
        "/v1/jacobian" => jacobian::answer,
        "/v1/hessian" => hessian::answer,
        "/v1/jvp" => jvp::answer,
        "/v1/vjp" => vjp::answer,
        "/v1/hvp" => hvp::answer,
        "/v1/train" => train::answer,
        "/v1/fit" => fit::answer,
        "/v1/convert" => convert::answer,
        "/v1/draw" => draw::answer,
        "/v1/models" => models::answer,
        _ => panic!("no operation at {path}"),
    }
}

#[test]
fn every_example_is_answered_as_it_says() {
    let update = std::env::var_os("UPDATE_EXAMPLES").is_some();
    // The examples that name a model come after the one that prepares it.
    let context = with_models();
    for file in examples::FILES {
        let example = file.json();
        let found = match example["media_type"].as_str() {
            Some(media_type) => json!(picture(media_type, &example["request"])),
            None => untimed(answer_in(&context, operation(file.path), &example["request"])),
        };
        if update {
            let mut text = example.clone();
            text["response"] = found;
            let text = serde_json::to_string_pretty(&text).unwrap() + "\n";
            std::fs::write(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file.source), text).unwrap();
        } else {
            assert_eq!(found, example["response"], "{}", file.source);
        }
    }
}

fn document() -> Value {
    serde_json::from_str(&openapi::json()).unwrap()
}

#[test]
fn every_reference_of_the_document_leads_somewhere() {
    fn collect(value: &Value, references: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                references.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|member| collect(member, references));
            }
            Value::Array(elements) => elements.iter().for_each(|element| collect(element, references)),
            _ => {}
        }
    }
    let document = document();
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(references.len() > 20);
    for reference in references {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn every_operation_has_descriptions_and_errors() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["license"]["name"], "MIT OR Apache-2.0");
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for member in ["summary", "description", "operationId"] {
                assert!(operation[member].as_str().is_some_and(|text| !text.is_empty()), "{path}: {member}");
            }
            let responses = operation["responses"].as_object().unwrap();
            let statuses: Vec<&str> = responses.keys().map(String::as_str).collect();
            if operation["tags"] == json!(["um-bridge"]) {
                assert_eq!(statuses, ["200", "400"], "{path}");
                let error = &responses["400"]["content"]["application/json"]["schema"]["$ref"];
                assert_eq!(error, "#/components/schemas/UmBridgeErrorAnswer", "{path}");
                continue;
            }
            if operation["tags"] == json!(["tesseract"]) {
                let mut expected =
                    vec!["200", "401", "403", "404", "406", "408", "413", "422", "429", "500", "503", "504"];
                if method == "get" {
                    expected.retain(|status| ["200", "401", "403", "404", "429", "500"].contains(status));
                }
                assert_eq!(statuses, expected, "{path}");
                for status in &statuses[1..] {
                    let error = &responses[*status]["content"]["application/json"]["schema"]["$ref"];
                    assert_eq!(error, "#/components/schemas/TesseractErrorAnswer", "{path} {status}");
                }
                continue;
            }
            if method == "post" {
                let mut expected = vec![
                    "200", "400", "401", "403", "404", "406", "408", "413", "415", "422", "429", "500",
                    "503", "504",
                ];
                // It names no model itself.
                expected.retain(|status| path != "/v1/models" || *status != "404");
                assert_eq!(statuses, expected, "{path}");
                let request = &operation["requestBody"]["content"]["application/json"];
                assert!(!request["examples"].as_object().unwrap().is_empty(), "{path}");
            }
            for (status, response) in responses {
                assert!(!response["description"].as_str().unwrap().is_empty(), "{path} {status}");
                if status != "200" {
                    let content = &response["content"]["application/problem+json"];
                    assert_eq!(content["schema"]["$ref"], "#/components/schemas/Problem", "{path} {status}");
                }
            }
        }
    }
}

/// Requests, answers and problems of every operation. That answers fit the schemas beside these examples is checked over
/// HTTP, by `tests/contract/run`.
#[test]
fn every_example_fits_the_schema_beside_it() {
    let document = document();
    let mut seen = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let responses = operation["responses"].as_object().unwrap().values();
            let bodies = responses.chain(operation.get("requestBody"));
            for content in bodies.flat_map(|body| body["content"].as_object().unwrap().values()) {
                let mut schema = content["schema"].clone();
                schema["components"] = document["components"].clone();
                let validator = jsonschema::validator_for(&schema).expect("the schema is well formed");
                let several =
                    content["examples"].as_object().into_iter().flat_map(|examples| examples.values());
                for example in several.map(|example| &example["value"]).chain(content.get("example")) {
                    if let Err(error) = validator.validate(example) {
                        panic!("{path}: {error} at {} of {example}", error.instance_path());
                    }
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 100, "{seen} examples");
}

#[test]
fn a_request_has_exactly_one_model() {
    let document = document();
    let schema =
        json!({"$ref": "#/components/schemas/EvaluateRequest", "components": document["components"]});
    let validator = jsonschema::validator_for(&schema).expect("the schema is well formed");
    let mlp = json!({"inputs": 1, "layers": [{"units": 1}]});
    for (request, fits) in [
        (json!({"expression": "1"}), true),
        (json!({"expression": "1", "graph": null, "mlp": null}), true),
        (json!({"expression": null, "mlp": mlp}), true),
        (json!({"expression": "1", "mlp": mlp}), false),
        (json!({"graph": null}), false),
        (json!({}), false),
    ] {
        assert_eq!(validator.is_valid(&request), fits, "{request}");
    }
}

#[test]
fn the_checked_in_document_is_current() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.yaml");
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, openapi::yaml()).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == openapi::yaml(), "openapi.yaml is stale: run the tests with UPDATE_OPENAPI=1");
}

#[test]
fn the_document_is_the_same_each_time() {
    assert_eq!(openapi::yaml(), openapi::yaml());
    assert!(openapi::yaml().starts_with("openapi: 3.1.0"));
}
