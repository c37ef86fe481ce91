//! The `Server-Timing` header ([W3C](https://www.w3.org/TR/server-timing/)): where the time of a computation went.

use std::fmt::Write;

use axum::http::{HeaderName, HeaderValue};

use crate::api::{Meter, Stage};

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("server-timing");

/// Bytes of a usual value.
const LONGEST: usize = 192;

/// The stages that a request has passed, in milliseconds, such as `queue;dur=0.002, decode;dur=0.041`.
pub fn of(meter: &Meter) -> Option<HeaderValue> {
    // Every small request pays for this: whole numbers are written far faster than fractions.
    let mut entries = String::with_capacity(LONGEST);
    for stage in Stage::ALL {
        let nanoseconds = meter.time_in(stage).as_nanos();
        if nanoseconds > 0 {
            let microseconds = (nanoseconds + 500) / 1000;
            let (whole, thousandths) = (microseconds / 1000, microseconds % 1000);
            let separator = if entries.is_empty() { "" } else { ", " };
            write!(entries, "{separator}{};dur={whole}.{thousandths:03}", stage.name()).ok()?;
        }
    }
    HeaderValue::try_from(entries).ok()
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
