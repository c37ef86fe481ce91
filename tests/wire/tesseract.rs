//! Tesseract: the protocol's endpoints as operations.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gradd::api::array::ArrayEncoding;
use gradd::api::models::{Models, Stored};
use gradd::api::tesseract::{self, error};
use gradd::api::{Context, Kind, Limits, Operation, Problem};
use serde_json::{Value, json};

use super::{answer_in, slug};

/// The context of a server whose Tesseract is this model.
fn context(definition: &Value) -> Context {
    let models = Models::new(0).with_tesseract("it");
    let stored = Stored::new(definition.to_string().as_bytes(), &Context::default()).expect("a model");
    models.name(BTreeMap::from([("it".to_owned(), Arc::new(stored))]));
    Context { models: Arc::new(models), ..Context::default() }
}

/// u = x²y, v = sin(xy) + c, w = y + c, where c is 0 unless given.
fn two() -> Context {
    context(&json!({
        "expression": "u = x^2*y; v = sin(x*y) + c; w = y + c", "outputs": ["u", "v", "w"], "defaults": {"c": 0}
    }))
}

fn array(shape: &[usize], buffer: &Value) -> Value {
    json!({
        "object_type": "array", "shape": shape, "dtype": "float64", "data": {"buffer": buffer, "encoding": "json"}
    })
}

fn numbers(array: &Value) -> Vec<f64> {
    fn flat(value: &Value, into: &mut Vec<f64>) {
        match value {
            Value::Array(elements) => elements.iter().for_each(|element| flat(element, into)),
            number => into.push(number.as_f64().expect("a number")),
        }
    }
    let mut numbers = Vec::new();
    flat(&array["data"]["buffer"], &mut numbers);
    numbers
}

#[track_caller]
fn assert_close(found: &Value, shape: &[usize], expected: &[f64]) {
    assert_eq!(found["shape"], json!(shape), "{found}");
    assert_eq!((&found["object_type"], &found["dtype"]), (&json!("array"), &json!("float64")));
    let found = numbers(found);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= 1e-13 * expected.abs().max(1.0), "{found} {expected}");
    }
}

#[test]
fn apply_answers_every_output_in_the_shape_of_what_it_depends_on() {
    let outputs =
        answer_in(&two(), tesseract::apply, &json!({"inputs": {"x": 2, "y": array(&[], &json!(3))}}));
    assert_eq!(outputs["u"], array(&[], &json!(12.0)));
    assert_close(&outputs["v"], &[], &[6_f64.sin()]);
    assert_eq!(outputs.as_object().unwrap().keys().collect::<Vec<_>>(), ["u", "v", "w"]);

    let inputs = json!({"x": [2, 1, 0.5], "y": 3, "c": 1});
    let outputs = answer_in(&two(), tesseract::apply, &json!({"inputs": inputs}));
    assert_close(&outputs["u"], &[3], &[12.0, 3.0, 0.75]);
    assert_close(&outputs["w"], &[], &[4.0]);
}

#[test]
fn derivatives_are_those_of_the_formulas() {
    let (xs, y) = ([2.0_f64, 0.5], 3.0_f64);
    let inputs = json!({"x": array(&[2], &json!(xs)), "y": array(&[], &json!(y))});
    let (ux, uy) = (xs.map(|x| 2.0 * x * y), xs.map(|x| x * x));
    let vy = xs.map(|x| x * (x * y).cos());
    let call = json!({"inputs": inputs, "jac_inputs": ["x", "y", "c"], "jac_outputs": ["u", "v", "w"]});
    let blocks = answer_in(&two(), tesseract::jacobian, &call);
    assert_close(&blocks["u"]["x"], &[2, 2], &[ux[0], 0.0, 0.0, ux[1]]);
    assert_close(&blocks["u"]["y"], &[2], &uy);
    assert_close(&blocks["u"]["c"], &[2], &[0.0, 0.0]);
    assert_close(&blocks["v"]["y"], &[2], &vy);
    assert_close(&blocks["v"]["c"], &[2], &[1.0, 1.0]);
    assert_close(&blocks["w"]["x"], &[2], &[0.0, 0.0]);
    assert_close(&blocks["w"]["y"], &[], &[1.0]);

    let call = json!({
        "inputs": inputs, "jvp_inputs": ["x", "y"], "jvp_outputs": ["u", "w"],
        "tangent_vector": {"x": array(&[2], &json!([1.0, -2.0])), "y": 0.5}
    });
    let moved = answer_in(&two(), tesseract::jacobian_vector_product, &call);
    assert_close(&moved["u"], &[2], &[ux[0] + 0.5 * uy[0], -2.0 * ux[1] + 0.5 * uy[1]]);
    assert_close(&moved["w"], &[], &[0.5]);
    assert_eq!(moved.as_object().unwrap().len(), 2);

    let call = json!({
        "inputs": inputs, "vjp_inputs": ["x", "y", "y"], "vjp_outputs": ["u", "w"],
        "cotangent_vector": {"u": array(&[2], &json!([1.0, -2.0])), "w": 10}
    });
    let summed = answer_in(&two(), tesseract::vector_jacobian_product, &call);
    assert_close(&summed["x"], &[2], &[ux[0], -2.0 * ux[1]]);
    assert_close(&summed["y"], &[], &[uy[0] - 2.0 * uy[1] + 10.0]);
    assert_eq!(summed.as_object().unwrap().len(), 2);
}

#[test]
fn an_mlp_takes_rows_and_gives_rows() {
    let network = json!({"mlp": {"inputs": 2, "layers": [{"units": 3, "activation": "tanh"}, {"units": 2}]}});
    let rows = json!([[0.5, -1.0], [0.25, 2.0], [0.0, 0.0]]);
    let mut request = network.clone();
    request["data"] = json!({"x": rows});
    let expected = answer_in(&Context::default(), gradd::api::evaluate::answer, &request)["outputs"].clone();
    let network = context(&network);
    for x in [rows.clone(), array(&[3, 2], &rows), array(&[3, 2], &json!([0.5, -1, 0.25, 2, 0, 0]))] {
        let outputs = answer_in(&network, tesseract::apply, &json!({"inputs": {"x": x}}));
        assert_eq!(outputs, json!({"y": array(&[3, 2], &expected)}));
    }
    let refused = |inputs: Value| message(tesseract::apply, &network, &json!({"inputs": inputs}));
    for (inputs, words) in [
        (json!({"x": [1, 2]}), &["body/inputs/x", "shape [2]", "shape [n, 2]"][..]),
        (json!({"x": [[1, 2, 3]]}), &["shape [1, 3]"]),
        (json!({"y": rows}), &["body/inputs/y", "There is no input `y`"]),
        (json!({}), &["body/inputs", "`x` is missing"]),
    ] {
        let message = refused(inputs);
        words.iter().for_each(|word| assert!(message.contains(word), "{word:?} is not in {message:?}"));
    }
    let call = json!({"inputs": {"x": rows}, "jac_inputs": ["x"], "jac_outputs": ["y"]});
    assert!(message(tesseract::jacobian, &network, &call).contains("has apply but not jacobian"));
}

#[test]
fn arrays_are_read_in_every_encoding() {
    let identity = context(&json!({"expression": "x + 0*1"}));
    let read =
        |x: Value| numbers(&answer_in(&identity, tesseract::apply, &json!({"inputs": {"x": x}}))["output"]);
    let bytes = |shape: &[usize], dtype: &str, bytes: &[u8]| json!({"shape": shape, "dtype": dtype, "data": {"buffer": STANDARD.encode(bytes), "encoding": "base64"}});
    let listed = |dtype: &str, buffer: Value| json!({"shape": [2], "dtype": dtype, "data": {"buffer": buffer, "encoding": "json"}, "object_type": "array"});
    let doubles: Vec<u8> = [1.5_f64, -0.1].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(read(bytes(&[2], "float64", &doubles)), [1.5, -0.1]);
    assert_eq!(read(bytes(&[], "float32", &0.1_f32.to_le_bytes())), [f64::from(0.1_f32)]);
    assert_eq!(read(bytes(&[2], "int16", &[0xff, 0xff, 2, 1])), [-1.0, 258.0]);
    assert_eq!(read(bytes(&[2], "uint8", &[255, 1])), [255.0, 1.0]);
    assert_eq!(read(listed("float64", json!([1, 0.1]))), [1.0, 0.1]);
    assert_eq!(read(listed("float32", json!([1, 0.1]))), [1.0, f64::from(0.1_f32)]);
    assert_eq!(read(listed("int64", json!([1, -3]))), [1.0, -3.0]);

    // What is answered in base64 are the bytes of the same numbers.
    let context = Context { arrays: ArrayEncoding::Base64, ..identity };
    let call = json!({"inputs": {"x": [0.1, -2.5]}});
    let reply = tesseract::apply(call.to_string().as_bytes(), &context).expect("an answer");
    assert_eq!(reply.content_type, "application/json+base64");
    let answer: Value = serde_json::from_slice(&reply.body).expect("JSON");
    let expected: Vec<u8> = [0.1_f64, -2.5].iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(answer["output"], bytes_of(&expected));
}

fn bytes_of(bytes: &[u8]) -> Value {
    json!({
        "object_type": "array", "shape": [bytes.len() / 8], "dtype": "float64",
        "data": {"buffer": STANDARD.encode(bytes), "encoding": "base64"}
    })
}

/// Every place and message of what is wrong with `call`, as the client is told.
#[track_caller]
fn message(operation: Operation, context: &Context, call: &Value) -> String {
    let problem = operation(call.to_string().as_bytes(), context).expect_err("an error");
    let (status, body) = error(&problem);
    assert_eq!(status, 422, "{problem:?}");
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    let line = |fault: &Value| {
        let place: Vec<&str> =
            fault["loc"].as_array().unwrap().iter().map(|part| part.as_str().unwrap()).collect();
        format!("{}: {}", place.join("/"), fault["msg"].as_str().unwrap())
    };
    told["detail"].as_array().expect("a list").iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn errors_name_the_place_and_what_was_expected() {
    let array_of = |more: Value| {
        let mut array = array(&[2], &json!([1, 2]));
        array.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"inputs": {"x": array, "y": 1}})
    };
    let data = |data: Value| array_of(json!({"data": data}));
    // Sentences begin with a capital where nothing stands before them.
    let apply = |call: &Value| message(tesseract::apply, &two(), call).to_lowercase();
    for (call, words) in [
        (
            json!({"inputs": {"x": 1, "z": 1}}),
            &["body/inputs/z: ", "`z`", "body/inputs: The input `y` has no value"][..],
        ),
        (json!({"inputs": {"x": [[1]], "y": 1}}), &["body/inputs/x: `x` has the shape [1, 1]", "shape [n]"]),
        (json!({"inputs": {"x": [1, 2], "y": [1]}}), &["body/inputs/"]),
        (json!({"inputs": {"x": [1, [2]], "y": 1}}), &["body/inputs/x/1: ", "row"]),
        (json!({"inputs": {"x": [], "y": 1}}), &["body/inputs/x"]),
        (json!({"inputs": {"x": null, "y": 1}}), &["body/inputs/x: ", "null", "array object"]),
        (json!({"inputs": {"x": {}, "y": 1}}), &["body/inputs/x", "`shape` is missing"]),
        (json!({"inputs": {"x": 1e308, "y": 1}}), &["body: The value of", " is Infinity"]),
        (json!({}), &["body", "`inputs` is missing"]),
        (json!([]), &["body"]),
        (array_of(json!({"shape": [3]})), &["body/inputs/x: the buffer holds 2 numbers", "shape [3]"]),
        (array_of(json!({"shape": [u64::MAX, 2]})), &["do not make up the shape"]),
        (array_of(json!({"shape": [-2]})), &["body/inputs/x/shape/0"]),
        (array_of(json!({"dtype": "complex128"})), &["body/inputs/x/dtype", "complex128", "float64"]),
        (array_of(json!({"object_type": "list"})), &["body/inputs/x/object_type", "array"]),
        (array_of(json!({"more": 1})), &["body/inputs/x/more"]),
        (data(json!({"buffer": [1, 2], "encoding": "base64"})), &["a string is expected"]),
        (data(json!({"buffer": "!", "encoding": "base64"})), &["not base64"]),
        (data(json!({"buffer": "AAAA", "encoding": "base64"})), &["3 bytes, and a float64 has 8"]),
        (
            data(json!({"buffer": "a.bin:0", "encoding": "binref"})),
            &["does not read; send the numbers as json"],
        ),
        (data(json!({"buffer": "", "encoding": "cbor"})), &["no encoding `cbor`; use json or base64"]),
        (data(json!({"buffer": "", "encoding": "base64", "compression": "lz4"})), &["`lz4` are not read"]),
        (data(json!({"buffer": "one", "encoding": "json"})), &["the encoding is json"]),
        (data(json!({"encoding": "json"})), &["body/inputs/x/data", "`buffer` is missing"]),
    ] {
        let message = apply(&call);
        words.iter().for_each(|word| {
            assert!(message.contains(&word.to_lowercase()), "{word:?} is not in {message:?} of {call}");
        });
    }
    let whole = json!({"inputs": {"y": 1, "x": {"shape": [], "dtype": "int8", "data": {"buffer": 1.5, "encoding": "json"}}}});
    assert!(apply(&whole).contains("1.5 is no int8"));
    let unread = tesseract::apply(b"{\"inputs\"", &two()).expect_err("an error");
    assert_eq!((slug(&unread), error(&unread).0), ("malformed-body", 422));
}

#[test]
fn vectors_have_a_member_for_each_name_and_no_other() {
    let inputs = json!({"x": [1, 2], "y": 1});
    let jvp = |inputs_of: Value, outputs: Value, vector: Value| {
        let call = json!({"inputs": inputs, "jvp_inputs": inputs_of, "jvp_outputs": outputs, "tangent_vector": vector});
        message(tesseract::jacobian_vector_product, &two(), &call)
    };
    for (inputs_of, outputs, vector, expected) in [
        (json!(["x"]), json!(["u"]), json!({}), "body/tangent_vector: `jvp_inputs` names `x`"),
        (
            json!(["x"]),
            json!(["u"]),
            json!({"x": 1, "y": 1}),
            "body/tangent_vector/y: `y` is not in `jvp_inputs`",
        ),
        (json!(["z"]), json!(["u"]), json!({"z": 1}), "body/tangent_vector/z: There is no input `z`"),
        (json!(["x"]), json!(["t"]), json!({"x": 1}), "body/jvp_outputs/0: "),
        (json!([]), json!(["u"]), json!({}), "body/jvp_inputs: `jvp_inputs` is empty"),
        (
            json!(["y"]),
            json!(["u"]),
            json!({"y": [1, 2]}),
            "body/tangent_vector/y: The input `y` is one number",
        ),
        (json!(["x"]), json!(["u"]), json!({"x": [1, 2, 3]}), "3 numbers, but the input has 2 samples"),
        (
            json!(["x"]),
            json!(["u"]),
            json!({"x": [[1, 2]]}),
            "body/tangent_vector/x: `x` has the shape [1, 2]",
        ),
    ] {
        let message = jvp(inputs_of, outputs, vector);
        assert!(message.contains(expected), "{expected:?} is not in {message:?}");
    }
    let call =
        json!({"inputs": inputs, "vjp_inputs": ["z"], "vjp_outputs": ["w"], "cotangent_vector": {"w": 1}});
    let told = message(tesseract::vector_jacobian_product, &two(), &call);
    assert!(told.contains("body/vjp_inputs/0: The model has no input `z`"), "{told}");
    let call = json!({"inputs": inputs, "vjp_inputs": ["x"], "vjp_outputs": ["w"], "cotangent_vector": {"w": [1, 2]}});
    let told = message(tesseract::vector_jacobian_product, &two(), &call);
    assert!(told.contains("body/cotangent_vector/w: The output `w` is one number"), "{told}");
}

#[test]
fn a_jacobian_of_many_samples_is_refused_before_it_is_made() {
    let limits = Limits { max_memory: 1 << 20, ..Limits::default() };
    let context = Context { limits, ..two() };
    let call = |samples: usize| json!({"inputs": {"x": vec![1; samples], "y": 1}, "jac_inputs": ["x"], "jac_outputs": ["u"]});
    assert_eq!(answer_in(&context, tesseract::jacobian, &call(100))["u"]["x"]["shape"], json!([100, 100]));
    let problem = tesseract::jacobian(call(1000).to_string().as_bytes(), &context).expect_err("a limit");
    assert_eq!((slug(&problem), problem.actual), ("limit-exceeded", Some(33_000_000)));
}

#[test]
fn what_is_wrong_before_the_body_is_read_is_a_text() {
    let nothing = tesseract::apply(br#"{"inputs": {}}"#, &Context::default()).expect_err("no Tesseract");
    let (status, body) = error(&nothing);
    assert_eq!((status, slug(&nothing)), (404, "not-found"));
    let told: Value = serde_json::from_slice(&body).expect("JSON");
    assert!(told["detail"].as_str().expect("a text").contains("--tesseract"), "{told}");
    let (status, body) = error(&Problem::new(Kind::BUSY, "all slots are taken"));
    assert_eq!((status, body.as_slice()), (429, &br#"{"detail":"all slots are taken"}"#[..]));
}
