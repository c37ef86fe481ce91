//! Unsafe code stays where it is: in the kernels. A crate cannot forbid it and make an exception, so that every other module
//! forbids it by itself, and here is looked that none is forgotten.

use std::fs;
use std::path::{Path, PathBuf};

const KERNELS: &str = "src/engine/kernels";

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn unsafe_code_is_in_the_kernels_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    sources(&root.join("benches"), &mut files);
    assert!(files.len() > 100);
    for file in files.iter().filter(|file| !file.starts_with(root.join(KERNELS))) {
        let text = fs::read_to_string(file).expect("a source");
        let words = text.replace("unsafe_code", "");
        assert!(!words.contains("unsafe "), "{} has unsafe code", file.display());
        assert!(!text.contains("allow(unsafe_code"), "{} allows unsafe code", file.display());
    }
}

#[test]
fn every_module_beside_the_kernels_forbids_unsafe_code() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for (parent, folder) in [("lib.rs", ""), ("main.rs", ""), ("engine/mod.rs", "engine")] {
        let text = fs::read_to_string(source.join(parent)).expect("a source");
        let modules = text
            .lines()
            .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'));
        for module in modules.filter(|module| !matches!(*module, "engine" | "kernels")) {
            let place = source.join(folder).join(module);
            let text = fs::read_to_string(place.with_extension("rs"))
                .or_else(|_| fs::read_to_string(place.join("mod.rs")))
                .expect("the module's source");
            assert!(text.contains("#![forbid(unsafe_code)]"), "{module} does not forbid unsafe code");
        }
    }
}
