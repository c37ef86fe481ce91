//! The media types beside JSON that computations take and give, and the events of a training run.

use std::collections::BTreeMap;

use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, ContentBuilder, OpenApi, RefOr};

use crate::api::format::Format;
use crate::api::interchange::file::FileFormat;

/// The operations whose answer may be a file.
const WITH_FILES: [&str; 3] = ["/v1/gradient", "/v1/train", "/v1/convert"];

/// Adds them to every computation, with the schema that JSON has and without its examples; and the files.
pub(super) fn add(document: &mut OpenApi) {
    for (path, item) in document.paths.paths.iter_mut().filter(|(path, _)| path.starts_with("/v1/")) {
        let Some(operation) = &mut item.post else { continue };
        if let Some(RefOr::T(request)) = &mut operation.request_body {
            request.content.extend(binary(request.content.get(Format::Json.media_type())));
        }
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
            response.content.extend(binary(response.content.get(Format::Json.media_type())));
            if WITH_FILES.contains(&path.as_str()) {
                response
                    .content
                    .extend(FileFormat::ALL.map(|format| (format.media_type().to_owned(), file())));
            }
        }
    }
}

/// Adds the stream of events to the operation that has one.
pub(super) fn add_events(document: &mut OpenApi) {
    let train = document.paths.paths.get_mut("/v1/train").and_then(|item| item.post.as_mut());
    let response = train.and_then(|operation| operation.responses.responses.get_mut("200"));
    if let Some(RefOr::T(response)) = response {
        let schema = ObjectBuilder::new().schema_type(Type::String).description(Some(
            "Server-sent events, with ids from 0. `progress` holds a Progress, `checkpoint` a Checkpoint; the last one is \
             `result`, which holds a TrainResponse, or `problem`, which holds a Problem. Data are JSON on one line. What is \
             wrong from the start is a plain problem with its status.",
        ));
        let example = ExampleBuilder::new().summary("Two events").value(Some(serde_json::json!(
            "id: 0\nevent: progress\ndata: {\"step\":1,\"steps\":200,\"epoch\":1,\"loss\":1.036,\
             \"learning_rate\":0.1,\"steps_per_second\":5082.4,\"seconds_left\":0.04}\n\n\
             id: 1\nevent: result\ndata: {\"parameters\":[],\"loss\":0.012}\n\n"
        )));
        let content =
            ContentBuilder::new().schema(Some(schema)).examples_from_iter([("events", example.build())]);
        response.content.insert("text/event-stream".to_owned(), RefOr::T(content.build()));
    }
}

/// Bytes without a schema of their own.
fn file() -> RefOr<Content> {
    RefOr::T(ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build())
}

fn binary(json: Option<&RefOr<Content>>) -> BTreeMap<String, RefOr<Content>> {
    let Some(RefOr::T(json)) = json else { return BTreeMap::new() };
    let mut content = json.clone();
    content.examples.clear();
    let others = Format::ALL.into_iter().filter(|format| *format != Format::Json);
    others.map(|format| (format.media_type().to_owned(), RefOr::T(content.clone()))).collect()
}
