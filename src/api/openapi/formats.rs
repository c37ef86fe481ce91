//! The media types beside JSON that computations take and give.

use std::collections::BTreeMap;

use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{Content, ContentBuilder, OpenApi, RefOr};

use crate::api::format::Format;
use crate::api::interchange::file::FileFormat;

/// The operations whose answer may be a file.
const WITH_FILES: [&str; 3] = ["/v1/gradient", "/v1/train", "/v1/convert"];

/// Adds them to every computation, with the schema that JSON has and without its examples; and the files.
pub(super) fn add(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
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
