//! That a request has exactly one model, and a training run one length: what the types of the members do not say.

use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{OpenApi, RefOr};

const MODELS: [(&str, Type); 3] =
    [("expression", Type::String), ("graph", Type::Object), ("mlp", Type::Object)];

/// Adds it to the schemas of the requests.
pub(super) fn add(document: &mut OpenApi) {
    let schemas = &mut document.components.as_mut().expect("the document has schemas").schemas;
    let mut choose = |request: &str, members: &[(&str, Type)]| {
        let schema = schemas.get_mut(request).expect("the schema of a request");
        let RefOr::T(Schema::Object(object)) = schema else { unreachable!("{request} is an object") };
        let object = object.clone();
        *schema = AllOfBuilder::new().item(object).item(exactly_one(members)).into();
    };
    choose("EvaluateRequest", &MODELS);
    choose("GradientRequest", &MODELS);
    choose("TrainRequest", &MODELS);
    choose("DrawRequest", &MODELS);
    for request in ["FitRequest", "MatrixRequest", "JvpRequest", "VjpRequest", "HvpRequest"] {
        choose(request, &MODELS[..2]);
    }
}

/// A member that is null is not given, so that each branch names the type of its member.
fn exactly_one(members: &[(&str, Type)]) -> OneOfBuilder {
    members.iter().fold(OneOfBuilder::new(), |branches, (name, of_type)| {
        let member = ObjectBuilder::new().schema_type(of_type.clone());
        branches.item(ObjectBuilder::new().title(Some(*name)).property(*name, member).required(*name))
    })
}
