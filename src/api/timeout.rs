//! The `timeout` that a request sets itself, known before its turn has come.

use std::time::Duration;

use serde::Deserialize;

use super::format::Format;

#[derive(Deserialize)]
struct Timed {
    timeout: Option<f64>,
}

/// The `timeout` of `body`, which is looked through for nothing else; `None` where there is none, or none that can be meant:
/// what is wrong with it is found when the body is read.
pub fn of(body: &[u8], format: Format) -> Option<Duration> {
    let Timed { timeout } = format.decode(body).ok()?;
    Duration::try_from_secs_f64(timeout?).ok().filter(|timeout| !timeout.is_zero())
}
