//! Numbers for people to read: five significant digits, where the exact number stands elsewhere.

/// `x` to five significant digits, without trailing zeros: `0.70711`, `-1.5`, `1.2346e-9`.
pub(super) fn short(x: f64) -> String {
    if !x.is_finite() {
        return if x.is_nan() {
            "NaN"
        } else if x > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .to_owned();
    }
    if x == 0.0 {
        return "0".to_owned();
    }
    // The exponent after rounding: 0.99999999 is 1.
    let scientific = format!("{x:.4e}");
    let (digits, exponent) = scientific.split_once('e').expect("an exponent is written");
    let exponent: i32 = exponent.parse().expect("an exponent is a whole number");
    if (-4..15).contains(&exponent) {
        let decimals = usize::try_from(4 - exponent).unwrap_or(0);
        let text = format!("{x:.decimals$}");
        return if decimals > 0 { without_zeros(&text).to_owned() } else { text };
    }
    format!("{}e{exponent}", without_zeros(digits))
}

fn without_zeros(text: &str) -> &str {
    text.trim_end_matches('0').trim_end_matches('.')
}

/// A whole number with its thousands apart: `1,234`.
pub(super) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_digits_are_kept() {
        for (x, text) in [
            (0.0, "0"),
            (-0.0, "0"),
            (2.0, "2"),
            (-1.4999999999999998, "-1.5"),
            (std::f64::consts::FRAC_1_SQRT_2, "0.70711"),
            (0.00012345678, "0.00012346"),
            (0.000012345678, "1.2346e-5"),
            (0.999_999_999, "1"),
            (12345.678, "12346"),
            (1234567.0, "1234567"),
            (1e15, "1e15"),
            (-2.5e-300, "-2.5e-300"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(short(x), text);
        }
    }

    #[test]
    fn thousands_stand_apart() {
        for (count, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1234567, "1,234,567")] {
            assert_eq!(grouped(count), text);
        }
    }
}
