//! Settings: four layers, one name each, and errors that say where.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use gradd::server::Settings;
use gradd::server::settings::{SettingsError, Sources};

/// A file that is removed at the end of the test.
struct File(PathBuf);

impl File {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gradd-{}-{name}.toml", std::process::id()));
        fs::write(&path, text).expect("to write");
        Self(path)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn load(
    file: &File,
    environment: &[(&str, &str)],
    flags: &[(&'static str, &str)],
) -> Result<Settings, SettingsError> {
    Settings::load(&Sources {
        config: Some(file.0.clone()),
        environment: environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect(),
        flags: flags.iter().map(|&(name, value)| (name, value.to_owned())).collect(),
    })
}

fn complaint(file: &File, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> String {
    load(file, environment, flags).expect_err("to be refused").to_string()
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let file = File::new("layers", "max_nodes = 1\nmax_steps = 1\nqueue = 1\n");
    let settings =
        load(&file, &[("GRADD_MAX_STEPS", "2"), ("GRADD_QUEUE", "2"), ("PATH", "/bin")], &[("queue", "3")])
            .expect("valid settings");
    assert_eq!(settings.max_nodes.get(), 1);
    assert_eq!(settings.max_steps.get(), 2);
    assert_eq!(settings.queue, 3);
    assert_eq!(settings.timeout, Settings::default().timeout);
    assert_eq!(settings.limits().max_nodes, 1);
}

#[test]
fn every_type_is_read_from_text_and_from_toml() {
    let toml = File::new(
        "types",
        "listen = \"[::1]:99\"\nmax_body_bytes = 1_000\ntimeout = 0.5\ncors_origins = [\"http://a\", \"http://b:1\"]\n\
         compression = false\nlog_level = \"warn,gradd=debug\"\nlog_format = \"json\"\n",
    );
    let from_toml = load(&toml, &[], &[]).expect("valid settings");
    assert_eq!(from_toml.timeout, Duration::from_millis(500));
    assert_eq!(from_toml.cors_origins, ["http://a", "http://b:1"]);
    let empty = File::new("types-empty", "");
    let from_text = load(
        &empty,
        &[
            ("GRADD_LISTEN", "[::1]:99"),
            ("GRADD_MAX_BODY_BYTES", "1_000"),
            ("GRADD_TIMEOUT", "0.5"),
            ("GRADD_CORS_ORIGINS", "http://a, http://b:1"),
            ("GRADD_COMPRESSION", "false"),
            ("GRADD_LOG_LEVEL", "warn,gradd=debug"),
            ("GRADD_LOG_FORMAT", "json"),
        ],
        &[],
    );
    assert_eq!(from_text.expect("valid settings"), from_toml);
}

#[test]
fn complaints_name_the_key_the_value_and_the_place() {
    let empty = File::new("complaints-empty", "");
    let from_environment = complaint(&empty, &[("GRADD_MAX_NODES", "many")], &[]);
    assert_eq!(
        from_environment,
        "setting `max_nodes` = \"many\" in the environment variable GRADD_MAX_NODES: expected a whole number from 1"
    );
    let from_flag = complaint(&empty, &[("GRADD_TIMEOUT", "5")], &[("timeout", "0")]);
    assert_eq!(from_flag, "setting `timeout` = \"0\" in the flag --timeout: expected more than 0 seconds");
    let by_relation = complaint(&empty, &[("GRADD_MAX_BODY_BYTES", "2000000000")], &[]);
    assert!(
        by_relation
            .starts_with("setting `max_held_bytes` = 1073741824 in the built-in default: expected at least"),
        "{by_relation}"
    );
    let file = File::new("complaints", "queue = -1\n");
    let from_file = complaint(&file, &[], &[]);
    let place = file.0.display();
    assert_eq!(from_file, format!("setting `queue` = -1 in {place}: expected a whole number"));
}

#[test]
fn the_standard_variables_of_opentelemetry_are_settings_below_ours() {
    let file = File::new("standard", "otlp_service_name = \"file\"\notlp_sampling_ratio = 0.5\n");
    let standard =
        [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"), ("OTEL_SERVICE_NAME", "standard")];
    let settings = load(&file, &standard, &[]).expect("valid settings");
    assert_eq!(settings.otlp_endpoint.to_string(), "http://collector:4318/");
    assert_eq!((&*settings.otlp_service_name, settings.otlp_sampling_ratio.get()), ("standard", 0.5));
    let ours = [standard[0], standard[1], ("GRADD_OTLP_ENDPOINT", ""), ("GRADD_OTLP_SERVICE_NAME", "ours")];
    let settings = load(&file, &ours, &[]).expect("valid settings");
    assert_eq!((settings.otlp_endpoint.traces(), &*settings.otlp_service_name), (None, "ours"));
    let empty = [("OTEL_EXPORTER_OTLP_ENDPOINT", ""), ("OTEL_SERVICE_NAME", "")];
    assert_eq!(load(&file, &empty, &[]).expect("valid settings").otlp_service_name, "file");
}

#[test]
fn a_password_in_the_address_of_a_collector_is_refused_and_not_shown() {
    let empty = File::new("collector", "");
    for address in ["http://user:secret@collector:4318", "http://collector:4318?key=secret"] {
        let refused = complaint(&empty, &[("OTEL_EXPORTER_OTLP_ENDPOINT", address)], &[]);
        assert!(refused.starts_with("setting `otlp_endpoint` = *** in the environment variable OTEL_EXP"));
        assert!(refused.contains("OTEL_EXPORTER_OTLP_HEADERS") && !refused.contains("secret"), "{refused}");
    }
}

#[test]
fn unknown_keys_are_refused_wherever_they_stand() {
    let file = File::new("unknown", "max_node = 1\n");
    let place = file.0.display().to_string();
    let refused = complaint(&file, &[], &[]);
    assert!(refused.contains("unknown setting `max_node`") && refused.contains(&place), "{refused}");
    let nested = File::new("unknown-nested", "[limits]\nmax_nodes = 1\n");
    assert!(complaint(&nested, &[], &[]).contains("unknown setting `limits`"));
    let empty = File::new("unknown-empty", "");
    let refused = complaint(&empty, &[("GRADD_MAX_NODE", "1")], &[]);
    assert!(
        refused.contains("unknown setting `max_node` in the environment variable GRADD_MAX_NODE"),
        "{refused}"
    );
}

#[test]
fn variables_that_kubernetes_makes_for_a_service_are_no_settings() {
    let empty = File::new("kubernetes", "");
    let links = [
        ("GRADD_PORT", "tcp://10.0.0.1:8080"),
        ("GRADD_SERVICE_HOST", "10.0.0.1"),
        ("GRADD_SERVICE_PORT_HTTP", "8080"),
        ("GRADD_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("GRADD_CANARY_PORT", "tcp://10.0.0.2:8080"),
    ];
    assert_eq!(load(&empty, &links, &[]).expect("valid settings"), Settings::default());
}

#[test]
fn values_out_of_range_are_refused() {
    let empty = File::new("range", "");
    for (key, value) in [
        ("max_body_bytes", "0"),
        ("max_steps", "-1"),
        ("compute_slots", "1000000"),
        ("queue", "99999999999"),
        ("timeout", "inf"),
        ("timeout", "NaN"),
        ("grace", "-1"),
        ("listen", "localhost"),
        ("open_paths", "healthz"),
        ("max_connections", "0"),
        ("max_connections", "9999999"),
        ("idle_timeout", "0"),
        ("rate_limit", "2000000000"),
        ("rate_window", "0.5"),
        ("otlp_sampling_ratio", "1.5"),
        ("otlp_sampling_ratio", "NaN"),
        ("cors_origins", "example.org"),
        ("cors_origins", "*,https://example.org"),
        ("log_level", "gradd=loud"),
        ("log_format", "xml"),
        ("compression", "perhaps"),
    ] {
        let refused = complaint(&empty, &[], &[(key, value)]);
        assert!(refused.contains(&format!("`{key}`")) && refused.contains(value), "{refused}");
    }
}

#[test]
fn a_named_file_must_exist_and_be_toml() {
    let missing = File(PathBuf::from("/nonexistent/gradd.toml"));
    assert!(complaint(&missing, &[], &[]).contains("cannot read the settings file /nonexistent/gradd.toml"));
    let broken = File::new("broken", "queue = \n");
    let refused = complaint(&broken, &[], &[]);
    assert!(refused.contains("is not valid TOML") && refused.contains("line 1"), "{refused}");
    let file = File::new("variable", "queue = 7\n");
    let path = file.0.to_string_lossy().into_owned();
    let sources =
        Sources { config: None, environment: vec![("GRADD_CONFIG".to_owned(), path)], flags: Vec::new() };
    assert_eq!(Settings::load(&sources).expect("valid settings").queue, 7);
}

#[test]
fn the_file_that_ships_lists_every_setting_with_its_default() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/config/gradd.toml");
    let text = fs::read_to_string(path).expect("config/gradd.toml");
    let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let listed: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.split_once(" = ").is_some_and(|(name, _)| is_name(name)))
        .collect();
    let names: Vec<&str> = listed.iter().filter_map(|line| line.split(" = ").next()).collect();
    let keys: Vec<&str> = Settings::KEYS.iter().map(|key| key.name).collect();
    assert_eq!(names, keys);
    let table: toml::Table = listed.join("\n").parse().expect("TOML");
    for (key, default) in Settings::default().entries() {
        assert_eq!(table[key], default, "{key}");
    }
    for key in Settings::KEYS {
        for line in key.help.lines() {
            assert!(text.contains(line.trim()), "config/gradd.toml lacks the description of {}", key.name);
        }
    }
    // As it ships, it changes nothing.
    let sources = Sources { config: Some(path.into()), ..Sources::default() };
    assert_eq!(Settings::load(&sources).expect("valid settings"), Settings::default());
}
