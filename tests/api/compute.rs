//! The operations over HTTP, with the bodies of `examples/`: the reference case, real data, and what is refused.

use gradd::api::Kind;
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::helpers::{TestApp, problem};

fn example(name: &str) -> String {
    let path = format!("{}/examples/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

async fn answer(app: &TestApp, path: &str, body: impl Into<reqwest::Body>) -> Value {
    let response = app.send(path, body).await;
    let status = response.status();
    let text = response.text().await.expect("a body");
    assert!(status.is_success(), "{path}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

fn assert_close(actual: &Value, expected: f64) {
    let number = actual.as_f64().unwrap_or_else(|| panic!("{actual} is no number"));
    assert!((number - expected).abs() <= 1e-12, "{number} is not {expected}");
}

#[tokio::test]
async fn the_lectures_neuron_in_its_three_forms() {
    let app = TestApp::spawn().await;
    for (file, output) in
        [("neuron.json", "output"), ("neuron_decomposed.json", "o"), ("neuron_graph.json", "o")]
    {
        let gradient = answer(&app, "/v1/gradient", example(file)).await;
        assert_close(&gradient["outputs"][output], std::f64::consts::FRAC_1_SQRT_2);
        for (input, expected) in [("x1", -1.5), ("w1", 1.0), ("x2", 0.5), ("w2", 0.0), ("b", 0.5)] {
            assert_close(&gradient["gradients"][input], expected);
        }
        let evaluated = answer(&app, "/v1/evaluate", example(file)).await;
        assert_eq!(evaluated["outputs"], gradient["outputs"], "{file}");
    }
}

#[tokio::test]
async fn an_sgd_step_lowers_the_loss_of_the_next() {
    let app = TestApp::spawn().await;
    let mut request: Value = serde_json::from_str(&example("mlp_step.json")).expect("JSON");
    let first = answer(&app, "/v1/gradient", request.to_string()).await;
    request["mlp"]["parameters"] = first["updated"].clone();
    request["mlp"].as_object_mut().expect("an object").remove("seed");
    let second = answer(&app, "/v1/gradient", request.to_string()).await;
    assert!(second["loss"].as_f64() < first["loss"].as_f64(), "{} and {}", first["loss"], second["loss"]);
}

#[tokio::test]
async fn iris_is_learned_and_its_weights_are_taken_back() {
    let app = TestApp::spawn().await;
    let mut request: Value = serde_json::from_str(&example("iris_train.json")).expect("JSON");
    let trained = answer(&app, "/v1/train", request.to_string()).await;
    assert_eq!(trained["stopped"], "epochs");
    let classes = request["data"]["y"].clone();
    let mlp = request["mlp"].as_object_mut().expect("an object");
    mlp.remove("seed");
    mlp.insert("parameters".to_owned(), trained["parameters"].clone());
    let body = json!({"mlp": request["mlp"], "data": {"x": request["data"]["x"]}});
    let evaluated = answer(&app, "/v1/evaluate", body.to_string()).await;
    let outputs = evaluated["outputs"].as_array().expect("rows");
    let right = outputs.iter().zip(classes.as_array().expect("classes")).filter(|(row, class)| {
        let row: Vec<f64> =
            row.as_array().expect("a row").iter().map(|x| x.as_f64().expect("a number")).collect();
        let largest = (0..row.len()).max_by(|&a, &b| row[a].total_cmp(&row[b]));
        largest == class.as_u64().map(|class| class as usize)
    });
    let right = right.count();
    assert!(right >= 144, "only {right} of 150 flowers");
}

#[tokio::test]
async fn an_expression_is_trained_to_its_measurements() {
    let app = TestApp::spawn().await;
    let trained = answer(&app, "/v1/train", example("decay.json")).await;
    let parameter = |name: &str| trained["parameters"][name].as_f64().expect("a number");
    assert!((parameter("a") - 2.31).abs() < 0.02 && (parameter("b") - 0.52).abs() < 0.01, "{trained}");
}

#[tokio::test]
async fn a_fit_ends_on_the_certified_parameters() {
    let app = TestApp::spawn().await;
    let fitted = answer(&app, "/v1/fit", example("misra1a.json")).await;
    for (name, certified) in [("b1", 238.942_129_18), ("b2", 5.501_564_318_1e-4)] {
        let found = fitted["parameters"][name].as_f64().expect("a number");
        assert!((found / certified - 1.0).abs() < 1e-8, "{name}: {fitted}");
    }
}

#[tokio::test]
async fn the_same_request_gives_the_same_bytes() {
    let app = TestApp::spawn().await;
    // All but how long it took.
    let bytes = async || {
        let body = app.send("/v1/train", example("moons.json")).await.text().await.expect("a body");
        let (before, rest) = body.split_once(r#""timing":{"#).expect("a run is timed");
        let (_, after) = rest.split_once('}').expect("the end of the times");
        format!("{before}{after}")
    };
    assert_eq!(bytes().await, bytes().await);
}

#[tokio::test]
async fn the_ops_are_listed() {
    let app = TestApp::spawn().await;
    let ops: Value = app.get("/v1/ops").await.json().await.expect("JSON");
    assert!(ops.to_string().contains("logsumexp"));
}

#[tokio::test]
async fn bad_input_is_refused_and_the_server_goes_on() {
    let app = TestApp::spawn().await;
    let deep = format!(r#"{{"expression": "{}x", "inputs": {{"x": 1}}}}"#, "(".repeat(1_000_000));
    let cases: Vec<(Kind, &str, Vec<u8>)> = vec![
        (Kind::MALFORMED_BODY, "", br#"{"expression": "x", "inp"#.to_vec()),
        (Kind::MALFORMED_BODY, "", b"{\"expression\": \"\xff\", \"inputs\": {}}".to_vec()),
        (Kind::MALFORMED_BODY, "", Vec::new()),
        (Kind::INVALID_REQUEST, "/expression", br#"{"expression": 5, "inputs": {}}"#.to_vec()),
        (Kind::INVALID_REQUEST, "/inputs/z", br#"{"expression": "x", "inputs": {"x": 1, "z": 2}}"#.to_vec()),
        (Kind::SYNTAX, "/expression", br#"{"expression": "x +", "inputs": {"x": 1}}"#.to_vec()),
        (Kind::NON_FINITE, "/expression", br#"{"expression": "exp(x)", "inputs": {"x": 1000}}"#.to_vec()),
        (Kind::LIMIT_EXCEEDED, "/expression", deep.into_bytes()),
        (
            Kind::INVALID_REQUEST,
            "/graph/nodes/0/inputs/0",
            br#"{"graph": {"nodes": [{"id": "a", "op": "exp", "inputs": ["b"]}]}, "outputs": ["a"]}"#
                .to_vec(),
        ),
    ];
    for (kind, pointer, body) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        let problem = problem(app.send("/v1/gradient", body).await, kind).await;
        let pointers = problem["errors"].as_array().into_iter().flatten().map(|fault| &fault["pointer"]);
        let found: Vec<&Value> = pointers.collect();
        assert!(pointer.is_empty() || found.contains(&&json!(pointer)), "{shown}: {problem}");
    }
    assert_eq!(app.get("/healthz").await.status(), 200);
}

#[tokio::test]
async fn cbor_and_message_pack_are_chosen_by_headers() {
    let app = TestApp::spawn().await;
    let request = json!({"expression": "x * x", "inputs": {"x": [1.0, 2.0, 3.5]}});
    let cbor = cbor4ii::serde::to_vec(Vec::new(), &request).expect("a body");
    let post = |content_type: &str, accept: &str, body: Vec<u8>| {
        let request = app.client.post(app.url("/v1/gradient")).header("content-type", content_type);
        let request = if accept.is_empty() { request } else { request.header("accept", accept) };
        request.body(body).send()
    };
    let expected = answer(&app, "/v1/gradient", request.to_string()).await;

    let response = post("application/cbor", "", cbor.clone()).await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "application/cbor");
    let bytes = response.bytes().await.expect("a body");
    assert_eq!(cbor4ii::serde::from_slice::<Value>(&bytes).expect("CBOR"), expected);

    let response = post("application/cbor", "application/msgpack", cbor.clone()).await.expect("an answer");
    assert_eq!(response.headers()["content-type"], "application/msgpack");
    let bytes = response.bytes().await.expect("a body");
    assert_eq!(rmp_serde::from_slice::<Value>(&bytes).expect("MessagePack"), expected);

    let response =
        post("application/json", "application/cbor", request.to_string().into()).await.expect("one");
    assert_eq!(response.headers()["content-type"], "application/cbor");

    // A problem is JSON whatever was asked for.
    let response = post("application/cbor", "application/cbor", cbor[..9].to_vec()).await.expect("an answer");
    assert_eq!(problem(response, Kind::MALFORMED_BODY).await["status"], 400);
}

#[tokio::test]
async fn a_file_comes_alone_with_a_name() {
    let app = TestApp::spawn().await;
    let body = r#"{"mlp": {"inputs": 2, "layers": [{"units": 1}]}}"#;
    for (accept, content_type, name) in [
        ("application/onnx", "application/onnx", "model.onnx"),
        ("application/vnd.safetensors, */*;q=0.1", "application/vnd.safetensors", "model.safetensors"),
        ("application/x-safetensors", "application/vnd.safetensors", "model.safetensors"),
    ] {
        let response =
            app.post("/v1/convert", body).header("accept", accept).send().await.expect("an answer");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], content_type);
        let disposition = response.headers()["content-disposition"].to_str().expect("text");
        assert_eq!(disposition, format!("attachment; filename=\"{name}\""));
    }
    let response = app.send("/v1/convert", body).await;
    assert_eq!(response.headers().get("content-disposition"), None);
    let response = app.post("/v1/evaluate", body).header("accept", "application/onnx").send().await;
    let response = response.expect("an answer");
    assert_eq!(response.status(), 406);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn a_picture_comes_in_the_language_that_accept_names() {
    let app = TestApp::spawn().await;
    let content_type =
        |response: &Response| response.headers()["content-type"].to_str().expect("text").to_owned();
    let body = r#"{"expression": "a*b", "inputs": {"a": 2, "b": 3}}"#;
    let response = app.send("/v1/draw", body).await;
    assert_eq!((response.status(), content_type(&response)), (StatusCode::OK, "image/svg+xml".to_owned()));
    let dot =
        app.post("/v1/draw", body).header("accept", "text/vnd.graphviz").send().await.expect("an answer");
    assert_eq!((dot.status(), content_type(&dot)), (StatusCode::OK, "text/vnd.graphviz".to_owned()));
    assert!(dot.text().await.expect("text").contains("digraph"));
    let json =
        app.post("/v1/draw", body).header("accept", "application/json").send().await.expect("an answer");
    assert_eq!(json.status(), StatusCode::NOT_ACCEPTABLE);
    let broken = app.send("/v1/draw", r#"{"expression": "a*"}"#).await;
    assert_eq!(
        (broken.status(), content_type(&broken)),
        (StatusCode::UNPROCESSABLE_ENTITY, "application/problem+json".to_owned())
    );
}
