//! Polynomials, evaluated with fused multiply-adds.

/// Evaluates `c[0] + c[1] x + ...` as `even(x²) + x odd(x²)`: two chains of half the length, so that the latency of one
/// vector hides behind the next sooner than with one long Horner chain.
///
/// A macro, and not a loop over an array, so that the vectoriser sees straight-line code.
macro_rules! poly {
    ($x:expr, $x2:expr; $($c:expr),+ $(,)?) => {{
        let (x, x2) = ($x, $x2);
        poly!(@split x, x2; []; []; $($c),+)
    }};
    (@split $x:ident, $x2:ident; [$($e:expr),*]; [$($o:expr),*]; $c0:expr, $c1:expr $(, $c:expr)*) => {
        poly!(@split $x, $x2; [$($e,)* $c0]; [$($o,)* $c1]; $($c),*)
    };
    (@split $x:ident, $x2:ident; [$($e:expr),*]; [$($o:expr),*]; $c0:expr) => {
        poly!(@split $x, $x2; [$($e,)* $c0]; [$($o),*];)
    };
    (@split $x:ident, $x2:ident; [$($e:expr),+]; [$($o:expr),+];) => {
        $x.mul_add(poly!(@horner $x2; $($o),+), poly!(@horner $x2; $($e),+))
    };
    (@horner $x:ident; $c:expr) => { $c };
    (@horner $x:ident; $c0:expr, $($c:expr),+) => { $x.mul_add(poly!(@horner $x; $($c),+), $c0) };
}

pub(super) use poly;
