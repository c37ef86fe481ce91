//! What libFuzzer calls. `tests/fuzz/run` builds it with `--cfg fuzzing` and links libFuzzer, which has the `main`. Built
//! in any other way it tries the files that it is given: `cargo run --features fuzzing --example fuzz csv FILE...`.

#![cfg_attr(fuzzing, no_main)]

mod checks;

/// The check of a target by its name.
fn check(target: &str) -> fn(&[u8]) {
    match target {
        "expression" => checks::expression,
        "graph" => checks::graph,
        "mlp" => checks::mlp,
        "train_state" => checks::train_state,
        "csv" => checks::csv,
        "binary" => checks::binary,
        _ => panic!("there is no target `{target}`"),
    }
}

#[cfg(not(fuzzing))]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let check = check(&arguments.next().expect("a target"));
    for file in arguments {
        check(&std::fs::read(file).expect("a file"));
    }
}

/// libFuzzer's side: C names, and bytes behind a pointer.
#[cfg(fuzzing)]
#[allow(unsafe_code, reason = "libFuzzer is C")]
mod lib_fuzzer {
    use std::sync::LazyLock;

    /// `TARGET` in the environment says which, as the arguments are libFuzzer's. A panic ends the process: nothing less is
    /// taken for a failure.
    static CHECK: LazyLock<fn(&[u8])> = LazyLock::new(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            report(panic);
            std::process::abort();
        }));
        super::check(&std::env::var("TARGET").expect("TARGET in the environment"))
    });

    // SAFETY: no other function of the program has this name.
    #[unsafe(no_mangle)]
    extern "C" fn LLVMFuzzerTestOneInput(data: *const u8, size: usize) -> i32 {
        // SAFETY: libFuzzer gives `size` bytes, which it neither changes nor frees before this returns.
        let bytes = if size == 0 { &[] } else { unsafe { std::slice::from_raw_parts(data, size) } };
        CHECK(bytes);
        0
    }
}
