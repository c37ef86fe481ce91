//! What `deploy/` sets exists. `tests/deploy/run` holds the manifests to Kubernetes' schemas.

use std::fs;
use std::path::{Path, PathBuf};

use gradd::server::Settings;
use gradd::server::settings::Sources;

/// Every file below `deploy/`.
fn files() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

#[test]
fn every_variable_is_a_setting() {
    let mut found = 0;
    for path in files() {
        let text = fs::read_to_string(&path).expect("text");
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        for name in text.split(|c| !is_part(c)).filter_map(|word| word.strip_prefix("GRADD_")) {
            let name = name.to_ascii_lowercase();
            let is_known = name == "config" || Settings::KEYS.iter().any(|key| key.name == name);
            assert!(is_known, "{}: there is no setting {name}", path.display());
            found += 1;
        }
    }
    assert!(found > 0, "no variable was found");
}

#[test]
fn every_settings_file_is_valid() {
    let is_toml = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let files: Vec<PathBuf> = files().into_iter().filter(is_toml).collect();
    assert!(!files.is_empty(), "no file was found");
    for path in files {
        let sources = Sources { config: Some(path.clone()), ..Sources::default() };
        let settings = Settings::load(&sources).unwrap_or_else(|error| panic!("{error}"));
        assert!(settings.listen.ip().is_unspecified(), "{}: a pod is asked from outside", path.display());
    }
}
