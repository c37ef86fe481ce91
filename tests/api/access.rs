//! API keys: who is let in, what the others are told, and what a reload changes.

use std::fs;
use std::path::PathBuf;

use gradd::api::Kind;
use gradd::server::access::Access;
use gradd::server::keys::{Key, Keys};
use gradd::server::{Application, Settings};
use reqwest::Response;
use reqwest::header::WWW_AUTHENTICATE;

use crate::helpers::{TestApp, problem, settings};

/// A keys file that is removed at the end of the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("gradd-{}-{name}.keys", std::process::id())));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        fs::write(&self.0, text).expect("to write");
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn key(name: &str) -> (String, Key) {
    Key::generate(name).expect("a fit name")
}

fn with_keys(keys: &[Key]) -> Settings {
    Settings { keys: Keys::new(keys.to_vec()).expect("names of their own"), ..settings() }
}

async fn send(app: &TestApp, authorization: &str) -> Response {
    app.post("/echo", "1").header("authorization", authorization).send().await.expect("an answer")
}

async fn challenge(response: Response, kind: Kind) -> (String, String) {
    let challenge = response.headers()[WWW_AUTHENTICATE].to_str().expect("text").to_owned();
    let detail = problem(response, kind).await["detail"].as_str().expect("text").to_owned();
    (challenge, detail)
}

#[tokio::test]
async fn a_key_lets_in_and_nothing_else_does() {
    let (alice, of_alice) = key("alice");
    let (bob, of_bob) = key("bob");
    let (nobody, _) = key("nobody");
    let app = TestApp::spawn_with(with_keys(&[of_alice, of_bob])).await;
    for text in [&alice, &bob] {
        assert_eq!(send(&app, &format!("Bearer {text}")).await.status(), 200);
        assert_eq!(send(&app, &format!("bearer  {text} ")).await.status(), 200, "the scheme has no case");
    }

    let (asked, detail) = challenge(app.send("/echo", "1").await, Kind::UNAUTHORIZED).await;
    assert_eq!(asked, "Bearer realm=\"gradd\"");
    assert!(detail.contains("`Authorization: Bearer KEY`"), "{detail}");
    for other in [format!("Basic {alice}"), alice.clone(), "Bearer ".to_owned()] {
        let (asked, _) = challenge(send(&app, &other).await, Kind::UNAUTHORIZED).await;
        assert_eq!(asked, "Bearer realm=\"gradd\"", "{other}");
    }
    let cut = &alice[..alice.len() - 1];
    for unknown in [nobody.as_str(), cut, &format!("{alice}A"), &"x".repeat(10_000)] {
        let (asked, detail) =
            challenge(send(&app, &format!("Bearer {unknown}")).await, Kind::UNAUTHORIZED).await;
        assert_eq!(asked, "Bearer realm=\"gradd\", error=\"invalid_token\"", "{unknown}");
        assert!(!detail.contains(unknown), "{detail}");
    }
}

#[tokio::test]
async fn a_key_for_some_paths_opens_only_these() {
    let (text, of_all) = key("sensor");
    let some: Key = format!("{of_all} /echo /v1/evaluate").parse().expect("a line");
    let app = TestApp::spawn_with(with_keys(&[some])).await;
    assert_eq!(send(&app, &format!("Bearer {text}")).await.status(), 200);
    let request = app.post("/panic", "1").bearer_auth(&text);
    let (asked, detail) = challenge(request.send().await.expect("an answer"), Kind::FORBIDDEN).await;
    assert_eq!(asked, "Bearer realm=\"gradd\", error=\"insufficient_scope\"");
    assert!(detail.contains("/panic") && detail.contains("/echo, /v1/evaluate"), "{detail}");
}

#[tokio::test]
async fn open_paths_need_no_key_and_all_others_do() {
    let (_, of_alice) = key("alice");
    let app = TestApp::spawn_with(with_keys(std::slice::from_ref(&of_alice))).await;
    let open =
        ["/", "/docs", "/page/main.js", "/healthz", "/readyz", "/openapi.yaml", "/openapi.json", "/problems"];
    for path in open.into_iter().chain(["/problems/busy"]) {
        assert_eq!(app.get(path).await.status(), 200, "{path}");
    }
    for path in ["/info", "/v1/ops", "/nonsense", "/pages", "/healthzz", "/problemsolver"] {
        problem(app.get(path).await, Kind::UNAUTHORIZED).await;
    }
    let settings = Settings { open_paths: vec!["/info".to_owned()], ..with_keys(&[of_alice]) };
    let app = TestApp::spawn_with(settings).await;
    let info = app.get("/info").await.text().await.expect("text");
    assert!(info.contains("\"keys\":[\"***\"]"), "{info}");
    problem(app.get("/healthz").await, Kind::UNAUTHORIZED).await;
}

#[tokio::test]
async fn a_browser_may_ask_to_send_a_key() {
    let (_, of_alice) = key("alice");
    let app =
        TestApp::spawn_with(Settings { cors_origins: vec!["*".to_owned()], ..with_keys(&[of_alice]) }).await;
    let request = app
        .client
        .request(reqwest::Method::OPTIONS, app.url("/echo"))
        .header("origin", "https://example.org")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200, "a preflight request comes without the key");
    assert_eq!(response.headers()["access-control-allow-headers"], "authorization,content-type");
}

#[tokio::test]
async fn a_large_body_without_a_key_still_gets_its_answer() {
    let (_, of_alice) = key("alice");
    let app = TestApp::spawn_with(with_keys(&[of_alice])).await;
    problem(app.send("/echo", vec![b'1'; 32 << 20]).await, Kind::UNAUTHORIZED).await;
}

#[tokio::test]
async fn the_file_is_read_again_all_or_nothing() {
    let (alice, of_alice) = key("alice");
    let (bob, of_bob) = key("bob");
    let file = File::new("reload", &format!("# who may ask\n\n{of_alice}\n"));
    let application = Application::build(Settings { keys_file: file.0.clone(), ..settings() });
    let application = application.await.expect("keys that can be used");
    let reload = application.reloader();
    let app = TestApp::run(application);
    let status = async |text: &str| {
        let request = app.client.get(app.url("/info")).bearer_auth(text);
        request.send().await.expect("an answer").status().as_u16()
    };
    assert_eq!((status(&alice).await, status(&bob).await), (200, 401));

    file.write(&format!("{of_bob}\n"));
    assert_eq!((status(&alice).await, status(&bob).await), (200, 401), "not before it is told to");
    reload();
    assert_eq!((status(&alice).await, status(&bob).await), (401, 200));

    for broken in [format!("{of_alice}\nbob\n"), format!("{of_alice}\n{of_alice}\n"), alice.clone()] {
        file.write(&broken);
        reload();
        assert_eq!((status(&alice).await, status(&bob).await), (401, 200), "{broken}");
    }
    fs::remove_file(&file.0).expect("to remove");
    reload();
    assert_eq!((status(&alice).await, status(&bob).await), (401, 200), "the file is gone");

    file.write("# nobody\n");
    reload();
    assert_eq!((status(&alice).await, status(&bob).await), (401, 401), "an empty file lets nobody in");
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_told_by_line_and_without_its_words() {
    let (text, line) = key("alice");
    let digest = line.to_string().replace("alice ", "");
    for (words, complaint) in [
        (format!("\n{text}\n"), "line 2 "),
        (format!("alice {text}\n"), "line 1 "),
        (format!("{digest}\n"), "line 1 "),
        (format!("# fine\n{line} v1/gradient\n"), "line 2 "),
        (format!("{line}\n{line}\n"), "two keys are called alice"),
    ] {
        let file = File::new("broken", &words);
        let refused = Application::build(Settings { keys_file: file.0.clone(), ..settings() }).await;
        let refused = refused.expect_err("to be refused").to_string();
        assert!(refused.contains(complaint) && refused.contains("broken.keys"), "{refused}");
        assert!(!refused.contains(&text[..10]), "{refused}");
    }
    let missing = Settings { keys_file: "/nonexistent/keys".into(), ..settings() };
    let refused = Application::build(missing).await.expect_err("to be refused").to_string();
    assert!(refused.contains("cannot read the keys file /nonexistent/keys"), "{refused}");
}

#[test]
fn a_server_without_keys_is_exposed_anywhere_but_on_loopback() {
    let with_keys = Access::new(&with_keys(&[key("alice").1])).expect("no file");
    let without = Access::new(&settings()).expect("no file");
    for (address, exposed) in [
        ("0.0.0.0:80", true),
        ("[::]:80", true),
        ("192.0.2.1:80", true),
        ("127.0.0.1:80", false),
        ("127.8.0.1:80", false),
        ("[::1]:80", false),
        ("[::ffff:127.0.0.1]:80", false),
    ] {
        let address = address.parse().expect("an address");
        assert_eq!(without.is_exposed(address), exposed, "{address}");
        assert!(!with_keys.is_exposed(address), "{address}");
    }
}

#[test]
fn a_line_is_read_as_it_is_written() {
    let (text, key) = key("a.b-c_d@e");
    assert_eq!(text.len(), "gradd_".len() + 43, "256 bits");
    assert_ne!(text, self::key("a.b-c_d@e").0);
    let line = key.to_string();
    assert!(!line.contains(&text));
    assert_eq!(line.parse(), Ok(key.clone()));
    assert_eq!(line.to_uppercase().replace("SHA256", "sha256").parse::<Key>().map(|_| ()), Ok(()));
    let keys = Keys::new(vec![key]).expect("one name");
    assert_eq!(keys.find(&text).map(Key::name), Some("a.b-c_d@e"));
    for name in ["", "two words", "naïve", "a\u{1b}", &"x".repeat(65), &text] {
        assert!(Key::generate(name).is_err(), "{name}");
    }
}

#[test]
fn the_digest_of_a_known_text_is_that_of_sha256() {
    let line = "abc sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let keys = Keys::new(vec![line.parse().expect("a line")]).expect("one name");
    assert!(keys.find("abc").is_some() && keys.find("abd").is_none());
}
