//! What is done again and again allocates nothing once its buffers have their size.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gradd::engine::{Binding, CompileOptions, Graph, Interrupt, Op, Reduction as Samples, Role, Tape};
use gradd::nn::{Activation, Examples, Init, Layer, Loss, Matrix, Mlp, Reduction, Targets};
use gradd::train::{Length, MlpObjective, Optimizer, Plan, Sgd, Trainer};

thread_local! {
    /// Of this thread: the test harness allocates on its own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise is the one that is asked for.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_step_allocates_nothing_after_the_first_epoch() {
    let layer = |units, activation| Layer { units, activation };
    let layers = [layer(16, Activation::Gelu), layer(16, Activation::Tanh), layer(3, Activation::Linear)];
    let mlp = Mlp::new(2, &layers, Loss::CrossEntropy, 1000).unwrap();
    let rows = 100;
    let x: Vec<f64> = (0..rows * 2).map(|i| f64::from(i as u32).sin()).collect();
    let classes: Vec<u32> = (0..rows as u32).map(|i| i % 3).collect();
    let examples =
        Examples::new(&mlp, Matrix::new(&x, rows, 2).unwrap(), Targets::Classes(&classes)).unwrap();
    let mut model = MlpObjective::new(&mlp, examples, Reduction::Mean);
    let optimizer = Optimizer::Sgd(Sgd::with(0.05, 0.9, 0.0, 0.0, true).unwrap());
    // 4 steps an epoch, and a history that keeps one step in 2003.
    let plan = Plan::new(rows, Length::Steps(2_000_000), Some(32), Some(1)).unwrap();
    let mut trainer = Trainer::new(&mut model, optimizer, plan, Init::Linear.draw(&mlp, 1), None).unwrap();
    let interrupt = Interrupt::never();
    for _ in 0..4 {
        trainer.step(&interrupt).unwrap();
    }
    let before = ALLOCATIONS.get();
    for _ in 0..40 {
        trainer.step(&interrupt).unwrap();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}

/// However many blocks a chunk of samples has, and however often a tape is run at a point.
#[test]
fn a_block_of_samples_and_a_point_allocate_nothing() {
    let mut graph = Graph::new();
    let (x, w) = (graph.input("x"), graph.input("w"));
    let product = graph.apply(Op::Mul, &[x, w]).unwrap();
    let output = graph.apply(Op::Tanh, &[product]).unwrap();
    let interrupt = Interrupt::never();

    let roles = [Role { sampled: true, wanted: false }, Role::NUMBER];
    let tape = Tape::compile(&graph, &[output], &roles, CompileOptions::default());
    let column: Vec<f64> = (0..8192).map(|i| f64::from(i).sin()).collect();
    let allocations = |samples: usize| {
        let bindings = [Binding::Samples(&column[..samples]), Binding::Number(0.5)];
        let before = ALLOCATIONS.get();
        tape.objective_and_gradient(&bindings, Samples::Mean, &interrupt).unwrap();
        ALLOCATIONS.get() - before
    };
    allocations(8192);
    // One block, and all that a chunk may have.
    assert_eq!(allocations(10), allocations(8192));
    assert!(allocations(10) > 0, "the counter counts");

    let tape = Tape::compile(&graph, &[output], &[Role::NUMBER; 2], CompileOptions::default());
    let mut repeated = tape.repeated();
    let before = ALLOCATIONS.get();
    for i in 0..100 {
        repeated.gradient(&[f64::from(i), 0.5], &interrupt).unwrap();
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
}
