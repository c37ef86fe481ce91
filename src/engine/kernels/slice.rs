//! The elementary functions over whole slices, by name.

use super::{Kernel, Level, exp, hyperbolic, log, scalar, special, trig};

macro_rules! table {
    ($(($variant:ident, $name:literal, $function:path $(, $slice:path)?)),+ $(,)?) => {
        /// A function of one number.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Unary {
            $($variant,)+
        }

        impl Unary {
            /// Every function.
            pub const ALL: &'static [Unary] = &[$(Unary::$variant,)+];

            /// Its name in this module.
            pub fn name(self) -> &'static str {
                match self {
                    $(Unary::$variant => $name,)+
                }
            }

            /// Its value at one point, compiled for the baseline.
            pub fn value(self, x: f64) -> f64 {
                match self {
                    $(Unary::$variant => $function(x),)+
                }
            }
        }

        impl Kernel for Apply<'_> {
            type Output = ();

            #[inline(always)]
            fn run(self) {
                let Apply { function, x, y } = self;
                match function {
                    $(Unary::$variant => table!(@apply x, y, $function $(, $slice)?),)+
                }
            }
        }
    };
    // No closure here: the inliner leaves a large one outside, and there it is compiled for the baseline.
    (@apply $x:ident, $y:ident, $function:path) => {
        for (y, x) in $y.iter_mut().zip($x) {
            *y = $function(*x);
        }
    };
    (@apply $x:ident, $y:ident, $function:path, $slice:path) => { $slice($x, $y) };
}

struct Apply<'a> {
    function: Unary,
    x: &'a [f64],
    y: &'a mut [f64],
}

table! {
    (Exp, "exp", exp::exp),
    (ExpM1, "exp_m1", exp::exp_m1),
    (Ln, "ln", log::ln),
    (Ln1p, "ln_1p", log::ln_1p),
    (Log2, "log2", log::log2),
    (Log10, "log10", log::log10),
    (Sin, "sin", trig::sin, trig::sin_slice),
    (Cos, "cos", trig::cos, trig::cos_slice),
    (Tan, "tan", trig::tan, trig::tan_slice),
    (Tanh, "tanh", hyperbolic::tanh),
    (Sigmoid, "sigmoid", hyperbolic::sigmoid),
    (Softplus, "softplus", hyperbolic::softplus),
    (Erf, "erf", special::erf),
    (Erfc, "erfc", special::erfc),
    (NormalCdf, "normal_cdf", special::normal_cdf),
    (NormalPdf, "normal_pdf", special::normal_pdf),
    (Gelu, "gelu", special::gelu),
    (Asin, "asin", scalar::asin),
    (Acos, "acos", scalar::acos),
    (Atan, "atan", scalar::atan),
    (Sinh, "sinh", scalar::sinh),
    (Cosh, "cosh", scalar::cosh),
    (Asinh, "asinh", scalar::asinh),
    (Acosh, "acosh", scalar::acosh),
    (Atanh, "atanh", scalar::atanh),
    (Cbrt, "cbrt", scalar::cbrt),
}

/// y = f(x) element by element, compiled for `level`. Of slices of unequal length the longer one's end is left alone.
pub fn apply(level: Level, function: Unary, x: &[f64], y: &mut [f64]) {
    level.run(Apply { function, x, y });
}

/// A function of one number, as a type. Mark `at` `#[inline(always)]`: a closure, or a plain function, that the inliner
/// finds too large stays outside of the loop, compiled for the baseline, and is slower a hundredfold.
pub trait Pointwise<T>: Copy {
    /// The value at x.
    fn at(self, x: T) -> T;
}

struct Map<'a, T, F> {
    x: &'a [T],
    y: &'a mut [T],
    f: F,
}

impl<T: Copy, F: Pointwise<T>> Kernel for Map<'_, T, F> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (y, x) in self.y.iter_mut().zip(self.x) {
            *y = self.f.at(*x);
        }
    }
}

/// y = f(x) element by element, compiled for `level`; vectorised if `f` is branch-free. Of slices of unequal length the
/// longer one's end is left alone.
pub fn map<T: Copy>(level: Level, x: &[T], y: &mut [T], f: impl Pointwise<T>) {
    level.run(Map { x, y, f });
}
