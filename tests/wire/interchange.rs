//! MLPs as files: what is written is read back, what PyTorch wrote is read, and what does not fit is told.
//! `tests/interchange/run` holds the files against the programs that they are for.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gradd::api::format::Format;
use gradd::api::interchange::file::{AcceptedFile, FileFormat};
use gradd::api::{Context, Limits, Operation, convert, evaluate, fit, gradient, train};
use serde_json::{Value, json};

use super::{answer, assert_invalid, problem, problem_within, slug};

const BOTH: [FileFormat; 2] = [FileFormat::Safetensors, FileFormat::Onnx];

fn layers() -> Value {
    json!([
        {"weight": [[1.0, 2.0], [3.0, 4.0], [0.1, 1e-300]], "bias": [0.5, -0.5, 0.0]},
        {"weight": [[1.0, -1.0, 0.3]], "bias": [0.25]}
    ])
}

fn mlp() -> Value {
    json!({"inputs": 2, "layers": [{"units": 3, "activation": "gelu"}, {"units": 1}], "loss": "mse"})
}

fn with(parameters: Value) -> Value {
    let mut mlp = mlp();
    mlp["parameters"] = parameters;
    json!({"mlp": mlp})
}

fn accepting(format: FileFormat, or_members: bool) -> Context {
    Context { file: Some(AcceptedFile { format, or_members }), ..Context::default() }
}

/// The file that `body` gets by `Accept`.
#[track_caller]
fn file(operation: Operation, body: &Value, format: FileFormat) -> Vec<u8> {
    let reply = operation(body.to_string().as_bytes(), &accepting(format, false)).expect("a file");
    assert_eq!(reply.content_type, format.media_type());
    reply.body
}

fn name(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Safetensors => "safetensors",
        FileFormat::Onnx => "onnx",
    }
}

/// A file with these tensors: name, type, shape, bytes.
fn write(tensors: &[(&str, &str, &[usize], Vec<u8>)]) -> Vec<u8> {
    let (mut header, mut data) = (serde_json::Map::new(), Vec::new());
    for (name, dtype, shape, bytes) in tensors {
        let start = data.len();
        data.extend(bytes);
        header.insert(
            (*name).to_owned(),
            json!({"dtype": dtype, "shape": shape, "data_offsets": [start, data.len()]}),
        );
    }
    let header = Value::Object(header).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn doubles(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

fn posted(file: &[u8]) -> Value {
    with(json!({"safetensors": STANDARD.encode(file)}))
}

#[test]
fn what_is_written_is_read_back_bit_for_bit() {
    let bytes = file(convert::answer, &with(layers()), FileFormat::Safetensors);
    assert_eq!(answer(convert::answer, &posted(&bytes)), json!({"parameters": layers()}));
    // Behind the header, whose end is aligned, lie the numbers.
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    assert_eq!((length % 8, bytes.len() - 8 - length), (0, 8 * 13));
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let described: Value = serde_json::from_str(header["__metadata__"]["mlp"].as_str().unwrap()).unwrap();
    let mut expected = mlp();
    expected["layers"][1]["activation"] = json!("linear");
    assert_eq!(described, expected);
    assert_eq!(header["layers.0.weight"]["shape"], json!([3, 2]));
}

#[test]
fn accept_and_format_give_the_same_file() {
    let data = json!({"x": [[1, 2], [3, 4], [0, 1]], "y": [[1], [0], [2]]});
    let train_body =
        json!({"mlp": mlp(), "data": data, "optimizer": {"adam": {"learning_rate": 0.01}}, "steps": 20});
    let step = json!({"mlp": mlp(), "data": data, "sgd": {"learning_rate": 0.1}});
    let operations: [(Operation, &Value, &str); 3] = [
        (convert::answer, &with(layers()), "parameters"),
        (train::answer, &train_body, "parameters"),
        (gradient::answer, &step, "updated"),
    ];
    for (operation, body, member) in operations {
        for format in BOTH {
            let mut request = body.clone();
            request["format"] = json!(name(format));
            let found = answer(operation, &request);
            let within = STANDARD.decode(found["file"].as_str().expect("base64")).expect("base64");
            assert_eq!(file(operation, body, format), within);
            assert_eq!(file(operation, &request, format), within);
            let converted = with(found[member].clone());
            assert_eq!(file(convert::answer, &converted, format), within, "the file holds `{member}`");
        }
        assert_eq!(answer(operation, body).get("file"), None);
    }
}

#[test]
fn a_file_that_does_not_go_with_the_request_is_refused() {
    let expression = json!({"expression": "x^2", "inputs": {"x": 1}});
    let line = json!({"expression": "(a*x - y)^2", "parameters": {"a": 1}, "data": {"x": [1], "y": [2]},
                      "optimizer": {"sgd": {"learning_rate": 0.1}}, "steps": 1});
    let fit_body = json!({"expression": "a*x", "target": "y", "data": {"x": [1, 2], "y": [2, 4]}, "parameters": {"a": 1}});
    let rows = json!({"mlp": mlp(), "data": {"x": [[1, 2]], "y": [[1]]}});
    // By `Accept`: 406, unless members will do.
    let operations: [(Operation, &Value); 5] = [
        (gradient::answer, &expression),
        (train::answer, &line),
        (evaluate::answer, &expression),
        (evaluate::answer, &rows),
        (fit::answer, &fit_body),
    ];
    for (operation, body) in operations {
        for format in BOTH {
            let body = body.to_string();
            let found = operation(body.as_bytes(), &accepting(format, false)).expect_err("no file");
            assert_eq!((slug(&found), found.status), ("not-acceptable", 406), "{found:?}");
            assert!(found.detail.contains("application/json"), "{}", found.detail);
            let reply = operation(body.as_bytes(), &accepting(format, true)).expect("members");
            assert_eq!(reply.content_type, "application/json");
        }
    }
    // By `format`: a fault of the body.
    for (operation, body) in [(gradient::answer as Operation, &expression), (train::answer, &line)] {
        let mut body = body.clone();
        body["format"] = json!("onnx");
        assert_invalid(&problem(operation, &body), &["/format"], &["Only an MLP"]);
    }
    let mut body = rows.clone();
    body["format"] = json!("onnx");
    assert_invalid(&problem(gradient::answer, &body), &["/format"], &["`sgd`"]);
    body["format"] = json!("onx");
    assert_invalid(&problem(gradient::answer, &body), &["/format"], &["did you mean `onnx`"]);
    let found = gradient::answer(rows.to_string().as_bytes(), &accepting(FileFormat::Onnx, false));
    assert_invalid(&found.expect_err("no update"), &[""], &["`sgd`"]);
    let mut body = with(layers());
    body["format"] = json!("safetensors");
    let found = convert::answer(body.to_string().as_bytes(), &accepting(FileFormat::Onnx, false));
    assert_invalid(&found.expect_err("two wishes"), &["/format"], &["onnx", "safetensors"]);
}

#[test]
fn files_of_pytorch_are_read() {
    let fixture: Value =
        serde_json::from_str(include_str!("../fixtures/interchange/files.json")).expect("JSON");
    let cases = fixture["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let body = json!({
            "mlp": {"inputs": 2, "layers": case["layers"], "parameters": {"safetensors": case["safetensors"]}},
            "data": {"x": case["x"]}
        });
        let found = answer(evaluate::answer, &body);
        for (found, expected) in
            found["outputs"].as_array().unwrap().iter().zip(case["y"].as_array().unwrap())
        {
            for (found, expected) in found.as_array().unwrap().iter().zip(expected.as_array().unwrap()) {
                let difference = (found.as_f64().unwrap() - expected.as_f64().unwrap()).abs();
                assert!(difference < 1e-14, "{}: {found} {expected}", case["name"]);
            }
        }
    }
}

#[test]
fn bytes_need_no_base64_in_binary_formats() {
    // serde_json has no bytes, so that the body is put together by hand.
    let bytes = file(convert::answer, &with(layers()), FileFormat::Safetensors);
    let marker = "0123456789";
    let body = with(json!({"safetensors": marker}));
    let length = (bytes.len() as u16).to_be_bytes();
    for (format, head, text) in [(Format::Cbor, 0x59, 0x6a), (Format::MessagePack, 0xc5, 0xaa)] {
        let encoded = format.encode(&body).expect("a body");
        let text = [&[text], marker.as_bytes()].concat();
        let at = encoded.windows(text.len()).position(|window| window == text).expect("the marker");
        let file = [&[head], &length[..], &bytes].concat();
        let whole = [&encoded[..at], &file, &encoded[at + text.len()..]].concat();
        let context = Context { body: format, ..Context::default() };
        let reply = convert::answer(&whole, &context).expect("an answer");
        let found: Value = serde_json::from_slice(&reply.body).expect("JSON");
        assert_eq!(found["parameters"], layers(), "{format:?}");
    }
}

#[test]
fn files_that_do_not_fit_are_told() {
    const PLACE: &str = "/mlp/parameters/safetensors";
    let good: [(&str, &str, &[usize], Vec<u8>); 4] = [
        ("layers.0.weight", "F64", &[3, 2], doubles(&[1.0; 6])),
        ("layers.0.bias", "F64", &[3], doubles(&[0.0; 3])),
        ("layers.1.weight", "F64", &[1, 3], doubles(&[1.0; 3])),
        ("layers.1.bias", "F64", &[1], doubles(&[0.0])),
    ];
    answer(convert::answer, &posted(&write(&good)));
    let changed = |index: usize, tensor: (&'static str, &'static str, &'static [usize], Vec<u8>)| {
        let mut tensors = good.clone();
        tensors[index] = tensor;
        write(&tensors)
    };
    let extra = |tensor: (&'static str, &'static str, &'static [usize], Vec<u8>)| {
        write(&[&good[..], &[tensor]].concat())
    };
    let renamed = |name: &'static str| changed(3, (name, "F64", &[1], doubles(&[0.0])));
    for (file, faults, words) in [
        (write(&good[..3]), 1, &["`layers.1.bias` is missing; it has the shape [1]"][..]),
        (write(&good[..2]), 1, &["for 1 layers (`layers.0`), but the model has 2"]),
        (write(&[]), 1, &["for 0 layers (), but the model has 2"]),
        (extra(("layers.4.weight", "F64", &[1, 1], doubles(&[0.0]))), 1, &["for 3 layers", "`layers.4`"]),
        (
            extra(("norm.weight", "F64", &[1], doubles(&[0.0]))),
            1,
            &["`norm.weight` does not belong here", "`layers.0.weight`"],
        ),
        (renamed("layers.01.bias"), 1, &["`layers.01.bias` does not belong here"]),
        (renamed("layers.+1.bias"), 1, &["`layers.+1.bias` does not belong here"]),
        (renamed("layers.1.bias.x"), 1, &["`layers.1.bias.x` does not belong here"]),
        (renamed("1.bias"), 1, &["`1.bias` does not belong here"]),
        (
            changed(0, ("layers.0.weight", "F64", &[2, 3], doubles(&[1.0; 6]))),
            1,
            &["`layers.0.weight` has the shape [2, 3], but the layer needs [3, 2]"],
        ),
        (
            changed(3, ("layers.1.bias", "F64", &[], doubles(&[0.0]))),
            1,
            &["has the shape [], but the layer needs [1]"],
        ),
        (
            changed(3, ("layers.1.bias", "F16", &[1], vec![0, 0])),
            1,
            &["`layers.1.bias` has numbers of type F16; save it as F64 or F32"],
        ),
        (
            write(&[
                ("layers.0.weight", "I64", &[3, 2], doubles(&[1.0; 6])),
                ("layers.1.bias", "F64", &[2], doubles(&[1.0; 2])),
            ]),
            4,
            &["type I64", "`layers.0.bias` is missing", "`layers.1.weight` is missing", "has the shape [2]"],
        ),
        (write(&good)[..100].to_vec(), 1, &["no whole safetensors file"]),
        ([&write(&good)[..], &[0]].concat(), 1, &["no whole safetensors file"]),
        (Vec::new(), 1, &["header too small"]),
        (b"not a file of any kind".to_vec(), 1, &["no whole safetensors file"]),
        ([&8_u64.to_le_bytes()[..], b"{\"a\": 1}"].concat(), 1, &["invalid JSON"]),
        (changed(0, ("layers.0.weight", "F64", &[3, 3], doubles(&[1.0; 6]))), 1, &["invalid shape"]),
        (
            changed(0, ("layers.0.weight", "F64", &[usize::MAX, usize::MAX], doubles(&[1.0; 6]))),
            1,
            &["overflow"],
        ),
    ] {
        let found = problem(convert::answer, &posted(&file));
        assert_invalid(&found, &vec![PLACE; faults], words);
    }
    for (parameters, place, word) in [
        (json!({"safetensors": "no base64!"}), PLACE, "base64"),
        (json!({"safetensors": 1}), PLACE, "a safetensors file in base64"),
        (json!({}), "/mlp/parameters", "`safetensors` is missing"),
        (json!({"safetensor": ""}), "/mlp/parameters/safetensor", "did you mean `safetensors`"),
        (json!("x"), "/mlp/parameters", "an object with `safetensors`"),
    ] {
        assert_invalid(&problem(convert::answer, &with(parameters)), &[place], &[word]);
    }
}

#[test]
fn a_broken_file_never_panics() {
    let bytes = file(convert::answer, &with(layers()), FileFormat::Safetensors);
    let tell = |bytes: &[u8]| {
        let result = convert::answer(posted(bytes).to_string().as_bytes(), &Context::default());
        result.map_or_else(|problem| assert_eq!(problem.status, 422, "{problem:?}"), drop);
    };
    for end in 0..bytes.len() {
        tell(&bytes[..end]);
    }
    for place in 0..bytes.len() {
        for flip in [1, 0x10, 0x80] {
            let mut broken = bytes.clone();
            broken[place] ^= flip;
            tell(&broken);
        }
    }
}

#[test]
fn headers_have_a_bound() {
    let names: Vec<String> = (0..40_000).map(|i| format!("layers.{i}.weight")).collect();
    let tensors: Vec<(&str, &str, &[usize], Vec<u8>)> =
        names.iter().map(|name| (name.as_str(), "F64", &[0_usize][..], Vec::new())).collect();
    let found = problem(convert::answer, &posted(&write(&tensors)));
    assert_invalid(&found, &["/mlp/parameters/safetensors"], &["The header", "at most 1050624 are read"]);
}

#[test]
fn a_model_is_bounded_before_its_file_is_read() {
    let limits = Limits { max_parameters: 12, ..Limits::default() };
    let found = problem_within(limits, convert::answer, &posted(b"no file"));
    assert_eq!(found.setting.as_deref(), Some("max_parameters"));
}
