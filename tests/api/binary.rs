//! The `gradd` command as a process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::helpers::PATIENCE;

fn gradd() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradd"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("GRADD_") || text.starts_with("OTEL_") {
            command.env_remove(name);
        }
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    gradd().args(arguments).output().expect("the command to run")
}

/// `gradd serve` on a free port, as a process of its own.
pub struct Server {
    process: Child,
    pub address: String,
    log: Arc<Mutex<Vec<String>>>,
}

impl Server {
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_with(&[], arguments)
    }

    /// With these variables in its environment.
    pub fn start_with(environment: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut process = gradd()
            .envs(environment.iter().copied())
            .args(arguments)
            .args(["--listen", "127.0.0.1:0", "--log-format", "json", "--log-level", "info"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command to run");
        let mut lines = BufReader::new(process.stderr.take().expect("a pipe")).lines();
        let first = lines.next().expect("a log line").expect("text");
        // Whatever else it logs must not fill the pipe.
        let log = Arc::new(Mutex::new(Vec::new()));
        let keep = Arc::clone(&log);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| keep.lock().expect("no panic").push(line));
        });
        let line: serde_json::Value = serde_json::from_str(&first).expect("JSON");
        assert_eq!(line["message"], "listening", "{first}");
        let address = line["address"].as_str().expect("an address").to_owned();
        Self { process, address, log }
    }

    /// Processor time that it has taken so far, in hundredths of a second.
    pub fn processor_time(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).expect("Linux");
        // The name, which comes second, may hold spaces; user and system time are the 14th and the 15th.
        let (_, rest) = stat.rsplit_once(')').expect("a name");
        rest.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("a number")).sum()
    }

    /// Bytes of memory that it has had at most.
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("the peak");
        1024 * line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number")
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.process.id().to_string()]).status();
        assert!(sent.expect("kill to run").success());
    }

    /// All that it has logged so far, but for the first line.
    pub fn log(&self) -> String {
        self.log.lock().expect("no panic").join("\n")
    }

    /// Waits until it has logged `text`.
    pub fn logs(&self, text: &str) {
        let start = Instant::now();
        while !self.log.lock().expect("no panic").iter().any(|line| line.contains(text)) {
            assert!(start.elapsed() < PATIENCE, "{text:?} is not logged");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn exit(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("to wait") {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the server does not end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn healthcheck_tells_by_its_exit_code() {
    let mut server = Server::start(&[]);
    let healthy = run(&["healthcheck", "--listen", &server.address]);
    assert_eq!(healthy.status.code(), Some(0), "{healthy:?}");
    let by_environment =
        gradd().arg("healthcheck").env("GRADD_LISTEN", &server.address).output().expect("the command to run");
    assert_eq!(by_environment.status.code(), Some(0), "{by_environment:?}");
    let port = server.address.rsplit(':').next().expect("a port").to_owned();
    let everywhere = run(&["healthcheck", "--listen", &format!("0.0.0.0:{port}")]);
    assert_eq!(everywhere.status.code(), Some(0), "{everywhere:?}");

    server.signal("-TERM");
    assert_eq!(server.exit().code(), Some(0));
    let gone = run(&["healthcheck", "--listen", &server.address]);
    assert_eq!(gone.status.code(), Some(1), "{gone:?}");
    assert!(String::from_utf8_lossy(&gone.stderr).contains("no answer from"), "{gone:?}");
}

#[test]
fn healthcheck_is_not_fooled_by_a_listener_that_is_no_gradd() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    std::thread::spawn(move || drop(listener.accept()));
    let output = run(&["healthcheck", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[test]
fn serve_may_be_said_or_left_out_and_both_signals_end_it_well() {
    for (arguments, signal) in [(&["serve"][..], "-TERM"), (&[][..], "-INT")] {
        let mut server = Server::start(arguments);
        server.signal(signal);
        assert_eq!(server.exit().code(), Some(0), "{arguments:?} {signal}");
    }
}

#[test]
fn settings_that_are_wrong_end_it_with_a_message() {
    let output = run(&["serve", "--max-nodes", "many"]);
    assert_eq!(output.status.code(), Some(2));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("`max_nodes` = \"many\" in the flag --max-nodes"), "{message}");
    let output = gradd().env("GRADD_NONSENSE", "1").output().expect("the command to run");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("GRADD_NONSENSE"), "{output:?}");
}

#[test]
fn a_taken_address_is_named_with_the_remedy() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let output = run(&["--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains(&format!("cannot listen on {address}")), "{message}");
    assert!(message.contains("--listen"), "{message}");
}

#[test]
fn help_shows_commands_examples_and_every_setting() {
    let top = String::from_utf8(run(&["--help"]).stdout).expect("text");
    for part in ["serve", "openapi", "healthcheck", "Examples:", "curl --json"] {
        assert!(top.contains(part), "{part} is missing from {top}");
    }
    assert!(!top.contains("--max-nesting"), "{top}");
    let serve = String::from_utf8(run(&["serve", "--help"]).stdout).expect("text");
    for key in gradd::server::Settings::KEYS {
        assert!(serve.contains(&format!("--{}", key.name.replace('_', "-"))), "{} is missing", key.name);
    }
}

/// The status line of `GET path`.
fn status_line(address: &str, path: &str) -> String {
    status_line_with(address, path, "")
}

/// The same with more headers.
fn status_line_with(address: &str, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("to set");
    write!(stream, "GET {path} HTTP/1.1\r\nHost: gradd\r\n{headers}Connection: close\r\n\r\n")
        .expect("to write");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("an answer");
    line
}

#[test]
fn a_second_signal_ends_it_at_once() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let mut server = Server::start(&["--grace", "3600"]);
        // A request whose body does not come keeps the server draining.
        let mut unfinished = TcpStream::connect(&server.address).expect("a connection");
        let head = "POST /v1/evaluate HTTP/1.1\r\nHost: gradd\r\nContent-Type: application/json\r\n\
                    Content-Length: 100\r\nExpect: 100-continue\r\n\r\n";
        unfinished.write_all(head.as_bytes()).expect("to write");
        // "100 Continue" says that the request is under way.
        let mut answer = [0; 12];
        unfinished.set_read_timeout(Some(PATIENCE)).expect("to set");
        unfinished.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 100");

        server.signal(signal);
        let start = Instant::now();
        while !status_line(&server.address, "/readyz").starts_with("HTTP/1.1 503") {
            assert!(start.elapsed() < PATIENCE, "the server does not drain");
        }
        server.signal(signal);
        assert_eq!(server.exit().code(), Some(code), "{signal}");
    }
}

#[test]
fn openapi_prints_the_document() {
    let yaml = String::from_utf8(run(&["openapi"]).stdout).expect("text");
    assert!(yaml.starts_with("openapi: 3.1") && yaml.ends_with('\n'), "{yaml}");
    let json = run(&["openapi", "--json"]).stdout;
    let document: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn shells_complete_every_setting() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let script = String::from_utf8(output.stdout).expect("text");
        for name in ["healthcheck", "max-nodes", "log-format"] {
            assert!(script.contains(name), "{shell} does not complete {name}");
        }
    }
    assert_eq!(run(&["completions", "tcsh"]).status.code(), Some(2));
    let checked = Command::new("bash")
        .args(["-c", "source /dev/stdin && complete -p gradd"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    let mut bash = checked.expect("bash");
    bash.stdin.take().expect("a pipe").write_all(&run(&["completions", "bash"]).stdout).expect("to write");
    let output = bash.wait_with_output().expect("to end");
    assert!(
        output.status.success() && String::from_utf8_lossy(&output.stdout).contains("_gradd"),
        "{output:?}"
    );
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let gradd = String::from_utf8(run(&["man"]).stdout).expect("text");
    assert!(gradd.contains(".TH gradd 1") && gradd.contains("healthcheck"), "{gradd}");
    let serve = String::from_utf8(run(&["man", "serve"]).stdout).expect("text");
    // Roff wants hyphens that may be searched for to be escaped.
    for name in ["max\\-nodes", "log\\-format"] {
        assert!(serve.contains(name), "{name} is missing from {serve}");
    }
    assert_eq!(run(&["man", "nonsense"]).status.code(), Some(2));
}

#[test]
fn a_key_is_made_and_let_in_after_a_hangup_signal() {
    let made = run(&["key", "alice"]);
    assert_eq!(made.status.code(), Some(0), "{made:?}");
    let (line, told) =
        (String::from_utf8(made.stdout).expect("text"), String::from_utf8(made.stderr).expect("text"));
    let key = told.split_whitespace().find(|word| word.starts_with("gradd_")).expect("a key");
    assert!(line.starts_with("alice sha256:") && line.ends_with('\n') && !line.contains(key), "{line}");

    let path = std::env::temp_dir().join(format!("gradd-{}-hangup.keys", std::process::id()));
    std::fs::write(&path, "# nobody yet\n").expect("to write");
    let mut server = Server::start(&["--keys-file", &path.to_string_lossy()]);
    let status = || status_line_with(&server.address, "/info", &format!("Authorization: Bearer {key}\r\n"));
    assert!(status().starts_with("HTTP/1.1 401"));
    std::fs::write(&path, &line).expect("to write");
    server.signal("-HUP");
    server.logs("the keys were read again");
    assert!(status().starts_with("HTTP/1.1 200"));

    std::fs::write(&path, "nonsense").expect("to write");
    server.signal("-HUP");
    server.logs("the keys stay as they were");
    assert!(status().starts_with("HTTP/1.1 200"));
    server.signal("-TERM");
    assert_eq!(server.exit().code(), Some(0));

    let broken = run(&["--keys-file", &path.to_string_lossy()]);
    assert_eq!(broken.status.code(), Some(2), "{broken:?}");
    std::fs::remove_file(&path).expect("to remove");
    let unfit = run(&["key", "two words"]);
    assert_eq!(unfit.status.code(), Some(2), "{unfit:?}");
}

#[test]
fn a_key_in_the_wrong_place_is_not_repeated() {
    let key = "gradd_0123456789abcdefghijklmnopqrstuvwxyz0123456";
    let output = gradd().env("GRADD_KEYS", format!("alice {key}")).output().expect("the command to run");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(message.contains("GRADD_KEYS") && message.contains("gradd key NAME"), "{message}");
    assert!(!message.contains(key), "{message}");
}

#[test]
fn draw_writes_a_picture() {
    let svg = run(&["draw", "n = x*w; tanh(n)", "x=2", "w=-0.25"]);
    assert!(svg.status.success() && svg.stderr.is_empty(), "{svg:?}");
    let svg = String::from_utf8(svg.stdout).expect("text");
    assert!(svg.starts_with("<svg") && svg.contains(">data -0.5</text>"), "{svg}");
    let dot = run(&["draw", "--dot", "x + y"]);
    assert!(String::from_utf8_lossy(&dot.stdout).contains("label=\"{x}\""), "{dot:?}");
    let broken = run(&["draw", "x +"]);
    assert_eq!(broken.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("column 4"), "{broken:?}");
}
