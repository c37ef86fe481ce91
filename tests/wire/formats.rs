//! CBOR and MessagePack say the same as JSON.

use std::sync::Arc;

use gradd::api::format::Format;
use gradd::api::openapi::examples;
use gradd::api::{Context, Problem, evaluate, gradient};
use serde_json::{Value, json};

use super::examples::operation;
use super::{answer_in, pointers, slug, with_models};

const BINARY: [Format; 2] = [Format::Cbor, Format::MessagePack];

fn context(format: Format) -> Context {
    Context { body: format, answer: format, ..Context::default() }
}

#[test]
fn every_example_has_the_same_answer_in_every_format() {
    let models = with_models().models;
    let context = |format| Context { models: Arc::clone(&models), ..context(format) };
    for file in examples::FILES {
        let request = &file.json()["request"];
        if file.json().get("media_type").is_some() {
            // A picture, which has formats of its own.
            let [json, cbor] = [Format::Json, Format::Cbor].map(|format| {
                let body = format.encode(request).expect("a body");
                operation(file.path)(&body, &context(format)).expect("a picture")
            });
            assert_eq!(json, cbor);
            continue;
        }
        // The name of a model is the hash of its bytes, which are others in each format.
        let named = |mut answer: Value| {
            answer.as_object_mut().expect("an object").remove("model");
            answer
        };
        let expected = named(without_times(answer_in(&context(Format::Json), operation(file.path), request)));
        for format in BINARY {
            let body = format.encode(request).expect("a body");
            let reply = operation(file.path)(&body, &context(format)).expect("an answer");
            assert_eq!(reply.content_type, format.media_type());
            let found: Value = match format {
                Format::Cbor => cbor4ii::serde::from_slice(&reply.body).expect("CBOR"),
                _ => rmp_serde::from_slice(&reply.body).expect("MessagePack"),
            };
            assert_eq!(named(without_times(found)), expected, "{} as {format:?}", file.source);
        }
    }
}

/// Times differ from run to run.
fn without_times(mut answer: Value) -> Value {
    answer.as_object_mut().expect("an object").remove("timing");
    answer
}

fn refused(format: Format, body: &[u8]) -> Problem {
    match evaluate::answer(body, &context(format)) {
        Err(problem) => problem,
        Ok(reply) => panic!("expected a problem, got {:?}", reply.body),
    }
}

#[test]
fn a_fault_is_found_at_its_place() {
    for format in BINARY {
        let place = |body: &Value| {
            let problem = refused(format, &format.encode(body).expect("a body"));
            assert_eq!((slug(&problem), problem.status), ("invalid-request", 422), "{problem:#?}");
            pointers(&problem).join(" ")
        };
        assert_eq!(
            place(&json!({"expression": "x", "inputs": {"x": [1, true]}})),
            "/inputs/x/1",
            "{format:?}"
        );
        assert_eq!(
            place(&json!({"expression": "x", "inputs": {"x": 1}, "input": 1})),
            "/input",
            "{format:?}"
        );
        assert_eq!(place(&json!({"expression": "x", "inputs": {}})), "/inputs", "{format:?}");
    }
}

#[test]
fn bytes_that_are_no_object_are_refused() {
    for format in BINARY {
        let whole = format.encode(&json!({"expression": "x", "inputs": {"x": [1.5, 2.5]}})).expect("a body");
        for end in 0..whole.len() {
            let problem = refused(format, &whole[..end]);
            assert_eq!((slug(&problem), problem.status), ("malformed-body", 400), "{format:?} {end}");
        }
        let problem = refused(format, &[&whole[..], &[0]].concat());
        assert_eq!(slug(&problem), "malformed-body");
        assert!(problem.detail.contains("after the end"), "{problem:?}");
        for other in [json!([]), json!("x"), json!(1.5), json!(null)] {
            let problem = refused(format, &format.encode(&other).expect("a body"));
            assert!(problem.status == 400 || problem.status == 422, "{format:?} {other} {problem:?}");
        }
    }
}

/// Like in JSON, with the place.
#[test]
fn items_of_another_type_are_told_as_in_json() {
    for format in BINARY {
        for (body, pointer, expected) in [
            (json!({"expression": 1}), "/expression", "a string"),
            (json!({"expression": "x", "inputs": [1]}), "/inputs", "an object"),
            (json!({"expression": "x", "inputs": {"x": 1}, "outputs": "x"}), "/outputs", "an array"),
            (json!({"graph": {"nodes": 7}}), "/graph/nodes", "an array"),
            (json!({"mlp": 7}), "/mlp", "an object"),
        ] {
            let problem = refused(format, &format.encode(&body).expect("a body"));
            let told = (slug(&problem), problem.errors[0].pointer.as_deref());
            assert_eq!(told, ("invalid-request", Some(pointer)), "{format:?} {problem:?}");
            assert!(problem.detail.contains(expected), "{format:?} {}", problem.detail);
            assert!(!problem.detail.contains("Mismatch"), "{format:?} {}", problem.detail);
        }
    }
}

/// Lengths that promise more than there is, and nesting without end.
#[test]
fn hostile_bytes_take_neither_memory_nor_stack() {
    let member = |name: &str| {
        let mut body = vec![0xa1, 0x60 + name.len() as u8];
        body.extend(name.as_bytes());
        body
    };
    for tail in [
        // An array, a string and a map of 2^63 elements, and a million arrays within each other.
        [&[0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0][..], &[1]].concat(),
        vec![0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0],
        vec![0xbb, 0x80, 0, 0, 0, 0, 0, 0, 0],
        vec![0x81; 1_000_000],
    ] {
        for name in ["inputs", "expression", "graph", "mlp", "data"] {
            let problem = refused(Format::Cbor, &[member(name), tail.clone()].concat());
            assert!(problem.status == 400 || problem.status == 422, "{problem:?}");
        }
    }
    let member = |name: &str| [&[0x81, 0xa0 + name.len() as u8][..], name.as_bytes()].concat();
    for tail in [
        vec![0xdd, 0xff, 0xff, 0xff, 0xff],
        vec![0xdb, 0xff, 0xff, 0xff, 0xff],
        vec![0xdf, 0xff, 0xff, 0xff, 0xff],
        vec![0x91; 1_000_000],
    ] {
        for name in ["inputs", "expression", "graph", "mlp", "data"] {
            let problem = refused(Format::MessagePack, &[member(name), tail.clone()].concat());
            assert!(problem.status == 400 || problem.status == 422, "{problem:?}");
        }
    }
}

#[test]
fn infinities_travel_both_ways() {
    for format in BINARY {
        // As binary formats write them, beside the names that JSON needs.
        let body = match format {
            Format::Cbor => {
                let mut body =
                    cbor4ii::serde::to_vec(Vec::new(), &json!({"expression": "x"})).expect("a body");
                body[0] += 1;
                body.extend([0x66]);
                body.extend(b"inputs");
                body.extend([0xa1, 0x61, b'x', 0xfb]);
                body.extend(f64::INFINITY.to_be_bytes());
                body
            }
            _ => {
                let mut body = rmp_serde::to_vec(&json!({"expression": "x"})).expect("a body");
                body[0] += 1;
                body.extend([0xa6]);
                body.extend(b"inputs");
                body.extend([0x81, 0xa1, b'x', 0xcb]);
                body.extend(f64::INFINITY.to_be_bytes());
                body
            }
        };
        let context = Context { body: format, ..Context::default() };
        let problem = gradient::answer(&body, &context).expect_err("not finite");
        assert_eq!(slug(&problem), "non-finite", "{problem:?}");
    }
}

/// A request up to the value of `x`, in CBOR and in `MessagePack`.
fn up_to_x(format: Format) -> Vec<u8> {
    let whole = format.encode(&json!({"expression": "2*x", "inputs": {"x": null}})).expect("a body");
    whole[..whole.len() - 1].to_vec()
}

/// The output that `body` is answered with.
fn output(format: Format, body: &[u8]) -> Value {
    let reply = evaluate::answer(body, &Context { body: format, ..Context::default() }).expect("an answer");
    let answer: Value = serde_json::from_slice(&reply.body).expect("JSON");
    answer["outputs"]["output"].clone()
}

/// Numbers as RFC 8949, appendix A, and the specification of `MessagePack` write them.
#[test]
fn numbers_are_read_in_every_width() {
    let cbor: &[(&[u8], f64)] = &[
        (&[0x17], 23.0),
        (&[0x18, 0x64], 100.0),
        (&[0x19, 0x03, 0xe8], 1000.0),
        (&[0x1a, 0, 0x0f, 0x42, 0x40], 1e6),
        (&[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 18446744073709551615.0),
        (&[0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0], 18446744073709551616.0),
        (&[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], -18446744073709551616.0),
        (&[0xc3, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0], -18446744073709551617.0),
        (&[0x20], -1.0),
        (&[0x39, 0x03, 0xe7], -1000.0),
        (&[0xf9, 0x3e, 0], 1.5),
        (&[0xf9, 0, 1], 5.960464477539063e-8),
        (&[0xf9, 0xc4, 0], -4.0),
        (&[0xfa, 0x47, 0xc3, 0x50, 0], 100000.0),
        (&[0xfb, 0xc0, 0x10, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66], -4.1),
    ];
    let message_pack: &[(&[u8], f64)] = &[
        (&[0x7f], 127.0),
        (&[0xcc, 0xff], 255.0),
        (&[0xcd, 0x03, 0xe8], 1000.0),
        (&[0xce, 0, 0x0f, 0x42, 0x40], 1e6),
        (&[0xcf, 0, 0, 0, 0, 0, 0, 0, 1], 1.0),
        (&[0xe0], -32.0),
        (&[0xd0, 0x80], -128.0),
        (&[0xd1, 0xfc, 0x18], -1000.0),
        (&[0xd2, 0xff, 0xff, 0xff, 0xff], -1.0),
        (&[0xd3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], -2.0),
        (&[0xca, 0x47, 0xc3, 0x50, 0], 100000.0),
        (&[0xcb, 0xc0, 0x10, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66], -4.1),
    ];
    for (format, numbers) in [(Format::Cbor, cbor), (Format::MessagePack, message_pack)] {
        for (bytes, value) in numbers {
            let body = [&up_to_x(format)[..], bytes].concat();
            assert_eq!(output(format, &body), json!(2.0 * value), "{format:?} {bytes:x?}");
        }
    }
}

/// In CBOR arrays, maps and strings may end with a mark instead of beginning with a length.
#[test]
fn what_has_no_length_ends_with_a_mark() {
    let mut body = vec![0xbf, 0x7f, 0x65];
    body.extend(b"expre");
    body.extend([0x65]);
    body.extend(b"ssion");
    body.extend([0xff, 0x63]);
    body.extend(b"2*x");
    body.extend([0x66]);
    body.extend(b"inputs");
    body.extend([0xbf, 0x61, b'x', 0x9f, 1, 2, 0xff, 0xff, 0xff]);
    assert_eq!(output(Format::Cbor, &body), json!([2.0, 4.0]));
    for end in 0..body.len() {
        assert_eq!(slug(&refused(Format::Cbor, &body[..end])), "malformed-body", "{end}");
    }
}

/// Items that JSON does not have are refused where they are.
#[test]
fn what_json_has_not_is_refused_at_its_place() {
    let cbor: &[(&[u8], &str, &str)] = &[
        (&[0x41, 1], "invalid-request", "found byte array"),
        (&[0xc0, 0x61, b'1'], "malformed-body", "tag"),
        (&[0x61, 0xff], "malformed-body", "not UTF-8"),
        (&[0xe0], "malformed-body", "0xe0 begins no item"),
        (&[0xff], "malformed-body", "0xff begins no item"),
        (&[0x1c], "malformed-body", "cannot be read"),
    ];
    let message_pack: &[(&[u8], &str, &str)] = &[
        (&[0xc4, 1, 1], "invalid-request", "found byte array"),
        (&[0xd4, 1, 1], "malformed-body", "extension"),
        (&[0xa1, 0xff], "malformed-body", "not UTF-8"),
        (&[0xc1], "malformed-body", "0xc1 begins no item"),
    ];
    for (format, items) in [(Format::Cbor, cbor), (Format::MessagePack, message_pack)] {
        for (bytes, kind, words) in items {
            let problem = refused(format, &[&up_to_x(format)[..], bytes].concat());
            assert_eq!(
                (slug(&problem), pointers(&problem).join(" ").as_str()),
                (*kind, "/inputs/x"),
                "{problem:#?}"
            );
            assert!(problem.detail.contains(words), "{format:?} {bytes:x?} {}", problem.detail);
        }
        // The name of a member.
        let problem = refused(format, &[0x80 + 1 + if format == Format::Cbor { 0x20 } else { 0 }, 1, 1]);
        assert!(problem.detail.contains("name of a member"), "{problem:#?}");
    }
}
