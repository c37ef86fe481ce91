//! The op table: the one place that says what every op is called, computes and propagates.
//!
//! Parser, JSON reader, tape, sweeps, `/v1/ops`, docs and tests all follow from it. An op of one, two or three
//! operands is *primitive*: it has a value, local partial derivatives and second ones, written side by side. An op of any number of
//! operands is *composed*: the tape lowers it to primitives (see [`super::tape`]), some of which are *inner* ones that only
//! the tape makes, since alone they would be no functions with derivatives.

#![forbid(unsafe_code)]

use super::kernels::math as m;

/// How many operands an op takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// Just so many.
    Exactly(usize),
    /// One or more.
    AtLeastOne,
    /// An even number, two or more: first all of one vector, then all of the other.
    Pairs,
}

impl Arity {
    /// Whether `count` operands fit.
    pub fn admits(self, count: usize) -> bool {
        match self {
            Arity::Exactly(n) => count == n,
            Arity::AtLeastOne => count >= 1,
            Arity::Pairs => count >= 2 && count.is_multiple_of(2),
        }
    }
}

impl std::fmt::Display for Arity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Arity::Exactly(1) => f.write_str("1 operand"),
            Arity::Exactly(n) => write!(f, "{n} operands"),
            Arity::AtLeastOne => f.write_str("1 operand or more"),
            Arity::Pairs => f.write_str("an even number of operands, 2 or more"),
        }
    }
}

/// What the table says of an op, for people.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpInfo {
    /// The name in JSON graphs, and the function's name in expressions.
    pub name: &'static str,
    /// Other names that mean the same.
    pub aliases: &'static [&'static str],
    /// How the op is written in an expression.
    pub text: &'static str,
    /// How many operands it takes.
    pub arity: Arity,
    /// One line: what it computes and its convention at kinks, if it has any.
    pub doc: &'static str,
    /// The local partial derivatives as expressions, one per operand, where `y` is the op's value. Of an op of any number
    /// of operands the one with respect to `a`, any of its `n` operands, of which `k` are equal to `y`; where that needs the
    /// others, in words.
    pub derivative: &'static str,
    /// Where the value is a real number.
    pub domain: &'static str,
}

/// A primitive of `N` operands `x` with value `y`: value, local partial derivatives and second ones, as functions that a
/// loop can inline.
pub trait Primitive<const N: usize> {
    /// Which op this is.
    const OP: Op;
    /// y
    fn value(x: [f64; N]) -> f64;
    /// dy/dx, one for each operand.
    fn partials(x: [f64; N], y: f64) -> [f64; N];
    /// d²y/dx², one for each pair of operands: the derivatives of the formulas of [`partials`](Self::partials), also where
    /// these are a convention.
    fn seconds(x: [f64; N], y: f64) -> [[f64; N]; N];
}

/// Work that is compiled once for each primitive; see [`Op::visit`].
pub trait Visitor {
    /// What the work returns.
    type Output;
    /// The work for the primitive `P`.
    fn visit<const N: usize, P: Primitive<N>>(self) -> Self::Output;
}

macro_rules! table {
    (
        unary { $($u:ident $uname:literal $ualias:tt $utext:literal
            value($ux:ident) = $uvalue:expr;
            partial($upx:ident, $upy:ident) = $upartial:expr;
            second($usx:ident, $usy:ident) = $usecond:expr;
            $udoc:literal, $uderivative:literal, $udomain:literal)* }
        binary { $($b:ident $bname:literal $balias:tt $btext:literal
            value($ba:ident, $bb:ident) = $bvalue:expr;
            partials($bpa:ident, $bpb:ident, $bpy:ident) = $bpartials:expr;
            seconds($bsa:ident, $bsb:ident, $bsy:ident) = $bseconds:expr;
            $bdoc:literal, $bderivative:literal, $bdomain:literal)* }
        ternary { $($t:ident $tname:literal $talias:tt $ttext:literal
            value($ta:ident, $tb:ident, $tc:ident) = $tvalue:expr;
            partials($tpa:ident, $tpb:ident, $tpc:ident) = $tpartials:expr;
            $tdoc:literal, $tderivative:literal, $tdomain:literal)* }
        composed { $($c:ident $cname:literal $calias:tt $ctext:literal $carity:expr;
            $cdoc:literal, $cderivative:literal, $cdomain:literal)* }
        inner { $($i:ident $iname:literal
            value($ia:ident, $ib:ident) = $ivalue:expr;
            partials($ipa:ident, $ipb:ident) = $ipartials:expr;
            $idoc:literal)* }
    ) => {
        /// An operation of the graph.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Op {
            $(#[doc = $udoc] $u,)*
            $(#[doc = $bdoc] $b,)*
            $(#[doc = $tdoc] $t,)*
            $(#[doc = $cdoc] $c,)*
            $(#[doc = $idoc] #[doc = "Made by the tape alone."] $i,)*
        }

        mod primitive {
            $(pub struct $u;)*
            $(pub struct $b;)*
            $(pub struct $t;)*
            $(pub struct $i;)*
        }

        $(impl Primitive<1> for primitive::$u {
            const OP: Op = Op::$u;
            #[inline(always)]
            fn value([$ux]: [f64; 1]) -> f64 { $uvalue }
            #[inline(always)]
            fn partials([$upx]: [f64; 1], $upy: f64) -> [f64; 1] { [$upartial] }
            #[inline(always)]
            fn seconds([$usx]: [f64; 1], $usy: f64) -> [[f64; 1]; 1] { [[$usecond]] }
        })*
        $(impl Primitive<2> for primitive::$b {
            const OP: Op = Op::$b;
            #[inline(always)]
            fn value([$ba, $bb]: [f64; 2]) -> f64 { $bvalue }
            #[inline(always)]
            fn partials([$bpa, $bpb]: [f64; 2], $bpy: f64) -> [f64; 2] { $bpartials.into() }
            #[inline(always)]
            fn seconds([$bsa, $bsb]: [f64; 2], $bsy: f64) -> [[f64; 2]; 2] {
                let (aa, ab, bb) = $bseconds;
                [[aa, ab], [ab, bb]]
            }
        })*
        $(impl Primitive<3> for primitive::$t {
            const OP: Op = Op::$t;
            #[inline(always)]
            fn value([$ta, $tb, $tc]: [f64; 3]) -> f64 { $tvalue }
            #[inline(always)]
            fn partials([$tpa, $tpb, $tpc]: [f64; 3], _y: f64) -> [f64; 3] { $tpartials.into() }
            // Linear in pieces, all of them.
            #[inline(always)]
            fn seconds(_x: [f64; 3], _y: f64) -> [[f64; 3]; 3] { [[0.0; 3]; 3] }
        })*

        $(impl Primitive<2> for primitive::$i {
            const OP: Op = Op::$i;
            #[inline(always)]
            fn value([$ia, $ib]: [f64; 2]) -> f64 { $ivalue }
            #[inline(always)]
            fn partials([$ipa, $ipb]: [f64; 2], _y: f64) -> [f64; 2] { $ipartials.into() }
            // Linear in pieces as well.
            #[inline(always)]
            fn seconds(_x: [f64; 2], _y: f64) -> [[f64; 2]; 2] { [[0.0; 2]; 2] }
        })*

        impl Op {
            /// Every op that graphs and expressions can use, in the table's order.
            pub const ALL: &'static [Op] = &[$(Op::$u,)* $(Op::$b,)* $(Op::$t,)* $(Op::$c,)*];

            /// How many ops there are, inner ones included.
            pub(crate) const COUNT: usize = Self::INFO.len();

            const INFO: &'static [OpInfo] = &[
                $(OpInfo { name: $uname, aliases: &$ualias, text: $utext, arity: Arity::Exactly(1),
                    doc: $udoc, derivative: $uderivative, domain: $udomain },)*
                $(OpInfo { name: $bname, aliases: &$balias, text: $btext, arity: Arity::Exactly(2),
                    doc: $bdoc, derivative: $bderivative, domain: $bdomain },)*
                $(OpInfo { name: $tname, aliases: &$talias, text: $ttext, arity: Arity::Exactly(3),
                    doc: $tdoc, derivative: $tderivative, domain: $tdomain },)*
                $(OpInfo { name: $cname, aliases: &$calias, text: $ctext, arity: $carity,
                    doc: $cdoc, derivative: $cderivative, domain: $cdomain },)*
                $(OpInfo { name: $iname, aliases: &[], text: concat!($iname, "(a, b)"), arity: Arity::Exactly(2),
                    doc: $idoc, derivative: "1; 0", domain: "all reals" },)*
            ];

            /// Runs the work of `visitor` that was compiled for this op; `None` for a composed op.
            #[inline]
            pub fn visit<V: Visitor>(self, visitor: V) -> Option<V::Output> {
                Some(match self {
                    $(Op::$u => visitor.visit::<1, primitive::$u>(),)*
                    $(Op::$b => visitor.visit::<2, primitive::$b>(),)*
                    $(Op::$t => visitor.visit::<3, primitive::$t>(),)*
                    $(Op::$i => visitor.visit::<2, primitive::$i>(),)*
                    $(Op::$c => return None,)*
                })
            }

            /// Whether it has a value and partials of its own, or is lowered to ops that have.
            pub fn is_primitive(self) -> bool {
                !matches!(self, $(Op::$c)|*)
            }
        }
    };
}

/// 1 where `condition` holds, else 0.
#[inline(always)]
fn indicator(condition: bool) -> f64 {
    if condition { 1.0 } else { 0.0 }
}

/// `p / q`, and 0 where both are 0: the sub-gradient of a norm at the origin.
#[inline(always)]
fn ratio_or_zero(p: f64, q: f64) -> f64 {
    if p == 0.0 { 0.0 } else { p / q }
}

const FRAC_2_SQRT_PI: f64 = std::f64::consts::FRAC_2_SQRT_PI;
const LEAKY_SLOPE: f64 = 0.01;

table! {
    unary {
        Neg "neg" [] "-x"
            value(x) = -x;
            partial(_x, _y) = -1.0;
            second(_x, _y) = 0.0;
            "Negation.", "-1", "all reals"
        Exp "exp" [] "exp(x)"
            value(x) = m::exp(x);
            partial(_x, y) = y;
            second(_x, y) = y;
            "The exponential function.", "y", "all reals"
        Expm1 "expm1" [] "expm1(x)"
            value(x) = m::exp_m1(x);
            partial(x, _y) = m::exp(x);
            second(x, _y) = m::exp(x);
            "exp(x) - 1, exact near 0.", "exp(x)", "all reals"
        Log "log" ["ln"] "log(x)"
            value(x) = m::ln(x);
            partial(x, _y) = 1.0 / x;
            second(x, _y) = -1.0 / x / x;
            "The natural logarithm.", "1/x", "x > 0"
        Log1p "log1p" [] "log1p(x)"
            value(x) = m::ln_1p(x);
            partial(x, _y) = 1.0 / (1.0 + x);
            second(x, _y) = -1.0 / (1.0 + x) / (1.0 + x);
            "log(1 + x), exact near 0.", "1/(1 + x)", "x > -1"
        Log2 "log2" [] "log2(x)"
            value(x) = m::log2(x);
            partial(x, _y) = std::f64::consts::LOG2_E / x;
            second(x, _y) = -std::f64::consts::LOG2_E / x / x;
            "The logarithm to base 2.", "1/(x*log(2))", "x > 0"
        Log10 "log10" [] "log10(x)"
            value(x) = m::log10(x);
            partial(x, _y) = std::f64::consts::LOG10_E / x;
            second(x, _y) = -std::f64::consts::LOG10_E / x / x;
            "The logarithm to base 10.", "1/(x*log(10))", "x > 0"
        Sqrt "sqrt" [] "sqrt(x)"
            value(x) = x.sqrt();
            partial(_x, y) = 0.5 / y;
            second(x, y) = -0.25 / (x * y);
            "The square root.", "1/(2*y)", "x >= 0"
        Cbrt "cbrt" [] "cbrt(x)"
            value(x) = m::cbrt(x);
            partial(_x, y) = 1.0 / (3.0 * y * y);
            second(x, y) = -2.0 / (9.0 * x * y * y);
            "The cube root.", "1/(3*y^2)", "all reals"
        Square "square" [] "square(x)"
            value(x) = x * x;
            partial(x, _y) = 2.0 * x;
            second(_x, _y) = 2.0;
            "x times x.", "2*x", "all reals"
        Reciprocal "reciprocal" [] "reciprocal(x)"
            value(x) = 1.0 / x;
            partial(_x, y) = -(y * y);
            second(_x, y) = 2.0 * y * y * y;
            "One over x.", "-y^2", "x != 0"
        Abs "abs" [] "abs(x)"
            value(x) = x.abs();
            partial(x, _y) = indicator(x > 0.0) - indicator(x < 0.0);
            second(_x, _y) = 0.0;
            "The absolute value; its derivative at 0 is 0.", "sign(x)", "all reals"
        Sign "sign" [] "sign(x)"
            value(x) = if x.is_nan() { x } else { indicator(x > 0.0) - indicator(x < 0.0) };
            partial(_x, _y) = 0.0;
            second(_x, _y) = 0.0;
            "-1, 0 or 1; its derivative is 0 everywhere.", "0", "all reals"
        Sin "sin" [] "sin(x)"
            value(x) = m::sin(x);
            partial(x, _y) = m::cos(x);
            second(_x, y) = -y;
            "The sine of x radians.", "cos(x)", "all reals"
        Cos "cos" [] "cos(x)"
            value(x) = m::cos(x);
            partial(x, _y) = -m::sin(x);
            second(_x, y) = -y;
            "The cosine of x radians.", "-sin(x)", "all reals"
        Tan "tan" [] "tan(x)"
            value(x) = m::tan(x);
            partial(_x, y) = y.mul_add(y, 1.0);
            second(_x, y) = 2.0 * y * y.mul_add(y, 1.0);
            "The tangent of x radians.", "1 + y^2", "all reals"
        Asin "asin" ["arcsin"] "asin(x)"
            value(x) = m::asin(x);
            partial(x, _y) = 1.0 / ((1.0 - x) * (1.0 + x)).sqrt();
            second(x, _y) = { let d = (1.0 - x) * (1.0 + x); x / (d * d.sqrt()) };
            "The inverse sine.", "1/sqrt(1 - x^2)", "-1 <= x <= 1"
        Acos "acos" ["arccos"] "acos(x)"
            value(x) = m::acos(x);
            partial(x, _y) = -1.0 / ((1.0 - x) * (1.0 + x)).sqrt();
            second(x, _y) = { let d = (1.0 - x) * (1.0 + x); -x / (d * d.sqrt()) };
            "The inverse cosine.", "-1/sqrt(1 - x^2)", "-1 <= x <= 1"
        Atan "atan" ["arctan"] "atan(x)"
            value(x) = m::atan(x);
            partial(x, _y) = 1.0 / x.mul_add(x, 1.0);
            second(x, _y) = { let d = x.mul_add(x, 1.0); -2.0 * x / d / d };
            "The inverse tangent.", "1/(1 + x^2)", "all reals"
        Sinh "sinh" [] "sinh(x)"
            value(x) = m::sinh(x);
            partial(x, _y) = m::cosh(x);
            second(_x, y) = y;
            "The hyperbolic sine.", "cosh(x)", "all reals"
        Cosh "cosh" [] "cosh(x)"
            value(x) = m::cosh(x);
            partial(x, _y) = m::sinh(x);
            second(_x, y) = y;
            "The hyperbolic cosine.", "sinh(x)", "all reals"
        Tanh "tanh" [] "tanh(x)"
            value(x) = m::tanh(x);
            partial(_x, y) = (-y).mul_add(y, 1.0);
            second(_x, y) = -2.0 * y * (-y).mul_add(y, 1.0);
            "The hyperbolic tangent.", "1 - y^2", "all reals"
        Asinh "asinh" ["arcsinh"] "asinh(x)"
            value(x) = m::asinh(x);
            partial(x, _y) = 1.0 / m::hypot(x, 1.0);
            second(x, _y) = { let h = m::hypot(x, 1.0); -(x / h) / h / h };
            "The inverse hyperbolic sine.", "1/sqrt(x^2 + 1)", "all reals"
        Acosh "acosh" ["arccosh"] "acosh(x)"
            value(x) = m::acosh(x);
            partial(x, _y) = 1.0 / ((x - 1.0).sqrt() * (x + 1.0).sqrt());
            second(x, _y) = { let d = (x - 1.0) * (x + 1.0); -x / (d * d.sqrt()) };
            "The inverse hyperbolic cosine.", "1/sqrt(x^2 - 1)", "x >= 1"
        Atanh "atanh" ["arctanh"] "atanh(x)"
            value(x) = m::atanh(x);
            partial(x, _y) = 1.0 / ((1.0 - x) * (1.0 + x));
            second(x, _y) = { let d = (1.0 - x) * (1.0 + x); 2.0 * x / d / d };
            "The inverse hyperbolic tangent.", "1/(1 - x^2)", "-1 < x < 1"
        Sigmoid "sigmoid" [] "sigmoid(x)"
            value(x) = m::sigmoid(x);
            partial(_x, y) = y * (1.0 - y);
            second(_x, y) = y * (1.0 - y) * (1.0 - 2.0 * y);
            "The logistic function 1 / (1 + exp(-x)).", "y*(1 - y)", "all reals"
        Relu "relu" [] "relu(x)"
            value(x) = if x <= 0.0 { 0.0 } else { x };
            partial(x, _y) = indicator(x > 0.0);
            second(_x, _y) = 0.0;
            "The larger of x and 0; its derivative at 0 is 0.", "where(x > 0, 1, 0)", "all reals"
        LeakyRelu "leaky_relu" [] "leaky_relu(x)"
            value(x) = if x > 0.0 { x } else { LEAKY_SLOPE * x };
            partial(x, _y) = if x > 0.0 { 1.0 } else { LEAKY_SLOPE };
            second(_x, _y) = 0.0;
            "x, or 0.01 x where x is negative; its derivative at 0 is 0.01.", "where(x > 0, 1, 0.01)", "all reals"
        Elu "elu" [] "elu(x)"
            value(x) = if x > 0.0 { x } else { m::exp_m1(x) };
            partial(x, _y) = if x > 0.0 { 1.0 } else { m::exp(x) };
            second(x, _y) = if x >= 0.0 { 0.0 } else { m::exp(x) };
            "x, or exp(x) - 1 where x is negative.", "where(x > 0, 1, exp(x))", "all reals"
        Softplus "softplus" [] "softplus(x)"
            value(x) = m::softplus(x);
            partial(x, _y) = m::sigmoid(x);
            second(x, _y) = m::sigmoid(x) * m::sigmoid(-x);
            "log(1 + exp(x)), without overflow.", "sigmoid(x)", "all reals"
        Silu "silu" ["swish"] "silu(x)"
            value(x) = if x == f64::NEG_INFINITY { -0.0 } else { x * m::sigmoid(x) };
            partial(x, _y) = { let s = m::sigmoid(x); s * x.mul_add(1.0 - s, 1.0) };
            second(x, _y) = { let (s, t) = (m::sigmoid(x), m::sigmoid(-x)); s * t * x.mul_add(t - s, 2.0) };
            "x sigmoid(x).", "sigmoid(x)*(1 + x*(1 - sigmoid(x)))", "all reals"
        Gelu "gelu" [] "gelu(x)"
            value(x) = m::gelu(x);
            partial(x, _y) = x.mul_add(m::normal_pdf(x), m::normal_cdf(x));
            second(x, _y) = { let p = m::normal_pdf(x); 2.0 * p - x * (x * p) };
            "x times the normal distribution function of x, by erf.", "(1 + erf(x/sqrt(2)))/2 + x*exp(-x^2/2)/sqrt(2*pi)", "all reals"
        Erf "erf" [] "erf(x)"
            value(x) = m::erf(x);
            partial(x, _y) = FRAC_2_SQRT_PI * m::exp(-(x * x));
            second(x, _y) = -2.0 * x * (FRAC_2_SQRT_PI * m::exp(-(x * x)));
            "The error function.", "2/sqrt(pi)*exp(-x^2)", "all reals"
    }
    binary {
        Add "add" [] "a + b"
            value(a, b) = a + b;
            partials(_a, _b, _y) = (1.0, 1.0);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "Addition.", "1; 1", "all reals"
        Sub "sub" [] "a - b"
            value(a, b) = a - b;
            partials(_a, _b, _y) = (1.0, -1.0);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "Subtraction.", "1; -1", "all reals"
        Mul "mul" [] "a * b"
            value(a, b) = a * b;
            partials(a, b, _y) = (b, a);
            seconds(_a, _b, _y) = (0.0, 1.0, 0.0);
            "Multiplication.", "b; a", "all reals"
        Div "div" [] "a / b"
            value(a, b) = a / b;
            partials(_a, b, y) = (1.0 / b, -y / b);
            seconds(_a, b, y) = (0.0, -1.0 / b / b, 2.0 * y / b / b);
            "Division.", "1/b; -y/b", "b != 0"
        Pow "pow" [] "a ** b"
            value(a, b) = m::pow(a, b);
            partials(a, b, y) = pow_partials(a, b, y);
            seconds(a, b, y) = pow_seconds(a, b, y);
            "a to the power b; also written a ^ b. Where a is 0 and b is not negative, the derivative with respect to b is 0.",
            "b*a^(b - 1); y*log(a)", "a > 0, or a = 0 and b >= 0, or b an integer"
        Atan2 "atan2" ["arctan2"] "atan2(a, b)"
            value(a, b) = m::atan2(a, b);
            partials(a, b, _y) = { let h = m::hypot(a, b); (ratio_or_zero(ratio_or_zero(b, h), h), ratio_or_zero(ratio_or_zero(-a, h), h)) };
            seconds(a, b, _y) = atan2_seconds(a, b);
            "The angle of the point with ordinate a and abscissa b; its derivatives at the origin are 0.", "b/(a^2 + b^2); -a/(a^2 + b^2)", "not both 0"
        Hypot "hypot" [] "hypot(a, b)"
            value(a, b) = m::hypot(a, b);
            partials(a, b, y) = (ratio_or_zero(a, y), ratio_or_zero(b, y));
            seconds(a, b, y) = { let (u, v) = (ratio_or_zero(a, y), ratio_or_zero(b, y)); (ratio_or_zero(v * v, y), ratio_or_zero(-u * v, y), ratio_or_zero(u * u, y)) };
            "sqrt(a^2 + b^2), without overflow; its derivatives at the origin are 0.", "a/y; b/y", "all reals"
        Minimum "minimum" [] "minimum(a, b)"
            value(a, b) = smaller(a, b);
            partials(a, b, _y) = half_or_all(a < b, a, b);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "The smaller of a and b; a tie is shared evenly. NaN if one of them is, and so are the derivatives.", "where(a < b, 1, where(a == b, 1/2, 0)); where(b < a, 1, where(a == b, 1/2, 0))", "all reals"
        Maximum "maximum" [] "maximum(a, b)"
            value(a, b) = larger(a, b);
            partials(a, b, _y) = half_or_all(a > b, a, b);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "The larger of a and b; a tie is shared evenly. NaN if one of them is, and so are the derivatives.", "where(a > b, 1, where(a == b, 1/2, 0)); where(b > a, 1, where(a == b, 1/2, 0))", "all reals"
        LogAddExp "logaddexp" [] "logaddexp(a, b)"
            value(a, b) = if a == b { a + std::f64::consts::LN_2 } else { (if a > b { a } else { b }) + m::ln_1p(m::exp(-(a - b).abs())) };
            partials(a, b, _y) = if a == b { (0.5, 0.5) } else { (m::sigmoid(a - b), m::sigmoid(b - a)) };
            seconds(a, b, _y) = { let w = if a == b { 0.25 } else { m::sigmoid(a - b) * m::sigmoid(b - a) }; (w, -w, w) };
            "log(exp(a) + exp(b)), without overflow.", "sigmoid(a - b); sigmoid(b - a)", "all reals"
        Lt "lt" [] "a < b"
            value(a, b) = indicator(a < b);
            partials(_a, _b, _y) = (0.0, 0.0);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "1 where a is less than b, else 0.", "0; 0", "all reals"
        Le "le" [] "a <= b"
            value(a, b) = indicator(a <= b);
            partials(_a, _b, _y) = (0.0, 0.0);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "1 where a is not greater than b, else 0.", "0; 0", "all reals"
        Gt "gt" [] "a > b"
            value(a, b) = indicator(a > b);
            partials(_a, _b, _y) = (0.0, 0.0);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "1 where a is greater than b, else 0.", "0; 0", "all reals"
        Ge "ge" [] "a >= b"
            value(a, b) = indicator(a >= b);
            partials(_a, _b, _y) = (0.0, 0.0);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "1 where a is not less than b, else 0.", "0; 0", "all reals"
        Eq "eq" [] "a == b"
            value(a, b) = indicator(a == b);
            partials(_a, _b, _y) = (0.0, 0.0);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "1 where a equals b, else 0.", "0; 0", "all reals"
        Ne "ne" [] "a != b"
            value(a, b) = indicator(a != b);
            partials(_a, _b, _y) = (0.0, 0.0);
            seconds(_a, _b, _y) = (0.0, 0.0, 0.0);
            "1 where a differs from b, else 0.", "0; 0", "all reals"
    }
    ternary {
        Where "where" ["if"] "where(c, a, b)"
            value(c, a, b) = if c == 0.0 { b } else { a };
            partials(c, _a, _b) = (0.0, indicator(c != 0.0), indicator(c == 0.0));
            "a where c is not 0, else b; value and gradient come from the chosen branch alone.",
            "0; where(c, 1, 0); where(c, 0, 1)", "all reals"
        Clamp "clamp" ["clip"] "clamp(x, low, high)"
            value(x, low, high) = clamp(x, low, high);
            partials(x, low, high) = (
                indicator(x >= low && x <= high),
                indicator(low <= high && x < low),
                indicator(x > high || high < low)
            );
            "x held between low and high; at both ends the derivative with respect to x is 1.",
            "where(x < low, 0, where(x > high, 0, 1)); where(x < low, low <= high, 0); where(max(x, low) > high, 1, 0)", "all reals"
    }
    composed {
        Sum "sum" [] "sum(a, b, ...)" Arity::AtLeastOne;
            "The sum of the operands, added in pairs.", "1", "all reals"
        Mean "mean" [] "mean(a, b, ...)" Arity::AtLeastOne;
            "The mean of the n operands.", "1/n", "all reals"
        Prod "prod" [] "prod(a, b, ...)" Arity::AtLeastOne;
            "The product of the operands, multiplied in pairs.", "the product of the others", "all reals"
        Dot "dot" [] "dot(a1, a2, ..., b1, b2, ...)" Arity::Pairs;
            "The dot product of the first half of the operands with the second half.", "the partner in the other half", "all reals"
        LogSumExp "logsumexp" [] "logsumexp(a, b, ...)" Arity::AtLeastOne;
            "log(exp(a) + exp(b) + ...), without overflow.", "exp(a - y)", "all reals"
        Norm "norm" [] "norm(a, b, ...)" Arity::AtLeastOne;
            "The Euclidean norm of the operands, without overflow; its derivatives at the origin are 0.", "a/y", "all reals"
        Min "min" [] "min(a, b, ...)" Arity::AtLeastOne;
            "The smallest operand; a tie is shared evenly among all k that are equal to it. NaN if one of them is, and so are the derivatives.",
            "where(a == y, 1/k, 0)", "all reals"
        Max "max" [] "max(a, b, ...)" Arity::AtLeastOne;
            "The largest operand; a tie is shared evenly among all k that are equal to it. NaN if one of them is, and so are the derivatives.",
            "where(a == y, 1/k, 0)", "all reals"
    }
    inner {
        MinWhole "min_whole"
            value(a, b) = smaller(a, b);
            partials(a, b) = (indicator(a <= b), indicator(b <= a));
            "The smaller of a and b, of which in a tie both take the whole derivative."
        MaxWhole "max_whole"
            value(a, b) = larger(a, b);
            partials(a, b) = (indicator(a >= b), indicator(b >= a));
            "The larger of a and b, of which in a tie both take the whole derivative."
        Portion "portion"
            value(a, _b) = a;
            partials(_a, b) = (if b == 0.0 { f64::NAN } else { 1.0 / b }, 0.0);
            "a, with a derivative divided by the count b; with none, where the operands of a minimum are NaN, that is NaN."
    }
}

/// The smaller number, or NaN if one of them is.
#[inline(always)]
fn smaller(a: f64, b: f64) -> f64 {
    if a.is_nan() || a < b { a } else { b }
}

/// The larger number, or NaN if one of them is.
#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// The partials of the larger or smaller of `a` and `b`: all to the winner, half to each of a tie, NaN where one of them is.
#[inline(always)]
fn half_or_all(first_wins: bool, a: f64, b: f64) -> (f64, f64) {
    let decided = if a == b { 0.5 } else { indicator(first_wins) };
    let first = if a.is_nan() || b.is_nan() { f64::NAN } else { decided };
    (first, 1.0 - first)
}

/// `min(max(x, low), high)`, where NaN stays NaN.
#[inline(always)]
fn clamp(x: f64, low: f64, high: f64) -> f64 {
    let raised = if x < low { low } else { x };
    if raised > high { high } else { raised }
}

/// The partials of `y = a ** b`, with PyTorch's conventions at a = 0 and b = 0.
#[inline(always)]
fn pow_partials(a: f64, b: f64, y: f64) -> (f64, f64) {
    let with_a = if b == 0.0 {
        0.0
    } else if b == 2.0 {
        2.0 * a
    } else if b == -1.0 {
        -(y * y)
    } else {
        b * m::pow(a, b - 1.0)
    };
    let with_b = if a == 0.0 && b >= 0.0 { 0.0 } else { y * m::ln(a) };
    (with_a, with_b)
}

/// The second partials of `y = a ** b`, where an exponent of 0 or 1 leaves no curve, and a mixed one that is the derivative
/// of [`pow_partials`]' first formula.
#[inline(always)]
fn pow_seconds(a: f64, b: f64, y: f64) -> (f64, f64, f64) {
    let twice_a = if b == 0.0 || b == 1.0 {
        0.0
    } else if b == 2.0 {
        2.0
    } else if b == -1.0 {
        2.0 * y * y * y
    } else {
        b * (b - 1.0) * m::pow(a, b - 2.0)
    };
    let log = m::ln(a);
    let below = m::pow(a, b - 1.0);
    let mixed = match (a == 0.0, b) {
        (true, 0.0) => 0.0,
        (true, 1.0..) => below,
        _ => (b * below).mul_add(log, below),
    };
    let twice_b = if a == 0.0 && b >= 0.0 { 0.0 } else { y * log * log };
    (twice_a, mixed, twice_b)
}

/// The second partials of `atan2(a, b)`.
#[inline(always)]
fn atan2_seconds(a: f64, b: f64) -> (f64, f64, f64) {
    let h = m::hypot(a, b);
    let (u, v) = (ratio_or_zero(a, h), ratio_or_zero(b, h));
    let over_h2 = |p| ratio_or_zero(ratio_or_zero(p, h), h);
    (over_h2(-2.0 * u * v), over_h2((u - v) * (u + v)), over_h2(2.0 * u * v))
}

struct Value<'a>(&'a [f64]);

impl Visitor for Value<'_> {
    type Output = f64;
    fn visit<const N: usize, P: Primitive<N>>(self) -> f64 {
        P::value(std::array::from_fn(|k| self.0[k]))
    }
}

struct Partials<'a>(&'a [f64], f64);

impl Visitor for Partials<'_> {
    type Output = Vec<f64>;
    fn visit<const N: usize, P: Primitive<N>>(self) -> Vec<f64> {
        P::partials(std::array::from_fn(|k| self.0[k]), self.1).to_vec()
    }
}

struct Seconds<'a>(&'a [f64], f64);

impl Visitor for Seconds<'_> {
    type Output = Vec<Vec<f64>>;
    fn visit<const N: usize, P: Primitive<N>>(self) -> Vec<Vec<f64>> {
        P::seconds(std::array::from_fn(|k| self.0[k]), self.1).map(|row| row.to_vec()).to_vec()
    }
}

impl Op {
    /// The op with this name or alias in JSON and text.
    pub fn from_name(name: &str) -> Option<Op> {
        static BY_NAME: std::sync::LazyLock<rustc_hash::FxHashMap<&str, Op>> =
            std::sync::LazyLock::new(|| {
                Op::ALL
                    .iter()
                    .flat_map(|&op| {
                        std::iter::once(&op.name())
                            .chain(op.info().aliases)
                            .map(|&n| (n, op))
                            .collect::<Vec<_>>()
                    })
                    .collect()
            });
        BY_NAME.get(name).copied()
    }

    /// What the table says of this op.
    pub fn info(self) -> &'static OpInfo {
        &Self::INFO[self as usize]
    }

    /// Its name in JSON and text.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// How many operands it takes.
    pub fn arity(self) -> Arity {
        self.info().arity
    }

    /// How many operands a primitive takes.
    ///
    /// # Panics
    /// If the op is composed.
    pub(crate) fn operand_count(self) -> usize {
        match self.arity() {
            Arity::Exactly(n) => n,
            _ => unreachable!("composed ops are lowered before they run"),
        }
    }

    /// The value of a primitive at `operands`.
    ///
    /// # Panics
    /// If the op is composed or there are fewer operands than its arity.
    pub fn value(self, operands: &[f64]) -> f64 {
        self.visit(Value(operands)).expect("a primitive op")
    }

    /// The local partial derivatives at `operands`, where it has the value `y`.
    ///
    /// # Panics
    /// If there are fewer operands than its arity.
    pub fn partials(self, operands: &[f64], y: f64) -> Vec<f64> {
        self.visit(Partials(operands, y)).unwrap_or_else(|| self.composed_partials(operands, y))
    }

    fn composed_partials(self, operands: &[f64], y: f64) -> Vec<f64> {
        let count = operands.len();
        let each = |partial: &dyn Fn(f64) -> f64| operands.iter().map(|&a| partial(a)).collect();
        match self {
            Op::Mean => vec![1.0 / count as f64; count],
            Op::Prod => {
                // The products of those before and of those behind.
                let mut partials = Vec::with_capacity(count);
                let mut product = 1.0;
                for &a in operands {
                    partials.push(product);
                    product *= a;
                }
                product = 1.0;
                for (partial, &a) in partials.iter_mut().zip(operands).rev() {
                    *partial *= product;
                    product *= a;
                }
                partials
            }
            Op::Dot => (0..count).map(|i| operands[(i + count / 2) % count]).collect(),
            Op::LogSumExp => each(&|a| m::exp(a - y)),
            Op::Norm if count == 1 => each(&|a| Op::Abs.partials(&[a], y)[0]),
            Op::Norm => each(&|a| ratio_or_zero(a, y)),
            Op::Min | Op::Max if y.is_nan() => vec![f64::NAN; count],
            Op::Min | Op::Max => {
                let tied = operands.iter().filter(|&&a| a == y).count();
                each(&|a| if a == y { 1.0 / tied as f64 } else { 0.0 })
            }
            _ => vec![1.0; count],
        }
    }

    /// The second partial derivatives of a primitive at `operands`, where it has the value `y`: one row for each operand.
    ///
    /// # Panics
    /// If the op is composed or there are fewer operands than its arity.
    pub fn seconds(self, operands: &[f64], y: f64) -> Vec<Vec<f64>> {
        self.visit(Seconds(operands, y)).expect("a primitive op")
    }

    /// Whether its second partial with respect to the operands at these positions is anything but 0 somewhere.
    pub fn bends(self, first: usize, second: usize) -> bool {
        match self {
            Op::Neg
            | Op::Abs
            | Op::Relu
            | Op::LeakyRelu
            | Op::Add
            | Op::Sub
            | Op::Minimum
            | Op::Maximum
            | Op::MinWhole
            | Op::MaxWhole
            | Op::Portion
            | Op::Where
            | Op::Clamp => false,
            Op::Mul => first != second,
            Op::Div => first + second > 0,
            _ => !self.is_step(),
        }
    }

    /// Whether its partial with respect to the operand at `position` is anything but 0 somewhere.
    pub fn depends_on(self, position: usize) -> bool {
        let is_choice = matches!((self, position), (Op::Where, 0) | (Op::Portion, 1));
        !self.is_step() && !is_choice
    }

    /// The op of two operands that gives the value of a composed one when it is taken pair by pair, if there is one.
    pub(crate) fn pairwise(self) -> Option<Op> {
        Some(match self {
            Op::Sum => Op::Add,
            Op::Prod => Op::Mul,
            Op::Min => Op::Minimum,
            Op::Max => Op::Maximum,
            _ => return None,
        })
    }

    /// How many instructions the tape makes of this op of so many operands, and how many where it is to be differentiated
    /// twice: what [`super::tape`]'s lowering does, told before it is done. Of constants it may make fewer.
    pub fn instructions(self, operands: usize) -> (usize, usize) {
        let tree = operands.saturating_sub(1).max(1);
        let plain = match self {
            Op::Sum | Op::Prod | Op::Norm => tree,
            Op::Mean => tree + 1,
            Op::Dot => operands / 2 + (operands / 2).saturating_sub(1).max(1),
            Op::LogSumExp | Op::Min | Op::Max if operands > 2 => 3 * operands - 1,
            _ => 1,
        };
        let is_smoothed = self == Op::Norm && operands > 2;
        (plain, if is_smoothed { 5 * operands + 4 } else { plain })
    }

    /// Whether vectors among several operands are taken element by element although any number of operands will do: what
    /// `max(v, 0)` means in PyTorch. Alone, a vector gives its elements.
    pub fn is_elementwise(self) -> bool {
        matches!(self, Op::Min | Op::Max)
    }

    /// Whether swapping its two operands leaves the value the same to the bit.
    pub fn is_commutative(self) -> bool {
        matches!(self, Op::Add | Op::Mul | Op::Eq | Op::Ne)
    }

    /// Whether its value costs so much that copying an equal node's value is cheaper.
    pub fn is_costly(self) -> bool {
        !matches!(
            self,
            Op::Neg
                | Op::Square
                | Op::Abs
                | Op::Sign
                | Op::Relu
                | Op::LeakyRelu
                | Op::Add
                | Op::Sub
                | Op::Mul
                | Op::Minimum
                | Op::Maximum
                | Op::MinWhole
                | Op::MaxWhole
                | Op::Portion
                | Op::Lt
                | Op::Le
                | Op::Gt
                | Op::Ge
                | Op::Eq
                | Op::Ne
                | Op::Where
                | Op::Clamp
        )
    }

    /// Whether its derivatives are zero wherever they exist.
    pub fn is_step(self) -> bool {
        matches!(self, Op::Sign | Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::Eq | Op::Ne)
    }

    /// Whether its partials do not depend on its operands.
    pub fn is_linear(self) -> bool {
        matches!(self, Op::Add | Op::Sub | Op::Neg)
    }

    /// Whether its partial with respect to the operand at `position` is 1 everywhere.
    pub fn passes_adjoint(self, position: usize) -> bool {
        self == Op::Add || (self == Op::Sub && position == 0)
    }

    /// Whether its value and partials are a few additions and multiplications.
    pub fn is_arithmetic(self) -> bool {
        matches!(self, Op::Add | Op::Sub | Op::Neg | Op::Mul | Op::Square)
    }
}
