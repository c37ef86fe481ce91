// Points of two colours in the plane, the same for the same seed.

/** Mulberry32: numbers in [0, 1). */
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Box and Muller's normal deviates. */
const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

const ROWS = 240;
/** Where a point of a class lies that is `t` of the way along; the noise comes on top. */
const SHAPES = {
  moons: { noise: 0.12, at: (t, side) => (side ? [1 - Math.cos(Math.PI * t), 0.5 - Math.sin(Math.PI * t)] : [Math.cos(Math.PI * t), Math.sin(Math.PI * t)]) },
  circles: { noise: 0.1, at: (t, side) => [0, 0.25].map((turn) => (side ? 0.45 : 1.1) * Math.cos(2 * Math.PI * (t - turn))) },
  spirals: {
    noise: 0.04,
    at: (t, side) => {
      const along = 0.1 + 0.9 * t;
      return [0, 0.25].map((turn) => 1.3 * along * Math.cos(2 * Math.PI * (1.5 * along + side / 2 - turn)));
    },
  },
};

/** The rows of a shape: {x, y, columns, classes}. */
export function make(shape, seed) {
  const random = generator(seed);
  const { noise, at } = SHAPES[shape];
  const y = Array.from({ length: ROWS }, (_, i) => i % 2);
  const x = y.map((side) => at(random(), side).map((value) => Number((value + noise * normal(random)).toFixed(3))));
  return { x, y, columns: ["x", "y"], classes: ["first", "second"] };
}
