//! RFC 6901 pointers into the request body.

use std::fmt::{Display, Write};

/// `base` with one more segment, escaped.
pub(super) fn join(base: &str, segment: impl Display) -> String {
    let mut pointer = String::with_capacity(base.len() + 8);
    pointer.push_str(base);
    push(&mut pointer, segment);
    pointer
}

/// Appends one segment, escaped.
pub(super) fn push(pointer: &mut String, segment: impl Display) {
    pointer.push('/');
    let start = pointer.len();
    write!(pointer, "{segment}").expect("a String takes everything");
    if pointer[start..].contains(['~', '/']) {
        let escaped = pointer[start..].replace('~', "~0").replace('/', "~1");
        pointer.truncate(start);
        pointer.push_str(&escaped);
    }
}
