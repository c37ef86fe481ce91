//! The multi-layer perceptron and its training, against PyTorch, central differences and a naive evaluator.

mod data;
mod golden;
mod naive;
mod optimizers;
mod passes;
mod random;
mod support;
mod training;
