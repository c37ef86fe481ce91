//! Every file of the fuzzer's corpus, and some changes of each, so that what the fuzzer once found stays found.

mod checks;

use std::path::Path;

fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let files: Vec<_> =
        folder.read_dir().expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
    assert!(files.len() >= 5, "{target} has {} seeds", files.len());
    // Of all files together some hundred: it is the fuzzer who tries more.
    let changes = 400 / files.len() + 1;
    for file in files {
        let bytes = std::fs::read(&file).expect("a file");
        check(&bytes);
        // Cut off, and with a byte that does not belong there.
        let step = bytes.len() / changes + 1;
        for i in (step / 2..bytes.len()).step_by(step) {
            check(&bytes[..i]);
            check(&[&bytes[..i], b"9", &bytes[i + 1..]].concat());
        }
    }
}

#[test]
fn expressions() {
    replay("expression", checks::expression);
}

#[test]
fn graphs() {
    replay("graph", checks::graph);
}

#[test]
fn networks() {
    replay("mlp", checks::mlp);
}

#[test]
fn training_states() {
    replay("train_state", checks::train_state);
}

#[test]
fn tables() {
    replay("csv", checks::csv);
}

#[test]
fn binary_bodies() {
    replay("binary", checks::binary);
}
