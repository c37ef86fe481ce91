//! The engine against the lecture, PyTorch's golden values, a naive implementation and central differences.

mod deep;
mod derivatives;
mod extremes;
mod golden;
mod lecture;
mod non_finite;
mod programs;
mod random_graphs;
mod shared;
mod text;
