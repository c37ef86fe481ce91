//! A training step allocates nothing once its buffers have their size.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use gradd::engine::Interrupt;
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

/// The only test of this binary: others would allocate on threads beside it.
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
