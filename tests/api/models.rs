//! Models by name: a directory of files at the start and on a reload, and models that are posted.

use std::fs;
use std::path::PathBuf;

use gradd::api::Kind;
use gradd::server::application::StartError;
use gradd::server::{Application, Settings};
use serde_json::{Value, json};

use crate::helpers::{TestApp, problem, settings};

/// A directory of models that is removed at the end of the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let directory =
            Self(std::env::temp_dir().join(format!("gradd-{}-{name}-models", std::process::id())));
        fs::create_dir(&directory.0).expect("to make a directory");
        files.iter().for_each(|(name, text)| directory.write(name, text));
        directory
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("to write");
    }

    fn settings(&self) -> Settings {
        Settings { models: self.0.clone(), ..settings() }
    }

    async fn refusal(&self) -> String {
        match Application::build(self.settings()).await {
            Err(error @ StartError::Models(_)) => error.to_string(),
            other => panic!("expected a refusal, got {other:?}"),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const DECAY: &str = r#"{"expression": "a*exp(-b*t)", "inputs": ["t"], "defaults": {"a": 2.5, "b": 1.3}}"#;
const NETWORK: &str = r#"{"mlp": {"inputs": 2, "layers": [{"units": 1, "activation": "tanh"}]}}"#;

async fn json_of(app: &TestApp, path: &str, body: &Value) -> Value {
    app.send(path, body.to_string()).await.json().await.expect("JSON")
}

#[tokio::test]
async fn models_of_a_directory_are_listed_and_named() {
    let files = [("decay.json", DECAY), ("net-2.json", NETWORK), ("README.md", "no model")];
    let directory = Directory::new("listed", &files);
    let app = TestApp::spawn_real(directory.settings()).await;
    let list: Value = app.get("/v1/models").await.json().await.expect("JSON");
    let models = list["models"].as_array().expect("a list");
    let names: Vec<&str> = models.iter().map(|model| model["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["decay", "net-2"]);
    assert_eq!(models[0]["inputs"], json!(["t"]));
    assert_eq!(models[0]["defaults"], json!({"a": 2.5, "b": 1.3}));
    assert_eq!(models[0]["size"], json!({"inputs": 3, "outputs": 1, "nodes": 7}));
    assert_eq!(models[0]["ops"], json!({"exp": 1, "mul": 2, "neg": 1}));
    assert_eq!(models[1]["size"], json!({"inputs": 2, "outputs": 1, "parameters": 3}));

    let answer =
        json_of(&app, "/v1/gradient", &json!({"model": "decay", "inputs": {"t": 0}, "wrt": ["t"]})).await;
    assert_eq!(answer, json!({"outputs": {"output": 2.5}, "gradients": {"t": -3.25}}));
    let rows = json!({"model": "net-2", "data": {"x": [[0, 0]]}});
    assert_eq!(json_of(&app, "/v1/evaluate", &rows).await["outputs"].as_array().map(Vec::len), Some(1));
    // By its hash as well.
    let hash = &models[0]["model"];
    assert_eq!(
        json_of(&app, "/v1/evaluate", &json!({"model": hash, "inputs": {"t": 0}})).await["outputs"]["output"],
        2.5
    );

    let missing = app.send("/v1/evaluate", json!({"model": "dekay"}).to_string()).await;
    let detail = problem(missing, Kind::UNKNOWN_MODEL).await["detail"].as_str().expect("text").to_owned();
    assert!(detail.contains("did you mean `decay`?"), "{detail}");
}

#[tokio::test]
async fn a_faulty_file_keeps_the_server_from_starting_and_is_named() {
    for (name, files, words) in [
        (
            "syntax",
            &[("good.json", DECAY), ("bad.json", r#"{"expression": "x +"}"#)][..],
            &["bad.json", "line 1, column 4", "/expression"][..],
        ),
        ("json", &[("bad.json", "{")], &["bad.json", "not valid JSON"]),
        (
            "member",
            &[("bad.json", r#"{"expresion": "x"}"#)],
            &["bad.json", "expresion", "did you mean `expression`?"],
        ),
        ("name", &[("two words.json", DECAY)], &["two words.json", "letters, digits"]),
        ("taken", &[("expression.json", DECAY)], &["expression.json", "UM-Bridge"]),
        (
            "inputs",
            &[("bad.json", r#"{"expression": "x*y*z", "inputs": ["x"]}"#)],
            &["bad.json", "/inputs: The input `y`", "`z`"],
        ),
    ] {
        let refusal = Directory::new(name, files).refusal().await;
        let text = refusal.to_lowercase();
        for word in words {
            assert!(text.contains(&word.to_lowercase()), "{word:?} is not in {refusal:?}");
        }
    }
    let nowhere = Settings { models: PathBuf::from("/nowhere/models"), ..settings() };
    let refusal = Application::build(nowhere).await.expect_err("no such directory").to_string();
    assert!(refusal.contains("/nowhere/models"), "{refusal}");
}

#[tokio::test]
async fn a_reload_changes_all_models_or_none() {
    let directory = Directory::new("reload", &[("decay.json", DECAY)]);
    let application = Application::build(directory.settings()).await.expect("to start");
    let reload = application.reloader();
    let app = TestApp::run(application);
    let at_zero = async |name: &str| {
        let request = json!({"model": name, "inputs": {"t": 0}});
        json_of(&app, "/v1/evaluate", &request).await["outputs"]["output"].as_f64()
    };
    assert_eq!(at_zero("decay").await, Some(2.5));

    directory.write("decay.json", &DECAY.replace("2.5", "7"));
    directory.write("growth.json", r#"{"expression": "exp(t"}"#);
    reload();
    assert_eq!((at_zero("decay").await, at_zero("growth").await), (Some(2.5), None), "one is faulty");

    directory.write("growth.json", r#"{"expression": "exp(t)"}"#);
    reload();
    assert_eq!((at_zero("decay").await, at_zero("growth").await), (Some(7.0), Some(1.0)));

    fs::remove_file(directory.0.join("decay.json")).expect("to remove");
    reload();
    assert_eq!((at_zero("decay").await, at_zero("growth").await), (None, Some(1.0)));
}

#[tokio::test]
async fn a_posted_model_is_named_by_its_hash() {
    let app = TestApp::spawn().await;
    let answer = app.send("/v1/models", r#"{"expression":"x*y"}"#).await;
    assert_eq!(answer.status(), 200);
    let described: Value = answer.json().await.expect("JSON");
    let request = json!({"model": described["model"], "inputs": {"x": 2, "y": [3, 4]}});
    let answer = json_of(&app, "/v1/gradient", &request).await;
    assert_eq!(answer, json!({"outputs": {"output": [6.0, 8.0]}, "gradients": {"x": 7.0, "y": [2.0, 2.0]}}));
    // What was posted has no name to be listed under.
    assert_eq!(app.get("/v1/models").await.json::<Value>().await.expect("JSON"), json!({"models": []}));

    // A replica that has not got it says so.
    let other = TestApp::spawn().await;
    problem(other.send("/v1/gradient", request.to_string()).await, Kind::UNKNOWN_MODEL).await;

    let off = TestApp::spawn_real(Settings { max_prepared_bytes: 0, ..settings() }).await;
    let refused = off.send("/v1/models", r#"{"expression":"x*y"}"#).await;
    assert_eq!(problem(refused, Kind::LIMIT_EXCEEDED).await["setting"], "max_prepared_bytes");
}

#[tokio::test]
async fn um_bridge_is_spoken_as_its_clients_expect() {
    let directory = Directory::new("umbridge", &[("decay.json", DECAY)]);
    let app = TestApp::spawn_real(directory.settings()).await;
    let info: Value = app.get("/Info").await.json().await.expect("JSON");
    assert_eq!(info, json!({"protocolVersion": 1.0, "models": ["expression", "decay"]}));
    // Its C++ client sends no Content-Type.
    let post = async |path: &str, body: Value| {
        app.client.post(app.url(path)).body(body.to_string()).send().await.expect("an answer")
    };
    let answer = post("/Evaluate", json!({"name": "decay", "input": [[0]], "config": {}})).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.json::<Value>().await.expect("JSON"), json!({"output": [[2.5]]}));

    for (path, body, kind) in [
        ("/Evaluate", json!({"name": "nothing", "input": [[0]]}), "ModelNotFound"),
        ("/Gradient", json!({"name": "decay"}), "InvalidInput"),
        ("/ModelInfo", json!([]), "InvalidInput"),
    ] {
        let answer = post(path, body).await;
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.headers()["content-type"], "application/json");
        assert_eq!(answer.json::<Value>().await.expect("JSON")["error"]["type"], kind);
    }
    let other = app.get("/Evaluate").await;
    assert_eq!(
        (other.status().as_u16(), &other.headers()["allow"]),
        (405, &"POST".parse().expect("a header"))
    );
}

#[tokio::test]
async fn refusals_before_the_model_are_told_in_um_bridges_form_too() {
    let (_, key) = gradd::server::keys::Key::generate("alice").expect("a fit name");
    let keys = gradd::server::keys::Keys::new(vec![key]).expect("one key");
    let app = TestApp::spawn_real(Settings { keys, ..settings() }).await;
    let answer = app.send("/Evaluate", json!({"name": "expression", "input": [[0]]}).to_string()).await;
    assert_eq!(answer.status(), 400);
    assert!(answer.headers().contains_key("www-authenticate"));
    let told: Value = answer.json().await.expect("JSON");
    assert_eq!(told["error"]["type"], "Unauthorized");
    assert!(told["error"]["message"].as_str().expect("text").contains("API key"), "{told}");
}

#[tokio::test]
async fn the_model_that_the_settings_name_is_a_tesseract() {
    let directory = Directory::new("tesseract", &[("decay.json", DECAY), ("net.json", NETWORK)]);
    let settings = Settings { tesseract: "decay".to_owned(), ..directory.settings() };
    let application = Application::build(settings).await.expect("to start");
    let reload = application.reloader();
    let app = TestApp::run(application);
    let health = app.get("/health").await;
    assert_eq!(health.json::<Value>().await.expect("JSON"), json!({"status": "ok"}));
    let at_zero = json!({"inputs": {"t": 0}, "vjp_inputs": ["t"], "vjp_outputs": ["output"],
                         "cotangent_vector": {"output": 1}});
    let answer = app.send("/vector_jacobian_product", at_zero.to_string()).await;
    assert_eq!(answer.headers()["content-type"], "application/json");
    let gradient = answer.json::<Value>().await.expect("JSON")["t"]["data"]["buffer"].clone();
    assert_eq!(gradient, json!(-3.25));
    // Every path that the document has under this tag.
    for (path, item) in app.get("/openapi.json").await.json::<Value>().await.expect("JSON")["paths"]
        .as_object()
        .expect("paths")
    {
        let post = &item["post"];
        if post["tags"] != json!(["tesseract"]) {
            continue;
        }
        let request = &post["requestBody"]["content"]["application/json"]["example"];
        let answer = app.send(path, request.to_string()).await;
        assert_eq!(answer.status(), 200, "{path}");
        let expected = &post["responses"]["200"]["content"]["application/json"]["example"];
        assert_eq!(&answer.json::<Value>().await.expect("JSON"), expected, "{path}");
    }

    let accept = async |accept: &str| {
        let request = app.post("/apply", json!({"inputs": {"t": 0}}).to_string()).header("accept", accept);
        request.send().await.expect("an answer")
    };
    let answer = accept("application/json+base64; gpu_transport=none").await;
    assert_eq!(answer.headers()["content-type"], "application/json+base64");
    let data = answer.json::<Value>().await.expect("JSON")["output"]["data"].clone();
    assert_eq!(data, json!({"buffer": "AAAAAAAABEA=", "encoding": "base64"}));
    let refused = accept("application/json+binref").await;
    assert_eq!(refused.status(), 406);
    let told: Value = refused.json().await.expect("JSON");
    assert!(told["detail"].as_str().expect("text").contains("json+binref would be files"), "{told}");
    let refused = app.send("/apply", json!({"inputs": {"u": 0}}).to_string()).await;
    assert_eq!(refused.status(), 422);
    assert_eq!(refused.headers()["content-type"], "application/json");
    let told: Value = refused.json().await.expect("JSON");
    assert_eq!(told["detail"][0]["loc"], json!(["body", "inputs", "u"]));

    // A reload that would take it away changes nothing.
    fs::remove_file(directory.0.join("decay.json")).expect("to remove");
    reload();
    assert_eq!(accept("*/*").await.status(), 200);
}

#[tokio::test]
async fn a_tesseract_is_none_unless_the_settings_name_one_of_the_models() {
    let directory = Directory::new("no-tesseract", &[("decay.json", DECAY), ("net.json", NETWORK)]);
    let app = TestApp::spawn_real(directory.settings()).await;
    for answer in [app.get("/health").await, app.send("/apply", r#"{"inputs": {"t": 0}}"#.to_owned()).await] {
        assert_eq!(answer.status(), 404);
        let told: Value = answer.json().await.expect("JSON");
        assert!(told["detail"].as_str().expect("text").contains("--tesseract"), "{told}");
    }
    let refusal = async |settings: Settings| match Application::build(settings).await {
        Err(error @ StartError::Models(_)) => error.to_string(),
        other => panic!("expected a refusal, got {other:?}"),
    };
    let told = refusal(Settings { tesseract: "dekay".to_owned(), ..directory.settings() }).await;
    assert!(told.contains("\"dekay\"") && told.ends_with("decay, net"), "{told}");
    let told = refusal(Settings { tesseract: "decay".to_owned(), ..settings() }).await;
    assert!(told.contains("\"decay\"") && told.ends_with("there are none"), "{told}");
}
