// Uses the types that openapi-typescript generates, with openapi-fetch: `node built/use.js URL`. Each expectation of a type is
// checked by tsc, and each of a value here.
import assert from "node:assert/strict";

import createClient from "openapi-fetch";

import type { components, paths } from "./schema.js";

type Schemas = components["schemas"];

const baseUrl = process.argv[2];
assert(baseUrl);
// Answers and problems alone, not the files and events that other values of `Accept` ask for.
const client = createClient<paths, `application/${"" | "problem+"}json`>({ baseUrl });

function near(found: unknown, expected: number, tolerance = 1e-12) {
  assert(typeof found === "number");
  const difference = Math.abs(found - expected);
  assert(difference <= tolerance * (Math.abs(expected) || 1), `${found} is not ${expected}`);
}

/** The answer, where there is no problem. */
function answered<T>({ data, error }: { data?: T; error?: Schemas["Problem"] }): T {
  if (error) assert.fail(`${error.status} ${error.type}: ${error.detail}`);
  assert(data !== undefined);
  return data;
}

// The neuron of the lecture.
const inputs = { x1: 2, x2: 0, w1: -3, w2: 1, b: 6.8813735870195432 };
const neuron = answered(await client.POST("/v1/gradient", { body: { expression: "tanh(x1*w1 + x2*w2 + b)", inputs } }));
assert(!("loss" in neuron), "which would be that of an MLP");
near(neuron.outputs.output, Math.SQRT1_2);
for (const [name, derivative] of Object.entries({ x1: -1.5, x2: 0.5, w1: 1, w2: 0, b: 0.5 })) {
  near(neuron.gradients[name], derivative);
}

// XOR, and what it learnt, sent back.
const mlp: Schemas["Mlp"] = { inputs: 2, layers: [{ units: 8, activation: "tanh" }, { units: 1 }], loss: "mse" };
const data: Schemas["Data"] = { x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] };
const run: Schemas["TrainRequest"] = { mlp: { ...mlp, seed: 1 }, data, optimizer: { adam: { learning_rate: 0.05 } } };
const first = answered(await client.POST("/v1/train", { body: { ...run, epochs: 100 } }));
const trained = answered(await client.POST("/v1/train", { body: { ...run, epochs: 300, state: first.state } }));
assert.equal(trained.steps, 300);
assert(typeof trained.loss === "number" && trained.loss < 1e-6);
assert(Array.isArray(trained.parameters), "which are named only for an expression");
const learnt = { mlp: { ...mlp, parameters: trained.parameters }, data };
const { outputs } = answered(await client.POST("/v1/evaluate", { body: learnt }));
assert(Array.isArray(outputs));
assert.deepEqual(outputs.map(([output]) => Number(output) > 0.5), [false, true, true, false]);

// NIST's Misra1a with its certified values.
const misra1a: Schemas["FitRequest"] = {
  expression: "b1*(1 - exp(-b2*x))",
  target: "y",
  data: {
    x: [77.6, 114.9, 141.1, 190.8, 239.9, 289, 332.8, 378.4, 434.8, 477.3, 536.8, 593.1, 689.1, 760],
    y: [10.07, 14.73, 17.94, 23.93, 29.61, 35.18, 40.02, 44.82, 50.76, 55.05, 61.01, 66.4, 75.47, 81.78],
  },
  parameters: { b1: 500, b2: 0.0001 },
};
const fitted = answered(await client.POST("/v1/fit", { body: misra1a }));
near(fitted.parameters.b1, 2.3894212918e2, 1e-8);
near(fitted.parameters.b2, 5.5015643181e-4, 1e-8);
near(fitted.standard_errors?.b1, 2.7070075241, 1e-8);
near(fitted.standard_errors?.b2, 7.2668688436e-6, 1e-8);

// A problem comes as `error`, with a type of its own.
const { error } = await client.POST("/v1/gradient", { body: { expression: "tahn(x)", inputs: { x: 1 } } });
assert(error);
assert.deepEqual([error.status, error.type], [422, "/problems/syntax"]);
assert.deepEqual(error.errors?.map(({ pointer, line, column }) => [pointer, line, column]), [["/expression", 1, 1]]);

// What the document does not have, the compiler refuses: an unused expectation of an error would be one.
// @ts-expect-error There is no such reduction.
const reduction: Schemas["Reduction"] = "median";
// @ts-expect-error There is no such path.
await client.POST("/v1/gradients", { body: { expression: "x", inputs: { x: 1 }, reduction } });

console.log("TypeScript: gradient, evaluation, training, fit and problem, checked by tsc");
