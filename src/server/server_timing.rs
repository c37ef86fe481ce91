//! The `Server-Timing` header ([W3C](https://www.w3.org/TR/server-timing/)): where the time of a computation went.

use axum::http::{HeaderName, HeaderValue};

use crate::api::{Meter, Stage};

/// The header.
pub const HEADER: HeaderName = HeaderName::from_static("server-timing");

/// Bytes of a usual value.
const LONGEST: usize = 192;

/// The stages that a request has passed, in milliseconds, such as `queue;dur=0.002, decode;dur=0.041`.
pub fn of(meter: &Meter) -> Option<HeaderValue> {
    let mut entries = String::with_capacity(LONGEST);
    for stage in Stage::ALL {
        let nanoseconds = u64::try_from(meter.time_in(stage).as_nanos()).unwrap_or(u64::MAX);
        if nanoseconds > 0 {
            let separator = if entries.is_empty() { "" } else { ", " };
            for part in [separator, stage.name(), ";dur="] {
                entries.push_str(part);
            }
            push_milliseconds(&mut entries, nanoseconds.saturating_add(500) / 1000);
        }
    }
    HeaderValue::try_from(entries).ok()
}

/// Writes so many microseconds in milliseconds, with three places. Every small request pays for this, which the formatter of
/// the standard library would make several times as long.
fn push_milliseconds(text: &mut String, microseconds: u64) {
    text.push_str(itoa::Buffer::new().format(microseconds / 1000));
    text.push('.');
    for place in [100, 10, 1] {
        text.push(char::from(b'0' + (microseconds / place % 10) as u8));
    }
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
