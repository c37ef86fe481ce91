//! TLS: certificates made here, their renewal, and what is wrong with them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use gradd::api::Kind;
use gradd::server::{Application, Settings};
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use reqwest::{Certificate, Client};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::helpers::{TestApp, client, problem, settings, within};

/// A directory with a certificate for localhost and its key, removed at the end of the test.
struct Pem {
    directory: PathBuf,
    certified: CertifiedKey<KeyPair>,
}

fn certified() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).expect("a certificate")
}

impl Pem {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("gradd-{}-{name}", std::process::id()));
        fs::create_dir(&directory).expect("to create");
        let mut pem = Self { directory, certified: certified() };
        pem.renew();
        pem
    }

    fn renew(&mut self) {
        self.certified = certified();
        self.write(&self.certified.cert.pem(), &self.certified.signing_key.serialize_pem());
    }

    fn write(&self, certificate: &str, key: &str) {
        let settings = self.settings();
        fs::write(settings.tls_certificate, certificate).expect("to write");
        fs::write(settings.tls_key, key).expect("to write");
    }

    fn settings(&self) -> Settings {
        Settings {
            tls_certificate: self.directory.join("certificate.pem"),
            tls_key: self.directory.join("key.pem"),
            ..settings()
        }
    }

    /// A client that trusts this certificate, and no other, on connections of its own.
    fn client(&self) -> Client {
        let certificate = Certificate::from_pem(self.certified.cert.pem().as_bytes()).expect("a certificate");
        client().tls_certs_only([certificate]).pool_max_idle_per_host(0).build().expect("a client")
    }
}

impl Drop for Pem {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test]
async fn requests_are_answered_over_tls_and_only_over_tls() {
    let pem = Pem::new("tls");
    let app = TestApp::spawn_with(pem.settings()).await;
    let url = |path: &str| format!("https://localhost:{}{path}", app.address.port());
    let client = pem.client();
    let body = "[1,2,3]".repeat(100_000);
    let request = client.post(url("/echo")).header("content-type", "application/json").body(body.clone());
    assert_eq!(request.send().await.expect("an answer").text().await.expect("a body"), body);
    problem(client.get(url("/nonsense")).send().await.expect("an answer"), Kind::NOT_FOUND).await;

    assert!(Pem::new("other").client().get(url("/healthz")).send().await.is_err(), "another certificate");
    assert!(app.client.get(app.url("/healthz")).send().await.is_err(), "in the clear");
}

#[tokio::test]
async fn browsers_are_told_to_stay_with_tls_and_only_over_tls() {
    let pem = Pem::new("hsts");
    let told = async |settings: Settings, path: &str| {
        let scheme = if settings.tls_key.as_os_str().is_empty() { "http" } else { "https" };
        let app = TestApp::spawn_with(settings).await;
        let url = format!("{scheme}://localhost:{}{path}", app.address.port());
        let answer = pem.client().get(url).send().await.expect("an answer");
        let told = answer.headers().get("strict-transport-security");
        told.map(|value| value.to_str().expect("text").to_owned())
    };
    for path in ["/healthz", "/nonsense"] {
        assert_eq!(told(pem.settings(), path).await.as_deref(), Some("max-age=31536000"));
    }
    let day = Settings { hsts_max_age: Duration::from_hours(24), ..pem.settings() };
    assert_eq!(told(day, "/").await.as_deref(), Some("max-age=86400"));
    let silent = Settings { hsts_max_age: Duration::ZERO, ..pem.settings() };
    assert_eq!(told(silent, "/").await, None);
    assert_eq!(told(settings(), "/").await, None);
}

#[tokio::test]
async fn a_renewed_certificate_is_used_after_a_reload_and_a_broken_one_is_not() {
    let mut pem = Pem::new("renewed");
    let application = Application::build(pem.settings()).await.expect("a certificate");
    let reload = application.reloader();
    let app = TestApp::run(application);
    let url = format!("https://localhost:{}/healthz", app.address.port());
    let trusts = async |client: &Client| client.get(&url).send().await.is_ok();

    let old = pem.client();
    assert!(trusts(&old).await);
    pem.renew();
    let new = pem.client();
    assert!(trusts(&old).await && !trusts(&new).await, "not before it is told to");
    reload();
    assert!(!trusts(&old).await && trusts(&new).await);

    let other = certified();
    let (certificate, key) = (pem.certified.cert.pem(), other.signing_key.serialize_pem());
    for (certificate, key) in [(&*certificate, &*key), ("", &key), (&certificate, "nonsense")] {
        pem.write(certificate, key);
        reload();
        assert!(trusts(&new).await);
    }
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_refused_with_the_file() {
    let pem = Pem::new("refused");
    let other = certified().signing_key.serialize_pem();
    let (certificate, key) = (pem.certified.cert.pem(), pem.certified.signing_key.serialize_pem());
    for (certificate, key, complaint) in [
        ("", &*key, "certificates in PEM from"),
        (&*certificate, "", "a private key in PEM from"),
        (&certificate, &other, "cannot use the certificate"),
    ] {
        pem.write(certificate, key);
        let refused = Application::build(pem.settings()).await.expect_err("to be refused").to_string();
        assert!(refused.contains(complaint) && refused.contains(".pem"), "{refused}");
        assert!(!refused.contains("PRIVATE"), "{refused}");
    }
}

#[tokio::test]
async fn who_does_not_shake_hands_keeps_nobody_from_it() {
    let pem = Pem::new("handshake");
    let app = TestApp::spawn_with(pem.settings()).await;
    let mut silent = TcpStream::connect(app.address).await.expect("a connection");
    let mut rude = TcpStream::connect(app.address).await.expect("a connection");
    rude.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("to write");
    let answered = pem.client().get(format!("https://localhost:{}/healthz", app.address.port())).send();
    assert_eq!(answered.await.expect("an answer").status(), 200);
    let mut alert = Vec::new();
    within(rude.read_to_end(&mut alert)).await.expect("to be closed");
    assert_eq!(alert.first(), Some(&21), "a TLS alert");
    drop(app);
    // Within the time that a draining server gives to answers, not that of a handshake.
    tokio::time::timeout(Duration::from_secs(5), silent.read_to_end(&mut alert)).await.expect("closed").ok();
}

#[tokio::test]
async fn healthcheck_speaks_tls_where_the_settings_do() {
    let pem = Pem::new("healthcheck");
    let app = TestApp::spawn_with(pem.settings()).await;
    let check = async |variables: &[(&str, PathBuf)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gradd"));
        command.args(["healthcheck", "--listen", &app.address.to_string()]);
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic");
        output.expect("the command to run").status.code()
    };
    let settings = pem.settings();
    let named = [("GRADD_TLS_CERTIFICATE", settings.tls_certificate), ("GRADD_TLS_KEY", settings.tls_key)];
    assert_eq!(check(&named).await, Some(0));
    assert_eq!(check(&[]).await, Some(1));
}
