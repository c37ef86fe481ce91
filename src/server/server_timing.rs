//! The `Server-Timing` header ([W3C](https://www.w3.org/TR/server-timing/)): where the time of a computation went.

use axum::http::{HeaderName, HeaderValue};

use crate::api::{Meter, Stage};

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("server-timing");

/// The stages that a request has passed, in milliseconds, such as `queue;dur=0.002, decode;dur=0.041`.
pub fn of(meter: &Meter) -> Option<HeaderValue> {
    let passed =
        Stage::ALL.into_iter().map(|stage| (stage, meter.time_in(stage))).filter(|(_, time)| !time.is_zero());
    let entries = passed.map(|(stage, time)| format!("{};dur={:.3}", stage.name(), time.as_secs_f64() * 1e3));
    HeaderValue::try_from(entries.collect::<Vec<_>>().join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn stages_stand_in_their_order_and_in_milliseconds() {
        let meter = Meter::default();
        meter.add_time(Stage::Encode, Duration::from_micros(1500));
        meter.add_time(Stage::Queue, Duration::from_nanos(2400));
        assert_eq!(of(&meter).expect("a value"), "queue;dur=0.002, encode;dur=1.500");
    }
}
