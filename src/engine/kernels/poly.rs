//! Polynomials, evaluated with fused multiply-adds.

/// Evaluates `c[0] + c[1] x + ...` by Estrin's scheme: neighbours are paired, then pairs with x², and so on, which makes a
/// tree where Horner's makes a chain. The chain's latency, and not the number of operations, is what would bound a loop:
/// a core's scheduler holds two or three iterations of it.
///
/// A macro, and not a loop over an array, so that the vectoriser sees straight-line code.
macro_rules! poly {
    ($x:expr; $c:expr $(,)?) => { $c };
    ($x:expr; $($c:expr),+ $(,)?) => {{
        let x = $x;
        poly!(@pair x; []; $($c),+)
    }};
    (@pair $x:ident; [$($p:expr),*]; $c0:expr, $c1:expr $(, $c:expr)*) => {
        poly!(@pair $x; [$($p,)* $x.mul_add($c1, $c0)]; $($c),*)
    };
    (@pair $x:ident; [$($p:expr),*]; $c0:expr) => { poly!($x * $x; $($p,)* $c0) };
    (@pair $x:ident; [$($p:expr),*];) => { poly!($x * $x; $($p),*) };
}

pub(super) use poly;
