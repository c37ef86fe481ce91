//! The elementary functions over whole slices, by name.

use super::{Kernel, Level, exp, hyperbolic, log, scalar, special, trig};

macro_rules! table {
    ($(($variant:ident, $name:literal, $function:path $(, $reduced:path)?)),+ $(,)?) => {
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
                match self.function {
                    $(Unary::$variant => table!(@apply self, $function $(, $reduced)?),)+
                }
            }
        }
    };
    (@apply $self:ident, $function:path) => {
        $self.y.iter_mut().zip($self.x).for_each(|(y, x)| *y = $function(*x))
    };
    (@apply $self:ident, $function:path, $reduced:path) => { trig::map($self.x, $self.y, $reduced, $function) };
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
    (Sin, "sin", trig::sin, trig::sin_reduced),
    (Cos, "cos", trig::cos, trig::cos_reduced),
    (Tan, "tan", trig::tan, trig::tan_reduced),
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
