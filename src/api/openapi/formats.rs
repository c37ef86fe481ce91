//! The media types beside JSON that computations take and give.

use std::collections::BTreeMap;

use utoipa::openapi::{Content, OpenApi, RefOr};

use crate::api::format::Format;

/// Adds them to every computation, with the schema that JSON has and without its examples.
pub(super) fn add(document: &mut OpenApi) {
    for operation in document.paths.paths.values_mut().filter_map(|item| item.post.as_mut()) {
        if let Some(RefOr::T(request)) = &mut operation.request_body {
            request.content.extend(binary(request.content.get(Format::Json.media_type())));
        }
        if let Some(RefOr::T(response)) = operation.responses.responses.get_mut("200") {
            response.content.extend(binary(response.content.get(Format::Json.media_type())));
        }
    }
}

fn binary(json: Option<&RefOr<Content>>) -> BTreeMap<String, RefOr<Content>> {
    let Some(RefOr::T(json)) = json else { return BTreeMap::new() };
    let mut content = json.clone();
    content.examples.clear();
    let others = Format::ALL.into_iter().filter(|format| *format != Format::Json);
    others.map(|format| (format.media_type().to_owned(), RefOr::T(content.clone()))).collect()
}
