//! That a request has exactly one model, and a training run one length: what the types of the members do not say.

use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, OneOfBuilder, Schema, Type};
use utoipa::openapi::{OpenApi, Ref, RefOr};

const MODELS: [&str; 4] = ["expression", "graph", "mlp", "model"];
/// Where no MLP is taken.
const SCALAR: [&str; 3] = ["expression", "graph", "model"];

/// Adds it to the schemas of the requests.
pub(super) fn add(document: &mut OpenApi) {
    let schemas = &mut document.components.as_mut().expect("the document has schemas").schemas;
    let mut choose = |request: &str, members: &[&str]| {
        let schema = schemas.get_mut(request).expect("the schema of a request");
        let RefOr::T(Schema::Object(object)) = schema else { unreachable!("{request} is an object") };
        let object = object.clone();
        *schema = AllOfBuilder::new().item(object).item(exactly_one(members)).into();
    };
    choose("EvaluateRequest", &MODELS);
    choose("GradientRequest", &MODELS);
    choose("TrainRequest", &MODELS);
    choose("DrawRequest", &MODELS);
    choose("ModelDefinition", &MODELS[..3]);
    choose("ConvertRequest", &["mlp", "model"]);
    for request in ["FitRequest", "MatrixRequest", "JvpRequest", "VjpRequest", "HvpRequest"] {
        choose(request, &SCALAR);
    }
}

/// A member that is null is not given, so that each branch names the schema of its member: the whole one, because generated types
/// hold a request to both, and take an object without properties to have none.
fn exactly_one(members: &[&str]) -> OneOfBuilder {
    members.iter().fold(OneOfBuilder::new(), |branches, name| {
        let member: RefOr<Schema> = match *name {
            "graph" => Ref::from_schema_name("Graph").into(),
            "mlp" => Ref::from_schema_name("Mlp").into(),
            _ => ObjectBuilder::new().schema_type(Type::String).into(),
        };
        branches.item(ObjectBuilder::new().title(Some(*name)).property(*name, member).required(*name))
    })
}
