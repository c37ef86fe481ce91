// Numbers as people read them.

/** Five significant digits at most; the strings that stand for infinities and NaN pass. */
export function short(x, digits = 5) {
  if (typeof x !== "number") return String(x);
  if (x === 0) return "0"; // and not -0
  const size = Math.abs(x);
  return size >= 1e6 || size < 1e-4 ? x.toExponential(digits - 1).replace(/\.?0+e/, "e") : String(Number(x.toPrecision(digits)));
}

/** The next of 1, 2, 5, 10, 20, ... that is at least `x`. */
export function round(x) {
  const power = 10 ** Math.floor(Math.log10(x));
  return [1, 2, 5, 10].map((factor) => factor * power).find((nice) => nice >= x * (1 - 1e-12));
}
