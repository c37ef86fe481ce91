//! Bodies in binary, read for serde.
//!
//! One reader for all their formats, since every type on the wire is compiled for each reader: another one would be a tenth of
//! the program. And it tells the place where it fails, which is why a JSON body that was refused is [transcribed](transcript)
//! and read once more, by it.

mod cbor;
mod error;
mod items;
mod message_pack;
mod reader;
mod transcript;

pub(super) use error::Error;
pub(super) use reader::Reader;
pub(super) use transcript::transcribe;
