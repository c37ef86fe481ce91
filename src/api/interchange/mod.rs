//! MLPs as files that other programs read: [`mod@file`] says which there are and what a client can ask for, [`safetensors`]
//! writes and reads weights under PyTorch's names, [`onnx`] writes the whole model, in the messages of [`onnx_proto`] and
//! with the activations of [`onnx_activations`].

pub mod file;
mod onnx;
mod onnx_activations;
mod onnx_proto;
pub(super) mod safetensors;
