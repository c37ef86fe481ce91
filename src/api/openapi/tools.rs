//! Operations as tools of an assistant: what each is called and does, with the schema of its request by itself.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::json;

/// Where a schema refers to others in the document, and where in the schema of a tool.
const COMPONENTS: &str = "#/components/schemas/";
const DEFINITIONS: &str = "#/$defs/";

/// An operation as a tool.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// The last segment of the operation's path.
    pub name: &'static str,
    /// What it does, in a few words.
    pub title: String,
    /// What it does, and what it takes.
    pub description: String,
    /// JSON Schema (2020-12) of its arguments: an object, with all that it refers to in `$defs`.
    pub input: Map<String, Value>,
}

/// The operations at `/v1/` followed by these names.
///
/// # Panics
/// When there is no such operation.
pub fn tools(names: &[&'static str]) -> Vec<Tool> {
    let document: Value = serde_json::from_str(&json()).expect("strings, numbers and lists");
    names.iter().map(|name| tool(&document, name)).collect()
}

fn tool(document: &Value, name: &'static str) -> Tool {
    let operation = &document["paths"][format!("/v1/{name}")]["post"];
    let text = |member: &str| operation[member].as_str().expect("operations are described").to_owned();
    let request = &operation["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let schemas = &document["components"]["schemas"];
    let input = stand_alone(schemas, named(request).expect("requests are schemas with names"));
    let about = input.get("description").and_then(Value::as_str).unwrap_or_default();
    Tool { name, title: text("summary"), description: format!("{}\n\n{about}", text("description")), input }
}

/// The schema called `name`, with all that it refers to.
///
/// A request has exactly one model. The document says so by an `allOf` of the object and a choice of its members, which not all
/// assistants take at the top of a schema: here the description alone says it, and a call with none or two is told so.
fn stand_alone(schemas: &Value, name: &str) -> Map<String, Value> {
    let schema = &schemas[name];
    let mut object =
        schema["allOf"].get(0).unwrap_or(schema).as_object().expect("requests are objects").clone();
    let mut needed = BTreeSet::new();
    let mut open: Vec<Value> = vec![object.clone().into()];
    while let Some(schema) = open.pop() {
        for name in references(&schema) {
            if needed.insert(name.clone()) {
                open.push(schemas[name].clone());
            }
        }
    }
    let definitions: Map<String, Value> =
        needed.into_iter().map(|name| (name.clone(), schemas[name].clone())).collect();
    object.insert("$defs".to_owned(), definitions.into());
    let mut input = Value::Object(object);
    visit(&mut input, &mut |member| {
        if let Some(name) = named(member) {
            *member = format!("{DEFINITIONS}{name}").into();
        }
    });
    match input {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// The names of the schemas that `schema` refers to.
fn references(schema: &Value) -> Vec<String> {
    let mut names = Vec::new();
    visit(&mut schema.clone(), &mut |member| names.extend(named(member).map(str::to_owned)));
    names
}

/// The name of a schema in a reference to it.
fn named(reference: &Value) -> Option<&str> {
    reference.as_str()?.strip_prefix(COMPONENTS)
}

/// Shows every reference within `schema` to `see`.
fn visit(schema: &mut Value, see: &mut impl FnMut(&mut Value)) {
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                members.iter_mut().for_each(|(name, member)| {
                    if name == "$ref" {
                        see(member);
                    } else {
                        open.push(member);
                    }
                });
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}
